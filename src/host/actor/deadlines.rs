//! When an actor has to do something though nothing happens.

use std::time::Instant;

/// Points in time at which something is due.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// The process must have answered by then.
    pub(super) start: Option<Instant>,
    /// Starting may be tried again.
    pub(super) retry: Option<Instant>,
    /// Refused writes are tried again.
    pub(super) write: Option<Instant>,
    /// The process has been idle for long enough.
    pub(super) sleep: Option<Instant>,
    /// The interrupt must have shown an effect.
    pub(super) interrupt: Option<Instant>,
    /// The agent must have begun with what it was given.
    pub(super) begin: Option<Instant>,
    /// The actor itself ends.
    pub(super) retire: Option<Instant>,
}

impl Deadlines {
    pub(super) fn next(&self) -> Option<Instant> {
        [self.start, self.retry, self.write, self.sleep, self.interrupt, self.begin, self.retire]
            .into_iter()
            .flatten()
            .min()
    }
}

pub(super) fn due(at: Option<Instant>) -> bool {
    at.is_some_and(|at| at <= Instant::now())
}
