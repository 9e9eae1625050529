//! Where something is being done for somebody, and so "typing" is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::SessionId;
use crate::telegram::outbox::{Order, Outbox};
use crate::telegram::place::Place;

/// A place types as long as any session works for it.
#[derive(Debug)]
pub(super) struct Typing {
    outbox: Outbox,
    works: Mutex<BTreeMap<Place, BTreeSet<SessionId>>>,
}

impl Typing {
    pub(super) const fn new(outbox: Outbox) -> Self {
        Self { outbox, works: Mutex::new(BTreeMap::new()) }
    }

    fn works(&self) -> MutexGuard<'_, BTreeMap<Place, BTreeSet<SessionId>>> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, place: Place, session: SessionId) {
        if self.works().entry(place).or_default().insert(session) {
            self.outbox.order(Order::Typing { place, on: true });
        }
    }

    /// Also for what was begun elsewhere.
    pub(super) fn end(&self, place: Place, session: SessionId) {
        let mut works = self.works();
        let others = works.get_mut(&place).is_some_and(|sessions| {
            sessions.remove(&session);
            !sessions.is_empty()
        });
        if !others {
            works.remove(&place);
            self.outbox.order(Order::Typing { place, on: false });
        }
    }
}
