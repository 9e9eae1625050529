//! Everything that happens in all sessions, for front ends that mirror or notify.

use std::sync::Arc;

use tokio::sync::watch;

use super::Replier;
use super::shared::Shared;
use crate::error::Result;
use crate::ipc::{Push, Response};
use crate::store::Db;

/// So many events are read at a time.
const PAGE: u32 = 200;

/// Answers with the cursor, then pushes every later event at the reader's own speed.
pub(super) fn follow(shared: &Arc<Shared>, since: Option<u64>, reply: Replier) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let moved = shared.feed();
        let cursor = match since {
            Some(since) => Ok(since),
            None => shared.store.read(Db::feed_head).await,
        };
        let cursor = match cursor {
            Ok(cursor) => cursor,
            Err(error) => return reply.error(error),
        };
        reply.ok(Response::Following { feed: cursor });
        if let Err(error) = run(&shared, moved, cursor, &reply).await {
            tracing::error!(%error, "the feed of a client ends");
            // Whoever is gone need not be told.
            reply.push(&Push::Closed { reason: error.message }).ok();
        }
    });
}

async fn run(
    shared: &Shared,
    mut moved: watch::Receiver<u64>,
    mut cursor: u64,
    reply: &Replier,
) -> Result<()> {
    loop {
        moved.mark_unchanged();
        loop {
            let page = shared.store.read(move |db| db.feed(cursor, PAGE)).await?;
            if page.is_empty() {
                break;
            }
            for fed in page {
                cursor = fed.feed;
                let push =
                    Push::Feed { feed: fed.feed, session: fed.session, name: fed.name, event: fed.event };
                if reply.push_paced(&push).await.is_err() {
                    return Ok(());
                }
            }
        }
        tokio::select! {
            () = reply.closed() => return Ok(()),
            changed = moved.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}
