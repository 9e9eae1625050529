//! What is heard, as rows of `outgoing`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::facts::{Facts, ends_prompts, is_taken_back};
use super::hears::{Heard, Say};
use crate::model::{ARCHIVED, Detail, Event, RESTORED, SessionId};
use crate::telegram::action::Action;
use crate::telegram::approvals;
use crate::telegram::db::{Fault, NewOutgoing, PromptSet, PromptState, Tables, TopicRow};
use crate::telegram::effects::{waits_never, waits_no_more};
use crate::telegram::outbox::Payload;
use crate::telegram::place::Place;
use crate::telegram::topics;
use crate::telegram::view;

/// The chats that have something to be sent now.
pub(super) fn enqueue(
    tables: &Tables,
    epoch: &str,
    session: SessionId,
    heard: &[Heard],
    now: Timestamp,
) -> Result<BTreeSet<i64>, Fault> {
    for heard in heard {
        let (place, priority, key) = (heard.place, heard.priority, heard.key.clone());
        let payload = match &heard.say {
            Say::Payload(payload, action) => {
                with_button(tables, epoch, place, session, payload, action.as_ref(), now)?
            }
            Say::Ask { approval, ring } => {
                approvals::ask(tables, epoch, place, approval, *ring, now)?;
                continue;
            }
            Say::Settle { approval, message, words } => {
                approvals::settled(tables, place, *message, *approval, words)?
            }
        };
        tables.enqueue(&NewOutgoing { place, priority, key, payload: payload.to_json()? }, now)?;
        if let Say::Settle { approval, .. } = &heard.say {
            tables.forget_shown_approvals(*approval)?;
        }
    }
    Ok(heard.iter().map(|heard| heard.place.chat).collect())
}

/// The topics of a session that was archived are closed, and opened again when it is restored. The chats that have
/// something to be sent for it.
pub(super) fn keep_topics(
    tables: &Tables,
    session: SessionId,
    event: &Event,
    now: Timestamp,
) -> Result<BTreeSet<i64>, Fault> {
    let closed = match &event.detail {
        Some(Detail::Notice { code }) if code == ARCHIVED => true,
        Some(Detail::Notice { code }) if code == RESTORED => false,
        _ => return Ok(BTreeSet::new()),
    };
    let mut chats = BTreeSet::new();
    for topic in tables.topics_of(session)?.into_iter().filter(|topic| topic.closed != closed) {
        topics::set_closed(tables, topic.place, closed, now)?;
        chats.insert(topic.place.chat);
        tables.put_topic(&TopicRow { closed, ..topic })?;
    }
    Ok(chats)
}

/// Nothing more is expected of prompts whose turn is over, and nothing says any more that they wait.
pub(super) fn close(tables: &Tables, facts: &Facts, event: &Event, now: Timestamp) -> Result<(), Fault> {
    if !ends_prompts(event) {
        return Ok(());
    }
    for set in &facts.sets {
        if is_taken_back(event) {
            waits_never(tables, set, "Taken back.", now)?;
        } else {
            waits_no_more(tables, set, now)?;
        }
        // Whether or not it was noted before.
        tables.put_prompt(&PromptSet { state: PromptState::Ended, ..set.clone() })?;
    }
    Ok(())
}

fn with_button(
    tables: &Tables,
    epoch: &str,
    place: Place,
    session: SessionId,
    payload: &Payload,
    action: Option<&Action>,
    now: Timestamp,
) -> Result<Payload, Fault> {
    let mut payload = payload.clone();
    let Some(action) = action else { return Ok(payload) };
    let keyboard = view::alone(tables, epoch, place, session, ("Continue", action.clone()), now)?;
    match &mut payload {
        Payload::Message(message) => message.buttons = keyboard,
        Payload::Final(last) => last.buttons = keyboard,
        _ => {}
    }
    Ok(payload)
}
