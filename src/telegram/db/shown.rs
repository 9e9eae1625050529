//! What is on the screens just now and will change: running turns, and approvals that wait.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::columns::{Id, Micros, place, thread};
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
        place: Place,
        outgoing: i64,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO shown_approval (approval, chat, thread, outgoing, message, at) \
                 VALUES (?1, ?2, ?3, ?4, NULL, ?5)",
            )?
            .execute(params![approval, place.chat, thread(place), outgoing, Micros(now)])?;
        Ok(())
    }

    /// Everywhere that an approval is asked.
    pub(crate) fn shown_approvals(&self, approval: ApprovalId) -> Result<Vec<ShownApproval>, Fault> {
        let mut statement = self.conn.prepare_cached(
            "SELECT chat, thread, outgoing, message FROM shown_approval WHERE approval = ?1 ORDER BY chat, thread",
        )?;
        let rows = statement.query_map([approval], |row| {
            Ok(ShownApproval {
                place: place(row)?,
                outgoing: row.get("outgoing")?,
                message: row.get("message")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// It is settled, and all that showed it says so.
    pub(crate) fn forget_shown_approvals(&self, approval: ApprovalId) -> Result<(), Fault> {
        self.conn.prepare_cached("DELETE FROM shown_approval WHERE approval = ?1")?.execute([approval])?;
        Ok(())
    }
}
