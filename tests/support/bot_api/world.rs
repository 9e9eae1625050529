//! Who and what there is: people, chats, topics, messages, files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::files::Files;
use super::refusal::Refusal;

/// Above 32 bits, as real ones are.
pub(super) const BOT: i64 = 7_000_000_001;
pub(super) const BOT_NAME: &str = "claudebot_test_bot";
/// The user behind whom anonymous administrators write.
pub(super) const ANONYMOUS: i64 = 1_087_968_824;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Private,
    Group,
    Supergroup { forum: bool },
    Channel,
}

/// What the bot is in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Administrator,
    Member,
    Kicked,
}

impl Standing {
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
            Self::Kicked => "kicked",
        }
    }
}

/// A message in a chat.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) id: i64,
    pub(super) by_bot: bool,
    /// A topic; General and chats without topics have none.
    pub(super) thread: Option<i64>,
    /// As the API gives it.
    pub(super) body: Map<String, Value>,
    pub(super) silent: bool,
    pub(super) edits: u32,
    /// The id of the file that it carries.
    pub(super) file: Option<String>,
    /// The bot's.
    pub(super) reaction: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) closed: bool,
}

/// A preview that is not a message.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) thread: Option<i64>,
    pub(super) text: String,
    /// On the clock of the stand-in.
    pub(super) until: std::time::Duration,
}

#[derive(Debug)]
pub(super) struct ChatState {
    pub(super) id: i64,
    pub(super) kind: Kind,
    /// A person's name in a private chat.
    pub(super) title: String,
    /// By user, with their status.
    pub(super) members: BTreeMap<i64, &'static str>,
    pub(super) topics: BTreeMap<i64, Topic>,
    pub(super) messages: BTreeMap<i64, Posted>,
    pub(super) standing: Standing,
    pub(super) migrated_to: Option<i64>,
    pub(super) pinned: BTreeSet<i64>,
    pub(super) drafts: BTreeMap<i64, Draft>,
    last_message: i64,
}

impl ChatState {
    pub(super) fn is_forum(&self) -> bool {
        self.kind == Kind::Supergroup { forum: true }
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.kind, Kind::Group | Kind::Supergroup { .. })
    }

    /// As it stands in messages.
    pub(super) fn json(&self) -> Value {
        match self.kind {
            Kind::Private => json!({ "id": self.id, "type": "private", "first_name": self.title }),
            Kind::Group => {
                json!({ "id": self.id, "type": "group", "title": self.title, "all_members_are_administrators": false })
            }
            Kind::Supergroup { forum: true } => {
                json!({ "id": self.id, "type": "supergroup", "title": self.title, "is_forum": true })
            }
            Kind::Supergroup { forum: false } => {
                json!({ "id": self.id, "type": "supergroup", "title": self.title })
            }
            Kind::Channel => json!({ "id": self.id, "type": "channel", "title": self.title }),
        }
    }
}

/// What a call wants of a chat; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    Read,
    Edit,
    Write,
}

/// A press of a button that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) at: std::time::Duration,
    pub(super) expired: bool,
    /// What the bot answered.
    pub(super) answer: Option<Value>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) users: BTreeMap<i64, Value>,
    pub(super) chats: BTreeMap<i64, ChatState>,
    pub(super) files: Files,
    pub(super) queries: BTreeMap<String, Query>,
    /// By scope and language.
    pub(super) commands: BTreeMap<String, Value>,
    /// Whether the bot sees only what is addressed to it in groups.
    pub(super) privacy: bool,
    /// Whether private chats have topics.
    pub(super) private_topics: bool,
    /// Private chats and basic groups count their messages together.
    last_shared_message: i64,
    last_number: i64,
}

impl Default for World {
    fn default() -> Self {
        let anonymous = json!({ "id": ANONYMOUS, "is_bot": true, "first_name": "Group", "username": "GroupAnonymousBot" });
        let bot = json!({ "id": BOT, "is_bot": true, "first_name": "claudebot", "username": BOT_NAME });
        Self {
            users: BTreeMap::from([(ANONYMOUS, anonymous), (BOT, bot)]),
            chats: BTreeMap::new(),
            files: Files::default(),
            queries: BTreeMap::new(),
            commands: BTreeMap::new(),
            privacy: false,
            private_topics: false,
            last_shared_message: 100,
            last_number: 0,
        }
    }
}

impl World {
    /// Different ones each time.
    pub(super) fn number(&mut self) -> i64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn add_user(&mut self, name: &str, is_bot: bool) -> i64 {
        let id = 7_100_000_000 + self.number();
        let username = name.to_lowercase().replace(' ', "_");
        let username = if is_bot { format!("{username}_bot") } else { username };
        let mut user = json!({ "id": id, "is_bot": is_bot, "first_name": name, "username": username });
        if !is_bot {
            user["language_code"] = json!("en");
        }
        self.users.insert(id, user);
        id
    }

    pub(super) fn user(&self, id: i64) -> Value {
        self.users.get(&id).cloned().unwrap_or_else(|| panic!("no user {id}"))
    }

    /// A chat with a new id, the bot an administrator where there are some.
    pub(super) fn add_chat(&mut self, kind: Kind, title: &str, members: &[i64]) -> i64 {
        let id = match kind {
            Kind::Private => {
                members.first().copied().unwrap_or_else(|| panic!("a private chat without a person"))
            }
            Kind::Group => -4_000_000_000 - self.number(),
            Kind::Supergroup { .. } | Kind::Channel => -1_002_000_000_000 - self.number(),
        };
        let standing = match kind {
            Kind::Private | Kind::Group => Standing::Member,
            Kind::Supergroup { .. } | Kind::Channel => Standing::Administrator,
        };
        let status = |index: usize| if index == 0 { "creator" } else { "member" };
        let chat = ChatState {
            id,
            kind,
            title: title.to_owned(),
            members: members.iter().enumerate().map(|(index, user)| (*user, status(index))).collect(),
            topics: BTreeMap::new(),
            messages: BTreeMap::new(),
            standing,
            migrated_to: None,
            pinned: BTreeSet::new(),
            drafts: BTreeMap::new(),
            // The first message says that the chat was made; it is also the id of General.
            last_message: 1,
        };
        self.chats.entry(id).or_insert(chat);
        id
    }

    /// For the control side, whose chats exist.
    pub(super) fn chat(&self, id: i64) -> &ChatState {
        self.chats.get(&id).unwrap_or_else(|| panic!("no chat {id}"))
    }

    pub(super) fn chat_mut(&mut self, id: i64) -> &mut ChatState {
        self.chats.get_mut(&id).unwrap_or_else(|| panic!("no chat {id}"))
    }

    /// The id of the chat's next message.
    pub(super) fn next_message(&mut self, chat: i64) -> i64 {
        match self.chat(chat).kind {
            Kind::Private | Kind::Group => {
                self.last_shared_message += 1;
                self.last_shared_message
            }
            Kind::Supergroup { .. } | Kind::Channel => {
                let chat = self.chat_mut(chat);
                chat.last_message += 1;
                chat.last_message
            }
        }
    }

    /// A chat that the bot may use in this way.
    pub(super) fn open(&mut self, id: Option<i64>, access: Access) -> Result<&mut ChatState, Refusal> {
        let id = id.ok_or_else(|| Refusal::bad("chat_id is empty"))?;
        let chat = self.chats.get_mut(&id).ok_or_else(|| Refusal::bad("chat not found"))?;
        let name = match chat.kind {
            Kind::Private => "",
            Kind::Group => "group",
            Kind::Supergroup { .. } => "supergroup",
            Kind::Channel => "channel",
        };
        match (chat.standing, chat.migrated_to) {
            (_, Some(to)) if access == Access::Write => Err(Refusal::migrated(to)),
            (Standing::Kicked, _) if access == Access::Read && name != "supergroup" => Ok(chat),
            (Standing::Kicked, _) if name.is_empty() => {
                Err(Refusal::forbidden("bot was blocked by the user"))
            }
            (Standing::Kicked, _) => Err(Refusal::forbidden(format!("bot was kicked from the {name} chat"))),
            _ => Ok(chat),
        }
    }

    /// A message that the bot may see; `what` names it in the refusal.
    pub(super) fn message(
        &mut self,
        chat: Option<i64>,
        id: Option<i64>,
        access: Access,
        what: &str,
    ) -> Result<&mut Posted, Refusal> {
        let chat = self.open(chat, access)?;
        let missing = || Refusal::bad(format!("{what} not found"));
        chat.messages.get_mut(&id.unwrap_or_default()).ok_or_else(missing)
    }
}
