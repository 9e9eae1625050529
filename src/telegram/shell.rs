//! Commands that a person has configured: run for what they print, and ended with all that they have started.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

/// Why there is no output. What a command says on stderr is not repeated: it may be a secret.
#[derive(Debug)]
pub(crate) enum Failure {
    Start(std::io::Error),
    Read(std::io::Error),
    Status(ExitStatus),
    /// It took too long.
    Time,
}

/// `sh` with the command; whatever else it gets stands behind it.
pub(crate) fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    // It is of no session, also where this was started inside of one, and no part of the service.
    shell.args(["-c", command]).env_remove("CLAUDEBOT_SESSION").env_remove("NOTIFY_SOCKET");
    shell
}

/// What it prints, of which no more than `most` bytes are read.
pub(crate) async fn output(command: &mut Command, most: u64, limit: Duration) -> Result<Vec<u8>, Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::Start)?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let printed = child.stdout.take();
    let done = timeout(limit, async {
        let mut bytes = Vec::new();
        if let Some(printed) = printed {
            printed.take(most).read_to_end(&mut bytes).await?;
        }
        Ok((bytes, child.wait().await?))
    });
    let (bytes, status) = done.await.map_err(|_| Failure::Time)?.map_err(Failure::Read)?;
    group.forget();
    if status.success() { Ok(bytes) } else { Err(Failure::Status(status)) }
}

/// Ends all of a pipeline with the value, also where nobody waits for it any more. The shell is not waited for by
/// then, so the number is still its group's.
struct Group(Option<Pid>);

impl Group {
    /// The shell has ended and was waited for: the number may be another's.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}
