//! What is happening right now: ephemeral, never stored. A subscriber gets a snapshot, then deltas.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Approval, Origin, PromptId, QueuedPrompt, SessionState, TurnId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BlockKind {
    Text,
    Thinking,
    Tool,
}

/// A piece of the running turn that is not in the log yet. Once its event is appended it leaves the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LiveBlock {
    /// Unique within the session's host lifetime.
    pub(crate) block: u64,
    pub(crate) kind: BlockKind,
    /// The text so far; for a tool its one-line summary.
    pub(crate) text: String,
    /// The tool's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
    /// The tool call of the subagent it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LiveTurn {
    pub(crate) turn: TurnId,
    pub(crate) origin: Origin,
    pub(crate) started: Timestamp,
    /// Prompts known to belong to it so far; before the first is known, the one that it should answer.
    pub(crate) prompts: Vec<PromptId>,
    pub(crate) blocks: Vec<LiveBlock>,
}

/// The whole present of a session: what a late joiner needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) state: SessionState,
    pub(crate) turn: Option<LiveTurn>,
    pub(crate) queue: Vec<QueuedPrompt>,
    pub(crate) hold: Option<String>,
    pub(crate) approvals: Vec<Approval>,
    /// What the agent says it does: `requesting`, `retrying (2/10)`, `compacting`.
    pub(crate) status: Option<String>,
}

/// One change of the present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Live {
    Snapshot(Box<Snapshot>),
    TurnStarted {
        turn: TurnId,
        origin: Origin,
        /// As in [`LiveTurn`].
        prompts: Vec<PromptId>,
    },
    /// A prompt joined the running turn.
    TurnJoined {
        turn: TurnId,
        prompt: PromptId,
    },
    BlockStarted {
        turn: TurnId,
        #[serde(flatten)]
        block: LiveBlock,
    },
    /// Text to append to a block.
    Delta {
        block: u64,
        text: String,
    },
    /// State, queue or hold changed.
    Changed {
        state: SessionState,
        queue: Vec<QueuedPrompt>,
        hold: Option<String>,
        status: Option<String>,
    },
}
