//! Who may come in from outside: people and groups of a messenger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a permission comes from. The documented values of `origin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccessOrigin {
    /// `claudebot pair`, which also takes it away again.
    Pair,
    /// `telegram.allowed_users`, `telegram.allowed_chats`.
    Config,
}

/// A person or group that is let in. `id name added origin` are the documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Allowed {
    pub(crate) id: i64,
    /// As they were called when they were let in; a configuration has only the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) added: Option<Timestamp>,
    pub(crate) origin: AccessOrigin,
}

/// Somebody who wants in, as the messenger names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) user: i64,
    pub(crate) name: String,
}
