//! The words of claudebot as plain data: what a session, a prompt, an event and an approval are.
//!
//! Everything here is serde data without I/O; it is what the store keeps, the socket carries and the front
//! ends show. The vendor's own message types must not appear here: `host::translate` turns them into these.

pub(crate) mod access;
pub(crate) mod approval;
pub(crate) mod clean;
pub(crate) mod event;
pub(crate) mod house;
pub(crate) mod ids;
pub(crate) mod live;
pub(crate) mod moment;
pub(crate) mod prompt;
pub(crate) mod session;
pub(crate) mod size;
pub(crate) mod stats;

pub(crate) use access::{AccessOrigin, Allowed, Person};
pub(crate) use approval::{Approval, ApprovalKind, ApprovalStatus, Choice, Decision, Question, Rule, Scope};
pub(crate) use clean::{Unneeded, UnneededKind};
pub(crate) use event::{
    ADOPTED, ARCHIVE_REMOVED, ARCHIVED, CAME_BACK, Detail, Event, EventKind, HANDED_OVER, NewEvent, Origin,
    Outcome, RESTORED, Usage,
};
pub(crate) use house::{Admitted, AdmittedKind, Bindings, MOVED, MovedPrompt, MovedSession};
pub(crate) use ids::{ApprovalId, Channel, PromptId, SessionId, TurnId};
pub(crate) use live::{BlockKind, Live, LiveBlock, LiveTurn, Snapshot};
pub(crate) use prompt::{CONTINUES, Delivery, Prompt, PromptStatus, QueuedPrompt, UNAVAILABLE};
pub(crate) use session::{Agent, AgentCommand, Lent, Session, SessionState, SessionView};
pub(crate) use stats::{StageStats, Stages, Stats};
