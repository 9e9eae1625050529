//! Receiving, at least once: a long poll, one transaction, and only then the next poll, which tells Telegram what need
//! not be kept any more.
//!
//! What to do after each poll is decided by [`pace`], which is pure. This part must not know what updates mean.

mod pace;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::api::methods::{GetUpdates, GetWebhookInfo};
use super::api::{Api, ApiError};
use super::db::{Cursor, Db, Tables};
use super::update::ALLOWED;
use crate::error::{Error, Result};
use pace::{Next, Pace, Say, Trouble};

/// Telegram's most.
const BATCH: u8 = 100;

/// How receiving goes, for whoever asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PollState {
    /// No poll has come back yet.
    Starting,
    Receiving {
        since: Timestamp,
    },
    /// It is tried again and again.
    Trouble {
        error: Error,
        since: Timestamp,
    },
    /// As it was told to.
    Ended,
}

/// The loop that receives. Whoever handles updates is woken when there are new ones in the database.
pub(crate) struct Poller {
    pub(crate) api: Api,
    pub(crate) db: Arc<Db>,
    /// Moves when something new lies there.
    pub(crate) wake: watch::Sender<u64>,
    pub(crate) state: watch::Sender<PollState>,
    pub(crate) times: PollTimes,
}

/// Apart from tests the default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollTimes {
    /// How long Telegram holds a poll open while there is nothing.
    pub(crate) hold: Duration,
    /// The first wait after a failure.
    pub(crate) first_wait: Duration,
}

impl Default for PollTimes {
    fn default() -> Self {
        Self { hold: Duration::from_secs(50), first_wait: Duration::from_secs(1) }
    }
}

/// Why a poll brought nothing into the database.
enum Failure {
    Api(ApiError),
    Stored(Error),
}

impl Poller {
    /// Until `shutdown`, which it follows at once. What was not stored by then is not confirmed either, and comes again.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> Result<()> {
        tokio::pin!(shutdown);
        let mut cursor = self.db.read(Tables::cursor)?;
        let mut pace = Pace::new(self.times.first_wait);
        loop {
            let next = tokio::select! {
                biased;
                () = &mut shutdown => break,
                next = self.once(&mut cursor, &mut pace) => next,
            };
            let wait = match next {
                Next::Poll => continue,
                Next::Wait(wait) => wait,
            };
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.state.send_replace(PollState::Ended);
        Ok(())
    }

    /// One poll, and what comes of it. May be dropped while it waits.
    async fn once(&self, cursor: &mut Cursor, pace: &mut Pace) -> Next {
        // The first one comes back at once, so that it is known soon whether things work.
        let hold = if pace.is_settled() { self.times.hold } else { Duration::ZERO };
        let offset = pace::offset(*cursor, Timestamp::now());
        let poll = GetUpdates { offset, limit: BATCH, timeout: hold.as_secs(), allowed_updates: ALLOWED };
        let begun = Instant::now();
        // From the answer to the end of the transaction nothing is awaited: it happens whole or not at all.
        let polled = self.api.poll(&poll).await.map_err(Failure::Api).and_then(|batch| {
            let is_empty = batch.is_empty();
            let new = if is_empty { 0 } else { self.store(&batch, cursor).map_err(Failure::Stored)? };
            Ok((new, is_empty && begun.elapsed() >= hold / 2))
        });
        let step = match polled {
            Ok((new, waited)) => pace.after_success(new > 0, waited),
            Err(Failure::Stored(error)) => pace.after_failure(Trouble::Storing, error),
            Err(Failure::Api(ApiError::RetryAfter(wait))) => pace.after_refusal(wait),
            Err(Failure::Api(error @ ApiError::Conflict(_))) => {
                let error =
                    if pace.is_in(Trouble::Conflict) { None } else { Some(self.explain(error).await) };
                pace.after_conflict(error)
            }
            Err(Failure::Api(error)) => pace.after_failure(Trouble::of(&error), error.into()),
        };
        self.tell(step.say);
        step.next
    }

    fn store(&self, batch: &[serde_json::Value], cursor: &mut Cursor) -> Result<usize> {
        let stored = self.db.write(|tables| tables.store_updates(batch, Timestamp::now()))?;
        *cursor = stored.cursor;
        if stored.unnumbered > 0 {
            tracing::warn!("Telegram sent {} updates without a number; they are dropped", stored.unnumbered);
        }
        if stored.new > 0 {
            self.wake.send_modify(|count| *count += 1);
        }
        Ok(stored.new)
    }

    /// Who else receives. A webhook is the owner's, or a former program's: it is named, and not removed.
    async fn explain(&self, conflict: ApiError) -> Error {
        let webhook = self.api.call(&GetWebhookInfo {}).await.ok().and_then(|webhook| webhook.server());
        let Some(server) = webhook else { return conflict.into() };
        Error::conflict(format!("a webhook is set for this bot, so Telegram sends everything to {server}"))
            .hint("if nothing needs it any more, `claudebot telegram setup` removes it")
    }

    fn tell(&self, say: Option<Say>) {
        match say {
            None => {}
            Some(Say::Trouble(error)) => {
                tracing::warn!("{}; receiving from Telegram is tried again", in_full(&error));
                self.state.send_modify(|state| {
                    let since = match state {
                        PollState::Trouble { since, .. } => *since,
                        _ => Timestamp::now(),
                    };
                    *state = PollState::Trouble { error, since };
                });
            }
            Some(Say::Works { again }) => {
                if again {
                    tracing::info!("receiving from Telegram again");
                }
                self.state.send_replace(PollState::Receiving { since: Timestamp::now() });
            }
        }
    }
}

/// With what can be done about it.
pub(crate) fn in_full(error: &Error) -> String {
    error.hint.as_ref().map_or_else(|| error.to_string(), |hint| format!("{error} ({hint})"))
}
