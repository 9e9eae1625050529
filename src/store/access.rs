//! Who may come in from outside, and the audit of who did what.

use jiff::Timestamp;
use rusqlite::params;
use serde::Serialize;

use super::Db;
use crate::error::Result;
use crate::sqlite::columns::{Micros, Word, now};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccessKind {
    User,
    Chat,
}

/// A user or chat that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) kind: AccessKind,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) added: Timestamp,
}

/// One line of the audit. Its fields are the documented JSON of `log --audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AuditEntry {
    pub(crate) at: Timestamp,
    /// `cli`, `telegram:ID (NAME)`, `host`.
    pub(crate) who: String,
    /// `session_created`, `session_deleted`, `approved`: a word for programs.
    pub(crate) what: String,
    /// The session, user or approval that it was done to, in words that outlive it.
    pub(crate) subject: String,
}

impl Db {
    pub(crate) fn allow(&mut self, kind: AccessKind, id: i64, name: &str) -> Result<()> {
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO access (kind, id, name, added) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![Word(kind), id, name, Micros(now())])?;
        Ok(())
    }

    /// Whether it had been allowed.
    pub(crate) fn disallow(&mut self, kind: AccessKind, id: i64) -> Result<bool> {
        let removed = self
            .conn
            .prepare_cached("DELETE FROM access WHERE kind = ?1 AND id = ?2")?
            .execute(params![Word(kind), id])?;
        Ok(removed > 0)
    }

    pub(crate) fn allowed(&self) -> Result<Vec<Access>> {
        let mut statement =
            self.conn.prepare_cached("SELECT kind, id, name, added FROM access ORDER BY added, id")?;
        let rows = statement.query_map([], |row| {
            Ok(Access {
                kind: row.get::<_, Word<_>>(0)?.0,
                id: row.get(1)?,
                name: row.get(2)?,
                added: row.get::<_, Micros>(3)?.0,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn is_allowed(&self, kind: AccessKind, id: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM access WHERE kind = ?1 AND id = ?2)";
        Ok(self.conn.prepare_cached(sql)?.query_row(params![Word(kind), id], |row| row.get(0))?)
    }

    pub(crate) fn audit(&mut self, who: &str, what: &str, subject: &str) -> Result<()> {
        self.conn
            .prepare_cached("INSERT INTO audit (at, who, what, subject) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![Micros(now()), who, what, subject])?;
        Ok(())
    }

    /// The last `limit` lines, oldest first.
    pub(crate) fn audit_log(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        let mut statement =
            self.conn.prepare_cached("SELECT at, who, what, subject FROM audit ORDER BY id DESC LIMIT ?1")?;
        let rows = statement.query_map([limit], |row| {
            Ok(AuditEntry {
                at: row.get::<_, Micros>(0)?.0,
                who: row.get(1)?,
                what: row.get(2)?,
                subject: row.get(3)?,
            })
        })?;
        let mut entries = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        entries.reverse();
        Ok(entries)
    }
}
