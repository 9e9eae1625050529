//! A home directory of a test's own, and the real `claudebot` in it.
//!
//! When it is dropped nothing may be left running in it: a host is stopped, and what is alive then fails the
//! test.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::PATIENCE;
use super::claude::{Release, real_claude};
use super::messages_api::MessagesApi;
use super::process::{Output, Running, Terminal};
use super::tree::{Found, start_of};

/// What `host.lock` says of the host that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostLock {
    pub(crate) pid: u32,
    pub(crate) start: u64,
    pub(crate) protocol: u32,
    pub(crate) socket: PathBuf,
}

pub(crate) struct Home {
    dir: TempDir,
    /// `dir`'s real path.
    path: PathBuf,
    env: BTreeMap<OsString, OsString>,
}

impl Home {
    /// A home without Claude Code.
    pub(crate) fn new() -> Self {
        // Short, since the path of a Unix socket has little room; real, since claude names things after it.
        let dir = tempfile::Builder::new().prefix("cb").rand_bytes(8).tempdir_in("/tmp");
        let dir = dir.unwrap_or_else(|error| panic!("cannot make a home in /tmp: {error}"));
        let path = dir.path().canonicalize().unwrap_or_else(|error| panic!("a home without a path: {error}"));
        let mut home = Self { dir, path, env: BTreeMap::new() };
        for place in ["bin", "tmp", "run", "project", ".config", ".data", ".state"] {
            home.mkdir(place);
        }
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(home.path.join("run"), private)
            .unwrap_or_else(|error| panic!("cannot make the runtime directory private: {error}"));
        home.set_defaults();
        home
    }

    /// A home with the real CLI of this release, which talks to a scripted API.
    pub(crate) fn with_claude(release: Release) -> (MessagesApi, Self) {
        let api =
            MessagesApi::start().unwrap_or_else(|error| panic!("cannot start the scripted API: {error}"));
        let mut home = Self::new();
        home.install_claude(&real_claude(release));
        home.set("ANTHROPIC_BASE_URL", api.url());
        (api, home)
    }

    fn set_defaults(&mut self) {
        for (key, place) in [
            ("HOME", ""),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".data"),
            ("XDG_STATE_HOME", ".state"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_RUNTIME_DIR", "run"),
            ("TMPDIR", "tmp"),
            ("CLAUDE_CODE_TMPDIR", "tmp"),
        ] {
            let path = if place.is_empty() { self.path.clone() } else { self.path.join(place) };
            self.set(key, path);
        }
        self.set("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.path.join("bin").display()));
        for (key, value) in [
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("TERM", "xterm-256color"),
            ("ANTHROPIC_API_KEY", "dummy"),
            // Nobody listens there: without a scripted API nothing leaves the machine.
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9"),
            ("DISABLE_AUTOUPDATER", "1"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_TELEMETRY", "1"),
        ] {
            self.set(key, value);
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An empty directory: where commands run unless they are told otherwise.
    pub(crate) fn project(&self) -> PathBuf {
        self.path.join("project")
    }

    pub(crate) fn config_dir(&self) -> PathBuf {
        self.path.join(".config/claudebot")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path.join(".data/claudebot")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path.join(".state/claudebot")
    }

    /// Sets a variable for every command from now on.
    pub(crate) fn set(&mut self, key: &str, value: impl AsRef<OsStr>) {
        self.env.insert(key.into(), value.as_ref().to_owned());
    }

    pub(crate) fn unset(&mut self, key: &str) {
        self.env.remove(OsStr::new(key));
    }

    /// Makes a program `claude` in this home's `PATH`.
    pub(crate) fn install_claude(&self, program: &Path) {
        std::os::unix::fs::symlink(program, self.path.join("bin/claude"))
            .unwrap_or_else(|error| panic!("cannot install {}: {error}", program.display()));
    }

    /// Lets interactive `claude` begin at once: nothing to choose, the project and the key trusted.
    pub(crate) fn settle_claude(&self) {
        let project = self.project().display().to_string();
        let trusted =
            serde_json::json!({ "hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true });
        let settled = serde_json::json!({
            "hasCompletedOnboarding": true,
            "theme": "dark",
            "customApiKeyResponses": { "approved": ["dummy"], "rejected": [] },
            "projects": { project: trusted },
        });
        self.write(".claude.json", settled.to_string());
    }

    /// Makes a directory under the home and gives its path.
    pub(crate) fn mkdir(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        path
    }

    /// Writes a file under the home, with the directories above it, and gives its path.
    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        self.mkdir(path.parent().unwrap_or(&self.path));
        std::fs::write(&path, content)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    pub(crate) fn write_config(&self, toml: &str) -> PathBuf {
        self.write(".config/claudebot/config.toml", toml)
    }

    /// Any program in this home's environment and nothing else of the test's own.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.env).current_dir(self.project());
        command
    }

    /// `claudebot` with these arguments, ready to be changed and started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_claudebot"));
        command.args(arguments);
        command
    }

    /// Runs `claudebot` to its end, with nothing on stdin.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.spawn(arguments).wait(PATIENCE)
    }

    #[track_caller]
    pub(crate) fn run_in(&self, dir: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.current_dir(dir);
        Running::spawn(command).wait(PATIENCE)
    }

    #[track_caller]
    pub(crate) fn run_with_stdin(&self, arguments: &[&str], input: impl Into<Vec<u8>>) -> Output {
        let mut running = self.spawn(arguments);
        running.send_all(input.into());
        running.wait(PATIENCE)
    }

    /// Starts `claudebot` with its stdin open.
    #[track_caller]
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        Running::spawn(self.command(arguments))
    }

    /// Starts `claudebot` on a terminal of its own.
    #[track_caller]
    pub(crate) fn pty(&self, arguments: &[&str], cols: u16, rows: u16) -> Terminal {
        Terminal::spawn(self.command(arguments), cols, rows)
    }

    /// Who holds `host.lock`, if that process is alive.
    pub(crate) fn host(&self) -> Option<HostLock> {
        let text = std::fs::read_to_string(self.data_dir().join("host.lock")).ok()?;
        let lock: serde_json::Value = serde_json::from_str(&text).ok()?;
        let lock = HostLock {
            pid: lock["pid"].as_u64()?.try_into().ok()?,
            start: lock["start"].as_u64()?,
            protocol: lock["protocol"].as_u64()?.try_into().ok()?,
            socket: lock["socket"].as_str()?.into(),
        };
        (start_of(lock.pid) == Some(lock.start)).then_some(lock)
    }

    /// Every process alive that was started in this home.
    pub(crate) fn leftovers(&self) -> Vec<Found> {
        Found::all_in(&self.path)
    }

    /// Kills every process of this home at once, as a power cut would. New ones that start meanwhile too.
    pub(crate) fn kill_everything(&self) {
        for _ in 0..100 {
            let left = self.leftovers();
            if left.is_empty() {
                return;
            }
            kill(&left);
        }
        panic!("processes keep starting in {}: {:?}", self.path.display(), self.leftovers());
    }

    /// Waits until nothing runs in this home any more, and gives what still does when the time is up.
    pub(crate) fn wait_empty(&self, timeout: Duration) -> Vec<Found> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = self.leftovers();
            let Some(first) = left.first() else { return left };
            if !first.wait_gone(deadline.saturating_duration_since(Instant::now())) {
                return left;
            }
        }
    }

    /// Stops the host as a person would. What is alive then is given back.
    fn stop_host(&self) -> Vec<Found> {
        if self.leftovers().is_empty() {
            return Vec::new();
        }
        // This runs while a test may be failing already, so it must not panic as `run` may.
        let mut stop = self.command(&["host", "stop", "--now"]);
        stop.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        if let Ok(mut child) = stop.stderr(std::process::Stdio::null()).spawn() {
            use wait_timeout::ChildExt as _;
            if !matches!(child.wait_timeout(Duration::from_secs(20)), Ok(Some(_))) {
                child.kill().and_then(|()| child.wait()).ok();
            }
        }
        self.wait_empty(Duration::from_secs(10))
    }

    /// The ends of the host's logs, for the words of a failure.
    fn logs(&self) -> String {
        let mut out = String::new();
        for entry in std::fs::read_dir(self.state_dir().join("log")).into_iter().flatten().flatten() {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text[text.len().saturating_sub(8000)..]).into_owned();
            out.push_str(&format!("--- {}\n{text}\n", entry.path().display()));
        }
        out
    }
}

/// All of them first, so that none sees another one's end for long.
fn kill(processes: &[Found]) {
    processes.iter().for_each(|found| found.signal(Signal::KILL));
    for found in processes {
        found.wait_gone(PATIENCE);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let left = self.stop_host();
        kill(&left);
        if std::thread::panicking() {
            eprintln!("the home was {}; left running: {left:?}\n{}", self.dir.path().display(), self.logs());
        } else if !left.is_empty() {
            let left: Vec<String> = left.iter().map(ToString::to_string).collect();
            panic!("processes were left running in the home:\n{}\n{}", left.join("\n"), self.logs());
        }
    }
}
