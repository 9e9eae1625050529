//! The two kinds of time: rows are stored with what the calendar says, waiting counts on a clock that only goes on.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Both at one moment. What the calendar does afterwards does not matter until the next start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
    at: Timestamp,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), at: Timestamp::now() }
    }

    pub(super) fn timestamp(&self, instant: Instant) -> Timestamp {
        let passed = SignedDuration::try_from(instant - self.began).unwrap_or(SignedDuration::MAX);
        self.at.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// What was before the start is at the start.
    pub(super) fn instant(&self, timestamp: Timestamp) -> Instant {
        let ahead = timestamp.duration_since(self.at).try_into().unwrap_or_default();
        self.began.checked_add(ahead).unwrap_or(self.began)
    }
}
