//! A prompt on its way from a front end to the agent.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{PromptId, SessionId};

/// Why what waits is held after a start that failed. A new prompt tries again and lets go of what waits, in order.
pub(crate) const UNAVAILABLE: &str = "unavailable";

/// Begins the key of a prompt that goes on, unasked, with one that was cut off; that one's id follows, so that there is
/// one at most.
pub(crate) const CONTINUES: &str = "continue:";

/// How a prompt that comes while a turn runs is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// Waits, then runs as a turn of its own, in order.
    #[default]
    Queue,
    /// The agent reads it at its next step.
    Now,
    /// What runs is dropped for it.
    Instead,
}

/// How far a prompt has come. `Done`, `Interrupted` and `Cancelled` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromptStatus {
    /// Accepted and durable; the agent has not been given it.
    Queued,
    /// About to be, or already, written to the agent.
    Sent,
    /// The agent has begun with it.
    Started,
    /// Its turn ended (with a reply, or with an error that is in the log).
    Done,
    /// Its turn was cut off; it is not run again unasked.
    Interrupted,
    /// Taken back or discarded before the agent began.
    Cancelled,
}

/// A row of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    pub(crate) id: PromptId,
    pub(crate) session: SessionId,
    /// Unique over all prompts: `cli:<uuid>`, `tg:<bot>:<update>`. The same key twice is one prompt.
    pub(crate) key: String,
    pub(crate) text: String,
    /// Absolute paths inside the session's `inbox/`.
    pub(crate) attachments: Vec<PathBuf>,
    pub(crate) delivery: Delivery,
    pub(crate) status: PromptStatus,
    pub(crate) accepted: Timestamp,
    /// Prompts written together share the id of the first; recovery looks at the set's last member.
    pub(crate) set: Option<PromptId>,
    /// The agent gave it back once and would not run that uuid again: since then it goes under this one.
    pub(crate) given_as: Option<Uuid>,
}

impl Prompt {
    /// What the agent knows it by.
    pub(crate) fn agent_uuid(&self) -> Uuid {
        self.given_as.unwrap_or(self.id.0)
    }
}

/// A waiting prompt as front ends show it: its text cut, the whole stays in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueuedPrompt {
    pub(crate) id: PromptId,
    pub(crate) text: String,
    pub(crate) delivery: Delivery,
    pub(crate) status: PromptStatus,
    pub(crate) accepted: Timestamp,
}

impl QueuedPrompt {
    const SHOWN: usize = 400;

    /// As much of a prompt's text as is shown while it waits.
    pub(crate) fn shortened(text: &str) -> String {
        text.chars().take(Self::SHOWN).collect()
    }
}

impl From<&Prompt> for QueuedPrompt {
    fn from(prompt: &Prompt) -> Self {
        Self {
            id: prompt.id,
            text: Self::shortened(&prompt.text),
            delivery: prompt.delivery,
            status: PromptStatus::Queued,
            accepted: prompt.accepted,
        }
    }
}
