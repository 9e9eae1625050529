//! Everything a front end can ask. All front ends speak this one enum.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::HouseIn;
use crate::error::{Error, Kind, Result};
use crate::model::{Agent, ApprovalId, Channel, Decision, Delivery, PromptId, TurnId};

/// How a session is named in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Selector {
    /// A name, an id, or a unique prefix of either.
    Name(String),
    /// A whole name or id: for what cannot be undone or must not hit the wrong one.
    Exact(String),
    /// The current session of a channel.
    Current(Channel),
}

/// Who may send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PermissionScope {
    /// Any front end.
    Any,
    /// Any front end that a person uses: not a session's own process tree, which must not allow itself things.
    Person,
    /// Only a terminal of the owner: not the Telegram bridge, not a session's own process tree.
    Local,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewSession {
    pub(crate) name: String,
    /// None: `session.persona` of the configuration.
    pub(crate) persona: Option<String>,
    /// Absolute. None: a scratch directory that claudebot makes and may remove.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) agent: Agent,
    pub(crate) model: Option<String>,
    pub(crate) tags: Vec<String>,
    /// Make it current in this channel. By default creating does not switch.
    pub(crate) switch: Option<Channel>,
    /// `/` and the home directory are refused unless the person said yes.
    pub(crate) allow_wide_dir: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SendPrompt {
    pub(crate) session: Selector,
    /// Unique per prompt and kept over retries.
    pub(crate) key: String,
    pub(crate) text: String,
    /// Absolute paths; the host copies them into the session's `inbox/` before it acknowledges.
    pub(crate) attachments: Vec<PathBuf>,
    pub(crate) delivery: Delivery,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveOptions {
    /// Pack an own project directory too (and remove nothing of it).
    pub(crate) with_dir: bool,
    /// What an archive cannot hold (links that lead out, pipes, sockets) may be lost.
    #[serde(default)]
    pub(crate) leave_out: bool,
    /// Of a project directory, also what its `.gitignore` files leave out.
    #[serde(default)]
    pub(crate) all_files: bool,
}

/// A conversation that was begun in plain `claude` becomes a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Adopt {
    pub(crate) conversation: Uuid,
    /// Absolute. None: where it was begun. Elsewhere a copy goes on, and the original stays as it is.
    pub(crate) dir: Option<PathBuf>,
    /// A copy goes on.
    pub(crate) fork: bool,
    /// None: made from its title or its directory.
    pub(crate) name: Option<String>,
    /// None: `session.persona` of the configuration.
    pub(crate) persona: Option<String>,
    pub(crate) tags: Vec<String>,
}

/// A session is to be lent to an interactive `claude`, which the asking process becomes once it is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handover {
    pub(crate) session: Selector,
    /// Wait for the end of what runs instead of refusing.
    pub(crate) wait: bool,
    /// The asking process.
    pub(crate) pid: u32,
    /// The terminal it runs on.
    pub(crate) tty: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopWhen {
    /// Wait for running turns up to `host.drain`, then end.
    WhenIdle,
    /// Interrupt running turns and end.
    Now,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Request {
    // Sessions.
    SessionNew(NewSession),
    SessionList {
        channel: Channel,
        archived: bool,
        all: bool,
        tag: Option<String>,
    },
    SessionShow {
        session: Selector,
        channel: Channel,
    },
    SessionRename {
        session: Selector,
        name: String,
    },
    SessionTag {
        session: Selector,
        add: Vec<String>,
        remove: Vec<String>,
    },
    SessionPin {
        session: Selector,
        pinned: bool,
    },
    SessionSwitch {
        channel: Channel,
        session: Selector,
    },
    /// Ends the turn and holds the queue. With `turn`, only if that turn still runs.
    SessionStop {
        session: Selector,
        turn: Option<TurnId>,
    },
    /// Ends the process, keeps everything. Refused while busy unless `force`.
    SessionSleep {
        session: Selector,
        force: bool,
    },
    /// Removes everything but a project directory. `confirmed` false: only says what would go.
    SessionDelete {
        session: Selector,
        confirmed: bool,
    },
    SessionArchive {
        session: Selector,
        options: ArchiveOptions,
    },
    /// How large an archive would be. Reads the directory, and changes nothing.
    ArchivePlan {
        session: Selector,
        options: ArchiveOptions,
    },
    SessionRestore {
        archive: PathBuf,
        dir: Option<PathBuf>,
        name: Option<String>,
    },
    /// Conversations of plain `claude` that could become sessions.
    Adoptable,
    SessionAdopt(Adopt),
    /// Answered with what to run, once nothing of ours has the conversation any more.
    SessionHandover(Handover),
    /// Asks the process that a session is lent to to end, and answers when the session is back.
    SessionTakeBack {
        session: Selector,
    },
    /// Change for this session, now if live and at every wake. None: back to the persona's.
    SessionSet {
        session: Selector,
        key: String,
        value: Option<String>,
    },

    /// What was allowed for this session.
    SessionRules {
        session: Selector,
    },
    /// Takes back one of them, or all.
    SessionRulesRevoke {
        session: Selector,
        rule: Option<String>,
    },

    // Prompts.
    Send(SendPrompt),
    /// Releases a held queue.
    QueueRun {
        session: Selector,
    },
    /// What waits, in order, and why it is held if it is.
    Queue {
        session: Selector,
    },
    /// Cancels every waiting prompt.
    QueueClear {
        session: Selector,
    },
    PromptTakeBack {
        prompt: PromptId,
    },
    PromptEdit {
        prompt: PromptId,
        text: String,
    },
    /// The key that its source gave it.
    PromptKey {
        prompt: PromptId,
    },
    /// Runs on after an interrupted turn.
    Continue {
        session: Selector,
        key: String,
    },

    // Reading.
    Log {
        session: Selector,
        since: u64,
        limit: u32,
    },
    Search {
        query: String,
        limit: u32,
        /// Where the person is: `dir:.` is meant from there.
        #[serde(default)]
        dir: Option<PathBuf>,
        /// Look also into conversations that are no sessions, and answer with `found`. Clients of before do not know it.
        #[serde(default)]
        plain: bool,
        /// Bring the index of those up to date first.
        #[serde(default)]
        fresh: bool,
    },
    Audit {
        limit: u32,
    },
    Status {
        channel: Channel,
    },
    Stats {
        session: Option<Selector>,
        since: Option<Timestamp>,
    },
    Names {
        prefix: String,
    },

    // Approvals.
    Approvals {
        session: Option<Selector>,
    },
    Answer {
        approval: ApprovalId,
        decision: Decision,
        by: String,
    },

    // Who may come in from outside.
    /// Everybody who is let in.
    Access,
    /// A code for somebody who wants in and is to show it to the owner. Asked again, it is the same one.
    PairAsk {
        user: i64,
        name: String,
    },
    /// A code for whoever takes it up first, and is then to be let in.
    PairInvite,
    /// Somebody takes up an invitation.
    PairClaim {
        code: String,
        user: i64,
        name: String,
    },
    /// Who has taken up an invitation.
    PairInvited {
        code: String,
    },
    /// Lets in whoever stands behind a code.
    Pair {
        code: String,
    },
    Unpair {
        user: i64,
    },
    /// Lets the people who are let in use a group.
    AllowChat {
        chat: i64,
        name: String,
    },
    ForbidChat {
        chat: i64,
    },
    /// A line for the audit about what the client did itself; `what` is a word for programs.
    AuditNote {
        what: String,
        subject: String,
    },

    // Live.
    /// Events after `since`, then a snapshot, then deltas, under this frame's id until the connection ends.
    Subscribe {
        session: Selector,
        since: u64,
    },
    /// Every session's events after the global cursor `since`; `None` starts at the present.
    Feed {
        since: Option<u64>,
    },
    /// Starts the process so that the next turn is warm.
    Prewarm {
        session: Selector,
    },
    /// What fills the context, as the agent reports it.
    Context {
        session: Selector,
    },

    /// The slash commands that the session's agent knows.
    AgentCommands {
        session: Selector,
    },

    // Moving house.
    /// Packs everything into `file`. With `wait` also sessions that are busy, once their turns are over. `telegram` is
    /// what the bridge keeps, where no bridge runs that could say it.
    HouseOut {
        file: PathBuf,
        wait: bool,
        telegram: Option<serde_json::Value>,
    },
    HouseIn(HouseIn),

    // The host itself.
    /// Removes what is no longer needed and was not used since `before`, of that what was `shown`. Not `confirmed`:
    /// only tells.
    Clean {
        before: Timestamp,
        confirmed: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<Vec<PathBuf>>,
    },
    HostStatus,
    HostStop {
        when: StopWhen,
    },
}

impl Request {
    pub(crate) fn scope(&self) -> PermissionScope {
        match self {
            Self::HostStop { .. } | Self::Clean { .. } => PermissionScope::Local,
            // What a person has said elsewhere is their own.
            Self::Adoptable | Self::SessionAdopt(_) => PermissionScope::Local,
            // Only there is a terminal to hand over to, or one that was lost.
            Self::SessionHandover(_) | Self::SessionTakeBack { .. } => PermissionScope::Local,
            // All that was ever said leaves, or modes, rules and people come.
            Self::HouseOut { .. } | Self::HouseIn(_) => PermissionScope::Local,
            // Nobody outside lets anybody in, or lets a group be used.
            Self::PairInvite | Self::PairInvited { .. } | Self::Pair { .. } => PermissionScope::Local,
            Self::Unpair { .. } | Self::AllowChat { .. } | Self::ForbidChat { .. } => PermissionScope::Local,
            Self::Answer { .. } => PermissionScope::Person,
            Self::SessionSet { key, .. } if key == "permission_mode" => PermissionScope::Person,
            _ => PermissionScope::Any,
        }
    }

    /// Whether a client may ask this that runs `inside` of a session, or of none. A guard against slips: whoever runs
    /// as the same user can say anything of himself.
    pub(crate) fn permit(&self, client: &str, inside: Option<&str>) -> Result<()> {
        let (permitted, hint) = match self.scope() {
            PermissionScope::Any => return Ok(()),
            PermissionScope::Person => {
                (inside.is_none(), "a person has to do that, outside of every session")
            }
            PermissionScope::Local => {
                (client != "telegram" && inside.is_none(), "ask it in a terminal of your own")
            }
        };
        if permitted {
            return Ok(());
        }
        let what = match self {
            Self::Answer { .. } => "an approval cannot be answered",
            Self::SessionSet { .. } => "the permission mode cannot be changed",
            _ => "this cannot be asked",
        };
        let place = inside.map_or_else(|| client.to_owned(), |session| format!("inside session {session}"));
        Err(Error::new(Kind::Denied, format!("{what} from {place}")).hint(hint))
    }

    /// Asked twice, it has the effect of once: it only reads, carries a key, or sets what it sets. After a lost
    /// connection a client may ask again. A turn may end between two stops, an approval be answered by someone
    /// else, so those are not.
    pub(crate) const fn is_repeatable(&self) -> bool {
        match self {
            Self::Send(_) | Self::Continue { .. } => true,
            Self::SessionList { .. } | Self::SessionShow { .. } | Self::Log { .. } | Self::Search { .. } => {
                true
            }
            Self::Audit { .. } | Self::Status { .. } | Self::Stats { .. } | Self::Names { .. } => true,
            Self::Queue { .. } | Self::PromptKey { .. } | Self::ArchivePlan { .. } => true,
            Self::Approvals { .. } | Self::Context { .. } | Self::HostStatus => true,
            Self::Subscribe { .. } | Self::Feed { .. } | Self::Prewarm { .. } => true,
            Self::SessionTag { .. } | Self::SessionPin { .. } | Self::SessionSwitch { .. } => true,
            Self::SessionSet { .. } | Self::PromptEdit { .. } => true,
            Self::SessionRules { .. } | Self::AgentCommands { .. } | Self::Adoptable => true,
            Self::SessionRulesRevoke { .. } => false,
            Self::Access | Self::PairAsk { .. } | Self::PairInvited { .. } | Self::PairClaim { .. } => true,
            Self::AllowChat { .. } | Self::Clean { .. } => true,
            Self::PairInvite | Self::Pair { .. } | Self::Unpair { .. } | Self::ForbidChat { .. } => false,
            Self::AuditNote { .. } => false,
            Self::SessionNew(_) | Self::SessionRename { .. } | Self::SessionStop { .. } => false,
            Self::SessionAdopt(_) | Self::SessionHandover(_) | Self::SessionTakeBack { .. } => false,
            Self::SessionSleep { .. } | Self::SessionDelete { .. } | Self::SessionArchive { .. } => false,
            Self::HouseOut { .. } | Self::HouseIn(_) => false,
            Self::SessionRestore { .. } | Self::QueueRun { .. } | Self::QueueClear { .. } => false,
            Self::PromptTakeBack { .. } | Self::Answer { .. } | Self::HostStop { .. } => false,
        }
    }
}

/// The refusal of a request of local scope; `whence` as in `from telegram`.
pub(crate) fn denied(whence: &str) -> Error {
    Error::new(Kind::Denied, format!("this cannot be asked {whence}"))
        .hint("ask it in a terminal of your own")
}

/// The files of a prompt are copied: so many bytes together.
pub(crate) const MOST_ATTACHED: u64 = 1 << 30;

pub(crate) fn too_much_attached() -> Error {
    Error::usage("files of more than 1 GiB together cannot be attached")
        .hint("put them where Claude can read them, and say where that is")
}

/// A key for a prompt typed in a shell.
pub(crate) fn shell_key() -> String {
    format!("cli:{}", Uuid::new_v4())
}
