//! What was said, what it has cost, and how full the session's memory is.

use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Error, Kind};
use crate::ipc::{Hit, PlainIndex, Request, Response};
use crate::model::{Detail, Event, EventKind, SessionId};
use crate::telegram::action::Action;
use crate::telegram::effects::Effect;
use crate::telegram::host::{Outcome, Trouble, exactly, refuse, unexpected};
use crate::telegram::render::Style;
use crate::telegram::talk::Talk;
use crate::telegram::view::{Button, View, button};
use crate::telegram::words;

const HITS: u32 = 8;
/// Characters of what was said there.
const SNIPPET: usize = 240;
/// What `/history` shows without a number, and with one at most.
const SAID: usize = 6;
const MOST_SAID: usize = 20;
/// Events that are read for it: most of a session's are tool calls.
const READ: u32 = 400;
/// Of each text so much is shown, all in all less than a message holds.
const SHOWN: usize = 3000;

pub(super) async fn cost(talk: &Talk) -> Outcome<Vec<Effect>> {
    let session = talk.session("").await?;
    let all: f64 = talk.bridge.sessions(talk.place, false).await?.iter().map(|one| one.cost_usd).sum();
    let name = words::line(&session.name, 60);
    let view =
        View::plain(format!("{name} has cost ${:.2}; all sessions together ${all:.2}.", session.cost_usd));
    talk.answer_about(session.id, view)
}

pub(super) async fn context(talk: &Talk) -> Outcome<Vec<Effect>> {
    let session = talk.session("").await?;
    match talk.bridge.ask(Request::Context { session: exactly(session.id) }).await {
        Ok(Response::Context { used, window, model, raw }) => {
            talk.answer_about(session.id, context_view(&session.name, used, window, &model, &raw))
        }
        Ok(other) => unexpected(&other),
        Err(Trouble::Refused(error)) if error.kind == Kind::Unavailable => {
            refuse(Error::unavailable(format!("{} is asleep: it can tell once it is awake", session.name)))
        }
        Err(trouble) => Err(trouble),
    }
}

fn context_view(name: &str, used: u64, window: u64, model: &str, raw: &Value) -> View {
    let name = words::line(name, 60);
    let mut view = View::titled(match window {
        0 => format!("{name}: {} tokens", thousands(used)),
        _ => format!("{name}: {}% of {} tokens", used.saturating_mul(100) / window, thousands(window)),
    });
    if !model.is_empty() {
        view = view.line(words::line(model, 60));
    }
    let categories = raw.get("categories").and_then(Value::as_array).into_iter().flatten();
    for category in categories.take(12) {
        let name = category.get("name").and_then(Value::as_str);
        let tokens = category.get("tokens").and_then(Value::as_u64);
        if let (Some(name), Some(tokens)) = (name, tokens) {
            view = view.line(format!("{}: {}", words::line(name, 40), thousands(tokens)));
        }
    }
    view
}

fn thousands(tokens: u64) -> String {
    if tokens < 1000 { tokens.to_string() } else { format!("{}k", tokens / 1000) }
}

pub(super) async fn search(talk: &Talk, query: &str) -> Outcome<Vec<Effect>> {
    if query.is_empty() {
        return refuse(Error::usage("/search needs words to search for"));
    }
    let request =
        Request::Search { query: query.to_owned(), limit: HITS, dir: None, plain: true, fresh: false };
    match talk.bridge.ask(request).await? {
        Response::Found { hits, plain } => talk.answer(hits_view(query, &hits, &plain, talk.now)),
        Response::Hits(hits) => talk.answer(hits_view(query, &hits, &PlainIndex::default(), talk.now)),
        other => unexpected(&other),
    }
}

fn hits_view(query: &str, hits: &[Hit], index: &PlainIndex, now: Timestamp) -> View {
    let query = words::line(query, 60);
    let reading = index.at.is_none() && index.stale;
    let reading = if reading {
        "\nConversations of plain Claude Code are being read: ask again in a while."
    } else {
        ""
    };
    if hits.is_empty() {
        return View::plain(format!("Nothing was found for {query}.{reading}"));
    }
    let mut view = View::plain(format!("{query}:"));
    let mut buttons: Vec<(SessionId, Button)> = Vec::new();
    let mut is_any_plain = false;
    for hit in hits {
        let name = match (&hit.name, &hit.dir) {
            (Some(name), _) => words::line(name, 60),
            (None, Some(dir)) => words::line(&dir.display().to_string(), 60),
            (None, None) => "somewhere".to_owned(),
        };
        if let Some(session) = hit.session.filter(|session| buttons.iter().all(|(id, _)| id != session)) {
            let button = if hit.archived {
                button(format!("Restore {name}"), Action::Restore { session })
            } else {
                button(&name, Action::Switch { session, stays: true })
            };
            buttons.push((session, button));
        }
        let state = if hit.archived { ", archived" } else { "" };
        view.rich.push("\n", Style::Plain).push(&name, Style::Bold);
        view.rich.push(&format!("{state}, {}, {}: ", hit.kind, words::ago(hit.at, now)), Style::Plain);
        snippet(&mut view, hit);
        if let Some(id) = hit.conversation {
            is_any_plain = true;
            view.rich.push("\n", Style::Plain).push(&format!("claudebot session adopt {id}"), Style::Code);
        }
    }
    if is_any_plain {
        view =
            view.line("A conversation of plain Claude Code is taken over at the desk, by the line below it.");
    }
    if !reading.is_empty() {
        view.rich.push(reading, Style::Plain);
    }
    view.rows_of(2, buttons.into_iter().map(|(_, button)| button))
}

/// The words that were found stand out. A host of before does not say where they are, but has them in brackets.
fn snippet(view: &mut View, hit: &Hit) {
    if !hit.marks.is_empty() {
        let mut left = SNIPPET;
        for (piece, is_found) in hit.pieces() {
            let shown = words::cut(piece, left);
            view.rich.push(&shown, if is_found { Style::Bold } else { Style::Plain });
            left = left.saturating_sub(piece.chars().count());
            if left == 0 {
                break;
            }
        }
        return;
    }
    let text = words::line(&hit.snippet, SNIPPET);
    let mut rest = text.as_str();
    while let Some((before, (found, after))) =
        rest.split_once('[').and_then(|(before, behind)| Some((before, behind.split_once(']')?)))
    {
        view.rich.push(before, Style::Plain).push(found, Style::Bold);
        rest = after;
    }
    view.rich.push(rest, Style::Plain);
}

pub(super) async fn history(talk: &Talk, count: &str) -> Outcome<Vec<Effect>> {
    let count = match count {
        "" => SAID,
        count => match count.parse::<usize>() {
            Ok(count) if count > 0 => count.min(MOST_SAID),
            _ => return refuse(Error::usage("/history takes how many messages to show")),
        },
    };
    let session = talk.session("").await?;
    let events = last_events(talk, session.id).await?;
    talk.answer_about(session.id, history_view(&session.name, &events, count, talk.now))
}

/// The end of the log; how long it is, only a subscription tells.
async fn last_events(talk: &Talk, session: SessionId) -> Outcome<Vec<Event>> {
    let request = Request::Subscribe { session: exactly(session), since: u64::MAX };
    let head = match talk.bridge.link.follow(request).await {
        Ok((_, Response::Subscribed { head, .. })) => head,
        Ok((_, other)) => return unexpected(&other),
        Err(error) => return refuse(error),
    };
    let mut since = head.saturating_sub(u64::from(READ));
    let mut events = Vec::new();
    loop {
        let request = Request::Log { session: exactly(session), since, limit: READ };
        let page = match talk.bridge.ask(request).await? {
            Response::Events(page) => page,
            other => return unexpected(&other),
        };
        let Some(last) = page.last() else { return Ok(events) };
        since = last.seq;
        events.extend(page);
        if since >= head {
            return Ok(events);
        }
    }
}

fn history_view(name: &str, events: &[Event], count: usize, now: Timestamp) -> View {
    let said: Vec<&Event> = events.iter().filter(|event| is_said(event)).collect();
    let name = words::line(name, 60);
    let last = &said[said.len().saturating_sub(count)..];
    if last.is_empty() {
        return View::plain(format!("Nothing was said in {name} yet."));
    }
    let each = (SHOWN / last.len()).max(80);
    let mut view = View::titled(name);
    for event in last {
        let who = if event.kind == EventKind::Prompt { "You" } else { "Claude" };
        view.rich.push("\n", Style::Plain).push(who, Style::Bold);
        view.rich.push(&format!(", {}: ", words::ago(event.at, now)), Style::Plain);
        view.rich.push(&words::cut(event.text.trim(), each), Style::Plain);
    }
    view
}

/// What a person or Claude itself has said: no subagents.
fn is_said(event: &Event) -> bool {
    let is_subagent = matches!(&event.detail, Some(Detail::Reply { parent: Some(_), .. }));
    matches!(event.kind, EventKind::Prompt | EventKind::Reply)
        && !is_subagent
        && !event.text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::telegram::view::tests::shown;

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn event(seq: u64, kind: EventKind, text: &str) -> Event {
        let at = "2026-11-22T11:55:00Z".parse().unwrap();
        Event { seq, at, kind, text: text.to_owned(), prompt_id: None, detail: None }
    }

    #[test]
    fn the_last_words_are_shown_and_no_tools() {
        let mut inner = event(3, EventKind::Reply, "inner voice");
        inner.detail = Some(Detail::Reply { turn: 1, block: 1, parent: Some("t".to_owned()) });
        let events = [
            event(1, EventKind::Prompt, "first"),
            event(2, EventKind::Tool, "ls"),
            inner,
            event(4, EventKind::Reply, "the\nanswer"),
            event(5, EventKind::TurnEnded, ""),
            event(6, EventKind::Prompt, &"x".repeat(9000)),
        ];
        insta::assert_snapshot!(shown(&history_view("work", &events[..5], 2, now())), @r"
        **work**
        **You**, 5m ago: first
        **Claude**, 5m ago: the
        answer
        ");
        let long = history_view("work", &events, 3, now());
        assert!(long.rich.units() < 3500 && long.rich.text.ends_with('…'));
        assert_eq!(shown(&history_view("work", &[], 3, now())), "Nothing was said in work yet.");
    }

    fn hit(snippet: &str, marks: &[(usize, usize)]) -> Hit {
        Hit {
            session: Some(SessionId(uuid::Uuid::nil())),
            name: Some("work".to_owned()),
            seq: Some(1),
            conversation: None,
            title: None,
            dir: Some("/home/me/web".into()),
            at: "2026-11-22T11:00:00Z".parse().unwrap(),
            kind: "reply".to_owned(),
            snippet: snippet.to_owned(),
            marks: marks.to_vec(),
            archived: false,
            archive: None,
        }
    }

    #[test]
    fn what_was_found_stands_out() {
        let hits =
            [hit("use [git] or [svn]", &[(4, 9), (13, 18)]), hit("an [open bracket", &[]), hit("[svn]", &[])];
        insta::assert_snapshot!(shown(&hits_view("git svn", &hits, &PlainIndex::default(), now())), @r"
        git svn:
        **work**, reply, 1h ago: use **git** or **svn**
        **work**, reply, 1h ago: an [open bracket
        **work**, reply, 1h ago: **svn**
        [work]
        ");
    }

    #[test]
    fn what_is_no_session_here_is_found_with_the_way_to_it() {
        let archived = Hit { archived: true, ..hit("the [git]", &[(4, 9)]) };
        let plain = Hit {
            session: None,
            name: None,
            seq: None,
            conversation: Some(uuid::Uuid::nil()),
            ..hit("[git] it", &[(0, 5)])
        };
        let index = PlainIndex { stale: true, ..PlainIndex::default() };
        insta::assert_snapshot!(shown(&hits_view("git", &[archived, plain], &index, now())), @r"
        git:
        **work**, archived, reply, 1h ago: the **git**
        **/home/me/web**, reply, 1h ago: **git** it
        `claudebot session adopt 00000000-0000-0000-0000-000000000000`
        A conversation of plain Claude Code is taken over at the desk, by the line below it.
        Conversations of plain Claude Code are being read: ask again in a while.
        [Restore work]
        ");
    }

    #[test]
    fn the_context_is_told_in_percent() {
        let raw = json!({ "categories": [{ "name": "Messages", "tokens": 51_234 }, { "name": 7 }, 8] });
        insta::assert_snapshot!(shown(&context_view("work", 76_000, 200_000, "opus", &raw)), @r"
        **work: 38% of 200k tokens**
        opus
        Messages: 51k
        ");
        assert_eq!(shown(&context_view("work", 900, 0, "", &Value::Null)), "**work: 900 tokens**");
    }
}
