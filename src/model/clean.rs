//! What is no longer needed, and may be freed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::SessionId;

/// Why something is no longer needed. The documented values of `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnneededKind {
    /// Files that came with a prompt that is done.
    Inbox,
    /// What belonged to a session that is not there any more.
    SessionDir,
    /// A log of the host that was put aside.
    Log,
    /// What work that was killed has left.
    Leftover,
    /// A file from Telegram that no prompt took.
    Download,
    /// The archive of a session, kept longer than `archive.keep` says.
    Archive,
    /// An archive as old, to which no session leads any more.
    UnusedArchive,
}

/// A file or directory of ours. `kind path bytes session` are the documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unneeded {
    pub(crate) kind: UnneededKind,
    pub(crate) path: PathBuf,
    /// Of the content.
    pub(crate) bytes: u64,
    /// The session's name, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    /// The session whose archive it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archive_of: Option<SessionId>,
}
