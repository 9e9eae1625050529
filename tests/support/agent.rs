//! The real CLI in stream-json mode, driven without claudebot: what the vendor does by itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::PATIENCE;
use super::home::Home;
use super::process::{Output, Running};

/// One resident process of the CLI.
pub(crate) struct Agent {
    running: Running,
}

impl Agent {
    /// Starts `claude` of this home, with more arguments after those that stream-json needs.
    #[track_caller]
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.program(home.path().join("bin/claude"));
        command.args(["-p", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json"]);
        command.args(["--include-partial-messages", "--replay-user-messages"]);
        command.args(["--permission-prompt-tool", "stdio"]).args(arguments);
        let mut agent = Self { running: Running::spawn(command) };
        agent.control("start", json!({ "subtype": "initialize", "hooks": null }));
        agent.until(|message| message["response"]["request_id"] == "start");
        agent
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.running.send(format!("{message}\n"));
    }

    pub(crate) fn control(&mut self, id: &str, request: Value) {
        self.send(&json!({ "type": "control_request", "request_id": id, "request": request }));
    }

    /// Sends a prompt and gives its uuid.
    pub(crate) fn prompt(&mut self, text: &str) -> Uuid {
        let uuid = Uuid::new_v4();
        self.send(&json!({
            "type": "user",
            "message": { "role": "user", "content": text },
            "parent_tool_use_id": null,
            "session_id": "",
            "uuid": uuid,
        }));
        uuid
    }

    /// The next message that fits; those before it are passed over.
    #[track_caller]
    pub(crate) fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(line) = self.running.next_line(left) else { break };
            let message: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("not JSON: {error}: {line}"));
            if fits(&message) {
                return message;
            }
            passed.push(line.chars().take(200).collect::<String>());
        }
        let output = self.running.wait(Duration::from_secs(10));
        panic!("claude ended ({}) after:\n{}\n{}", output.code, passed.join("\n"), output.stderr);
    }

    /// Waits for the end of a turn and gives the words of its result.
    #[track_caller]
    pub(crate) fn result(&mut self) -> String {
        let result = self.until(|message| message["type"] == "result");
        result["result"].as_str().map_or_else(|| result.to_string(), str::to_owned)
    }

    /// Waits for text to come in the running reply.
    #[track_caller]
    pub(crate) fn text(&mut self, text: &str) {
        self.until(|message| message["event"]["delta"]["text"] == text);
    }

    /// Waits until Claude asks for a permission: the request, and the id for [`Self::allow`].
    #[track_caller]
    pub(crate) fn asked(&mut self) -> (String, Value) {
        let asked = self.until(|message| message["request"]["subtype"] == "can_use_tool");
        (asked["request_id"].as_str().unwrap_or_default().to_owned(), asked["request"].clone())
    }

    pub(crate) fn allow(&mut self, id: &str, input: &Value) {
        self.answer(id, json!({ "behavior": "allow", "updatedInput": input }));
    }

    pub(crate) fn answer(&mut self, id: &str, answer: Value) {
        self.send(&json!({
            "type": "control_response",
            "response": { "subtype": "success", "request_id": id, "response": answer },
        }));
    }

    /// Closes stdin and waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Output {
        self.running.wait(PATIENCE)
    }
}
