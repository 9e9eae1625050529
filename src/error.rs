//! The errors a person sees: what happened, where, and what to do next.
//!
//! Every fallible operation of claudebot ends in this one type, which crosses the socket as JSON, so a
//! client prints what the host met. It never holds a secret: whoever builds one leaves tokens out.

use serde::{Deserialize, Serialize};

/// What sort of failure it is; each has one exit code, and scripts may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
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
    pub(crate) const fn exit_code(self) -> u8 {
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
pub(crate) struct Error {
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

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, candidates: Vec::new() }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// An operation on a path failed: `cannot read /x/y: permission denied`.
    pub(crate) fn io(doing: &str, path: &std::path::Path, source: &std::io::Error) -> Self {
        Self::failed(format!("cannot {doing} {}: {source}", path.display()))
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn candidates(mut self, candidates: Vec<String>) -> Self {
        self.candidates = candidates;
        self
    }
}

/// The known name that was probably meant: close in spelling, or one that begins or ends the same.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let length = given.chars().count();
    let allowed = (length / 3).max(1);
    let rank = |name: &str| {
        let name = name.to_lowercase();
        let distance = strsim::osa_distance(&given, &name);
        let part =
            length >= 3 && (name.starts_with(&given) || name.ends_with(&given) || given.starts_with(&name));
        if distance <= allowed { Some(distance) } else { part.then_some(usize::MAX) }
    };
    known
        .into_iter()
        .filter_map(|name| Some((rank(name)?, name)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, name)| name)
}

/// `; did you mean `x`?` to end a sentence about an unknown name with, or nothing.
pub(crate) fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_a_person_could_have_meant() {
        let known = ["idle_timeout", "max_live", "drain", "linger"];
        for (given, wanted) in [
            ("idle_timout", Some("idle_timeout")),
            ("max-live", Some("max_live")),
            ("Drain", Some("drain")),
            ("dirna", None),
            ("timeout", Some("idle_timeout")),
            ("drain_after", Some("drain")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), wanted, "{given}");
        }
    }
}
