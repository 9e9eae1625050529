//! A connection that outlives hosts: for what may be asked twice, a lost host is replaced and asked again.

use super::autostart::Starter;
use super::client::{CallError, Client};
use super::{Request, Response};
use crate::error::{Error, Kind, Result};

/// Hosts that are lost in the middle of one and the same request.
const MAX_LOST: u32 = 5;

/// A client together with what is needed to get the next one.
#[derive(Debug)]
pub(crate) struct Reconnecting {
    starter: Starter,
    client: Client,
}

impl Reconnecting {
    pub(crate) async fn start(starter: Starter) -> Result<Self> {
        let client = starter.connect().await?;
        Ok(Self { starter, client })
    }

    /// The connection of the moment. Its subscriptions end with it.
    pub(crate) const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Gives the present connection up for a new one, starting a host if none is up.
    pub(crate) async fn reconnect(&mut self) -> Result<&mut Client> {
        self.client = self.starter.connect().await?;
        Ok(&mut self.client)
    }

    /// Asks; when the connection is lost meanwhile, connects again and repeats the request as it is, with the
    /// same key, if it is of those for which twice is as good as once. Any other error of the host is final.
    pub(crate) async fn call_with_retry(&mut self, request: &Request) -> Result<Response> {
        let mut lost = 0;
        loop {
            let error = match self.client.ask(request).await {
                Ok((_, response)) => return Ok(response),
                // A host that is just ending refuses what the next one takes.
                Err(CallError::Refused(error)) if error.kind == Kind::Unavailable => error,
                Err(CallError::Refused(error)) => return Err(error),
                Err(CallError::Lost(error)) if !request.is_repeatable() => {
                    return Err(Error {
                        message: format!("{} and may or may not have done this", error.message),
                        ..error
                    });
                }
                Err(CallError::Lost(error)) => error,
            };
            if lost == MAX_LOST || !request.is_repeatable() {
                return Err(error);
            }
            lost += 1;
            self.reconnect().await?;
        }
    }
}
