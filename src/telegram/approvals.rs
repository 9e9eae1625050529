//! What waits for a person, as messages.

use jiff::Timestamp;

use super::db::{Fault, MessageKind, Tables};
use super::outbox::{Keyboard, Message, Note, Payload, Target};
use super::place::Place;
use super::render::{Rich, Style};
use super::show;
use crate::model::{Approval, ApprovalId, ApprovalKind};

/// The message that asks.
pub(crate) fn asked(
    _tables: &Tables,
    _epoch: &str,
    _place: Place,
    approval: &Approval,
    _now: Timestamp,
) -> Result<Payload, Fault> {
    let mut rich = show::heading(&approval.session);
    rich.push(&format!("{}: ", approval.tool), Style::Plain).push(&approval.summary, Style::Code);
    rich.push(&format!("\nclaudebot approve {}", approval.id), Style::Plain);
    let kind = match approval.kind {
        ApprovalKind::Question => MessageKind::Question,
        ApprovalKind::Tool | ApprovalKind::Plan => MessageKind::Approval,
    };
    let note = Note { kind, session: Some(approval.session_id), prompt: None };
    Ok(Payload::Message(Message { rich, ring: true, reply_to: None, buttons: Keyboard::default(), note }))
}

/// What it says once it is settled.
pub(crate) fn settled(
    _tables: &Tables,
    _place: Place,
    message: Target,
    approval_id: ApprovalId,
    words: &str,
) -> Result<Payload, Fault> {
    let rich = Rich::plain(&format!("{approval_id}: {words}"));
    Ok(Payload::Edit { message, rich, buttons: Keyboard::default() })
}
