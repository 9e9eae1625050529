//! Claude Code: is it there, is it new enough, does somebody seem to be logged in.

use super::Finding;
use crate::cli::ctx::Ctx;
use crate::cli::text;
use crate::config::Config;
use crate::host::checkup::{self, CREDENTIALS, login_lies_in};

const DEMO: &str = "`claudebot demo` and `session new NAME --agent demo` work without it";

pub(super) async fn examine(ctx: &Ctx, config: Option<&Config>) -> Vec<Finding> {
    let Some(config) = config else { return Vec::new() };
    match checkup::check_claude(&ctx.env, config).await {
        Ok((program, version)) => {
            vec![Finding::ok("claude", format!("{version}, {}", program.display())), login(ctx, config)]
        }
        Err(error) => vec![Finding::error("claude", error)],
    }
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
    if login_lies_in(&dir) {
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
    use crate::cli::screen::Screen;
    use crate::paths::Env;

    #[test]
    fn a_login_is_guessed_and_never_read() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().to_str().unwrap();
        let login_with = |more: Option<(&str, &str)>| {
            let env = Env::from_pairs([("HOME", place)].into_iter().chain(more));
            let ctx = Ctx::new(env, Screen::plain()).unwrap();
            login(&ctx, &Config::defaults(&ctx.paths))
        };
        let set = login_with(Some(("ANTHROPIC_API_KEY", "very secret")));
        assert_eq!(set, Finding::ok("login", "$ANTHROPIC_API_KEY is set and will be used"));
        if cfg!(target_os = "linux") {
            assert_eq!(login_with(None).status, Status::Warn);
            std::fs::create_dir(home.path().join(".claude")).unwrap();
            // A directory cannot be read as a file: only that it is there may matter.
            std::fs::create_dir(home.path().join(".claude/.credentials.json")).unwrap();
            assert_eq!(login_with(None).status, Status::Ok);
        }
    }

    #[tokio::test]
    async fn where_claude_is_missing_the_demo_is_offered() {
        let env = Env::from_pairs([("HOME", "/nowhere"), ("PATH", "/nowhere")]);
        let ctx = Ctx::new(env, Screen::plain()).unwrap();
        let findings = examine(&ctx, Some(&Config::defaults(&ctx.paths))).await;
        assert_eq!(findings.len(), 1);
        assert!(findings[0].hint.as_deref().is_some_and(|hint| hint.contains("--agent demo")));
    }
}
