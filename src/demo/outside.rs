//! What the agent cannot decide alone: input, output and time. Tests bring their own and need no sleeping.

use std::io::{BufRead as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The exit code of `claude` after SIGTERM; an end by the signal itself would look like a crash.
const TERMINATED: i32 = 143;

/// Both helper threads do next to nothing, and many agents run side by side.
const SMALL_STACK: usize = 128 * 1024;

/// Lines that are read ahead; beyond that the writer waits in its pipe.
const READ_AHEAD: usize = 64;

/// What comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Line(Vec<u8>),
    /// Nothing more will come.
    End,
}

pub(super) trait Outside {
    /// Time since the start.
    fn now(&self) -> Duration;
    fn wall(&self) -> Timestamp;
    /// The next input, or None once `until` has come. Without `until` it waits as long as it takes.
    fn input(&mut self, until: Option<Duration>) -> Option<Input>;
    /// Writes one whole line, its newline included.
    fn write(&mut self, line: &[u8]);
}

/// The real one: stdin is read by a thread, so that a prompt is heard while words are streaming.
pub(super) struct Stdio {
    inputs: Receiver<Input>,
    started: Instant,
    /// The reader of stdout is gone. Like `claude`, the agent then finishes what it does and stores it.
    deaf: bool,
}

impl Stdio {
    pub(super) fn start() -> std::io::Result<Self> {
        let (sender, inputs) = sync_channel(READ_AHEAD);
        std::thread::Builder::new()
            .name("stdin".to_owned())
            .stack_size(SMALL_STACK)
            .spawn(move || read_lines(&sender))?;
        Ok(Self { inputs, started: Instant::now(), deaf: false })
    }
}

fn read_lines(sender: &SyncSender<Input>) {
    let mut stdin = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        match stdin.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {
                if sender.send(Input::Line(line)).is_err() {
                    return;
                }
            }
            Err(error) => {
                eprintln!("Error: cannot read stdin: {error}");
                break;
            }
        }
    }
    // Unheard only when the agent has ended, and then nobody needs it.
    sender.send(Input::End).ok();
}

impl Outside for Stdio {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn input(&mut self, until: Option<Duration>) -> Option<Input> {
        let Some(until) = until else { return Some(self.inputs.recv().unwrap_or(Input::End)) };
        match self.inputs.recv_timeout(until.saturating_sub(self.started.elapsed())) {
            Ok(input) => Some(input),
            Err(RecvTimeoutError::Timeout) => None,
            // Everything was read already; the time still has to pass.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::park_timeout(until.saturating_sub(self.started.elapsed()));
                None
            }
        }
    }

    fn write(&mut self, line: &[u8]) {
        if self.deaf {
            return;
        }
        let mut stdout = std::io::stdout().lock();
        self.deaf = stdout.write_all(line).and_then(|()| stdout.flush()).is_err();
    }
}

/// Ends the process with `claude`'s exit code when SIGTERM comes, whatever the agent is doing.
pub(super) fn exit_143_on_sigterm() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut terminate = {
        let _guard = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?
    };
    let wait = move || {
        if runtime.block_on(terminate.recv()).is_some() {
            std::process::exit(TERMINATED);
        }
    };
    std::thread::Builder::new().name("sigterm".to_owned()).stack_size(SMALL_STACK).spawn(wait)?;
    Ok(())
}
