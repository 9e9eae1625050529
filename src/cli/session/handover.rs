//! `session handover`: this process becomes an interactive `claude` on the session; `session take-back` ends one whose
//! terminal is lost.
//!
//! Nothing of ours stays between the terminal and `claude`: its signals, its suspension and its end are those of a
//! program that the shell has started.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::{quoted, said};
use crate::cli::args::{Handover as Args, TakeBack};
use crate::cli::ask::{ask, ask_long, unexpected};
use crate::cli::ctx::Ctx;
use crate::cli::screen::{Finish, Stop};
use crate::cli::text;
use crate::error::{Error, Kind};
use crate::ipc::{Granted, Handover, Request, Response, Selector};

pub(crate) fn run(ctx: &Ctx, args: Args) -> Finish {
    if !ctx.screen.stdin_is_terminal || !ctx.screen.stdout_is_terminal {
        return Err(Error::usage("there is no terminal here that the session could be handed over to")
            .hint("run it in one, without a pipe; `claudebot send` talks to a session from anywhere")
            .into());
    }
    let session = match args.name {
        Some(name) => Selector::Name(name),
        None => ctx.select(None),
    };
    let asked = Handover { session, wait: args.wait, pid: std::process::id(), tty: tty() };
    if args.wait {
        ctx.screen.note("waits for the end of what runs; Ctrl-C gives it up");
    }
    let granted = match ask_long(ctx, Request::SessionHandover(asked), |_, _, _| {})? {
        Response::Granted(granted) => granted,
        other => return Err(unexpected(&other)),
    };
    let name = quoted(&granted.name);
    ctx.screen.note(&format!(
        "→ {}: handed over until claude ends; lost the terminal? claudebot session take-back {name}",
        text::one_line(&granted.name)
    ));
    Err(become_claude(granted, args.args))
}

/// Returns only when that fails; the host sees this process end then, and takes the session back.
fn become_claude(granted: Granted, args: Vec<OsString>) -> Stop {
    let mut command = Command::new(&granted.program);
    command.args(&granted.args).args(args).current_dir(&granted.dir);
    for (name, value) in &granted.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let error = command.exec();
    let message = format!("cannot start {} in {}: {error}", granted.program.display(), granted.dir.display());
    Stop::Error(Error::new(Kind::Unavailable, message).hint("try it by hand: claude --version"))
}

/// `pts/3`.
fn tty() -> Option<String> {
    let name = rustix::termios::ttyname(std::io::stdin(), Vec::new()).ok()?;
    let name = name.to_str().ok()?;
    Some(name.strip_prefix("/dev/").unwrap_or(name).to_owned())
}

pub(crate) fn take_back(ctx: &Ctx, args: TakeBack) -> Finish {
    let request = Request::SessionTakeBack { session: Selector::Name(args.name) };
    said(ctx, ask(ctx, request)?, "the session is back")
}
