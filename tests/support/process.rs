//! A child process of a test: everything it prints is kept, every wait has an end, and it never outlives the test.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pty_process::blocking::Pty;
use rustix::process::{Pid, Signal};
use wait_timeout::ChildExt as _;

use super::PATIENCE;
use super::stream::{Missing, Stream};

/// What a process left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Like a shell's: 128 and the signal's number for a process that a signal ended.
    pub(crate) code: i32,
}

impl Output {
    /// Panics with what was printed unless the code is this one.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert!(
            self.code == code,
            "exit code {} instead of {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{}", self.stdout))
    }
}

/// A running child with pipes.
pub(crate) struct Running {
    child: Child,
    /// For the words of a failure.
    what: String,
    stdin: Option<ChildStdin>,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    #[track_caller]
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        let stdin = child.stdin.take();
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        Self { child, what, stdin, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until this text is on stdout, after whatever was waited for before, and gives all up to its end.
    #[track_caller]
    pub(crate) fn expect_stdout(&mut self, text: &str, timeout: Duration) -> String {
        match self.stdout.take_through(text, timeout) {
            Ok(taken) => taken,
            Err(missing) => self.give_up(&missing_words(text, "stdout", &missing, timeout)),
        }
    }

    #[track_caller]
    pub(crate) fn expect_stderr(&mut self, text: &str, timeout: Duration) -> String {
        match self.stderr.take_through(text, timeout) {
            Ok(taken) => taken,
            Err(missing) => self.give_up(&missing_words(text, "stderr", &missing, timeout)),
        }
    }

    /// The next line of stdout; `None` when it has ended.
    #[track_caller]
    pub(crate) fn next_line(&mut self, timeout: Duration) -> Option<String> {
        match self.stdout.take_line(timeout) {
            Ok(line) => Some(line),
            Err(Missing { ended: true }) => None,
            Err(missing) => self.give_up(&missing_words("a line", "stdout", &missing, timeout)),
        }
    }

    /// Everything on stdout so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Writes to stdin. A child that reads no more is seen by what it does, not by this.
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        if let Some(stdin) = &mut self.stdin {
            stdin.write_all(text.as_ref()).and_then(|()| stdin.flush()).ok();
        }
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Writes from another thread and closes stdin then: large input would block until it is read.
    pub(crate) fn send_all(&mut self, input: Vec<u8>) {
        if let Some(mut stdin) = self.stdin.take() {
            std::thread::spawn(move || stdin.write_all(&input).ok());
        }
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        signal_child(&mut self.child, signal);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Closes stdin and waits for the end. A child that hangs is killed, and the test with it.
    #[track_caller]
    pub(crate) fn wait(&mut self, timeout: Duration) -> Output {
        self.close_stdin();
        match self.child.wait_timeout(timeout) {
            Ok(Some(status)) => self.output(status),
            Ok(None) => self.give_up(&format!("still running after {timeout:?}")),
            Err(error) => self.give_up(&format!("cannot be waited for: {error}")),
        }
    }

    #[track_caller]
    fn output(&mut self, status: ExitStatus) -> Output {
        if !self.stdout.wait_closed(PATIENCE) || !self.stderr.wait_closed(PATIENCE) {
            self.give_up("it has exited, but another process still holds its stdout or stderr");
        }
        Output { stdout: self.stdout.text(), stderr: self.stderr.text(), code: code_of(status) }
    }

    #[track_caller]
    fn give_up(&mut self, why: &str) -> ! {
        kill(&mut self.child);
        panic!(
            "{}\n{why}\n--- stdout\n{}\n--- stderr\n{}",
            self.what,
            tail(&self.stdout.text()),
            tail(&self.stderr.text())
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// A running child on a pseudo-terminal of its own, which is its controlling terminal.
pub(crate) struct Terminal {
    child: Child,
    what: String,
    pty: Arc<Pty>,
    screen: Stream,
}

impl Terminal {
    #[track_caller]
    pub(crate) fn spawn(command: Command, cols: u16, rows: u16) -> Self {
        let what = format!("{command:?} on a terminal");
        let opened = pty_process::blocking::open().and_then(|(pty, pts)| {
            pty.resize(pty_process::Size::new(rows, cols))?;
            let child = pty_process::blocking::Command::from(command).spawn(pts)?;
            Ok((Arc::new(pty), child))
        });
        let (pty, child) = opened.unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        let screen = Stream::collect(Reader(Arc::clone(&pty)));
        Self { child, what, pty, screen }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until this text came to the terminal, after whatever was waited for before.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str, timeout: Duration) -> String {
        match self.screen.take_through(text, timeout) {
            Ok(taken) => taken,
            Err(missing) => self.give_up(&missing_words(text, "the terminal", &missing, timeout)),
        }
    }

    /// Types; `\r` is Enter, `\x03` is Ctrl-C.
    #[track_caller]
    pub(crate) fn send(&mut self, keys: &str) {
        let mut pty = &*self.pty;
        if let Err(error) = pty.write_all(keys.as_bytes()) {
            self.give_up(&format!("cannot type into it: {error}"));
        }
    }

    #[track_caller]
    pub(crate) fn resize(&mut self, cols: u16, rows: u16) {
        if let Err(error) = self.pty.resize(pty_process::Size::new(rows, cols)) {
            self.give_up(&format!("cannot resize: {error}"));
        }
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        signal_child(&mut self.child, signal);
    }

    /// Waits for the end; what came to the terminal is the output's `stdout`.
    #[track_caller]
    pub(crate) fn wait(&mut self, timeout: Duration) -> Output {
        match self.child.wait_timeout(timeout) {
            Ok(Some(status)) => {
                if !self.screen.wait_closed(PATIENCE) {
                    self.give_up("it has exited, but another process still holds its terminal");
                }
                Output { stdout: self.screen.text(), stderr: String::new(), code: code_of(status) }
            }
            Ok(None) => self.give_up(&format!("still running after {timeout:?}")),
            Err(error) => self.give_up(&format!("cannot be waited for: {error}")),
        }
    }

    #[track_caller]
    fn give_up(&mut self, why: &str) -> ! {
        kill(&mut self.child);
        panic!("{}\n{why}\n--- the terminal\n{}", self.what, tail(&self.screen.text()));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// The terminal's other side, shared with the one who types.
struct Reader(Arc<Pty>);

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        (&*self.0).read(buf)
    }
}

fn collect(source: Option<impl Read + Send + 'static>) -> Stream {
    source.map_or_else(Stream::default, Stream::collect)
}

fn kill(child: &mut Child) {
    // Already ended and reaped is as good.
    child.kill().ok();
    child.wait().ok();
}

/// A child that was not waited for keeps its pid, so that the signal hits no other process.
fn signal_child(child: &mut Child, signal: Signal) {
    if let (Ok(None), Some(pid)) = (child.try_wait(), i32::try_from(child.id()).ok().and_then(Pid::from_raw))
    {
        rustix::process::kill_process(pid, signal).ok();
    }
}

fn code_of(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn missing_words(text: &str, place: &str, missing: &Missing, timeout: Duration) -> String {
    if missing.ended {
        format!("{place} ended without {text:?}")
    } else {
        format!("{place} did not show {text:?} within {timeout:?}")
    }
}

/// The end of a long output: where the reason stands.
fn tail(text: &str) -> &str {
    const MOST: usize = 20_000;
    let start = text.len().saturating_sub(MOST);
    text.get(text.ceil_char_boundary(start)..).unwrap_or(text)
}
