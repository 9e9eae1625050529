//! A session: a named conversation with its settings.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SessionId;

/// Which program answers in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Agent {
    /// Claude Code, as configured in `[claude]`.
    #[default]
    Claude,
    /// The built-in demo agent, which needs no account.
    Demo,
}

/// A slash command that an agent knows: `/name`, sent as a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AgentCommand {
    /// Without the slash.
    pub(crate) name: String,
    pub(crate) description: String,
    /// What may follow, in words such as `[focus]`; often empty.
    pub(crate) argument_hint: String,
}

/// What a session is doing, in the words of `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionState {
    /// A turn runs.
    Busy,
    /// A turn runs and waits for a person: an approval, a question, a plan.
    Waiting,
    /// A process is resident and has nothing to do.
    Idle,
    /// No process; the next prompt starts one. The normal state.
    Asleep,
    /// The process ended by itself; the next prompt starts another.
    Crashed,
    /// The conversation is lent to an interactive `claude`.
    HandedOver,
    /// Packed into an archive; only `restore` brings it back.
    Archived,
}

impl SessionState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Idle => "idle",
            Self::Asleep => "asleep",
            Self::Crashed => "crashed",
            Self::HandedOver => "handed_over",
            Self::Archived => "archived",
        }
    }
}

/// A session as it is stored. `state` holds only what outlives a host: asleep, crashed, handed over, archived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) name: String,
    pub(crate) agent: Agent,
    pub(crate) persona: String,
    /// Absolute working directory of the agent.
    pub(crate) dir: PathBuf,
    /// True when claudebot made `dir` (`--scratch`) and may remove it.
    pub(crate) managed: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) pinned: bool,
    /// Overrides of the persona, kept over restarts.
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) permission_mode: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) last_active: Timestamp,
    /// What the agent's own accounting says the session has cost, US dollars.
    pub(crate) cost_usd: f64,
    pub(crate) state: SessionState,
    /// Claude's `session_id` to resume, once something was said.
    pub(crate) conversation: Option<Uuid>,
    /// Why the queue is held (`stopped`, `stale`, `interrupted`, `moved`), if it is.
    pub(crate) hold: Option<String>,
    /// Where the archive is, once archived. None then: it was kept long enough and removed.
    pub(crate) archive: Option<PathBuf>,
}

/// To which terminal a session is handed over. `since tty pid` are the documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lent {
    pub(crate) since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tty: Option<String>,
    pub(crate) pid: u32,
}

/// A session as front ends list it. Field names are the documented JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SessionView {
    pub(crate) id: SessionId,
    pub(crate) name: String,
    pub(crate) state: SessionState,
    pub(crate) persona: String,
    pub(crate) dir: PathBuf,
    /// Whether it is the current session of the asking channel.
    pub(crate) current: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) last_active: Timestamp,
    pub(crate) cost_usd: f64,
    pub(crate) agent: Agent,
    pub(crate) pinned: bool,
    pub(crate) created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conversation: Option<Uuid>,
    /// Prompts that wait in the queue.
    pub(crate) queued: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold: Option<String>,
    /// What it is doing or what keeps it awake: `running Bash`, `1 background task`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) activity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archive: Option<PathBuf>,
    /// To whom it is handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lent: Option<Lent>,
}
