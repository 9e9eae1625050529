//! One actor per session that is in use: it owns the agent process, the turn machine and the subscribers.
//!
//! `select!` only gathers what happened; `turn::State` decides; this room carries the decisions out. It must
//! not know how requests arrive (`router`) or what the vendor's messages look like (`translate`).

mod answers;
mod attachments;
mod closing;
mod continuing;
mod deadlines;
mod effects;
mod journal;
mod launch;
mod lending;
mod prepare;
mod recovery;
mod requests;
mod rules;
mod subscribers;
mod timing;
mod tools;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Replier;
use super::Shared;
use super::turn::{Input, Phase, State, Waiting};
use crate::claude::command::Version;
use crate::claude::process::{Output, Process};
use crate::claude::tree;
use crate::error::{Error, Result};
use crate::ipc::{Request, SendPrompt};
use crate::model::{
    Prompt, PromptId, PromptStatus, QueuedPrompt, Session, SessionId, SessionState, TurnId, UNAVAILABLE,
};
use crate::store::{Db, Lease};
use answers::Asks;
pub(super) use attachments::Copies;
use deadlines::{Deadlines, due};
use journal::Write;
use lending::{Lending, News, Watched};
pub(super) use subscribers::Subscribers;
use timing::Timing;

/// How long a session without process, subscriber and work keeps its actor.
const LINGER: Duration = Duration::from_secs(10);
/// An agent that does not react to an interrupt within this time is ended.
const INTERRUPT_PATIENCE: Duration = Duration::from_secs(15);
/// How long an agent may take to end by itself before it is killed.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(8);
/// How soon a refused write is tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(2);
/// An agent that was given a prompt and says nothing at all for so long will never begin with it.
const BEGIN_PATIENCE: Duration = Duration::from_secs(120);
/// At an immediate end an interrupt gets less time.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// What an actor is asked to do.
pub(super) enum Command {
    /// A client's request about this session.
    Request { request: Request, reply: Replier, received: Instant },
    /// A prompt whose files lie in the inbox already.
    Attached { id: PromptId, send: SendPrompt, copies: Copies, reply: Replier, received: Instant },
    /// A subscriber has been sent the log up to here.
    Join { since: u64, reply: Replier },
    /// Make room: end the process if nothing runs.
    Sleep,
    /// Finish the turn, start no other, end.
    Drain,
    /// Interrupt the turn, then end.
    StopNow,
    /// End the process and the actor: somebody takes the whole of the session.
    Close { how: Closing, done: oneshot::Sender<Result<Subscribers>> },
    /// The session's row changed in the store.
    Refresh,
    /// A setting was stored for the session: a live process is to follow it.
    Set { key: String, value: Option<String> },
    /// Start the process so that the next turn is warm.
    Wake,
    /// These rules were taken back in the store: no process is to go on with them.
    Revoked { name: String, rules: Vec<String>, reply: Replier },
}

/// What may be in the way of closing a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Refused while it is busy, or prompts wait: it is about to go.
    Gently,
    /// Refused while it is busy. What waits goes on waiting.
    ForAWhile,
    /// Whatever runs and waits is given up.
    ByForce,
}

impl Command {
    /// Whether it may lead to a turn that does not run yet.
    pub(super) const fn begins_work(&self) -> bool {
        matches!(
            self,
            Self::Wake
                | Self::Attached { .. }
                | Self::Request {
                    request: Request::Send(_)
                        | Request::Continue { .. }
                        | Request::Prewarm { .. }
                        | Request::QueueRun { .. }
                        | Request::SessionHandover(_),
                    ..
                }
        )
    }

    /// Answers whoever waits for this command.
    pub(super) fn refuse(self, error: &Error) {
        match self {
            Self::Request { reply, .. } | Self::Attached { reply, .. } | Self::Revoked { reply, .. } => {
                reply.error(error.clone());
            }
            // Whoever asked may have gone by now.
            // It has its answer: it is to ask again, and hears why not.
            Self::Join { reply, .. } => Subscribers::from(reply).send_back(),
            Self::Close { done, .. } => drop(done.send(Err(error.clone()))),
            _ => {}
        }
    }
}

/// What woke the actor.
enum Happening {
    Command(Option<Command>),
    Output(Output),
    /// A process of a former host, which still had this conversation, is gone.
    OrphanGone,
    /// A place may have become free.
    Places,
    /// What the process does that the conversation is lent to.
    Lent(News),
    /// Whoever wanted the conversation does not any more.
    NotWanted,
    /// One of the deadlines has passed.
    Deadline,
}

/// What the store has of a session that an actor begins with.
struct Stored {
    session: Session,
    open: Vec<Prompt>,
    next_turn: TurnId,
    /// The process of a former host, dead or alive.
    orphan: Option<tree::Identity>,
    lease: Option<Lease>,
}

impl Stored {
    async fn load(shared: &Shared, id: SessionId) -> Result<Self> {
        let load = move |db: &Db| {
            let child = db.children()?.into_iter().find(|child| child.session == id);
            Ok(Self {
                session: db.session(id)?,
                open: db.open_prompts(id)?,
                next_turn: db.next_turn(id)?,
                lease: db.lease(id)?,
                orphan: child.map(|child| tree::Identity { pid: child.pid, start: child.start }),
            })
        };
        shared.store.read(load).await
    }
}

pub(super) struct Actor {
    shared: Arc<Shared>,
    session: Session,
    state: State,
    process: Option<Process>,
    commands: mpsc::Receiver<Command>,
    subscribers: Subscribers,
    asks: Asks,
    timing: Timing,
    /// Why the store takes nothing at present, for whoever waits.
    trouble: Option<String>,
    /// Durable changes the store does not have yet.
    writes: Vec<Write>,
    /// Accepted prompts that are stored as sent and wait to be written in this very step.
    fresh: HashMap<PromptId, Prompt>,
    /// Open prompts as they are shown while they wait; one that was given away may come back.
    queue: HashMap<PromptId, QueuedPrompt>,
    /// Requests that wait for an answer of the agent, by the control request's id.
    questions: HashMap<String, Replier>,
    /// Prompts that the agent was asked to give back, by the control request's id.
    cancels: HashMap<String, PromptId>,
    /// Who waits to hear whether the agent gave the prompt back.
    wanted_back: HashMap<PromptId, Replier>,
    /// Prompts that the agent knows by another uuid than their own.
    aliases: HashMap<Uuid, PromptId>,
    /// The agent refused to go on with its conversation: the next start begins another.
    refused_conversation: bool,
    /// The control request that `Ready` waits for.
    initialize: Option<String>,
    last_start: Option<Instant>,
    /// The process has rules that were taken back: it ends as soon as nothing runs.
    sleeps_next: bool,
    /// The release that the agent says it is.
    release: Option<Version>,
    /// A start that was given up and has not ended: nothing is started beside it.
    late_start: Option<JoinHandle<()>>,
    /// The first line of the present process that was no message.
    garbage: Option<String>,
    /// It was said that the agent is of an old release.
    said_release: bool,
    deadlines: Deadlines,
    orphan: Option<Orphan>,
    /// Who wants the conversation as soon as nothing runs.
    lending: Option<Lending>,
    /// To whom it is lent.
    lent: Option<Watched>,
    /// The stored conversation is to be compared as soon as the store has everything.
    recovers_later: bool,
    places: watch::Receiver<u64>,
    waits_for_place: bool,
    /// Processes that ended by themselves since the last finished turn.
    crashes: u32,
    /// What recovery found cut off and nobody has looked at yet.
    interrupted: Vec<PromptId>,
    /// To be put before the next prompt: the agent's own record of the conversation is gone.
    recap: Option<String>,
    changed: bool,
    closing: Option<oneshot::Sender<Result<Subscribers>>>,
    draining: bool,
    /// The host ends at once: nothing of this session may be left.
    ends_now: bool,
}

/// A process of a former host that is being waited for.
struct Orphan {
    gone: oneshot::Receiver<()>,
    /// Sent to, it is stopped instead of waited for.
    hurry: Option<oneshot::Sender<()>>,
}

impl Actor {
    /// Loads the session with everything that is open, and begins recovery where a former process had prompts.
    pub(super) async fn open(
        shared: Arc<Shared>,
        id: SessionId,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, (Error, mpsc::Receiver<Command>)> {
        match Stored::load(&shared, id).await {
            Ok(stored) => Ok(Self::begin(shared, stored, commands).await),
            Err(error) => Err((error, commands)),
        }
    }

    async fn begin(shared: Arc<Shared>, stored: Stored, commands: mpsc::Receiver<Command>) -> Self {
        let Stored { session, open, next_turn, orphan, lease } = stored;
        let lent = lease.map(|lease| Watched::begin(&shared, lease, session.conversation));
        let stale_after = shared.config.host.stale_after;
        let (waiting, given): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|prompt| prompt.status == PromptStatus::Queued);
        let queue = waiting.iter().chain(&given).map(|prompt| (prompt.id, prompt.into())).collect();
        let entries = waiting.iter().map(entry).collect();
        let crashed = session.state == SessionState::Crashed;
        let mut state = State::new(next_turn, entries, session.hold.clone(), crashed);
        if lent.is_some() {
            state = state.lent();
        } else if orphan.is_some() || !given.is_empty() {
            let given: Vec<_> = given.iter().map(entry).collect();
            state = state.recovering(&given);
        }
        let places = shared.places.changes();
        let mut actor = Self {
            session,
            state,
            process: None,
            commands,
            subscribers: Subscribers::default(),
            asks: Asks::default(),
            timing: Timing::default(),
            trouble: None,
            writes: Vec::new(),
            fresh: HashMap::new(),
            queue,
            questions: HashMap::new(),
            cancels: HashMap::new(),
            wanted_back: HashMap::new(),
            aliases: HashMap::new(),
            refused_conversation: false,
            initialize: None,
            last_start: None,
            sleeps_next: false,
            release: None,
            late_start: None,
            garbage: None,
            said_release: false,
            deadlines: Deadlines::default(),
            orphan: None,
            lending: None,
            lent,
            recovers_later: false,
            places,
            waits_for_place: false,
            crashes: 0,
            interrupted: Vec::new(),
            recap: None,
            changed: true,
            closing: None,
            draining: shared.is_draining(),
            ends_now: false,
            shared,
        };
        if actor.draining {
            actor.apply(Input::Drain).await;
        }
        actor.void_leftovers().await;
        let stale = waiting.iter().any(|prompt| is_stale(prompt, stale_after));
        if stale && actor.state.hold().is_none_or(|hold| hold == UNAVAILABLE) {
            actor.apply(Input::Hold("stale".to_owned())).await;
        }
        match orphan {
            // Nothing of ours may be at work on it.
            _ if actor.state.is_lent() => {}
            Some(orphan) if tree::is_alive(&orphan) => actor.watch_orphan(orphan),
            _ if actor.state.phase == Phase::Recovering => actor.recover().await,
            _ => actor.apply(Input::MayStart).await,
        }
        actor
    }

    /// A former host's child may still be at work on this conversation: it is left to end, then ended.
    fn watch_orphan(&mut self, orphan: tree::Identity) {
        let (done, gone) = oneshot::channel();
        let (hurry, hurried) = oneshot::channel();
        let patience = self.shared.config.host.drain;
        tracing::info!(session = %self.session.name, pid = orphan.pid, "waiting for a process of a former host");
        tokio::spawn(async move {
            tokio::select! {
                _ = tree::wait_gone(&orphan, patience) => {}
                Ok(()) = hurried => {}
            }
            tree::stop_tree(&orphan, STOP_GRACE).await;
            // The actor may be gone by then; a new one looks for itself.
            done.send(()).ok();
        });
        self.orphan = Some(Orphan { gone, hurry: Some(hurry) });
    }

    pub(super) async fn run(mut self) {
        self.settle().await;
        loop {
            let happening = self.next().await;
            self.handle(happening).await;
            self.settle().await;
            if self.is_over() && self.shared.retire(self.session.id, &mut self.commands) {
                break;
            }
        }
        self.shared.forget_live(self.session.id);
        if let Some(done) = self.closing.take() {
            let refused = "the session database did not take what happened last";
            let whole = self.writes.is_empty().then_some(self.subscribers);
            // Whoever asked may have gone by now.
            done.send(whole.ok_or_else(|| Error::unavailable(refused))).ok();
        }
    }

    async fn next(&mut self) -> Happening {
        let deadline = self.deadlines.next();
        tokio::select! {
            biased;
            output = output_of(&mut self.process) => Happening::Output(output),
            command = self.commands.recv() => Happening::Command(command),
            () = gone(&mut self.orphan) => Happening::OrphanGone,
            news = lending::news(&mut self.lent) => Happening::Lent(news),
            () = lending::given_up(&self.lending) => Happening::NotWanted,
            changed = self.places.changed(), if self.waits_for_place => {
                drop(changed);
                Happening::Places
            }
            () = until(deadline) => Happening::Deadline,
        }
    }

    async fn handle(&mut self, happening: Happening) {
        match happening {
            Happening::Command(Some(command)) => self.command(command).await,
            Happening::Command(None) => self.draining = true,
            Happening::Output(output) => self.output(output).await,
            Happening::OrphanGone => {
                self.orphan = None;
                self.recover().await;
            }
            Happening::Places => {
                self.waits_for_place = false;
                self.apply(Input::MayStart).await;
            }
            Happening::Lent(news) => self.lent_news(news).await,
            Happening::NotWanted => self.not_lent().await,
            Happening::Deadline => self.deadline().await,
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Request { request, reply, received } => self.request(request, reply, received).await,
            Command::Attached { id, send, copies, reply, received } => {
                self.send_as(id, send, Some(copies), reply, received).await;
            }
            Command::Join { since, reply } => self.join(since, reply).await,
            Command::Sleep if self.state.may_sleep() => self.apply(Input::Sleep).await,
            Command::Sleep => {}
            Command::Drain => self.drain().await,
            Command::StopNow => self.stop_now().await,
            Command::Close { how, done } => self.close(how, done).await,
            Command::Refresh => self.refresh().await,
            Command::Set { key, value } => self.set(&key, value).await,
            Command::Wake => self.wake().await,
            Command::Revoked { name, rules, reply } => self.let_go_of_rules(name, rules, reply).await,
        }
    }

    async fn drain(&mut self) {
        self.draining = true;
        self.apply(Input::Drain).await;
    }

    async fn stop_now(&mut self) {
        self.ends_now = true;
        if let Some(hurry) = self.orphan.as_mut().and_then(|orphan| orphan.hurry.take()) {
            // It may be gone already.
            hurry.send(()).ok();
        }
        self.draining = true;
        self.apply(Input::End).await;
        if self.deadlines.interrupt.is_some() {
            self.deadlines.interrupt = Some(Instant::now() + LAST_PATIENCE);
        }
    }

    fn is_barred(&self) -> bool {
        self.state.phase == Phase::Barred
    }

    async fn refresh(&mut self) {
        let id = self.session.id;
        match self.shared.store.run(move |db| db.session(id)).await {
            Ok(session) => {
                self.session = session;
                self.changed = true;
            }
            Err(error) => tracing::warn!(session = %id, %error, "cannot read the session again"),
        }
    }

    async fn deadline(&mut self) {
        if due(self.deadlines.write) {
            self.deadlines.write = None;
            self.flush().await;
            self.take_back_again().await;
            if std::mem::take(&mut self.recovers_later) {
                self.recover().await;
            }
        }
        if due(self.deadlines.start) {
            self.deadlines.start = None;
            self.start_timed_out().await;
        }
        if due(self.deadlines.retry) {
            self.deadlines.retry = None;
            self.apply(Input::MayStart).await;
        }
        if due(self.deadlines.sleep) {
            self.deadlines.sleep = None;
            if self.state.may_sleep() {
                self.apply(Input::Sleep).await;
            }
        }
        if due(self.deadlines.begin) {
            self.deadlines.begin = None;
            tracing::warn!(session = %self.session.name, "the agent does not begin: ending the process");
            self.apply(Input::Sleep).await;
        }
        if due(self.deadlines.interrupt) {
            self.deadlines.interrupt = None;
            if self.state.is_busy() {
                tracing::warn!(session = %self.session.name, "the interrupt had no effect: ending the process");
                self.apply(Input::Sleep).await;
            }
        }
    }

    /// After every step: make durable, tell those who watch, set the clocks.
    async fn settle(&mut self) {
        self.go_on().await;
        self.sleep_next().await;
        self.lend_next().await;
        self.flush().await;
        let may_sleep = self.state.may_sleep() && !self.session.pinned;
        if self.changed {
            self.changed = false;
            let activity = self.trouble.clone().or_else(|| self.state.activity());
            self.shared.note_live(self.session.id, self.state.session_state(), activity);
            self.shared.places.touch(self.session.id, may_sleep);
            self.publish_change();
        }
        let idle_timeout = self.shared.config.host.idle_timeout;
        if may_sleep && !idle_timeout.is_zero() {
            self.deadlines.sleep.get_or_insert_with(|| Instant::now() + idle_timeout);
        } else {
            self.deadlines.sleep = None;
        }
        if !self.state.is_busy() {
            self.deadlines.interrupt = None;
            if self.state.waiting().next().is_none() {
                self.queue.clear();
            }
        }
        if self.state.is_unbegun() {
            self.deadlines.begin.get_or_insert_with(|| Instant::now() + BEGIN_PATIENCE);
        } else {
            self.deadlines.begin = None;
        }
        if self.is_at_rest() && !self.draining {
            self.deadlines.retire.get_or_insert_with(|| Instant::now() + LINGER);
        } else {
            self.deadlines.retire = None;
        }
    }

    /// No process, and nothing that would start one by itself.
    fn is_at_rest(&self) -> bool {
        let is_late = self.late_start.as_ref().is_some_and(|late| !late.is_finished());
        let waits = self.waits_for_place || self.deadlines.retry.is_some() || is_late;
        self.orphan.is_none()
            && self.process.is_none()
            && !waits
            && matches!(self.state.phase, Phase::Asleep | Phase::Crashed | Phase::Barred)
    }

    /// Nobody is subscribed and nothing waits to be stored; otherwise the actor stays for another while.
    fn is_unwatched(&mut self) -> bool {
        self.deadlines.retire = None;
        self.subscribers.tidy();
        self.subscribers.is_empty() && self.writes.is_empty()
    }

    fn is_over(&mut self) -> bool {
        match self.draining {
            // An orphan or a refused write is taken up by the next host.
            true => {
                self.process.is_none()
                    && !matches!(self.state.phase, Phase::Starting | Phase::Stopping)
                    && !(self.ends_now && self.orphan.is_some())
            }
            false => due(self.deadlines.retire) && self.is_unwatched(),
        }
    }
}

async fn output_of(process: &mut Option<Process>) -> Output {
    match process {
        Some(process) => process.next().await,
        None => std::future::pending().await,
    }
}

async fn gone(orphan: &mut Option<Orphan>) {
    match orphan {
        // A dropped sender means the same: nobody watches it any more, so look.
        Some(orphan) => (&mut orphan.gone).await.unwrap_or(()),
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

fn is_stale(prompt: &Prompt, stale_after: Duration) -> bool {
    let age = jiff::Timestamp::now().duration_since(prompt.accepted);
    !stale_after.is_zero() && Duration::try_from(age).is_ok_and(|age| age > stale_after)
}

/// A prompt as the turn machine knows it.
fn entry(prompt: &Prompt) -> Waiting {
    Waiting { prompt: prompt.id, delivery: prompt.delivery, command: prompt.text.starts_with('/') }
}
