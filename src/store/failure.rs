//! SQLite's failures in words for a person: what it means for what was asked, and what to do.

use rusqlite::ErrorCode;

use crate::error::Error;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            return Self::failed(format!("a stored row cannot be read or written: {error}"))
                .hint("this is a bug in claudebot, or the database was changed by hand");
        };
        match code {
            ErrorCode::DiskFull => {
                Self::failed("the disk is full: nothing was stored").hint("free some space, then try again")
            }
            ErrorCode::ReadOnly => Self::failed("the session database is read-only: nothing was stored")
                .hint("check the owner and permissions of the data directory (`claudebot config path`)"),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Self::unavailable("another program holds the session database")
                    .hint("close whatever else has claudebot.db open, then try again")
            }
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => {
                Self::failed(format!("the session database is damaged: {error}")).hint(DAMAGED)
            }
            ErrorCode::CannotOpen => Self::failed(format!("the session database cannot be opened: {error}"))
                .hint("check the owner and permissions of the data directory (`claudebot config path`)"),
            ErrorCode::SystemIoFailure => {
                Self::failed(format!("reading or writing the session database failed: {error}"))
                    .hint("check the disk (`dmesg`) and its free space")
            }
            _ => Self::failed(format!("the session database refused: {error}")),
        }
    }
}

/// What to do about a file that cannot be read; claudebot itself never replaces it.
pub(super) const DAMAGED: &str = "claudebot leaves it as it is: put back a backup, or move it aside \
    (with its -wal and -shm files) to begin anew; `sqlite3 FILE .recover` may save what it holds";
