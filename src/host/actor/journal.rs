//! What an actor has to make durable, kept until the store has it.
//!
//! Writes are collected while effects are carried out and committed together before anything that others can
//! see. When the store refuses (the disk is full), they stay here in order and are tried again: the running
//! turn goes on meanwhile.

use uuid::Uuid;

use crate::error::{Kind, Result};
use crate::host::short;
use crate::host::turn::Finished;
use crate::model::{
    ApprovalId, Detail, EventKind, NewEvent, Outcome, PromptId, SessionId, SessionState, Stages, Usage,
};
use crate::store::{Db, Fed, FinishedTurn};

/// One durable change of a session.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Event(NewEvent),
    Started(Vec<PromptId>),
    Requeue(PromptId),
    GivenBack(PromptId),
    Cancel(PromptId),
    Hold(Option<String>),
    Conversation(Uuid),
    State(SessionState),
    /// These approvals became void.
    Void(Vec<ApprovalId>),
    Finish {
        finished: Finished,
        stages: Stages,
        started: jiff::Timestamp,
    },
}

/// Carries out `writes` in the caller's transaction; the events that were appended, in order.
pub(super) fn commit(db: &mut Db, session: SessionId, writes: &[Write]) -> Result<Vec<Fed>> {
    let mut events = Vec::new();
    for write in writes {
        match one(db, session, write) {
            Ok(appended) => events.extend(appended),
            // It does not fit what is stored and never will: those behind it must not wait for it.
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::NotFound) => {
                tracing::error!(%session, %error, ?write, "a change that does not fit the store is left out");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}

fn one(db: &mut Db, session: SessionId, write: &Write) -> Result<Vec<Fed>> {
    db.atomically(|db| {
        let mut events = Vec::new();
        match write {
            Write::Event(event) => events.extend(db.append(session, std::slice::from_ref(event))?),
            Write::Started(prompts) => db.mark_started(prompts)?,
            Write::Requeue(prompt) => db.back_to_queued(&[*prompt])?,
            Write::GivenBack(prompt) => db.given_back(*prompt)?,
            Write::Cancel(prompt) => {
                db.back_to_queued(&[*prompt])?;
                events.extend(short::take_back(db, *prompt)?.1);
            }
            Write::Hold(reason) => db.set_hold(session, reason.as_deref())?,
            Write::Conversation(id) => db.set_conversation(session, *id)?,
            Write::State(state) => db.set_state(session, *state)?,
            Write::Void(ids) => events.extend(void(db, session, ids)?),
            Write::Finish { finished, stages, started } => {
                events.extend(finish(db, session, finished, *stages, *started)?);
            }
        }
        Ok(events)
    })
}

fn void(db: &mut Db, session: SessionId, ids: &[ApprovalId]) -> Result<Vec<Fed>> {
    let ids = db.void(ids)?;
    let events: Vec<_> = ids
        .into_iter()
        .map(|approval| NewEvent {
            kind: EventKind::ApprovalAnswered,
            text: "no longer needed".to_owned(),
            prompt_id: None,
            detail: Some(Detail::Answered { approval, decision: None, by: "claudebot".to_owned() }),
        })
        .collect();
    db.append(session, &events)
}

fn finish(
    db: &mut Db,
    session: SessionId,
    finished: &Finished,
    stages: Stages,
    started: jiff::Timestamp,
) -> Result<Vec<Fed>> {
    let (cost_usd, usage) = match &finished.end {
        Some(end) => (db.add_cost(session, end.total_cost_usd)?, end.usage),
        None => (0.0, Usage::default()),
    };
    match finished.outcome {
        Outcome::Done | Outcome::Failed => db.mark_done(&finished.prompts)?,
        Outcome::Interrupted | Outcome::Replaced => db.mark_interrupted(&finished.prompts)?,
    }
    let Finished { turn, origin, outcome, .. } = *finished;
    let ended = jiff::Timestamp::now();
    db.finish_turn(&FinishedTurn {
        session,
        turn,
        origin,
        outcome,
        stages,
        cost_usd,
        usage,
        started,
        ended,
    })?;
    let event = NewEvent {
        kind: EventKind::TurnEnded,
        text: finished.text.clone(),
        prompt_id: finished.prompts.first().copied(),
        detail: Some(Detail::Turn {
            turn,
            origin,
            outcome,
            prompts: finished.prompts.clone(),
            cost_usd,
            usage,
            stages,
        }),
    };
    db.append(session, &[event])
}
