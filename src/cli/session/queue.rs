//! `session queue`: what waits, and what becomes of it when it is held after a stop or a crash.

use jiff::Timestamp;

use super::{quoted, said};
use crate::cli::args::Queue;
use crate::cli::ask::{self, ask};
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish};
use crate::cli::text;
use crate::ipc::request::shell_key;
use crate::ipc::{Request, Response, Selector};
use crate::model::UNAVAILABLE;

pub(crate) fn run(ctx: &Ctx, args: Queue) -> Finish {
    let session = Selector::Name(args.name);
    if args.resume {
        return go_on(ctx, session);
    }
    if !args.run && !args.clear {
        return show(ctx, session, args.json);
    }
    let (request, done) = if args.run {
        (Request::QueueRun { session }, "the queue runs again: claudebot log --follow shows it")
    } else {
        (Request::QueueClear { session }, "waiting prompts dropped")
    };
    said(ctx, ask(ctx, request)?, done)
}

fn show(ctx: &Ctx, session: Selector, json: bool) -> Finish {
    let (session, prompts) = match ask(ctx, Request::Queue { session })? {
        Response::Queue { session, prompts } => (session, prompts),
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if json {
        out.json(&prompts)?;
        out.flush()?;
        return Ok(DONE);
    }
    let now = Timestamp::now();
    for (number, prompt) in prompts.iter().enumerate() {
        let words = text::one_line(&prompt.text);
        out.line(&format!("{:>3}  {:>4}  {words}", number + 1, text::age(prompt.accepted, now)))?;
    }
    out.flush()?;
    let name = quoted(&session.name);
    match (&session.hold, prompts.is_empty()) {
        (_, true) => ctx.screen.say(&format!("nothing waits in {}", text::one_line(&session.name))),
        (Some(why), false) => {
            ctx.screen.note(&format!("held ({why}): claudebot session queue {name} --run or --clear"));
            if why == UNAVAILABLE {
                ctx.screen.note("Claude could not be started; a new prompt tries again and runs these first");
            }
        }
        (None, false) => ctx.screen.note("they run in this order"),
    }
    Ok(DONE)
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
