//! One running `claude`: a handle for its owner, and the tasks that serve it.
//!
//! Four tasks, each with one duty: the *writer* owns stdin, the *reader* owns stdout, a third keeps the tail
//! of stderr, and the *keeper* owns the child itself: it waits for it, stops it and reports its end. The two
//! pipes must not share a task: a large prompt fills the pipe while Claude waits for us to read, and both
//! would wait for ever. All queues are bounded, and [`Process::send`] never waits, so that whoever owns the
//! handle can always go on reading.
//!
//! A dropped handle stops nothing by force: stdin closes, Claude finishes its turn and exits, and the keeper
//! reaps it.

mod exit;
mod keeper;
mod pipes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::command::{Launch, is_executable};
use super::tree::Identity;
use super::wire::{Incoming, Outgoing};

pub(crate) use exit::{Exit, ExitReason};
use keeper::{Keeper, Order};
use pipes::Tail;

/// Messages that may wait for the writer. Claude reads its stdin all the time; more than this waiting means
/// that it hangs.
const INPUT_QUEUE: usize = 256;
/// Messages that may wait for the owner of the handle, before the reader stops reading.
const OUTPUT_QUEUE: usize = 256;

/// What a process tells its owner, in order; [`Output::Exited`] is the last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    Message(Incoming),
    /// Every byte of this prompt is in the pipe. Claude may have answered before this is read.
    Written {
        uuid: Uuid,
        at: Instant,
    },
    Exited(Exit),
}

/// Why there is no process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{} was not found", .program.display())]
    NotInstalled { program: PathBuf },
    #[error("{} cannot be executed: {source}", .program.display())]
    NotExecutable { program: PathBuf, source: std::io::Error },
    #[error("the directory {} is gone or cannot be entered", .dir.display())]
    DirectoryGone { dir: PathBuf },
    #[error("cannot start {}: {source}", .program.display())]
    Other { program: PathBuf, source: std::io::Error },
}

/// Why a message was not taken; it comes back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("claude does not read its input")]
    Full(Outgoing),
    #[error("claude's input is closed")]
    Closed(Outgoing),
}

/// A running process. The tasks behind it end with it.
#[derive(Debug)]
pub(crate) struct Process {
    identity: Identity,
    /// None once stdin is to be closed.
    input: Option<mpsc::Sender<Outgoing>>,
    output: mpsc::Receiver<Output>,
    orders: watch::Sender<Order>,
    stderr: Arc<Tail>,
    exit: Option<Exit>,
}

/// Starts a process. Must be called inside a tokio runtime.
pub(crate) fn spawn(launch: &Launch) -> Result<Process, StartError> {
    if !launch.cwd.is_dir() || rustix::fs::access(&launch.cwd, rustix::fs::Access::EXEC_OK).is_err() {
        return Err(StartError::DirectoryGone { dir: launch.cwd.clone() });
    }
    let mut child = launch.command().spawn().map_err(|source| start_error(launch, source))?;
    let missing = || StartError::Other {
        program: launch.program.clone(),
        source: std::io::Error::other("it ended before it began"),
    };
    let pid = child.id().ok_or_else(missing)?;
    // A child that has ended already is still in the process table until it is reaped.
    let identity = Identity::of(pid).ok_or_else(missing)?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(missing());
    };

    let (input, input_queue) = mpsc::channel(INPUT_QUEUE);
    let (events, output) = mpsc::channel(OUTPUT_QUEUE);
    let (orders, ordered) = watch::channel(Order::Run);
    let (ended, end) = watch::channel(None);
    let tail = Arc::new(Tail::default());
    let writer = tokio::spawn(pipes::write(stdin, input_queue, events.clone()));
    let reader = tokio::spawn(pipes::read(stdout, events.clone(), end.clone()));
    let errors = tokio::spawn(pipes::keep_tail(stderr, Arc::clone(&tail), end));
    let keeper = Keeper {
        child,
        identity,
        ordered,
        input: Some(input.clone()),
        ended,
        events,
        writer,
        reader,
        errors,
        tail: Arc::clone(&tail),
    };
    tokio::spawn(keeper.run());
    Ok(Process { identity, input: Some(input), output, orders, stderr: tail, exit: None })
}

fn start_error(launch: &Launch, source: std::io::Error) -> StartError {
    let program = launch.program.clone();
    // A script whose interpreter is missing is "not found" too.
    let is_there = program.is_file();
    match source.kind() {
        std::io::ErrorKind::NotFound if !is_there => StartError::NotInstalled { program },
        std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
            StartError::NotExecutable { program, source }
        }
        _ if is_there && (!is_executable(&program) || is_no_program(&source)) => {
            StartError::NotExecutable { program, source }
        }
        _ => StartError::Other { program, source },
    }
}

fn is_no_program(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

impl Process {
    #[cfg(test)]
    pub(crate) fn pid(&self) -> u32 {
        self.identity.pid
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Queues a message for the writer; never waits.
    pub(crate) fn send(&self, message: Outgoing) -> Result<(), SendError> {
        let Some(input) = &self.input else {
            return Err(SendError::Closed(message));
        };
        input.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(message) => SendError::Full(message),
            mpsc::error::TrySendError::Closed(message) => SendError::Closed(message),
        })
    }

    /// What comes next. Cancel-safe; after the end it answers [`Output::Exited`] again and again.
    pub(crate) async fn next(&mut self) -> Output {
        if let Some(exit) = &self.exit {
            return Output::Exited(exit.clone());
        }
        let output = self.output.recv().await;
        // The keeper reports the exit before it ends, unless the runtime is going down under it.
        let output = output.unwrap_or_else(|| Output::Exited(Exit::lost(self.stderr())));
        if let Output::Exited(exit) = &output {
            self.exit = Some(exit.clone());
        }
        output
    }

    /// The end of what it has written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Closes stdin once everything queued is written. Claude finishes the turn that runs and exits; that is
    /// no crash.
    #[cfg(test)]
    pub(crate) fn close_stdin(&mut self) {
        self.input = None;
        self.orders.send_if_modified(|order| {
            let is_first = *order == Order::Run;
            if is_first {
                *order = Order::Close;
            }
            is_first
        });
    }

    /// Stops it: stdin is closed at once, SIGTERM follows after half of the grace, SIGKILL at its end; what
    /// it started goes with it. The end is reported by [`Process::next`], which should be called meanwhile. A
    /// second call with a shorter grace hastens it.
    pub(crate) fn stop(&mut self, grace: Duration) {
        self.input = None;
        self.orders.send_replace(Order::Stop { since: Instant::now(), grace });
    }
}
