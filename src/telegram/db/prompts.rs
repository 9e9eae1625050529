//! Prompts on their way to the host: what each was put together from, who said it, and where its reply belongs.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::{Id, Json, Micros, Word, place, prompt, session, thread};
use super::{Fault, Tables};
use crate::model::{PromptId, SessionId};
use crate::telegram::place::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromptState {
    /// More of it may come; the host does not have it.
    Gathering,
    /// The host has it.
    Accepted,
    /// Its turn is over, or it was taken back.
    Ended,
    /// The host did not take it.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PromptSet {
    /// `tg:<bot>:<first update>`: the same over any number of tries.
    pub(crate) key: String,
    pub(crate) updates: Vec<i64>,
    pub(crate) place: Place,
    pub(crate) user: i64,
    /// The message that its reply answers; 0 if that was left behind in a group that has got another number.
    pub(crate) reply_to: i64,
    pub(crate) session: Option<SessionId>,
    pub(crate) prompt: Option<PromptId>,
    pub(crate) state: PromptState,
    pub(crate) at: Timestamp,
}

const COLUMNS: &str = "key, updates, chat, thread, user, reply_to, session, prompt, state, at";

fn read(row: &Row<'_>) -> rusqlite::Result<PromptSet> {
    Ok(PromptSet {
        key: row.get("key")?,
        updates: row.get::<_, Json<_>>("updates")?.0,
        place: place(row)?,
        user: row.get("user")?,
        reply_to: row.get("reply_to")?,
        session: session(row, "session")?,
        prompt: prompt(row, "prompt")?,
        state: row.get::<_, Word<_>>("state")?.0,
        at: row.get::<_, Micros>("at")?.0,
    })
}

impl Tables {
    /// Stores a set, in the place of an earlier one with its key. One that has ended stays so: whoever noted that knew
    /// more.
    pub(crate) fn put_prompt(&self, set: &PromptSet) -> Result<(), Fault> {
        self.conn
            .prepare_cached(&format!(
                "INSERT INTO prompt ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                 ON CONFLICT (key) DO UPDATE SET updates = excluded.updates, chat = excluded.chat, \
                 thread = excluded.thread, user = excluded.user, reply_to = excluded.reply_to, \
                 session = excluded.session, prompt = excluded.prompt, state = excluded.state, at = excluded.at \
                 WHERE prompt.state <> 'ended'"
            ))?
            .execute(params![
                set.key,
                Json(&set.updates),
                set.place.chat,
                thread(set.place),
                set.user,
                set.reply_to,
                set.session.map(Id::from),
                set.prompt.map(Id::from),
                Word(set.state),
                Micros(set.at),
            ])?;
        Ok(())
    }

    pub(crate) fn prompt_set(&self, key: &str) -> Result<Option<PromptSet>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM prompt WHERE key = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([key], read).optional()?)
    }

    /// The set that the host knows as this prompt, if it came from here.
    pub(crate) fn prompt_set_of(&self, prompt: PromptId) -> Result<Option<PromptSet>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM prompt WHERE prompt = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([Id::from(prompt)], read).optional()?)
    }

    /// What the host has of a session and has not finished, oldest first.
    pub(crate) fn accepted_in(&self, session: SessionId) -> Result<Vec<PromptSet>, Fault> {
        let sql = format!(
            "SELECT {COLUMNS} FROM prompt WHERE session = ?1 AND state = 'accepted' ORDER BY at, key"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map([Id::from(session)], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What was asked last in a session.
    pub(crate) fn last_asked(&self, session: SessionId) -> Result<Option<PromptSet>, Fault> {
        let sql = format!(
            "SELECT {COLUMNS} FROM prompt WHERE session = ?1 AND state IN ('accepted', 'ended') \
             ORDER BY at DESC, key DESC LIMIT 1"
        );
        Ok(self.conn.prepare_cached(&sql)?.query_row([Id::from(session)], read).optional()?)
    }

    /// Where a session was asked anything.
    pub(crate) fn places_of(&self, session: SessionId) -> Result<Vec<Place>, Fault> {
        let sql = "SELECT DISTINCT chat, thread FROM prompt WHERE session = ?1 ORDER BY chat, thread";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([Id::from(session)], place)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What was under way when the bridge ended, oldest first.
    pub(crate) fn open_prompt_sets(&self) -> Result<Vec<PromptSet>, Fault> {
        let sql =
            format!("SELECT {COLUMNS} FROM prompt WHERE state IN ('gathering', 'accepted') ORDER BY at, key");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The host has taken it.
    #[cfg(test)]
    pub(crate) fn prompt_accepted(
        &self,
        key: &str,
        session: SessionId,
        prompt: PromptId,
    ) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE prompt SET state = 'accepted', session = ?2, prompt = ?3 \
                 WHERE key = ?1 AND state = 'gathering'",
            )?
            .execute(params![key, Id::from(session), Id::from(prompt)])?;
        Ok(())
    }

    /// Nothing more is expected of it.
    pub(crate) fn close_prompt(&self, key: &str, state: PromptState) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE prompt SET state = ?2 WHERE key = ?1")?
            .execute(params![key, Word(state)])?;
        Ok(())
    }
}
