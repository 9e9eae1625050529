//! `status`: what waits for you, what works, what is there; `--short` for a shell prompt.

use jiff::Timestamp;

use super::args::StatusArgs;
use super::ask::{self, ask};
use super::ctx::{self, Ctx};
use super::screen::{DONE, Finish, Out, Stop};
use super::{approvals, host, session, text};
use crate::ipc::{HostStatus, Request, Response};
use crate::model::{Approval, Channel, SessionState, SessionView};

pub(crate) fn run(ctx: &Ctx, args: &StatusArgs) -> Finish {
    let response = ask(ctx, Request::Status { channel: Channel::local() })?;
    let Response::Status { total, sessions, approvals, host } = response else {
        return Err(ask::unexpected(&response));
    };
    // The short handler knows of no host, wherever it runs.
    let host = match host {
        None if !args.short => ctx::runtime()?.block_on(host::present(ctx))?,
        told => told,
    };
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&serde_json::json!({
            "total": total, "sessions": sessions, "approvals": approvals, "host": host,
        }))?;
    } else if args.short {
        let words = short(&sessions, total);
        if !words.is_empty() {
            out.line(&words)?;
        }
    } else {
        out.line(&summary(&sessions, total))?;
        long(ctx, &mut out, &sessions, &approvals, host.as_ref())?;
    }
    out.flush()?;
    Ok(DONE)
}

fn number(sessions: &[SessionView], state: SessionState) -> usize {
    sessions.iter().filter(|session| session.state == state).count()
}

/// `2! 3▶ 8`: waiting for you, working, all. What is zero is left out.
fn short(sessions: &[SessionView], total: u64) -> String {
    let (waiting, busy) = (number(sessions, SessionState::Waiting), number(sessions, SessionState::Busy));
    let mut parts = Vec::new();
    if waiting > 0 {
        parts.push(format!("{waiting}!"));
    }
    if busy > 0 {
        parts.push(format!("{busy}▶"));
    }
    if total > 0 {
        parts.push(total.to_string());
    }
    parts.join(" ")
}

fn long(
    ctx: &Ctx,
    out: &mut Out,
    sessions: &[SessionView],
    approvals: &[Approval],
    host: Option<&HostStatus>,
) -> Result<(), Stop> {
    if !approvals.is_empty() {
        out.line("")?;
        for line in approvals::table(ctx, approvals, Timestamp::now()) {
            out.line(&line)?;
        }
    }
    if !sessions.is_empty() {
        out.line("")?;
        for line in session::table(ctx, sessions, Timestamp::now()) {
            out.line(&line)?;
        }
    }
    out.line("")?;
    out.line(&running(host))
}

fn summary(sessions: &[SessionView], total: u64) -> String {
    let waiting = number(sessions, SessionState::Waiting);
    let busy = number(sessions, SessionState::Busy);
    format!("{waiting} waiting for you, {busy} working, {} in all", text::count(total, "session"))
}

fn running(host: Option<&HostStatus>) -> String {
    match host {
        Some(host) if host.draining => format!("host: ending once its turns are done (process {})", host.pid),
        Some(host) => format!("host: running (process {}, {} live)", host.pid, host.live),
        None => "host: none; it starts when it is needed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::sample;

    #[test]
    fn the_short_form_is_for_a_prompt() {
        let of = |states: &[SessionState]| -> Vec<SessionView> {
            states.iter().map(|state| sample("x", *state)).collect()
        };
        use SessionState::{Busy, Idle, Waiting};
        assert_eq!(short(&of(&[]), 0), "");
        assert_eq!(short(&of(&[Idle]), 3), "3");
        assert_eq!(short(&of(&[Waiting, Waiting, Busy, Busy, Busy, Idle]), 8), "2! 3▶ 8");
        assert_eq!(summary(&of(&[Waiting, Busy]), 9), "1 waiting for you, 1 working, 9 sessions in all");
    }
}
