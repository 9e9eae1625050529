//! `send`: a prompt goes to a session, the reply streams to stdout.

mod asker;
pub(crate) mod asking;
mod drive;
mod input;
mod printer;
mod tty;
mod view;

pub(crate) use asker::{Asker, Way};
pub(crate) use drive::{BY, Drive, Interrupts, Shown};

use super::args::SendArgs;
use super::ctx::{self, Ctx};
use super::screen::{DONE, Finish, Stop};
use super::session::quoted;
use super::{ask, text};
use crate::error::{Error, Kind, Result};
use crate::ipc::request::shell_key;
use crate::ipc::{Accepted, Request, Response, SendPrompt};
use crate::model::{Channel, Delivery, PromptStatus, SessionState};

pub(crate) fn run(ctx: &Ctx, args: &SendArgs) -> Finish {
    let prompt = prompt(ctx, args)?;
    let leaves_stdin = !input::reads_stdin(ctx, args);
    let is_told = leaves_stdin && tell_of_stdin(ctx);
    let finish = deliver(ctx, args, prompt);
    if leaves_stdin && !is_told {
        // Whoever writes into the pipe may have been slower than we were.
        tell_of_stdin(ctx);
    }
    finish
}

/// What was piped in and is not used may be what the prompt is about. False: nothing was.
fn tell_of_stdin(ctx: &Ctx) -> bool {
    let has_data = input::stdin_has_data();
    if has_data {
        ctx.screen
            .note("what is on stdin is not sent; add - to send it, too: … | claudebot send \"review\" -");
    }
    has_data
}

fn deliver(ctx: &Ctx, args: &SendArgs, prompt: SendPrompt) -> Finish {
    let own_turn = !args.no_wait && !args.instead && waits_for_itself(ctx, &prompt)?;
    let runtime = ctx::runtime()?;
    if args.no_wait || own_turn {
        if own_turn {
            ctx.screen.note("this runs in the session's own turn, so the reply is not waited for here");
        }
        return runtime.block_on(store(ctx, prompt, args.json));
    }
    runtime.block_on(async {
        let way = if ctx.screen.can_ask() && !args.json { Way::Terminal } else { Way::Command };
        let mut asker = Asker::new(ctx.screen, way);
        let mut interrupts = Interrupts::listen()?;
        let patient = way == Way::Terminal;
        let shown = Shown { verbose: args.verbose, json: args.json, name: true, patient };
        let drive = tokio::select! {
            started = Drive::start(ctx, prompt, shown) => started?,
            () = interrupts.next() => return Err(unsure().into()),
        };
        drive.run(&mut asker, &mut interrupts).await
    })
}

fn prompt(ctx: &Ctx, args: &SendArgs) -> Result<SendPrompt> {
    let attachments = input::files(ctx, args)?;
    Ok(SendPrompt {
        session: ctx.select(args.session.as_deref()),
        key: shell_key(),
        text: input::text(ctx, args)?,
        attachments,
        delivery: match (args.now, args.instead) {
            (true, _) => Delivery::Now,
            (_, true) => Delivery::Instead,
            _ => Delivery::Queue,
        },
    })
}

/// Whether the turn that has to end before the reply comes is the one that runs this very command.
fn waits_for_itself(ctx: &Ctx, prompt: &SendPrompt) -> Result<bool, Stop> {
    let Some(inside) = ctx.inside() else { return Ok(false) };
    let request = Request::SessionShow { session: prompt.session.clone(), channel: Channel::local() };
    match ask::ask(ctx, request)? {
        Response::Session(view) => {
            let busy = matches!(view.state, SessionState::Busy | SessionState::Waiting);
            Ok(busy && (view.id.to_string() == inside || view.name == inside))
        }
        other => Err(ask::unexpected(&other)),
    }
}

/// Only until the prompt is stored.
async fn store(ctx: &Ctx, prompt: SendPrompt, json: bool) -> Finish {
    let mut link = drive::connect(ctx).await?;
    let accepted = match link.call_with_retry(&Request::Send(prompt)).await? {
        Response::Accepted(accepted) => accepted,
        other => return Err(ask::unexpected(&other)),
    };
    if json {
        let mut out = ctx.screen.out();
        out.json(&drive::accepted_json(&accepted))?;
        out.flush()?;
        return Ok(DONE);
    }
    ctx.screen.say(&stored(&accepted));
    ctx.screen.note(&format!("follow it: claudebot log {} --follow", quoted(&accepted.name)));
    Ok(DONE)
}

/// Ctrl-C came before the host had said anything.
fn unsure() -> Error {
    Error::new(Kind::Denied, "given up before the host had confirmed the prompt")
        .hint("claudebot log shows whether it was stored")
}

fn stored(accepted: &Accepted) -> String {
    let name = text::one_line(&accepted.name);
    let state = if accepted.status == PromptStatus::Queued { "queued" } else { "sent" };
    match &accepted.reason {
        Some(reason) => format!("→ {name}: {state} ({})", text::one_line(reason)),
        None => format!("→ {name}: {state}"),
    }
}
