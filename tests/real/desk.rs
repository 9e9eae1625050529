//! A home with the real CLI, a scripted API and one session, and what the tests say about it in few words.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::wire::Wire;
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::home::Home;
use crate::support::messages_api::MessagesApi;
use crate::support::process::{Output, Running, Terminal};
use crate::support::tree::Found;

/// The session that every desk begins with; it is the current one.
pub(crate) const WORK: &str = "work";

pub(crate) struct Desk {
    // Dropped first: what runs in it must not lose its API before.
    pub(crate) home: Home,
    pub(crate) api: MessagesApi,
}

impl Desk {
    #[track_caller]
    pub(crate) fn new(release: Release) -> Self {
        Self::prepared(release, |_| {})
    }

    /// One whose Bash asks for no permission.
    #[track_caller]
    pub(crate) fn trusting(release: Release) -> Self {
        Self::prepared(release, |home| {
            home.write(".config/claudebot/personas/default.toml", "allowed_tools = [\"Bash\"]\n");
        })
    }

    /// What the host is to find is made by `prepare`.
    #[track_caller]
    pub(crate) fn prepared(release: Release, prepare: impl FnOnce(&mut Home)) -> Self {
        let (api, mut home) = Home::with_claude(release);
        prepare(&mut home);
        home.run(&["session", "new", WORK, "--switch"]).expect_code(0);
        Self { home, api }
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.home.run(arguments)
    }

    /// Runs it, wants success, and gives what it said on stdout.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        self.home.run(arguments).expect_code(0).stdout
    }

    /// Sends a prompt and gives the reply.
    #[track_caller]
    pub(crate) fn send(&self, text: &str) -> String {
        self.done(&["send", text]).trim_end().to_owned()
    }

    /// Starts sending a prompt.
    #[track_caller]
    pub(crate) fn sending(&self, text: &str) -> Running {
        self.home.spawn(&["send", text])
    }

    /// Stores a prompt and does not wait for it.
    #[track_caller]
    pub(crate) fn post(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["send", "--no-wait"];
        all.extend(arguments);
        self.run(&all).expect_code(0)
    }

    /// Sends a prompt whose reply stops at this gate, and waits until it does.
    #[track_caller]
    pub(crate) fn hold(&self, gate: &str) -> Running {
        let mut send = self.sending(&format!("hold {gate}"));
        send.expect_stdout("Holding ", PATIENCE);
        self.api.wait_held(gate, PATIENCE);
        send
    }

    /// Starts sending a prompt on a terminal.
    #[track_caller]
    pub(crate) fn terminal(&self, text: &str) -> Terminal {
        self.home.pty(&["send", text], 100, 40)
    }

    /// A program that ends once the file is there.
    pub(crate) fn until_exists(&self, file: &str) -> String {
        format!("until [ -e {} ]; do sleep 0.05; done", self.home.path().join(file).display())
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::connect(&self.home)
    }

    /// A subscription to the session's present.
    #[track_caller]
    pub(crate) fn watch(&self) -> Wire {
        let mut wire = self.wire();
        wire.watch(WORK);
        wire
    }

    /// The same where no host may be up yet.
    #[track_caller]
    pub(crate) fn watch_awake(&self) -> Wire {
        if self.home.host().is_none() {
            self.send("good morning");
        }
        self.watch()
    }

    #[track_caller]
    pub(crate) fn show(&self) -> Value {
        self.run(&["session", "show", WORK, "--json"]).expect_code(0).json()
    }

    #[track_caller]
    pub(crate) fn state(&self) -> String {
        text(&self.show(), "state")
    }

    /// The whole log.
    #[track_caller]
    pub(crate) fn log(&self) -> Vec<Value> {
        let out = self.done(&["log", WORK, "--json"]);
        let events: Vec<Value> = out.lines().map(parsed).collect();
        for (event, seq) in events.iter().zip(1_u64..) {
            assert_eq!(event["seq"], seq, "the log has a gap: {out}");
        }
        events
    }

    /// The log, an event a line, without what the tests do not compare.
    #[track_caller]
    pub(crate) fn brief(&self) -> Vec<String> {
        self.log().iter().map(brief).collect()
    }

    /// Events of this kind, oldest first.
    #[track_caller]
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        self.log().into_iter().filter(|event| event["kind"] == kind).collect()
    }

    /// How the last turn ended.
    #[track_caller]
    pub(crate) fn last_turn(&self) -> Value {
        self.events("turn_ended").pop().map(|event| event["detail"].clone()).unwrap_or_default()
    }

    /// The session's resident process.
    #[track_caller]
    pub(crate) fn claude(&self) -> Found {
        let mut all = self.claudes();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub(crate) fn claudes(&self) -> Vec<Found> {
        let all = self.home.leftovers().into_iter();
        all.filter(|found| found.command.contains("--permission-prompt-tool")).collect()
    }

    /// Waits until the session has no process any more.
    #[track_caller]
    pub(crate) fn wait_without_claude(&self) {
        for found in self.claudes() {
            assert!(found.wait_gone(PATIENCE), "still there: {found}");
        }
    }

    /// Waits until Claude's own record of the conversation ends with this reply: it is written a little later
    /// than it is said, and nothing tells when.
    #[track_caller]
    pub(crate) fn wait_stored(&self, reply: &str) {
        let file = format!("{}.jsonl", text(&self.show(), "conversation"));
        self.wait_in_files(reply, |name| name == file.as_str());
    }

    /// The same in whichever conversation.
    #[track_caller]
    pub(crate) fn wait_written(&self, reply: &str) {
        self.wait_in_files(reply, |name| Path::new(name).extension().is_some_and(|it| it == "jsonl"));
    }

    #[expect(clippy::disallowed_methods, reason = "nothing tells when Claude has written its record")]
    #[track_caller]
    fn wait_in_files(&self, reply: &str, is_wanted: impl Fn(&OsStr) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let projects = self.home.path().join(".claude/projects");
        let is_stored = || {
            let dirs = std::fs::read_dir(&projects).into_iter().flatten().flatten();
            let files = dirs.flat_map(|dir| std::fs::read_dir(dir.path()).into_iter().flatten().flatten());
            let files = files.filter(|file| is_wanted(&file.file_name()));
            let mut texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
            texts.any(|text| text.lines().any(|line| line.contains(&format!("{reply}\""))))
        };
        while !is_stored() {
            assert!(Instant::now() < deadline, "{reply:?} was never stored");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[track_caller]
pub(crate) fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON: {error}: {line}"))
}

pub(crate) fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}

/// An event in a line: `prompt hello`, `ended done 1` with the number of its prompts.
pub(crate) fn brief(event: &Value) -> String {
    let detail = &event["detail"];
    let words = text(event, "text");
    match event["kind"].as_str().unwrap_or_default() {
        "turn_ended" => {
            let prompts = detail["prompts"].as_array().map_or(0, Vec::len);
            format!("ended {} {prompts}", text(detail, "outcome"))
        }
        "approval_asked" => format!("asked {words}"),
        "approval_answered" => format!("answered {words}"),
        "notice" => format!("notice {}", text(detail, "code")),
        kind if detail["parent"].is_string() => format!("inner {kind} {words}"),
        kind => format!("{kind} {words}"),
    }
}
