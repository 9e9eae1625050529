//! `clean`: says what is no longer needed, asks, and frees it.

use std::borrow::Cow;

use jiff::Timestamp;

use super::args::CleanArgs;
use super::ask::{ask, unexpected};
use super::ctx::Ctx;
use super::screen::{DONE, Finish, Stop};
use super::table::{self, Column, Fit};
use super::{confirm, text};
use crate::error::{Error, Kind};
use crate::ipc::{Request, Response};
use crate::model::{Unneeded, UnneededKind, moment};

pub(crate) fn run(ctx: &Ctx, args: &CleanArgs) -> Finish {
    let before = moment::parse(&args.older_than, Timestamp::now())?;
    let (found, _) = clean(ctx, before, None)?;
    if args.dry_run || (found.is_empty() && !args.json) {
        return show(ctx, args, &found);
    }
    if !args.yes && !found.is_empty() {
        agreed(ctx, &found)?;
    }
    let (freed, failed) = clean(ctx, before, Some(&found))?;
    let bytes = freed.iter().map(|one| one.bytes).sum();
    if args.json {
        let mut out = ctx.screen.out();
        let failed_words = &failed;
        out.json(
            &serde_json::json!({ "freed": true, "bytes": bytes, "items": freed, "failed": failed_words }),
        )?;
        out.flush()?;
    } else {
        ctx.screen.say(&format!("freed {} in {}", text::bytes(bytes), things(freed.len())));
    }
    match failed.as_slice() {
        [] => Ok(DONE),
        [first, ..] => {
            let message = format!("{} could not be removed: {first}", things(failed.len()));
            Err(Error::failed(message).hint("run it again once that is mended").into())
        }
    }
}

/// Looks, or frees what was found and nothing else.
fn clean(
    ctx: &Ctx,
    before: Timestamp,
    found: Option<&[Unneeded]>,
) -> Result<(Vec<Unneeded>, Vec<String>), Stop> {
    let shown = found.map(|found| found.iter().map(|one| one.path.clone()).collect());
    match ask(ctx, Request::Clean { before, confirmed: found.is_some(), shown })? {
        Response::Unneeded { items, failed } => Ok((items, failed)),
        other => Err(unexpected(&other)),
    }
}

fn show(ctx: &Ctx, args: &CleanArgs, found: &[Unneeded]) -> Finish {
    let mut out = ctx.screen.out();
    let bytes: u64 = found.iter().map(|one| one.bytes).sum();
    if args.json {
        let nothing: [&str; 0] = [];
        out.json(&serde_json::json!({ "freed": false, "bytes": bytes, "items": found, "failed": nothing }))?;
    } else if found.is_empty() {
        ctx.screen.say("there is nothing to free");
    } else {
        for line in lines(ctx, found, ctx.screen.columns) {
            out.line(&line)?;
        }
        ctx.screen.say(&format!("{} would be freed in {}", text::bytes(bytes), things(found.len())));
    }
    out.flush()?;
    Ok(DONE)
}

const COLUMNS: [Column; 3] =
    [Column::right("SIZE"), Column::left("WHY", Fit::Whole), Column::left("PATH", Fit::Start(20))];

fn lines(ctx: &Ctx, found: &[Unneeded], columns: Option<usize>) -> Vec<String> {
    let row = |one: &Unneeded| -> Vec<Cow<'static, str>> {
        let path = text::tilde(&one.path, ctx.paths.home()).into_owned();
        vec![text::bytes(one.bytes).into(), why(one).into(), text::one_line(&path).into_owned().into()]
    };
    table::render(&COLUMNS, found.iter().map(row), columns).collect()
}

fn why(one: &Unneeded) -> String {
    let session = one.session.as_deref().map(|name| text::one_line(name).into_owned()).unwrap_or_default();
    match one.kind {
        UnneededKind::Inbox => format!("sent to {session}, long done"),
        UnneededKind::SessionDir => "of a session that is gone".to_owned(),
        UnneededKind::Log => "an old log".to_owned(),
        UnneededKind::Leftover => "left by killed work".to_owned(),
        UnneededKind::Download => "from Telegram, never used".to_owned(),
        UnneededKind::Archive => format!("archive of {session}, kept long enough"),
        UnneededKind::UnusedArchive => format!("archive of {session} that no session uses"),
    }
}

fn agreed(ctx: &Ctx, found: &[Unneeded]) -> Result<(), Stop> {
    for line in lines(ctx, found, ctx.screen.talk_columns) {
        ctx.screen.talk(&format!("{line}\n"));
    }
    let count = |kind| found.iter().filter(|one| one.kind == kind).count() as u64;
    let (archives, unused) = (count(UnneededKind::Archive), count(UnneededKind::UnusedArchive));
    if archives > 0 {
        ctx.screen.say(&format!(
            "with {} the files and the conversation of those sessions are lost for good; what was said stays findable",
            text::count(archives, "archive")
        ));
    }
    if unused > 0 {
        ctx.screen.say(&format!(
            "{} of sessions that were restored, deleted or never here: what only such a file holds is lost for good",
            text::count(unused, "archive")
        ));
    }
    if !ctx.screen.can_ask() {
        return Err(Error::usage("freeing needs a yes, and there is no terminal to ask at")
            .hint("claudebot clean --yes, or --dry-run to look only")
            .into());
    }
    let bytes = found.iter().map(|one| one.bytes).sum();
    let question = format!("Free {}? This cannot be undone. [y/N] ", text::bytes(bytes));
    if confirm::yes(ctx, &question)? {
        return Ok(());
    }
    Err(Error::new(Kind::Denied, "nothing was freed").into())
}

fn things(number: usize) -> String {
    text::count(number as u64, "place")
}
