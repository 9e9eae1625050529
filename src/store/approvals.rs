//! Approvals: asked once, answered once, from anywhere.

use rusqlite::{OptionalExtension, Row, params};

use super::Db;
use crate::error::{Error, Result};
use crate::model::{Approval, ApprovalId, ApprovalStatus, Decision, SessionId};
use crate::sqlite::columns::{Id, Json, Micros, now};

/// How an answer fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It counts.
    First,
    /// It does not: someone was first, or nobody waits for it any more.
    TooLate(ApprovalStatus),
}

fn read(row: &Row<'_>) -> rusqlite::Result<Approval> {
    let id = row.get(0)?;
    let Json(body) = row.get::<_, Json<Approval>>(1)?;
    Ok(Approval { id, ..body })
}

fn read_status(row: &Row<'_>) -> rusqlite::Result<ApprovalStatus> {
    let ended = |column| row.get::<_, Micros>(column).map(|at| at.0);
    Ok(match row.get_ref(0)?.as_str()? {
        "pending" => ApprovalStatus::Pending,
        "answered" => {
            let decision = row.get::<_, Json<Decision>>(1)?.0;
            ApprovalStatus::Answered { decision, by: row.get(2)?, at: ended(3)? }
        }
        _ => ApprovalStatus::Void { at: ended(3)? },
    })
}

impl Db {
    /// Stores what the agent asks and gives it its number; `approval.id` is not looked at.
    pub(crate) fn ask(&mut self, approval: &Approval) -> Result<ApprovalId> {
        self.conn
            .prepare_cached("INSERT INTO approval (session, body, status) VALUES (?1, ?2, 'pending')")?
            .execute(params![Id(approval.session_id.0), Json(approval)])?;
        Ok(self.conn.last_insert_rowid())
    }

    /// Answers an approval unless that has been done.
    pub(crate) fn answer(&mut self, id: ApprovalId, decision: &Decision, by: &str) -> Result<Answered> {
        let answered = self
            .conn
            .prepare_cached(
                "UPDATE approval SET status = 'answered', decision = ?2, answered_by = ?3, ended = ?4 \
                 WHERE id = ?1 AND status = 'pending'",
            )?
            .execute(params![id, Json(decision), by, Micros(now())])?;
        if answered == 1 {
            return Ok(Answered::First);
        }
        self.approval(id).map(|(_, status)| Answered::TooLate(status))
    }

    /// Nobody waits for these answers any more. Says which of them were still pending.
    pub(crate) fn void(&mut self, ids: &[ApprovalId]) -> Result<Vec<ApprovalId>> {
        self.atomically(|db| {
            let mut statement = db.conn.prepare_cached(
                "UPDATE approval SET status = 'void', ended = ?2 WHERE id = ?1 AND status = 'pending'",
            )?;
            let mut voided = Vec::new();
            for id in ids {
                if statement.execute(params![id, Micros(now())])? == 1 {
                    voided.push(*id);
                }
            }
            Ok(voided)
        })
    }

    /// What waits for a person, oldest first, in one session or in all.
    pub(crate) fn pending_approvals(&self, session: Option<SessionId>) -> Result<Vec<Approval>> {
        let which = if session.is_some() { "a.session = ?1" } else { "?1 IS NULL" };
        let sql = format!(
            "SELECT a.id, a.body, s.name FROM approval a JOIN session s ON s.id = a.session \
             WHERE a.status = 'pending' AND {which} ORDER BY a.id"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        // It may have been renamed since it asked.
        let present = |row: &Row<'_>| Ok(Approval { session: row.get(2)?, ..read(row)? });
        let rows = statement.query_map([session.map(|id| Id(id.0))], present)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn approval(&self, id: ApprovalId) -> Result<(Approval, ApprovalStatus)> {
        let status = self
            .conn
            .prepare_cached("SELECT status, decision, answered_by, ended FROM approval WHERE id = ?1")?
            .query_row([id], read_status)
            .optional()?;
        let Some(status) = status else { return Err(self.no_approval(id)) };
        let approval =
            self.conn.prepare_cached("SELECT id, body FROM approval WHERE id = ?1")?.query_row([id], read)?;
        Ok((approval, status))
    }

    fn no_approval(&self, id: ApprovalId) -> Error {
        let error = Error::not_found(format!("there is no approval {id}"));
        match self.pending_approvals(None) {
            Ok(pending) if pending.is_empty() => error.hint("nothing waits for an answer"),
            Ok(pending) => error
                .hint("`claudebot approvals` shows what waits")
                .candidates(pending.iter().map(|approval| approval.id.to_string()).collect()),
            Err(error) => error,
        }
    }
}
