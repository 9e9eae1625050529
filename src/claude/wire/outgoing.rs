//! What we write: one line of JSON each, built here and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use uuid::Uuid;

use super::control::PermissionUpdate;

/// A line that is ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    line: Vec<u8>,
    prompt: Option<Uuid>,
}

/// When Claude is to read a prompt that comes while a turn runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// At once: what is being said is dropped.
    Now,
    /// At the next step: after the tool call or the reply that runs. What Claude assumes if nothing is said.
    Next,
    /// When the turn is over.
    Later,
}

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PromptBlock {
    Text(String),
    /// An image of a type such as `image/png`.
    Image {
        media_type: &'static str,
        data: Vec<u8>,
    },
}

impl From<&str> for PromptBlock {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A request of ours; the answer carries the id given to [`Outgoing::request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// To be written before the first prompt; there is no need to wait for the answer. It makes a changed
    /// system prompt apply when a conversation is resumed (newer releases would keep the recorded one; older
    /// ones ignore the field), and names the MCP servers that we are.
    Initialize {
        mcp_servers: Vec<String>,
    },
    Interrupt {
        cancel_queued: bool,
    },
    /// None is the default model.
    SetModel(Option<String>),
    SetPermissionMode(String),
    /// None is the default amount.
    SetMaxThinkingTokens(Option<u32>),
    GetContextUsage,
    GetSessionCost,
    GetUsage,
    GetSettings,
    McpStatus,
    RenameSession(String),
    /// Takes back a prompt that waits inside Claude; the answer's `cancelled` tells whether it still did.
    CancelAsyncMessage(Uuid),
}

/// An answer to a request of Claude's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// The tool may run with this input (for a question: with `answers` added).
    Allow { input: Value, updates: Vec<PermissionUpdate> },
    Deny {
        message: String,
        /// Ends the turn as well.
        interrupt: bool,
    },
    /// A JSON-RPC reply.
    Mcp(Value),
    /// We cannot or will not; Claude goes on without.
    Error(String),
}

impl Outgoing {
    /// A prompt. The uuid is stored with the conversation, and the same one is not run twice. Each piece is taken, put
    /// into the line and dropped before the next: images are large.
    pub(crate) fn prompt(
        uuid: Uuid,
        blocks: impl IntoIterator<Item = PromptBlock>,
        priority: Option<Priority>,
    ) -> Self {
        let mut blocks = blocks.into_iter();
        let mut line = beginning(uuid, priority);
        match (blocks.next(), blocks.next()) {
            // A text alone is a plain string: a slash command is only recognised in one.
            (Some(PromptBlock::Text(text)), None) => line.push_str(&Value::from(text).to_string()),
            (first, second) => {
                let all = first.into_iter().chain(second).chain(blocks);
                for (number, block) in all.enumerate() {
                    line.push(if number == 0 { '[' } else { ',' });
                    block.write_to(&mut line);
                }
                line.push(']');
            }
        }
        line.push_str("}}\n");
        Self { line: line.into_bytes(), prompt: Some(uuid) }
    }

    pub(crate) fn request(id: &str, request: &Request) -> Self {
        Self::new(&json!({"type": "control_request", "request_id": id, "request": request.json()}))
    }

    pub(crate) fn answer(request_id: &str, answer: &Answer) -> Self {
        let response = match answer {
            Answer::Error(error) => json!({"subtype": "error", "request_id": request_id, "error": error}),
            done => json!({"subtype": "success", "request_id": request_id, "response": done.json()}),
        };
        Self::new(&json!({"type": "control_response", "response": response}))
    }

    /// The uuid of a prompt; None for everything else.
    pub(crate) fn prompt_uuid(&self) -> Option<Uuid> {
        self.prompt
    }

    /// The JSON and the newline that ends it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.line
    }

    fn new(message: &Value) -> Self {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        Self { line, prompt: None }
    }
}

/// The line of a prompt up to its content, which comes last because it may be large.
fn beginning(uuid: Uuid, priority: Option<Priority>) -> String {
    let priority = priority.map(|priority| format!(r#","priority":"{}""#, priority.word()));
    format!(
        r#"{{"type":"user","uuid":"{uuid}","session_id":"","parent_tool_use_id":null{},"message":{{"role":"user","content":"#,
        priority.unwrap_or_default()
    )
}

impl Priority {
    const fn word(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Next => "next",
            Self::Later => "later",
        }
    }
}

impl PromptBlock {
    fn write_to(self, line: &mut String) {
        match self {
            Self::Text(text) => line.push_str(&json!({"type": "text", "text": text}).to_string()),
            Self::Image { media_type, data } => {
                line.reserve(data.len() / 3 * 4 + 200);
                line.push_str(&format!(
                    r#"{{"type":"image","source":{{"type":"base64","media_type":"{media_type}","data":""#
                ));
                BASE64.encode_string(data, line);
                line.push_str(r#""}}"#);
            }
        }
    }
}

impl Request {
    fn json(&self) -> Value {
        match self {
            Self::Initialize { mcp_servers } => {
                let mut request =
                    json!({"subtype": "initialize", "hooks": null, "systemPromptSnapshot": false});
                if !mcp_servers.is_empty() {
                    request["sdkMcpServers"] = json!(mcp_servers);
                }
                request
            }
            Self::Interrupt { cancel_queued: false } => json!({"subtype": "interrupt"}),
            Self::Interrupt { cancel_queued: true } => json!({"subtype": "interrupt", "cancel_queued": true}),
            Self::SetModel(model) => json!({"subtype": "set_model", "model": model}),
            Self::SetPermissionMode(mode) => json!({"subtype": "set_permission_mode", "mode": mode}),
            Self::SetMaxThinkingTokens(count) => {
                json!({"subtype": "set_max_thinking_tokens", "max_thinking_tokens": count})
            }
            Self::GetContextUsage => json!({"subtype": "get_context_usage"}),
            Self::GetSessionCost => json!({"subtype": "get_session_cost"}),
            Self::GetUsage => json!({"subtype": "get_usage"}),
            Self::GetSettings => json!({"subtype": "get_settings"}),
            Self::McpStatus => json!({"subtype": "mcp_status"}),
            Self::RenameSession(title) => json!({"subtype": "rename_session", "title": title}),
            Self::CancelAsyncMessage(uuid) => {
                json!({"subtype": "cancel_async_message", "message_uuid": uuid})
            }
        }
    }
}

impl Answer {
    fn json(&self) -> Value {
        match self {
            Self::Allow { input, updates } if updates.is_empty() => {
                json!({"behavior": "allow", "updatedInput": input})
            }
            Self::Allow { input, updates } => {
                let updates: Vec<&Value> = updates.iter().map(PermissionUpdate::json).collect();
                json!({"behavior": "allow", "updatedInput": input, "updatedPermissions": updates})
            }
            Self::Deny { message, interrupt: false } => json!({"behavior": "deny", "message": message}),
            Self::Deny { message, interrupt: true } => {
                json!({"behavior": "deny", "message": message, "interrupt": true})
            }
            Self::Mcp(reply) => json!({"mcp_response": reply}),
            Self::Error(_) => Value::Null,
        }
    }
}
