//! Conversations that are lent to a terminal: by which process, since when, and what came of it.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::Db;
use super::events::Fed;
use crate::error::Result;
use crate::model::{Lent, NewEvent, SessionId, SessionState, TurnId};
use crate::sqlite::columns::{Count, Id, Micros};

/// A conversation that another process leads for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) session: SessionId,
    pub(crate) pid: u32,
    pub(crate) start: u64,
    pub(crate) since: Timestamp,
    pub(crate) tty: Option<String>,
    /// The one it began with.
    pub(crate) conversation: Uuid,
    /// How long its file was.
    pub(crate) bytes: u64,
}

impl Lease {
    /// As front ends show it.
    pub(crate) fn shown(&self) -> Lent {
        Lent { since: self.since, tty: self.tty.clone(), pid: self.pid }
    }
}

/// What came of a lease.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Returned {
    pub(crate) session: SessionId,
    /// What happened, with its times.
    pub(crate) events: Vec<(Timestamp, NewEvent)>,
    /// The last turn of it.
    pub(crate) last_turn: TurnId,
    /// The conversation to go on with.
    pub(crate) conversation: Uuid,
    /// The agent's running totals of its conversations, where they are known. Only of the one that the lease began
    /// with a part was counted before.
    pub(crate) costs: Vec<(Uuid, Option<f64>)>,
}

const COLUMNS: &str = "session, pid, start, since, tty, conversation, bytes";

fn read(row: &Row<'_>) -> rusqlite::Result<Lease> {
    Ok(Lease {
        session: SessionId(row.get::<_, Id>(0)?.0),
        pid: row.get(1)?,
        start: row.get::<_, Count>(2)?.0,
        since: row.get::<_, Micros>(3)?.0,
        tty: row.get(4)?,
        conversation: row.get::<_, Id>(5)?.0,
        bytes: row.get::<_, Count>(6)?.0,
    })
}

impl Db {
    /// To be durable before the process gets to see the conversation.
    pub(crate) fn lend(&mut self, lease: &Lease, notice: &NewEvent) -> Result<Vec<Fed>> {
        self.atomically(|db| {
            db.conn
                .prepare_cached(&format!(
                    "INSERT INTO lease ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                ))?
                .execute(params![
                    Id(lease.session.0),
                    lease.pid,
                    Count(lease.start),
                    Micros(lease.since),
                    lease.tty,
                    Id(lease.conversation),
                    Count(lease.bytes),
                ])?;
            db.set_state(lease.session, SessionState::HandedOver)?;
            db.set_conversation(lease.session, lease.conversation)?;
            db.append(lease.session, std::slice::from_ref(notice))
        })
    }

    /// The lease of a session, if it is lent.
    pub(crate) fn lease(&self, session: SessionId) -> Result<Option<Lease>> {
        let sql = format!("SELECT {COLUMNS} FROM lease WHERE session = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([Id(session.0)], read).optional()?)
    }

    /// Every lease whose end was not seen.
    pub(crate) fn leases(&self) -> Result<HashMap<SessionId, Lease>> {
        let mut statement = self.conn.prepare_cached(&format!("SELECT {COLUMNS} FROM lease"))?;
        let rows = statement.query_map([], |row| read(row).map(|lease| (lease.session, lease)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The conversations that a lent session went over to meanwhile, in order.
    pub(crate) fn conversations_since(&self, lease: &Lease) -> Result<Vec<Uuid>> {
        let sql =
            "SELECT id FROM conversation WHERE session = ?1 AND since >= ?2 AND id <> ?3 ORDER BY since";
        let mut statement = self.conn.prepare_cached(sql)?;
        let which = params![Id(lease.session.0), Micros(lease.since), Id(lease.conversation)];
        let rows = statement.query_map(which, |row| row.get::<_, Id>(0))?;
        rows.map(|id| Ok(id?.0)).collect()
    }

    /// Ends the lease, with everything that came of it.
    pub(crate) fn take_back_lease(&mut self, returned: &Returned) -> Result<Vec<Fed>> {
        let Returned { session, events, last_turn, conversation, costs } = returned;
        let id = *session;
        self.atomically(|db| {
            let lent = db.lease(id)?.map(|lease| lease.conversation);
            let mut fed = Vec::new();
            for (at, event) in events {
                fed.extend(db.append_at(id, std::slice::from_ref(event), *at)?);
            }
            db.conn.execute("DELETE FROM lease WHERE session = ?1", [Id(id.0)])?;
            db.conn.execute(
                "UPDATE session SET turns = max(turns, ?2) WHERE id = ?1",
                params![Id(id.0), Count(*last_turn)],
            )?;
            db.set_state(id, SessionState::Asleep)?;
            if db.session(id)?.conversation != Some(*conversation) {
                db.set_conversation(id, *conversation)?;
            }
            let seen = "UPDATE session SET cost_seen = ?2 WHERE id = ?1";
            for (of, cost) in costs {
                if Some(*of) != lent {
                    db.conn.execute(seen, params![Id(id.0), 0.0])?;
                }
                if let Some(cost) = cost {
                    db.add_cost(id, *cost)?;
                }
            }
            // The next process goes on from there.
            if let Some((_, Some(cost))) = costs.iter().find(|(of, _)| of == conversation) {
                db.conn.execute(seen, params![Id(id.0), cost])?;
            }
            Ok(fed)
        })
    }
}
