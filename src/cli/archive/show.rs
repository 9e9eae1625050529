//! `archive show`: what an archive says of itself, and on request everything in it.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::meant;
use crate::archive::{self, Item, ItemKind, Manifest};
use crate::cli::args::ArchiveShow;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish, Stop};
use crate::cli::session::quoted;
use crate::cli::text;
use crate::error::Error;

/// So much of what was left out is named.
const NAMED: usize = 10;

pub(crate) fn run(ctx: &Ctx, args: ArchiveShow) -> Finish {
    let file = meant(ctx, vec![args.archive.clone()])?.pop().unwrap_or(args.archive);
    if args.files {
        return files(ctx, &file, args.json);
    }
    let manifest = archive::read_manifest(&file)?;
    let bytes = std::fs::metadata(&file).map_err(|e| Error::io("read", &file, &e))?.len();
    let mut out = ctx.screen.out();
    if args.json {
        let mut value = serde_json::to_value(&manifest)
            .map_err(|e| Error::failed(format!("the manifest cannot be written as JSON: {e}")))?;
        if let Some(object) = value.as_object_mut() {
            object.insert("file".to_owned(), json!(file));
            object.insert("bytes".to_owned(), json!(bytes));
            object.insert("dir".to_owned(), json!(manifest.original_dir));
            object.remove("original_dir");
            for list in ["left_out", "ignored"] {
                object.entry(list).or_insert_with(|| json!([]));
            }
        }
        out.json(&value)?;
    } else {
        for (what, words) in describe(&manifest, &file, bytes, ctx.paths.home()) {
            out.line(&format!("{what:<10} {}", text::one_line(&words)))?;
        }
        ctx.screen.say(&format!(
            "bring it back: claudebot session restore {}",
            quoted(&file.display().to_string())
        ));
    }
    out.flush()?;
    Ok(DONE)
}

fn describe(manifest: &Manifest, file: &Path, bytes: u64, home: &Path) -> Vec<(&'static str, String)> {
    let Manifest { session, counts, .. } = manifest;
    let dir = text::tilde(&manifest.original_dir, home).into_owned();
    let created = manifest.created.strftime("%Y-%m-%d %H:%M UTC");
    let mut lines = vec![
        ("name", session.name.clone()),
        ("file", format!("{}, {}", text::tilde(file, home), text::bytes(bytes))),
        ("created", format!("{created}, by claudebot {} on {}", manifest.claudebot, manifest.host_os)),
        ("session", session.id.to_string()),
        ("persona", session.persona.clone()),
    ];
    if !session.tags.is_empty() {
        lines.push(("tags", session.tags.join(" ")));
    }
    let (first, last) = (session.created.strftime("%Y-%m-%d"), session.last_active.strftime("%Y-%m-%d"));
    let cost = Some(text::money(session.cost_usd)).filter(|cost| !cost.is_empty());
    lines.push((
        "used",
        format!("{first} to {last}{}", cost.map(|cost| format!(", {cost}")).unwrap_or_default()),
    ));
    lines.push((
        "log",
        format!("{}, {}", text::count(counts.events, "event"), text::bytes(counts.events_bytes)),
    ));
    let tree = |files: u64, bytes: u64| format!("{}, {}", text::count(files, "file"), text::bytes(bytes));
    lines.push(("claude", tree(counts.claude.files, counts.claude.bytes)));
    lines.extend(counts.inbox.map(|inbox| ("inbox", tree(inbox.files, inbox.bytes))));
    lines.push((
        "directory",
        match counts.workspace {
            Some(packed) => format!("{dir}: {}", tree(packed.files, packed.bytes)),
            None => format!("{dir}: not packed"),
        },
    ));
    let left_out = manifest.left_out.iter().map(|left| format!("{} ({})", left.path, left.what));
    lines.extend(named("left out", left_out.collect()));
    lines.extend(named("ignored", manifest.ignored.clone()));
    lines
}

/// The first of a list, a line each.
fn named(what: &'static str, all: Vec<String>) -> Vec<(&'static str, String)> {
    let more = all.len().saturating_sub(NAMED);
    let mut lines: Vec<_> = all.into_iter().take(NAMED).map(|one| (what, one)).collect();
    lines.extend((more > 0).then(|| (what, format!("and {more} more"))));
    lines
}

fn files(ctx: &Ctx, file: &Path, json: bool) -> Finish {
    let mut out = ctx.screen.out();
    let mut stopped = None;
    let mut each = |item: Item| {
        let written = if json { out.json(&as_json(&item)) } else { out.line(&as_line(&item)) };
        written.map_err(|stop| {
            stopped = Some(stop);
            Error::failed("the output was closed")
        })
    };
    let read = archive::contents(file, &mut each, &mut |_| {}, &AtomicBool::new(false));
    if let Some(stop) = stopped {
        return Err(stop);
    }
    out.flush()?;
    read.map(|_| DONE).map_err(Stop::Error)
}

fn as_json(item: &Item) -> serde_json::Value {
    let (kind, target) = match &item.kind {
        ItemKind::File => ("file", None),
        ItemKind::Dir => ("dir", None),
        ItemKind::Link(target) => ("link", Some(target)),
    };
    json!({
        "path": item.path, "kind": kind, "target": target, "size": item.size,
        "mode": format!("{:04o}", item.mode), "modified": item.modified,
    })
}

fn as_line(item: &Item) -> String {
    let (letter, rest) = match &item.kind {
        ItemKind::File => ('-', String::new()),
        ItemKind::Dir => ('d', "/".to_owned()),
        ItemKind::Link(target) => ('l', format!(" → {target}")),
    };
    let modified = item.modified.strftime("%Y-%m-%d %H:%M");
    format!(
        "{letter}{:03o} {:>9} {modified} {}{}",
        item.mode & 0o777,
        text::bytes(item.size),
        text::one_line(&item.path),
        text::one_line(&rest)
    )
}
