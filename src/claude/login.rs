//! Whether somebody seems to be logged in. It is guessed from what lies around; no credential is ever read.

use std::path::Path;

/// The variable with a key that pays instead of a login.
pub(crate) const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";

/// Variables with which Claude Code needs no login of its own.
pub(crate) const CREDENTIALS: [&str; 6] = [
    KEY_VARIABLE,
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
];

/// Whether a login lies in Claude's own directory. On macOS it is in the keychain instead.
pub(crate) fn login_lies_in(config_dir: &Path) -> bool {
    config_dir.join(".credentials.json").exists()
}
