//! The event log: durable facts of a session, in order.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Approval, ApprovalId, Decision, Delivery, PromptId, Stages, TurnId};

/// What kind of fact an event is. The documented values of `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventKind {
    /// A person's prompt was accepted.
    Prompt,
    /// A finished block of the agent's text.
    Reply,
    /// A finished (or cut off) tool call.
    Tool,
    ApprovalAsked,
    ApprovalAnswered,
    /// A turn is over; `detail` says how.
    TurnEnded,
    /// Something the person should know: a crash, a new conversation, a recovered reply.
    Notice,
}

impl EventKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Reply => "reply",
            Self::Tool => "tool",
            Self::ApprovalAsked => "approval_asked",
            Self::ApprovalAnswered => "approval_answered",
            Self::TurnEnded => "turn_ended",
            Self::Notice => "notice",
        }
    }
}

/// The code of the notice that the session was put into an archive.
pub(crate) const ARCHIVED: &str = "archived";
/// The code of the notice that its archive was removed: it cannot be brought back any more.
pub(crate) const ARCHIVE_REMOVED: &str = "archive_removed";
/// The code of the notice that it was brought back.
pub(crate) const RESTORED: &str = "restored";

/// The code of the notice that it was taken over from plain `claude`.
pub(crate) const ADOPTED: &str = "adopted";

/// The code of the notice that it was lent to an interactive `claude` in a terminal.
pub(crate) const HANDED_OVER: &str = "handed_over";
/// The code of the notice that it came back from there.
pub(crate) const CAME_BACK: &str = "came_back";

/// Who began a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// One or several prompts.
    Prompt,
    /// The agent itself: a background task ended, a wake-up came.
    Claude,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done,
    /// The agent reported an error (for example from the API); the text says which.
    Failed,
    /// A person stopped it, or the process or host died in the middle.
    Interrupted,
    /// Dropped for a prompt sent `instead`.
    Replaced,
}

/// Tokens of one turn, as the agent reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cache_read_tokens: u64,
    pub(crate) cache_write_tokens: u64,
    /// Size of the model's context window, 0 when unknown.
    pub(crate) context_window: u64,
}

/// A fact that is about to be appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NewEvent {
    pub(crate) kind: EventKind,
    pub(crate) text: String,
    pub(crate) prompt_id: Option<PromptId>,
    pub(crate) detail: Option<Detail>,
}

/// A fact in a session's log. `seq at kind text prompt_id` are the documented JSON; `detail` is typed extra.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// From 1, without gaps, per session.
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) kind: EventKind,
    pub(crate) text: String,
    pub(crate) prompt_id: Option<PromptId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<Detail>,
}

/// What an event carries beside its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Detail {
    Prompt {
        delivery: Delivery,
        attachments: Vec<String>,
    },
    Reply {
        turn: TurnId,
        /// The live block that this text replaces.
        block: u64,
        /// The tool call of the subagent that said it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
    },
    Tool {
        turn: TurnId,
        block: u64,
        name: String,
        input: Value,
        /// None when the call was cut off.
        result: Option<String>,
        is_error: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
    },
    Asked {
        approval: Box<Approval>,
    },
    Answered {
        approval: ApprovalId,
        /// None when it became void unanswered.
        decision: Option<Decision>,
        /// Who answered: `shell`, `telegram:ID (NAME)`.
        by: String,
    },
    Turn {
        turn: TurnId,
        origin: Origin,
        outcome: Outcome,
        /// Every prompt that this turn answered.
        prompts: Vec<PromptId>,
        cost_usd: f64,
        usage: Usage,
        stages: Stages,
    },
    /// `code` is stable for programs: `crashed`, `recovered`, `recap`, `conversation_reset`, `held`, `warning`,
    /// [`ADOPTED`], [`ARCHIVED`], [`ARCHIVE_REMOVED`], [`RESTORED`], [`HANDED_OVER`], [`CAME_BACK`].
    Notice {
        code: String,
    },
    /// The agent sends the person a file; the event is a notice.
    File {
        /// Absolute and without links, inside the session's directories when it was sent.
        path: PathBuf,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
        bytes: u64,
    },
}
