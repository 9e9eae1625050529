//! `session restore`: brings an archived session back.

use std::path::PathBuf;

use super::{print_json, quoted, session_of};
use crate::cli::args::Restore;
use crate::cli::ask::{ask, ask_long};
use crate::cli::ctx::Ctx;
use crate::cli::progress::Progress;
use crate::cli::screen::{DONE, Finish, Stop};
use crate::cli::text;
use crate::error::Error;
use crate::ipc::{Request, Selector};
use crate::model::Channel;

pub(crate) fn run(ctx: &Ctx, args: Restore) -> Finish {
    let archive = file(ctx, &args)?;
    let dir = args.dir.as_deref().map(|dir| ctx.absolute(dir)).transpose()?;
    let request = Request::SessionRestore { archive, dir, name: args.name };
    let mut progress = Progress::new(ctx.screen);
    let response = ask_long(ctx, request, |done, total, what| progress.show(done, total, what));
    progress.clear();
    let session = session_of(response?)?;
    if args.json {
        return print_json(ctx, &session);
    }
    let place = text::tilde(&session.dir, ctx.paths.home());
    ctx.screen.say(&format!("restored {} in {place}", text::one_line(&session.name)));
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
    let not_archived = || Error::conflict(format!("session {name} is not archived")).into();
    session.archive.ok_or_else(not_archived)
}
