//! What all actors and connections of a host have in common.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::actor::{Actor, Command};
use super::places::Places;
use super::short::{self, Presence, ShortCtx};
use crate::claude::conversation;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ipc::{Request, Response};
use crate::model::{Agent, Channel, Session, SessionId, SessionState, SessionView};
use crate::paths::{Env, Paths};
use crate::store::{Db, Listed, Store};

/// So many requests may wait for one actor.
const WAITING: usize = 256;

/// How the host is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// Not at all.
    No,
    /// Once the running turns are over.
    WhenIdle,
    Now,
}

/// What a host says of itself.
#[derive(Debug)]
pub(super) struct About {
    pub(super) started: jiff::Timestamp,
    pub(super) socket: PathBuf,
    pub(super) mode: &'static str,
}

pub(crate) struct Shared {
    pub(super) store: Store,
    pub(super) paths: Paths,
    pub(super) config: Config,
    pub(super) env: Env,
    /// This program, to start the demo agent with.
    pub(super) exe: PathBuf,
    pub(super) places: Places,
    pub(super) about: About,
    actors: Mutex<HashMap<SessionId, mpsc::Sender<Command>>>,
    live: Mutex<HashMap<SessionId, Presence>>,
    /// Moves whenever an event was appended.
    feed: watch::Sender<u64>,
    ending: watch::Sender<Ending>,
    draining: AtomicBool,
    pub(super) clients: AtomicU32,
    /// Moves whenever a client, an actor or a process has gone.
    pub(super) departures: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(
        store: Store,
        paths: Paths,
        config: Config,
        env: Env,
        exe: PathBuf,
        about: About,
    ) -> Arc<Self> {
        let max = usize::try_from(config.max_live()).unwrap_or(usize::MAX);
        Arc::new(Self {
            store,
            paths,
            config,
            env,
            exe,
            places: Places::new(max),
            about,
            actors: Mutex::default(),
            live: Mutex::default(),
            feed: watch::Sender::new(0),
            ending: watch::Sender::new(Ending::No),
            draining: AtomicBool::new(false),
            clients: AtomicU32::new(0),
            departures: watch::Sender::new(0),
        })
    }

    /// Hands a command to the session's actor, which is started if there is none.
    pub(super) fn deliver(self: &Arc<Self>, id: SessionId, command: Command) {
        let mut actors = lock(&self.actors);
        let actor = actors.entry(id).or_insert_with(|| self.start_actor(id));
        match actor.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(command)) => command.refuse(&Error::unavailable(
                "the session has too many requests waiting; try again in a moment",
            )),
            Err(TrySendError::Closed(command)) => {
                // Its actor ended without a goodbye, by a bug: another one takes over from the store.
                *actor = self.start_actor(id);
                if let Err(TrySendError::Full(command) | TrySendError::Closed(command)) =
                    actor.try_send(command)
                {
                    command.refuse(&Error::failed("the session cannot be opened; the host's log says why"));
                }
            }
        }
    }

    /// Has an actor look after the session if there is none yet.
    pub(super) fn look_after(self: &Arc<Self>, id: SessionId) {
        lock(&self.actors).entry(id).or_insert_with(|| self.start_actor(id));
    }

    fn start_actor(self: &Arc<Self>, id: SessionId) -> mpsc::Sender<Command> {
        let (sender, inbox) = mpsc::channel(WAITING);
        tokio::spawn(run_actor(Arc::clone(self), id, inbox));
        sender
    }

    /// Hands a command to the session's actor, if there is one.
    pub(super) fn tell(&self, id: SessionId, command: Command) {
        if let Some(actor) = lock(&self.actors).get(&id) {
            // Only hints are told this way; one whose inbox is full has more important things to do.
            actor.try_send(command).ok();
        }
    }

    pub(super) fn has_actor(&self, id: SessionId) -> bool {
        lock(&self.actors).contains_key(&id)
    }

    pub(super) fn actor_count(&self) -> usize {
        lock(&self.actors).len()
    }

    /// Tells every actor the same.
    pub(super) fn tell_all(&self, command: fn() -> Command) {
        for actor in lock(&self.actors).values() {
            // Whoever has so much to do that its inbox is full hears it at the next round.
            actor.try_send(command()).ok();
        }
    }

    /// An actor wants to end. Refused while something waits for it, so that no request is ever lost.
    pub(super) fn retire(&self, id: SessionId, inbox: &mut mpsc::Receiver<Command>) -> bool {
        let mut actors = lock(&self.actors);
        if !inbox.is_empty() {
            return false;
        }
        actors.remove(&id);
        drop(actors);
        self.departed();
        true
    }

    pub(super) fn departed(&self) {
        self.departures.send_modify(|count| *count += 1);
    }

    pub(super) fn note_live(&self, id: SessionId, state: SessionState, activity: Option<String>) {
        lock(&self.live).insert(id, Presence { state, activity });
    }

    pub(super) fn forget_live(&self, id: SessionId) {
        lock(&self.live).remove(&id);
    }

    pub(super) fn presence(&self) -> HashMap<SessionId, Presence> {
        lock(&self.live).clone()
    }

    /// A session as it is shown, with what it does just now.
    pub(super) fn view(&self, listed: Listed) -> SessionView {
        let presence = lock(&self.live).get(&listed.session.id).cloned();
        short::view(listed, presence.as_ref(), None)
    }

    /// Answers what needs no live process.
    pub(super) fn answer_shortly(&self, db: &mut Db, request: &Request) -> Result<Option<Response>> {
        let presence = self.presence();
        let context = ShortCtx {
            paths: &self.paths,
            config: &|| Ok(self.config.clone()),
            who: "cli",
            channel: &Channel::local(),
            live: Some(&presence),
        };
        short::answer(db, &context, request).transpose()
    }

    pub(super) fn feed_moved(&self) {
        self.feed.send_modify(|count| *count += 1);
    }

    pub(super) fn feed(&self) -> watch::Receiver<u64> {
        self.feed.subscribe()
    }

    pub(super) fn end(&self, how: Ending) {
        if how != Ending::No {
            self.draining.store(true, Ordering::Relaxed);
        }
        self.ending.send_modify(|ending| *ending = (*ending).max(how));
    }

    pub(super) fn ending(&self) -> watch::Receiver<Ending> {
        self.ending.subscribe()
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Where the agent of this session keeps its conversations.
    pub(super) fn config_dir(&self, agent: Agent) -> PathBuf {
        match agent {
            Agent::Claude => self.paths.claude_config_dir(self.config.claude.config_dir.as_deref()),
            Agent::Demo => self.paths.demo_config_dir(),
        }
    }

    pub(super) fn stored_conversation(&self, session: &Session, id: &Uuid) -> Option<PathBuf> {
        conversation::find(&self.config_dir(session.agent), id)
    }
}

/// Runs the session's actor until it retires. One that cannot even begin answers what waits for it.
async fn run_actor(shared: Arc<Shared>, id: SessionId, inbox: mpsc::Receiver<Command>) {
    match Actor::open(Arc::clone(&shared), id, inbox).await {
        Ok(actor) => actor.run().await,
        Err((error, mut inbox)) => {
            tracing::error!(session = %id, %error, "cannot open the session");
            loop {
                while let Ok(command) = inbox.try_recv() {
                    command.refuse(&error);
                }
                if shared.retire(id, &mut inbox) {
                    break;
                }
            }
        }
    }
}
