//! Reads the log out of an archive, and nothing else of it: the log stands right behind the manifest.
//!
//! What comes after it is not read, so the checksums are not compared: that is what `verify` is for. The log itself is
//! measured by the manifest, and its events must count from 1 without gaps.

use std::fs::File;
use std::path::Path;

use memchr::memchr;

use super::format::{self, EVENTS, MAX_EVENT, flaw};
use super::manifest::Manifest;
use super::meter::CHUNK;
use super::stream::Kind;
use super::verify;
use crate::error::{Error, Result};
use crate::model::Event;

/// Visits the events of an archive, oldest first, each with what the archive says of itself. False ends it.
pub(crate) fn events_of(archive: &Path, visit: &mut dyn FnMut(&Manifest, Event) -> bool) -> Result<()> {
    let read = |file| read(file, visit).map_err(verify::damaged);
    verify::open(archive).and_then(read).map_err(|error| format::about(archive, error))
}

fn read(archive: File, visit: &mut dyn FnMut(&Manifest, Event) -> bool) -> Result<()> {
    let mut reader = verify::decompress(archive);
    let (manifest, _) = verify::read_manifest(&mut reader)?;
    let entry = reader.next()?.filter(|entry| entry.name == EVENTS.as_bytes() && entry.kind == Kind::File);
    let entry = match entry {
        Some(entry) => entry,
        None if manifest.counts.events == 0 => return Ok(()),
        None => return Err(Error::failed(format!("{EVENTS} does not follow the manifest"))),
    };
    if entry.size != manifest.counts.events_bytes {
        return Err(flaw(EVENTS.as_bytes(), "its size is not that of the manifest"));
    }
    let mut buffer = vec![0; CHUNK];
    let mut line = Vec::new();
    let mut count = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        let mut rest = buffer.get(..read).unwrap_or_default();
        while let Some(end) = memchr(b'\n', rest) {
            let (head, tail) = rest.split_at(end);
            line.extend_from_slice(head);
            count += 1;
            if !visit(&manifest, event(&line, count)?) {
                return Ok(());
            }
            line.clear();
            rest = tail.get(1..).unwrap_or_default();
        }
        line.extend_from_slice(rest);
        if line.len() > MAX_EVENT {
            return Err(flaw(EVENTS.as_bytes(), "a line is too long"));
        }
    }
    if !line.is_empty() {
        return Err(flaw(EVENTS.as_bytes(), "its last line is cut off"));
    }
    if count != manifest.counts.events {
        let counted = manifest.counts.events;
        return Err(flaw(
            EVENTS.as_bytes(),
            format_args!("it holds {count} events, and the manifest says {counted}"),
        ));
    }
    Ok(())
}

fn event(line: &[u8], number: u64) -> Result<Event> {
    match serde_json::from_slice::<Event>(line) {
        Ok(event) if event.seq == number => Ok(event),
        Ok(event) => Err(flaw(EVENTS.as_bytes(), format_args!("event {number} is numbered {}", event.seq))),
        Err(error) => Err(flaw(EVENTS.as_bytes(), format_args!("line {number} is not an event: {error}"))),
    }
}
