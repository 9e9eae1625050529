//! Small things to remember: what a chat does not want to hear, whose a topic is, how far the feed was read, and who
//! was told how to be let in, and when.

use jiff::Timestamp;
use rusqlite::types::Value as Column;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use super::columns::{Id, Json, Micros, place, thread};
use super::{Fault, Tables};
use crate::model::SessionId;
use crate::telegram::place::Place;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mute {
    pub(crate) place: Place,
    /// None: every session.
    pub(crate) session: Option<SessionId>,
    /// None: until it is taken back.
    pub(crate) until: Option<Timestamp>,
}

impl Mute {
    /// Whether it silences a session in a place.
    pub(crate) fn hides(&self, place: Place, session: SessionId) -> bool {
        self.place == place && self.session.is_none_or(|muted| muted == session)
    }
}

/// A topic that is a session's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicRow {
    pub(crate) place: Place,
    pub(crate) session: SessionId,
    /// The session's, whatever the topic is called by now.
    pub(crate) name: String,
    pub(crate) closed: bool,
}

/// Every session is no session: NULL would equal nothing.
fn muted(session: Option<SessionId>) -> Column {
    Column::Blob(session.map(|id| id.0.as_bytes().to_vec()).unwrap_or_default())
}

fn read_topic(row: &Row<'_>) -> rusqlite::Result<TopicRow> {
    Ok(TopicRow {
        place: place(row)?,
        session: SessionId(row.get::<_, Id>("session")?.0),
        name: row.get("name")?,
        closed: row.get("closed")?,
    })
}

impl Tables {
    pub(crate) fn mute(&self, mute: &Mute) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO mute (chat, thread, session, until) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                mute.place.chat,
                thread(mute.place),
                muted(mute.session),
                mute.until.map(Micros)
            ])?;
        Ok(())
    }

    /// Whether it was muted.
    pub(crate) fn unmute(&self, place: Place, session: Option<SessionId>) -> Result<bool, Fault> {
        let removed = self
            .conn
            .prepare_cached("DELETE FROM mute WHERE chat = ?1 AND thread = ?2 AND session = ?3")?
            .execute(params![place.chat, thread(place), muted(session)])?;
        Ok(removed > 0)
    }

    /// What is in force.
    pub(crate) fn mutes(&self, now: Timestamp) -> Result<Vec<Mute>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT chat, thread, nullif(session, x'') AS session, until FROM mute \
             WHERE until IS NULL OR until > ?1 ORDER BY chat, thread, session",
        )?;
        let rows = statement.query_map([Micros(now)], |row| {
            Ok(Mute {
                place: place(row)?,
                session: super::columns::session(row, "session")?,
                until: row.get::<_, Option<Micros>>("until")?.map(|at| at.0),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn put_topic(&self, topic: &TopicRow) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO topic (chat, thread, session, name, closed) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                topic.place.chat,
                thread(topic.place),
                Id::from(topic.session),
                topic.name,
                topic.closed
            ])?;
        Ok(())
    }

    /// The same, unless that place has said something of it before.
    pub(crate) fn mute_if_unsaid(&self, mute: &Mute) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR IGNORE INTO mute (chat, thread, session, until) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                mute.place.chat,
                thread(mute.place),
                muted(mute.session),
                mute.until.map(Micros)
            ])?;
        Ok(())
    }

    /// Every topic that is a session's.
    pub(crate) fn topics(&self) -> Result<Vec<TopicRow>, Fault> {
        let sql = "SELECT chat, thread, session, name, closed FROM topic ORDER BY chat, thread";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], read_topic)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn topic_at(&self, place: Place) -> Result<Option<TopicRow>, Fault> {
        let found = self
            .conn
            .prepare_cached(
                "SELECT chat, thread, session, name, closed FROM topic WHERE chat = ?1 AND thread = ?2",
            )?
            .query_row([place.chat, thread(place)], read_topic)
            .optional()?;
        Ok(found)
    }

    pub(crate) fn topics_of(&self, session: SessionId) -> Result<Vec<TopicRow>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT chat, thread, session, name, closed FROM topic WHERE session = ?1 ORDER BY chat, thread",
        )?;
        let rows = statement.query_map([Id::from(session)], read_topic)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether what is said there is about a session without saying so: a closed topic takes nothing.
    pub(crate) fn is_topic_of(&self, place: Place, session: SessionId) -> Result<bool, Fault> {
        Ok(self.topic_at(place)?.is_some_and(|topic| topic.session == session && !topic.closed))
    }

    /// The session is named so.
    pub(crate) fn name_topics(&self, session: SessionId, name: &str) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE topic SET name = ?2 WHERE session = ?1 AND name <> ?2")?
            .execute(params![Id::from(session), name])?;
        Ok(())
    }

    /// It takes nothing any more, and may do so again if it was only closed. What was to be pressed there may be
    /// pressed in the chat.
    pub(crate) fn leave_topic(&self, place: Place) -> Result<(), Fault> {
        for sql in [
            "UPDATE topic SET closed = 1 WHERE chat = ?1 AND thread = ?2",
            "UPDATE button SET thread = 0 WHERE chat = ?1 AND thread = ?2",
        ] {
            self.conn.prepare_cached(sql)?.execute([place.chat, thread(place)])?;
        }
        Ok(())
    }

    /// It is no session's any more.
    pub(crate) fn forget_topic(&self, place: Place) -> Result<(), Fault> {
        self.conn
            .prepare_cached("DELETE FROM topic WHERE chat = ?1 AND thread = ?2")?
            .execute([place.chat, thread(place)])?;
        Ok(())
    }

    /// Sessions of which anything here is still to change: who has a topic, an open prompt, a live message, or
    /// something to be decided.
    pub(crate) fn sessions_in_sight(&self) -> Result<Vec<SessionId>, Fault> {
        let sql = "SELECT session FROM topic UNION SELECT session FROM live \
                   UNION SELECT session FROM prompt WHERE state = 'accepted' AND session IS NOT NULL \
                   UNION SELECT session FROM shown_approval WHERE session IS NOT NULL";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok(SessionId(row.get::<_, Id>(0)?.0)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The host is about to be asked something for an update. Whether that is so for the first time: what was noted
    /// first stands.
    pub(crate) fn note_begun(&self, update: i64, what: &Value, now: Timestamp) -> Result<bool, Fault> {
        let noted = self
            .conn
            .prepare_cached("INSERT OR IGNORE INTO begun (update_id, what, at) VALUES (?1, ?2, ?3)")?
            .execute(params![update, Json(what), Micros(now)])?;
        Ok(noted > 0)
    }

    /// What the host was, or may have been, asked for an update, and when that began.
    pub(crate) fn begun(&self, update: i64) -> Result<Option<(Value, Timestamp)>, Fault> {
        let sql = "SELECT what, at FROM begun WHERE update_id = ?1";
        let noted = |row: &Row<'_>| Ok((row.get::<_, Json<_>>(0)?.0, row.get::<_, Micros>(1)?.0));
        Ok(self.conn.prepare_cached(sql)?.query_row([update], noted).optional()?)
    }

    /// How far the host's events have become rows here. None: never.
    pub(crate) fn feed_cursor(&self) -> Result<Option<u64>, Fault> {
        let found: Option<i64> = self
            .conn
            .prepare_cached("SELECT cursor FROM feed")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(found.map(i64::cast_unsigned))
    }

    pub(crate) fn set_feed_cursor(&self, cursor: u64) -> Result<(), Fault> {
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO feed (one, cursor) VALUES (1, ?1)")?
            .execute([cursor.cast_signed()])?;
        Ok(())
    }

    /// When a user or group was told last how to be let in.
    pub(crate) fn hinted(&self, id: i64) -> Result<Option<Timestamp>, Fault> {
        let sql = "SELECT at FROM hinted WHERE id = ?1";
        let at: Option<Micros> =
            self.conn.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
        Ok(at.map(|at| at.0))
    }

    pub(crate) fn note_hint(&self, id: i64, now: Timestamp) -> Result<(), Fault> {
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO hinted (id, at) VALUES (?1, ?2)")?
            .execute(params![id, Micros(now)])?;
        Ok(())
    }

    /// When somebody was told last, among all who were.
    pub(crate) fn last_hint(&self) -> Result<Option<Timestamp>, Fault> {
        let sql = "SELECT max(at) FROM hinted";
        let last: Option<Micros> = self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(last.map(|at| at.0))
    }
}
