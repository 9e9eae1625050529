//! Topics are closed with their sessions; and some take nothing any more, for somebody removed or closed them.

use jiff::Timestamp;

use super::approvals;
use super::db::{Fault, NewOutgoing, Tables};
use super::outbox::{Payload, priority};
use super::place::Place;
use super::show;

/// What waits for the topic is said in the chat. What is the session's own there is one of the chat's from now on, and
/// has to say whose it is.
pub(crate) fn leave(tables: &Tables, topic: Place, now: Timestamp) -> Result<(), Fault> {
    let heading = tables.topic_at(topic)?.map(|row| show::heading(&row.name)).unwrap_or_default();
    tables.leave_topic(topic)?;
    approvals::leave(tables, topic, &heading, now)?;
    for (row, progress, json) in tables.outgoing_in(topic)? {
        let payload = match serde_json::from_value::<Payload>(json.clone()) {
            // Nothing is to be closed any more, least of all what lies there instead.
            Ok(Payload::Topic { .. }) => {
                tables.fail_outgoing(row, "its topic is gone")?;
                continue;
            }
            // Of one that is there in part the pieces stay as they were cut.
            Ok(payload) if progress == 0 => payload.out_of_topic(&heading).to_json()?,
            // One that cannot be read is found out when its turn comes.
            _ => json,
        };
        tables.change_outgoing(row, Place::chat(topic.chat), &payload)?;
    }
    Ok(())
}

/// It is closed, or opened again. Of several such things that wait only the last counts.
pub(crate) fn set_closed(tables: &Tables, topic: Place, closed: bool, now: Timestamp) -> Result<(), Fault> {
    let key = Some(format!("topic:{}", topic.thread.unwrap_or(0)));
    let payload = Payload::Topic { closed }.to_json()?;
    let new = NewOutgoing { place: topic, priority: priority::MIRROR, key, payload };
    tables.enqueue(&new, now).map(drop)
}
