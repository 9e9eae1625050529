//! A home in which commands are run and written down.

use std::path::Path;
use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::home::Home;
use crate::support::process::{Output, Running};

/// Commands and what they printed: stdout as it is, stderr behind `2>`, then the exit code unless it is 0.
pub(crate) struct Shell {
    pub(crate) home: Home,
    said: String,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self { home: Home::new(), said: String::new() }
    }

    /// With a session `work` on the demo agent, which is the current one.
    pub(crate) fn with_session() -> Self {
        let shell = Self::new();
        shell.home.run(&["session", "new", "work", "--agent", "demo", "--switch"]).expect_code(0);
        shell
    }

    /// Runs `claudebot` and writes down how it went.
    #[track_caller]
    pub(crate) fn run(&mut self, arguments: &[&str]) -> Output {
        let output = self.home.run(arguments);
        self.record(&line(arguments), &output);
        output
    }

    #[track_caller]
    pub(crate) fn run_in(&mut self, dir: &Path, arguments: &[&str]) -> Output {
        let output = self.home.run_in(dir, arguments);
        self.record(&line(arguments), &output);
        output
    }

    #[track_caller]
    pub(crate) fn pipe(&mut self, what: &str, input: impl Into<Vec<u8>>, arguments: &[&str]) -> Output {
        let output = self.home.run_with_stdin(arguments, input);
        self.record(&format!("{what} | {}", line(arguments)), &output);
        output
    }

    /// The same on a terminal of 80 columns, where both streams are one.
    #[track_caller]
    pub(crate) fn on_terminal(&mut self, arguments: &[&str]) -> Output {
        let mut output = self.home.pty(arguments, 80, 24).wait(PATIENCE);
        output.stdout = output.stdout.replace("\r\n", "\n");
        self.record(&format!("{}   (80 columns)", line(arguments)), &output);
        output
    }

    /// A line of a shell, with `claudebot` in its `PATH`.
    #[track_caller]
    pub(crate) fn script(&mut self, script: &str) -> Output {
        let output = run_script(&self.home, script);
        self.record(script, &output);
        output
    }

    /// Waits until the last thing in the session's log is the end of a turn.
    #[track_caller]
    pub(crate) fn wait_turn_ended(&self, session: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.home.run(&["log", session, "--json"]).stdout;
            if log.lines().next_back().is_some_and(|last| last.contains(r#""kind":"turn_ended""#)) {
                return;
            }
            assert!(Instant::now() < deadline, "{log}");
        }
    }

    /// Writes down what happens between commands.
    pub(crate) fn note(&mut self, words: &str) {
        self.said.push_str(&format!("# {words}\n"));
    }

    pub(crate) fn record(&mut self, command: &str, output: &Output) {
        self.said.push_str(&format!("$ {command}\n{}", output.stdout));
        if !output.stdout.is_empty() && !output.stdout.ends_with('\n') {
            self.said.push_str("(no newline)\n");
        }
        for line in output.stderr.lines() {
            self.said.push_str(format!("2> {line}").trim_end());
            self.said.push('\n');
        }
        if output.code != 0 {
            self.said.push_str(&format!("[exit {}]\n", output.code));
        }
        self.said.push('\n');
    }

    /// Compares everything so far with the stored snapshot.
    #[track_caller]
    pub(crate) fn matches(&self, name: &str) {
        self.matches_but(name, "(nothing else)", "");
    }

    /// The same with another text that differs from run to run.
    #[track_caller]
    pub(crate) fn matches_but(&self, name: &str, other: &str, word: &'static str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.add_filter(&regex_of(other), word);
        settings.add_filter(&regex_of(&self.home.path().to_string_lossy()), "HOME");
        for (pattern, words) in FILTERS {
            settings.add_filter(pattern, *words);
        }
        settings.bind(|| insta::assert_snapshot!(name, self.said));
    }
}

/// What differs from run to run, in the order in which it is replaced.
const FILTERS: &[(&str, &str)] = &[
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"[0-9a-f]{16}\.sock", "HASH.sock"),
    (r"-\d{8}T\d{6}Z", "-TIME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"(?m)^(▸? +\d+) \d\d:\d\d ", "$1 HH:MM "),
    (r"DATE \d\d:\d\d", "DATE HH:MM"),
    ("DATE HH:MM to DATE HH:MM", "DATE HH:MM"),
    (r"(?m)^\*\d\d:\d\d · ", "*HH:MM · "),
    (r"packed DATE \d\d:\d\d (.*), [\d.]+ K?B", "packed DATE HH:MM $1, SIZE"),
    (r"process \d+", "process PID"),
    (r"(?m)^process    \d+", "process    PID"),
    (r"`kill \d+`", "`kill PID`"),
    (r"\d+\.\d [KMGT]B free", "SIZE free"),
    (r"[\d.]+ K?B, verified", "SIZE, verified"),
    ("\u{1b}", "ESC"),
    (r#""pid":\d+"#, r#""pid":PID"#),
    (r"/tmp/claudebot-\d+/", "/tmp/claudebot-UID/"),
];

#[track_caller]
pub(crate) fn run_script(home: &Home, script: &str) -> Output {
    let mut command = home.program("/bin/sh");
    let program = Path::new(env!("CARGO_BIN_EXE_claudebot"));
    let dir = program.parent().map(|dir| dir.display().to_string()).unwrap_or_default();
    command.args(["-c", &format!("PATH=\"$PATH:{dir}\"; {script}")]);
    Running::spawn(command).wait(PATIENCE)
}

/// The command as it is typed.
fn line(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            (*argument).to_owned()
        } else {
            format!("'{}'", argument.escape_debug())
        }
    });
    std::iter::once("claudebot".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

fn regex_of(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '/' { c.to_string() } else { format!("\\{c}") })
        .collect()
}
