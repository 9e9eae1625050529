//! Finding the host of a data directory and agreeing with it on a protocol.
//!
//! The lock file says where the socket is, whatever the environment. What is found there may be no host, a host
//! that starts or ends just now, one that hangs, a stale socket, a stranger's socket, or a host of another
//! release; each gets its own answer here. Nothing is started here (`autostart`).
//!
//! # What is frozen forever
//!
//! Any two releases can talk this much, so these never change:
//!
//! - the client's first line [`Hello`], the host's first line [`Welcome`], and [`Error`] inside it;
//! - to a host that does not serve it, a client may then still say exactly [`FROZEN_STOP`]. The host answers
//!   `{"error":{"id":1,"error":…}}` if it refuses; otherwise it drains, and the connection ends with it.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, timeout_at};

use super::client::{Client, Identity};
use super::codec::{FrameError, FrameReader, FrameWriter};
use super::lock_file::{LockFile, LockInfo};
use super::{Hello, OLDEST_PROTOCOL, PROTOCOL, Welcome};
use crate::error::{Error, Result};
use crate::paths::Paths;

/// Asks a host of any release to let its turns end and then go.
pub(crate) const FROZEN_STOP: &[u8] = br#"{"id":1,"request":{"type":"host_stop","when":"when_idle"}}"#;

/// How long a held lock without an answering host is taken for a start or an end in progress.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The first look again comes fast, because most starts are; later ones cost next to nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// What stands at the end of the search.
#[derive(Debug)]
pub(crate) enum Contact {
    /// Nobody holds the lock.
    Absent,
    Served(Client),
    /// A host of another release, which does not serve this one.
    Unserved(Unserved),
}

/// Searches for the host, for at most [`PATIENCE`].
pub(crate) async fn contact(paths: &Paths, identity: &Identity) -> Result<Contact> {
    contact_within(&paths.host_lock(), identity, PATIENCE).await.map_err(|e| match e {
        Miss::Silent(info) => silent_holder(&paths.host_lock(), &paths.host_log(), info),
        Miss::Error(e) => e,
    })
}

#[derive(Debug)]
enum Miss {
    /// The lock stayed held and nobody answered.
    Silent(Option<LockInfo>),
    Error(Error),
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

async fn contact_within(lock: &Path, identity: &Identity, patience: Duration) -> Result<Contact, Miss> {
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt(lock, identity, deadline).await? {
            Ok(contact) => return Ok(contact),
            Err(info) if Instant::now() + pause > deadline => return Err(Miss::Silent(info)),
            Err(_) => sleep(pause).await,
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// `Err` inside: somebody holds the lock and is not to be talked to yet, or no longer.
async fn attempt(
    lock: &Path,
    identity: &Identity,
    deadline: Instant,
) -> Result<Result<Contact, Option<LockInfo>>> {
    let Some(mut file) = LockFile::open(lock)? else { return Ok(Ok(Contact::Absent)) };
    let info = file.info()?;
    let reached = match &info {
        Some(info) => reach(&info.socket, identity, deadline).await,
        None => Ok(None),
    };
    match reached {
        Ok(Some(contact)) => Ok(Ok(contact)),
        // Whatever is wrong with a socket that a dead host left behind is nobody's trouble.
        Ok(None) | Err(_) if !file.is_held()? => Ok(Ok(Contact::Absent)),
        Ok(None) => Ok(Err(info)),
        Err(e) => Err(e),
    }
}

/// Connects and greets. `None`: worth another try.
async fn reach(socket: &Path, identity: &Identity, deadline: Instant) -> Result<Option<Contact>> {
    check_length(socket)?;
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(e) if is_passing(e.kind()) => return Ok(None),
        Err(e) => {
            let doing = "connect to the host's socket";
            return Err(Error { kind: crate::error::Kind::Unavailable, ..Error::io(doing, socket, &e) });
        }
    };
    let peer = stream.peer_cred().map_err(|e| Error::io("see who is behind", socket, &e))?;
    check_peer(peer.uid(), socket)?;
    match timeout_at(deadline, greet(stream, identity)).await {
        Ok(Ok(contact)) => Ok(Some(contact)),
        Ok(Err(FrameError::Io(_) | FrameError::Truncated { .. })) | Err(_) => Ok(None),
        Ok(Err(e)) => {
            let message = format!("what answers at {} is no claudebot host: {e}", socket.display());
            Err(Error::unavailable(message)
                .hint("nothing was sent but a greeting; host.lock says which process that should be"))
        }
    }
}

/// No file yet, no listener (yet), or its queue is full.
fn is_passing(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound, WouldBlock};
    matches!(kind, ConnectionRefused | ConnectionReset | NotFound | WouldBlock)
}

/// A socket's path has a limit that no other path has.
pub(crate) fn check_length(socket: &Path) -> Result<()> {
    std::os::unix::net::SocketAddr::from_pathname(socket).map(drop).map_err(|_| {
        let length = socket.as_os_str().len();
        let message = format!("the socket's path {} cannot be used: {length} bytes long", socket.display());
        Error::usage(message).hint("set XDG_RUNTIME_DIR to a shorter path: the system allows about 100 bytes")
    })
}

/// Both sides talk only to their own user.
pub(crate) fn check_peer(uid: u32, socket: &Path) -> Result<()> {
    let own = rustix::process::geteuid().as_raw();
    if uid == own {
        return Ok(());
    }
    let message = format!("at the socket {} is user {uid}, not you (user {own})", socket.display());
    Err(Error::unavailable(message).hint("nothing was sent; find out who put it there before you remove it"))
}

fn silent_holder(lock: &Path, log: &Path, info: Option<LockInfo>) -> Error {
    let (lock, log, waited) = (lock.display(), log.display(), PATIENCE.as_secs());
    match info {
        Some(info) => {
            let socket = info.socket.display();
            Error::unavailable(format!("{info} holds {lock} but has not answered at {socket} for {waited} s"))
                .hint(format!(
                    "see {log}; if it hangs, `kill {}` ends it and nothing accepted is lost",
                    info.pid
                ))
        }
        None => {
            Error::unavailable(format!("a process holds {lock} and has not said who it is for {waited} s"))
                .hint(format!("see {log}; `fuser {lock}` names the process"))
        }
    }
}

async fn greet(stream: UnixStream, identity: &Identity) -> Result<Contact, FrameError> {
    let (read, write) = stream.into_split();
    let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
    let hello = Hello {
        claudebot: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: identity.protocol,
        client: identity.client.clone(),
        inside: identity.inside.clone(),
    };
    writer.push(&hello).map_err(|e| FrameError::garbage(identity.client.as_bytes(), &e))?;
    writer.flush().await?;
    let Some(welcome) = reader.frame::<Welcome>().await? else {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    };
    let fits = (welcome.oldest..=welcome.protocol).contains(&identity.protocol);
    Ok(match welcome.error {
        None if fits => Contact::Served(Client::new(reader, writer, welcome)),
        _ => Contact::Unserved(Unserved { protocol: identity.protocol, welcome, reader, writer }),
    })
}

/// A connection to a host that serves other protocols than ours.
#[derive(Debug)]
pub(crate) struct Unserved {
    protocol: u32,
    welcome: Welcome,
    reader: FrameReader<OwnedReadHalf>,
    writer: FrameWriter<OwnedWriteHalf>,
}

/// The one part of an answer that any release understands.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalBody,
}

#[derive(Deserialize)]
struct RefusalBody {
    error: Error,
}

impl Unserved {
    /// The host is of an older release than this program: it can be asked to make room for a new one.
    pub(crate) const fn host_is_older(&self) -> bool {
        self.welcome.protocol < self.protocol
    }

    pub(crate) const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Why there is no service, and what to do.
    pub(crate) fn error(&self) -> Error {
        if let Some(error) = &self.welcome.error {
            return error.clone();
        }
        mismatch(self.protocol, &self.welcome)
    }

    /// Asks the host to let its turns end and go, and waits until the connection ends with it.
    pub(crate) async fn stop_when_idle(mut self) -> Result<()> {
        self.writer.push_parts(&[FROZEN_STOP]);
        if self.writer.flush().await.is_err() {
            return Ok(()); // It is gone already, which is what was wanted.
        }
        loop {
            match self.reader.line().await {
                Ok(None) | Err(FrameError::Io(_) | FrameError::Truncated { .. }) => return Ok(()),
                Err(_) => {}
                Ok(Some(line)) => {
                    if let Ok(refusal) = serde_json::from_slice::<Refusal>(line) {
                        return Err(refusal.error.error);
                    }
                }
            }
        }
    }
}

/// The words for a client and a host that are too far apart.
pub(crate) fn mismatch(client: u32, host: &Welcome) -> Error {
    let Welcome { claudebot, protocol, oldest, pid, .. } = host;
    let message = format!(
        "the running host (claudebot {claudebot}, process {pid}) serves protocols {oldest} to {protocol}, \
         this client speaks {client}"
    );
    Error::unavailable(message).hint(if client < *oldest {
        "upgrade this claudebot to the host's release, or stop the host with `claudebot host stop`"
    } else {
        "`claudebot host restart` replaces the host by this release, after its running turns"
    })
}

/// What a host of this build says to a client's [`Hello`].
pub(crate) fn welcome(hello: &Hello) -> Welcome {
    let mut welcome = Welcome {
        claudebot: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        oldest: OLDEST_PROTOCOL,
        pid: std::process::id(),
        error: None,
    };
    if !(OLDEST_PROTOCOL..=PROTOCOL).contains(&hello.protocol) {
        welcome.error = Some(mismatch(hello.protocol, &welcome));
    }
    welcome
}

#[cfg(test)]
mod tests;
