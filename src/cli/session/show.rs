//! `session show`: everything about one session.

use jiff::Timestamp;

use super::{list, print_json, session_of};
use crate::cli::args::Show;
use crate::cli::ask::ask;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish};
use crate::cli::text;
use crate::ipc::Request;
use crate::model::{Agent, Channel, Lent, SessionView};

pub(crate) fn run(ctx: &Ctx, args: &Show) -> Finish {
    let session = ctx.select(args.name.as_deref());
    let session = session_of(ask(ctx, Request::SessionShow { session, channel: Channel::local() })?)?;
    if args.json {
        return print_json(ctx, &session);
    }
    let mut out = ctx.screen.out();
    for (key, value) in facts(ctx, &session, Timestamp::now()) {
        out.line(&format!("{} {}", ctx.screen.strong(&format!("{key:<12}")), text::one_line(&value)))?;
    }
    out.flush()?;
    Ok(DONE)
}

/// What there is to say; nothing is said about what is not set.
fn facts(ctx: &Ctx, session: &SessionView, now: Timestamp) -> Vec<(&'static str, String)> {
    let current = if session.current { " (current)" } else { "" };
    let state = session.state.as_str().replace('_', " ");
    let mut facts = vec![
        ("name", format!("{}{current}", session.name)),
        ("state", format!("{} {state}", list::glyph(session.state))),
    ];
    let mut add = |key, value: Option<String>| facts.extend(value.map(|value| (key, value)));
    add("activity", session.activity.clone());
    add("handed over", session.lent.as_ref().map(|lent| handed_over(lent, now)));
    add("queue", queue(session));
    add("persona", Some(session.persona.clone()));
    add("agent", (session.agent == Agent::Demo).then(|| "demo (built in, needs no account)".to_owned()));
    add("model", session.model.clone());
    add("directory", Some(text::tilde(&session.dir, ctx.paths.home()).into_owned()));
    add("tags", (!session.tags.is_empty()).then(|| session.tags.join(", ")));
    add("pinned", session.pinned.then(|| "yes: its process is not put to sleep".to_owned()));
    add("last used", Some(moment(session.last_active, now)));
    add("created", Some(moment(session.created, now)));
    add("cost", Some(format!("${:.4}", session.cost_usd)));
    add("archive", session.archive.as_ref().map(|file| file.display().to_string()));
    add("id", Some(session.id.to_string()));
    let opened = if session.agent == Agent::Claude { " (open it with claude --resume)" } else { "" };
    add("conversation", session.conversation.map(|id| format!("{id}{opened}")));
    facts
}

/// `on pts/3 since 2026-11-22T11:00:00Z (1h ago), pid 42`
fn handed_over(lent: &Lent, now: Timestamp) -> String {
    let tty = lent.tty.as_deref().map(|tty| format!("on {tty} ")).unwrap_or_default();
    format!("{tty}since {}, pid {}", moment(lent.since, now), lent.pid)
}

fn queue(session: &SessionView) -> Option<String> {
    let waiting = text::count(u64::from(session.queued), "prompt");
    match (&session.hold, session.queued) {
        (Some(why), _) => Some(format!(
            "{waiting} held ({why}): claudebot session queue {} --run | --clear",
            super::quoted(&session.name)
        )),
        (None, 0) => None,
        (None, _) => Some(format!("{waiting} waiting")),
    }
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    match text::age(at, now).as_str() {
        "now" => format!("{second} (just now)"),
        age => format!("{second} ({age} ago)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::Screen;
    use crate::model::SessionState;
    use crate::paths::Env;

    #[test]
    fn it_says_what_is_set_and_how_to_release_a_hold() {
        let ctx = Ctx::new(Env::from_pairs([("HOME", "/home/me")]), Screen::plain()).unwrap();
        let session = SessionView {
            hold: Some("stopped".to_owned()),
            queued: 1,
            ..list::tests::session("my work", SessionState::Idle)
        };
        let facts = facts(&ctx, &session, "2026-11-22T12:00:00Z".parse().unwrap());
        let get = |key| facts.iter().find(|(found, _)| *found == key).map(|(_, value)| value.as_str());
        assert_eq!(
            get("queue"),
            Some("1 prompt held (stopped): claudebot session queue 'my work' --run | --clear")
        );
        assert_eq!(get("last used"), Some("2026-11-22T11:00:00Z (1h ago)"));
        assert_eq!(get("model"), None);
    }
}
