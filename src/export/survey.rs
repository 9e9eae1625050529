//! The first look at a log: what the head of an export says and what it can refer to.

use std::collections::HashMap;

use jiff::Timestamp;

use super::clean;
use crate::model::{Detail, Event, EventKind, PromptId};

/// So much of a prompt stands in the table of contents.
const TITLE: usize = 80;

/// What is to be exported, in short: little memory, however long the log.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(super) prompts: Vec<Entry>,
    numbers: HashMap<PromptId, u64>,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) turns: u64,
    pub(super) cost_usd: f64,
    events: u64,
    head: u64,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) title: String,
}

impl Survey {
    pub(crate) fn take(&mut self, event: &Event) {
        self.first.get_or_insert(event.at);
        self.last = Some(event.at);
        self.events += 1;
        self.head = event.seq;
        if event.kind == EventKind::Prompt {
            let title = clean::title(&event.text, TITLE);
            self.prompts.push(Entry { seq: event.seq, at: event.at, title });
            self.numbers.extend(event.prompt_id.map(|id| (id, event.seq)));
        }
        if let Some(Detail::Turn { cost_usd, .. }) = &event.detail {
            self.turns += 1;
            self.cost_usd += cost_usd;
        }
    }

    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// The last event there is: what comes later is not exported.
    pub(crate) const fn head(&self) -> u64 {
        self.head
    }

    pub(super) fn number(&self, prompt: PromptId) -> Option<u64> {
        self.numbers.get(&prompt).copied()
    }
}
