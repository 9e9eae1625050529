//! `host.on_interrupted = "continue"`: a turn that a crash cut off is gone on with unasked, at most once.

use std::time::Instant;

use super::Actor;
use super::requests::CONTINUE;
use crate::config::OnInterrupted;
use crate::error::Result;
use crate::host::turn::Verdict;
use crate::ipc::{Selector, SendPrompt};
use crate::model::{Delivery, PromptId};

/// Begins the key of a prompt that goes on with another; the other's id follows, so that there is one at most.
const KEY: &str = "continue:";

/// The last prompt of each turn that was cut off.
pub(super) fn cut_off(verdicts: &[Verdict]) -> Vec<PromptId> {
    let last = |verdict: &Verdict| match verdict {
        Verdict::CutOff { prompts, .. } => prompts.last().copied(),
        _ => None,
    };
    verdicts.iter().filter_map(last).collect()
}

impl Actor {
    /// Goes on with what was cut off, unless a person is asked about that.
    pub(super) async fn go_on(&mut self) {
        let Some(last) = std::mem::take(&mut self.interrupted).pop() else { return };
        let is_asked = self.shared.config.host.on_interrupted == OnInterrupted::Ask;
        if is_asked || self.draining || self.state.hold().is_some() {
            return;
        }
        if let Err(error) = self.go_on_with(last).await {
            tracing::warn!(session = %self.session.name, %error, "cannot go on with what was cut off");
        }
    }

    async fn go_on_with(&mut self, cut_off: PromptId) -> Result<()> {
        let prompt = self.shared.store.read(move |db| db.prompt(cut_off)).await?;
        if prompt.key.starts_with(KEY) {
            return Ok(());
        }
        let send = SendPrompt {
            session: Selector::Exact(self.session.id.to_string()),
            key: format!("{KEY}{cut_off}"),
            text: CONTINUE.to_owned(),
            attachments: Vec::new(),
            // Before what was queued for afterwards.
            delivery: Delivery::Now,
        };
        let acceptance = self.accept(send).await?;
        self.take_in(acceptance, Instant::now()).await;
        Ok(())
    }
}
