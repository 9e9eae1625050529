//! `stream_event`: the raw events of the API as they arrive. Deltas are the hot path of the whole program,
//! so they are read in one pass, without an intermediate value, and only their text is allocated.

use serde::Deserialize;

use super::lenient;
use super::result::Usage;

/// One event of a message that is being streamed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamEvent {
    /// The tool call of the subagent that is speaking.
    pub(crate) parent: Option<String>,
    pub(crate) event: Event,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    MessageStart { id: Option<String>, model: Option<String> },
    BlockStart { index: u64, block: BlockStart },
    Delta { index: u64, delta: Delta },
    BlockStop { index: u64 },
    MessageDelta { stop_reason: Option<String>, usage: Option<Usage> },
    MessageStop,
}

/// The head of a content block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlockStart {
    Text(String),
    Thinking,
    ToolUse {
        id: String,
        name: String,
    },
    /// A block of a kind we do not know; its deltas are still delivered.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delta {
    Text(String),
    Thinking(String),
    /// A piece of the JSON text of a tool's input.
    InputJson(String),
    /// Signatures, citations and whatever comes: nothing to show.
    Other,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    parent_tool_use_id: Option<String>,
    event: RawEvent,
}

#[derive(Deserialize)]
struct RawEvent {
    #[serde(rename = "type")]
    kind: EventKind,
    #[serde(default)]
    index: u64,
    delta: Option<RawDelta>,
    content_block: Option<RawBlock>,
    message: Option<RawMessage>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventKind {
    MessageStart,
    ContentBlockStart,
    ContentBlockDelta,
    ContentBlockStop,
    MessageDelta,
    MessageStop,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct RawDelta {
    #[serde(rename = "type", default)]
    kind: DeltaKind,
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

#[derive(Deserialize, Default)]
enum DeltaKind {
    #[serde(rename = "text_delta")]
    Text,
    #[serde(rename = "thinking_delta")]
    Thinking,
    #[serde(rename = "input_json_delta")]
    InputJson,
    #[default]
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct RawBlock {
    #[serde(rename = "type")]
    kind: BlockKind,
    #[serde(default, deserialize_with = "lenient::or_default")]
    id: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    name: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum BlockKind {
    Text,
    Thinking,
    RedactedThinking,
    ToolUse,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct RawMessage {
    id: Option<String>,
    model: Option<String>,
}

/// The typed event, or None for an event of a kind we do not know.
pub(super) fn parse(line: &[u8]) -> Result<Option<StreamEvent>, serde_json::Error> {
    let line: Line = serde_json::from_slice(line)?;
    let parent = line.parent_tool_use_id;
    Ok(line.event.typed()?.map(|event| StreamEvent { parent, event }))
}

impl RawEvent {
    fn typed(self) -> Result<Option<Event>, serde_json::Error> {
        let index = self.index;
        Ok(Some(match self.kind {
            EventKind::MessageStart => {
                let (id, model) = self.message.map_or((None, None), |message| (message.id, message.model));
                Event::MessageStart { id, model }
            }
            EventKind::ContentBlockStart => Event::BlockStart {
                index,
                block: self.content_block.ok_or_else(|| missing("content_block"))?.typed(),
            },
            EventKind::ContentBlockDelta => {
                Event::Delta { index, delta: self.delta.ok_or_else(|| missing("delta"))?.typed()? }
            }
            EventKind::ContentBlockStop => Event::BlockStop { index },
            EventKind::MessageDelta => Event::MessageDelta {
                stop_reason: self.delta.and_then(|delta| delta.stop_reason),
                usage: self.usage,
            },
            EventKind::MessageStop => Event::MessageStop,
            EventKind::Other => return Ok(None),
        }))
    }
}

impl RawDelta {
    fn typed(self) -> Result<Delta, serde_json::Error> {
        Ok(match self.kind {
            DeltaKind::Text => Delta::Text(self.text.ok_or_else(|| missing("text"))?),
            DeltaKind::Thinking => Delta::Thinking(self.thinking.ok_or_else(|| missing("thinking"))?),
            DeltaKind::InputJson => {
                Delta::InputJson(self.partial_json.ok_or_else(|| missing("partial_json"))?)
            }
            DeltaKind::Other => Delta::Other,
        })
    }
}

impl RawBlock {
    fn typed(self) -> BlockStart {
        match self.kind {
            BlockKind::Text => BlockStart::Text(self.text),
            BlockKind::Thinking | BlockKind::RedactedThinking => BlockStart::Thinking,
            BlockKind::ToolUse => BlockStart::ToolUse { id: self.id, name: self.name },
            BlockKind::Other => BlockStart::Other,
        }
    }
}

fn missing(field: &'static str) -> serde_json::Error {
    serde::de::Error::missing_field(field)
}
