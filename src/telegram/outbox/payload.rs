//! What is to be said, as it lies in a row of `outgoing` until it is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::model::{PromptId, SessionId, TurnId};
use crate::telegram::db::MessageKind;
use crate::telegram::render::Rich;

/// The lowest goes first, within a chat.
pub(crate) mod priority {
    pub(crate) const ANSWER: u8 = 10;
    pub(crate) const APPROVAL: u8 = 20;
    pub(crate) const FINAL: u8 = 30;
    /// That something was answered, or waits, is less than what there is to read.
    pub(crate) const SETTLED: u8 = 33;
    pub(crate) const QUEUED: u8 = 35;
    pub(crate) const MIRROR: u8 = 40;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Payload {
    Message(Message),
    /// How a turn ended: it takes the place of the message that showed the turn, if there is one.
    Final(Final),
    /// A message that is there says something else from now on.
    Edit {
        message: Target,
        rich: Rich,
        #[serde(default)]
        buttons: Keyboard,
    },
    File(FileOut),
    React {
        message: i64,
        /// None takes the bot's reaction away.
        emoji: Option<String>,
    },
    Delete {
        message: i64,
    },
    /// The topic that the row is for is closed, or opened again.
    Topic {
        closed: bool,
    },
}

/// A new message; one that is too long becomes several, of which the last has the buttons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) rich: Rich,
    /// Rings at the person's; everything else is silent.
    pub(crate) ring: bool,
    #[serde(default)]
    pub(crate) reply_to: Option<i64>,
    #[serde(default)]
    pub(crate) buttons: Keyboard,
    pub(crate) note: Note,
}

/// What a message is, so that an answer to it finds its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) kind: MessageKind,
    pub(crate) session: Option<SessionId>,
    pub(crate) prompt: Option<PromptId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Final {
    pub(crate) session: SessionId,
    pub(crate) turn: TurnId,
    pub(crate) prompt: Option<PromptId>,
    /// Before the text, where the place shows several sessions.
    pub(crate) heading: Rich,
    /// The reply as Markdown.
    pub(crate) markdown: String,
    /// Below it, in small print: an error's words, `stopped`.
    pub(crate) footer: Rich,
    pub(crate) ring: bool,
    pub(crate) reply_to: Option<i64>,
    /// How long the turn took, in milliseconds, and how many tools it used: for `✓ 4m12s · 14 tools`.
    pub(crate) took_ms: u64,
    pub(crate) tools: u32,
    #[serde(default)]
    pub(crate) buttons: Keyboard,
}

/// Which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    Id(i64),
    /// What this row of `outgoing` has become; nothing is done if it never did.
    Row(i64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileOut {
    pub(crate) name: String,
    pub(crate) content: FileContent,
    pub(crate) caption: Rich,
    pub(crate) ring: bool,
    pub(crate) reply_to: Option<i64>,
    #[serde(default)]
    pub(crate) buttons: Keyboard,
    pub(crate) note: Note,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileContent {
    Text(String),
    /// Read when it is sent. A picture is sent as one.
    Path(PathBuf),
}

/// Rows of buttons. Each has its token already: a row of `button` made in the same transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Keyboard(pub(crate) Vec<Vec<Key>>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) label: String,
    pub(crate) press: Press,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Press {
    pub(crate) token: String,
}

impl Payload {
    /// As a row of `outgoing` has it.
    pub(crate) fn to_json(&self) -> Result<Value, Error> {
        serde_json::to_value(self)
            .map_err(|error| Error::failed(format!("a message cannot be put into JSON: {error}")))
    }

    /// What was meant for a topic, to be said elsewhere. What is said of a session has these words before it then,
    /// unless they are there already; and it answers nothing: an answer goes where that is what it answers.
    pub(crate) fn out_of_topic(mut self, heading: &Rich) -> Self {
        let (rich, session, reply_to) = match &mut self {
            Self::Final(last) => (&mut last.heading, Some(last.session), &mut last.reply_to),
            Self::Message(message) => (&mut message.rich, message.note.session, &mut message.reply_to),
            Self::File(file) => (&mut file.caption, file.note.session, &mut file.reply_to),
            _ => return self,
        };
        if session.is_some() {
            head(rich, heading);
        }
        *reply_to = None;
        self
    }
}

pub(crate) fn head(rich: &mut Rich, heading: &Rich) {
    if !rich.text.starts_with(heading.text.trim_end()) {
        let text = std::mem::replace(rich, heading.clone());
        rich.append(&text);
    }
}

impl Keyboard {
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.0.iter().flatten().map(|key| key.press.token.clone()).collect()
    }
}
