//! SQLite's failures in words: what it means for the bridge, and what to do.

use rusqlite::ErrorCode;

use super::open::FORMAT;
use crate::error::Error;

/// Why a transaction did nothing.
#[derive(Debug)]
pub(crate) struct Fault(Error);

impl Fault {
    pub(super) fn into_error(self) -> Error {
        self.0
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self(match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                Error::failed("the disk is full: the Telegram bridge can store nothing")
                    .hint("free some space; Telegram keeps what was not stored for a day")
            }
            _ => FORMAT.explain(&error),
        })
    }
}
