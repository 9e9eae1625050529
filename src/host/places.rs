//! How many processes may live at once, and who makes room.
//!
//! An idle `claude` costs a few hundred megabytes, so their number is bounded. A session that wants a place
//! when all are taken has the least recently used sleeping candidate put to sleep; when every place is busy
//! it waits, and is woken when one is free.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::model::SessionId;

#[derive(Debug, Clone, Copy)]
struct Place {
    /// When its session last did something.
    used: Instant,
    /// Its process may be ended to make room.
    may_sleep: bool,
}

#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    taken: Mutex<HashMap<SessionId, Place>>,
    /// Counts up whenever a place may have become free or its session idle.
    changes: watch::Sender<u64>,
}

/// The answer to a wish for a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Granted,
    /// This session is to be put to sleep first; ask again when `changes` moves.
    After(SessionId),
    /// All places are busy; ask again when `changes` moves.
    Full,
}

impl Places {
    pub(crate) fn new(max: usize) -> Self {
        Self { max: max.max(1), taken: Mutex::default(), changes: watch::Sender::new(0) }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn taken(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Place>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wish(&self, session: SessionId) -> Wish {
        let mut taken = self.lock();
        if taken.len() < self.max || taken.contains_key(&session) {
            taken.insert(session, Place { used: Instant::now(), may_sleep: false });
            return Wish::Granted;
        }
        let oldest = taken.iter().filter(|(_, place)| place.may_sleep).min_by_key(|(_, place)| place.used);
        oldest.map_or(Wish::Full, |(id, _)| Wish::After(*id))
    }

    /// The session did something, or became idle.
    pub(crate) fn touch(&self, session: SessionId, may_sleep: bool) {
        let mut taken = self.lock();
        let Some(place) = taken.get_mut(&session) else { return };
        let freed = may_sleep && !place.may_sleep;
        if place.may_sleep != may_sleep {
            *place = Place { used: Instant::now(), may_sleep };
        }
        drop(taken);
        if freed {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    pub(crate) fn leave(&self, session: SessionId) {
        if self.lock().remove(&session).is_some() {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_idle_session_makes_room() {
        let places = Places::new(2);
        let [a, b, c] = [SessionId::random(), SessionId::random(), SessionId::random()];
        assert_eq!(places.wish(a), Wish::Granted);
        assert_eq!(places.wish(b), Wish::Granted);
        assert_eq!(places.wish(c), Wish::Full);
        let mut changes = places.changes();
        places.touch(b, true);
        places.touch(a, true);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(places.wish(c), Wish::After(b));
        places.touch(b, false);
        assert_eq!(places.wish(c), Wish::After(a));
        places.leave(a);
        assert!(changes.has_changed().unwrap());
        assert_eq!(places.wish(c), Wish::Granted);
        assert_eq!(places.taken(), 2);
    }
}
