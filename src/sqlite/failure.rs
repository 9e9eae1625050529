//! SQLite's failures in words for a person: what it means for what was asked, and what to do.

use std::path::Path;

use rusqlite::ErrorCode::{
    CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase, ReadOnly,
    SystemIoFailure,
};

use super::Format;
use crate::error::Error;

const OWNER: &str = "check the owner and permissions of the data directory (`claudebot config path`)";

/// Where less is free nothing can be relied on.
const FULL: u64 = 1 << 20;

impl Format {
    pub(crate) fn explain(&self, error: &rusqlite::Error) -> Error {
        let Self { name, file, damaged, .. } = self;
        let Some(code) = error.sqlite_error_code() else {
            return Error::failed(format!("a row of {name} cannot be read or written: {error}"))
                .hint("this is a bug in claudebot, or the database was changed by hand");
        };
        match code {
            DiskFull => {
                Error::failed("the disk is full: nothing was stored").hint("free some space, then try again")
            }
            ReadOnly => Error::failed(format!("{name} is read-only: nothing was stored")).hint(OWNER),
            DatabaseBusy | DatabaseLocked => Error::unavailable(format!("another program holds {name}"))
                .hint(format!("close whatever else has {file} open, then try again")),
            NotADatabase | DatabaseCorrupt => {
                Error::failed(format!("{name} is damaged: {error}")).hint(*damaged)
            }
            CannotOpen => Error::failed(format!("{name} cannot be opened: {error}")).hint(OWNER),
            SystemIoFailure => Error::failed(format!("reading or writing {name} failed: {error}"))
                .hint("check the disk (`dmesg`) and its free space"),
            _ => Error::failed(format!("{name} refused: {error}")),
        }
    }

    /// A failure while opening, with the file's name.
    pub(crate) fn in_file(&self, path: &Path, error: &rusqlite::Error) -> Error {
        let Self { name, damaged, .. } = self;
        if has_no_place(error) && is_full(path) {
            let message = format!("the disk is full: {} cannot be opened", path.display());
            return Error::failed(message).hint("free some space, then try again; nothing is lost");
        }
        let path = path.display();
        match error.sqlite_error_code() {
            Some(NotADatabase) => {
                Error::failed(format!("{path} is not a database, or is damaged")).hint(*damaged)
            }
            Some(DatabaseCorrupt) => {
                Error::failed(format!("{name} {path} is damaged: {error}")).hint(*damaged)
            }
            Some(CannotOpen | ReadOnly) => Error::failed(format!("cannot open {name} {path}: {error}")).hint(
                "reading it, too, needs a writable data directory, where SQLite keeps -wal and -shm files beside it",
            ),
            _ => self.explain(error),
        }
    }
}

/// Reading takes files beside the database, for which a full disk or one that is read-only has no place.
pub(crate) fn has_no_place(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(CannotOpen | DiskFull | ReadOnly | SystemIoFailure))
}

fn is_full(path: &Path) -> bool {
    let space = rustix::fs::statvfs(path.parent().unwrap_or(path));
    space.is_ok_and(|stat| stat.f_bavail.saturating_mul(stat.f_frsize) < FULL)
}
