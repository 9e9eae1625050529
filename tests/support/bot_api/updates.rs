//! What waits for the bot, and how it is fetched and acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::params::Params;
use super::refusal::Refusal;
use super::state::Shared;

/// Telegram keeps updates this long.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_POLL: i64 = 50;
const MOST: i64 = 100;
/// An offset further ahead than this is taken for one of another time, and starts at the oldest update.
const FAR_AHEAD: i64 = 10;

/// Sent only to bots that ask for them by name.
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

#[derive(Debug)]
struct Waiting {
    update: Value,
    since: Duration,
}

#[derive(Debug)]
pub(super) struct Updates {
    waiting: BTreeMap<i64, Waiting>,
    pub(super) next: i64,
    /// `None`: all but those on request.
    allowed: Option<BTreeSet<String>>,
    pub(super) webhook: Option<String>,
    /// Counts the polls that wait, so that each can see that another has come.
    polls: u64,
    /// The offset of the poll that waits now.
    pub(super) polled_from: Option<i64>,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: 730_000_001,
            allowed: None,
            webhook: None,
            polls: 0,
            polled_from: None,
        }
    }
}

impl Updates {
    /// Gives the update's id, or `None` when the bot does not want such updates.
    pub(super) fn push(&mut self, now: Duration, kind: &str, content: Value) -> Option<i64> {
        let is_wanted = match &self.allowed {
            Some(allowed) => allowed.contains(kind),
            None => !ON_REQUEST.contains(&kind),
        };
        if !is_wanted {
            return None;
        }
        let id = self.next;
        self.next += 1;
        let mut update = Map::from_iter([("update_id".to_owned(), json!(id))]);
        update.insert(kind.to_owned(), content);
        self.waiting.insert(id, Waiting { update: Value::Object(update), since: now });
        Some(id)
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    fn allow(&mut self, kinds: Option<Value>) {
        let Some(Value::Array(kinds)) = kinds else { return };
        let kinds: BTreeSet<String> =
            kinds.iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect();
        self.allowed = Some(kinds).filter(|kinds| !kinds.is_empty());
    }

    /// Forgets what the offset acknowledges, and gives what comes from there on.
    fn take(&mut self, now: Duration, offset: i64, limit: usize) -> Vec<Value> {
        self.waiting.retain(|_, waiting| now < waiting.since + KEPT);
        if offset < 0 {
            let kept = usize::try_from(-offset).unwrap_or(usize::MAX);
            while self.waiting.len() > kept {
                self.waiting.pop_first();
            }
        }
        if (1..=self.next + FAR_AHEAD).contains(&offset) {
            self.waiting = self.waiting.split_off(&offset);
        }
        self.waiting.values().take(limit).map(|waiting| waiting.update.clone()).collect()
    }
}

/// `getUpdates`, which may wait. `number` is that of the connection.
pub(super) fn get_updates(shared: &Shared, number: u64, params: &Params) -> Result<Value, Refusal> {
    let offset = params.number("offset").unwrap_or(0);
    let limit = params.number("limit").unwrap_or(MOST).clamp(1, MOST);
    let limit = usize::try_from(limit).unwrap_or(1);
    let timeout = params.number("timeout").unwrap_or(0).clamp(0, LONGEST_POLL);
    let allowed = params.structure("allowed_updates")?;
    let poll = shared.change(|state| {
        let now = state.clock.now();
        let updates = &mut state.updates;
        if updates.webhook.is_some() {
            return Err(webhook_is_set());
        }
        updates.allow(allowed);
        let found = updates.take(now, offset, limit);
        if !found.is_empty() || timeout == 0 {
            return Ok(Poll::Done(json!(found)));
        }
        updates.polls += 1;
        updates.polled_from = Some(offset);
        Ok(Poll::Waits(updates.polls))
    })?;
    let poll = match poll {
        Poll::Done(found) => return Ok(found),
        Poll::Waits(poll) => poll,
    };
    let timeout = Duration::from_secs(timeout.unsigned_abs());
    let answer = shared.wait(timeout, |state| {
        let now = state.clock.now();
        let is_gone = state.is_gone(number);
        let updates = &mut state.updates;
        if updates.polls != poll {
            return Some(Err(Refusal::other_poll()));
        }
        if updates.webhook.is_some() {
            return Some(Err(Refusal::conflict("terminated by setWebhook request")));
        }
        let found = updates.take(now, offset, limit);
        (is_gone || !found.is_empty()).then(|| Ok(json!(found)))
    });
    shared.change(|state| {
        if state.updates.polls == poll {
            state.updates.polled_from = None;
        }
    });
    answer.unwrap_or_else(|| Ok(json!([])))
}

enum Poll {
    Done(Value),
    /// With its number.
    Waits(u64),
}

fn webhook_is_set() -> Refusal {
    let words = "can't use getUpdates method while webhook is active";
    Refusal::conflict(format!("{words}; use deleteWebhook to delete the webhook first"))
}
