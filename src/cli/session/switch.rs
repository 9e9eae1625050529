//! `session switch`: makes a session current; without a name it shows the choices.

use super::{list, print_json, session_of};
use crate::cli::args::Switch;
use crate::cli::ask::{self, ask};
use crate::cli::confirm;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish, Stop};
use crate::cli::text;
use crate::error::{Error, Result};
use crate::ipc::{Request, Response, Selector};
use crate::model::{Channel, SessionView};

pub(crate) fn run(ctx: &Ctx, args: Switch) -> Finish {
    let json = args.json;
    match args.name {
        Some(name) => switch(ctx, Selector::Name(name), json),
        None => choose(ctx, json),
    }
}

fn switch(ctx: &Ctx, session: Selector, json: bool) -> Finish {
    let session = session_of(ask(ctx, Request::SessionSwitch { channel: Channel::local(), session })?)?;
    if json {
        return print_json(ctx, &session);
    }
    ctx.screen.say(&format!("→ {}", text::one_line(&session.name)));
    Ok(DONE)
}

fn choose(ctx: &Ctx, json: bool) -> Finish {
    let request = Request::SessionList { channel: Channel::local(), archived: false, all: false, tag: None };
    let sessions = match ask(ctx, request)? {
        Response::Sessions(sessions) => sessions,
        other => return Err(ask::unexpected(&other)),
    };
    if json {
        return current(&sessions).map_or_else(|| Err(none().into()), |session| print_json(ctx, session));
    }
    show(ctx, &sessions)?;
    if !ctx.screen.can_ask() || sessions.is_empty() {
        return Ok(DONE);
    }
    ctx.screen.talk("number or name (Enter keeps it): ");
    match picked(&sessions, &confirm::line()?)? {
        Some(session) => switch(ctx, session, false),
        None => Ok(DONE),
    }
}

fn current(sessions: &[SessionView]) -> Option<&SessionView> {
    sessions.iter().find(|session| session.current)
}

fn none() -> Error {
    Error::not_found("there is no current session").hint("claudebot session switch NAME")
}

fn show(ctx: &Ctx, sessions: &[SessionView]) -> Result<(), Stop> {
    let mut out = ctx.screen.out();
    let digits = sessions.len().to_string().len();
    for (index, session) in sessions.iter().enumerate() {
        let mark = if session.current { '*' } else { ' ' };
        let (number, glyph) = (index + 1, list::glyph(session.state));
        out.line(&format!("{mark} {number:>digits$}  {glyph} {}", text::one_line(&session.name)))?;
    }
    out.flush()?;
    if current(sessions).is_none() {
        ctx.screen.say(match sessions {
            [] if list::are_archived(ctx)? => {
                "every session is archived; bring one back: claudebot session restore NAME"
            }
            [] => "no session yet; make one here: claudebot session new NAME --switch",
            _ => "no session is current",
        });
    }
    Ok(())
}

/// What a typed line means: a number of the list, a name, or nothing.
fn picked(sessions: &[SessionView], line: &str) -> Result<Option<Selector>> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    // A session may be called 7: a whole name goes before a number.
    if sessions.iter().any(|session| session.name == line) {
        return Ok(Some(Selector::Exact(line.to_owned())));
    }
    let Ok(number) = line.parse::<usize>() else { return Ok(Some(Selector::Name(line.to_owned()))) };
    match number.checked_sub(1).and_then(|index| sessions.get(index)) {
        Some(session) => Ok(Some(Selector::Exact(session.id.to_string()))),
        None => Err(Error::usage(format!("there is no number {number} in the list"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionState;

    #[test]
    fn a_line_is_a_number_a_name_or_nothing() {
        let sessions =
            [list::tests::session("work", SessionState::Idle), list::tests::session("7", SessionState::Idle)];
        assert_eq!(picked(&sessions, "\n"), Ok(None));
        assert_eq!(picked(&sessions, "1\n"), Ok(Some(Selector::Exact(sessions[0].id.to_string()))));
        assert_eq!(picked(&sessions, "7"), Ok(Some(Selector::Exact("7".to_owned()))));
        assert_eq!(picked(&sessions, "wo"), Ok(Some(Selector::Name("wo".to_owned()))));
        assert!(picked(&sessions, "0").is_err());
        assert!(picked(&sessions, "3").is_err());
    }
}
