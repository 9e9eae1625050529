//! What was sent to a session, unpacked aside and then put where the session keeps it.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::super::stream::{Entry, Kind};
use super::super::temporary::{self, TemporaryDir, remove_tree};
use crate::error::{Error, Result};

const INBOX: &str = "inbox";

/// One entry with its content.
pub(super) struct Sent<'a, R> {
    pub(super) entry: &'a Entry,
    pub(super) content: R,
}

/// Removed again when it is dropped, unless [`Inbox::keep`] said that all went well.
pub(crate) struct Inbox {
    staging: TemporaryDir,
    placed: Option<PathBuf>,
}

impl Inbox {
    /// Entries were judged before: names lead downwards, directories come before what is in them.
    pub(super) fn unpack<'a, R: Read>(
        sent: impl Iterator<Item = Sent<'a, R>>,
        root: &str,
        parent: &Path,
    ) -> Result<Self> {
        let staging = TemporaryDir::create(parent)?;
        let inbox = staging.path().join(INBOX);
        for Sent { entry, mut content } in sent {
            let below = entry.name.strip_prefix(root.as_bytes()).unwrap_or(&entry.name);
            let below = below.strip_prefix(b"/").unwrap_or(below);
            let path = if below.is_empty() { inbox.clone() } else { inbox.join(OsStr::from_bytes(below)) };
            if entry.kind == Kind::Dir {
                DirBuilder::new().mode(0o700).create(&path).map_err(|e| Error::io("create", &path, &e))?;
                continue;
            }
            let write = |e: io::Error| Error::io("write", &path, &e);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let mut file = file.map_err(write)?;
            io::copy(&mut content, &mut file).and_then(|_| file.sync_all()).map_err(write)?;
        }
        Ok(Self { staging, placed: None })
    }

    /// What it is known by, here and where it will be moved to: device and number.
    pub(crate) fn identity(&self) -> Result<(u64, u64)> {
        temporary::identity(&self.staging.path().join(INBOX))
    }

    /// Moves it to where nothing is.
    pub(crate) fn place(&mut self, target: &Path) -> Result<()> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(Error::conflict(format!("{} is there already", target.display()))
                .hint("no session uses it: move it away, then try again"));
        }
        let moved = fs::rename(self.staging.path().join(INBOX), target);
        moved.map_err(|e| Error::io("place the inbox at", target, &e))?;
        self.placed = Some(target.to_owned());
        target.parent().map_or(Ok(()), temporary::sync_dir)
    }

    /// What was placed stays.
    pub(crate) fn keep(mut self) {
        self.placed = None;
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if let Some(Err(e)) = self.placed.take().map(|placed| remove_tree(&placed)) {
            tracing::warn!("cannot take back a moved inbox: {e}");
        }
    }
}
