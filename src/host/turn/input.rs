//! What can happen to a session, in claudebot's words: the only things the turn machine reacts to.

use serde_json::Value;
use uuid::Uuid;

use super::Waiting;
use crate::claude::wire::PermissionUpdate;
use crate::model::{ApprovalKind, BlockKind, PromptId, Question, TurnId, Usage};

/// One happening.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made, taken apart and gone: never kept in numbers")]
pub(crate) enum Input {
    /// A prompt is durable. `sent`: it was stored as sent in the same commit, so it only has to be written.
    Accepted { waiting: Waiting, sent: bool },
    /// A set could not be recorded as sent: nothing was written, it waits again.
    NotSent(Vec<PromptId>),
    /// A person stops what runs and holds what waits.
    Stop,
    /// A person lets the held queue run.
    Release,
    /// The queue is to be held for this reason.
    Hold(String),
    /// These waiting prompts were cancelled in the store.
    Dropped(Vec<PromptId>),
    /// A person wants back a prompt that the agent already has but may not have begun.
    TakeBack(PromptId),
    /// The process should be up: a prompt is about to come.
    Wake,
    /// The process should end; everything is kept.
    Sleep,
    /// The conversation is to be lent: nothing more is begun, and the process ends once nothing runs.
    Lend,
    /// It is back, and turns are numbered from here on; or it was not lent after all.
    TakenBack { next_turn: Option<TurnId> },
    /// No further turns: the host is about to end. A turn that waits for a person is cut off; the others end.
    Drain,
    /// The session goes: no further turns, and what runs is about to be cut off.
    Close,
    /// The host ends at once: what runs is cut off.
    End,
    /// The process runs and has answered `initialize`.
    Ready,
    /// The process may not be started now; it is tried again by itself.
    CannotStart { why: String },
    /// The process could not be started, which a person has to mend: until then what waits is held.
    Unavailable { why: String },
    /// Nothing stands in the way of starting any more: a place is free, the backoff is over.
    MayStart,
    /// The process is gone. `asked`: we ended it.
    Exited { asked: bool, why: String },
    /// What became of the prompts that a dead process had been given.
    Recovered(Vec<Verdict>),
    /// A pending request was answered or became void.
    Resolved { request: String },
    /// Something the process said.
    Agent(AgentEvent),
}

/// What recovery found about prompts that were given to a process that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The agent never got it: it is sent again.
    Again(PromptId),
    /// The agent finished: these texts are the reply, oldest first, those already in the log left out.
    Ended { prompts: Vec<PromptId>, texts: Vec<String>, failed: bool },
    /// It was begun and cut off; these texts had been said by then.
    CutOff { prompts: Vec<PromptId>, texts: Vec<String> },
}

/// How far the agent is with a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// In the agent's own queue. Only releases that also announce the start say this.
    Queued,
    /// Echoed, or announced as started: it belongs to the turn that runs or begins.
    Begun,
    /// Taken out of the agent's own queue; it will not run.
    Cancelled,
}

/// What a process says, without the vendor's types.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AgentEvent {
    /// A turn begins (or a start was confirmed) in this conversation. Another id than before: it was emptied.
    Init {
        conversation: Uuid,
    },
    Prompt {
        prompt: PromptId,
        seen: Seen,
    },
    BlockStarted {
        parent: Option<String>,
        index: u64,
        kind: BlockKind,
    },
    Delta {
        parent: Option<String>,
        index: u64,
        text: String,
    },
    /// A finished block of text.
    Text {
        parent: Option<String>,
        text: String,
    },
    /// A finished block of thinking: only shown live.
    Thought {
        parent: Option<String>,
    },
    ToolCall {
        parent: Option<String>,
        id: String,
        name: String,
        input: Value,
        summary: String,
    },
    ToolResult {
        id: String,
        text: String,
        is_error: bool,
    },
    Ask(Ask),
    /// A pending request became void by itself.
    AskCancelled {
        request: String,
    },
    Status(Option<String>),
    /// All that runs in the background now. Releases that do not say this tell how single tasks start and end.
    Background(Vec<Task>),
    TaskStarted(Task),
    TaskEnded {
        id: String,
    },
    Ended(End),
    /// Words for the person that fit nowhere else.
    Notice {
        code: &'static str,
        text: String,
    },
}

/// Work of the agent that goes on beside the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) description: String,
}

/// The agent wants an answer from a person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    /// The agent's own id of the request.
    pub(crate) request: String,
    /// The tool call that it is about.
    pub(crate) call: Option<String>,
    pub(crate) kind: ApprovalKind,
    pub(crate) tool: String,
    pub(crate) summary: String,
    pub(crate) input: Value,
    pub(crate) questions: Vec<Question>,
    pub(crate) plan: Option<String>,
    pub(crate) rules: Vec<String>,
    /// The suggested rules as the agent wants them back.
    pub(crate) suggestions: Vec<PermissionUpdate>,
}

/// The end of a turn as the agent reports it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct End {
    /// The turn was cut off rather than finished.
    pub(crate) aborted: bool,
    pub(crate) is_error: bool,
    /// The final text, or the error's words.
    pub(crate) text: String,
    /// Running total as this process counts it.
    pub(crate) total_cost_usd: f64,
    pub(crate) usage: Usage,
}
