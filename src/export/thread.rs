//! What subagents said and did, taken together.
//!
//! In the log it stands between what was said to the person, several subagents' mixed, and before the call that they
//! worked for. So it is held back until the next thing that is not a subagent's.

use crate::model::{Detail, Event};

/// What is held back at most: this many bytes, or this many events.
const MOST_BYTES: usize = 4 << 20;
const MOST_EVENTS: usize = 2000;

/// Events that belong together.
#[derive(Debug)]
pub(super) enum Run {
    /// Said to the person. With what a subagent did for it, where that is certain.
    Outer(Box<Event>, Option<Vec<Event>>),
    /// A subagent's, with a number that tells it from others.
    Inside(usize, Vec<Event>),
}

#[derive(Debug, Default)]
pub(super) struct Thread {
    /// By the call that the subagent works for.
    held: Vec<(String, Vec<Event>)>,
    bytes: usize,
    events: usize,
    /// Those that were named by a number and may go on.
    seen: Vec<String>,
    /// Calls of subagents that ended meanwhile.
    ended: usize,
    /// A call ended and its subagent had done nothing yet: they work in the background here, and what one did may come
    /// before the call of another.
    apart: bool,
}

impl Thread {
    pub(super) fn take(&mut self, event: Event) -> Vec<Run> {
        let Some(parent) = parent(&event) else { return self.outer(event) };
        self.bytes += weight(&event);
        self.events += 1;
        if let Some((_, held)) = self.held.iter_mut().find(|(held, _)| held == parent) {
            held.push(event);
        } else {
            let parent = parent.to_owned();
            self.held.push((parent, vec![event]));
        }
        if self.bytes > MOST_BYTES || self.events > MOST_EVENTS { self.end() } else { Vec::new() }
    }

    /// Everything that is held back.
    pub(super) fn end(&mut self) -> Vec<Run> {
        (self.bytes, self.events) = (0, 0);
        let held = std::mem::take(&mut self.held);
        held.into_iter().map(|(parent, events)| Run::Inside(self.number(parent), events)).collect()
    }

    fn outer(&mut self, event: Event) -> Vec<Run> {
        let ends_turn = matches!(&event.detail, Some(Detail::Turn { .. }));
        let ends_one = matches!(&event.detail, Some(Detail::Tool { name, .. }) if is_agent(name));
        self.apart |= ends_one && self.held.is_empty();
        if ends_one && self.held.len() == 1 && self.seen.is_empty() && !self.apart {
            (self.bytes, self.events) = (0, 0);
            let inside = self.held.pop().map(|(_, events)| events);
            return vec![Run::Outer(Box::new(event), inside)];
        }
        let mut runs = self.end();
        runs.push(Run::Outer(Box::new(event), None));
        self.ended += usize::from(ends_one);
        if ends_turn || self.ended >= self.seen.len() {
            self.seen.clear();
            self.ended = 0;
        }
        runs
    }

    fn number(&mut self, parent: String) -> usize {
        let known = self.seen.iter().position(|seen| *seen == parent);
        known.unwrap_or_else(|| {
            self.seen.push(parent);
            self.seen.len() - 1
        }) + 1
    }
}

/// A tool that lets a subagent work.
fn is_agent(tool: &str) -> bool {
    matches!(tool, "Task" | "Agent")
}

fn parent(event: &Event) -> Option<&str> {
    match &event.detail {
        Some(Detail::Reply { parent, .. } | Detail::Tool { parent, .. }) => parent.as_deref(),
        _ => None,
    }
}

/// About how many bytes an event takes.
fn weight(event: &Event) -> usize {
    let more = match &event.detail {
        Some(Detail::Tool { input, result, .. }) => {
            result.as_ref().map_or(0, String::len) + serde_json::to_string(input).map_or(0, |text| text.len())
        }
        _ => 0,
    };
    event.text.len() + more + 200
}
