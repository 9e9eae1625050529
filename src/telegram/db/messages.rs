//! Which message belongs to what: an answer or a reaction to one finds its session by it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::{Id, Micros, Word, place, prompt, session, thread};
use super::{Fault, Tables};
use crate::model::{PromptId, SessionId};
use crate::telegram::place::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    /// A person's own, that became a prompt.
    Prompt,
    /// Shows a turn while it runs.
    Live,
    Reply,
    Approval,
    Question,
    Notice,
    /// Says of a prompt that it waits.
    Queued,
    /// Answers a command.
    Answer,
    File,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) place: Place,
    pub(crate) id: i64,
    pub(crate) kind: MessageKind,
    pub(crate) session: Option<SessionId>,
    pub(crate) prompt: Option<PromptId>,
    pub(crate) at: Timestamp,
}

const COLUMNS: &str = "chat, id, thread, session, prompt, kind, at";

fn read(row: &Row<'_>) -> rusqlite::Result<Noted> {
    Ok(Noted {
        place: place(row)?,
        id: row.get("id")?,
        kind: row.get::<_, Word<_>>("kind")?.0,
        session: session(row, "session")?,
        prompt: prompt(row, "prompt")?,
        at: row.get::<_, Micros>("at")?.0,
    })
}

impl Tables {
    /// Notes what a message is, or is now.
    pub(crate) fn note_message(&self, message: &Noted) -> Result<(), Fault> {
        self.conn
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO message ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            ))?
            .execute(params![
                message.place.chat,
                message.id,
                thread(message.place),
                message.session.map(Id::from),
                message.prompt.map(Id::from),
                Word(message.kind),
                Micros(message.at),
            ])?;
        Ok(())
    }

    pub(crate) fn message(&self, chat: i64, id: i64) -> Result<Option<Noted>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM message WHERE chat = ?1 AND id = ?2");
        Ok(self.conn.prepare_cached(&sql)?.query_row([chat, id], read).optional()?)
    }

    /// What says of a prompt that it waits.
    pub(crate) fn queued_notices(&self, prompt: PromptId) -> Result<Vec<Noted>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM message WHERE prompt = ?1 AND kind = ?2 ORDER BY chat, id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(params![Id::from(prompt), Word(MessageKind::Queued)], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// If a message says that a prompt waits, it does so no more.
    pub(crate) fn end_queued_notice(&self, chat: i64, id: i64) -> Result<(), Fault> {
        self.conn
            .prepare_cached("UPDATE message SET kind = ?3 WHERE chat = ?1 AND id = ?2 AND kind = ?4")?
            .execute(params![chat, id, Word(MessageKind::Notice), Word(MessageKind::Queued)])?;
        Ok(())
    }

    /// A message says again that its prompt waits.
    pub(crate) fn queued_notice_again(&self, chat: i64, id: i64) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE message SET kind = ?3 WHERE chat = ?1 AND id = ?2 AND kind = ?4 AND prompt IS NOT NULL",
            )?
            .execute(params![chat, id, Word(MessageKind::Queued), Word(MessageKind::Notice)])?;
        Ok(())
    }

    /// Everything that was shown for a prompt and said to make it, in the order of the chats' own numbers.
    #[cfg(test)]
    pub(crate) fn messages_of(&self, prompt: PromptId) -> Result<Vec<Noted>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM message WHERE prompt = ?1 ORDER BY chat, id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map([Id::from(prompt)], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn forget_message(&self, chat: i64, id: i64) -> Result<(), Fault> {
        self.conn.prepare_cached("DELETE FROM message WHERE chat = ?1 AND id = ?2")?.execute([chat, id])?;
        Ok(())
    }

    /// A group has got another number. What waits for it goes there; its messages, topics and buttons stay behind, and
    /// so does what was to be done to them: there the same numbers are other messages.
    pub(crate) fn move_chat(&self, from: i64, to: i64) -> Result<(), Fault> {
        self.conn.execute(
            "UPDATE outgoing SET state = 'replaced' WHERE chat = ?1 AND state IN ('waiting', 'sending') \
             AND payload ->> '$.type' IN ('edit', 'react', 'delete', 'topic') \
             AND payload ->> '$.message.row' IS NULL",
            [from],
        )?;
        // Without their keys: what waits there already may have the same.
        self.conn.execute(
            "UPDATE outgoing SET chat = ?2, thread = 0, key = NULL, payload = json_remove(payload, '$.reply_to') \
             WHERE chat = ?1",
            [from, to],
        )?;
        self.conn
            .execute("UPDATE prompt SET chat = ?2, thread = 0, reply_to = 0 WHERE chat = ?1", [from, to])?;
        self.conn.execute(
            "UPDATE incoming SET chat = ?2 WHERE chat = ?1 AND state IN ('new', 'kept')",
            [from, to],
        )?;
        self.conn.execute(
            "INSERT OR REPLACE INTO mute (chat, thread, session, until) \
             SELECT ?2, 0, session, until FROM mute WHERE chat = ?1 AND thread = 0",
            [from, to],
        )?;
        let stays =
            ["mute", "message", "topic", "button", "expectation", "asked", "live", "shown_approval", "held"];
        for table in stays {
            self.conn.execute(&format!("DELETE FROM {table} WHERE chat = ?1"), [from])?;
        }
        Ok(())
    }
}
