//! Whether Claude Code's clean-up would delete conversations of our sessions, and the setting that keeps them.

use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::cli::args::DoctorArgs;
use crate::cli::ask;
use crate::cli::confirm;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish};
use crate::cli::text;
use crate::error::{Error, Result};
use crate::host::retention::{self, LONG_DAYS, Outlook};
use crate::ipc::{Request, Response};
use crate::model::{Agent, Channel};

const CHECK: &str = "retention";
/// What is deleted within this time is warned about.
const SOON: SignedDuration = SignedDuration::from_hours(10 * 24);
/// So many sessions are named.
const NAMED: usize = 3;

pub(super) async fn examine(ctx: &Ctx) -> Vec<Finding> {
    match outlook(ctx).await {
        Ok(outlook) => finding(ctx, &outlook, Timestamp::now()).into_iter().collect(),
        Err(error) => vec![Finding::error(CHECK, error)],
    }
}

async fn outlook(ctx: &Ctx) -> Result<Outlook> {
    let request = Request::SessionList { channel: Channel::local(), archived: false, all: false, tag: None };
    // What is wrong with the database is another finding's.
    let sessions = match ask::answer(ctx, request).await {
        Ok(Response::Sessions(sessions)) => sessions,
        _ => Vec::new(),
    };
    let claudes = sessions.into_iter().filter(|session| session.agent == Agent::Claude);
    let led: Vec<_> = claudes.filter_map(|session| Some((session.name, session.conversation?))).collect();
    retention::outlook(&config_dir(ctx)?, &led)
}

fn config_dir(ctx: &Ctx) -> Result<std::path::PathBuf> {
    Ok(ctx.paths.claude_config_dir(ctx.config()?.claude.config_dir.as_deref()))
}

/// Nothing is said where nothing can be deleted.
fn finding(ctx: &Ctx, outlook: &Outlook, now: Timestamp) -> Option<Finding> {
    let Outlook { days, due, .. } = outlook;
    let (first, at) = due.first()?;
    let limit = now.checked_add(SOON).unwrap_or(Timestamp::MAX);
    let soon: Vec<_> = due.iter().filter(|(_, at)| *at <= limit).collect();
    if soon.is_empty() {
        let message =
            format!("Claude keeps conversations for {days} days; {first} is the next to go, on {}", day(*at));
        return Some(Finding::ok(CHECK, message));
    }
    let mut named: Vec<_> = soon
        .iter()
        .take(NAMED)
        .map(|(name, at)| {
            let when = if *at <= now { "any day now".to_owned() } else { day(*at) };
            format!("{} ({when})", text::one_line(name))
        })
        .collect();
    if soon.len() > NAMED {
        named.push(format!("{} more", soon.len() - NAMED));
    }
    let many = text::count(u64::try_from(soon.len()).unwrap_or(u64::MAX), "conversation");
    let who = if outlook.chosen { "Claude" } else { "any `claude` that claudebot has not started" };
    let message =
        format!("{who} deletes {many} of sessions soon, unused for {days} days: {}", named.join(", "));
    Some(Finding::warn(CHECK, message, format!("claudebot doctor --fix sets {}", setting(ctx, outlook))))
}

/// `"cleanupPeriodDays": 3650 in ~/.claude/settings.json, line 2`
fn setting(ctx: &Ctx, outlook: &Outlook) -> String {
    let file = text::tilde(&outlook.file, ctx.paths.home());
    format!("\"cleanupPeriodDays\": {LONG_DAYS} in {file}, line {}", outlook.line)
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Writes the setting, if a person agrees.
pub(super) fn fix(ctx: &Ctx, args: &DoctorArgs) -> Finish {
    let dir = config_dir(ctx)?;
    let outlook = retention::outlook(&dir, &[])?;
    if outlook.days >= LONG_DAYS {
        ctx.screen.say(&format!("nothing to set: Claude keeps conversations for {} days", outlook.days));
        return Ok(DONE);
    }
    let what = setting(ctx, &outlook);
    if !args.yes {
        if !ctx.screen.can_ask() {
            return Err(Error::usage("--fix asks, and there is no terminal to ask on")
                .hint(format!("--fix --yes sets {what}"))
                .into());
        }
        ctx.screen.say(&format!("Claude deletes conversations that were unused for {} days.", outlook.days));
        if !confirm::yes(ctx, &format!("Set {what}? [y/N] "))? {
            ctx.screen.say("nothing was changed");
            return Ok(DONE);
        }
    }
    retention::keep_long(&dir)?;
    ctx.screen.say(&format!("set {what}"));
    Ok(DONE)
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;
    use crate::cli::screen::Screen;
    use crate::paths::Env;

    #[test]
    fn it_says_how_many_which_and_when() {
        let ctx = Ctx::new(Env::from_pairs([("HOME", "/home/me")]), Screen::plain()).unwrap();
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let due = |days: &[i64]| {
            let at =
                |(name, days): (&str, &i64)| (name.to_owned(), now + SignedDuration::from_hours(24 * days));
            ["a", "b", "c", "d"].into_iter().zip(days).map(at).collect()
        };
        let outlook = |days| Outlook {
            days: 30,
            chosen: false,
            file: "/home/me/.claude/settings.json".into(),
            line: 2,
            due: due(days),
        };
        assert_eq!(finding(&ctx, &outlook(&[]), now), None);
        let fine = finding(&ctx, &outlook(&[20]), now).unwrap();
        assert_eq!(
            fine.message,
            "Claude keeps conversations for 30 days; a is the next to go, on 2026-12-16"
        );
        let bad = finding(&ctx, &outlook(&[-3, 2, 3, 4]), now).unwrap();
        assert_eq!(bad.status, Status::Warn);
        assert_eq!(
            bad.message,
            "any `claude` that claudebot has not started deletes 4 conversations of sessions soon, unused for 30 \
             days: a (any day now), b (2026-11-28), c (2026-11-29), 1 more"
        );
        assert_eq!(
            bad.hint.unwrap(),
            "claudebot doctor --fix sets \"cleanupPeriodDays\": 3650 in ~/.claude/settings.json, line 2"
        );
    }
}
