//! What Telegram sent, once per update, in the order of its arrival, and how far that goes.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use super::columns::{Json, Micros, Word, place, thread};
use super::{Fault, Tables, Why};
use crate::telegram::place::Place;
use crate::telegram::update::Update;

/// Where the next poll begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// None: nothing ever came.
    pub(crate) next: Option<i64>,
    /// When the last update came.
    pub(crate) last_update: Option<Timestamp>,
}

/// Tables whose rows mean nothing to another bot.
const OF_ONE_BOT: [&str; 14] = [
    "bot",
    "incoming",
    "prompt",
    "button",
    "message",
    "outgoing",
    "topic",
    "hinted",
    "live",
    "shown_approval",
    "expectation",
    "asked",
    "held",
    "begun",
];

/// Whose file it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adopted {
    New,
    Same,
    /// Of another bot, with so many messages that it had still to send. They are forgotten.
    Other {
        former: i64,
        unsent: u32,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Not known before.
    pub(crate) new: usize,
    /// Without a number, so that there is nothing to know them by.
    pub(crate) unnumbered: usize,
    pub(crate) cursor: Cursor,
}

/// An update that waits to be handled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incoming {
    pub(crate) id: i64,
    pub(crate) at: Timestamp,
    /// None: it did not happen in a chat, or that cannot be read.
    pub(crate) place: Option<Place>,
    /// How often it was begun before.
    pub(crate) tries: u32,
    /// It was kept until a person said this about it.
    pub(crate) released: Option<Why>,
    pub(crate) raw: Value,
}

const COLUMNS: &str = "position, update_id, at, chat, thread, tries, kept, released, raw";

impl Tables {
    /// Makes the file this bot's. What another bot left refers to messages that this one cannot touch.
    pub(crate) fn adopt(&self, bot: i64) -> Result<Adopted, Fault> {
        let former: Option<i64> =
            self.conn.prepare_cached("SELECT id FROM bot")?.query_row([], |row| row.get(0)).optional()?;
        let adopted = match former {
            Some(former) if former == bot => return Ok(Adopted::Same),
            Some(former) => {
                let unsent = self.conn.query_row(
                    "SELECT count(*) FROM outgoing WHERE state IN ('waiting', 'sending')",
                    [],
                    |row| row.get(0),
                )?;
                for table in OF_ONE_BOT {
                    self.conn.execute(&format!("DELETE FROM {table}"), [])?;
                }
                Adopted::Other { former, unsent }
            }
            None => Adopted::New,
        };
        self.conn.execute("INSERT INTO bot (one, id) VALUES (1, ?1)", [bot])?;
        Ok(adopted)
    }

    /// Whose file it is.
    pub(crate) fn bot(&self) -> Result<Option<i64>, Fault> {
        let sql = "SELECT id FROM bot";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
    }

    pub(crate) fn cursor(&self) -> Result<Cursor, Fault> {
        let found = self
            .conn
            .prepare_cached("SELECT next_update, last_update FROM bot")?
            .query_row([], |row| {
                let last_update = row.get::<_, Option<Micros>>(1)?.map(|at| at.0);
                Ok(Cursor { next: row.get(0)?, last_update })
            })
            .optional()?;
        Ok(found.unwrap_or_default())
    }

    /// Stores what a poll brought, each update once, and moves the cursor behind it. Telegram is told with the next
    /// poll, so it forgets nothing that is not here.
    pub(crate) fn store_updates(&self, batch: &[Value], now: Timestamp) -> Result<Stored, Fault> {
        let mut new = 0;
        let mut last = None;
        let mut unnumbered = 0;
        for raw in batch {
            let Some(id) = Update::id_of(raw) else {
                unnumbered += 1;
                continue;
            };
            last = last.max(Some(id));
            let place = Update::read(id, raw).place();
            new += self
                .conn
                .prepare_cached(
                    "INSERT OR IGNORE INTO incoming (update_id, at, chat, thread, state, raw) \
                     VALUES (?1, ?2, ?3, ?4, 'new', ?5)",
                )?
                .execute(params![
                    id,
                    Micros(now),
                    place.map(|place| place.chat),
                    place.map_or(0, thread),
                    Json(raw)
                ])?;
        }
        if let Some(last) = last {
            // Not the larger of old and new: after a week of silence Telegram begins anew, anywhere.
            self.conn
                .prepare_cached("UPDATE bot SET next_update = ?1, last_update = ?2")?
                .execute(params![last.saturating_add(1), Micros(now)])?;
        }
        Ok(Stored { new, unnumbered, cursor: self.cursor()? })
    }

    /// The next updates to handle behind a position in the order of arrival, with their positions.
    pub(crate) fn new_updates(&self, after: i64, limit: u32) -> Result<Vec<(i64, Incoming)>, Fault> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM incoming \
             WHERE state = 'new' AND position > ?1 ORDER BY position LIMIT ?2"
        ))?;
        let rows =
            statement.query_map(params![after, limit], |row| Ok((row.get("position")?, read(row)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// An update that was not handled to its end.
    pub(crate) fn open_update(&self, id: i64) -> Result<Option<Incoming>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM incoming WHERE update_id = ?1 AND raw <> ''");
        Ok(self.conn.prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    /// The position of the last update that ever came.
    pub(crate) fn last_position(&self) -> Result<i64, Fault> {
        let sql = "SELECT coalesce(max(position), 0) FROM incoming";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Likewise, but only those of one place.
    pub(crate) fn new_updates_in(
        &self,
        at: Place,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Incoming)>, Fault> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM incoming \
             WHERE state = 'new' AND chat = ?1 AND thread = ?2 AND position > ?3 ORDER BY position LIMIT ?4"
        ))?;
        let rows = statement.query_map(params![at.chat, thread(at), after, limit], |row| {
            Ok((row.get("position")?, read(row)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Those of a place that a person has let go on: they came before everything else that waits there.
    pub(crate) fn released_updates(&self, at: Place) -> Result<Vec<(i64, Incoming)>, Fault> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM incoming \
             WHERE state = 'new' AND released = 1 AND chat = ?1 AND thread = ?2 ORDER BY position"
        ))?;
        let rows = statement
            .query_map(params![at.chat, thread(at)], |row| Ok((row.get("position")?, read(row)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that an update is about to be handled, so that one that ends the program is found out. How often that
    /// is now; 0 if it is not there, or is settled.
    pub(crate) fn begin_update(&self, id: i64) -> Result<u32, Fault> {
        let tries = self
            .conn
            .prepare_cached(
                "UPDATE incoming SET tries = tries + 1 WHERE update_id = ?1 AND state = 'new' RETURNING tries",
            )?
            .query_row([id], |row| row.get(0))
            .optional()?;
        Ok(tries.unwrap_or(0))
    }

    /// What was said is not kept: the session's log has it.
    pub(crate) fn finish_update(&self, id: i64) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE incoming SET state = 'done', error = NULL, raw = '' WHERE update_id = ?1",
            )?
            .execute([id])?;
        Ok(())
    }

    /// Sets aside an update that cannot be handled, so that those behind it can.
    pub(crate) fn poison_update(&self, id: i64, error: &str) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE incoming SET state = 'poisoned', error = ?2 WHERE update_id = ?1")?
            .execute(params![id, error])?;
        Ok(())
    }

    /// How many are set aside, for whoever asks how the bridge is.
    #[cfg(test)]
    pub(crate) fn poisoned_updates(&self) -> Result<u32, Fault> {
        let sql = "SELECT count(*) FROM incoming WHERE state = 'poisoned'";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Incoming> {
    let in_chat = row.get::<_, Option<i64>>("chat")?.is_some();
    let kept = row.get::<_, Option<Word<Why>>>("kept")?.map(|kept| kept.0);
    let released: bool = row.get("released")?;
    Ok(Incoming {
        id: row.get("update_id")?,
        at: row.get::<_, Micros>("at")?.0,
        place: in_chat.then(|| place(row)).transpose()?,
        tries: row.get("tries")?,
        // One that a former release let go on does not tell what it was kept for.
        released: released.then(|| kept.unwrap_or(Why::Late)),
        raw: row.get::<_, Json<_>>("raw")?.0,
    })
}
