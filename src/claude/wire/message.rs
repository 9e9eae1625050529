//! `assistant` and `user`: finished pieces of the conversation.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use uuid::Uuid;

use super::lenient;

/// A piece of a message's content.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    Text(String),
    Thinking(String),
    ToolUse {
        id: String,
        name: String,
        input: Value,
    },
    ToolResult {
        tool_use_id: String,
        text: String,
        is_error: bool,
    },
    /// Images, server tools, and whatever comes.
    Other(Value),
}

/// What Claude said: one message per finished content block, so several share one `message_id`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "RawAssistant")]
pub(crate) struct Assistant {
    pub(crate) uuid: Option<Uuid>,
    pub(crate) session_id: Option<Uuid>,
    /// The tool call of the subagent that said it.
    pub(crate) parent: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) blocks: Vec<Block>,
    /// Why Claude could not answer: `authentication_failed`, `rate_limit`, `overloaded` … The blocks hold
    /// the words for it.
    pub(crate) error: Option<String>,
}

impl Assistant {
    /// The account must log in before anything else can work.
    pub(crate) fn needs_login(&self) -> bool {
        matches!(self.error.as_deref(), Some("authentication_failed" | "oauth_org_not_allowed"))
    }

    /// Written by the program, not by the model: error messages and the output of local commands.
    pub(crate) fn is_synthetic(&self) -> bool {
        self.model.as_deref() == Some("<synthetic>")
    }
}

/// A user message as Claude reports it: a tool's result, the echo of a prompt, a local command's output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "RawUser")]
pub(crate) struct User {
    /// For an echo the uuid of our prompt.
    pub(crate) uuid: Option<Uuid>,
    pub(crate) session_id: Option<Uuid>,
    pub(crate) parent: Option<String>,
    pub(crate) content: Content,
    /// An echo: of a prompt of ours if the uuid is known, else of a local command's output.
    pub(crate) is_replay: bool,
    /// Made up by the program (a compaction's summary, a notification).
    pub(crate) is_synthetic: bool,
}

impl User {
    /// What a local command printed, without the tags around it.
    pub(crate) fn local_output(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => local_output(text),
            Content::Blocks(_) => None,
        }
    }

    /// The line the program leaves where a person interrupted.
    pub(crate) fn is_interrupt_mark(&self) -> bool {
        is_interrupt_mark(&self.content)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

impl Content {
    /// All text in it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => {
                let texts: Vec<&str> = blocks.iter().filter_map(Block::text).collect();
                texts.join("\n")
            }
        }
    }

    /// The blocks; a plain text has none.
    pub(crate) fn blocks(&self) -> &[Block] {
        match self {
            Self::Text(_) => &[],
            Self::Blocks(blocks) => blocks,
        }
    }
}

impl Block {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What stands between the tags of a local command's output; the tags are the only sign that it is one.
pub(in crate::claude) fn local_output(text: &str) -> Option<&str> {
    ["local-command-stdout", "local-command-stderr"].iter().find_map(|tag| {
        let rest = text.strip_prefix('<')?.strip_prefix(tag)?.strip_prefix('>')?;
        let end = format!("</{tag}>");
        Some(rest.trim_end().strip_suffix(end.as_str()).unwrap_or(rest).trim())
    })
}

pub(in crate::claude) fn is_interrupt_mark(content: &Content) -> bool {
    matches!(content.blocks(), [Block::Text(text)] if text.starts_with("[Request interrupted by user"))
}

#[derive(Deserialize)]
struct RawAssistant {
    #[serde(default, deserialize_with = "lenient::uuid")]
    uuid: Option<Uuid>,
    #[serde(default, deserialize_with = "lenient::uuid")]
    session_id: Option<Uuid>,
    parent_tool_use_id: Option<String>,
    message: RawMessage,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct RawUser {
    #[serde(default, deserialize_with = "lenient::uuid")]
    uuid: Option<Uuid>,
    #[serde(default, deserialize_with = "lenient::uuid")]
    session_id: Option<Uuid>,
    parent_tool_use_id: Option<String>,
    message: RawMessage,
    #[serde(rename = "isReplay", default, deserialize_with = "lenient::or_default")]
    is_replay: bool,
    #[serde(rename = "isSynthetic", default, deserialize_with = "lenient::or_default")]
    is_synthetic: bool,
}

#[derive(Deserialize)]
struct RawMessage {
    id: Option<String>,
    model: Option<String>,
    content: Content,
}

impl From<RawAssistant> for Assistant {
    fn from(raw: RawAssistant) -> Self {
        let blocks = match raw.message.content {
            Content::Text(text) => vec![Block::Text(text)],
            Content::Blocks(blocks) => blocks,
        };
        // An error that is not a word is still an error.
        let error = raw.error.filter(|error| !error.is_null()).map(|error| match error {
            Value::String(word) => word,
            other => other.to_string(),
        });
        Self {
            uuid: raw.uuid,
            session_id: raw.session_id,
            parent: raw.parent_tool_use_id,
            message_id: raw.message.id,
            model: raw.message.model,
            blocks,
            error,
        }
    }
}

impl From<RawUser> for User {
    fn from(raw: RawUser) -> Self {
        Self {
            uuid: raw.uuid,
            session_id: raw.session_id,
            parent: raw.parent_tool_use_id,
            content: raw.message.content,
            is_replay: raw.is_replay,
            is_synthetic: raw.is_synthetic,
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Array(items) => Ok(Self::Blocks(items.into_iter().map(Block::from).collect())),
            _ => Err(serde::de::Error::custom("content is neither text nor a list of blocks")),
        }
    }
}

impl From<Value> for Block {
    fn from(mut raw: Value) -> Self {
        let field = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
        let known = match raw.get("type").and_then(Value::as_str) {
            Some("text") => field("text").map(Self::Text),
            Some("thinking") => field("thinking").map(Self::Thinking),
            Some("tool_use") => field("id").zip(field("name")).map(|(id, name)| {
                let input = raw.get_mut("input").map(Value::take).unwrap_or_default();
                Self::ToolUse { id, name, input }
            }),
            Some("tool_result") => field("tool_use_id").map(|tool_use_id| Self::ToolResult {
                tool_use_id,
                text: result_text(raw.get("content")),
                is_error: raw.get("is_error").and_then(Value::as_bool).unwrap_or(false),
            }),
            // Megabytes that nobody looks at.
            Some("image") => Some(Self::Other(serde_json::json!({"type": "image"}))),
            _ => None,
        };
        known.unwrap_or(Self::Other(raw))
    }
}

/// A tool's result is a text or a list of blocks; what is no text is named in brackets.
fn result_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let texts: Vec<String> = items.iter().map(item_text).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn item_text(item: &Value) -> String {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("content");
    item.get("text").and_then(Value::as_str).map_or_else(|| format!("[{kind}]"), str::to_owned)
}
