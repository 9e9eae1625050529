//! The Model Context Protocol, as far as a server of ours speaks it through the control pipe: what Claude asks of
//! it, and the answers. One JSON-RPC message each way; every one is answered, also those that want no answer.

use serde_json::{Value, json};

/// What Claude asks for when it says nothing of a version.
const VERSION: &str = "2025-06-18";
const UNKNOWN_METHOD: i32 = -32601;
const BAD_PARAMETERS: i32 = -32602;

/// A server, and the tools it has.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) tools: &'a [Tool<'a>],
}

/// A tool that changes nothing on the machine.
#[derive(Debug)]
pub(crate) struct Tool<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    /// JSON Schema of the input.
    pub(crate) input: Value,
}

/// What a message comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    /// This is the answer.
    Answered(Value),
    /// A tool is to be used; [`used`] makes the answer.
    Use { id: Value, tool: String, input: Value },
}

impl Server<'_> {
    pub(crate) fn asked(&self, message: &Value) -> Asked {
        let id = message.get("id").cloned().unwrap_or_default();
        let params = message.get("params").unwrap_or(&Value::Null);
        let result = match message.get("method").and_then(Value::as_str).unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": params.get("protocolVersion").and_then(Value::as_str).unwrap_or(VERSION),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": self.name, "version": self.version},
            }),
            "tools/list" => json!({"tools": self.tools.iter().map(Tool::json).collect::<Vec<_>>()}),
            "tools/call" => return self.called(id, params),
            "ping" => json!({}),
            // Nothing is answered to a notification, but the pipe wants an answer to everything.
            notification if notification.starts_with("notifications/") => json!({}),
            other => return Asked::Answered(error(&id, UNKNOWN_METHOD, &format!("no method {other}"))),
        };
        Asked::Answered(json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    fn called(&self, id: Value, params: &Value) -> Asked {
        let tool = params.get("name").and_then(Value::as_str).unwrap_or_default();
        if !self.tools.iter().any(|known| known.name == tool) {
            return Asked::Answered(error(&id, BAD_PARAMETERS, &format!("no tool {tool}")));
        }
        let input = params.get("arguments").cloned().unwrap_or_default();
        Asked::Use { id, tool: tool.to_owned(), input }
    }
}

impl Tool<'_> {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "inputSchema": self.input,
            // Without it 2.1.330 asks in plan mode, although the tool is allowed.
            "annotations": {"readOnlyHint": true},
            // Newer releases otherwise keep the description back until the model searches for it.
            "_meta": {"anthropic/alwaysLoad": true},
        })
    }
}

/// The answer to the use of a tool: words for Claude, or why it could not be.
pub(crate) fn used(id: &Value, outcome: &Result<String, String>) -> Value {
    let (Ok(text) | Err(text)) = outcome;
    let content = json!([{"type": "text", "text": text}]);
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": content, "isError": outcome.is_err()}})
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(message: Value) -> Asked {
        let tools = [Tool { name: "wave", description: "Waves.", input: json!({"type": "object"}) }];
        Server { name: "us", version: "1", tools: &tools }.asked(&message)
    }

    fn answer(message: Value) -> Value {
        match asked(message) {
            Asked::Answered(answer) => answer,
            call => panic!("{call:?}"),
        }
    }

    #[test]
    fn what_every_server_is_asked_is_answered() {
        let params = json!({"protocolVersion": "2099-01-01"});
        let hello = answer(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}));
        assert_eq!(hello["result"]["protocolVersion"], "2099-01-01");
        assert_eq!((&hello["id"], &hello["result"]["serverInfo"]["name"]), (&json!(0), &json!("us")));
        let told = answer(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(told, json!({"jsonrpc": "2.0", "id": null, "result": {}}));
        let tools = answer(json!({"id": "a", "method": "tools/list"}));
        assert_eq!(tools["result"]["tools"][0]["name"], "wave");
        assert_eq!(answer(json!({"id": 2, "method": "resources/list"}))["error"]["code"], UNKNOWN_METHOD);
        assert_eq!(answer(json!({"id": 2}))["error"]["code"], UNKNOWN_METHOD);
    }

    #[test]
    fn a_tool_is_used_or_unknown() {
        let call = |name: &str| json!({"id": 3, "method": "tools/call", "params": {"name": name, "arguments": {"at": 1}}});
        let used_it = Asked::Use { id: json!(3), tool: "wave".to_owned(), input: json!({"at": 1}) };
        assert_eq!(asked(call("wave")), used_it);
        assert_eq!(answer(call("shout"))["error"]["code"], BAD_PARAMETERS);
        let failed = used(&json!(3), &Err("no hands".to_owned()));
        assert_eq!((&failed["id"], &failed["result"]["isError"]), (&json!(3), &json!(true)));
        assert_eq!(failed["result"]["content"][0]["text"], "no hands");
    }
}
