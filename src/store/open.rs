//! Opening the file: it is ours, of a version we know, whole, private, and as durable as promised.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::Db;
use super::failure::DAMAGED;
use crate::error::{Error, Result};

/// Marks the file as claudebot's (`file claudebot.db` shows it): "clbt".
const APPLICATION_ID: i64 = 0x636c_6274;

/// Each brings the file from the version of its index to the next. Published ones are never edited.
const MIGRATIONS: [&str; 2] = [include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];

/// How long to wait for another program that has the file open for writing.
const BUSY: Duration = Duration::from_secs(5);

/// WAL pages (4 KiB) after which a patient commit also moves them into the file. The store's thread does it before,
/// when nobody waits; this is for a host that never rests.
const CHECKPOINT_PAGES: u32 = 4000;

/// A reader maps so much of the file instead of copying its pages: a list of thousands takes a tenth less time.
const MAPPED: u32 = 256 << 20;

/// Statements kept prepared; the store's own number below this.
const STATEMENTS: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For whoever holds the host lock. Creates or upgrades the file.
    ReadWrite,
    /// For reading without a lock, also while a host writes. A file that is not there reads as empty.
    ReadOnly,
}

impl Db {
    pub(crate) fn open(path: &Path, mode: Mode) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::failed(format!(
                "{} is a directory, not the session database",
                path.display()
            ))
            .hint("move it out of the way"));
        }
        let conn = match mode {
            Mode::ReadWrite => open_writer(path)?,
            Mode::ReadOnly if is_empty(path) => empty()?,
            Mode::ReadOnly => open_reader(path)?,
        };
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { conn })
    }

    /// Whether the file is of an older claudebot: whoever may write upgrades it by opening it.
    pub(crate) fn is_older(path: &Path) -> bool {
        let version = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|conn| inspect(&conn, path));
        version.is_ok_and(|version| (1..MIGRATIONS.len()).contains(&version))
    }

    /// Looks through the whole file; the first thing that is wrong is the error.
    pub(crate) fn check(&self) -> Result<()> {
        let found: String = self.conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" {
            return Ok(());
        }
        let first = found.lines().last().unwrap_or_default();
        Err(Error::failed(format!("the session database is damaged: {first}")).hint(DAMAGED))
    }

    /// Moves the log of writes into the file, as far as no reader needs it.
    pub(super) fn checkpoint(&self) {
        // Everything is durable without it, and what did not work now is tried again after more commits.
        self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).ok();
    }

    /// Whether to wait for another program's transaction, and to let a commit move the log of writes into the file.
    pub(super) fn set_patience(&self, patient: bool) -> rusqlite::Result<()> {
        let (limit, pages) = if patient { (BUSY, CHECKPOINT_PAGES) } else { (Duration::ZERO, 0) };
        self.conn.busy_timeout(limit)?;
        self.conn.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(()))
    }

    /// Where it lies; nowhere for one that is only in memory.
    pub(super) fn file(&self) -> PathBuf {
        self.conn.path().unwrap_or_default().into()
    }

    /// A reader that stays open beside a writer: with a cache of 512 KiB, and nothing mapped that a failing disk
    /// could kill the process with.
    pub(super) fn open_beside(file: &Path) -> Result<Self> {
        let reader = Self::open(file, Mode::ReadOnly)?;
        reader.conn.execute_batch("PRAGMA mmap_size = 0; PRAGMA cache_size = -512")?;
        Ok(reader)
    }

    /// A store that is forgotten with the value.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self { conn: empty().expect("an empty store opens") }
    }
}

/// Nothing was ever stored: reading it is not worth an error, and must not create it.
fn is_empty(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn empty() -> Result<Connection> {
    let mut conn = Connection::open_in_memory()?;
    migrate(&mut conn, 0)?;
    Ok(conn)
}

fn open_reader(path: &Path) -> Result<Connection> {
    let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let read = conn.query_row("PRAGMA user_version", [], |_| Ok(()));
    if read.is_err_and(|error| has_no_place(&error)) && !has_log_of_writes(path) {
        conn = connect_immutable(path)?;
    }
    conn.pragma_update_and_check(None, "mmap_size", MAPPED, |_| Ok(()))
        .map_err(|error| in_file(path, error))?;
    let version = inspect(&conn, path)?;
    if version == 0 {
        // Its first writer is just making it, or was cut off before it had.
        return empty();
    }
    if version < MIGRATIONS.len() {
        return Err(Error::failed(format!(
            "the session database {} is of an older claudebot (format {version}, this one reads {})",
            path.display(),
            MIGRATIONS.len()
        ))
        .hint("any command that writes upgrades it, for example `claudebot host restart`"));
    }
    Ok(conn)
}

/// Reading takes files beside the database, for which a full disk or one that is read-only has no place.
fn has_no_place(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(CannotOpen | DiskFull | ReadOnly | SystemIoFailure))
}

/// Without it nobody writes, and everything is in the file itself.
fn has_log_of_writes(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match fs::metadata(Path::new(&log)) {
        Ok(metadata) => metadata.len() > 0,
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Reads the file alone.
fn connect_immutable(path: &Path) -> Result<Connection> {
    let plain = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{plain}?immutable=1");
    connect(Path::new(&uri), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

fn open_writer(path: &Path) -> Result<Connection> {
    make_private(path)?;
    let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let version = inspect(&conn, path)?;
    make_durable(&conn).map_err(|error| in_file(path, error))?;
    // Else what a part of a transaction would be undone with goes to a file as soon as it is a bit more.
    conn.pragma_update(None, "temp_store", "MEMORY").map_err(|error| in_file(path, error))?;
    if version < MIGRATIONS.len() {
        migrate(&mut conn, version).map_err(|error| in_file(path, error))?;
    }
    Ok(conn)
}

/// The file with the whole history of all sessions is nobody else's to read. SQLite gives the same mode
/// to the files beside it.
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

fn connect(path: &Path, access: OpenFlags) -> Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| in_file(path, error))?;
    conn.busy_timeout(BUSY).map_err(|error| in_file(path, error))?;
    conn.pragma_update(None, "foreign_keys", true).map_err(|error| in_file(path, error))?;
    Ok(conn)
}

/// Acknowledged means on the disk: also after a power cut, also on macOS, whose `fsync` alone is not enough.
fn make_durable(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))
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
            "the session database {path} is of a newer claudebot (format {version}, this one knows {})",
            MIGRATIONS.len()
        ))
        .hint("upgrade claudebot; the file was not touched")),
    }
}

/// All steps or none, so that a crash in the middle leaves the file at its old version.
fn migrate(conn: &mut Connection, version: usize) -> rusqlite::Result<()> {
    let transaction = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for step in MIGRATIONS.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len().to_string())?;
    transaction.commit()
}

/// Where less is free nothing can be relied on.
const FULL: u64 = 1 << 20;

fn is_full(path: &Path) -> bool {
    let space = rustix::fs::statvfs(path.parent().unwrap_or(path));
    space.is_ok_and(|stat| stat.f_bavail.saturating_mul(stat.f_frsize) < FULL)
}

/// A failure while opening, with the file's name.
fn in_file(path: &Path, error: rusqlite::Error) -> Error {
    if has_no_place(&error) && is_full(path) {
        let message = format!("the disk is full: {} cannot be opened", path.display());
        return Error::failed(message).hint("free some space, then try again; nothing is lost");
    }
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::failed(format!("{path} is not a database, or is damaged")).hint(DAMAGED)
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            Error::failed(format!("the session database {path} is damaged: {error}")).hint(DAMAGED)
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            Error::failed(format!("cannot open the session database {path}: {error}")).hint(
                "reading it, too, needs a writable data directory, where SQLite keeps -wal and -shm files beside it",
            )
        }
        _ => error.into(),
    }
}
