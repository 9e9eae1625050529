//! What tests of several parts need: people, messages, sessions, and a host at the other end of the socket.

mod host;
mod rig;

use serde_json::{Value, json};
use uuid::Uuid;

use super::gate::Accepted;
use super::update::{Message, Update, UpdateKind};
pub(crate) use host::FakeHost;
pub(crate) use rig::{Rig, Seen, pressed};

use crate::model::{Agent, Approval, ApprovalKind, SessionId, SessionState, SessionView};

/// A message by Ann in her private chat, with what else it holds.
pub(crate) fn raw_message(more: Value) -> Value {
    let mut whole = json!({
        "message_id": 5,
        "date": 0,
        "chat": { "id": 7, "type": "private" },
        "from": { "id": 7, "is_bot": false, "first_name": "Ann" },
    });
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    whole
}

pub(crate) fn message(more: Value) -> Message {
    match Update::read(1, &json!({ "update_id": 1, "message": raw_message(more) })).kind {
        UpdateKind::Message(message) => *message,
        other => panic!("{other:?}"),
    }
}

/// As the gate lets it through.
pub(crate) fn accepted(user: i64, message: &Message) -> Accepted {
    let foreign = message.forward_origin.is_some() || message.via_bot.is_some();
    Accepted {
        place: message.place(),
        private: true,
        user,
        name: "Ann".to_owned(),
        text: message.words().0.to_owned(),
        may_command: !foreign && message.text.is_some(),
        foreign,
    }
}

pub(crate) fn session(name: &str, state: SessionState) -> SessionView {
    SessionView {
        id: id_of(name),
        name: name.to_owned(),
        state,
        persona: "default".to_owned(),
        dir: format!("/home/me/{name}").into(),
        current: false,
        tags: Vec::new(),
        last_active: "2026-11-22T11:00:00Z".parse().unwrap(),
        cost_usd: 0.5,
        agent: Agent::Claude,
        pinned: false,
        created: "2026-11-20T11:00:00Z".parse().unwrap(),
        model: None,
        conversation: None,
        queued: 0,
        hold: None,
        activity: None,
        archive: None,
        lent: None,
    }
}

pub(crate) fn approval(id: i64, kind: ApprovalKind) -> Approval {
    Approval {
        id,
        session: "work".to_owned(),
        kind,
        tool: "Bash".to_owned(),
        summary: "mkdir zz".to_owned(),
        session_id: session("work", SessionState::Waiting).id,
        asked: jiff::Timestamp::UNIX_EPOCH,
        input: json!({ "command": "mkdir zz" }),
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        rules_file: None,
    }
}

/// The same name has the same id.
pub(crate) fn id_of(name: &str) -> SessionId {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte = letter);
    SessionId(Uuid::from_bytes(bytes))
}
