//! What the turn machine wants done. The actor carries these out in order and decides nothing itself.

use serde_json::Value;
use uuid::Uuid;

use super::input::{Ask, End};
use crate::model::{Live, NewEvent, Origin, Outcome, PromptId, TurnId};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Start the process.
    Start,
    /// End the process with grace.
    End,
    /// Record these prompts as one sent set, then write them.
    Send {
        prompts: Vec<PromptId>,
        urgency: Urgency,
    },
    /// Write prompts that are recorded as sent.
    Write {
        prompts: Vec<PromptId>,
        urgency: Urgency,
    },
    /// Ask the agent to drop its turn.
    Interrupt,
    /// Ask the agent to give back a prompt it has not begun.
    CancelInAgent(PromptId),
    /// The store learns that the agent has begun with these.
    Started(Vec<PromptId>),
    /// The store learns that a sent prompt, which the agent never got, waits again.
    Requeue(PromptId),
    /// The store learns that the agent gave a sent prompt back, and that it waits again.
    GivenBack(PromptId),
    /// The store learns that a prompt will never run.
    Cancel(PromptId),
    /// The reason why the queue is held, or that it is not.
    SetHold(Option<String>),
    /// Another conversation is current from now on.
    Conversation(Uuid),
    Append(NewEvent),
    Publish(Live),
    /// State, queue or hold changed: tell subscribers.
    Changed,
    Ask(Ask),
    /// These requests of the agent are void.
    Void(Vec<String>),
    Finish(Finished),
    /// Read the stored conversation and come back with `Input::Recovered`.
    Recover,
}

/// How a prompt is handed to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It begins a turn: nothing runs, or what runs is being dropped.
    Turn,
    /// At the next step of what runs.
    Next,
}

/// A turn is over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finished {
    pub(crate) turn: TurnId,
    pub(crate) origin: Origin,
    pub(crate) outcome: Outcome,
    pub(crate) prompts: Vec<PromptId>,
    /// The words of the error or the interruption; empty when all went well.
    pub(crate) text: String,
    /// The agent's report, where there was one.
    pub(crate) end: Option<End>,
}

/// A tool call that has not returned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpenTool {
    pub(crate) id: String,
    pub(crate) block: u64,
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) input: Value,
    pub(crate) parent: Option<String>,
}
