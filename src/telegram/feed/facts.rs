//! What is known about an event beside itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Fed;
use crate::error::Result;
use crate::ipc::{Request, Response};
use crate::model::{Approval, ApprovalId, Detail, Event, EventKind, PromptId, SessionId, TurnId};
use crate::telegram::bridge::Bridge;
use crate::telegram::db::{Mute, PromptSet, PromptState, ShownApproval, Tables};
use crate::telegram::live::Verbosity;
use crate::telegram::place::Place;
use crate::telegram::turn_log::{self, TurnLog, unexpected};

/// What happened longer ago is no news for those who did not ask.
const NEWS: SignedDuration = SignedDuration::from_hours(1);

/// Somebody in Telegram who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) place: Place,
    pub(super) reply_to: i64,
    pub(super) prompt: Option<PromptId>,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    pub(super) session: SessionId,
    pub(super) name: String,
    /// Who asked what the event is about, each place once, with what it asked first.
    pub(super) asked: Vec<Asker>,
    /// All prompts from Telegram that it is about.
    pub(super) sets: Vec<PromptSet>,
    /// Who has anything open in the session, each place once.
    pub(super) open: Vec<Asker>,
    /// Who asked last in the session.
    pub(super) last: Option<Asker>,
    /// Where the session is shown though it was not asked from there.
    pub(super) mirrors: Vec<Place>,
    /// Private chats that hear of whatever waits for a person.
    pub(super) inboxes: Vec<Place>,
    /// Where the turn was shown while it ran.
    pub(super) shown: Vec<Place>,
    /// Where the approval is shown.
    pub(super) approval: Vec<ShownApproval>,
    /// What is asked of a person still waits for an answer.
    pub(super) is_pending: bool,
    pub(super) mutes: Vec<Mute>,
    /// Topics that are the session's: its name need not be said there.
    pub(super) topics: Vec<Place>,
    pub(super) turn: TurnLog,
    pub(super) verbosity: Verbosity,
    pub(super) ring_after: Duration,
}

/// Whether anybody could hear of an event, seen by it alone.
pub(super) fn may_matter(event: &Event, mirror: &str) -> bool {
    match event.kind {
        EventKind::Prompt => mirror == "all",
        EventKind::Reply | EventKind::Tool => false,
        EventKind::TurnEnded | EventKind::ApprovalAsked | EventKind::ApprovalAnswered | EventKind::Notice => {
            true
        }
    }
}

pub(super) async fn gather(bridge: &Bridge, fed: &Fed) -> Result<Facts> {
    let Fed { session, name, event, .. } = fed;
    let sets = sets(bridge, *session, &prompts_of(event)).await?;
    let turn = match &event.detail {
        Some(Detail::Turn { .. }) => turn_log::read(&bridge.link, *session, event.seq).await?,
        _ => TurnLog::default(),
    };
    // For what is asked of a person it does not matter who would look on.
    let mirrors = match event.kind {
        EventKind::TurnEnded | EventKind::Prompt => bridge.mirrors(*session).await?,
        _ => Vec::new(),
    };
    let now = Timestamp::now();
    let is_pending = match &event.detail {
        // Of what was asked just now the answer is not far either.
        Some(Detail::Asked { .. }) if is_news(event, now) => true,
        Some(Detail::Asked { approval }) => {
            pending(bridge).await?.iter().any(|other| other.id == approval.id)
        }
        _ => false,
    };
    let read = |tables: &Tables| {
        let mut open = tables.accepted_in(*session)?;
        // Whoever asked may not be noted yet.
        for set in sets.iter().filter(|set| set.state == PromptState::Accepted) {
            if open.iter().all(|open| open.key != set.key) {
                open.push(set.clone());
            }
        }
        let topics = tables.topics_of(*session)?;
        Ok(Facts {
            now,
            session: *session,
            name: name.clone(),
            asked: askers(&sets),
            open: askers(&open),
            last: tables.last_asked(*session)?.as_ref().map(asker),
            mirrors,
            inboxes: bridge.inboxes().into_iter().map(Place::chat).collect(),
            shown: turn_of(event).map_or(Ok(Vec::new()), |turn| tables.live_places(*session, turn))?,
            approval: approval_of(event)
                .map_or(Ok(Vec::new()), |approval| tables.shown_approvals(approval))?,
            is_pending,
            mutes: tables.mutes(now)?,
            topics: topics.iter().filter(|topic| !topic.closed).map(|topic| topic.place).collect(),
            sets,
            turn,
            verbosity: Verbosity::from_word(&bridge.config.verbosity),
            ring_after: bridge.config.ring_after,
        })
    };
    bridge.db.read(read)
}

/// What waits for a person in all sessions.
pub(super) async fn pending(bridge: &Bridge) -> Result<Vec<Approval>> {
    match bridge.link.call(Request::Approvals { session: None }).await? {
        Response::Approvals(approvals) => Ok(approvals),
        other => Err(unexpected(&other)),
    }
}

/// It happened just now, and not while nobody was told of anything.
pub(super) fn is_news(event: &Event, now: Timestamp) -> bool {
    now.duration_since(event.at) < NEWS
}

/// The prompts as they came from Telegram.
async fn sets(bridge: &Bridge, session: SessionId, prompts: &[PromptId]) -> Result<Vec<PromptSet>> {
    let mut sets = Vec::new();
    for prompt in prompts {
        sets.extend(bridge.asked_by(session, *prompt).await?);
    }
    Ok(sets)
}

fn asker(set: &PromptSet) -> Asker {
    Asker { place: set.place, reply_to: set.reply_to, prompt: set.prompt, at: set.at }
}

fn askers(sets: &[PromptSet]) -> Vec<Asker> {
    let mut askers: Vec<Asker> = Vec::new();
    for set in sets {
        if askers.iter().all(|asker| asker.place != set.place) {
            askers.push(asker(set));
        }
    }
    askers
}

fn prompts_of(event: &Event) -> Vec<PromptId> {
    match &event.detail {
        Some(Detail::Turn { prompts, .. }) => prompts.clone(),
        _ => event.prompt_id.into_iter().collect(),
    }
}

const fn turn_of(event: &Event) -> Option<TurnId> {
    match event.detail {
        Some(Detail::Turn { turn, .. }) => Some(turn),
        _ => None,
    }
}

const fn approval_of(event: &Event) -> Option<ApprovalId> {
    match event.detail {
        Some(Detail::Answered { approval, .. }) => Some(approval),
        Some(Detail::Asked { ref approval }) => Some(approval.id),
        _ => None,
    }
}

impl Facts {
    pub(super) fn is_muted(&self, place: Place) -> bool {
        self.mutes.iter().any(|mute| mute.hides(place, self.session))
    }

    /// Whether the session's name has to be said there.
    pub(super) fn has_heading(&self, place: Place) -> bool {
        !self.topics.contains(&place)
    }

    /// Where something ended for which it may have typed.
    pub(super) fn is_over(&self, event: &Event) -> Vec<Place> {
        if ends_prompts(event) { self.asked.iter().map(|asker| asker.place).collect() } else { Vec::new() }
    }
}

/// Nothing more comes of the event's prompts.
pub(super) fn ends_prompts(event: &Event) -> bool {
    matches!(event.detail, Some(Detail::Turn { .. })) || is_taken_back(event)
}

/// The agent never gets the event's prompt.
pub(super) fn is_taken_back(event: &Event) -> bool {
    matches!(&event.detail, Some(Detail::Notice { code }) if code == "taken_back")
}
