//! Reads a house from its first byte to its last, and then again, part by part, what it holds.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::checksums::{Digest, Hasher};
use super::super::format::{self, DAMAGED, EVENTS, MAX_MANIFEST, NO_ROOM, flaw};
use super::super::manifest::Manifest;
use super::super::meter::{CHUNK, Meter, Progress, Step};
use super::super::restore::{Events, Restored, restore_from};
use super::super::stream::{Entry, Kind, Reader};
use super::super::temporary::TemporaryFile;
use super::super::verify::{self, Discard, Sink};
use super::contents::{CONTENTS, Contents};
use super::judge::{Judge, Part};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::model::Bindings;

/// How far a house is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Every entry is what the checksums say.
    Sums,
    /// And every session's archive is sound in itself.
    Archives,
}

/// A house of which everything was verified.
pub(crate) struct House {
    file: Arc<File>,
    path: PathBuf,
    pub(crate) contents: Contents,
    /// Tells that a house is the one that was looked at before.
    pub(crate) digest: String,
    pub(crate) bytes: u64,
    pub(crate) config: Option<String>,
    /// By name.
    pub(crate) personas: Vec<(String, String)>,
    pub(crate) bindings: Bindings,
    archives: Vec<Span>,
}

/// Where a session's archive lies.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u64,
    size: u64,
}

impl House {
    /// Opens and verifies a house. Progress counts the bytes of the file, for each time that it is read.
    pub(crate) fn open(
        path: &Path,
        depth: Depth,
        progress: &mut dyn FnMut(Progress),
        cancel: &AtomicBool,
    ) -> Result<Self> {
        let house = Self::of(verify::open(path)?, path, depth, progress, cancel);
        house.map_err(|e| format::about(path, damaged(advised(e))))
    }

    pub(super) fn of(
        file: File,
        path: &Path,
        depth: Depth,
        progress: &mut dyn FnMut(Progress),
        cancel: &AtomicBool,
    ) -> Result<Self> {
        let bytes = file.metadata().map_err(|e| Error::io("read", path, &e))?.len();
        let file = Arc::new(file);
        let mut meter = Meter::new(Step::Verifying, progress, cancel);
        meter.expect(if depth == Depth::Archives { bytes.saturating_mul(2) } else { bytes })?;
        let house = read_through(Arc::clone(&file), path, bytes, &mut meter)?;
        house.check_bindings()?;
        if depth == Depth::Archives {
            for index in 0..house.contents.sessions.len() {
                house.verify_session(index, cancel)?;
                meter.advance(house.archives[index].size)?;
            }
        }
        Ok(house)
    }

    /// Each session has what the store knows of it, and nobody else has.
    fn check_bindings(&self) -> Result<()> {
        let sessions = &self.bindings.sessions;
        let same = |(item, moved): (&super::Item, &crate::model::MovedSession)| item.id == moved.session.id;
        let all = self.contents.sessions.iter().zip(sessions).all(same);
        if !all || sessions.len() != self.contents.sessions.len() {
            return Err(flaw(
                super::BINDINGS.as_bytes(),
                format_args!("its sessions are not those of {CONTENTS}"),
            ));
        }
        Ok(())
    }

    fn verify_session(&self, index: usize, cancel: &AtomicBool) -> Result<()> {
        let item = &self.contents.sessions[index];
        let mut quiet = |_| {};
        let mut meter = Meter::new(Step::Verifying, &mut quiet, cancel);
        let manifest = verify::read_through(self.archive(index), &mut Discard, &mut meter);
        let manifest = manifest.map_err(|e| within(&item.file, e))?;
        if manifest.session.id != item.id {
            return Err(flaw(item.file.as_bytes(), "it is the archive of another session"));
        }
        Ok(())
    }

    /// What a session's archive says of itself.
    pub(crate) fn manifest(&self, index: usize) -> Result<Manifest> {
        let read = verify::read_manifest(&mut verify::decompress(self.archive(index)));
        read.map(|(manifest, _)| manifest).map_err(|e| self.of_session(index, damaged(e)))
    }

    /// A session's archive, unpacked aside.
    pub(crate) fn restore(
        &self,
        index: usize,
        staging_parent: &Path,
        progress: &mut dyn FnMut(Progress),
        cancel: &AtomicBool,
    ) -> Result<Restored> {
        let restored = restore_from(self.archive(index), staging_parent, progress, cancel);
        restored.map_err(|e| self.of_session(index, e))
    }

    /// A session's archive as a file of its own, under this name where nothing is yet. Gives its log.
    pub(crate) fn copy_archive(&self, index: usize, to: &Path, cancel: &AtomicBool) -> Result<Events> {
        let dir = to.parent().unwrap_or(to);
        let failed = |e: io::Error| Error::io("write", to, &e);
        let mut log = LogOnly { file: TemporaryFile::nameless(dir)?, open: false };
        let mut quiet = |_| {};
        let mut meter = Meter::new(Step::Verifying, &mut quiet, cancel);
        let read = verify::read_through(self.archive(index), &mut log, &mut meter);
        read.map_err(|e| self.of_session(index, e))?;
        io::Seek::rewind(&mut log.file).map_err(failed)?;
        let mut copy = TemporaryFile::create(dir)?;
        io::copy(&mut self.archive(index), &mut copy.file)
            .and_then(|_| copy.file.sync_all())
            .map_err(failed)?;
        copy.publish_as(to)?;
        Ok(Events::of(log.file))
    }

    fn of_session(&self, index: usize, error: Error) -> Error {
        format::about(&self.path, within(&self.contents.sessions[index].file, advised(error)))
    }

    fn archive(&self, index: usize) -> Range {
        let span = self.archives[index];
        Range { file: Arc::clone(&self.file), at: span.start, left: span.size }
    }
}

/// What to do about a house that is not whole.
const HOUSE_DAMAGED: &str = "take another copy of it if there is one, or pack it again where it comes from";

fn damaged(error: Error) -> Error {
    if error.kind == ErrorKind::Failed && error.hint.is_none() { error.hint(HOUSE_DAMAGED) } else { error }
}

/// What is advised about a single archive helps nobody whose archive lies in a house.
fn advised(error: Error) -> Error {
    match error.hint.as_deref() {
        Some(DAMAGED) => error.hint(HOUSE_DAMAGED),
        Some(NO_ROOM) => error.hint("free some there, then ask the same again: what has come stays"),
        _ => error,
    }
}

/// Which session's archive an error is about.
fn within(file: &str, mut error: Error) -> Error {
    error.message = format!("{}: {}", format::shown(file.as_bytes()), error.message);
    error
}

fn read_through(file: Arc<File>, path: &Path, bytes: u64, meter: &mut Meter<'_>) -> Result<House> {
    let position = Rc::new(Cell::new(0));
    let whole = Range { file: Arc::clone(&file), at: 0, left: bytes };
    let counted = Counted { input: BufReader::with_capacity(CHUNK, whole), position: Rc::clone(&position) };
    let mut reader = Reader::new(counted);
    let (contents, digest) = first(&file, &mut reader)?;
    let mut archives = Vec::new();
    let (mut config, mut personas, mut bindings, mut sums) = (None, Vec::new(), None, None);
    let mut judge = Judge::new(&contents, digest)?;
    let mut seen = 0;
    while let Some(entry) = reader.next()? {
        let part = judge.admit(&entry)?;
        let span = Span { start: position.get(), size: entry.size };
        match part {
            Part::Checksums => {
                sums = Some(judge.compare(|piece| {
                    piece.resize(CHUNK, 0);
                    let read = reader.read(piece)?;
                    piece.truncate(read);
                    Ok(read > 0)
                })?);
            }
            Part::Config => config = Some(text(&mut judge, &mut reader, &entry)?),
            Part::Persona(name) => personas.push((name, text(&mut judge, &mut reader, &entry)?)),
            Part::Bindings => {
                let json = whole_of(&mut judge, &mut reader, &entry)?;
                let read = serde_json::from_slice::<Bindings>(&json);
                bindings = Some(read.map_err(|e| flaw(&entry.name, e))?);
            }
            Part::Session => {
                hash(&mut judge, &mut reader, &entry, meter)?;
                archives.push(span);
            }
        }
        meter.advance(position.get().saturating_sub(seen).saturating_sub(span.size))?;
        seen = position.get();
    }
    judge.conclude()?;
    drop(judge);
    reader.finish()?;
    let bindings = bindings.ok_or_else(|| Error::failed("something is missing: the bindings"))?;
    let digest = hex(&sums.unwrap_or_default());
    let path = path.to_owned();
    Ok(House { file, path, contents, digest, bytes, config, personas, bindings, archives })
}

/// Reads the first entry, which must be the contents.
fn first(file: &File, reader: &mut Reader<impl Read>) -> Result<(Contents, Digest)> {
    let mut magic = [0; 2];
    if file.read_at(&mut magic, 0).is_ok_and(|read| read == 2) && magic == [0x1f, 0x8b] {
        return Err(Error::failed("this is the archive of a single session, if anything")
            .hint("claudebot session restore brings one back"));
    }
    let no_house =
        || Error::failed("this is no house of claudebot").hint("`claudebot move out FILE` makes one");
    let entry = reader.next().map_err(|_| no_house())?.ok_or_else(no_house)?;
    if entry.name != CONTENTS.as_bytes() || entry.kind != Kind::File {
        return Err(no_house());
    }
    if entry.size > MAX_MANIFEST {
        return Err(flaw(&entry.name, "it is too large"));
    }
    let text = read_all(reader, &entry)?;
    let mut hasher = Hasher::default();
    hasher.update(&text);
    Ok((Contents::from_toml(&text)?, hasher.finish()))
}

/// An entry whose size was judged before.
fn read_all(reader: &mut Reader<impl Read>, entry: &Entry) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            debug_assert_eq!(all.len() as u64, entry.size);
            return Ok(all);
        }
        all.extend_from_slice(&buffer[..read]);
    }
}

fn whole_of(judge: &mut Judge<'_>, reader: &mut Reader<impl Read>, entry: &Entry) -> Result<Vec<u8>> {
    let all = read_all(reader, entry)?;
    let mut hasher = Hasher::default();
    hasher.update(&all);
    judge.saw(&entry.name, hasher.finish());
    Ok(all)
}

fn text(judge: &mut Judge<'_>, reader: &mut Reader<impl Read>, entry: &Entry) -> Result<String> {
    String::from_utf8(whole_of(judge, reader, entry)?).map_err(|_| flaw(&entry.name, "it is not text"))
}

fn hash(
    judge: &mut Judge<'_>,
    reader: &mut Reader<impl Read>,
    entry: &Entry,
    meter: &mut Meter<'_>,
) -> Result<()> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            judge.saw(&entry.name, hasher.finish());
            return meter.check();
        }
        hasher.update(&buffer[..read]);
        meter.advance(read as u64)?;
    }
}

fn hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A part of the file, whoever else reads it.
struct Range {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Range {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Knows how many bytes were read.
struct Counted<R> {
    input: R,
    position: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.position.set(self.position.get() + read as u64);
        Ok(read)
    }
}

/// Keeps an archive's log and nothing else.
struct LogOnly {
    file: File,
    open: bool,
}

impl Sink for LogOnly {
    fn manifest(&mut self, _: &Manifest) -> Result<()> {
        Ok(())
    }

    fn dir(&mut self, _: &Entry) -> Result<()> {
        Ok(())
    }

    fn link(&mut self, _: &Entry, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn file(&mut self, entry: &Entry) -> Result<()> {
        self.open = entry.name == EVENTS.as_bytes();
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        if self.open {
            let written = io::Write::write_all(&mut self.file, bytes);
            written.map_err(|e| Error::failed(format!("cannot keep the log of an archive: {e}")))?;
        }
        Ok(())
    }

    fn file_end(&mut self, _: &Entry) -> Result<()> {
        self.open = false;
        Ok(())
    }
}
