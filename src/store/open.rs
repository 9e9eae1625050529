//! Opening the file, for whoever writes it and for readers beside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Db, fts};
use crate::error::{Error, Result};
use crate::sqlite::{Format, has_no_place, make_durable, make_private};

/// The file as such.
pub(super) const FORMAT: Format = Format {
    // "clbt"
    application_id: 0x636c_6274,
    name: "the session database",
    file: "claudebot.db",
    migrations: &[
        include_str!("migrations/0001.sql"),
        include_str!("migrations/0002.sql"),
        include_str!("migrations/0003.sql"),
        include_str!("migrations/0004.sql"),
    ],
    damaged: "claudebot leaves it as it is: put back a backup, or move it aside (with its -wal and -shm files) to begin \
              anew; `sqlite3 FILE .recover` may save what it holds",
};

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
        FORMAT.refuse_directory(path)?;
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
        let version =
            connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|conn| FORMAT.inspect(&conn, path));
        version.is_ok_and(|version| (1..FORMAT.version()).contains(&version))
    }

    /// Looks through the whole file; the first thing that is wrong is the error.
    pub(crate) fn check(&self) -> Result<()> {
        let found: String = self.conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" {
            return Ok(());
        }
        let first = found.lines().last().unwrap_or_default();
        Err(Error::failed(format!("the session database is damaged: {first}")).hint(FORMAT.damaged))
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
    fts::register(&conn)?;
    FORMAT.migrate(&mut conn, 0)?;
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
    let version = FORMAT.inspect(&conn, path)?;
    if version == 0 {
        // Its first writer is just making it, or was cut off before it had.
        return empty();
    }
    if version < FORMAT.version() {
        return Err(Error::failed(format!(
            "the session database {} is of an older claudebot (format {version}, this one reads {})",
            path.display(),
            FORMAT.version()
        ))
        .hint("any command that writes upgrades it, for example `claudebot host restart`"));
    }
    Ok(conn)
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
    let version = FORMAT.inspect(&conn, path)?;
    make_durable(&conn)
        .and_then(|()| conn.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(())))
        .map_err(|error| in_file(path, error))?;
    FORMAT.migrate(&mut conn, version).map_err(|error| in_file(path, error))?;
    Ok(conn)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| in_file(path, error))?;
    conn.busy_timeout(BUSY).map_err(|error| in_file(path, error))?;
    conn.pragma_update(None, "foreign_keys", true).map_err(|error| in_file(path, error))?;
    fts::register(&conn).map_err(|error| in_file(path, error))?;
    Ok(conn)
}

fn in_file(path: &Path, error: rusqlite::Error) -> Error {
    FORMAT.in_file(path, &error)
}
