//! How much may be sent when: Telegram's limits with an injected clock. Pure.
//!
//! Sends and edits share them. What only helps while it is fresh leaves room, so that what must arrive need not wait.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// About one message a second in a chat…
const CHAT_EVERY: Duration = Duration::from_millis(1020);
/// …and so many at once after a rest.
const CHAT_BURST: u32 = 3;

/// In a group, of which six are left to what must arrive.
const GROUP: Window = Window::new(20, Duration::from_secs(61), 6);

/// In all chats together, likewise.
pub(super) const ALL: Window = Window::new(30, Duration::from_millis(1050), 10);

/// What a call is to the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It must arrive.
    Full,
    /// It helps while it is fresh.
    Fresh,
}

/// So many calls in so much time.
#[derive(Debug, Clone)]
pub(super) struct Window {
    most: usize,
    per: Duration,
    /// Room that fresh things leave.
    spare: usize,
    made: VecDeque<Instant>,
}

impl Window {
    const fn new(most: usize, per: Duration, spare: usize) -> Self {
        Self { most, per, spare, made: VecDeque::new() }
    }

    /// From when on one more fits. `None`: any time.
    pub(super) fn ready(&self, weight: Weight) -> Option<Instant> {
        let room = match weight {
            Weight::Full => self.most,
            Weight::Fresh => self.most - self.spare,
        };
        // The one that has to be over by then.
        let at = self.made.len().checked_sub(room)?;
        Some(self.made[at] + self.per)
    }

    pub(super) fn note(&mut self, now: Instant) {
        if self.made.len() == self.most {
            self.made.pop_front();
        }
        self.made.push_back(now);
    }
}

/// What one chat may have.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    /// When the chat will have rested from all that it was sent.
    rested: Option<Instant>,
    group: Option<Window>,
}

impl Budget {
    pub(super) fn of(chat: i64) -> Self {
        Self { rested: None, group: is_group(chat).then_some(GROUP) }
    }

    /// From when on one more fits. `None`: any time.
    pub(super) fn ready(&self, weight: Weight) -> Option<Instant> {
        let ahead = match weight {
            Weight::Full => CHAT_BURST - 1,
            Weight::Fresh => CHAT_BURST - 2,
        };
        let chat = self.rested.and_then(|at| at.checked_sub(CHAT_EVERY * ahead));
        chat.max(self.group.as_ref().and_then(|group| group.ready(weight)))
    }

    /// A call was made. Best said once its answer is there: it cannot have come to Telegram later than that.
    pub(super) fn note(&mut self, now: Instant) {
        self.rested = Some(self.rested.map_or(now, |at| at.max(now)) + CHAT_EVERY);
        if let Some(group) = &mut self.group {
            group.note(now);
        }
    }
}

/// How long a chat's live messages rest between two edits, by how often this one was edited.
pub(super) const fn pace(chat: i64, edits: u32) -> Duration {
    match (is_group(chat), edits) {
        (true, _) => Duration::from_millis(4500),
        (false, 0..15) => Duration::from_millis(1700),
        (false, _) => Duration::from_millis(3500),
    }
}

/// Telegram gives groups numbers below zero.
pub(super) const fn is_group(chat: i64) -> bool {
    chat < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When calls go, in tenths of a second, that all wait from the beginning.
    fn run(budget: &mut Budget, weight: Weight, count: usize) -> Vec<u128> {
        let start = Instant::now();
        let mut now = start;
        let mut times = Vec::new();
        for _ in 0..count {
            now = budget.ready(weight).map_or(now, |at| at.max(now));
            budget.note(now);
            times.push((now - start).as_millis() / 100);
        }
        times
    }

    #[test]
    fn a_chat_gets_a_few_at_once_and_then_one_a_second() {
        assert_eq!(run(&mut Budget::of(1), Weight::Full, 6), [0, 0, 0, 10, 20, 30]);
        assert_eq!(run(&mut Budget::of(1), Weight::Fresh, 5), [0, 0, 10, 20, 30]);
    }

    #[test]
    fn what_must_arrive_finds_room_after_what_is_fresh() {
        for chat in [1, -1] {
            let mut budget = Budget::of(chat);
            let mut now = Instant::now();
            for _ in 0..100 {
                now = budget.ready(Weight::Fresh).map_or(now, |at| at.max(now));
                assert!(budget.ready(Weight::Full).is_none_or(|at| at <= now));
                budget.note(now);
                assert!(budget.ready(Weight::Full).is_none_or(|at| at <= now));
            }
        }
    }

    #[test]
    fn a_group_gets_no_more_than_twenty_a_minute() {
        let times = run(&mut Budget::of(-1), Weight::Full, 61);
        for window in times.windows(21) {
            assert!(window[20] - window[0] >= 600, "{window:?}");
        }
        assert_eq!(times[19], 173);
    }

    #[test]
    fn all_chats_together_have_their_limit_too() {
        let mut all = ALL;
        let now = Instant::now();
        for _ in 0..20 {
            assert_eq!((all.ready(Weight::Fresh), all.ready(Weight::Full)), (None, None));
            all.note(now);
        }
        let later = now + Duration::from_millis(1050);
        assert_eq!((all.ready(Weight::Fresh), all.ready(Weight::Full)), (Some(later), None));
        for _ in 0..50 {
            all.note(now);
        }
        assert_eq!(all.ready(Weight::Full), Some(later));
        assert_eq!(all.made.len(), 30);
    }

    #[test]
    fn a_live_message_slows_down() {
        assert!(pace(1, 0) < pace(1, 15) && pace(1, 15) < pace(-1, 0));
    }
}
