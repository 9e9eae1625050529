//! What became of prompts whose process is gone, read from the agent's stored conversation.

use std::time::Instant;

use super::continuing::cut_off;
use super::{Actor, WRITE_AGAIN};
use crate::claude::conversation::Stored;
use crate::error::Result;
use crate::host::recover;
use crate::host::turn::Input;
use crate::model::{Detail, EventKind, SessionId};
use crate::store::Db;

/// A recap is at most this long.
const LONGEST_RECAP: usize = 32 << 10;
/// It is made from so many of the newest events.
const RECAPPED: u64 = 2_000;

impl Actor {
    /// Begins with what a former process left; called once no process has the conversation any more.
    pub(super) async fn recover(&mut self) {
        self.end_descendants().await;
        self.forget_child().await;
        if let Some(verdicts) = self.verdicts().await {
            self.apply(verdicts).await;
        }
    }

    /// Compares the prompts that were given away with the stored conversation. None: the store refuses, it is
    /// tried again later. Without all writes in the store the comparison would be wrong.
    pub(super) async fn verdicts(&mut self) -> Option<Input> {
        self.flush().await;
        let id = self.session.id;
        let read = self.shared.store.read(move |db| {
            let open = db.open_prompts(id)?;
            let said = recover::replies_since(db, id, &open)?;
            Ok((open, said))
        });
        let read = if self.writes.is_empty() { Some(read.await) } else { None };
        let (open, said) = match read {
            Some(Ok(read)) => read,
            failed => {
                if let Some(Err(error)) = failed {
                    tracing::error!(session = %self.session.name, %error, "cannot read the queue for recovery");
                }
                self.recovers_later = true;
                self.deadlines.write.get_or_insert_with(|| Instant::now() + WRITE_AGAIN);
                return None;
            }
        };
        let config_dir = self.shared.config_dir(self.session.agent);
        let conversation = self.session.conversation;
        let verdicts = tokio::task::spawn_blocking(move || {
            let stored = conversation.map_or(Ok(None), |id| Stored::find(&config_dir, &id));
            recover::verdicts(&open, stored, &said)
        })
        .await;
        let verdicts = verdicts.unwrap_or_default();
        self.interrupted = cut_off(&verdicts);
        Some(Input::Recovered(verdicts))
    }
}

/// The last things said in a session, for an agent that has lost its own record; None when nothing was said.
pub(super) fn recap(db: &Db, session: SessionId) -> Result<Option<String>> {
    let mut parts = Vec::new();
    let mut length = 0;
    for event in recover::newest(db, session, RECAPPED)?.into_iter().rev() {
        let who = match (event.kind, &event.detail) {
            (EventKind::Prompt, _) => "User",
            (EventKind::Reply, Some(Detail::Reply { parent: None, .. })) => "Assistant",
            _ => continue,
        };
        let part = format!("{who}: {}\n", event.text);
        length += part.len();
        if length > LONGEST_RECAP {
            break;
        }
        parts.push(part);
    }
    if !parts.iter().any(|part| part.starts_with("Assistant")) {
        return Ok(None);
    }
    parts.reverse();
    Ok(Some(format!(
        "<recap>\nThe record of our earlier conversation was lost. This is what was said last:\n\n{}</recap>",
        parts.concat()
    )))
}
