//! What is on the screens just now and will change: running turns, and approvals that wait.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Params, params};

use super::columns::{Id, Micros, place, prompt, session, thread};
use super::{Fault, Tables};
use crate::model::{ApprovalId, PromptId, SessionId, TurnId};
use crate::telegram::place::Place;

/// The message that shows a running turn in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LiveRow {
    pub(crate) place: Place,
    pub(crate) session: SessionId,
    pub(crate) turn: TurnId,
    /// The place's own, if it asked.
    pub(crate) prompt: Option<PromptId>,
    pub(crate) message: i64,
}

/// Where an approval is shown, or will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShownApproval {
    pub(crate) approval: ApprovalId,
    /// The numbers of approvals may begin anew. None: of a release that did not note it.
    pub(crate) session: Option<SessionId>,
    pub(crate) place: Place,
    pub(crate) outgoing: i64,
    pub(crate) message: Option<i64>,
}

impl Tables {
    pub(crate) fn put_live(&self, live: &LiveRow, now: Timestamp) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO live (session, turn, chat, thread, prompt, message, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                Id::from(live.session),
                live.turn.cast_signed(),
                live.place.chat,
                thread(live.place),
                live.prompt.map(Id::from),
                live.message,
                Micros(now)
            ])?;
        Ok(())
    }

    /// The message that shows a turn in a place. Another host may have given the turn another number: then its
    /// prompt tells which it is.
    pub(crate) fn live_message(
        &self,
        place: Place,
        session: SessionId,
        turn: TurnId,
        prompt: Option<PromptId>,
    ) -> Result<Option<i64>, Fault> {
        let sql = "SELECT message FROM live WHERE session = ?1 AND chat = ?3 AND thread = ?4 \
                   AND (turn = ?2 OR prompt = ?5) ORDER BY turn = ?2 DESC, turn DESC LIMIT 1";
        let found = self
            .conn
            .prepare_cached(sql)?
            .query_row(
                params![
                    Id::from(session),
                    turn.cast_signed(),
                    place.chat,
                    thread(place),
                    prompt.map(Id::from)
                ],
                |row| row.get(0),
            )
            .optional()?;
        Ok(found)
    }

    /// What shows turns, of one session or of all.
    pub(crate) fn live_rows(&self, session: Option<SessionId>) -> Result<Vec<LiveRow>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT session, turn, chat, thread, prompt, message FROM live \
             WHERE ?1 IS NULL OR session = ?1 ORDER BY message",
        )?;
        let rows = statement.query_map([session.map(Id::from)], |row| {
            Ok(LiveRow {
                place: place(row)?,
                session: SessionId(row.get::<_, Id>("session")?.0),
                turn: row.get::<_, i64>("turn")?.cast_unsigned(),
                prompt: prompt(row, "prompt")?,
                message: row.get("message")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Where a turn is shown.
    pub(crate) fn live_places(&self, session: SessionId, turn: TurnId) -> Result<Vec<Place>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT chat, thread FROM live WHERE session = ?1 AND turn = ?2 ORDER BY chat, thread",
        )?;
        let rows = statement.query_map(params![Id::from(session), turn.cast_signed()], place)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The message shows no running turn any more.
    pub(crate) fn end_live(&self, chat: i64, message: i64) -> Result<(), Fault> {
        let sql = "DELETE FROM live WHERE chat = ?1 AND message = ?2";
        self.conn.prepare_cached(sql)?.execute([chat, message])?;
        Ok(())
    }

    /// An approval is asked in a place by a row of `outgoing`.
    pub(crate) fn put_shown_approval(
        &self,
        approval: ApprovalId,
        session: SessionId,
        place: Place,
        outgoing: i64,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO shown_approval (approval, session, chat, thread, outgoing, message, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6)",
            )?
            .execute(params![
                approval,
                Id::from(session),
                place.chat,
                thread(place),
                outgoing,
                Micros(now)
            ])?;
        Ok(())
    }

    /// Everywhere that an approval is asked.
    pub(crate) fn shown_approvals(&self, approval: ApprovalId) -> Result<Vec<ShownApproval>, Fault> {
        self.shown_where("approval = ?1", [approval])
    }

    /// All of a session that are asked anywhere.
    pub(crate) fn shown_approvals_of(&self, session: SessionId) -> Result<Vec<ShownApproval>, Fault> {
        self.shown_where("session = ?1", [Id::from(session)])
    }

    /// What a topic is to show, and does not yet.
    pub(crate) fn unsent_approvals_in(&self, at: Place) -> Result<Vec<ShownApproval>, Fault> {
        self.shown_where("message IS NULL AND chat = ?1 AND thread = ?2", [at.chat, thread(at)])
    }

    fn shown_where(&self, condition: &str, key: impl Params) -> Result<Vec<ShownApproval>, Fault> {
        let sql = "SELECT approval, session, chat, thread, outgoing, message FROM shown_approval";
        let sql = format!("{sql} WHERE {condition} ORDER BY approval, chat, thread");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(key, |row| {
            Ok(ShownApproval {
                approval: row.get("approval")?,
                session: session(row, "session")?,
                place: place(row)?,
                outgoing: row.get("outgoing")?,
                message: row.get("message")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// It is asked in another place now; one that asked it there before stays the one.
    pub(crate) fn move_shown_approval(
        &self,
        approval: ApprovalId,
        from: Place,
        to: Place,
    ) -> Result<(), Fault> {
        let sql = "UPDATE OR IGNORE shown_approval SET chat = ?4, thread = ?5 \
                   WHERE approval = ?1 AND chat = ?2 AND thread = ?3";
        let key = params![approval, from.chat, thread(from), to.chat, thread(to)];
        self.conn.prepare_cached(sql)?.execute(key)?;
        let sql = "DELETE FROM shown_approval WHERE approval = ?1 AND chat = ?2 AND thread = ?3";
        self.conn.prepare_cached(sql)?.execute(params![approval, from.chat, thread(from)])?;
        Ok(())
    }

    /// It is settled, and all that showed it says so.
    pub(crate) fn forget_shown_approvals(&self, approval: ApprovalId) -> Result<(), Fault> {
        self.conn.prepare_cached("DELETE FROM shown_approval WHERE approval = ?1")?.execute([approval])?;
        Ok(())
    }
}
