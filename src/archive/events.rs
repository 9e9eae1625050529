//! The log of an archive, without the rest of it.

use std::path::Path;

use super::format::{self, EVENTS, MAX_EVENT, flaw};
use super::manifest::Manifest;
use super::meter::CHUNK;
use super::stream::Kind;
use super::verify::{self, Lines};
use crate::error::{Error, Result};
use crate::model::Event;

/// Hands over the events of an archive, one after the other, until `each` wants no more (false). Only they are read,
/// so nothing is compared with its checksum: `verify` does that.
pub(crate) fn events_of(archive: &Path, each: &mut dyn FnMut(Event) -> Result<bool>) -> Result<Manifest> {
    read(archive, each).map_err(|e| format::about(archive, e))
}

fn read(archive: &Path, each: &mut dyn FnMut(Event) -> Result<bool>) -> Result<Manifest> {
    let mut reader = verify::decompress(verify::open(archive)?);
    let (manifest, _) = verify::read_manifest(&mut reader)?;
    match reader.next()? {
        Some(entry) if entry.name == EVENTS.as_bytes() && entry.kind == Kind::File => {}
        Some(entry) => return Err(flaw(&entry.name, format_args!("{EVENTS} should stand there"))),
        None => return Err(Error::failed("the archive has no log")),
    }
    let (mut lines, mut goes_on) = (Lines::new(MAX_EVENT), true);
    let mut buffer = vec![0; CHUNK];
    while goes_on {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            lines.end().map_err(|e| flaw(EVENTS.as_bytes(), e.message))?;
            break;
        }
        lines.take(&buffer[..read], &mut |line| {
            if !goes_on {
                return Ok(());
            }
            let event = serde_json::from_slice(line);
            goes_on =
                each(event.map_err(|e| flaw(EVENTS.as_bytes(), format_args!("a line is no event: {e}")))?)?;
            Ok(())
        })?;
    }
    Ok(manifest)
}
