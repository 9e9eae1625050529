//! SQLite's failures in words: what it means for the bridge, and what to do.

use rusqlite::ErrorCode;

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
        let Some(code) = error.sqlite_error_code() else {
            return Self(
                Error::failed(format!("a row of the bridge's database cannot be read or written: {error}"))
                    .hint("this is a bug in claudebot, or the database was changed by hand"),
            );
        };
        Self(match code {
            ErrorCode::DiskFull => Error::failed("the disk is full: the Telegram bridge can store nothing")
                .hint("free some space; Telegram keeps what was not stored for a day"),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Error::unavailable("another program holds the bridge's database (telegram.db)")
                    .hint("one bridge runs per data directory; close whatever else has the file open")
            }
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => {
                Error::failed(format!("the bridge's database is damaged: {error}")).hint(DAMAGED)
            }
            ErrorCode::CannotOpen | ErrorCode::ReadOnly => {
                Error::failed(format!("the bridge's database cannot be opened or written: {error}"))
                    .hint("check the owner and permissions of the data directory (`claudebot config path`)")
            }
            ErrorCode::SystemIoFailure => {
                Error::failed(format!("reading or writing the bridge's database failed: {error}"))
                    .hint("check the disk (`dmesg`) and its free space")
            }
            _ => Error::failed(format!("the bridge's database refused: {error}")),
        })
    }
}

/// What to do about a file that cannot be read; claudebot itself never replaces it.
pub(super) const DAMAGED: &str = "claudebot leaves it as it is: put back a backup, or move it aside (with its -wal \
    file); without it the bridge begins anew, and buttons and answers under old messages mean nothing any more";
