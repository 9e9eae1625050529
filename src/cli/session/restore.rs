//! `session restore`: brings an archived session back.

use std::path::PathBuf;

use super::{print_json, quoted, session_of};
use crate::cli::args::Restore;
use crate::cli::ask::{ask, ask_long, unexpected};
use crate::cli::ctx::Ctx;
use crate::cli::progress::Progress;
use crate::cli::screen::{DONE, Finish, Stop};
use crate::cli::text;
use crate::error::{Error, Kind};
use crate::ipc::{Request, Response, Selector};
use crate::model::{Channel, SessionView};

pub(crate) fn run(ctx: &Ctx, args: Restore) -> Finish {
    let archive = file(ctx, &args)?;
    let dir = args.dir.as_deref().map(|dir| ctx.absolute(dir)).transpose()?;
    let request = Request::SessionRestore { archive, dir, name: args.name };
    let mut progress = Progress::new(ctx.screen);
    let response = ask_long(ctx, request, |done, total, what| progress.show(done, total, what));
    progress.clear();
    let (session, notes) = match response? {
        Response::Restored { session, notes } => (session, notes),
        other => return Err(unexpected(&other)),
    };
    if args.json {
        return print_json(ctx, &session);
    }
    let place = text::tilde(&session.dir, ctx.paths.home());
    ctx.screen.say(&format!("restored {} in {place}", text::one_line(&session.name)));
    for note in notes {
        ctx.screen.note(&text::one_line(&note));
    }
    ctx.screen.say(&format!("make it the current one: claudebot session switch {}", quoted(&session.name)));
    Ok(DONE)
}

/// The archive that is meant: a file, or the one of an archived session. A directory of the session's name does
/// not stand in its way.
fn file(ctx: &Ctx, args: &Restore) -> Result<PathBuf, Stop> {
    let given = &args.archive;
    let name = given.to_str().filter(|name| !name.contains('/') && !given.is_file());
    let Some(name) = name else {
        if given.exists() {
            return Ok(ctx.absolute(given)?);
        }
        return Err(Error::not_found(format!("there is no archive {}", given.display()))
            .hint("`claudebot archive list` shows the archives, `claudebot session list --archived` the sessions")
            .into());
    };
    let request =
        Request::SessionShow { session: Selector::Name(name.to_owned()), channel: Channel::local() };
    let session = match ask(ctx, request) {
        Err(_) if given.exists() => return Ok(ctx.absolute(given)?),
        answered => session_of(answered?)?,
    };
    match session.archive {
        Some(archive) => Ok(archive),
        None => namesake(ctx, name),
    }
}

/// The archive of an archived session whose name another one has by now.
fn namesake(ctx: &Ctx, name: &str) -> Result<PathBuf, Stop> {
    let request = Request::SessionList { channel: Channel::local(), archived: true, all: false, tag: None };
    let mut sessions = match ask(ctx, request)? {
        Response::Sessions(sessions) => sessions,
        other => return Err(unexpected(&other)),
    };
    sessions.retain(|session| session.name == name);
    let ids = sessions.iter().map(|session| session.id.to_string()).collect();
    match (sessions.pop(), sessions.is_empty()) {
        (Some(SessionView { archive: Some(archive), .. }), true) => Ok(archive),
        (Some(_), false) => {
            Err(Error::new(Kind::Ambiguous, format!("several archived sessions are named {name}"))
                .hint("give the id of one")
                .candidates(ids)
                .into())
        }
        (Some(_), true) => Err(Error::conflict(format!("the archive of session {name} was removed"))
            .hint("what was said is still there: claudebot log, claudebot session export")
            .into()),
        _ => Err(Error::conflict(format!("session {name} is not archived")).into()),
    }
}
