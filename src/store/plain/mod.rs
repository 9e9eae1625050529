//! The index over conversations of plain Claude Code, in a file of its own: derived data, made again when it is lost.
//!
//! It holds words and places, no text: that is read from the conversation's file. Whoever brings it up to date may be
//! the host or a client without one, also both at a time: what was read of a file is noted in the transaction that
//! stores it, and of two who read the same only the first one's counts.

mod search;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, NotADatabase};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use uuid::Uuid;

use super::fts;
use crate::error::{Error, Result};
use crate::model::EventKind;
use crate::sqlite::columns::{Count, Id, Micros, PathText, Word};
use crate::sqlite::{Format, make_private};

pub(crate) use search::Place;

const FORMAT: Format = Format {
    // "clbp"
    application_id: 0x636c_6270,
    name: "the index of plain conversations",
    file: "conversations.db",
    migrations: &[include_str!("0001.sql")],
    damaged: "it is made anew by the next search",
};

/// How long to wait for another one who writes.
const BUSY: Duration = Duration::from_secs(10);

pub(crate) struct Plain {
    conn: Connection,
}

/// A conversation's file as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileState {
    pub(crate) path: PathBuf,
    pub(crate) conversation: Uuid,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) size: u64,
    pub(crate) changed: i64,
    pub(crate) inode: u64,
    pub(crate) read: u64,
    pub(crate) tail: i64,
}

/// A prompt or reply in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) kind: EventKind,
    pub(crate) at: Timestamp,
    pub(crate) uuid: Option<Uuid>,
    /// Its words, from [`Said::words`].
    pub(crate) words: String,
}

impl Said {
    /// A text as the index holds it.
    pub(crate) fn words(text: &str, conversation: Uuid, kind: EventKind) -> String {
        fts::row(text, conversation, kind)
    }
}

/// More of a file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Where it was read from. None: from the beginning, and what was known of the file counts no more.
    pub(crate) from: Option<u64>,
    pub(crate) file: FileState,
    pub(crate) said: Vec<Said>,
}

/// How old the index is, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) conversations: u64,
    /// When all files were looked at last.
    pub(crate) scanned: Option<Timestamp>,
}

/// What went wrong with the file.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It cannot be read any more, and is to be made anew.
    Damaged(Error),
    Other(Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let explained = FORMAT.explain(&error);
        match error.sqlite_error_code() {
            Some(NotADatabase | DatabaseCorrupt) => Self::Damaged(explained),
            _ => Self::Other(explained),
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Damaged(error) | Trouble::Other(error) => error,
        }
    }
}

type Outcome<T> = std::result::Result<T, Trouble>;

impl Plain {
    /// For reading. None: there is none yet.
    pub(crate) fn open(path: &Path) -> Outcome<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match version(&conn, path)? {
            version if version == FORMAT.version() => Ok(Some(Self { conn })),
            // Its first writer is just making it.
            _ => Ok(None),
        }
    }

    /// For bringing it up to date; makes the file.
    pub(crate) fn create(path: &Path) -> Outcome<Self> {
        FORMAT.refuse_directory(path).and_then(|()| make_private(path)).map_err(Trouble::Other)?;
        let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let version = version(&conn, path)?;
        match conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            // Somebody else is just doing the same.
            Err(error) if error.sqlite_error_code() != Some(DatabaseBusy) => return Err(error.into()),
            _ => {}
        }
        // What a power cut takes is read again. What is removed is also overwritten: it was somebody's words.
        conn.execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384",
        )?;
        conn.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        match FORMAT.migrate(&mut conn, version) {
            Err(error) if self::version(&conn, path)? != FORMAT.version() => Err(error.into()),
            _ => Ok(Self { conn }),
        }
    }

    /// Away with it, and with the files that SQLite keeps beside it.
    pub(crate) fn remove(path: &Path) -> Result<()> {
        for end in ["-wal", "-shm", ""] {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", Path::new(&name), &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks through the whole file; the first thing that is wrong is the error.
    pub(crate) fn check(&self) -> Outcome<()> {
        let found: String = self.conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" {
            return Ok(());
        }
        let first = found.lines().last().unwrap_or_default();
        Err(Trouble::Damaged(Error::failed(format!("{} is damaged: {first}", FORMAT.name))))
    }

    pub(crate) fn extent(&self) -> Outcome<Extent> {
        let sql = "SELECT (SELECT count(*) FROM file), (SELECT at FROM scan)";
        let extent = self.conn.query_row(sql, [], |row| {
            let scanned = row.get::<_, Option<Micros>>(1)?.map(|at| at.0);
            Ok(Extent { conversations: row.get::<_, Count>(0)?.0, scanned })
        })?;
        Ok(extent)
    }

    /// What is known of every file.
    pub(crate) fn files(&self) -> Outcome<Vec<FileState>> {
        let mut statement = self
            .conn
            .prepare("SELECT path, conversation, dir, size, changed, inode, read, tail FROM file")?;
        let rows = statement.query_map([], |row| {
            Ok(FileState {
                path: row.get::<_, PathText>(0)?.0,
                conversation: row.get::<_, Id>(1)?.0,
                dir: row.get::<_, Option<PathText>>(2)?.map(|dir| dir.0),
                size: row.get::<_, Count>(3)?.0,
                changed: row.get(4)?,
                inode: row.get::<_, i64>(5)?.cast_unsigned(),
                read: row.get::<_, Count>(6)?.0,
                tail: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Stores what was read; of a file that somebody else has read meanwhile, nothing.
    pub(crate) fn add(&mut self, all: &[Progress]) -> Outcome<()> {
        let transaction = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for progress in all {
            add(&transaction, progress)?;
        }
        Ok(transaction.commit()?)
    }

    /// Takes out what was said in these files.
    pub(crate) fn drop_files(&mut self, paths: &[PathBuf]) -> Outcome<()> {
        let transaction = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut had_words = false;
        for path in paths {
            let known = transaction
                .prepare_cached("SELECT id FROM file WHERE path = ?1")?
                .query_row([text_of(path)], |row| row.get::<_, i64>(0))
                .optional()?;
            if let Some(id) = known {
                had_words |= forget(&transaction, id)?;
                transaction.prepare_cached("DELETE FROM file WHERE id = ?1")?.execute([id])?;
            }
        }
        if had_words {
            // Else their words would stay in the index until it is merged some day.
            transaction.execute("INSERT INTO words (words) VALUES ('optimize')", [])?;
        }
        Ok(transaction.commit()?)
    }

    /// All files were looked at.
    pub(crate) fn set_scanned(&mut self, at: Timestamp) -> Outcome<()> {
        let transaction = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute("DELETE FROM scan", [])?;
        transaction.execute("INSERT INTO scan (at) VALUES (?1)", [Micros(at)])?;
        Ok(transaction.commit()?)
    }
}

fn add(conn: &Connection, progress: &Progress) -> rusqlite::Result<()> {
    let file = &progress.file;
    let path = text_of(&file.path);
    let known = conn
        .prepare_cached("SELECT id, read FROM file WHERE path = ?1")?
        .query_row([&path], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Count>(1)?.0)))
        .optional()?;
    let id = match (known, progress.from) {
        (Some((_, read)), Some(from)) if read != from => return Ok(()),
        (Some((id, _)), Some(_)) => id,
        (None, Some(_)) => return Ok(()),
        (Some((id, _)), None) => {
            forget(conn, id)?;
            id
        }
        (None, None) => {
            conn.prepare_cached(
                "INSERT INTO file (path, conversation, size, changed, inode, read, tail) \
                 VALUES (?1, ?2, 0, 0, 0, 0, 0)",
            )?
            .execute(params![path, Id(file.conversation)])?;
            conn.last_insert_rowid()
        }
    };
    let mut place = conn.prepare_cached(
        "INSERT INTO said (file, offset, length, kind, at, uuid) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut words = conn.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?;
    for said in &progress.said {
        let (offset, length) = (Count(said.offset), Count(said.length));
        place.execute(params![id, offset, length, Word(said.kind), Micros(said.at), said.uuid.map(Id)])?;
        words.execute(params![conn.last_insert_rowid(), said.words])?;
    }
    conn.prepare_cached(
        "UPDATE file SET dir = coalesce(?2, dir), size = ?3, changed = ?4, inode = ?5, read = ?6, tail = ?7 \
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        file.dir.as_deref().map(text_of),
        Count(file.size),
        file.changed,
        file.inode.cast_signed(),
        Count(file.read),
        file.tail,
    ])?;
    Ok(())
}

/// Takes out what was said in a file, and tells whether there was anything.
fn forget(conn: &Connection, file: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("DELETE FROM words WHERE rowid IN (SELECT id FROM said WHERE file = ?1)")?
        .execute([file])?;
    Ok(conn.prepare_cached("DELETE FROM said WHERE file = ?1")?.execute([file])? > 0)
}

/// A name that is no UTF-8 finds its file no more, and is dropped at the next look.
fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn connect(path: &Path, access: OpenFlags) -> Outcome<Connection> {
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    Ok(conn)
}

/// The version of its tables. A file that is no database is damaged; one of somebody else is left alone.
fn version(conn: &Connection, path: &Path) -> Outcome<usize> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    FORMAT.inspect(conn, path).map_err(Trouble::Other)
}
