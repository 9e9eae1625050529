//! Opening the file: ours, of a version we know, private, durable, and nobody else's meanwhile.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::failure::DAMAGED;
use super::{Db, Fault, Tables};
use crate::error::{Error, Result};

/// Marks the file as the bridge's (`file telegram.db` shows it): "cltg".
const APPLICATION_ID: i64 = 0x636c_7467;

/// Each brings the file from the version of its index to the next. Published ones are never edited.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001.sql")];

/// A bridge that is just ending lets go of the file within this.
const BUSY: Duration = Duration::from_secs(5);

/// Statements kept prepared; the bridge's own number below this.
const STATEMENTS: usize = 96;

impl Db {
    /// Creates or upgrades the file where that is needed.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_within(path, BUSY)
    }

    pub(super) fn open_within(path: &Path, patience: Duration) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::failed(format!(
                "{} is a directory, not the bridge's database",
                path.display()
            ))
            .hint("move it out of the way"));
        }
        make_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags).map_err(|error| in_file(path, error))?;
        prepare(&conn, patience).map_err(|error| in_file(path, error))?;
        let version = inspect(&conn, path)?;
        make_durable(&conn).map_err(|error| in_file(path, error))?;
        migrate(&mut conn, version).map_err(|error| in_file(path, error))?;
        Ok(Self::of(conn))
    }

    fn of(conn: Connection) -> Self {
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        Self { tables: Mutex::new(Tables { conn }) }
    }

    /// One that is forgotten with the value.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, 0).unwrap();
        Self::of(conn)
    }

    /// As a disk that takes nothing any more.
    #[cfg(test)]
    pub(crate) fn set_read_only(&self, on: bool) {
        self.lock().conn.pragma_update(None, "query_only", on).unwrap();
    }
}

/// The file holds what people wrote. SQLite gives the same mode to the one beside it.
fn make_private(path: &Path) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::io("open", path, &error))?;
    let metadata = file.metadata().map_err(|error| Error::io("examine", path, &error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(|error| Error::io("make private", path, &error))?;
    }
    Ok(())
}

/// Exclusive from the first read on: two bridges with one file would answer everything twice.
fn prepare(conn: &Connection, patience: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(patience)?;
    conn.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    conn.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}

/// Acknowledged means on the disk: also after a power cut, also on macOS, whose `fsync` alone is not enough.
fn make_durable(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)
}

/// The version of the file's tables, 0 for a new one; refuses what is not ours or too new.
fn inspect(conn: &Connection, path: &Path) -> Result<usize> {
    let number = |sql: &str| -> Result<i64> {
        conn.query_row(sql, [], |row| row.get(0)).map_err(|error| in_file(path, error))
    };
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    let path = path.display();
    if application != APPLICATION_ID {
        return Err(Error::failed(format!("{path} is a database of another program"))
            .hint("move it aside, or give claudebot a data directory of its own"));
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(Error::failed(format!(
            "the bridge's database {path} is of a newer claudebot (format {version}, this one knows {})",
            MIGRATIONS.len()
        ))
        .hint("upgrade claudebot; the file was not touched")),
    }
}

/// All steps or none, so that a crash in the middle leaves the file at its old version.
fn migrate(conn: &mut Connection, version: usize) -> rusqlite::Result<()> {
    if version == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len().to_string())?;
    transaction.commit()
}

/// A failure while opening, with the file's name.
fn in_file(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::failed(format!("{} is not a database, or is damaged", path.display())).hint(DAMAGED)
        }
        _ => Fault::from(error).into_error(),
    }
}
