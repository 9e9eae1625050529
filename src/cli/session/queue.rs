//! `session queue`: what becomes of prompts that are held after a stop or a crash.

use super::said;
use crate::cli::args::Queue;
use crate::cli::ask::ask;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish};
use crate::cli::text;
use crate::ipc::request::shell_key;
use crate::ipc::{Request, Response, Selector};

pub(crate) fn run(ctx: &Ctx, args: Queue) -> Finish {
    let session = Selector::Name(args.name);
    if args.resume {
        return go_on(ctx, session);
    }
    let (request, done) = if args.run {
        (Request::QueueRun { session }, "the queue runs again: claudebot log --follow shows it")
    } else {
        (Request::QueueClear { session }, "waiting prompts dropped")
    };
    said(ctx, ask(ctx, request)?, done)
}

fn go_on(ctx: &Ctx, session: Selector) -> Finish {
    match ask(ctx, Request::Continue { session, key: shell_key() })? {
        Response::Accepted(accepted) => {
            ctx.screen.say(&format!("{} goes on", text::one_line(&accepted.name)));
            Ok(DONE)
        }
        other => said(ctx, other, "it goes on"),
    }
}
