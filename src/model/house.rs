//! What the store keeps beside the sessions' logs, on its way to another machine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Channel, Prompt, Rule, Session, SessionId};

/// Why the queue of a session that was moved is held: nothing runs unasked where it arrives.
pub(crate) const MOVED: &str = "moved";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bindings {
    pub(crate) sessions: Vec<MovedSession>,
    pub(crate) channels: Vec<(Channel, SessionId)>,
    pub(crate) access: Vec<Admitted>,
    /// The bridge's own settings: only it can read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) telegram: Option<Value>,
}

/// A session's row, and the rows that hang on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MovedSession {
    pub(crate) session: Session,
    /// The agent's last running total, which the next one is compared with.
    #[serde(default)]
    pub(crate) cost_seen: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<Rule>,
    /// In order of acceptance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) prompts: Vec<MovedPrompt>,
}

/// A prompt that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MovedPrompt {
    /// The `seq` of its event.
    pub(crate) seq: u64,
    pub(crate) prompt: Prompt,
}

/// Who is let in from outside. `kind id name added` are the documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Admitted {
    pub(crate) kind: AdmittedKind,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) added: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AdmittedKind {
    User,
    Chat,
}
