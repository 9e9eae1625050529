//! What a turn has said and done, read back from the session's log.
//!
//! A turn's events lie between the end of the turn before it and its own. Their numbers of turns are not looked at:
//! what a host that died has begun, the next one ends under another number.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::link::Link;
use super::words;
use crate::error::{Error, Kind, Result};
use crate::ipc::{Request, Response, Selector};
use crate::model::{Detail, Event, SessionId};

/// So many events are asked for first; each page is larger than the one before it.
const FIRST_PAGE: u64 = 64;
const LARGEST_PAGE: u64 = 1024;

/// Of a turn with more events than this the beginning is not read.
const MOST_EVENTS: usize = 20_000;

/// So much is kept of what was said before the last tool call.
const MOST_BEFORE: usize = 256 << 10;

/// So many of the newest tool calls are kept.
const MOST_TOOLS: usize = 40;

/// Of what a tool gave back, for those who want to see it.
const LONGEST_RESULT: usize = 120;

/// A tool call that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    /// `Bash: ls`
    pub(crate) words: String,
    /// The beginning of what it gave back; None: it was cut off.
    pub(crate) result: Option<String>,
    pub(crate) is_error: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TurnLog {
    /// What was said after the last tool call.
    after: VecDeque<String>,
    /// What was said before it, as long as nothing was said after it.
    before: VecDeque<String>,
    before_bytes: usize,
    /// How many tools were used, not counting those of subagents.
    pub(crate) tools: u32,
    /// The newest of them, in order.
    pub(crate) calls: VecDeque<ToolCall>,
    /// When the first of all this was done.
    pub(crate) began: Option<Timestamp>,
    taken: usize,
}

impl TurnLog {
    /// Takes in events from the newest to the oldest. False: this one does not belong to the turn any more.
    fn take(&mut self, event: Event) -> bool {
        self.taken += 1;
        if self.taken > MOST_EVENTS {
            return false;
        }
        match event.detail {
            Some(Detail::Turn { .. }) => return false,
            Some(Detail::Reply { parent: None, .. }) if self.tools == 0 => self.after.push_front(event.text),
            Some(Detail::Reply { parent: None, .. }) => {
                self.before_bytes += event.text.len();
                if self.after.is_empty() && self.before_bytes <= MOST_BEFORE {
                    self.before.push_front(event.text);
                }
            }
            Some(Detail::Tool { parent: None, result, is_error, .. }) => {
                self.tools += 1;
                if self.calls.len() < MOST_TOOLS {
                    let result = result.map(|result| words::line(&result, LONGEST_RESULT));
                    self.calls.push_front(ToolCall { words: event.text, result, is_error });
                }
            }
            _ => return true,
        }
        self.began = Some(event.at);
        true
    }

    /// The reply: what was said after the last tool call, or all of it if nothing was.
    pub(crate) fn reply(&self) -> String {
        let said = if self.after.is_empty() { &self.before } else { &self.after };
        let said: Vec<&str> = said.iter().map(|text| text.trim_matches('\n')).collect();
        said.join("\n\n")
    }

    /// Something was said after the last tool call.
    pub(crate) fn ends_in_words(&self) -> bool {
        !self.after.is_empty()
    }

    /// Of events in their order, the last of which is the last one before the turn's end.
    #[cfg(test)]
    pub(crate) fn of(events: impl DoubleEndedIterator<Item = Event>) -> Self {
        let mut turn = Self::default();
        for event in events.rev() {
            if !turn.take(event) {
                break;
            }
        }
        turn
    }
}

/// The turn whose events lie before `end`: the number of its end, or one more than that of the last event.
pub(crate) async fn read(link: &Link, session: SessionId, end: u64) -> Result<TurnLog> {
    let mut turn = TurnLog::default();
    let (mut end, mut size) = (end, FIRST_PAGE);
    while end > 1 {
        let since = end.saturating_sub(size + 1);
        for event in between(link, session, since, end).await?.into_iter().rev() {
            if !turn.take(event) {
                return Ok(turn);
            }
        }
        (end, size) = (since + 1, (size * 4).min(LARGEST_PAGE));
    }
    Ok(turn)
}

/// Events after `since` and before `end`. An answer may hold fewer than were asked for.
async fn between(link: &Link, session: SessionId, mut since: u64, end: u64) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    while since + 1 < end {
        let limit = u32::try_from(end - since - 1).unwrap_or(u32::MAX);
        let selector = Selector::Exact(session.to_string());
        let page = match link.call(Request::Log { session: selector, since, limit }).await {
            Ok(Response::Events(page)) => page,
            Ok(other) => return Err(unexpected(&other)),
            // It was deleted meanwhile, and its log with it.
            Err(error) if error.kind == Kind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let Some(last) = page.last() else { break };
        since = last.seq;
        events.extend(page);
    }
    Ok(events)
}

pub(crate) fn unexpected(response: &Response) -> Error {
    let words = format!("{response:?}");
    Error::failed(format!("the host answered something else than was asked: {}", words::line(&words, 200)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventKind, Origin, Outcome, Stages, Usage};

    pub(super) fn event(seq: u64, kind: EventKind, text: &str, detail: Detail) -> Event {
        let at = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(i64::try_from(seq).unwrap());
        Event { seq, at, kind, text: text.to_owned(), prompt_id: None, detail: Some(detail) }
    }

    fn said(seq: u64, text: &str, parent: Option<&str>) -> Event {
        let detail = Detail::Reply { turn: 1, block: seq, parent: parent.map(str::to_owned) };
        event(seq, EventKind::Reply, text, detail)
    }

    fn tool(seq: u64, text: &str, result: Option<&str>) -> Event {
        let detail = Detail::Tool {
            turn: 1,
            block: seq,
            name: "Bash".to_owned(),
            input: serde_json::Value::Null,
            result: result.map(str::to_owned),
            is_error: result.is_none(),
            parent: None,
        };
        event(seq, EventKind::Tool, text, detail)
    }

    fn ended(seq: u64) -> Event {
        let detail = Detail::Turn {
            turn: 1,
            origin: Origin::Prompt,
            outcome: Outcome::Done,
            prompts: Vec::new(),
            cost_usd: 0.0,
            usage: Usage::default(),
            stages: Stages::default(),
        };
        event(seq, EventKind::TurnEnded, "", detail)
    }

    #[test]
    fn the_reply_is_what_was_said_after_the_last_tool() {
        let events = [
            said(1, "of the turn before", None),
            ended(2),
            said(3, "I look.", None),
            tool(4, "Bash: ls", Some("a\nb")),
            said(5, "subagent", Some("t")),
            said(6, "First.\n", None),
            said(7, "Second.", None),
        ];
        let turn = TurnLog::of(events.into_iter());
        assert_eq!(turn.reply(), "First.\n\nSecond.");
        assert!(turn.ends_in_words());
        assert_eq!(turn.tools, 1);
        let call = ToolCall { words: "Bash: ls".to_owned(), result: Some("a b".to_owned()), is_error: false };
        assert_eq!(turn.calls, [call]);
        assert_eq!(turn.began, Some(Timestamp::from_second(3).unwrap()));
    }

    #[test]
    fn without_a_last_word_all_words_are_the_reply() {
        let events =
            [said(1, "I look.", None), tool(2, "a", None), said(3, "And again.", None), tool(4, "b", None)];
        let turn = TurnLog::of(events.into_iter());
        assert_eq!((turn.reply().as_str(), turn.tools), ("I look.\n\nAnd again.", 2));
        assert!(!turn.ends_in_words());
        assert_eq!(TurnLog::of([].into_iter()).reply(), "");
    }

    #[test]
    fn of_many_tools_the_newest_are_kept() {
        let events = (0..100).map(|number| tool(number, &format!("tool {number}"), Some("")));
        let turn = TurnLog::of(events);
        assert_eq!((turn.tools, turn.calls.len()), (100, MOST_TOOLS));
        assert_eq!(turn.calls.back().unwrap().words, "tool 99");
    }
}
