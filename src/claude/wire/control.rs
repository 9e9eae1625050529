//! Control messages that come in: requests Claude waits on, and answers to ours.

use serde::Deserialize;
use serde_json::Value;

use super::lenient;

/// A request that must be answered, also when we do not know what it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ControlRequest {
    pub(crate) request_id: String,
    pub(crate) ask: Ask,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    /// May this tool run? Questions and plans come this way too.
    CanUseTool(Box<CanUseTool>),
    /// A JSON-RPC message for an MCP server of ours.
    McpMessage {
        server: String,
        message: Value,
    },
    HookCallback {
        callback_id: String,
        input: Value,
    },
    /// Unknown, or a known one in an unknown shape: to be answered with an error.
    Other {
        subtype: String,
        raw: Value,
    },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct CanUseTool {
    pub(crate) tool_name: String,
    #[serde(default)]
    pub(crate) input: Value,
    pub(crate) tool_use_id: Option<String>,
    pub(crate) description: Option<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) permission_suggestions: Vec<PermissionUpdate>,
    pub(crate) blocked_path: Option<String>,
    pub(crate) decision_reason: Option<String>,
}

/// A change of the permission rules, as Claude suggests it and as we may send it back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct PermissionUpdate(Value);

impl PermissionUpdate {
    /// `addRules`, `addDirectories`, `setMode` …
    pub(crate) fn kind(&self) -> &str {
        self.text("type")
    }

    /// `allow`, `deny`, `ask`: what rules do.
    pub(crate) fn behavior(&self) -> &str {
        self.text("behavior")
    }

    /// `session` lasts for the process, `localSettings` is written to the project.
    pub(crate) fn destination(&self) -> &str {
        self.text("destination")
    }

    /// What it allows, one phrase each: `Bash(mkdir build *)`, `directory /x`, `mode acceptEdits`. Rules are written
    /// as Claude writes them into its settings.
    pub(crate) fn phrases(&self) -> Vec<String> {
        let list = |name: &str| self.0.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        match self.kind() {
            "setMode" => vec![format!("mode {}", self.text("mode"))],
            "addDirectories" => list("directories")
                .iter()
                .filter_map(Value::as_str)
                .map(|dir| format!("directory {dir}"))
                .collect(),
            _ => list("rules").iter().filter_map(rule_phrase).collect(),
        }
    }

    /// The same change with another lifetime.
    pub(crate) fn to_destination(&self, destination: &str) -> Self {
        let mut update = self.0.clone();
        if let Some(fields) = update.as_object_mut() {
            fields.insert("destination".to_owned(), destination.into());
        }
        Self(update)
    }

    pub(super) fn json(&self) -> &Value {
        &self.0
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn rule_phrase(rule: &Value) -> Option<String> {
    let tool = rule.get("toolName")?.as_str()?;
    let content = rule.get("ruleContent").and_then(Value::as_str);
    Some(content.map_or_else(|| tool.to_owned(), |content| format!("{tool}({})", escaped(content))))
}

/// In a rule's text a parenthesis is part of what is allowed only behind a backslash.
fn escaped(content: &str) -> String {
    content.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)")
}

/// The answer to a request of ours. 2.1.330 also echoes our own answers to permission requests this way: an
/// id that we did not give out is to be ignored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ControlResponse {
    pub(crate) request_id: String,
    pub(crate) outcome: Result<Value, String>,
}

#[derive(Deserialize)]
struct RawRequest {
    request_id: String,
    #[serde(default)]
    request: Value,
}

#[derive(Deserialize)]
struct RawResponse {
    response: RawOutcome,
}

#[derive(Deserialize)]
struct RawOutcome {
    request_id: String,
    #[serde(default)]
    subtype: String,
    #[serde(default)]
    response: Value,
    error: Option<Value>,
}

pub(super) fn parse_request(line: &[u8]) -> Result<ControlRequest, serde_json::Error> {
    let RawRequest { request_id, request } = serde_json::from_slice(line)?;
    Ok(ControlRequest { request_id, ask: ask(request) })
}

fn ask(mut request: Value) -> Ask {
    let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
    let subtype = text("subtype").unwrap_or_default();
    let known = match subtype.as_str() {
        // A wrong shape must still be answered, so it falls through to `Other` with everything it had.
        "can_use_tool" => CanUseTool::deserialize(&request).ok().map(|ask| Ask::CanUseTool(Box::new(ask))),
        "mcp_message" => text("server_name").map(|server| {
            let message = request.get_mut("message").map(Value::take).unwrap_or_default();
            Ask::McpMessage { server, message }
        }),
        "hook_callback" => text("callback_id").map(|callback_id| {
            let input = request.get_mut("input").map(Value::take).unwrap_or_default();
            Ask::HookCallback { callback_id, input }
        }),
        _ => None,
    };
    known.unwrap_or(Ask::Other { subtype, raw: request })
}

pub(super) fn parse_response(line: &[u8]) -> Result<ControlResponse, serde_json::Error> {
    let RawResponse { response } = serde_json::from_slice(line)?;
    let outcome = if response.subtype == "error" {
        Err(match response.error {
            Some(Value::String(words)) => words,
            Some(other) => other.to_string(),
            None => "no reason given".to_owned(),
        })
    } else {
        Ok(response.response)
    };
    Ok(ControlResponse { request_id: response.request_id, outcome })
}
