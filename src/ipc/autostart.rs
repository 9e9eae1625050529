//! A connection to the host, starting one in the background if none is up.
//!
//! Any number of clients may do this at once: each starts a process, one of those gets the lock, the others say
//! so and end, and all clients meet at the winner. A host of an older release is asked to finish its turns and
//! make room first.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::client::{Client, Identity};
use super::codec::{FrameError, FrameReader};
use super::contact::{Contact, Unserved, contact};
use super::readiness::Readiness;
use crate::error::{Error, Result};
use crate::paths::{Env, Paths};

/// A start includes migrating the database and looking after what a crash left.
const START_LIMIT: Duration = Duration::from_secs(30);

/// So long a process that has closed its pipe may take to end.
const END_LIMIT: Duration = Duration::from_secs(2);

/// Hosts that come and go faster than one can connect are given up on after so many.
const MAX_ROUNDS: u32 = 8;

/// What is needed to start a host and talk to it.
#[derive(Debug, Clone)]
pub(crate) struct Starter {
    pub(crate) paths: Paths,
    pub(crate) identity: Identity,
    /// The host's whole environment.
    pub(crate) env: Env,
    /// `claudebot host run --background`, but for tests.
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// Told, in words for a person, when something takes its time.
    pub(crate) notice: fn(&str),
}

enum Started {
    Ready,
    Taken,
}

impl Starter {
    pub(crate) fn new(paths: &Paths, identity: &Identity, env: &Env) -> Result<Self> {
        Ok(Self {
            paths: paths.clone(),
            identity: identity.clone(),
            env: env.clone(),
            program: own_program()?,
            args: ["host", "run", "--background"].map(OsString::from).to_vec(),
            notice: |words| tracing::info!("{words}"),
        })
    }

    #[must_use]
    pub(crate) fn notice(mut self, notice: fn(&str)) -> Self {
        self.notice = notice;
        self
    }

    /// Connects, after starting or replacing a host where that is needed.
    pub(crate) async fn connect(&self) -> Result<Client> {
        for _ in 0..MAX_ROUNDS {
            match contact(&self.paths, &self.identity).await? {
                Contact::Served(client) => return Ok(client),
                Contact::Unserved(host) => self.replace(host).await?,
                Contact::Absent => match self.start().await? {
                    Started::Ready | Started::Taken => {}
                },
            }
        }
        let message = format!("the host ended {MAX_ROUNDS} times before it could be talked to");
        Err(Error::unavailable(message).hint(self.see_log()))
    }

    /// An older host makes room; a newer one is left alone.
    async fn replace(&self, host: Unserved) -> Result<()> {
        let error = host.error();
        if !host.host_is_older() {
            return Err(error);
        }
        let welcome = host.welcome();
        (self.notice)(&format!(
            "waiting for the host of claudebot {} (process {}) to finish its turns; a new one follows it",
            welcome.claudebot, welcome.pid
        ));
        host.stop_when_idle().await.map_err(|refusal| Error { hint: Some(refusal.message), ..error })
    }

    async fn start(&self) -> Result<Started> {
        let mut child = self.spawn()?;
        let pid = child.id().unwrap_or_default();
        match timeout(START_LIMIT, self.await_readiness(&mut child)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let waited = START_LIMIT.as_secs();
                let message =
                    format!("the host (process {pid}) was started but is not ready after {waited} s");
                Err(Error::unavailable(message).hint(self.see_log()))
            }
        }
    }

    /// The pipe is the child's stdout until it is ready; stderr goes to the log from the first moment. The child
    /// is not killed with its handle: it is to outlive this process.
    fn spawn(&self) -> Result<Child> {
        let log = self.open_log()?;
        Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter())
            // The host belongs to no session, also when it is started from inside of one.
            .env_remove("CLAUDEBOT_SESSION")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| {
                let message = format!("cannot start the host, {}: {e}", self.program.display());
                Error::unavailable(message)
            })
    }

    fn open_log(&self) -> Result<File> {
        Paths::create_private(&self.paths.log_dir())?;
        let path = self.paths.host_log();
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        opened.map_err(|e| Error::io("open the host's log", &path, &e))
    }

    async fn await_readiness(&self, child: &mut Child) -> Result<Started> {
        let Some(pipe) = child.stdout.take() else {
            return Err(Error::failed("the host was started without a pipe to hear from it"));
        };
        let mut reader = FrameReader::new(pipe);
        loop {
            match reader.frame::<Readiness>().await {
                Ok(Some(Readiness::Ready(_))) => return Ok(Started::Ready),
                Ok(Some(Readiness::Taken(_))) => return Ok(Started::Taken),
                Ok(Some(Readiness::Error(error))) => return Err(error),
                // Something printed (a wrapper, a debug build): not what is waited for.
                Err(FrameError::Garbage { .. } | FrameError::TooLong { .. }) => {}
                Ok(None) | Err(FrameError::Io(_) | FrameError::Truncated { .. }) => {
                    let ended = timeout(END_LIMIT, child.wait()).await;
                    return Err(self.mute_end(ended.ok().and_then(Result::ok)));
                }
            }
        }
    }

    fn mute_end(&self, status: Option<ExitStatus>) -> Error {
        let message = match status {
            Some(status) => format!("the host ended at its start ({status})"),
            None => "the host closed its pipe at its start without a word".to_owned(),
        };
        Error::unavailable(message).hint(self.see_log())
    }

    fn see_log(&self) -> String {
        format!("see {}", self.paths.host_log().display())
    }
}

/// This program's file. After an upgrade in place Linux marks the running one as deleted: then its successor.
fn own_program() -> Result<PathBuf> {
    let path = std::env::current_exe()
        .map_err(|e| Error::failed(format!("cannot find claudebot's own program file: {e}")))?;
    let successor = path.to_str().and_then(|p| p.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(successor.filter(|_| !path.exists()).unwrap_or(path))
}
