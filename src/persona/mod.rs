//! Who Claude is in a session: the built-in personas and a person's own, validated.
//!
//! A persona is a TOML file of flat keys. This room reads and judges such files; it must not know how a persona
//! becomes an argument list (`claude::command`) or when it applies (`host`).

mod file;
mod shelf;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

pub(crate) use shelf::{Listed, check, elsewhere, examine, list, load, own_files};
pub(crate) use words::{check_effort, check_model, check_name, check_permission_mode};

/// A validated persona.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Persona {
    pub(crate) name: String,
    pub(crate) origin: PersonaOrigin,
    pub(crate) description: String,
    /// An alias such as `opus`; None leaves the choice to Claude Code's own settings.
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) permission_mode: Option<String>,
    /// Appended to Claude's own prompt.
    pub(crate) prompt: Option<String>,
    pub(crate) allowed_tools: Vec<String>,
    pub(crate) disallowed_tools: Vec<String>,
    pub(crate) add_dirs: Vec<PathBuf>,
    /// Absolute paths of files, or JSON texts.
    pub(crate) mcp_config: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// The working directory of new sessions that name none.
    pub(crate) dir: Option<PathBuf>,
}

/// Where a persona comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PersonaOrigin {
    BuiltIn,
    File(PathBuf),
}

impl fmt::Display for PersonaOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
