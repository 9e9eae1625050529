//! How much a bot may send, and what happens when it sends more.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::refusal::Refusal;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Sends and edits share these.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// In one chat one message each so often…
    pub(crate) chat_every: Duration,
    /// …but so many at once after a rest.
    pub(crate) chat_burst: u32,
    /// In one group.
    pub(crate) group_per_minute: usize,
    /// In all chats together.
    pub(crate) all_per_second: usize,
    /// How long nothing goes once a limit is passed.
    pub(crate) ban: Duration,
    /// What each call during a ban adds to it.
    pub(crate) prolonged_by: Duration,
}

impl Default for Limits {
    /// As Telegram is known to do it, with shorter bans.
    fn default() -> Self {
        Self {
            chat_every: SECOND,
            chat_burst: 3,
            group_per_minute: 20,
            all_per_second: 30,
            ban: Duration::from_secs(3),
            prolonged_by: SECOND,
        }
    }
}

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// Works even during a ban.
    Free,
    /// Does not count, but is refused during a ban.
    Held,
    Counted,
}

#[derive(Debug, Default)]
struct Chat {
    /// When the chat will have rested.
    rested: Duration,
    last_minute: VecDeque<Duration>,
    banned_until: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Meter {
    /// `None`: no limits.
    pub(super) limits: Option<Limits>,
    chats: BTreeMap<i64, Chat>,
    last_second: VecDeque<Duration>,
}

impl Meter {
    pub(super) fn check(
        &mut self,
        now: Duration,
        chat: i64,
        is_group: bool,
        cost: Cost,
    ) -> Result<(), Refusal> {
        let Some(limits) = self.limits.clone().filter(|_| cost != Cost::Free) else { return Ok(()) };
        let chat = self.chats.entry(chat).or_default();
        if now < chat.banned_until {
            chat.banned_until += limits.prolonged_by;
            return Err(refusal(chat.banned_until - now));
        }
        if cost == Cost::Held {
            return Ok(());
        }
        forget(&mut chat.last_minute, now, MINUTE);
        forget(&mut self.last_second, now, SECOND);
        let ahead = chat.rested.saturating_sub(now);
        let is_too_much = ahead > limits.chat_every * limits.chat_burst.saturating_sub(1)
            || is_group && chat.last_minute.len() >= limits.group_per_minute
            || self.last_second.len() >= limits.all_per_second;
        if is_too_much {
            chat.banned_until = now + limits.ban;
            return Err(refusal(limits.ban));
        }
        chat.rested = now + ahead + limits.chat_every;
        chat.last_minute.push_back(now);
        self.last_second.push_back(now);
        Ok(())
    }
}

fn refusal(left: Duration) -> Refusal {
    Refusal::too_many(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
}

fn forget(times: &mut VecDeque<Duration>, now: Duration, window: Duration) {
    while times.front().is_some_and(|time| *time + window <= now) {
        times.pop_front();
    }
}
