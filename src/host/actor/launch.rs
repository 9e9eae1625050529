//! Starting the agent of a session: what is started, with which settings, and why it failed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::journal::Write;
use super::{Actor, Command, recovery};
use crate::claude::command::{self, Conversation, Launch, MINIMUM_VERSION, Version};
use crate::claude::conversation;
use crate::claude::process::{self, Exit, ExitReason, Output, Process, StartError};
use crate::claude::tree::Identity;
use crate::claude::wire::Request as Control;
use crate::error::{Error, Kind, Result};
use crate::host::Shared;
use crate::host::checkup;
use crate::host::places::Wish;
use crate::host::turn::Input;
use crate::model::{Agent, Detail, EventKind, NewEvent, Session};
use crate::paths::Paths;
use crate::persona::{self, Persona};
use crate::store::Child;

const CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";
/// A crash loop ends after so many crashes; the next prompt tries again.
const MOST_CRASHES: u32 = 5;
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
        let launch = prepare(&self.shared, &self.session, conversation)?;
        let process = process::spawn(&launch).map_err(|error| explain_start(error, &self.session))?;
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
        self.initialize = Some(self.control(Control::Initialize { mcp_servers: Vec::new() }).await);
        Ok(())
    }

    /// The session's conversation, if the agent has it. Where that cannot be seen nothing is begun in its place.
    async fn stored_conversation(&self) -> Result<Option<Uuid>> {
        let Some(id) = self.session.conversation else { return Ok(None) };
        let config_dir = self.shared.config_dir(self.session.agent);
        let found = tokio::task::spawn_blocking(move || conversation::find(&config_dir, &id)).await;
        match found.unwrap_or_else(|bug| Err(bug.into())) {
            Ok(found) => Ok(found.map(|_| id)),
            Err(error) => {
                let message = format!("cannot see whether the conversation is still there: {error}");
                Err(Error::unavailable(message).hint("make that directory readable; nothing was begun anew"))
            }
        }
    }

    /// A conversation id that the agent does not know yet; with a recap where one is lost.
    async fn fresh_conversation(&mut self, known: Option<Uuid>) -> Result<Uuid> {
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
        Input::CannotStart { why }
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
        let old = Version::parse(release).is_some_and(|version| version < MINIMUM_VERSION);
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

    /// Whoever has a subscription may not know that a key in the environment pays instead: the host's log says so,
    /// once, beside `claudebot doctor`.
    pub(super) fn announce_key(&mut self) {
        if !std::mem::replace(&mut self.said_key, true) {
            tracing::warn!(session = %self.session.name, "ANTHROPIC_API_KEY is set: the session is billed to that key");
        }
    }

    /// Ends a process that never became ready.
    pub(super) async fn end_unstarted(&mut self, error: Error) {
        self.kill().await;
        self.shared.places.leave(self.session.id);
        self.start_failed(error).await;
    }

    async fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.stop(Duration::ZERO);
        while !matches!(process.next().await, Output::Exited(_)) {}
        self.forget_child().await;
    }
}

fn agent_name(session: &Session) -> &'static str {
    match session.agent {
        Agent::Claude => "Claude Code",
        Agent::Demo => "the demo agent",
    }
}

/// Everything about the process to start, from persona, configuration and the session's own settings.
fn prepare(shared: &Shared, session: &Session, conversation: Conversation) -> Result<Launch> {
    let persona = persona::load(&session.persona, &shared.paths)?;
    if !session.dir.is_dir() {
        return Err(Error::unavailable(format!(
            "the working directory of session {} is gone: {}",
            session.name,
            session.dir.display()
        ))
        .hint("create it again, or archive the session and restore it with --dir"));
    }
    let (program, leading_args) = program(shared, session)?;
    let system_prompt_file = prompt_file(shared, session, &persona)?;
    Ok(Launch {
        program,
        leading_args,
        extra_args: if session.agent == Agent::Claude {
            shared.config.claude.extra_args.clone()
        } else {
            Vec::new()
        },
        conversation,
        cwd: session.dir.clone(),
        model: session.model.clone().or_else(|| persona.model.clone()),
        effort: session.effort.clone().or_else(|| persona.effort.clone()),
        permission_mode: session.permission_mode.clone().or_else(|| persona.permission_mode.clone()),
        system_prompt_file,
        allowed_tools: persona.allowed_tools.clone(),
        disallowed_tools: persona.disallowed_tools.clone(),
        add_dirs: persona.add_dirs.clone(),
        mcp_config: persona.mcp_config.clone(),
        name: Some(session.name.clone()),
        env: environment(shared, session, &persona),
    })
}

fn program(shared: &Shared, session: &Session) -> Result<(PathBuf, Vec<OsString>)> {
    if session.agent == Agent::Demo {
        return Ok((shared.exe.clone(), vec!["demo-agent".into()]));
    }
    Ok((checkup::find_claude(&shared.env, &shared.config)?, Vec::new()))
}

/// The persona's prompt goes by file: an argument would be short and visible to everyone on the machine.
fn prompt_file(shared: &Shared, session: &Session, persona: &Persona) -> Result<Option<PathBuf>> {
    let Some(prompt) = &persona.prompt else { return Ok(None) };
    let dir = shared.paths.session_dir(&session.id.to_string());
    Paths::create_private(&dir)?;
    let file = dir.join("prompt.md");
    std::fs::write(&file, prompt).map_err(|e| Error::io("write", &file, &e))?;
    Ok(Some(file))
}

fn environment(shared: &Shared, session: &Session, persona: &Persona) -> Vec<(OsString, OsString)> {
    let layers = [&shared.config.claude.env, &persona.env];
    let mut env = command::child_env(shared.env.iter(), layers, &session.id.to_string());
    let config_dir = match session.agent {
        Agent::Demo => Some(shared.paths.demo_config_dir()),
        Agent::Claude => shared.config.claude.config_dir.clone(),
    };
    if let Some(dir) = config_dir {
        env.retain(|(name, _)| name != CONFIG_DIR);
        env.push((CONFIG_DIR.into(), dir.into()));
    }
    env
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
