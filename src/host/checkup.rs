//! Whether Claude Code can be used here, asked before there is a session that needs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::claude::command::{self, MINIMUM_VERSION, Version, VersionError};
pub(crate) use crate::claude::login::{CREDENTIALS, login_lies_in};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::paths::Env;

/// A version is printed within a second; much more means that it hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where somebody waits for a better reason of a failed start.
const BRIEFLY: Duration = Duration::from_secs(5);

/// Where the configured program is, without starting it.
pub(crate) fn find_claude(env: &Env, config: &Config) -> Result<PathBuf> {
    let wanted = &config.claude.path;
    command::locate(wanted, env.get("PATH")).ok_or_else(|| not_installed(wanted))
}

/// The program and its release, if it is one that claudebot can talk to.
pub(crate) async fn check_claude(env: &Env, config: &Config) -> Result<(PathBuf, String)> {
    let program = find_claude(env, config)?;
    let layers: [&BTreeMap<String, String>; 1] = [&config.claude.env];
    let child_env = command::child_env(env.iter(), layers, "");
    let version = command::version(&program, &child_env, PATIENCE).await.map_err(explain)?;
    if version < MINIMUM_VERSION {
        return Err(too_old(&program, version));
    }
    Ok((program, version.to_string()))
}

/// The configured program is of a release that claudebot cannot count on. Asked after a start that failed.
pub(crate) async fn outdated(env: &Env, config: &Config) -> Option<Error> {
    let program = find_claude(env, config).ok()?;
    let child_env = command::child_env(env.iter(), [&config.claude.env], "");
    let version = command::version(&program, &child_env, BRIEFLY).await.ok()?;
    (version < MINIMUM_VERSION).then(|| too_old(&program, version))
}

fn too_old(program: &Path, version: Version) -> Error {
    let program = program.display();
    Error::unavailable(format!("{program} is Claude Code {version}; {MINIMUM_VERSION} or newer is needed"))
        .hint("claude update, or npm install -g @anthropic-ai/claude-code")
}

pub(crate) fn not_installed(wanted: &Path) -> Error {
    if wanted.is_absolute() && wanted.exists() {
        return Error::unavailable(format!("{} is no program that can be run", wanted.display()))
            .hint("set claude.path to Claude Code's own program, or leave it out to use the one in PATH");
    }
    Error::unavailable(format!("Claude Code is not installed: no program {} was found", wanted.display()))
        .hint(
            "install it (npm install -g @anthropic-ai/claude-code), or set claude.path; \
         `claudebot demo` and `claudebot session new NAME --agent demo` work without it",
        )
}

fn explain(error: VersionError) -> Error {
    let hint = match &error {
        VersionError::Run { .. } => "install it again, or set claude.path to another one",
        VersionError::Timeout { .. } => "run it by hand to see what it waits for",
        VersionError::NoVersion { .. } => "set claude.path in the configuration to Claude Code's program",
    };
    Error::unavailable(error.to_string()).hint(hint)
}
