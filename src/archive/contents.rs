//! What lies in an archive, entry by entry.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;

use super::format::{self, shown};
use super::manifest::Manifest;
use super::meter::{Meter, Progress, Step};
use super::stream::Entry;
use super::verify::{self, Sink};
use crate::error::Result;

/// One entry, for people and programs to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// What is not text in it is replaced.
    pub(crate) path: String,
    pub(crate) kind: ItemKind,
    /// Of the content; 0 for all but files.
    pub(crate) size: u64,
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) modified: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ItemKind {
    File,
    Dir,
    /// With its target.
    Link(String),
}

/// Hands out every entry in order, and verifies the archive on the way: what was handed out before an error is not
/// to be believed.
pub(crate) fn contents(
    archive: &Path,
    each: &mut dyn FnMut(Item) -> Result<()>,
    progress: &mut dyn FnMut(Progress),
    cancel: &AtomicBool,
) -> Result<Manifest> {
    let mut meter = Meter::new(Step::Verifying, progress, cancel);
    let read = verify::read_through(verify::open(archive)?, &mut Listing(each), &mut meter);
    read.map_err(|e| format::about(archive, e))
}

struct Listing<'a>(&'a mut dyn FnMut(Item) -> Result<()>);

impl Listing<'_> {
    fn item(&mut self, entry: &Entry, kind: ItemKind) -> Result<()> {
        let modified = Timestamp::new(entry.mtime.secs, 0).unwrap_or(Timestamp::UNIX_EPOCH);
        let (path, size, mode) = (shown(&entry.name), entry.size, entry.mode);
        (self.0)(Item { path, kind, size, mode, modified })
    }
}

impl Sink for Listing<'_> {
    fn manifest(&mut self, _: &Manifest) -> Result<()> {
        Ok(())
    }

    fn dir(&mut self, entry: &Entry) -> Result<()> {
        self.item(entry, ItemKind::Dir)
    }

    fn link(&mut self, entry: &Entry, target: &[u8]) -> Result<()> {
        self.item(entry, ItemKind::Link(shown(target)))
    }

    fn file(&mut self, entry: &Entry) -> Result<()> {
        self.item(entry, ItemKind::File)
    }

    fn content(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn file_end(&mut self, _: &Entry) -> Result<()> {
        Ok(())
    }
}
