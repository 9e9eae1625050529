//! Starting the agent of a session: what is started, with which settings, and why it failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

use super::journal::Write;
use super::prepare::{By, prepare};
use super::{Actor, Command, recovery};
use crate::claude::command::{Conversation, MINIMUM_VERSION, Version};
use crate::claude::login::{KEY_VARIABLE, login_lies_in};
use crate::claude::process::{self, Exit, ExitReason, Output, Process, StartError};
use crate::claude::tree::Identity;
use crate::claude::wire::Request as Control;
use crate::claude::{files, holder};
use crate::error::{Error, Kind, Result};
use crate::host::Shared;
use crate::host::checkup;
use crate::host::places::Wish;
use crate::host::tools;
use crate::host::turn::Input;
use crate::model::{Agent, Detail, EventKind, NewEvent, Rule, Session};
use crate::store::Child;

/// A crash loop ends after so many crashes; the next prompt tries again.
const MOST_CRASHES: u32 = 5;
/// A disk that was asleep is up again within this time.
const DISK_PATIENCE: Duration = Duration::from_secs(10);
/// Signals that a program does not bring on itself.
const SIGKILL: i32 = rustix::process::Signal::KILL.as_raw();
const SIGTERM: i32 = rustix::process::Signal::TERM.as_raw();

impl Actor {
    /// Starts the process, or says why that has to wait.
    pub(super) async fn start(&mut self) -> Option<Input> {
        if let Some(wait) = self.backoff() {
            return Some(wait);
        }
        match self.shared.places.wish(self.session.id) {
            Wish::Granted => {}
            Wish::After(other) => {
                self.shared.tell(other, Command::Sleep);
                return Some(self.wait_for_place());
            }
            Wish::Full => return Some(self.wait_for_place()),
        }
        match self.spawn().await {
            Ok(()) => None,
            Err(error) => {
                self.shared.places.leave(self.session.id);
                Some(self.refused(error))
            }
        }
    }

    fn wait_for_place(&mut self) -> Input {
        self.waits_for_place = true;
        let max = self.shared.places.max();
        Input::CannotStart { why: format!("waiting for a place: all {max} are busy (host.max_live)") }
    }

    /// After crashes the next start waits, each time twice as long, and at last for a person.
    fn backoff(&mut self) -> Option<Input> {
        if self.crashes == 0 {
            return None;
        }
        if self.crashes >= MOST_CRASHES {
            self.crashes = 0;
            let error = Error::unavailable(format!("the agent ended {MOST_CRASHES} times in a row"));
            return Some(self.refused(error.hint("`claudebot log` says why")));
        }
        let pause = Duration::from_millis(250 << self.crashes);
        let again = self.last_start.map(|at| at + pause).filter(|at| *at > Instant::now())?;
        self.deadlines.retry = Some(again);
        Some(Input::CannotStart { why: "starting again after a crash".to_owned() })
    }

    async fn spawn(&mut self) -> Result<()> {
        self.flush().await;
        let conversation = match self.stored_conversation().await? {
            _ if self.refused_conversation => Conversation::New(self.fresh_conversation(None).await?),
            Some(id) => Conversation::Resume(id),
            None => Conversation::New(self.fresh_conversation(self.session.conversation).await?),
        };
        let (Conversation::New(id) | Conversation::Resume(id)) = conversation;
        let session = self.session.id;
        let rules = self.shared.store.read(move |db| db.session_rules(session)).await?;
        let process = self.start_process(conversation, rules).await?;
        let Identity { pid, start } = process.identity();
        let child = Child { session: self.session.id, pid, start, conversation: id };
        self.process = Some(process);
        if let Err(error) = self.shared.store.run(move |db| db.record_child(&child)).await {
            // Nobody could find it after a crash, so it may not live.
            self.kill().await;
            return Err(error);
        }
        tracing::info!(session = %self.session.name, pid, "started");
        self.last_start = Some(Instant::now());
        let limit = self.shared.config.host.start_timeout;
        self.deadlines.start = (!limit.is_zero()).then(|| Instant::now() + limit);
        self.garbage = None;
        let mcp_servers = match self.session.agent {
            Agent::Claude => vec![tools::SERVER.to_owned()],
            Agent::Demo => Vec::new(),
        };
        self.initialize = Some(self.control(Control::Initialize { mcp_servers }).await);
        Ok(())
    }

    /// A disk that does not answer holds up this session alone, and not for ever.
    async fn start_process(&mut self, conversation: Conversation, rules: Vec<Rule>) -> Result<Process> {
        if self.late_start.as_ref().is_some_and(|late| !late.is_finished()) {
            return Err(self.does_not_come());
        }
        let (shared, session) = (Arc::clone(&self.shared), self.session.clone());
        let mut start = spawn_blocking(move || {
            refuse_open(&shared, &session, conversation)?;
            let launch = prepare(&shared, &session, conversation, &rules, By::Us)?;
            process::spawn(&launch).map_err(|error| explain_start(error, &session))
        });
        if let Ok(started) = tokio::time::timeout(DISK_PATIENCE, &mut start).await {
            return started.unwrap_or_else(|bug| Err(Error::failed(bug.to_string())));
        }
        self.late_start = Some(tokio::spawn(end_late(start)));
        Err(self.does_not_come())
    }

    fn does_not_come(&self) -> Error {
        let dir = self.session.dir.display();
        Error::unavailable(format!("{} cannot be started: a disk does not answer", agent_name(&self.session)))
            .hint(format!("see whether {dir} can be listed; the next prompt tries again"))
    }

    /// The session's conversation, if the agent has it. Where that cannot be seen nothing is begun in its place.
    pub(super) async fn stored_conversation(&self) -> Result<Option<Uuid>> {
        let Some(id) = self.session.conversation else { return Ok(None) };
        let config_dir = self.shared.config_dir(self.session.agent);
        let found = spawn_blocking(move || files::find(&config_dir, &id)).await;
        match found.unwrap_or_else(|bug| Err(bug.into())) {
            Ok(found) => Ok(found.map(|_| id)),
            Err(error) => {
                let message = format!("cannot see whether the conversation is still there: {error}");
                Err(Error::unavailable(message).hint("make that directory readable; nothing was begun anew"))
            }
        }
    }

    /// A conversation id that the agent does not know yet; with a recap where one is lost.
    pub(super) async fn fresh_conversation(&mut self, known: Option<Uuid>) -> Result<Uuid> {
        let id = self.session.id;
        let recap = self.shared.store.read(move |db| recovery::recap(db, id)).await?;
        let fresh = match (known, &recap) {
            // It was started but never said anything: the id is still free.
            (Some(known), None) => known,
            _ => Uuid::new_v4(),
        };
        if recap.is_some() && self.recap.is_none() {
            self.writes.push(Write::Event(NewEvent {
                kind: EventKind::Notice,
                text: "the agent's own record of this conversation is gone: it begins anew, with a recap of the log"
                    .to_owned(),
                prompt_id: None,
                detail: Some(Detail::Notice { code: "recap".to_owned() }),
            }));
        }
        self.recap = recap;
        self.session.conversation = Some(fresh);
        self.writes.push(Write::Conversation(fresh));
        self.flush().await;
        Ok(fresh)
    }

    /// The process could not be started: what waits stays, and the person is told why.
    pub(super) fn refused(&mut self, error: Error) -> Input {
        tracing::warn!(session = %self.session.name, %error, "cannot start the agent");
        let why = error.message.clone();
        let text = match &error.hint {
            Some(hint) => format!("{}; {hint}", error.message.trim_end_matches('.')),
            None => error.message,
        };
        self.writes.push(Write::Event(NewEvent {
            kind: EventKind::Notice,
            text,
            prompt_id: None,
            detail: Some(Detail::Notice { code: "unavailable".to_owned() }),
        }));
        Input::Unavailable { why }
    }

    pub(super) async fn start_failed(&mut self, error: Error) {
        let input = self.refused(error);
        self.apply(input).await;
    }

    /// Whether the process ended because of its conversation, for which the next one gets another. Some say so only
    /// after they have answered.
    pub(super) fn refuses_conversation(&mut self, exit: &Exit) -> bool {
        let refused = matches!(exit.reason, ExitReason::UnknownConversation | ExitReason::ConversationInUse);
        refused && !std::mem::replace(&mut self.refused_conversation, true)
    }

    /// The process ended before it was ready. True: nothing is tried again unasked. One that was killed from
    /// outside is a crash like any other.
    pub(super) async fn may_not_start(&mut self, exit: &Exit) -> bool {
        match exit.reason {
            ExitReason::Killed(signal) if [SIGKILL, SIGTERM].contains(&signal) => false,
            _ => {
                let error = self.why_not_started(explain(exit, &self.session)).await;
                self.start_failed(error).await;
                true
            }
        }
    }

    /// It runs but does not answer: it is ended, and counts as not started.
    pub(super) async fn start_timed_out(&mut self) {
        let stderr = self.process.as_ref().map(Process::stderr).unwrap_or_default();
        let limit = self.shared.config.host.start_timeout;
        let said = stderr.lines().rfind(|line| !line.trim().is_empty());
        let said = said.map(|line| format!(": {}", line.trim())).unwrap_or_default();
        let error = Error::unavailable(format!(
            "{} did not answer within {limit:?}{said}",
            agent_name(&self.session)
        ))
        .hint("try it by hand: claude -p hello; `host.start_timeout` sets how long it may take");
        let error = self.why_not_started(error).await;
        self.end_unstarted(error).await;
    }

    /// A better reason, where there is one: it is too old, or no Claude Code at all.
    pub(super) async fn why_not_started(&mut self, error: Error) -> Error {
        if self.session.agent == Agent::Demo {
            return error;
        }
        if let Some(line) = self.garbage.take() {
            let message =
                format!("{}; it printed `{line}`, which is no message of Claude Code", error.message);
            return Error::unavailable(message).hint("see that claude.path is Claude Code's own program");
        }
        checkup::outdated(&self.shared.env, &self.shared.config).await.unwrap_or(error)
    }

    /// An old release may do: it is tried, and the log says that it is old, once.
    pub(super) fn check_release(&mut self, release: &str) {
        self.release = Version::parse(release);
        let old = self.release.is_some_and(|version| version < MINIMUM_VERSION);
        if self.session.agent == Agent::Demo || !old || self.said_release {
            return;
        }
        self.said_release = true;
        self.writes.push(Write::Event(NewEvent {
            kind: EventKind::Notice,
            text: format!(
                "Claude Code {release} is older than {MINIMUM_VERSION}, the oldest that claudebot was tried with; \
                 `claude update` brings a newer one"
            ),
            prompt_id: None,
            detail: Some(Detail::Notice { code: "release".to_owned() }),
        }));
    }

    /// Whoever has logged in may not know that a key in the environment pays instead: the log says so, once while this
    /// host lives.
    pub(super) async fn announce_key(&mut self) {
        if !self.shared.is_first_with_key(self.session.id) {
            return;
        }
        tracing::warn!(session = %self.session.name, "{KEY_VARIABLE} is set: the session is billed to that key");
        let config_dir = self.shared.config_dir(self.session.agent);
        let has_login = spawn_blocking(move || login_lies_in(&config_dir)).await;
        if !has_login.unwrap_or_default() {
            return;
        }
        self.writes.push(Write::Event(NewEvent {
            kind: EventKind::Notice,
            text: format!(
                "this is billed to the key in {KEY_VARIABLE}, although somebody seems to have logged in to Claude; \
                 without the key (in the host's environment, or in claude.env) the login is used"
            ),
            prompt_id: None,
            detail: Some(Detail::Notice { code: "billing".to_owned() }),
        }));
    }

    /// Ends a process that never became ready.
    pub(super) async fn end_unstarted(&mut self, error: Error) {
        self.kill().await;
        self.shared.places.leave(self.session.id);
        self.start_failed(error).await;
    }

    async fn kill(&mut self) {
        let Some(process) = self.process.take() else { return };
        end(process).await;
        self.forget_child().await;
    }
}

async fn end(mut process: Process) {
    process.stop(Duration::ZERO);
    while !matches!(process.next().await, Output::Exited(_)) {}
}

/// A start that was given up may yet come to its end. Nobody knows its process, which was given nothing.
async fn end_late(start: JoinHandle<Result<Process>>) {
    if let Ok(Ok(process)) = start.await {
        end(process).await;
    }
}

fn agent_name(session: &Session) -> &'static str {
    match session.agent {
        Agent::Claude => "Claude Code",
        Agent::Demo => "the demo agent",
    }
}

fn explain_start(error: StartError, session: &Session) -> Error {
    match error {
        StartError::NotInstalled { program } => checkup::not_installed(&program),
        other => Error::unavailable(format!("cannot start {}: {other}", agent_name(session)))
            .hint("try it by hand: claude --version; claude.path says which program it is"),
    }
}

/// An end of the process in words.
pub(super) fn explain(exit: &Exit, session: &Session) -> Error {
    let agent = agent_name(session);
    let hint = match exit.reason {
        ExitReason::NotLoggedIn => "log in: run `claude` once and follow it, or set ANTHROPIC_API_KEY",
        ExitReason::UnknownConversation => "it begins anew with a recap of the log",
        ExitReason::ConversationInUse => "another process has this conversation open; end it and try again",
        ExitReason::BadOption => "see what was added with claude.extra_args and by the persona",
        _ => "try it by hand: claude -p hello",
    };
    Error::new(Kind::Unavailable, format!("{agent} {exit}")).hint(hint)
}

/// Claude Code guards no conversation: two processes on one both write, and each would know half of it.
fn refuse_open(shared: &Shared, session: &Session, conversation: Conversation) -> Result<()> {
    let Conversation::Resume(id) = conversation else { return Ok(()) };
    if session.agent == Agent::Demo {
        return Ok(());
    }
    match holder::noted_now(&shared.config_dir(Agent::Claude)).get(&id) {
        Some(process) => Err(Error::conflict(format!(
            "the conversation of session {} is open in another process (pid {})",
            session.name, process.pid
        ))
        .hint("end claude there, then send again; `claudebot session handover` is the way to work in a terminal")),
        None => Ok(()),
    }
}
