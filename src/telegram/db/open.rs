//! Opening the file: it is nobody else's meanwhile.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Db, Tables};
use crate::error::{Error, Result};
use crate::sqlite::{Format, make_durable, make_private};

/// The file as such.
pub(super) const FORMAT: Format = Format {
    // "cltg"
    application_id: 0x636c_7467,
    name: "the bridge's database",
    file: "telegram.db",
    migrations: &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")],
    damaged: "claudebot leaves it as it is: put back a backup, or move it aside (with its -wal file); without it the bridge \
              begins anew, and buttons and answers under old messages mean nothing any more",
};

/// A bridge that is just ending lets go of the file within this.
const BUSY: Duration = Duration::from_secs(5);

/// Statements kept prepared; the bridge's own number below this.
const STATEMENTS: usize = 96;

impl Db {
    /// Creates or upgrades the file where that is needed.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_within(path, BUSY)
    }

    /// The same for a moment. None: a bridge has it open.
    pub(crate) fn open_if_free(path: &Path) -> Result<Option<Self>> {
        if is_in_use(path) {
            return Ok(None);
        }
        Self::open_within(path, BUSY).map(Some)
    }

    pub(super) fn open_within(path: &Path, patience: Duration) -> Result<Self> {
        FORMAT.refuse_directory(path)?;
        make_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags).map_err(|error| in_file(path, error))?;
        prepare(&conn, patience).map_err(|error| in_file(path, error))?;
        let version = FORMAT.inspect(&conn, path)?;
        make_durable(&conn).map_err(|error| in_file(path, error))?;
        FORMAT.migrate(&mut conn, version).map_err(|error| in_file(path, error))?;
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
        FORMAT.migrate(&mut conn, 0).unwrap();
        Self::of(conn)
    }

    /// As a disk that takes nothing any more.
    #[cfg(test)]
    pub(crate) fn set_read_only(&self, on: bool) {
        self.lock().conn.pragma_update(None, "query_only", on).unwrap();
    }
}

/// Exclusive from the first read on: two bridges with one file would answer everything twice.
fn prepare(conn: &Connection, patience: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(patience)?;
    conn.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    conn.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}

/// Whether somebody else has it open, who then keeps everybody else from even reading it.
fn is_in_use(path: &Path) -> bool {
    let busy = |error: rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
    let look = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|conn| prepare(&conn, Duration::from_millis(200)));
    look.is_err_and(busy)
}

fn in_file(path: &Path, error: rusqlite::Error) -> Error {
    FORMAT.in_file(path, &error)
}
