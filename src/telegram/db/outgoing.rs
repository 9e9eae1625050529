//! What must arrive: rows that are sent in order, each until it is sent or can never be.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use super::columns::{Json, Micros, place, thread};
use super::{Fault, Tables};
use crate::telegram::place::Place;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewOutgoing {
    pub(crate) place: Place,
    /// The lowest goes first; among equals the oldest.
    pub(crate) priority: u8,
    /// While one with the same key waits in the chat, this takes its place.
    pub(crate) key: Option<String>,
    /// What to send, in the sender's own words.
    pub(crate) payload: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) id: i64,
    pub(crate) place: Place,
    pub(crate) priority: u8,
    pub(crate) key: Option<String>,
    pub(crate) payload: Value,
    /// How many of the calls that it takes are done.
    pub(crate) progress: u32,
    pub(crate) at: Timestamp,
}

const COLUMNS: &str = "id, chat, thread, priority, key, payload, progress, at";

fn read(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        id: row.get("id")?,
        place: place(row)?,
        priority: row.get("priority")?,
        key: row.get("key")?,
        payload: row.get::<_, Json<_>>("payload")?.0,
        progress: row.get("progress")?,
        at: row.get::<_, Micros>("at")?.0,
    })
}

impl Tables {
    /// Gives the row's number: of a key that waits already, the one it has.
    pub(crate) fn enqueue(&self, new: &NewOutgoing, now: Timestamp) -> Result<i64, Fault> {
        let id = self
            .conn
            .prepare_cached(
                "INSERT INTO outgoing (chat, thread, priority, key, payload, state, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6) \
                 ON CONFLICT (chat, key) WHERE key IS NOT NULL AND state = 'waiting' DO UPDATE SET \
                 payload = excluded.payload, thread = excluded.thread, progress = 0, \
                 priority = min(priority, excluded.priority) RETURNING id",
            )?
            .query_row(
                params![
                    new.place.chat,
                    thread(new.place),
                    new.priority,
                    new.key,
                    Json(&new.payload),
                    Micros(now)
                ],
                |row| row.get(0),
            )?;
        Ok(id)
    }

    /// What waits under this key is not sent any more. Whether there was something.
    pub(crate) fn withdraw(&self, chat: i64, key: &str) -> Result<bool, Fault> {
        let sql = "UPDATE outgoing SET state = 'replaced' WHERE chat = ?1 AND key = ?2 AND state = 'waiting'";
        Ok(self.conn.prepare_cached(sql)?.execute(params![chat, key])? > 0)
    }

    /// The chats that something waits for.
    pub(crate) fn chats_with_outgoing(&self) -> Result<Vec<i64>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT DISTINCT chat FROM outgoing WHERE state IN ('waiting', 'sending') ORDER BY chat",
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What is next in line for a chat: nothing overtakes it, and what has arrived in part is finished first. One that
    /// was being sent when the bridge ended is among them again; those that are being sent now (`under_way`) are not.
    pub(crate) fn next_outgoing(&self, chat: i64, under_way: &[i64]) -> Result<Option<Outgoing>, Fault> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outgoing WHERE chat = ?1 AND state IN ('waiting', 'sending') \
             AND id NOT IN (SELECT value FROM json_each(?2)) ORDER BY progress = 0, priority, id LIMIT 1"
        );
        Ok(self.conn.prepare_cached(&sql)?.query_row(params![chat, Json(under_way)], read).optional()?)
    }

    /// It is about to be sent. From now on it cannot be replaced, and may have arrived.
    pub(crate) fn begin_outgoing(&self, id: i64) -> Result<(), Fault> {
        self.conn.prepare_cached("UPDATE outgoing SET state = 'sending' WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// So many of its calls are done.
    pub(crate) fn advance_outgoing(&self, id: i64, progress: u32) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE outgoing SET progress = ?2 WHERE id = ?1")?
            .execute(params![id, progress])?;
        Ok(())
    }

    /// It has arrived, as this message if it is one. What it said is not kept.
    pub(crate) fn outgoing_sent(&self, id: i64, message: Option<i64>) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE outgoing SET state = 'sent', message = ?2, error = NULL, payload = 'null' WHERE id = ?1",
            )?
            .execute(params![id, message])?;
        self.conn
            .prepare_cached("UPDATE shown_approval SET message = ?2 WHERE outgoing = ?1")?
            .execute(params![id, message])?;
        Ok(())
    }

    /// It did not arrive this time. If a newer one with its key waits by now, that one goes instead, unless a part
    /// of this one is there already.
    pub(crate) fn put_off_outgoing(&self, id: i64, error: &str) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE outgoing SET error = ?2, state = CASE WHEN NOT EXISTS \
                 (SELECT 1 FROM outgoing newer WHERE newer.chat = outgoing.chat AND newer.key = outgoing.key \
                  AND newer.state = 'waiting' AND newer.id <> outgoing.id) THEN 'waiting' \
                 WHEN progress = 0 THEN 'replaced' ELSE 'sending' END WHERE id = ?1",
            )?
            .execute(params![id, error])?;
        Ok(())
    }

    /// The same row with other contents: without its formatting, for example.
    pub(crate) fn change_outgoing(&self, id: i64, place: Place, payload: &Value) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE outgoing SET chat = ?2, thread = ?3, payload = ?4 WHERE id = ?1")?
            .execute(params![id, place.chat, thread(place), Json(payload)])?;
        Ok(())
    }

    /// What waits for a topic, or is being sent there: its number, how many of its calls are done, what it says.
    pub(crate) fn outgoing_in(&self, at: Place) -> Result<Vec<(i64, u32, Value)>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, progress, payload FROM outgoing WHERE chat = ?1 AND thread = ?2 \
             AND state IN ('waiting', 'sending') ORDER BY id",
        )?;
        let rows = statement.query_map([at.chat, thread(at)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Json<_>>(2)?.0))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// It can never arrive.
    pub(crate) fn fail_outgoing(&self, id: i64, error: &str) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE outgoing SET state = 'failed', error = ?2 WHERE id = ?1")?
            .execute(params![id, error])?;
        Ok(())
    }

    /// Nothing can arrive in this chat. How much waited for it.
    pub(crate) fn fail_chat(&self, chat: i64, error: &str) -> Result<usize, Fault> {
        let failed = self
            .conn
            .prepare_cached(
                "UPDATE outgoing SET state = 'failed', error = ?2 \
                 WHERE chat = ?1 AND state IN ('waiting', 'sending')",
            )?
            .execute(params![chat, error])?;
        Ok(failed)
    }

    /// What a row has become, if it was sent and is still known.
    pub(crate) fn message_of_outgoing(&self, id: i64) -> Result<Option<i64>, Fault> {
        let sql = "SELECT message FROM outgoing WHERE id = ?1";
        Ok(self.conn.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?.flatten())
    }
}
