//! Who hears what, as tables; and the feed against a host by script.

mod followed;
mod heard;

use jiff::{SignedDuration, Timestamp};

use super::facts::{Asker, Facts};
use crate::model::{Detail, Event, EventKind, Origin, Outcome, PromptId, SessionId, Stages, Usage};
use crate::telegram::live::Verbosity;
use crate::telegram::place::Place;
use crate::telegram::turn_log::TurnLog;

const ANNA: Place = Place::chat(1);
const BORIS: Place = Place::chat(2);
const TOPIC: Place = Place { chat: -5, thread: Some(7) };

/// So many seconds after the tests' beginning of time.
fn at(seconds: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn event(kind: EventKind, text: &str, detail: Option<Detail>) -> Event {
    Event { seq: 9, at: at(100), kind, text: text.to_owned(), prompt_id: None, detail }
}

fn turn(origin: Origin, outcome: Outcome, prompts: Vec<PromptId>) -> Detail {
    Detail::Turn {
        turn: 3,
        origin,
        outcome,
        prompts,
        cost_usd: 0.0,
        usage: Usage::default(),
        stages: Stages::default(),
    }
}

fn ended(outcome: Outcome, text: &str) -> Event {
    event(EventKind::TurnEnded, text, Some(turn(Origin::Prompt, outcome, Vec::new())))
}

fn said(text: &str) -> Event {
    event(EventKind::Reply, text, Some(Detail::Reply { turn: 3, block: 1, parent: None }))
}

fn tool(text: &str, result: Option<&str>) -> Event {
    let detail = Detail::Tool {
        turn: 3,
        block: 2,
        name: "Bash".to_owned(),
        input: serde_json::Value::Null,
        result: result.map(str::to_owned),
        is_error: result.is_none(),
        parent: None,
    };
    event(EventKind::Tool, text, Some(detail))
}

/// Anna and Boris have inboxes; nobody asked, nothing is shown.
fn facts() -> Facts {
    Facts {
        now: at(101),
        session: SessionId::random(),
        name: "work".to_owned(),
        asked: Vec::new(),
        sets: Vec::new(),
        open: Vec::new(),
        last: None,
        mirrors: Vec::new(),
        inboxes: vec![ANNA, BORIS],
        shown: Vec::new(),
        approval: Vec::new(),
        is_pending: true,
        mutes: Vec::new(),
        topics: Vec::new(),
        turn: TurnLog::of([said("Done.")].into_iter()),
        verbosity: Verbosity::Normal,
        ring_after: std::time::Duration::from_secs(15),
    }
}

/// Somebody who asked so many seconds before the end.
fn asker(place: Place, before: i64) -> Asker {
    Asker { place, reply_to: 50, prompt: None, at: at(100 - before) }
}
