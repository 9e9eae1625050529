//! `claudebot session …`: one file per subcommand.

mod adopt;
mod archive;
mod delete;
mod edit;
mod export;
mod handover;
mod list;
mod new;
mod queue;
mod restore;
mod rules;
mod show;
mod stop;
mod switch;

use super::args::SessionCommand;
use super::ask;
use super::ctx::Ctx;
use super::screen::{DONE, Finish, Stop};
use super::text;
use crate::ipc::Response;
use crate::model::SessionView;

pub(crate) use list::table;
#[cfg(test)]
pub(crate) use list::tests::session as sample;

pub(crate) fn run(ctx: &Ctx, command: SessionCommand) -> Finish {
    match command {
        SessionCommand::New(args) => new::run(ctx, args),
        SessionCommand::List(args) => list::run(ctx, args),
        SessionCommand::Switch(args) => switch::run(ctx, args),
        SessionCommand::Show(args) => show::run(ctx, &args),
        SessionCommand::Rename(args) => edit::rename(ctx, args),
        SessionCommand::Tag(args) => edit::tag(ctx, args),
        SessionCommand::Pin(args) => edit::pin(ctx, args),
        SessionCommand::Stop(args) => stop::turn(ctx, args),
        SessionCommand::Sleep(args) => stop::process(ctx, args),
        SessionCommand::Queue(args) => queue::run(ctx, args),
        SessionCommand::Rules(args) => rules::run(ctx, args),
        SessionCommand::Delete(args) => delete::run(ctx, args),
        SessionCommand::Archive(args) => archive::run(ctx, args),
        SessionCommand::Restore(args) => restore::run(ctx, args),
        SessionCommand::Handover(args) => handover::run(ctx, args),
        SessionCommand::TakeBack(args) => handover::take_back(ctx, args),
        SessionCommand::Adopt(args) => adopt::run(ctx, &args),
        SessionCommand::Export(args) => export::run(ctx, &args),
    }
}

/// The session of a response that must be one.
fn session_of(response: Response) -> Result<SessionView, Stop> {
    match response {
        Response::Session(session) => Ok(session),
        other => Err(ask::unexpected(&other)),
    }
}

/// Says what the host said, or `otherwise`; on stderr, since it is not data.
fn said(ctx: &Ctx, response: Response, otherwise: &str) -> Finish {
    match response {
        Response::Said(words) => ctx.screen.say(&words),
        Response::Done | Response::Session(_) | Response::State(_) => ctx.screen.say(otherwise),
        other => return Err(ask::unexpected(&other)),
    }
    Ok(DONE)
}

/// A session as one JSON line.
fn print_json(ctx: &Ctx, session: &SessionView) -> Finish {
    let mut out = ctx.screen.out();
    out.json(session)?;
    out.flush()?;
    Ok(DONE)
}

/// A name as a shell takes it: quoted where it would be taken apart.
pub(crate) fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '+');
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        return name.to_owned();
    }
    format!("'{}'", text::one_line(name).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_for_the_shell() {
        assert_eq!(quoted("work-2"), "work-2");
        assert_eq!(quoted("größer"), "größer");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("-x"), "'-x'");
    }
}
