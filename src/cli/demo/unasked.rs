//! What the agent says without having been asked, while the person thinks about the next prompt.

use crate::cli::ctx::Ctx;
use crate::error::Result;
use crate::ipc::client::Client;
use crate::ipc::{HostFrame, Push, Request, Selector};
use crate::model::{Detail, EventKind};

/// Follows a session beside the turns that are asked for.
pub(super) struct Unasked {
    session: Selector,
    /// None once the connection is lost: what is said then stands in the log only.
    client: Option<Client>,
    subscription: u64,
    last: u64,
}

impl Unasked {
    pub(super) async fn follow(ctx: &Ctx, session: Selector) -> Result<Self> {
        let client = Client::connect(&ctx.paths, &ctx.identity()).await?;
        let mut unasked = Self { session, client, subscription: 0, last: 0 };
        unasked.subscribe().await?;
        Ok(unasked)
    }

    async fn subscribe(&mut self) -> Result<()> {
        let request = Request::Subscribe { session: self.session.clone(), since: self.last };
        if let Some(client) = &mut self.client {
            self.subscription = client.subscribe(request).await?.0;
        }
        Ok(())
    }

    /// The next reply that answers nobody. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<String> {
        loop {
            let Some(client) = &mut self.client else { return std::future::pending().await };
            match client.next().await? {
                None => self.client = None,
                Some(HostFrame::Push { id, push }) if id == self.subscription => match push {
                    Push::Lagged => self.subscribe().await?,
                    push => {
                        if let Some(text) = self.reply(push) {
                            return Ok(text);
                        }
                    }
                },
                Some(_) => {}
            }
        }
    }

    fn reply(&mut self, push: Push) -> Option<String> {
        let Push::Event(event) = push else { return None };
        self.last = event.seq;
        let outer = matches!(event.detail, Some(Detail::Reply { parent: None, .. }));
        (event.kind == EventKind::Reply && event.prompt_id.is_none() && outer).then_some(event.text)
    }
}
