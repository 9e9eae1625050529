//! Who Claude is in a session: the built-in personas and a person's own, validated.
//!
//! A persona is a TOML file of flat keys. This room reads and judges such files; it must not know how a persona
//! becomes an argument list (`claude::command`) or when it applies (`host`).

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A validated persona.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PersonaOrigin {
    BuiltIn,
    File(PathBuf),
}
