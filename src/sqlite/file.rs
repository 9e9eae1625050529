//! A database's file: it is ours, of a version we know, private, and as durable as promised.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

/// One of claudebot's databases.
pub(crate) struct Format {
    /// Marks the file as this one (`file NAME.db` shows it).
    pub(crate) application_id: i64,
    /// With its article, as it stands in messages.
    pub(crate) name: &'static str,
    /// The file's own name.
    pub(crate) file: &'static str,
    /// Each brings the file from the version of its index to the next. Published ones are never edited.
    pub(crate) migrations: &'static [&'static str],
    /// What to do about a file that cannot be read; claudebot itself never replaces it.
    pub(crate) damaged: &'static str,
}

impl Format {
    /// The version that this claudebot writes.
    pub(crate) const fn version(&self) -> usize {
        self.migrations.len()
    }

    pub(crate) fn refuse_directory(&self, path: &Path) -> Result<()> {
        if !path.is_dir() {
            return Ok(());
        }
        Err(Error::failed(format!("{} is a directory, not {}", path.display(), self.name))
            .hint("move it out of the way"))
    }

    /// The version of the file's tables, 0 for a new one; refuses what is not ours or too new.
    pub(crate) fn inspect(&self, conn: &Connection, path: &Path) -> Result<usize> {
        let number = |sql: &str| -> Result<i64> {
            conn.query_row(sql, [], |row| row.get(0)).map_err(|error| self.in_file(path, &error))
        };
        let application = number("PRAGMA application_id")?;
        let version = number("PRAGMA user_version")?;
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        if application == 0 && version == 0 && tables == 0 {
            return Ok(0);
        }
        let path = path.display();
        if application != self.application_id {
            return Err(Error::failed(format!("{path} is a database of another program"))
                .hint("move it aside, or give claudebot a data directory of its own"));
        }
        match usize::try_from(version) {
            Ok(version) if version <= self.version() => Ok(version),
            _ => Err(Error::failed(format!(
                "{} {path} is of a newer claudebot (format {version}, this one knows {})",
                self.name,
                self.version()
            ))
            .hint("upgrade claudebot; the file was not touched")),
        }
    }

    /// All steps or none, so that a crash in the middle leaves the file at its old version.
    pub(crate) fn migrate(&self, conn: &mut Connection, version: usize) -> rusqlite::Result<()> {
        if version == self.version() {
            return Ok(());
        }
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for step in self.migrations.iter().skip(version) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", self.application_id)?;
        transaction.pragma_update(None, "user_version", self.version().to_string())?;
        transaction.commit()
    }
}

/// The file holds what people said, which is nobody else's to read. SQLite gives the same mode to the files beside it.
pub(crate) fn make_private(path: &Path) -> Result<()> {
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

/// Acknowledged means on the disk: also after a power cut, also on macOS, whose `fsync` alone is not enough.
pub(crate) fn make_durable(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    // Else what a part of a transaction would be undone with goes to a file as soon as it is a bit more.
    conn.pragma_update(None, "temp_store", "MEMORY")
}
