//! The event log: appended in order, read from a cursor.

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Rows, params};

use super::Db;
use super::sessions::gone;
use crate::error::Result;
use crate::model::{Detail, Event, NewEvent, PromptId, SessionId};
use crate::sqlite::columns::{Count, Id, Json, Micros, Word, now};

/// An event with its place in the feed of all sessions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fed {
    /// Grows with every event of any session; gaps mean nothing.
    pub(crate) feed: u64,
    pub(crate) session: SessionId,
    /// The session's name at the time of reading.
    pub(crate) name: String,
    pub(crate) event: Event,
}

const COLUMNS: &str = "e.seq, e.at, e.kind, e.text, e.prompt, e.detail";

/// Events beyond this size come in the next page: an answer must fit a line of the socket and some memory.
const PAGE_BYTES: usize = 8 << 20;

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        seq: row.get::<_, Count>(0)?.0,
        at: row.get::<_, Micros>(1)?.0,
        kind: row.get::<_, Word<_>>(2)?.0,
        text: row.get(3)?,
        prompt_id: row.get::<_, Option<Id>>(4)?.map(|id| PromptId(id.0)),
        detail: row.get::<_, Option<Json<_>>>(5)?.map(|detail| detail.0),
    })
}

impl Db {
    /// Appends facts that happened now. `seq` is assigned here, inside the transaction, so it has no gaps.
    pub(crate) fn append(&mut self, session: SessionId, events: &[NewEvent]) -> Result<Vec<Fed>> {
        self.append_at(session, events, now())
    }

    pub(super) fn append_at(
        &mut self,
        session: SessionId,
        events: &[NewEvent],
        at: Timestamp,
    ) -> Result<Vec<Fed>> {
        self.atomically(|db| {
            let (name, head) = db.head_and_name(session)?;
            let numbered = (head + 1..).zip(events).map(|(seq, new)| Event {
                seq,
                at,
                kind: new.kind,
                text: new.text.clone(),
                prompt_id: new.prompt_id,
                detail: new.detail.clone(),
            });
            numbered
                .map(|event| {
                    Ok(Fed {
                        feed: db.insert_event(session, &event, None)?,
                        session,
                        name: name.clone(),
                        event,
                    })
                })
                .collect()
        })
    }

    /// Puts back the log of a restored session as it was. Turn ids go on after the last one it mentions. It is
    /// no news: it lies before the beginning of the feed.
    pub(crate) fn import_events(
        &mut self,
        session: SessionId,
        events: impl IntoIterator<Item = Result<Event>>,
    ) -> Result<()> {
        self.atomically(|db| {
            let mut turns = 0;
            for event in events {
                let event = event?;
                turns = turns.max(event.detail.as_ref().and_then(turn_of).unwrap_or(0));
                let sql = "SELECT min(coalesce(min(feed), 0), 0) - 1 FROM event";
                let feed = db.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
                db.insert_event(session, &event, Some(feed))?;
            }
            db.conn
                .prepare_cached("UPDATE session SET turns = max(turns, ?2) WHERE id = ?1")?
                .execute(params![Id(session.0), Count(turns)])?;
            Ok(())
        })
    }

    /// Events of one session after `since`: at most `limit`, and fewer where they are large. A reader goes on
    /// from the last one until there is none.
    pub(crate) fn events(&self, session: SessionId, since: u64, limit: u32) -> Result<Vec<Event>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM event e WHERE e.session = ?1 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3"
        ))?;
        page(statement.query(params![Id(session.0), Count(cursor(since)), limit])?, read)
    }

    /// Events of all sessions after the cursor `since`; pages as [`Db::events`] does.
    pub(crate) fn feed(&self, since: u64, limit: u32) -> Result<Vec<Fed>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS}, e.feed, e.session, s.name FROM event e JOIN session s ON s.id = e.session \
             WHERE e.feed > ?1 ORDER BY e.feed LIMIT ?2"
        ))?;
        page(statement.query(params![Count(cursor(since)), limit])?, |row| {
            Ok(Fed {
                event: read(row)?,
                feed: row.get::<_, Count>(6)?.0,
                session: SessionId(row.get::<_, Id>(7)?.0),
                name: row.get(8)?,
            })
        })
    }

    /// The `seq` of the session's last event, 0 for none.
    pub(crate) fn head(&self, session: SessionId) -> Result<u64> {
        self.head_and_name(session).map(|(_, head)| head)
    }

    /// The cursor of the last event of all.
    pub(crate) fn feed_head(&self) -> Result<u64> {
        let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get::<_, Count>(0))?.0)
    }

    fn head_and_name(&self, session: SessionId) -> Result<(String, u64)> {
        let sql = "SELECT s.name, coalesce((SELECT max(seq) FROM event WHERE session = s.id), 0) \
                   FROM session s WHERE s.id = ?1";
        self.conn
            .prepare_cached(sql)?
            .query_row([Id(session.0)], |row| Ok((row.get(0)?, row.get::<_, Count>(1)?.0)))
            .optional()?
            .ok_or_else(|| gone(session))
    }

    /// Without a place in the feed it comes last.
    fn insert_event(&mut self, session: SessionId, event: &Event, feed: Option<i64>) -> Result<u64> {
        self.conn
            .prepare_cached(
                "INSERT INTO event (session, seq, at, kind, text, prompt, detail, feed) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                Id(session.0),
                Count(event.seq),
                Micros(event.at),
                Word(event.kind),
                event.text,
                event.prompt_id.map(|id| Id(id.0)),
                event.detail.as_ref().map(Json),
                feed,
            ])?;
        Ok(self.conn.last_insert_rowid().unsigned_abs())
    }
}

/// Reads rows that begin with [`COLUMNS`] until their texts fill a page.
fn page<T>(mut rows: Rows<'_>, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>> {
    let mut events = Vec::new();
    let mut bytes = 0;
    while bytes < PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        bytes += length(row.get_ref(3)?) + length(row.get_ref(5)?);
        events.push(read(row)?);
    }
    Ok(events)
}

fn length(value: ValueRef<'_>) -> usize {
    value.as_str_or_null().ok().flatten().map_or(0, str::len)
}

/// A cursor beyond what SQLite can hold is beyond every event.
fn cursor(since: u64) -> u64 {
    since.min(i64::MAX.unsigned_abs())
}

const fn turn_of(detail: &Detail) -> Option<u64> {
    match detail {
        Detail::Reply { turn, .. } | Detail::Tool { turn, .. } | Detail::Turn { turn, .. } => Some(*turn),
        _ => None,
    }
}
