//! `search`: where something was said, over all sessions and over conversations of plain Claude Code.
//!
//! What the index has is shown at once. Where it is a while old, it is brought up to date then, and what is found more
//! is shown below.

use std::path::Path;

use clap::builder::styling::AnsiColor;
use jiff::Timestamp;

use super::archive;
use super::args::{ArchiveSearch, SearchArgs};
use super::ask::{self, ask};
use super::ctx::Ctx;
use super::screen::{DONE, Finish, Out, Screen, Stop};
use super::text;
use crate::archive::{Manifest, events_of};
use crate::error::Error;
use crate::ipc::{Hit, PlainIndex, Request, Response};
use crate::model::{Event, EventKind};
use crate::search::{About, Found, Query, Surroundings, score};

/// Characters that are shown of a text.
const SHOWN: usize = 200;

/// Columns for the directory of a conversation that is no session.
const DIR: usize = 30;

pub(crate) fn run(ctx: &Ctx, args: &SearchArgs) -> Finish {
    let query = args.query.join(" ");
    let mut out = ctx.screen.out();
    if args.json {
        let (hits, index) = search(ctx, args, &query, true)?;
        out.json(&hits)?;
        out.flush()?;
        excuse(&ctx.screen, &index);
        return Ok(DONE);
    }
    let (first, mut index) = search(ctx, args, &query, false)?;
    show(ctx, &mut out, &first)?;
    let mut more = Vec::new();
    if index.stale {
        if index.at.is_none() && index.trouble.is_none() {
            ctx.screen.note("reading the conversations of plain Claude Code for the first time …");
        }
        let (all, newer) = search(ctx, args, &query, true)?;
        more.extend(all.into_iter().filter(|hit| !first.iter().any(|shown| is_same(shown, hit))));
        index = newer;
        show(ctx, &mut out, &more)?;
    }
    excuse(&ctx.screen, &index);
    if first.is_empty() && more.is_empty() {
        ctx.screen.say(&nothing(&query, &index));
    } else if ctx.screen.stderr_is_terminal && first.iter().chain(&more).any(|hit| hit.seq.is_some()) {
        ctx.screen.note("claudebot log NAME --around NUMBER shows a place");
    }
    Ok(DONE)
}

fn search(ctx: &Ctx, args: &SearchArgs, query: &str, fresh: bool) -> Result<(Vec<Hit>, PlainIndex), Stop> {
    let request = Request::Search {
        query: query.to_owned(),
        limit: args.limit,
        dir: std::env::current_dir().ok(),
        plain: true,
        fresh,
    };
    match ask(ctx, request)? {
        Response::Found { hits, plain } => Ok((hits, plain)),
        // A host of before knows only sessions.
        Response::Hits(hits) => Ok((hits, PlainIndex::default())),
        other => Err(ask::unexpected(&other)),
    }
}

/// `archive search`: the logs inside archives, one after the other.
pub(super) fn archives(ctx: &Ctx, args: ArchiveSearch) -> Finish {
    let now = Timestamp::now();
    let dir = std::env::current_dir().ok();
    let around = Surroundings { now, home: ctx.paths.home(), dir: dir.as_deref() };
    let query = Query::parse(&args.query, around)?;
    let files =
        if args.archives.is_empty() { archive::all(ctx)? } else { archive::meant(ctx, args.archives)? };
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut best = Best { limit, hits: Vec::new() };
    let mut unread = 0;
    for file in &files {
        let mut visit = |manifest: &Manifest, event: Event| {
            best.take(&query, file, manifest, &event, now);
            true
        };
        if let Err(error) = events_of(file, &mut visit) {
            unread += 1;
            ctx.screen.say(&format!("passed over: {error}"));
        }
    }
    let hits = best.finish();
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&hits)?;
    } else if hits.is_empty() {
        ctx.screen.say(&format!(
            "nobody has said: {} (in {})",
            args.query,
            text::count(files.len() as u64 - unread, "archive")
        ));
    }
    let mut shown = None;
    for hit in hits.iter().filter(|_| !args.json) {
        out.line(&line(ctx, hit, now))?;
        if hit.archive != shown {
            let file = hit.archive.as_deref().map(|file| text::tilde(file, ctx.paths.home()).into_owned());
            out.line(&format!("    {}", text::one_line(&file.unwrap_or_default())))?;
            shown.clone_from(&hit.archive);
        }
    }
    out.flush()?;
    if unread == 0 {
        return Ok(DONE);
    }
    Err(Stop::Error(Error::failed(format!("{} could not be searched", text::count(unread, "archive")))))
}

/// The best places so far, and some more.
struct Best {
    limit: usize,
    hits: Vec<(f64, Hit)>,
}

impl Best {
    fn take(&mut self, query: &Query, file: &Path, manifest: &Manifest, event: &Event, now: Timestamp) {
        let session = &manifest.session;
        let about = About {
            name: Some(&session.name),
            id: &session.id.to_string(),
            persona: Some(&session.persona),
            dir: &manifest.original_dir,
            tags: &session.tags,
        };
        let is_meant = matches!(event.kind, EventKind::Prompt | EventKind::Reply)
            && query.role.is_none_or(|role| role == event.kind)
            && query.since.is_none_or(|since| event.at >= since)
            && query.looks_into(&about);
        let Some(found) = is_meant.then(|| Found::find(query, &event.text)).flatten() else { return };
        let snippet = found.snippet(&event.text, SHOWN).bracketed();
        let hit = Hit {
            session: Some(session.id),
            name: Some(session.name.clone()),
            seq: Some(event.seq),
            conversation: None,
            title: None,
            dir: Some(manifest.original_dir.clone()),
            at: event.at,
            kind: event.kind.as_str().to_owned(),
            marks: snippet.marks.iter().map(|mark| (mark.start, mark.end)).collect(),
            snippet: snippet.text,
            archived: true,
            archive: Some(file.to_owned()),
        };
        self.hits.push((score(&found, event.at, now), hit));
        // A word that is everywhere must not fill the memory.
        if self.hits.len() > self.limit.saturating_mul(2).saturating_add(1000) {
            self.sort();
        }
    }

    fn sort(&mut self) {
        self.hits.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        self.hits.truncate(self.limit);
    }

    fn finish(mut self) -> Vec<Hit> {
        self.sort();
        self.hits.into_iter().map(|(_, hit)| hit).collect()
    }
}

fn is_same(one: &Hit, other: &Hit) -> bool {
    (one.session, one.seq, one.conversation, one.at, &one.snippet)
        == (other.session, other.seq, other.conversation, other.at, &other.snippet)
}

fn excuse(screen: &Screen, index: &PlainIndex) {
    if let Some(error) = &index.trouble {
        screen.note(&format!("conversations of plain Claude Code were not all searched: {error}"));
    }
}

fn nothing(query: &str, index: &PlainIndex) -> String {
    match index.conversations {
        0 => format!("nobody has said: {query}"),
        number => format!(
            "nobody has said: {query} (not in {} of plain Claude Code either)",
            text::count(number, "conversation")
        ),
    }
}

fn show(ctx: &Ctx, out: &mut Out, hits: &[Hit]) -> Result<(), Stop> {
    for hit in hits {
        out.line(&line(ctx, hit, Timestamp::now()))?;
        if let Some(id) = hit.conversation {
            out.line(&format!("    claudebot session adopt {id}"))?;
        }
    }
    out.flush()
}

/// `work #12 3h you: … the [words] …`
fn line(ctx: &Ctx, hit: &Hit, now: Timestamp) -> String {
    let screen = &ctx.screen;
    let who = if hit.kind == "prompt" { "you" } else { "claude" };
    let place = match (&hit.name, hit.seq) {
        (Some(name), Some(seq)) => format!("{} #{seq}", text::one_line(name)),
        _ => {
            let dir = hit.dir.as_deref().map(|dir| text::tilde(dir, ctx.paths.home()).into_owned());
            text::cut_front(&text::one_line(&dir.unwrap_or_default()), DIR).into_owned()
        }
    };
    let archived = if hit.archived { " archived" } else { "" };
    let age = text::age(hit.at, now);
    let rest = format!("{archived} {age} {who}: ");
    let room = screen
        .columns
        .map_or(usize::MAX, |columns| columns.saturating_sub(text::width(&place) + text::width(&rest)));
    format!("{}{rest}{}", screen.strong(&place), words(screen, hit, room))
}

/// What was found stands out by its colour, or by brackets where there is none.
fn words(screen: &Screen, hit: &Hit, mut room: usize) -> String {
    if hit.marks.is_empty() || !screen.colour_on_stdout() {
        return text::cut(&text::one_line(&hit.snippet), room).into_owned();
    }
    let mut words = String::new();
    for (piece, is_found) in hit.pieces() {
        let piece = text::clean(piece);
        let shown = text::cut(&piece, room);
        words.push_str(&if is_found { screen.tint(&shown, AnsiColor::Yellow) } else { shown.to_string() });
        let is_cut = text::width(&piece) > room;
        room = room.saturating_sub(text::width(&piece));
        if is_cut || room == 0 {
            break;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionId;
    use crate::paths::Env;

    fn hit() -> Hit {
        Hit {
            session: Some(SessionId::random()),
            name: Some("work".to_owned()),
            seq: Some(12),
            conversation: None,
            title: None,
            dir: Some("/home/me/web".into()),
            at: "2026-11-22T09:00:00Z".parse().unwrap(),
            kind: "prompt".to_owned(),
            snippet: "about the [certificate] renewal and a lot of other things".to_owned(),
            marks: vec![(10, 23)],
            archived: false,
            archive: None,
        }
    }

    #[test]
    fn a_hit_fits_the_terminal() {
        let env = Env::from_pairs([("HOME", "/home/me")]);
        let mut ctx = Ctx::new(env, Screen::plain()).unwrap();
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let mut hit = hit();
        assert_eq!(
            line(&ctx, &hit, now),
            "work #12 3h you: about the [certificate] renewal and a lot of other things"
        );
        ctx.screen.columns = Some(40);
        assert_eq!(line(&ctx, &hit, now), "work #12 3h you: about the [certificate…");
        hit.archived = true;
        assert_eq!(line(&ctx, &hit, now), "work #12 archived 3h you: about the [ce…");
        let plain = Hit { session: None, name: None, seq: None, archived: false, ..hit };
        assert_eq!(line(&ctx, &plain, now), "~/web 3h you: about the [certificate] r…");
    }

    #[test]
    fn what_was_found_is_known_by_its_place() {
        assert_eq!(
            hit().pieces(),
            [("about the ", false), ("certificate", true), (" renewal and a lot of other things", false)]
        );
    }
}
