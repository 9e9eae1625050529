//! `session rename`, `tag`, `pin`: small changes.

use super::{said, session_of};
use crate::cli::args::{Pin, Rename, Tag};
use crate::cli::ask::ask;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish};
use crate::cli::text;
use crate::ipc::{Request, Response, Selector};
use crate::model::Channel;

pub(crate) fn rename(ctx: &Ctx, args: Rename) -> Finish {
    let done = format!("renamed to {}", args.new_name);
    let session = Selector::Name(args.name);
    said(ctx, ask(ctx, Request::SessionRename { session, name: args.new_name })?, &done)
}

pub(crate) fn tag(ctx: &Ctx, args: Tag) -> Finish {
    let session = Selector::Name(args.name);
    if args.tags.is_empty() && args.remove.is_empty() {
        return tags(ctx, session);
    }
    let request = Request::SessionTag { session, add: args.tags, remove: args.remove };
    match ask(ctx, request)? {
        Response::Session(session) => {
            let tags = if session.tags.is_empty() { "none".to_owned() } else { session.tags.join(", ") };
            ctx.screen.say(&format!("tags of {}: {tags}", text::one_line(&session.name)));
            Ok(DONE)
        }
        other => said(ctx, other, "tags changed"),
    }
}

/// One tag per line.
fn tags(ctx: &Ctx, session: Selector) -> Finish {
    let session = session_of(ask(ctx, Request::SessionShow { session, channel: Channel::local() })?)?;
    let mut out = ctx.screen.out();
    for tag in &session.tags {
        out.text(tag)?;
        out.line("")?;
    }
    out.flush()?;
    Ok(DONE)
}

pub(crate) fn pin(ctx: &Ctx, args: Pin) -> Finish {
    let done = if args.off { "no longer pinned" } else { "pinned: its process is not put to sleep" };
    let request = Request::SessionPin { session: Selector::Name(args.name), pinned: !args.off };
    said(ctx, ask(ctx, request)?, done)
}
