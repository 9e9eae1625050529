//! When to poll next, and what to say about it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::telegram::api::ApiError;
use crate::telegram::db::Cursor;

/// In units of the first wait.
const LONGEST: u32 = 60;
/// Two that poll against each other end each other's polls, so neither should be quick about it.
const CONFLICT: u32 = 5;

/// After a week without any update Telegram begins to count anew, from anywhere. An offset beyond what it then counts
/// would confirm, and so lose, everything.
const SILENCE: SignedDuration = SignedDuration::from_hours(6 * 24);

/// The offset to poll with. Without one Telegram gives whatever is not confirmed.
pub(super) fn offset(cursor: Cursor, now: Timestamp) -> Option<i64> {
    let is_fresh = |last: Timestamp| now.duration_since(last) < SILENCE;
    cursor.next.filter(|_| cursor.last_update.is_none_or(is_fresh))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Network,
    Server,
    Conflict,
    /// The token is refused.
    Token,
    /// Too many requests.
    Flood,
    /// The database takes nothing.
    Storing,
    Other,
}

impl Trouble {
    pub(super) const fn of(error: &ApiError) -> Self {
        match error {
            ApiError::Network { .. } => Self::Network,
            ApiError::Server { .. } => Self::Server,
            ApiError::Conflict(_) => Self::Conflict,
            ApiError::Unauthorized => Self::Token,
            ApiError::RetryAfter(_) => Self::Flood,
            _ => Self::Other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Poll,
    Wait(Duration),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Say {
    /// Said once per kind of trouble.
    Trouble(Error),
    /// Said once; `again`: after trouble.
    Works { again: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) next: Next,
    pub(super) say: Option<Say>,
}

/// How it has gone so far.
#[derive(Debug)]
pub(super) struct Pace {
    unit: Duration,
    /// The last poll came back well.
    settled: bool,
    /// In a row.
    failures: u32,
    trouble: Option<Trouble>,
}

impl Pace {
    pub(super) const fn new(unit: Duration) -> Self {
        Self { unit, settled: false, failures: 0, trouble: None }
    }

    pub(super) const fn is_settled(&self) -> bool {
        self.settled
    }

    pub(super) fn is_in(&self, trouble: Trouble) -> bool {
        self.trouble == Some(trouble)
    }

    /// `new`: it brought something not known before. `waited`: it was held open for a good while.
    pub(super) fn after_success(&mut self, new: bool, waited: bool) -> Step {
        let again = self.trouble.take().is_some();
        let say = (!self.settled).then_some(Say::Works { again });
        let is_first = !self.settled;
        self.settled = true;
        self.failures = 0;
        // A server that neither holds polls open nor has anything new must not be asked without pause.
        let next = if new || waited || is_first { Next::Poll } else { Next::Wait(self.unit) };
        Step { next, say }
    }

    pub(super) fn after_failure(&mut self, trouble: Trouble, error: Error) -> Step {
        let wait = self.fail();
        Step { next: Next::Wait(wait), say: self.once(trouble, Some(error)) }
    }

    /// `error`: as told by whoever looked into it, the first time.
    pub(super) fn after_conflict(&mut self, error: Option<Error>) -> Step {
        let wait = self.fail().max(self.unit * CONFLICT);
        Step { next: Next::Wait(wait), say: self.once(Trouble::Conflict, error) }
    }

    /// Telegram says how long.
    pub(super) fn after_refusal(&mut self, wait: Duration) -> Step {
        let wait = wait.max(self.fail());
        let error = ApiError::RetryAfter(wait).into();
        Step { next: Next::Wait(wait), say: self.once(Trouble::Flood, Some(error)) }
    }

    /// 1, 2, 4 … units.
    fn fail(&mut self) -> Duration {
        let doubled = 2_u32.checked_pow(self.failures).unwrap_or(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.settled = false;
        self.unit * doubled.min(LONGEST)
    }

    fn once(&mut self, trouble: Trouble, error: Option<Error>) -> Option<Say> {
        let is_new = self.trouble.replace(trouble) != Some(trouble);
        error.filter(|_| is_new).map(Say::Trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(words: &str) -> Error {
        Error::failed(words)
    }

    fn pace() -> Pace {
        Pace::new(Duration::from_secs(1))
    }

    fn wait(seconds: u64) -> Next {
        Next::Wait(Duration::from_secs(seconds))
    }

    #[test]
    fn after_six_silent_days_there_is_no_offset() {
        let then: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let after = |hours| then + SignedDuration::from_hours(hours);
        let cursor = Cursor { next: Some(7), last_update: Some(then) };
        for (hours, wanted) in [
            (0, Some(7)),
            (6 * 24 - 1, Some(7)),
            (6 * 24, None),
            (365 * 24, None),
            // A clock that was ahead.
            (-48, Some(7)),
        ] {
            assert_eq!(offset(cursor, after(hours)), wanted, "{hours}");
        }
        assert_eq!(offset(Cursor::default(), then), None);
        assert_eq!(offset(Cursor { next: Some(7), last_update: None }, then), Some(7));
    }

    #[test]
    fn failures_wait_longer_and_longer_up_to_a_minute() {
        let mut pace = pace();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(pace.after_failure(Trouble::Network, error("x")).next, wait(seconds));
            assert!(!pace.is_settled());
        }
        for _ in 0..100 {
            assert_eq!(pace.after_failure(Trouble::Server, error("x")).next, wait(60));
        }
        pace.after_success(false, false);
        assert_eq!(pace.after_failure(Trouble::Network, error("x")).next, wait(1));
    }

    #[test]
    fn each_trouble_is_said_once_and_its_end_once() {
        let mut pace = pace();
        let said = |step: Step| step.say;
        assert_eq!(said(pace.after_success(false, false)), Some(Say::Works { again: false }));
        assert_eq!(said(pace.after_success(true, false)), None);
        assert_eq!(said(pace.after_failure(Trouble::Network, error("a"))), Some(Say::Trouble(error("a"))));
        assert_eq!(said(pace.after_failure(Trouble::Network, error("b"))), None);
        assert_eq!(said(pace.after_failure(Trouble::Storing, error("c"))), Some(Say::Trouble(error("c"))));
        assert_eq!(said(pace.after_conflict(Some(error("d")))), Some(Say::Trouble(error("d"))));
        assert!(pace.is_in(Trouble::Conflict));
        assert_eq!(said(pace.after_conflict(None)), None);
        assert_eq!(said(pace.after_success(false, true)), Some(Say::Works { again: true }));
        assert_eq!(said(pace.after_success(false, true)), None);
        assert_eq!(said(pace.after_failure(Trouble::Network, error("e"))), Some(Say::Trouble(error("e"))));
    }

    #[test]
    fn conflicts_and_floods_wait_at_least_so_long() {
        let mut pace = pace();
        assert_eq!(pace.after_conflict(None).next, wait(5));
        assert_eq!(pace.after_refusal(Duration::from_secs(30)).next, wait(30));
        assert_eq!(pace.after_refusal(Duration::ZERO).next, wait(4));
        assert_eq!(pace.after_conflict(None).next, wait(8));
    }

    #[test]
    fn a_server_that_answers_nothing_at_once_is_not_asked_without_pause() {
        let mut pace = pace();
        // The first poll is meant to come back at once.
        assert_eq!(pace.after_success(false, false).next, Next::Poll);
        for _ in 0..3 {
            assert_eq!(pace.after_success(false, false).next, wait(1));
        }
        assert_eq!(pace.after_success(false, true).next, Next::Poll);
        assert_eq!(pace.after_success(true, false).next, Next::Poll);
    }
}
