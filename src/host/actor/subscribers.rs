//! Who watches a session, and how they are told.

use crate::host::{Replier, SharedPush};
use crate::ipc::Push;
use crate::model::{Event, Live};

#[derive(Default)]
pub(in crate::host) struct Subscribers {
    all: Vec<Replier>,
    /// Something was pushed that their connections have not had the time to write.
    unwritten: bool,
}

impl From<Replier> for Subscribers {
    fn from(one: Replier) -> Self {
        Self { all: vec![one], unwritten: false }
    }
}

impl Subscribers {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn add(&mut self, subscriber: Replier) {
        self.all.push(subscriber);
    }

    /// Lets the connections write what was pushed, before something is done that takes long.
    pub(super) async fn written(&mut self) {
        if std::mem::take(&mut self.unwritten) {
            tokio::task::yield_now().await;
        }
    }

    /// Drops those that hung up.
    pub(super) fn tidy(&mut self) {
        self.all.retain(|subscriber| !subscriber.is_closed());
    }

    pub(super) fn live(&mut self, live: Live) {
        if !self.all.is_empty() {
            self.push(&Push::Live(live));
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        if !self.all.is_empty() {
            self.push(&Push::Event(event));
        }
    }

    /// The session is no more: tells them and drops them.
    pub(in crate::host) fn close(mut self, reason: &str) {
        self.push(&Push::Closed { reason: reason.to_owned() });
    }

    /// The session is still there but its actor is not: they are to come again.
    pub(in crate::host) fn send_back(mut self) {
        self.push(&Push::Lagged);
    }

    /// One that is too slow is told so by its connection, and dropped here.
    fn push(&mut self, push: &Push) {
        match SharedPush::new(push) {
            Ok(push) => {
                self.all.retain(|subscriber| subscriber.push_shared(&push).is_ok());
                self.unwritten = !self.all.is_empty();
            }
            Err(error) => tracing::error!(%error, "a change could not be told to its subscribers"),
        }
    }
}
