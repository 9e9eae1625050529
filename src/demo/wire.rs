//! The messages that go out, as JSON in the shapes that 2.1.330 was recorded with. No decisions are made here.

use serde_json::{Value, json};
use uuid::Uuid;

use super::PROTOCOL_OF;

/// The window that a made-up model has; front ends show a percentage of it.
pub(super) const CONTEXT_WINDOW: u64 = 200_000;

/// One message as the line it is written as.
pub(super) fn line(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// The whole output of a `--resume` that found nothing.
pub(super) fn unknown_conversation(id: Uuid) -> Vec<u8> {
    line(&json!({
        "type": "result", "subtype": "error_during_execution", "is_error": true, "num_turns": 0, "stop_reason": null,
        "duration_ms": 0, "duration_api_ms": 0, "total_cost_usd": 0, "usage": usage(0, 0), "modelUsage": {},
        "permission_denials": [], "session_id": id, "uuid": Uuid::new_v4(), "result_index": 0,
        "errors": [format!("No conversation found with session ID: {id}")],
    }))
}

pub(super) fn lifecycle(prompt: &str, state: &str) -> Value {
    json!({"type": "command_lifecycle", "command_uuid": prompt, "state": state})
}

/// What `system/init` says about the process.
pub(super) struct About<'a> {
    pub(super) cwd: &'a std::path::Path,
    pub(super) model: &'a str,
    pub(super) permission_mode: &'a str,
}

pub(super) fn init(about: &About<'_>) -> Value {
    json!({
        "type": "system", "subtype": "init", "cwd": about.cwd, "model": about.model,
        "permissionMode": about.permission_mode, "tools": ["AskUserQuestion", "Bash", "ExitPlanMode"],
        "mcp_servers": [], "slash_commands": ["clear", "compact", "context", "cost"], "agents": [], "skills": [],
        "plugins": [], "apiKeySource": "none", "claude_code_version": PROTOCOL_OF, "output_style": "default",
        "capabilities": ["interrupt_receipt_v1", "interrupt_cancel_queued_v1", "msg_lifecycle_v1"],
    })
}

pub(super) fn initialized(permission_mode: &str, commands: &[(&str, &str)]) -> Value {
    let commands: Vec<Value> = commands
        .iter()
        .map(|(name, description)| json!({"name": name, "description": description, "argumentHint": ""}))
        .collect();
    json!({
        "commands": commands, "agents": [], "output_style": "default", "available_output_styles": ["default"],
        "models": [{
            "value": "default", "resolvedModel": "demo", "displayName": "Demo (recommended)",
            "description": "Scripted answers; no model and no account",
        }],
        "account": {}, "pid": std::process::id(), "claude_code_version": PROTOCOL_OF,
        "current_permission_mode": permission_mode, "session_state": "idle",
    })
}

pub(super) fn user(content: Value) -> Value {
    json!({
        "type": "user", "message": {"role": "user", "content": content}, "parent_tool_use_id": null,
        "uuid": Uuid::new_v4(),
    })
}

/// An accepted prompt, given back.
pub(super) fn replay(uuid: &str, content: &Value) -> Value {
    json!({
        "type": "user", "message": {"role": "user", "content": content}, "parent_tool_use_id": null, "uuid": uuid,
        "isReplay": true,
    })
}

pub(super) fn stream(event: Value, message: &str) -> Value {
    json!({"type": "stream_event", "event": event, "parent_tool_use_id": null, "api_message_id": message})
}

pub(super) fn message_start(message: &str, model: &str, input_tokens: u64) -> Value {
    json!({"type": "message_start", "message": {
        "id": message, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": usage(input_tokens, 1),
    }})
}

/// The `message` of an assistant line or entry: one finished block of a message.
pub(super) fn block(message: &str, model: &str, content: &Value, stop_reason: Option<&str>) -> Value {
    json!({
        "id": message, "type": "message", "role": "assistant", "model": model, "content": [content],
        "stop_reason": stop_reason, "stop_sequence": null, "usage": usage(0, 0), "context_management": null,
    })
}

/// Something the agent says without a model: a local command's output, or an API error.
pub(super) fn synthetic(text: &str, stop_reason: &str) -> Value {
    json!({
        "id": Uuid::new_v4(), "type": "message", "role": "assistant", "model": "<synthetic>", "stop_reason": stop_reason,
        "stop_sequence": if stop_reason == "stop_sequence" { Some("") } else { None }, "usage": usage(0, 0),
        "content": [{"type": "text", "text": text}], "context_management": null,
    })
}

pub(super) fn usage(input_tokens: u64, output_tokens: u64) -> Value {
    json!({
        "input_tokens": input_tokens, "output_tokens": output_tokens, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0, "service_tier": "standard",
    })
}

pub(super) fn model_usage(model: &str, input_tokens: u64, output_tokens: u64) -> Value {
    json!({ model: {
        "inputTokens": input_tokens, "outputTokens": output_tokens, "cacheReadInputTokens": 0,
        "cacheCreationInputTokens": 0, "webSearchRequests": 0, "costUSD": 0.0, "contextWindow": CONTEXT_WINDOW,
        "maxOutputTokens": 32_000,
    }})
}

pub(super) fn success(request: &Value, response: Value) -> Value {
    let mut body = json!({"subtype": "success", "request_id": request});
    if !response.is_null() {
        body["response"] = response;
    }
    json!({"type": "control_response", "response": body})
}

pub(super) fn failure(request: &Value, error: &str, code: &str) -> Value {
    json!({"type": "control_response", "response": {
        "subtype": "error", "request_id": request, "error": error, "error_code": code,
    }})
}

/// A `toolu_…` or `msg_…` id.
pub(super) fn vendor_id(kind: &str) -> String {
    let mut id = format!("{kind}_{}", Uuid::new_v4().simple());
    id.truncate(kind.len() + 21);
    id
}
