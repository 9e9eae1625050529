//! The errors a person sees: what happened, where, and what to do next.
//!
//! Every fallible operation of claudebot ends in this one type, which crosses the socket as JSON, so a
//! client prints what the host met. It never holds a secret: whoever builds one leaves tokens out.

use serde::{Deserialize, Serialize};

/// What sort of failure it is; each has one exit code, and scripts may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something went wrong while doing what was asked.
    Failed,
    /// The request itself makes no sense: a bad flag, name or file.
    Usage,
    /// No such session, prompt, approval, persona or archive.
    NotFound,
    /// A name or prefix that fits several.
    Ambiguous,
    /// The host or the agent cannot be reached or started.
    Unavailable,
    /// A person (or a rule) said no, or the turn was interrupted.
    Denied,
    /// Someone else was first: an answered approval, a name in use, a turn that is over.
    Conflict,
}

impl Kind {
    /// The process exit code that tells this kind apart.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed | Self::Conflict => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Ambiguous => 4,
            Self::Unavailable => 5,
            Self::Denied => 6,
        }
    }
}

/// An error with words for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    /// One sentence, no trailing full stop: what happened and where.
    pub message: String,
    /// What to do next, if there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Names that were probably meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, candidates: Vec::new() }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// An operation on a path failed: `cannot read /x/y: permission denied`.
    pub fn io(doing: &str, path: &std::path::Path, source: &std::io::Error) -> Self {
        Self::failed(format!("cannot {doing} {}: {source}", path.display()))
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn candidates(mut self, candidates: Vec<String>) -> Self {
        self.candidates = candidates;
        self
    }
}
