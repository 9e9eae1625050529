//! Claude Code: is it there, is it new enough, does somebody seem to be logged in.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::Finding;
use crate::cli::ctx::Ctx;
use crate::cli::pending::claude;
use crate::cli::text;
use crate::config::Config;

/// A version is printed within a second; much more means that it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

const DEMO: &str = "`claudebot demo` and `session new NAME --agent demo` work without it";

/// Variables with which Claude Code needs no login of its own. Only their names are looked at.
const CREDENTIALS: [&str; 6] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
];

pub(super) async fn examine(ctx: &Ctx, config: Option<&Config>) -> Vec<Finding> {
    let Some(config) = config else { return Vec::new() };
    let Some(program) = claude::locate(&config.claude.path, ctx.env.get("PATH")) else {
        return vec![missing(&config.claude.path)];
    };
    vec![version(&program).await, login(ctx, config)]
}

fn missing(path: &Path) -> Finding {
    let hint = format!(
        "install it (npm install -g @anthropic-ai/claude-code) or set claude.path in the configuration; {DEMO}"
    );
    Finding::fail("claude", format!("{} was not found", path.display()), hint)
}

async fn version(program: &Path) -> Finding {
    const CHECK: &str = "claude";
    let run = tokio::process::Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let place = program.display();
    let output = match tokio::time::timeout(PATIENCE, run).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => {
            return Finding::fail(CHECK, format!("{place} does not start: {error}"), "install it again");
        }
        Err(_) => {
            let message = format!("{place} --version has said nothing for {} s", PATIENCE.as_secs());
            return Finding::fail(CHECK, message, "try it by hand");
        }
    };
    let said = text::one_line(&String::from_utf8_lossy(&output.stdout));
    judge(&place.to_string(), output.status.success(), &said)
}

fn judge(place: &str, success: bool, said: &str) -> Finding {
    const CHECK: &str = "claude";
    let found = said.split_whitespace().next().and_then(numbers);
    match found {
        Some(found) if success && found >= claude::OLDEST => Finding::ok(CHECK, format!("{said}, {place}")),
        Some(_) if success => {
            let (major, minor, patch) = claude::OLDEST;
            let message = format!("{place} is {said}; {major}.{minor}.{patch} or newer is needed");
            Finding::fail(
                CHECK,
                message,
                "update it: claude update, or npm install -g @anthropic-ai/claude-code",
            )
        }
        _ => Finding::fail(
            CHECK,
            format!("{place} --version does not look like Claude Code: {}", text::cut(said, 80)),
            "set claude.path in the configuration to the right program",
        ),
    }
}

fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map(|part| part.split('-').next().unwrap_or_default().parse().ok());
    let numbers = (parts.next()??, parts.next()??, parts.next()??);
    Some(numbers)
}

/// Only a guess from what lies around: on macOS, for example, the login is in the keychain.
fn login(ctx: &Ctx, config: &Config) -> Finding {
    const CHECK: &str = "login";
    let given = |name: &&str| ctx.env.get(name).is_some() || config.claude.env.contains_key(*name);
    if let Some(name) = CREDENTIALS.iter().find(|name| given(name)) {
        return Finding::ok(CHECK, format!("${name} is set and will be used"));
    }
    let dir = ctx.paths.claude_config_dir(config.claude.config_dir.as_deref());
    let place = text::tilde(&dir, ctx.paths.home());
    if dir.join(".credentials.json").exists() {
        return Finding::ok(CHECK, format!("somebody has logged in ({place})"));
    }
    if cfg!(target_os = "macos") {
        return Finding::ok(CHECK, "in the keychain, if at all");
    }
    Finding::warn(
        CHECK,
        format!("no login seems to be in {place}"),
        format!("run `claude` once and log in; {DEMO}"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn versions_are_judged() {
        let status = |said| judge("/bin/claude", true, said).status;
        assert_eq!(status("2.1.330 (Claude Code)"), Status::Ok);
        assert_eq!(status("1.0.3 (Claude Code)"), Status::Fail);
        assert_eq!(status("GNU bash"), Status::Fail);
        assert_eq!(judge("/bin/claude", false, "2.1.330 (Claude Code)").status, Status::Fail);
        assert_eq!(numbers("2.1.330-beta"), Some((2, 1, 330)));
        assert_eq!(numbers("2.1"), None);
    }

    #[test]
    fn where_claude_is_missing_the_demo_is_offered() {
        assert!(missing(Path::new("claude")).hint.is_some_and(|hint| hint.contains("--agent demo")));
    }
}
