//! The bridge's way to the host: the same socket, the same requests as every other client.
//!
//! A call takes a connection that nobody uses, or makes one: a long one (an archive) never keeps a short one
//! waiting. What is subscribed to has a connection of its own, whose end ends the subscription.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::ipc::client::{Client, Identity};
use crate::ipc::{HostFrame, Push, Request, Response};
use crate::paths::Paths;

/// Connections that are kept for the next call.
const KEPT: usize = 4;

#[derive(Debug, Clone)]
pub(crate) struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    paths: Paths,
    identity: Identity,
    free: Mutex<Vec<Client>>,
}

impl Link {
    pub(crate) fn new(paths: Paths) -> Self {
        let identity = Identity::new("telegram", None);
        Self(Arc::new(Inner { paths, identity, free: Mutex::default() }))
    }

    async fn connect(&self) -> Result<Client> {
        let found = Client::connect(&self.0.paths, &self.0.identity).await?;
        found.ok_or_else(|| Error::unavailable("the host has ended"))
    }

    fn free(&self) -> MutexGuard<'_, Vec<Client>> {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the host. Not to be used for what subscribes.
    ///
    /// # Errors
    /// What the host says against it, or `Unavailable` when it is about to end.
    pub(crate) async fn call(&self, request: Request) -> Result<Response> {
        let kept = self.free().pop();
        let mut client = match kept {
            Some(client) => client,
            None => self.connect().await?,
        };
        // A call that is dropped in the middle takes its connection along: the answer would come to the next.
        let answer = client.call(request).await;
        let is_sound = answer.as_ref().err().is_none_or(|error| error.kind != Kind::Unavailable);
        let mut free = self.free();
        if is_sound && free.len() < KEPT {
            free.push(client);
        }
        answer
    }

    /// Asks for what brings pushes: [`Request::Subscribe`] or [`Request::Feed`].
    pub(crate) async fn follow(&self, request: Request) -> Result<(Following, Response)> {
        let mut client = self.connect().await?;
        let (id, response) = client.subscribe(request).await?;
        Ok((Following { client, id }, response))
    }
}

/// What a subscription brings, until this is dropped.
#[derive(Debug)]
pub(crate) struct Following {
    client: Client,
    id: u64,
}

impl Following {
    /// The next push. `None`: the host has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Push>> {
        loop {
            match self.client.next().await? {
                Some(HostFrame::Push { id, push }) if id == self.id => return Ok(Some(push)),
                Some(HostFrame::Error { error, .. }) => return Err(error),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}
