//! One accepted connection: greets, reads requests, hands them to the supervisor, writes what comes back.
//!
//! It decides only what the connection itself shows: the protocol, whether a line is a request, and whether
//! this client may send it. Everything else is behind the channel of [`Inbound`].

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncRead;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::outbox::{Outbox, Queue, Replier};
use crate::error::Error;
use crate::ipc::codec::{FrameError, FrameReader, FrameWriter};
use crate::ipc::contact::{FROZEN_STOP, welcome};
use crate::ipc::{ClientFrame, Hello, Request, Welcome};

/// A connection that says nothing at first is not kept.
const HELLO_LIMIT: Duration = Duration::from_secs(10);

/// What is on its way out when the client closes gets so much time.
const FAREWELL: Duration = Duration::from_secs(1);

/// Requests of one connection that may be under way; further ones are left in the socket meanwhile, so that
/// answers nobody reads cannot pile up.
const UNDER_WAY: usize = 256;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientInfo {
    /// `cli`, `tui`, `telegram`.
    pub(crate) client: String,
    /// The session in whose process tree it runs.
    pub(crate) inside: Option<String>,
    pub(crate) protocol: u32,
    pub(crate) version: String,
}

impl ClientInfo {
    fn new(hello: Hello) -> Self {
        let Hello { claudebot, protocol, client, inside } = hello;
        Self { client, inside, protocol, version: claudebot }
    }
}

/// A request, and the way back.
#[derive(Debug)]
pub(crate) struct Inbound {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the replier knows it; tests tell requests apart by it")
    )]
    pub(crate) id: u64,
    pub(crate) client: Arc<ClientInfo>,
    pub(crate) request: Request,
    pub(crate) reply: Replier,
}

/// Serves a connection until the client or the supervisor (by dropping the receiver) ends it.
pub(crate) async fn serve(mut stream: UnixStream, requests: mpsc::Sender<Inbound>) {
    let (read, write) = stream.split();
    let mut reader = FrameReader::new(read);
    let mut writer = FrameWriter::new(write);

    let hello = match timeout(HELLO_LIMIT, reader.frame::<Hello>()).await {
        Ok(Ok(Some(hello))) => Ok(hello),
        Ok(Err(e)) if e.is_recoverable() => Err(Error::usage(format!("the first line is no greeting: {e}"))),
        // Someone only looked whether a host is there, or is gone already.
        Ok(Ok(None) | Err(_)) | Err(_) => return,
    };
    let greeting = greeting(&hello);
    if writer.push(&greeting).is_err() || writer.flush().await.is_err() {
        return;
    }
    let Ok(hello) = hello else { return };

    let (queue, mut outbox) = Outbox::new(writer);
    let desk = Desk {
        client: Arc::new(ClientInfo::new(hello)),
        refused: greeting.error,
        queue,
        requests,
        under_way: Arc::new(Semaphore::new(UNDER_WAY)),
    };
    let broken = tokio::select! {
        written = outbox.run() => written.is_err(),
        () = desk.read(&mut reader) => false,
    };
    outbox.close();
    if !broken {
        // Whoever still reads gets the rest; whoever does not has had the time.
        timeout(FAREWELL, outbox.run()).await.ok();
    }
}

fn greeting(hello: &Result<Hello, Error>) -> Welcome {
    match hello {
        Ok(hello) => welcome(hello),
        Err(e) => {
            let nobody = Hello { claudebot: String::new(), protocol: 0, client: String::new(), inside: None };
            Welcome { error: Some(e.clone()), ..welcome(&nobody) }
        }
    }
}

/// The reading half of a connection.
struct Desk {
    client: Arc<ClientInfo>,
    /// Set for a client of a release that is not served: it may only ask the host to go.
    refused: Option<Error>,
    queue: Queue,
    requests: mpsc::Sender<Inbound>,
    under_way: Arc<Semaphore>,
}

impl Desk {
    /// Until the client closes or the supervisor is gone.
    async fn read<R: AsyncRead + Unpin>(&self, reader: &mut FrameReader<R>) {
        loop {
            let frame = tokio::select! {
                line = reader.line() => match line {
                    Ok(Some(line)) => self.understand(line),
                    Err(e) if e.is_recoverable() => Err((0, Error::usage(e.to_string()))),
                    Ok(None) | Err(_) => return,
                },
                () = self.requests.closed() => return,
            };
            match frame.and_then(|frame| self.permit(frame)) {
                Err((id, error)) => self.queue.refuse(id, error),
                Ok(frame) => {
                    if !self.hand_over(frame).await {
                        return;
                    }
                }
            }
        }
    }

    fn understand(&self, line: &[u8]) -> Result<ClientFrame, (u64, Error)> {
        match &self.refused {
            Some(_) if line == FROZEN_STOP => {}
            Some(error) => return Err((skim(line).id.unwrap_or(0), error.clone())),
            None => {}
        }
        serde_json::from_slice(line).map_err(|e| misunderstood(line, &e))
    }

    fn permit(&self, frame: ClientFrame) -> Result<ClientFrame, (u64, Error)> {
        let ClientInfo { client, inside, .. } = &*self.client;
        match frame.request.permit(client, inside.as_deref()) {
            Ok(()) => Ok(frame),
            Err(error) => Err((frame.id, error)),
        }
    }

    /// False: there is no supervisor any more.
    async fn hand_over(&self, frame: ClientFrame) -> bool {
        let ClientFrame { id, request } = frame;
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&self.under_way).acquire_owned().await else { return false };
        let reply = self.queue.replier(id, place);
        self.requests.send(Inbound { id, client: Arc::clone(&self.client), request, reply }).await.is_ok()
    }
}

/// What can be told of a line that is no valid request.
#[derive(Default, Deserialize)]
struct Skimmed {
    id: Option<u64>,
    request: Option<SkimmedRequest>,
}

#[derive(Deserialize)]
struct SkimmedRequest {
    #[serde(rename = "type")]
    kind: Option<String>,
}

fn skim(line: &[u8]) -> Skimmed {
    serde_json::from_slice(line).unwrap_or_default()
}

fn misunderstood(line: &[u8], reason: &serde_json::Error) -> (u64, Error) {
    let Skimmed { id, request } = skim(line);
    let kind = request.and_then(|r| r.kind);
    let error = match kind {
        // serde names the tag it does not know first.
        Some(kind) if reason.to_string().starts_with(&format!("unknown variant `{kind}`")) => {
            Error::usage(format!("this host knows no request `{kind}`"))
                .hint("after an upgrade, `claudebot host restart` brings the host to the new release")
        }
        Some(kind) => Error::usage(format!("the request `{kind}` is malformed: {reason}")),
        None => Error::usage(FrameError::garbage(line, reason).to_string()),
    };
    (id.unwrap_or(0), error)
}

#[cfg(test)]
mod tests;
