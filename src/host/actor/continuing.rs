//! `host.on_interrupted = "continue"`: a turn that a crash cut off is gone on with unasked, at most once.

use std::time::Instant;

use super::Actor;
use crate::config::OnInterrupted;
use crate::error::{Error, Result};
use crate::host::turn::Verdict;
use crate::ipc::{Selector, SendPrompt};
use crate::model::{CONTINUES, Delivery, Outcome, PromptId};

const CONTINUE: &str = "Continue where you were interrupted.";

/// What is sent to go on with a turn that was cut off.
pub(super) fn continuing(session: Selector, key: String) -> SendPrompt {
    SendPrompt {
        session,
        key,
        text: CONTINUE.to_owned(),
        attachments: Vec::new(),
        // Before what was queued for afterwards, also where that is held.
        delivery: Delivery::Now,
    }
}

/// The last prompt of each turn that was cut off.
pub(super) fn cut_off(verdicts: &[Verdict]) -> Vec<PromptId> {
    let last = |verdict: &Verdict| match verdict {
        Verdict::CutOff { prompts, .. } => prompts.last().copied(),
        _ => None,
    };
    verdicts.iter().filter_map(last).collect()
}

impl Actor {
    /// Whether there is something to go on with: an agent that is told to would invent it otherwise.
    pub(super) async fn may_continue(&mut self, key: &str) -> Result<()> {
        self.flush().await;
        let (id, key, name) = (self.session.id, key.to_owned(), &self.session.name);
        let read = self.shared.store.read(move |db| Ok((db.knows_key(&key)?, db.last_outcome(id)?)));
        let (is_repeated, last) = read.await?;
        if is_repeated {
            return Ok(());
        }
        if self.state.is_busy() {
            return Err(Error::conflict(format!("a turn is running in {name}"))
                .hint("there is nothing to go on with until it is interrupted"));
        }
        if last == Some(Outcome::Interrupted) {
            return Ok(());
        }
        let message = format!("the last turn of {name} was not interrupted: there is nothing to go on with");
        Err(Error::conflict(message)
            .hint("what waits is run by --run; anything else is said with claudebot send"))
    }

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
        if prompt.key.starts_with(CONTINUES) {
            return Ok(());
        }
        let session = Selector::Exact(self.session.id.to_string());
        let send = continuing(session, format!("{CONTINUES}{cut_off}"));
        let acceptance = self.accept(PromptId::random(), send).await?;
        self.take_in(acceptance, Instant::now()).await;
        Ok(())
    }
}
