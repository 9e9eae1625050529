//! A home with sessions, and a host in it that can be killed and started again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chance::pause;
use super::client::{Client, ask, named, prompt};
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::home::Home;
use crate::support::messages_api::MessagesApi;
use crate::support::tree::Found;

pub(super) struct Rig {
    host: Mutex<Option<Child>>,
    pub(super) home: Home,
    /// None: the sessions run on the demo agent.
    pub(super) api: Option<MessagesApi>,
}

impl Rig {
    pub(super) fn demo(sessions: &[&str]) -> Self {
        Self::begin(Home::new(), None, sessions)
    }

    pub(super) fn real(release: Release, sessions: &[&str]) -> Self {
        let (api, home) = Home::with_claude(release);
        Self::begin(home, Some(api), sessions)
    }

    fn begin(home: Home, api: Option<MessagesApi>, sessions: &[&str]) -> Self {
        let agent = if api.is_some() { "claude" } else { "demo" };
        for name in sessions {
            // Each in a directory of its own: they would share the rules that are kept there.
            let dir = home.mkdir(format!("project/{name}"));
            let new = ["session", "new", name, "--agent", agent, "--dir"];
            let mut arguments = new.to_vec();
            let dir = dir.display().to_string();
            arguments.push(&dir);
            home.run(&arguments).expect_code(0);
        }
        let rig = Self { host: Mutex::default(), home, api };
        rig.start_host();
        rig
    }

    fn host(&self) -> MutexGuard<'_, Option<Child>> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a host that takes up what the last one left.
    pub(super) fn start_host(&self) {
        let mut command: Command = self.home.command(&["host", "run"]);
        // Shown with all logs of the home when a test fails.
        let log = self.home.mkdir(".state/claudebot/log").join("foreground.log");
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start a host: {error}"));
        *self.host() = Some(child);
        Client::wait(&self.home);
    }

    pub(super) fn kill_host(&self) {
        if let Some(mut host) = self.host().take() {
            // Already ended would be as good; reaped, it gives its lock back.
            host.kill().ok();
            host.wait().ok();
        }
    }

    /// Kills every agent process first or last, and the host.
    pub(super) fn kill_both(&self, agents_first: bool) {
        let agents = self.agents();
        if agents_first {
            agents.iter().for_each(|agent| agent.signal(Signal::KILL));
            self.kill_host();
        } else {
            self.kill_host();
            agents.iter().for_each(|agent| agent.signal(Signal::KILL));
        }
    }

    /// The agents' processes.
    pub(super) fn agents(&self) -> Vec<Found> {
        let mut found = self.home.leftovers();
        found.retain(|found| found.command.contains(" --input-format stream-json"));
        found
    }

    #[track_caller]
    pub(super) fn agent(&self) -> Found {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(agent) = self.agents().pop() {
                return agent;
            }
            assert!(Instant::now() < deadline, "no agent was started");
            pause(Duration::from_millis(5));
        }
    }

    #[track_caller]
    pub(super) fn ask(&self, request: &Value) -> Value {
        ask(&self.home, request).unwrap_or_else(|error| panic!("{request}: {error}"))
    }

    /// Sends a prompt until it is accepted; its id.
    #[track_caller]
    pub(super) fn accepted(&self, session: &str, key: &str, text: &str, delivery: &str) -> Uuid {
        let accepted = self.ask(&prompt(session, key, text, delivery));
        id_in(&accepted["data"]["prompt"])
    }

    pub(super) fn session(&self, name: &str) -> Value {
        let output = self.home.run(&["session", "show", name, "--json"]).expect_code(0);
        output.json()
    }

    /// The whole log.
    #[track_caller]
    pub(super) fn log(&self, session: &str) -> Vec<Value> {
        let mut log: Vec<Value> = Vec::new();
        loop {
            let since = log.last().map_or(0, |event| event["seq"].as_u64().unwrap_or(0));
            let page =
                self.ask(&json!({ "type": "log", "session": named(session), "since": since, "limit": 500 }));
            match page["data"].as_array() {
                Some(events) if !events.is_empty() => log.extend(events.iter().cloned()),
                _ => return log,
            }
        }
    }

    /// Waits until an event of the log fits.
    #[track_caller]
    pub(super) fn until(&self, session: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut client = Client::wait(&self.home);
        client.send(&json!({ "type": "subscribe", "session": named(session), "since": 0 })).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        while Instant::now() < deadline {
            let push = client.push().unwrap_or_else(|failure| panic!("{failure:?} after {passed:#?}"));
            if fits(&push) {
                return push;
            }
            passed.push(push);
        }
        panic!("it did not come within {PATIENCE:?}: {passed:#?}");
    }

    /// Waits for the end of the prompt's turn: its detail.
    #[track_caller]
    pub(super) fn ended(&self, session: &str, prompt: Uuid) -> Value {
        let id = prompt.to_string();
        let ended = self.until(session, |push| {
            let prompts = push["event"]["detail"]["prompts"].as_array();
            push["event"]["kind"] == "turn_ended"
                && prompts.is_some_and(|all| all.iter().any(|it| *it == *id))
        });
        ended["event"]["detail"].clone()
    }

    pub(super) fn db(&self) -> Connection {
        let path = self.home.data_dir().join("claudebot.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db =
            Connection::open_with_flags(&path, flags).unwrap_or_else(|error| panic!("the store: {error}"));
        db.busy_timeout(Duration::from_secs(10)).unwrap_or_else(|error| panic!("the store: {error}"));
        db
    }

    /// Every prompt in the store: its status, and what the agent knows it by.
    pub(super) fn prompts(&self) -> HashMap<Uuid, (String, Uuid)> {
        let db = self.db();
        let mut statement = db.prepare("SELECT id, status, coalesce(given_as, id) FROM prompt").unwrap();
        let uuid = |bytes: Vec<u8>| Uuid::from_slice(&bytes).unwrap();
        let rows =
            statement.query_map([], |row| Ok((uuid(row.get(0)?), (row.get(1)?, uuid(row.get(2)?))))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Every line of every conversation that the agents have stored.
    pub(super) fn conversations(&self) -> Vec<Value> {
        let config = if self.api.is_some() {
            self.home.path().join(".claude")
        } else {
            self.home.data_dir().join("demo-agent")
        };
        let projects = std::fs::read_dir(config.join("projects")).into_iter().flatten().flatten();
        let files = projects.flat_map(|project| std::fs::read_dir(project.path()).into_iter().flatten());
        let paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
        let conversations = paths.iter().filter(|path| path.extension().is_some_and(|it| it == "jsonl"));
        let mut lines = Vec::new();
        for path in conversations {
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            // A kill may have cut the last line of a process.
            lines.extend(text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()));
        }
        lines
    }

    /// Ends the host as a person would, and finds nothing left.
    #[track_caller]
    pub(super) fn end(self) {
        self.home.run(&["host", "stop", "--now"]).expect_code(0);
        if let Some(mut host) = self.host().take() {
            host.wait().ok();
        }
        let left = self.home.wait_empty(Duration::from_secs(10));
        assert!(left.is_empty(), "left running: {left:?}");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kill_host();
    }
}

#[track_caller]
pub(super) fn id_in(value: &Value) -> Uuid {
    value.as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id: {value}"))
}
