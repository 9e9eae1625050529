//! What all actors and connections of a host have in common.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use super::actor::{Actor, Closing, Command, Subscribers};
use super::adopt;
use super::commands::Commands;
use super::history::Looks;
use super::long::blocking;
use super::places::Places;
use super::run::Belongings;
use super::short::{self, Draft, Presence, ShortCtx, Way};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ipc::{NewSession, Request, Response, ServedBot};
use crate::model::{Agent, AgentCommand, Channel, Session, SessionId, SessionState, SessionView};
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
    /// Sessions of which somebody takes the whole, and what is done with each.
    claims: Mutex<HashMap<SessionId, &'static str>>,
    commands: Mutex<Commands>,
    /// Sessions of which it was noticed that a key pays.
    with_key: Mutex<HashSet<SessionId>>,
    /// Moves whenever an event was appended.
    feed: watch::Sender<u64>,
    ending: watch::Sender<Ending>,
    draining: AtomicBool,
    pub(super) clients: AtomicU32,
    /// The bot that the guest serves.
    pub(super) served: watch::Sender<Option<ServedBot>>,
    /// What the guest keeps, as long as it has it at hand.
    pub(super) belongings: watch::Sender<Option<Belongings>>,
    /// Moves whenever a client, an actor or a process has gone.
    pub(super) departures: watch::Sender<u64>,
    /// At conversations that are no sessions.
    pub(super) looks: Looks,
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
            claims: Mutex::default(),
            commands: Mutex::default(),
            with_key: Mutex::default(),
            feed: watch::Sender::new(0),
            ending: watch::Sender::new(Ending::No),
            draining: AtomicBool::new(false),
            clients: AtomicU32::new(0),
            served: watch::Sender::new(None),
            belongings: watch::Sender::new(None),
            departures: watch::Sender::new(0),
            looks: Looks::default(),
        })
    }

    /// Hands a command to the session's actor, which is started if there is none. Refused while the session is
    /// claimed.
    pub(super) fn deliver(self: &Arc<Self>, id: SessionId, command: Command) {
        let claim = lock(&self.claims).get(&id).copied();
        match claim {
            // What runs already may be watched, answered and stopped: the claim may yet be given up for it.
            Some(what) if command.begins_work() || !self.has_actor(id) => command.refuse(&claimed(what)),
            _ => self.hand_in(id, command),
        }
    }

    /// Takes the session for oneself, to be `archived`, `deleted`, `restored`: nobody else can bring it to life.
    pub(super) fn claim(self: &Arc<Self>, id: SessionId, what: &'static str) -> Result<Claim> {
        match lock(&self.claims).entry(id) {
            Entry::Occupied(other) => Err(claimed(other.get())),
            Entry::Vacant(place) => {
                place.insert(what);
                Ok(Claim { shared: Arc::clone(self), id })
            }
        }
    }

    fn hand_in(self: &Arc<Self>, id: SessionId, command: Command) {
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
        let actor = tokio::spawn(run_actor(Arc::clone(self), id, inbox));
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = actor.await {
                tracing::error!(session = %id, %error, "a bug ended the session's actor; the next request starts another");
                shared.bury(id);
            }
        });
        sender
    }

    /// An actor ended without a goodbye: nothing may wait for it, or count it, any more.
    fn bury(&self, id: SessionId) {
        {
            let mut actors = lock(&self.actors);
            if actors.get(&id).is_some_and(|actor| !actor.is_closed()) {
                return;
            }
            actors.remove(&id);
        }
        self.forget_live(id);
        self.forget_commands(id);
        self.places.leave(id);
        self.departed();
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

    /// Whether anything is under way that must come to its end before the host does.
    pub(super) fn is_at_work(&self) -> bool {
        self.actor_count() > 0 || !lock(&self.claims).is_empty()
    }

    /// Tells every actor the same. One whose inbox is full hears it as soon as there is room.
    pub(super) fn tell_all(&self, command: fn() -> Command) {
        for actor in lock(&self.actors).values() {
            if let Err(TrySendError::Full(command)) = actor.try_send(command()) {
                let actor = actor.clone();
                // An actor that is gone by then needs no telling.
                tokio::spawn(async move { actor.send(command).await.ok() });
            }
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

    pub(super) fn keep_commands(&self, id: SessionId, agent: Agent, commands: Vec<AgentCommand>) {
        lock(&self.commands).keep(id, agent, commands);
    }

    pub(super) fn forget_commands(&self, id: SessionId) {
        lock(&self.commands).forget(id);
    }

    pub(super) fn commands(&self, session: &Session) -> Vec<AgentCommand> {
        lock(&self.commands).of(session.id, session.agent)
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
    pub(super) async fn answer_shortly(
        self: &Arc<Self>,
        who: &str,
        request: Request,
    ) -> Result<Option<Response>> {
        let (shared, who) = (Arc::clone(self), who.to_owned());
        // A disk that does not answer must not hold up those who wait for the store.
        match &request {
            Request::SessionNew(new) => return self.create(who, new.clone()).await.map(Some),
            Request::Adoptable => {
                let known = self.store.read(Db::all_conversations).await?;
                let config_dir = self.config_dir(Agent::Claude);
                return blocking(move || adopt::list(&config_dir, &known).map(Some)).await;
            }
            Request::SessionDelete { session, confirmed: false } => {
                let session = session.clone();
                let find = move |db: &Db| shared.shortly(&who, |ctx| short::Doomed::find(db, ctx, &session));
                let doomed = self.store.read(find).await?;
                return blocking(move || Ok(Some(doomed.in_words()))).await;
            }
            _ => {}
        }
        match short::way(&request) {
            // Not among the writes: a long search must not hold up their commit.
            Way::Read => {
                self.store.read(move |db| shared.shortly(&who, |ctx| short::read(db, ctx, &request))).await
            }
            _ => {
                // An error is an answer too: what it must undo is undone, what it leaves is meant to stay.
                let answer = move |db: &mut Db| {
                    Ok(shared.shortly(&who, |ctx| short::answer(db, ctx, &request).transpose()))
                };
                self.store.run(answer).await.flatten()
            }
        }
    }

    async fn create(self: &Arc<Self>, who: String, new: NewSession) -> Result<Response> {
        self.store.glance(|db| db.refuse_taken_name(&new.name))?;
        let (shared, asker) = (Arc::clone(self), who.clone());
        let make = move || shared.shortly(&asker, |ctx| Draft::make(ctx, &new));
        let draft = Arc::new(blocking(make).await?);
        let (shared, stored) = (Arc::clone(self), Arc::clone(&draft));
        let store = move |db: &mut Db| shared.shortly(&who, |ctx| stored.store(db, ctx));
        let created = self.store.run(store).await;
        if created.is_err() {
            let discard = move || {
                draft.discard();
                Ok(())
            };
            // What kept it from being stored is what is to be said.
            blocking(discard).await.ok();
        }
        created
    }

    fn shortly<T>(&self, who: &str, answer: impl FnOnce(&ShortCtx<'_>) -> T) -> T {
        let presence = self.presence();
        answer(&ShortCtx {
            paths: &self.paths,
            config: &|| Ok(self.config.clone()),
            who,
            channel: &Channel::local(),
            live: Some(&presence),
        })
    }

    /// Whether it is noticed for the first time that a key pays for the session.
    pub(super) fn is_first_with_key(&self, id: SessionId) -> bool {
        lock(&self.with_key).insert(id)
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
}

/// The whole of a session, until dropped.
pub(super) struct Claim {
    shared: Arc<Shared>,
    id: SessionId,
}

impl Claim {
    /// Ends the session's process and actor, and gives its subscribers. Refused while something runs that `force`
    /// does not cut off.
    pub(super) async fn close(&self, force: bool) -> Result<Subscribers> {
        self.close_as(if force { Closing::ByForce } else { Closing::Gently }).await
    }

    /// The same for a session that goes on afterwards: what waits in it goes on waiting. Refused while something runs.
    pub(super) async fn put_to_sleep(&self) -> Result<Subscribers> {
        self.close_as(Closing::ForAWhile).await
    }

    async fn close_as(&self, how: Closing) -> Result<Subscribers> {
        let (done, closed) = oneshot::channel();
        self.shared.hand_in(self.id, Command::Close { how, done });
        closed.await.unwrap_or_else(|_| {
            Err(Error::failed("the session could not be closed; the host's log says why"))
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.shared.claims).remove(&self.id);
        self.shared.departed();
    }
}

fn claimed(what: &str) -> Error {
    Error::conflict(format!("the session is being {what}")).hint("try again when that is done")
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
