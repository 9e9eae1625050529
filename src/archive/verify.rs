//! Reads an archive back from its first byte to its last and believes nothing it says.
//!
//! One pass serves both checking and restoring: [`read_through`] judges each entry before the sink may act on
//! it, and what only the end can tell (checksums, counts) before it returns.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::checksums::{self, Digest, Hasher};
use super::format::{
    self, CHECKSUMS, CLAUDE, DAMAGED, EVENTS, INBOX, MANIFEST, MAX_ENTRIES, MAX_EVENT, MAX_MANIFEST,
    MAX_NAME, WORKSPACE, flaw,
};
use super::gzip;
use super::manifest::{Counts, Manifest, Tally};
use super::meter::{CHUNK, Meter, Progress, Step};
use super::stream::{Entry, Kind, Reader};
use crate::claude::files::belongs_to;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::model::Event;

/// Reads the whole archive and compares it with its checksums and counts.
pub(crate) fn verify(archive: &Path, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<()> {
    let mut meter = Meter::new(Step::Verifying, progress, cancel);
    read_through(open(archive)?, &mut Discard, &mut meter).map(drop).map_err(|e| format::about(archive, e))
}

/// Opens an archive for reading; anything but a regular file could block or never end.
pub(super) fn open(archive: &Path) -> Result<File> {
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(ErrorKind::NotFound, format!("there is no archive {}", archive.display()))
        }
        _ => Error::io("read", archive, &e),
    };
    if !std::fs::metadata(archive).map_err(failed)?.is_file() {
        return Err(Error::usage(format!("{} is not a file", archive.display())));
    }
    File::open(archive).map_err(failed)
}

/// Takes what passed the checks. A `file` is followed by its content and `file_end`.
pub(super) trait Sink {
    fn manifest(&mut self, manifest: &Manifest) -> Result<()>;
    fn dir(&mut self, entry: &Entry) -> Result<()>;
    fn link(&mut self, entry: &Entry, target: &[u8]) -> Result<()>;
    fn file(&mut self, entry: &Entry) -> Result<()>;
    fn content(&mut self, bytes: &[u8]) -> Result<()>;
    fn file_end(&mut self, entry: &Entry) -> Result<()>;
}

/// For checking alone.
pub(super) struct Discard;

impl Sink for Discard {
    fn manifest(&mut self, _: &Manifest) -> Result<()> {
        Ok(())
    }

    fn dir(&mut self, _: &Entry) -> Result<()> {
        Ok(())
    }

    fn link(&mut self, _: &Entry, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &Entry) -> Result<()> {
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn file_end(&mut self, _: &Entry) -> Result<()> {
        Ok(())
    }
}

/// The tar stream within an archive file. Written in one gzip member or many, it reads the same.
pub(super) fn decompress<R: Read>(from: R) -> Reader<impl Read + use<R>> {
    Reader::new(gzip::Reader::new(BufReader::with_capacity(CHUNK, from)))
}

/// Reads all of an archive, and hands what passed the checks to the sink.
pub(super) fn read_through(from: impl Read, sink: &mut dyn Sink, meter: &mut Meter<'_>) -> Result<Manifest> {
    let mut sink = Failing { sink, failed: false };
    judge_through(from, &mut sink, meter).map_err(|error| if sink.failed { error } else { damaged(error) })
}

/// Says what to do about an archive that cannot be read.
pub(super) fn damaged(error: Error) -> Error {
    if error.kind == ErrorKind::Failed && error.hint.is_none() { error.hint(DAMAGED) } else { error }
}

/// Knows whether it was the sink that failed, and not the archive.
struct Failing<'a> {
    sink: &'a mut dyn Sink,
    failed: bool,
}

impl Failing<'_> {
    fn with(&mut self, work: impl FnOnce(&mut dyn Sink) -> Result<()>) -> Result<()> {
        work(self.sink).inspect_err(|_| self.failed = true)
    }
}

fn judge_through(from: impl Read, sink: &mut Failing<'_>, meter: &mut Meter<'_>) -> Result<Manifest> {
    let mut reader = decompress(from);
    let (manifest, digest) = read_manifest(&mut reader)?;
    check_entries(&manifest.counts)?;
    meter.expect(manifest.counts.bytes())?;
    sink.with(|sink| sink.manifest(&manifest))?;
    let mut judge = Judge::new(&manifest, digest);
    let mut buffer = vec![0; CHUNK];
    while let Some(entry) = reader.next()? {
        judge.admit(&entry)?;
        match &entry.kind {
            Kind::Dir => sink.with(|sink| sink.dir(&entry))?,
            Kind::Link(target) => sink.with(|sink| sink.link(&entry, target))?,
            Kind::File if judge.part == Part::Checksums => judge.compare(&mut reader, &mut buffer)?,
            Kind::File => judge.file(&entry, &mut reader, sink, meter, &mut buffer)?,
        }
    }
    judge.conclude()?;
    reader.finish()?;
    Ok(manifest)
}

/// Whether the names of so many entries can be remembered. More than promised are not read.
pub(super) fn check_entries(counts: &Counts) -> Result<()> {
    let entries = counts.entries();
    if entries > MAX_ENTRIES {
        return Err(Error::failed(format!(
            "{entries} files, directories and links are more than the {MAX_ENTRIES} that one archive can hold"
        ))
        .hint("if you trust where it comes from, `tar xzf` unpacks it"));
    }
    Ok(())
}

/// Reads the first entry, which must be the manifest.
pub(super) fn read_manifest(reader: &mut Reader<impl Read>) -> Result<(Manifest, Digest)> {
    let Some(entry) = reader.next()? else {
        return Err(Error::failed("the archive is empty"));
    };
    if entry.name != MANIFEST.as_bytes() || entry.kind != Kind::File {
        return Err(flaw(&entry.name, format_args!("{MANIFEST} should stand first")));
    }
    if entry.size > MAX_MANIFEST {
        return Err(flaw(&entry.name, "it is too large"));
    }
    let mut text = vec![0; entry.size as usize];
    let mut filled = 0;
    while filled < text.len() {
        filled += reader.read(&mut text[filled..])?;
    }
    let mut hasher = Hasher::default();
    hasher.update(&text);
    Ok((Manifest::from_toml(&text)?, hasher.finish()))
}

/// The parts of an archive, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Manifest,
    Events,
    Claude,
    Inbox,
    Workspace,
    Checksums,
}

impl Part {
    fn of(name: &[u8]) -> Option<Self> {
        let first = name.split(|b| *b == b'/').next()?;
        [
            (MANIFEST, Self::Manifest),
            (EVENTS, Self::Events),
            (CLAUDE, Self::Claude),
            (INBOX, Self::Inbox),
            (WORKSPACE, Self::Workspace),
            (CHECKSUMS, Self::Checksums),
        ]
        .into_iter()
        .find(|(part, _)| part.as_bytes() == first)
        .map(|(_, part)| part)
    }

    const fn is_tree(self) -> bool {
        matches!(self, Self::Claude | Self::Inbox | Self::Workspace)
    }
}

/// What has been seen under a name.
enum Seen {
    Dir,
    Link,
    File(Digest),
}

/// Everything an archive has to be measured by.
struct Judge<'a> {
    manifest: &'a Manifest,
    part: Part,
    seen: HashMap<Vec<u8>, Seen>,
    claude: Tally,
    inbox: Tally,
    workspace: Tally,
    log: Log,
}

impl<'a> Judge<'a> {
    fn new(manifest: &'a Manifest, digest: Digest) -> Self {
        let seen = HashMap::from([(MANIFEST.into(), Seen::File(digest))]);
        let (claude, inbox, workspace) = Default::default();
        Self { manifest, part: Part::Manifest, seen, claude, inbox, workspace, log: Log::default() }
    }

    /// Whether the entry may be acted upon.
    fn admit(&mut self, entry: &Entry) -> Result<()> {
        let name = &entry.name[..];
        format::check_name(name)?;
        if self.seen.contains_key(name) {
            return Err(flaw(name, "it is there twice"));
        }
        if self.part == Part::Checksums {
            return Err(flaw(name, "it follows the checksums, which should stand last"));
        }
        let part = Part::of(name).ok_or_else(|| flaw(name, "it belongs to no part of an archive"))?;
        if part < self.part || (part > Part::Events && self.part < Part::Events) {
            return Err(flaw(name, "it is out of order"));
        }
        self.part = part;
        if part.is_tree() {
            return self.admit_to_tree(entry);
        }
        if entry.kind != Kind::File || name.contains(&b'/') {
            return Err(flaw(name, "it should be a plain file"));
        }
        if part == Part::Events && entry.size != self.manifest.counts.events_bytes {
            return Err(flaw(name, "its size is not that of the manifest"));
        }
        Ok(())
    }

    fn admit_to_tree(&mut self, entry: &Entry) -> Result<()> {
        let name = &entry.name[..];
        match name.iter().rposition(|b| *b == b'/').map(|slash| &name[..slash]) {
            // Hence nothing is ever written through a link.
            Some(parent) if !matches!(self.seen.get(parent), Some(Seen::Dir)) => {
                return Err(flaw(name, "no directory is there to hold it"));
            }
            None if entry.kind != Kind::Dir => return Err(flaw(name, "it should be a directory")),
            _ => {}
        }
        if let Kind::Link(target) = &entry.kind
            && !format::link_stays_inside(name, target)
        {
            return Err(flaw(name, format_args!("it links out of its tree, to {}", format::shown(target))));
        }
        if let Some(below) = name.strip_prefix(b"claude/")
            && !belongs_to(below, entry.kind == Kind::Dir, &self.manifest.conversations)
        {
            return Err(flaw(name, "it is no part of the session's conversation"));
        }
        let counts = &self.manifest.counts;
        let (tally, bound) = match self.part {
            Part::Claude => (&mut self.claude, counts.claude),
            Part::Inbox => (&mut self.inbox, counts.inbox.unwrap_or_default()),
            _ => (&mut self.workspace, counts.workspace.unwrap_or_default()),
        };
        match entry.kind {
            Kind::File => tally.files += 1,
            Kind::Dir => tally.dirs += 1,
            Kind::Link(_) => tally.links += 1,
        }
        tally.bytes = tally.bytes.saturating_add(entry.size);
        if !tally.within(&bound) {
            return Err(flaw(name, "there is more here than the manifest says"));
        }
        match entry.kind {
            Kind::File => None,
            Kind::Dir => self.seen.insert(name.into(), Seen::Dir),
            Kind::Link(_) => self.seen.insert(name.into(), Seen::Link),
        };
        Ok(())
    }

    fn file(
        &mut self,
        entry: &Entry,
        reader: &mut Reader<impl Read>,
        sink: &mut Failing<'_>,
        meter: &mut Meter<'_>,
        buffer: &mut [u8],
    ) -> Result<()> {
        sink.with(|sink| sink.file(entry))?;
        let mut hasher = Hasher::default();
        loop {
            let read = reader.read(buffer)?;
            if read == 0 {
                break;
            }
            let bytes = &buffer[..read];
            hasher.update(bytes);
            if self.part == Part::Events {
                self.log.take(bytes)?;
            }
            sink.with(|sink| sink.content(bytes))?;
            meter.advance(read as u64)?;
        }
        sink.with(|sink| sink.file_end(entry))?;
        self.seen.insert(entry.name.clone(), Seen::File(hasher.finish()));
        meter.check()
    }

    /// Reads the checksums and compares each with what was seen.
    fn compare(&mut self, reader: &mut Reader<impl Read>, buffer: &mut [u8]) -> Result<()> {
        let mut lines = Lines::new(2 * MAX_NAME + 80);
        loop {
            let read = reader.read(buffer)?;
            if read == 0 {
                break;
            }
            lines.take(&buffer[..read], &mut |line| self.compare_line(line)).map_err(in_checksums)?;
        }
        lines.end().map_err(in_checksums)?;
        match self.seen.iter().find(|(_, seen)| matches!(seen, Seen::File(_))) {
            Some((name, _)) => Err(flaw(name, "it is not among the checksums")),
            None => Ok(()),
        }
    }

    fn compare_line(&mut self, line: &[u8]) -> Result<()> {
        let Some((digest, name)) = checksums::parse_line(line) else {
            return Err(Error::failed("a line is malformed"));
        };
        match self.seen.remove(&name) {
            Some(Seen::File(seen)) if seen == digest => Ok(()),
            Some(Seen::File(_)) => Err(flaw(&name, "its content does not match its checksum")),
            _ => Err(flaw(&name, "it has a checksum but is missing")),
        }
    }

    fn conclude(self) -> Result<()> {
        if self.part != Part::Checksums {
            return Err(Error::failed("the archive has no checksums"));
        }
        let counts = &self.manifest.counts;
        let Log { count, lines, .. } = self.log;
        lines.end().map_err(in_events)?;
        if count != counts.events {
            return Err(missing(
                EVENTS,
                format_args!("{count} events"),
                format_args!("{} events", counts.events),
            ));
        }
        if self.claude != counts.claude {
            return Err(missing(CLAUDE, self.claude, counts.claude));
        }
        for (part, found, said) in
            [(INBOX, self.inbox, counts.inbox), (WORKSPACE, self.workspace, counts.workspace)]
        {
            // Packed or not shows in its root directory.
            if (found.dirs > 0).then_some(found) != said {
                return Err(missing(part, found, said.unwrap_or_default()));
            }
        }
        Ok(())
    }
}

fn missing(part: &str, found: impl std::fmt::Display, said: impl std::fmt::Display) -> Error {
    Error::failed(format!("something is missing: {part} holds {found}, and the manifest says {said}"))
}

fn in_checksums(error: Error) -> Error {
    if error.message.starts_with("entry ") { error } else { flaw(CHECKSUMS.as_bytes(), error.message) }
}

fn in_events(error: Error) -> Error {
    flaw(EVENTS.as_bytes(), error.message)
}

/// The log on its way through: every line an event, `seq` from 1 without gaps.
struct Log {
    lines: Lines,
    count: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { lines: Lines::new(MAX_EVENT), count: 0 }
    }
}

impl Log {
    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { lines, count } = self;
        let mut event = |line: &[u8]| {
            *count += 1;
            match serde_json::from_slice::<Event>(line) {
                Ok(event) if event.seq == *count => Ok(()),
                Ok(event) => Err(Error::failed(format!("event {count} is numbered {}", event.seq))),
                Err(e) => Err(Error::failed(format!("line {count} is not an event: {e}"))),
            }
        };
        lines.take(bytes, &mut event).map_err(in_events)
    }
}

/// Cuts a stream into lines of bounded length.
pub(super) struct Lines {
    rest: Vec<u8>,
    bound: usize,
}

impl Lines {
    pub(super) const fn new(bound: usize) -> Self {
        Self { rest: Vec::new(), bound }
    }

    pub(super) fn take(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.rest.is_empty() {
                each(line)?;
            } else {
                self.rest.extend_from_slice(line);
                each(&std::mem::take(&mut self.rest))?;
            }
            bytes = rest;
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() > self.bound {
            return Err(Error::failed("a line is too long"));
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::failed("its last line is cut off")) }
    }
}
