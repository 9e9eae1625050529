//! The processes that a host started: a new host must find those that outlived it.

use rusqlite::params;
use uuid::Uuid;

use super::Db;
use crate::error::Result;
use crate::model::SessionId;
use crate::sqlite::columns::{Count, Id};

/// A resident process. Its start time tells it from a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) session: SessionId,
    pub(crate) pid: u32,
    pub(crate) start: u64,
    pub(crate) conversation: Uuid,
}

impl Db {
    /// To be durable before the process gets its first prompt.
    pub(crate) fn record_child(&mut self, child: &Child) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO child (session, pid, start, conversation) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![Id(child.session.0), child.pid, Count(child.start), Id(child.conversation)])?;
        Ok(())
    }

    /// The session's process has ended.
    pub(crate) fn clear_child(&mut self, session: SessionId) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM child WHERE session = ?1")?.execute([Id(session.0)])?;
        Ok(())
    }

    /// Every process whose end was not seen.
    pub(crate) fn children(&self) -> Result<Vec<Child>> {
        let mut statement =
            self.conn.prepare_cached("SELECT session, pid, start, conversation FROM child")?;
        let rows = statement.query_map([], |row| {
            Ok(Child {
                session: SessionId(row.get::<_, Id>(0)?.0),
                pid: row.get(1)?,
                start: row.get::<_, Count>(2)?.0,
                conversation: row.get::<_, Id>(3)?.0,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
