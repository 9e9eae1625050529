//! `session delete`: says what goes, asks, then removes.

use super::{quoted, said};
use crate::cli::args::Delete;
use crate::cli::ask::{self, ask};
use crate::cli::ctx::Ctx;
use crate::cli::screen::{Finish, Stop};
use crate::cli::{confirm, text};
use crate::error::{Error, Kind};
use crate::ipc::{Request, Response, Selector};
use crate::model::SessionView;

pub(crate) fn run(ctx: &Ctx, args: Delete) -> Finish {
    let (session, words) = preview(ctx, &args.name)?;
    if !args.yes {
        agreed(ctx, &session, &words)?;
    }
    // By id: the name may have gone to another session while the person thought about it.
    let request =
        Request::SessionDelete { session: Selector::Exact(session.id.to_string()), confirmed: true };
    said(ctx, ask(ctx, request)?, &format!("deleted {}", text::one_line(&session.name)))
}

fn preview(ctx: &Ctx, name: &str) -> Result<(SessionView, String), Stop> {
    let request = Request::SessionDelete { session: Selector::Exact(name.to_owned()), confirmed: false };
    match ask(ctx, request)? {
        Response::WouldDelete { session, removes, keeps } => {
            let words = describe(&session, &removes, &keeps);
            Ok((session, words))
        }
        other => Err(ask::unexpected(&other)),
    }
}

fn describe(session: &SessionView, removes: &[String], keeps: &[String]) -> String {
    let mut words = format!("delete session {}\n", text::one_line(&session.name));
    for line in removes {
        words.push_str(&format!("  - removes {}\n", text::one_line(line)));
    }
    for line in keeps {
        words.push_str(&format!("  + keeps   {}\n", text::one_line(line)));
    }
    words
}

fn agreed(ctx: &Ctx, session: &SessionView, words: &str) -> Result<(), Stop> {
    ctx.screen.talk(words);
    if !ctx.screen.can_ask() {
        let command = format!("claudebot session delete {} --yes", quoted(&session.name));
        return Err(Error::usage("deleting needs a yes, and there is no terminal to ask at")
            .hint(command)
            .into());
    }
    if confirm::yes(ctx, "Delete it? This cannot be undone. [y/N] ")? {
        return Ok(());
    }
    Err(Error::new(Kind::Denied, "nothing was deleted").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionState;

    #[test]
    fn it_says_what_goes_and_what_stays() {
        let session = super::super::list::tests::session("old", SessionState::Asleep);
        let words = describe(&session, &["12 events".to_owned()], &["/srv/x\u{1b}[2J".to_owned()]);
        assert_eq!(words, "delete session old\n  - removes 12 events\n  + keeps   /srv/x\n");
    }
}
