//! Everything that a button can mean, as it lies in the button's row.
//!
//! A button's action is made where its view is made, and carried out in `press`. This part only names things.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::db::Why;
use crate::error::{Error, Result};
use crate::model::{ApprovalId, Decision, Delivery, PromptId, Scope, SessionId, TurnId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    // Turns and queues.
    Stop {
        session: SessionId,
        turn: Option<TurnId>,
    },
    Continue {
        session: SessionId,
    },
    /// Releases a held queue.
    Run {
        session: SessionId,
    },
    /// Drops everything that waits in it.
    Discard {
        session: SessionId,
    },
    /// A prompt that waits is to go another way.
    Deliver {
        delivery: Delivery,
        #[serde(flatten)]
        waiting: Waiting,
    },
    TakeBack(Waiting),
    /// A prompt stays where it is.
    Leave(Waiting),

    // Messages that wait for a word.
    Release {
        why: Why,
    },
    Drop {
        why: Why,
    },

    // Sessions.
    Switch {
        session: SessionId,
        /// The message says more than this, and stays as it is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stays: bool,
    },
    Sessions {
        page: usize,
    },
    /// Shows what a new session may be.
    Draft(Draft),
    /// Makes it.
    Make(Draft),
    /// Opens a topic of this chat for the session.
    Topic {
        session: SessionId,
    },
    Archive {
        session: SessionId,
    },
    Restore {
        session: SessionId,
    },
    /// A setting; `None`: back to the persona's.
    Set {
        session: SessionId,
        key: String,
        value: Option<String>,
    },
    Revoke {
        session: SessionId,
        rule: String,
    },
    Unmute {
        session: Option<SessionId>,
    },
    /// Nothing is done after all.
    Cancel,
    /// The next text is a text like any other.
    ExpectNothing,

    // Requests of the agent.
    Allow {
        approval: ApprovalId,
        scope: Scope,
    },
    /// Shows what "always" would write, and where, before it is done.
    AskAlways {
        approval: ApprovalId,
    },
    /// Shows the request as it was shown first.
    Again {
        approval: ApprovalId,
    },
    Deny {
        approval: ApprovalId,
    },
    /// The next text says why.
    DenyWhy {
        approval: ApprovalId,
    },
    ShowAll {
        approval: ApprovalId,
    },
    /// The text of a prompt that waits is the reason, or the answer.
    UseAsAnswer {
        approval: ApprovalId,
        #[serde(flatten)]
        waiting: Waiting,
    },
    /// An option of the question that is shown.
    Choose {
        option: usize,
        #[serde(flatten)]
        answering: Answering,
    },
    /// The options that are marked are the answer.
    Chosen(Answering),
    /// The next text is the answer.
    AnswerInWords(Answering),
}

/// A prompt of this chat that waits in a session's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) session: SessionId,
    pub(crate) prompt: PromptId,
    /// Where the log has its text and files.
    pub(crate) seq: u64,
    pub(crate) key: String,
    /// The person's message.
    pub(crate) message: i64,
}

/// A session that is not made yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// `None`: after its directory.
    pub(crate) name: Option<String>,
    pub(crate) persona: Option<String>,
    /// `None`: a scratch directory.
    pub(crate) dir: Option<PathBuf>,
}

/// How far somebody is with a request's questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answering {
    pub(crate) approval: ApprovalId,
    /// Which question is shown.
    pub(crate) at: usize,
    /// Those before it, answered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) answers: BTreeMap<String, String>,
    /// The options that are marked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) marked: BTreeSet<usize>,
}

impl Answering {
    pub(crate) const fn new(approval: ApprovalId) -> Self {
        Self { approval, at: 0, answers: BTreeMap::new(), marked: BTreeSet::new() }
    }
}

/// What the next text of somebody in a place is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub(crate) enum NextText {
    /// Why a request is denied. `message`: where the request is shown.
    Reason { approval: ApprovalId, session: SessionId, message: i64 },
    /// The answer to a question.
    Answer {
        session: SessionId,
        message: i64,
        #[serde(flatten)]
        answering: Answering,
    },
}

/// What an update asks of the host that cannot be asked for twice: noted before it is, so that after a crash the same
/// update knows its own again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "begun", rename_all = "snake_case")]
pub(crate) enum Begun {
    /// A session of this name.
    Make {
        name: String,
    },
    Answer(Answer),
    /// A prompt is taken back, to go another way.
    Deliver,
    /// A held queue is emptied.
    Discard,
}

/// How a request is answered. `message`: where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) approval: ApprovalId,
    pub(crate) session: SessionId,
    pub(crate) message: i64,
    pub(crate) decision: Decision,
}

impl Action {
    /// As it lies in a row. What cannot be put into JSON would be a mistake in this file.
    pub(crate) fn stored(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(unstorable)
    }
}

impl NextText {
    pub(crate) const fn session(&self) -> SessionId {
        match self {
            Self::Reason { session, .. } | Self::Answer { session, .. } => *session,
        }
    }

    pub(crate) fn stored(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(unstorable)
    }
}

impl Begun {
    pub(crate) fn stored(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(unstorable)
    }
}

fn unstorable(error: serde_json::Error) -> Error {
    Error::failed(format!("what somebody means cannot be stored: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    /// Buttons outlive releases.
    #[test]
    fn the_format_is_known_to_others_and_kept() {
        let session = SessionId(Uuid::nil());
        let id = "00000000-0000-0000-0000-000000000000";
        let waiting =
            Waiting { session, prompt: PromptId(Uuid::nil()), seq: 4, key: "tg:1:2".to_owned(), message: 9 };
        let answering = Answering { marked: BTreeSet::from([1]), ..Answering::new(12) };
        for (action, stored) in [
            (Action::Stop { session, turn: Some(3) }, json!({ "do": "stop", "session": id, "turn": 3 })),
            (Action::Continue { session }, json!({ "do": "continue", "session": id })),
            (
                Action::Deliver { delivery: Delivery::Now, waiting: waiting.clone() },
                json!({ "do": "deliver", "delivery": "now", "session": id, "prompt": id, "seq": 4,
                        "key": "tg:1:2", "message": 9 }),
            ),
            (
                Action::TakeBack(waiting),
                json!({ "do": "take_back", "session": id, "prompt": id, "seq": 4, "key": "tg:1:2", "message": 9 }),
            ),
            (Action::Release { why: Why::Late }, json!({ "do": "release", "why": "late" })),
            (
                Action::Make(Draft { name: Some("a".to_owned()), persona: None, dir: Some("/x".into()) }),
                json!({ "do": "make", "name": "a", "persona": null, "dir": "/x" }),
            ),
            (
                Action::Allow { approval: 12, scope: Scope::Session },
                json!({ "do": "allow", "approval": 12, "scope": "session" }),
            ),
            (
                Action::Choose { option: 2, answering },
                json!({ "do": "choose", "option": 2, "approval": 12, "at": 0, "marked": [1] }),
            ),
            (Action::Cancel, json!({ "do": "cancel" })),
        ] {
            assert_eq!(action.stored().unwrap(), stored);
            assert_eq!(serde_json::from_value::<Action>(stored).unwrap(), action);
        }
        let next = NextText::Reason { approval: 12, session, message: 5 };
        let stored = json!({ "for": "reason", "approval": 12, "session": id, "message": 5 });
        assert_eq!(next.stored().unwrap(), stored);
        assert_eq!(serde_json::from_value::<NextText>(stored).unwrap(), next);
    }
}
