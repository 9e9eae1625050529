//! What happened in all sessions, told to whoever is to hear of it.
//!
//! | part | what it is for |
//! |---|---|
//! | `facts` | what is known about an event beside itself: who asked, who watches, who does not want to hear |
//! | `hears` | which place hears what of it (pure) |
//! | `words` | how that is said (pure) |
//! | `store` | as rows of `outgoing` |
//!
//! An event's rows and how far the feed was read are stored in one transaction: what was finished is never
//! undelivered, and nothing is told twice.

mod facts;
mod hears;
mod store;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::bridge::Bridge;
use super::db::Tables;
use super::ending;
use super::link::Following;
use super::live::Live;
use super::turn_log::unexpected;
use crate::error::{Error, Result};
use crate::ipc::{Push, Request, Response};
use crate::model::{Detail, Event, EventKind, SessionId};

/// So many events that say nothing are read before it is noted how far that is; they may be read again.
const UNNOTED: u32 = 500;

/// At the end, a feed that brings nothing for so long has brought everything.
const SILENCE: Duration = Duration::from_millis(300);
/// In any case it ends after this.
const LAST_EVENTS: Duration = Duration::from_secs(3);

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Follows the feed until `stop` says true, and then what is still in it.
pub(crate) async fn run(bridge: Arc<Bridge>, live: Live, mut stop: watch::Receiver<bool>) {
    let mut feed = Feed { bridge, live, cursor: None, unnoted: 0 };
    let mut stopped = stop.clone();
    let follow = async {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            let Err(error) = feed.follow(&mut stop).await else { return };
            if *stop.borrow() {
                return tracing::debug!(%error, "the host ended first");
            }
            let next = if begun.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { pause * 2 };
            if pause < LONGEST_PAUSE && next >= LONGEST_PAUSE {
                tracing::warn!(%error, "nothing is told of what happens in sessions; it is tried again and again");
            } else {
                tracing::debug!(%error, "the feed is followed again in a moment");
            }
            pause = next.min(LONGEST_PAUSE);
            sleep(pause).await;
        }
    };
    let late = async {
        ending::told(&mut stopped).await;
        sleep(LAST_EVENTS).await;
    };
    tokio::select! {
        () = follow => {}
        () = late => tracing::warn!("the feed was not read to its end; the next start goes on there"),
    }
    feed.note();
}

struct Feed {
    bridge: Arc<Bridge>,
    live: Live,
    /// How far the feed was read. None: nothing is known yet.
    cursor: Option<u64>,
    /// Events since that was noted.
    unnoted: u32,
}

/// An event with what stands around it in the feed.
struct Fed {
    feed: u64,
    session: SessionId,
    name: String,
    event: Event,
}

impl Feed {
    /// Until there is nothing more to follow. An error: the feed ended too soon.
    async fn follow(&mut self, stop: &mut watch::Receiver<bool>) -> Result<()> {
        if self.cursor.is_none() {
            let cursor = self.find_cursor().await?;
            self.tell_what_waits(cursor).await?;
            self.cursor = Some(cursor);
        }
        let (mut following, _) = self.connect(self.cursor).await?;
        loop {
            let push = tokio::select! {
                push = following.next() => push?,
                () = ending::told(stop) => return self.last(&mut following).await,
            };
            match push {
                Some(push) => self.take(push).await?,
                None if *stop.borrow() => return Ok(()),
                None => return Err(Error::unavailable("the host has ended")),
            }
        }
    }

    /// Nothing runs any more: what is still to come is there already.
    async fn last(&mut self, following: &mut Following) -> Result<()> {
        while let Ok(push) = timeout(SILENCE, following.next()).await {
            match push? {
                Some(push) => self.take(push).await?,
                None => break,
            }
        }
        Ok(())
    }

    /// Where the last run has stopped. The very first one begins at the present: what was before it is no news.
    async fn find_cursor(&self) -> Result<u64> {
        let stored = self.bridge.db.read(Tables::feed_cursor)?;
        let (_, head) = self.connect(None).await?;
        let cursor = match stored {
            Some(stored) if stored <= head => stored,
            Some(_) => {
                tracing::warn!("the host's log is another one than before: what happened in it is not told");
                head
            }
            None => head,
        };
        if stored != Some(cursor) {
            self.bridge.db.write(|tables| tables.set_feed_cursor(cursor))?;
        }
        Ok(cursor)
    }

    /// What waits for a person does so however long ago it was asked: it is shown wherever it is not yet.
    async fn tell_what_waits(&self, cursor: u64) -> Result<()> {
        for approval in facts::pending(&self.bridge).await? {
            let event = Event {
                seq: 0,
                at: approval.asked,
                kind: EventKind::ApprovalAsked,
                text: approval.summary.clone(),
                prompt_id: None,
                detail: Some(Detail::Asked { approval: Box::new(approval.clone()) }),
            };
            let (session, name) = (approval.session_id, approval.session);
            self.tell(&Fed { feed: cursor, session, name, event }).await?;
        }
        Ok(())
    }

    async fn connect(&self, since: Option<u64>) -> Result<(Following, u64)> {
        match self.bridge.link.follow(Request::Feed { since }).await? {
            (following, Response::Following { feed }) => Ok((following, feed)),
            (_, other) => Err(unexpected(&other)),
        }
    }

    async fn take(&mut self, push: Push) -> Result<()> {
        match push {
            Push::Feed { feed, session, name, event } => self.hear(Fed { feed, session, name, event }).await,
            Push::Lagged => Err(Error::unavailable("the feed was too quick")),
            Push::Closed { reason } => Err(Error::unavailable(reason)),
            Push::Event(_) | Push::Live(_) | Push::Progress { .. } => Ok(()),
        }
    }

    async fn hear(&mut self, fed: Fed) -> Result<()> {
        if self.bridge.config.mirror == "all" && is_of_turn(&fed.event) {
            self.live.watch(fed.session);
        }
        if facts::may_matter(&fed.event, &self.bridge.config.mirror) {
            self.tell(&fed).await?;
            self.unnoted = 0;
        } else {
            self.unnoted += 1;
        }
        self.cursor = Some(fed.feed);
        if self.unnoted >= UNNOTED {
            self.note();
        }
        Ok(())
    }

    /// Stores what is to be said of an event; then it is on its way, whatever happens here.
    async fn tell(&self, fed: &Fed) -> Result<()> {
        let facts = facts::gather(&self.bridge, fed).await?;
        let mut heard = hears::hears(&facts, &fed.event);
        heard.retain(|heard| self.bridge.may_hear(heard.place));
        let now = Timestamp::now();
        let chats = self.bridge.db.write(|tables| {
            let mut chats = store::enqueue(tables, &self.bridge.epoch, fed.session, &heard, now)?;
            chats.extend(store::keep_topics(tables, fed.session, &fed.event, now)?);
            store::close(tables, &facts, &fed.event, now)?;
            tables.name_topics(fed.session, &fed.name)?;
            chats.extend(facts.sets.iter().map(|set| set.place.chat));
            tables.set_feed_cursor(fed.feed)?;
            Ok(chats)
        })?;
        chats.into_iter().for_each(|chat| self.bridge.outbox.wake(chat));
        for place in facts.is_over(&fed.event) {
            self.live.is_over(place, fed.session);
        }
        Ok(())
    }

    /// Notes how far the feed was read.
    fn note(&mut self) {
        let Some(cursor) = self.cursor.filter(|_| self.unnoted > 0) else { return };
        match self.bridge.db.write(|tables| tables.set_feed_cursor(cursor)) {
            Ok(()) => self.unnoted = 0,
            Err(error) => tracing::warn!(%error, "cannot note how far the feed was read; it is read again"),
        }
    }
}

const fn is_of_turn(event: &Event) -> bool {
    matches!(event.kind, EventKind::Prompt | EventKind::Reply | EventKind::Tool)
}
