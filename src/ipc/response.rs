//! What the host answers, and the frames that carry it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{HouseArrival, HousePacked, Request};
use crate::error::Error;
use crate::model::{
    AgentCommand, Allowed, Approval, Event, Live, Person, PromptId, PromptStatus, QueuedPrompt, Rule,
    SessionId, SessionState, SessionView, Stats, TurnId, Unneeded,
};

/// The client's first line. Frozen: every release must be able to read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) claudebot: String,
    pub(crate) protocol: u32,
    /// `cli`, `tui`, `telegram`: decides about requests of scope `local`.
    pub(crate) client: String,
    /// `CLAUDEBOT_SESSION` of the client's environment: it runs inside a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inside: Option<String>,
}

/// The host's first line. Frozen likewise. `error` set: the host does not serve this client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) claudebot: String,
    pub(crate) protocol: u32,
    pub(crate) oldest: u32,
    pub(crate) pid: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Error>,
}

/// A line from client to host. `id` is chosen by the client, unique per connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClientFrame {
    pub(crate) id: u64,
    pub(crate) request: Request,
}

/// A line from host to client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HostFrame {
    Ok { id: u64, response: Response },
    Error { id: u64, error: Error },
    Push { id: u64, push: Push },
}

/// What a subscription brings. `id` of the frame is that of the request that subscribed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Push {
    Event(Event),
    Live(Live),
    /// An event of any session, with the cursor to continue from.
    Feed {
        feed: u64,
        session: SessionId,
        name: String,
        event: Event,
    },
    /// The subscriber was too slow and has been dropped: subscribe again from the last `seq` it has.
    Lagged,
    /// Long work goes on: bytes done of bytes in all, 0 when unknown.
    Progress {
        done: u64,
        total: u64,
        what: String,
    },
    /// The session is gone (deleted, archived) or the host is about to end: reconnect if you still care.
    Closed {
        reason: String,
    },
}

/// A prompt is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) prompt: PromptId,
    pub(crate) session: SessionId,
    pub(crate) name: String,
    /// `queued` where it waits; with `reason` why.
    pub(crate) status: PromptStatus,
    /// The log's `seq` of the prompt event; its answer comes after it.
    pub(crate) seq: u64,
    /// This key was accepted before: nothing new was queued.
    pub(crate) repeated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A conversation of plain `claude` that could become a session. Field names are the documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Adoptable {
    pub(crate) id: Uuid,
    /// Its name, or else the first words that were said.
    pub(crate) title: String,
    /// Where it was begun.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) last: Timestamp,
    pub(crate) prompts: u32,
    pub(crate) bytes: u64,
    /// The process that has it open just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) open: Option<u32>,
}

/// A session is lent to the process that asked: what it is to become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) session: SessionId,
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) dir: PathBuf,
    /// To be set in the environment, or with no value to be taken out of it.
    pub(crate) env: BTreeMap<String, Option<String>>,
}

/// A place where what was searched for was said: in a session, or in a conversation that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    /// Claude's id of a conversation that is no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conversation: Option<Uuid>,
    /// What that is about: its first words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// Where Claude works or worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dir: Option<PathBuf>,
    pub(crate) at: Timestamp,
    /// `prompt` or `reply`.
    pub(crate) kind: String,
    /// The words in their surroundings, matches between `[` and `]`.
    pub(crate) snippet: String,
    /// Where the matches are in it, in bytes, with their brackets. A host of before gives none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) marks: Vec<(usize, usize)>,
    /// The session is in an archive.
    #[serde(default)]
    pub(crate) archived: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archive: Option<PathBuf>,
}

impl Hit {
    /// The snippet in pieces, each with whether it was found. There are no brackets around what was.
    pub(crate) fn pieces(&self) -> Vec<(&str, bool)> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for &(from, to) in &self.marks {
            pieces.push((self.snippet.get(at..from).unwrap_or_default(), false));
            let inner = from.saturating_add(1)..to.saturating_sub(1);
            pieces.push((self.snippet.get(inner).unwrap_or_default(), true));
            at = to;
        }
        pieces.push((self.snippet.get(at..).unwrap_or_default(), false));
        pieces.retain(|(piece, _)| !piece.is_empty());
        pieces
    }
}

/// How far the search for conversations that are no sessions goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlainIndex {
    pub(crate) conversations: u64,
    /// When their files were looked at last. None: never.
    pub(crate) at: Option<Timestamp>,
    /// That is a while ago: asking again with `fresh` may find more.
    pub(crate) stale: bool,
    /// Why there is nothing of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<Error>,
}

/// What an archive of a session would hold, before it is packed: sizes in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArchivePlan {
    pub(crate) session: SessionView,
    /// The agent's files, and those that were sent to the session.
    pub(crate) own: u64,
    /// None: the directory is not packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<DirectoryPlan>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DirectoryPlan {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// What the project's `.gitignore` files leave out.
    pub(crate) ignored_files: u64,
    pub(crate) ignored_bytes: u64,
    /// The largest of it, by path.
    pub(crate) ignored: Vec<(String, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostStatus {
    pub(crate) pid: u32,
    pub(crate) version: String,
    pub(crate) protocol: u32,
    pub(crate) started: Timestamp,
    pub(crate) socket: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) live: u32,
    pub(crate) busy: u32,
    pub(crate) clients: u32,
    /// `background`, `foreground`, `serve`.
    pub(crate) mode: String,
    pub(crate) draining: bool,
    /// The Telegram bot that the bridge serves just now. Not there: none, or a host of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bot: Option<ServedBot>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServedBot {
    pub(crate) id: i64,
    /// Without `@`.
    pub(crate) username: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub(crate) enum Response {
    Done,
    /// Done, and these words say what exactly.
    Said(String),
    Session(SessionView),
    Sessions(Vec<SessionView>),
    Accepted(Accepted),
    Events(Vec<Event>),
    Hits(Vec<Hit>),
    Found {
        hits: Vec<Hit>,
        plain: PlainIndex,
    },
    Approvals(Vec<Approval>),
    /// Whether a turn was stopped, and how many prompts the hold now keeps.
    Stopped {
        turn: Option<TurnId>,
        held: u32,
    },
    Queue {
        session: SessionView,
        prompts: Vec<QueuedPrompt>,
    },
    Subscribed {
        session: SessionView,
        head: u64,
    },
    Following {
        feed: u64,
    },
    Status {
        /// How many sessions there are, asleep or not.
        #[serde(default)]
        total: u64,
        /// Those that deserve a look.
        sessions: Vec<SessionView>,
        approvals: Vec<Approval>,
        host: Option<HostStatus>,
    },
    Stats(Stats),
    Names(Vec<String>),
    Key(String),
    Commands(Vec<AgentCommand>),
    Rules(Vec<Rule>),
    RulesRevoked {
        session: SessionId,
        name: String,
        rules: Vec<String>,
        /// A process still has them: it is put to sleep once it has nothing to do, and the next one has them no more.
        live: bool,
    },
    Audit(Vec<Value>),
    /// What a deletion would remove, one line each.
    WouldDelete {
        session: SessionView,
        removes: Vec<String>,
        keeps: Vec<String>,
    },
    /// What is no longer needed: freed, or only found. With what could not be removed, and why.
    Unneeded {
        items: Vec<Unneeded>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failed: Vec<String>,
    },
    Archived {
        session: SessionId,
        file: PathBuf,
        bytes: u64,
        /// What a person should know of it: what could not be packed, what stayed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    ArchivePlan(Box<ArchivePlan>),
    Restored {
        session: SessionView,
        /// What a person should know of it: what stayed as it was.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    Adoptable(Vec<Adoptable>),
    Granted(Granted),
    HousePacked(HousePacked),
    House(Box<HouseArrival>),
    Context {
        used: u64,
        window: u64,
        model: String,
        raw: Value,
    },
    Host(HostStatus),
    Access {
        users: Vec<Allowed>,
        chats: Vec<Allowed>,
    },
    /// A code by which somebody may be let in.
    PairCode {
        code: String,
        expires: Timestamp,
    },
    /// An invitation, and who has taken it up.
    Invited {
        claimed: Option<Person>,
        expires: Timestamp,
    },
    /// Somebody is let in.
    Paired(Person),
    /// The state after a change.
    State(SessionState),
}
