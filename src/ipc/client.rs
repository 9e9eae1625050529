//! A front end's connection to the host.
//!
//! One connection carries requests, their answers, and what subscriptions push in between; [`Client`] sorts
//! them. It knows nothing about terminals, and starts no host (`autostart`).

use std::collections::{HashSet, VecDeque};

use serde::Serialize;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::codec::{FrameError, FrameReader, FrameWriter};
use super::contact::{Contact, contact};
use super::{HostFrame, PROTOCOL, Push, Request, Response, Welcome};
use crate::error::{Error, Result};
use crate::paths::Paths;

/// So many frames wait for [`Client::next`] while a [`Client::call`] is under way; then the subscription that
/// brings more has lagged.
const MAX_WAITING: usize = 8192;

/// Who the client says it is. The host decides by it about requests of scope `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// `cli`, `tui`, `telegram`.
    pub(crate) client: String,
    /// `CLAUDEBOT_SESSION` of the environment.
    pub(crate) inside: Option<String>,
    /// [`PROTOCOL`], but for tests.
    pub(crate) protocol: u32,
}

impl Identity {
    pub(crate) fn new(client: impl Into<String>, inside: Option<String>) -> Self {
        Self { client: client.into(), inside, protocol: PROTOCOL }
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The host says so.
    Refused(Error),
    /// The connection is gone; whether the request was carried out is unknown.
    Lost(Error),
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(e) | CallError::Lost(e) => e,
        }
    }
}

#[derive(Serialize)]
struct Frame<'a> {
    id: u64,
    request: &'a Request,
}

/// A served connection.
#[derive(Debug)]
pub(crate) struct Client {
    reader: FrameReader<OwnedReadHalf>,
    writer: FrameWriter<OwnedWriteHalf>,
    welcome: Welcome,
    last_id: u64,
    /// Frames that came while a call waited for its own.
    waiting: VecDeque<HostFrame>,
    /// Subscriptions that overflowed `waiting`: the rest of them is dropped, as the host would have done.
    lagged: HashSet<u64>,
}

impl Client {
    pub(super) fn new(
        reader: FrameReader<OwnedReadHalf>,
        writer: FrameWriter<OwnedWriteHalf>,
        welcome: Welcome,
    ) -> Self {
        Self { reader, writer, welcome, last_id: 0, waiting: VecDeque::new(), lagged: HashSet::new() }
    }

    /// Connects to the host of this data directory. `None`: no host is up.
    pub(crate) async fn connect(paths: &Paths, identity: &Identity) -> Result<Option<Self>> {
        match contact(paths, identity).await? {
            Contact::Absent => Ok(None),
            Contact::Served(client) => Ok(Some(client)),
            Contact::Unserved(unserved) => Err(unserved.error()),
        }
    }

    pub(crate) const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Asks, and waits for the answer. What subscriptions bring meanwhile waits for [`Self::next`].
    /// When dropped before it is done, the answer comes out of `next` instead.
    pub(crate) async fn call(&mut self, request: Request) -> Result<Response> {
        Ok(self.ask(&request).await?.1)
    }

    /// A call whose pushes will come under the id that is returned.
    pub(crate) async fn subscribe(&mut self, request: Request) -> Result<(u64, Response)> {
        Ok(self.ask(&request).await?)
    }

    /// Asks without waiting; the answer comes out of [`Self::next`] under the returned id.
    pub(crate) async fn send(&mut self, request: Request) -> Result<u64> {
        Ok(self.post(&request).await?)
    }

    /// What comes next, of any subscription or earlier `send`. `None`: the host has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<HostFrame>> {
        if let Some(frame) = self.waiting.pop_front() {
            return Ok(Some(frame));
        }
        loop {
            match self.reader.frame::<HostFrame>().await {
                Ok(Some(frame)) if self.is_dropped(&frame) => {}
                Ok(frame) => return Ok(frame),
                Err(e) => match self.read_error(&e) {
                    CallError::Refused(e) => return Err(e),
                    CallError::Lost(_) => return Ok(None),
                },
            }
        }
    }

    pub(super) async fn ask(&mut self, request: &Request) -> Result<(u64, Response), CallError> {
        let id = self.post(request).await?;
        loop {
            match self.reader.frame::<HostFrame>().await {
                Ok(None) => return Err(CallError::Lost(self.ended())),
                Ok(Some(HostFrame::Ok { id: of, response })) if of == id => return Ok((id, response)),
                // The host could not tell which request it failed to read; it can only be this one.
                Ok(Some(HostFrame::Error { id: of, error })) if of == id || of == 0 => {
                    return Err(CallError::Refused(error));
                }
                Ok(Some(frame)) => self.keep(frame),
                Err(e) => return Err(self.read_error(&e)),
            }
        }
    }

    async fn post(&mut self, request: &Request) -> Result<u64, CallError> {
        self.last_id += 1;
        let id = self.last_id;
        self.writer.push(&Frame { id, request }).map_err(CallError::Refused)?;
        match self.writer.flush().await {
            Ok(()) => Ok(id),
            Err(_) => Err(CallError::Lost(self.ended())),
        }
    }

    fn keep(&mut self, frame: HostFrame) {
        if self.is_dropped(&frame) {
            return;
        }
        match frame {
            HostFrame::Push { id, .. } if self.waiting.len() >= MAX_WAITING => {
                self.lagged.insert(id);
                self.waiting.push_back(HostFrame::Push { id, push: Push::Lagged });
            }
            frame => self.waiting.push_back(frame),
        }
    }

    fn is_dropped(&self, frame: &HostFrame) -> bool {
        matches!(frame, HostFrame::Push { id, .. } if self.lagged.contains(id))
    }

    fn ended(&self) -> Error {
        let Welcome { pid, claudebot, .. } = &self.welcome;
        Error::unavailable(format!("the host ended (process {pid}, claudebot {claudebot})"))
            .hint("`claudebot host status` shows whether a new one is up; what was accepted is kept")
    }

    fn read_error(&self, error: &FrameError) -> CallError {
        if error.is_recoverable() {
            let hint =
                "after an upgrade, `claudebot host restart` brings host and client to the same release";
            return CallError::Refused(
                Error::failed(format!("the host said what this claudebot cannot read: {error}")).hint(hint),
            );
        }
        CallError::Lost(self.ended())
    }
}

#[cfg(test)]
mod tests;
