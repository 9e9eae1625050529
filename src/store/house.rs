//! A session's rows on their way to another machine, and who is let in: out here, in there.

use rusqlite::params;
use uuid::Uuid;

use super::Db;
use super::access::{Access, AccessKind};
use super::sessions::gone;
use crate::error::Result;
use crate::model::{
    Admitted, AdmittedKind, Channel, Event, MovedPrompt, MovedSession, Prompt, PromptStatus, Rule, SessionId,
    SessionState,
};
use crate::sqlite::columns::{Count, Id, Micros, Word};

/// A session that comes from another machine, with its log.
pub(crate) struct Arriving<'a, E> {
    pub(crate) moved: &'a MovedSession,
    /// All that it has had.
    pub(crate) conversations: &'a [Uuid],
    pub(crate) events: E,
    /// Where it was the current one.
    pub(crate) channels: &'a [Channel],
}

impl Db {
    /// A session's row with what hangs on it and is not in its archive.
    pub(crate) fn moving(&self, id: SessionId) -> Result<MovedSession> {
        let session = self.session(id)?;
        let cost_seen = self
            .conn
            .prepare_cached("SELECT cost_seen FROM session WHERE id = ?1")?
            .query_row([Id(id.0)], |row| row.get(0))?;
        let mut prompts = Vec::new();
        for prompt in self.waiting(id)? {
            let seq = self
                .conn
                .prepare_cached("SELECT seq FROM prompt WHERE id = ?1")?
                .query_row([Id(prompt.id.0)], |row| row.get::<_, Count>(0))?;
            prompts.push(MovedPrompt { seq: seq.0, prompt });
        }
        Ok(MovedSession { session, cost_seen, rules: self.session_rules(id)?, prompts })
    }

    /// Every channel with its current session.
    pub(crate) fn channels(&self) -> Result<Vec<(Channel, SessionId)>> {
        let mut statement =
            self.conn.prepare_cached("SELECT channel, session FROM channel ORDER BY channel")?;
        let rows =
            statement.query_map([], |row| Ok((Channel(row.get(0)?), SessionId(row.get::<_, Id>(1)?.0))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Everybody who is let in.
    pub(crate) fn admitted(&self) -> Result<Vec<Admitted>> {
        let words = |Access { kind, id, name, added }| Admitted { kind: kind_of(kind), id, name, added };
        Ok(self.allowed()?.into_iter().map(words).collect())
    }

    /// Lets them in as they were; who is let in already stays so under the name that is known.
    pub(crate) fn admit(&mut self, admitted: &[Admitted]) -> Result<()> {
        self.atomically(|db| {
            let sql = "INSERT OR IGNORE INTO access (kind, id, name, added) VALUES (?1, ?2, ?3, ?4)";
            for Admitted { kind, id, name, added } in admitted {
                let kind = match kind {
                    AdmittedKind::User => AccessKind::User,
                    AdmittedKind::Chat => AccessKind::Chat,
                };
                db.conn.prepare_cached(sql)?.execute(params![Word(kind), id, name, Micros(*added)])?;
            }
            Ok(())
        })
    }

    /// Takes in a session of another machine as a whole. Where another session is current already it stays.
    pub(crate) fn arrive<E: Iterator<Item = Result<Event>>>(
        &mut self,
        arriving: Arriving<'_, E>,
    ) -> Result<()> {
        let Arriving { moved, conversations, events, channels } = arriving;
        let session = &moved.session;
        self.atomically(|db| {
            db.create_session(session)?;
            let last = session.conversation;
            for conversation in conversations.iter().copied().filter(|id| Some(*id) != last).chain(last) {
                db.set_conversation(session.id, conversation)?;
            }
            let sql = "UPDATE session SET cost_seen = ?2 WHERE id = ?1";
            if db.conn.prepare_cached(sql)?.execute(params![Id(session.id.0), moved.cost_seen])? != 1 {
                return Err(gone(session.id));
            }
            db.import_events(session.id, events)?;
            db.put_rules(session.id, &moved.rules)?;
            for MovedPrompt { seq, prompt } in &moved.prompts {
                db.put_waiting(session.id, prompt, *seq)?;
            }
            if session.state == SessionState::Archived {
                return Ok(());
            }
            for channel in channels {
                db.conn
                    .prepare_cached("INSERT OR IGNORE INTO channel (channel, session) VALUES (?1, ?2)")?
                    .execute(params![channel.0, Id(session.id.0)])?;
            }
            Ok(())
        })
    }

    /// By whom and when they were allowed stays true.
    fn put_rules(&mut self, session: SessionId, rules: &[Rule]) -> Result<()> {
        let sql = "INSERT INTO session_rule (session, rule, added, added_by) VALUES (?1, ?2, ?3, ?4)";
        for Rule { rule, added, by } in rules {
            self.conn.prepare_cached(sql)?.execute(params![Id(session.0), rule, Micros(*added), by])?;
        }
        Ok(())
    }

    fn put_waiting(&mut self, session: SessionId, prompt: &Prompt, seq: u64) -> Result<()> {
        let waiting = Prompt { session, status: PromptStatus::Queued, set: None, ..prompt.clone() };
        self.insert_prompt(&waiting, seq)?;
        self.conn
            .prepare_cached("UPDATE prompt SET given_as = ?2 WHERE id = ?1")?
            .execute(params![Id(prompt.id.0), prompt.given_as.map(Id)])?;
        Ok(())
    }
}

const fn kind_of(kind: AccessKind) -> AdmittedKind {
    match kind {
        AccessKind::User => AdmittedKind::User,
        AccessKind::Chat => AdmittedKind::Chat,
    }
}
