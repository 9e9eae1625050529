//! The prompt queue: accepted once per key, in order, each step of a prompt's life durable.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::Db;
use super::events::Fed;
use super::sessions::gone;
use crate::error::{Error, Result};
use crate::model::PromptStatus::{Cancelled, Done, Interrupted, Queued, Sent, Started};
use crate::model::{Detail, EventKind, NewEvent, Prompt, PromptId, PromptStatus, SessionId};
use crate::sqlite::columns::{Count, Id, Json, Micros, Word, now, to_micros};

/// What became of a prompt that was handed in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Acceptance {
    /// As it is stored: of a repeated key the first one, as far as it has come by now.
    pub(crate) prompt: Prompt,
    /// The `seq` of its event.
    pub(crate) seq: u64,
    /// Its event, to be told to subscribers. None: the key was accepted before, nothing was stored.
    pub(crate) event: Option<Fed>,
}

impl Acceptance {
    pub(crate) const fn repeated(&self) -> bool {
        self.event.is_none()
    }
}

/// A prompt whose key came again.
struct Before {
    prompt: Prompt,
    seq: u64,
    said: String,
}

const COLUMNS: &str =
    "p.id, p.session, p.key, p.text, p.attachments, p.delivery, p.status, p.accepted, p.set_id, p.given_as";
const OPEN: &str = "p.status IN ('queued', 'sent', 'started')";

fn read(row: &Row<'_>) -> rusqlite::Result<Prompt> {
    Ok(Prompt {
        id: PromptId(row.get::<_, Id>(0)?.0),
        session: SessionId(row.get::<_, Id>(1)?.0),
        key: row.get(2)?,
        text: row.get(3)?,
        attachments: row.get::<_, Json<_>>(4)?.0,
        delivery: row.get::<_, Word<_>>(5)?.0,
        status: row.get::<_, Word<_>>(6)?.0,
        accepted: row.get::<_, Micros>(7)?.0,
        set: row.get::<_, Option<Id>>(8)?.map(|id| PromptId(id.0)),
        given_as: row.get::<_, Option<Id>>(9)?.map(|id| id.0),
    })
}

/// One step of a prompt's life: where it may come from, and what is noted.
struct Step {
    to: PromptStatus,
    from: &'static [PromptStatus],
    /// The column that takes the time of the step.
    time: &'static str,
}

const STARTED: Step = Step { to: Started, from: &[Sent], time: "started" };
const DONE: Step = Step { to: Done, from: &[Sent, Started], time: "ended" };
const INTERRUPTED: Step = Step { to: Interrupted, from: &[Sent, Started], time: "ended" };
const CANCELLED: Step = Step { to: Cancelled, from: &[Queued], time: "ended" };

impl Db {
    /// Makes a prompt durable, once per key: its row, its event and the session's time, in one commit. With
    /// `as_sent` it is at the same time recorded as about to be written to the agent, for a session that is idle.
    pub(crate) fn accept(&mut self, prompt: &Prompt, as_sent: bool) -> Result<Acceptance> {
        self.atomically(|db| {
            if let Some(before) = db.by_key(&prompt.key)? {
                return same_as_before(prompt, before);
            }
            let accepted = to_micros(prompt.accepted);
            db.touch(prompt.session, accepted)?;
            let event = db.append_at(prompt.session, &[event_of(prompt)], accepted)?.pop();
            let seq = event.as_ref().map_or(0, |fed| fed.event.seq);
            db.insert_prompt(prompt, seq)?;
            if as_sent {
                db.mark_sent(&[prompt.id])?;
            }
            Ok(Acceptance { prompt: db.prompt(prompt.id)?, seq, event })
        })
    }

    /// Whether a prompt with this key was accepted.
    pub(crate) fn knows_key(&self, key: &str) -> Result<bool> {
        Ok(self.by_key(key)?.is_some())
    }

    pub(crate) fn prompt(&self, id: PromptId) -> Result<Prompt> {
        self.conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM prompt p WHERE p.id = ?1"))?
            .query_row([Id(id.0)], read)
            .optional()?
            .ok_or_else(|| Error::not_found(format!("there is no prompt {id}")))
    }

    /// The prompts that the agent has not been given, in order of acceptance.
    pub(crate) fn waiting(&self, session: SessionId) -> Result<Vec<Prompt>> {
        let mut open = self.open_prompts(session)?;
        open.retain(|prompt| prompt.status == Queued);
        Ok(open)
    }

    /// The prompts that are not final, in order of acceptance.
    pub(crate) fn open_prompts(&self, session: SessionId) -> Result<Vec<Prompt>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM prompt p WHERE p.session = ?1 AND {OPEN} ORDER BY p.position"
        ))?;
        let rows = statement.query_map([Id(session.0)], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The first prompt that waits.
    pub(crate) fn next_waiting(&self, session: SessionId) -> Result<Option<Prompt>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM prompt p WHERE p.session = ?1 AND {OPEN} AND p.status = 'queued' \
             ORDER BY p.position LIMIT 1"
        );
        Ok(self.conn.prepare_cached(&sql)?.query_row([Id(session.0)], read).optional()?)
    }

    /// What a new host has to look at.
    pub(crate) fn sessions_with_open_prompts(&self) -> Result<Vec<SessionId>> {
        let mut statement =
            self.conn.prepare_cached(&format!("SELECT DISTINCT p.session FROM prompt p WHERE {OPEN}"))?;
        let rows = statement.query_map([], |row| row.get::<_, Id>(0).map(|id| SessionId(id.0)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many prompts wait, of each session that has any. Only open prompts are looked at, by their index.
    pub(super) fn queued_counts(&self) -> Result<HashMap<SessionId, u32>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT p.session, count(*) FROM prompt p WHERE {OPEN} AND p.status = 'queued' GROUP BY p.session"
        ))?;
        let rows = statement.query_map([], |row| Ok((SessionId(row.get::<_, Id>(0)?.0), row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Records, before anything is written, that these prompts go to the agent together and in this order. The
    /// set's id is the first one's.
    pub(crate) fn mark_sent(&mut self, prompts: &[PromptId]) -> Result<()> {
        let Some(set) = prompts.first().copied() else { return Ok(()) };
        self.atomically(|db| {
            let at = now();
            for (member, id) in (0_u32..).zip(prompts) {
                db.expect_in(*id, &[Queued])?;
                db.conn
                    .prepare_cached(
                        "UPDATE prompt SET status = 'sent', sent = ?2, set_id = ?3, set_member = ?4 WHERE id = ?1",
                    )?
                    .execute(params![Id(id.0), Micros(at), Id(set.0), member])?;
            }
            Ok(())
        })
    }

    /// The agent has begun with them.
    pub(crate) fn mark_started(&mut self, prompts: &[PromptId]) -> Result<()> {
        self.take(prompts, &STARTED)
    }

    /// Their turn ended.
    pub(crate) fn mark_done(&mut self, prompts: &[PromptId]) -> Result<()> {
        self.take(prompts, &DONE)
    }

    /// Their turn was cut off.
    pub(crate) fn mark_interrupted(&mut self, prompts: &[PromptId]) -> Result<()> {
        self.take(prompts, &INTERRUPTED)
    }

    /// The agent does not have them (any more): they wait again, in their old places.
    pub(crate) fn back_to_queued(&mut self, prompts: &[PromptId]) -> Result<()> {
        self.atomically(|db| {
            for id in prompts {
                db.expect_in(*id, &[Sent, Started, Queued])?;
                db.conn
                    .prepare_cached(
                        "UPDATE prompt SET status = 'queued', sent = NULL, started = NULL, set_id = NULL, set_member = NULL \
                         WHERE id = ?1",
                    )?
                    .execute([Id(id.0)])?;
            }
            Ok(())
        })
    }

    /// The agent gave it back without having begun. It remembers the uuid and would not run it again, so the
    /// prompt waits under a new one.
    pub(crate) fn given_back(&mut self, prompt: PromptId) -> Result<()> {
        self.atomically(|db| {
            db.back_to_queued(&[prompt])?;
            db.conn
                .prepare_cached("UPDATE prompt SET given_as = ?2 WHERE id = ?1")?
                .execute(params![Id(prompt.0), Id(Uuid::new_v4())])?;
            Ok(())
        })
    }

    /// Takes back a prompt that the agent was not given.
    pub(crate) fn cancel(&mut self, prompt: PromptId) -> Result<()> {
        self.take(&[prompt], &CANCELLED)
    }

    /// Cancels whatever waits, and says what that was.
    pub(crate) fn cancel_waiting(&mut self, session: SessionId) -> Result<Vec<PromptId>> {
        self.atomically(|db| {
            let waiting: Vec<_> = db.waiting(session)?.iter().map(|prompt| prompt.id).collect();
            db.take(&waiting, &CANCELLED)?;
            Ok(waiting)
        })
    }

    /// Changes the text of a prompt that still waits. Its event keeps what was said first.
    pub(crate) fn edit(&mut self, prompt: PromptId, text: &str) -> Result<()> {
        self.atomically(|db| {
            db.expect_in(prompt, &[Queued])?;
            db.conn
                .prepare_cached("UPDATE prompt SET text = ?2 WHERE id = ?1")?
                .execute(params![Id(prompt.0), text])?;
            Ok(())
        })
    }

    /// Moves all of them one step on, or none. Where one has taken this step before, that is no news.
    fn take(&mut self, prompts: &[PromptId], step: &Step) -> Result<()> {
        self.atomically(|db| {
            let at = now();
            let sql = format!("UPDATE prompt SET status = ?2, {} = ?3 WHERE id = ?1", step.time);
            for id in prompts {
                if db.prompt(*id)?.status != step.to {
                    db.expect_in(*id, step.from)?;
                    db.conn.prepare_cached(&sql)?.execute(params![Id(id.0), Word(step.to), Micros(at)])?;
                }
            }
            Ok(())
        })
    }

    fn expect_in(&self, id: PromptId, allowed: &[PromptStatus]) -> Result<()> {
        let present = self.prompt(id)?;
        if allowed.contains(&present.status) { Ok(()) } else { Err(too_late(&present)) }
    }

    /// The prompt of a key, as it was said first: it may have been edited since.
    fn by_key(&self, key: &str) -> Result<Option<Before>> {
        let sql = format!(
            "SELECT {COLUMNS}, p.seq, e.text FROM prompt p \
             JOIN event e ON e.session = p.session AND e.seq = p.seq WHERE p.key = ?1"
        );
        let found = self
            .conn
            .prepare_cached(&sql)?
            .query_row([key], |row| {
                Ok(Before { prompt: read(row)?, seq: row.get::<_, Count>(10)?.0, said: row.get(11)? })
            })
            .optional()?;
        Ok(found)
    }

    pub(super) fn insert_prompt(&mut self, prompt: &Prompt, seq: u64) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO prompt (id, session, key, text, attachments, delivery, status, seq, accepted) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                Id(prompt.id.0),
                Id(prompt.session.0),
                prompt.key,
                prompt.text,
                Json(&prompt.attachments),
                Word(prompt.delivery),
                Word(Queued),
                Count(seq),
                Micros(prompt.accepted),
            ])?;
        Ok(())
    }

    /// Only a session that can still answer takes prompts.
    fn touch(&mut self, session: SessionId, at: Timestamp) -> Result<()> {
        let touched = self
            .conn
            .prepare_cached("UPDATE session SET last_active = ?2 WHERE id = ?1 AND state <> 'archived'")?
            .execute(params![Id(session.0), Micros(at)])?;
        if touched == 1 {
            return Ok(());
        }
        let present = self.session(session).map_err(|_| gone(session))?;
        Err(Error::conflict(format!("the session {} is archived", present.name))
            .hint("`claudebot session restore ARCHIVE` brings it back"))
    }
}

fn event_of(prompt: &Prompt) -> NewEvent {
    let attachments = prompt.attachments.iter().map(|path| path.display().to_string()).collect();
    NewEvent {
        kind: EventKind::Prompt,
        text: prompt.text.clone(),
        prompt_id: Some(prompt.id),
        detail: Some(Detail::Prompt { delivery: prompt.delivery, attachments }),
    }
}

fn same_as_before(again: &Prompt, before: Before) -> Result<Acceptance> {
    if before.prompt.session == again.session && before.said == again.text {
        return Ok(Acceptance { prompt: before.prompt, seq: before.seq, event: None });
    }
    Err(Error::conflict(format!("the key {} was used for another prompt", again.key))
        .hint("a key is for one prompt and its retries; take a new one"))
}

fn too_late(prompt: &Prompt) -> Error {
    let state = match prompt.status {
        Queued => "still waits in the queue",
        Sent => "was given to the agent already",
        Started => "is being answered already",
        Done => "was answered already",
        Interrupted => "was interrupted already",
        Cancelled => "was taken back already",
    };
    Error::conflict(format!("the prompt {} {state}", prompt.id))
}
