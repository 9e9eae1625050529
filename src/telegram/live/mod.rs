//! The running turns of sessions that somebody in Telegram waits for, shown while they run.
//!
//! | part | what it is for |
//! |---|---|
//! | `follow` | one session's subscription, from the first wish to see it until nothing is open any more |
//! | `turn` | what the host tells of a turn, taken in (pure) |
//! | `view` | a turn as a message (pure) |
//! | `typing` | where something is being done |
//! | `left_over` | what a former run was showing |
//!
//! Nothing here is durable: how a turn ended comes from the feed.

mod follow;
mod left_over;
#[cfg(test)]
mod tests;
mod turn;
mod typing;
mod view;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::bridge::Bridge;
use super::db::Tables;
use super::ending;
use super::outbox::Outbox;
use super::place::Place;
use crate::model::SessionId;
use typing::Typing;
pub(crate) use view::Verbosity;

/// A wish that comes while a subscription is just ending is not to be lost.
const JUST_NOW: Duration = Duration::from_secs(10);

/// The handle that the rest of the bridge has.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    wishes: mpsc::UnboundedSender<SessionId>,
    typing: Arc<Typing>,
}

impl Live {
    /// The handle, and what its wishes come out of, for [`run`].
    pub(crate) fn new(outbox: Outbox) -> (Self, mpsc::UnboundedReceiver<SessionId>) {
        let (wishes, wished) = mpsc::unbounded_channel();
        (Self { wishes, typing: Arc::new(Typing::new(outbox)) }, wished)
    }

    /// Shows what runs in a session, wherever it was asked, until nothing of Telegram's is open there any more.
    /// To be said whenever a prompt was accepted; costs next to nothing.
    pub(crate) fn watch(&self, session: SessionId) {
        self.wishes.send(session).ok();
    }

    /// What a place asked in a session is over: it is not typed there for that any more.
    pub(crate) fn is_over(&self, place: Place, session: SessionId) {
        self.typing.end(place, session);
    }
}

/// Follows sessions until `stop` says true.
pub(crate) async fn run(
    bridge: Arc<Bridge>,
    live: Live,
    mut wished: mpsc::UnboundedReceiver<SessionId>,
    mut stop: watch::Receiver<bool>,
) {
    let mut left_over = pin!(left_over::end(Arc::clone(&bridge)));
    let mut is_clean = false;
    let mut followed = Followed { bridge, live, tasks: JoinSet::new(), sessions: HashMap::new() };
    followed.resume();
    loop {
        tokio::select! {
            () = &mut left_over, if !is_clean => is_clean = true,
            Some(session) = wished.recv() => followed.wish(session),
            Some(ended) = followed.tasks.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "showing a turn ended in a bug");
                        error.id()
                    }
                };
                followed.ended(id);
            }
            () = ending::told(&mut stop) => return,
        }
    }
}

struct Followed {
    bridge: Arc<Bridge>,
    live: Live,
    tasks: JoinSet<()>,
    /// Each with its task, and when it was wished for since that began.
    sessions: HashMap<SessionId, (Id, Option<Instant>)>,
}

impl Followed {
    /// Sessions that have something open from before the start.
    fn resume(&mut self) {
        match self.bridge.db.read(Tables::open_prompt_sets) {
            Ok(open) => open.into_iter().filter_map(|set| set.session).for_each(|session| self.wish(session)),
            Err(error) => tracing::error!(%error, "cannot read what was under way"),
        }
    }

    fn wish(&mut self, session: SessionId) {
        match self.sessions.get_mut(&session) {
            Some((_, wished)) => *wished = Some(Instant::now()),
            None => {
                let follow = follow::follow(Arc::clone(&self.bridge), Arc::clone(&self.live.typing), session);
                let task = self.tasks.spawn(follow);
                self.sessions.insert(session, (task.id(), None));
            }
        }
    }

    fn ended(&mut self, id: Id) {
        let ended = self.sessions.iter().find(|(_, (task, _))| *task == id);
        let Some((session, wished)) = ended.map(|(session, (_, wished))| (*session, *wished)) else { return };
        self.sessions.remove(&session);
        if wished.is_some_and(|wished| wished.elapsed() < JUST_NOW) {
            self.wish(session);
        }
    }
}
