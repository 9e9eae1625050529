//! `session stop` ends the turn, `session sleep` the process.

use super::{quoted, said};
use crate::cli::args::{Sleep, StopTurn};
use crate::cli::ask::ask;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish};
use crate::cli::text;
use crate::ipc::{Request, Response, Selector};
use crate::model::TurnId;

pub(crate) fn turn(ctx: &Ctx, args: StopTurn) -> Finish {
    let request = Request::SessionStop { session: Selector::Exact(args.name.clone()), turn: None };
    match ask(ctx, request)? {
        Response::Stopped { turn, held } => {
            ctx.screen.say(&stopped(turn, held, &args.name));
            Ok(DONE)
        }
        other => said(ctx, other, "stopped"),
    }
}

/// What a stop did, and what becomes of prompts that wait.
pub(crate) fn stopped(turn: Option<TurnId>, held: u32, name: &str) -> String {
    let what = if turn.is_some() { "stopped the turn" } else { "no turn was running" };
    if held == 0 {
        return what.to_owned();
    }
    let waiting = text::count(u64::from(held), "prompt");
    let name = quoted(name);
    format!("{what}; {waiting} held: claudebot session queue {name} --run or --clear")
}

pub(crate) fn process(ctx: &Ctx, args: Sleep) -> Finish {
    let request = Request::SessionSleep { session: Selector::Name(args.name), force: args.force };
    said(ctx, ask(ctx, request)?, "asleep; the next prompt wakes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_says_what_is_held() {
        assert_eq!(stopped(None, 0, "a"), "no turn was running");
        assert_eq!(
            stopped(Some(3), 2, "a b"),
            "stopped the turn; 2 prompts held: claudebot session queue 'a b' --run or --clear"
        );
    }
}
