//! Slash commands that the agent carries out itself, without a model: `/clear`, `/compact`, `/context`, `/cost`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::{Agent, Cut, Queued};
use super::outside::Outside;
use super::wire;

/// What `initialize` lists.
pub(super) const COMMANDS: &[(&str, &str)] = &[
    ("clear", "Start a new conversation"),
    ("compact", "Shorten the conversation (the demo only pretends)"),
    ("context", "Show how full the context is"),
    ("cost", "Show what this session has cost (nothing)"),
];

const CAVEAT: &str = "<local-command-caveat>The command below was run directly in Claude Code, not sent to you as a \
                      request, and its output goes straight to the user. It's recorded here as context for later \
                      messages.</local-command-caveat>";

impl<O: Outside> Agent<O> {
    /// Runs a local command. False: it is none, and a prompt like any other.
    pub(super) fn local_command(&mut self, queued: &Queued) -> Result<bool, Cut> {
        let name =
            queued.text.trim_start_matches('/').split_whitespace().next().unwrap_or_default().to_owned();
        if !queued.is_command() || !COMMANDS.iter().any(|(known, _)| *known == name) {
            return Ok(false);
        }
        let began = self.outside.now();
        self.note(json!({"type": "queue-operation", "operation": "dequeue"}))?;
        self.send(wire::lifecycle(&queued.uuid, "started"));
        let result = match name.as_str() {
            "clear" => self.clear(queued)?,
            "compact" => self.compact(queued)?,
            "context" => self.report(queued, "context", &self.context_text())?,
            // As in 2.1.330, where `/cost` is another name of `/usage`.
            _ => self.report(queued, "usage", &self.cost_text())?,
        };
        let mut message = json!({
            "type": "result", "subtype": "success", "is_error": false, "result": result, "local_command": name,
            "num_turns": 0, "stop_reason": null, "duration_api_ms": 0, "total_cost_usd": 0, "usage": wire::usage(0, 0),
            "modelUsage": {}, "permission_denials": [], "user_message_uuid": queued.uuid,
            "user_message_uuids": [queued.uuid],
        });
        message["duration_ms"] = json!(millis(self.outside.now().saturating_sub(began)));
        message["result_index"] = json!(self.totals.results);
        self.totals.results += 1;
        self.send(message);
        self.send(wire::lifecycle(&queued.uuid, "completed"));
        Ok(true)
    }

    /// A command whose output is shown and stored, but is no reply of a model.
    fn report(&mut self, queued: &Queued, name: &str, text: &str) -> Result<String, Cut> {
        self.store_command(queued, name, text)?;
        self.send_init();
        self.send(json!({
            "type": "assistant", "message": wire::synthetic(text, "end_turn"), "parent_tool_use_id": null,
            "local_command_source": stdout(text),
        }));
        self.send(wire::replay(&queued.uuid, &json!(command(name))));
        Ok(text.to_owned())
    }

    /// Another conversation begins; its id is first seen in `system/init`.
    fn clear(&mut self, queued: &Queued) -> Result<String, Cut> {
        let reset = Uuid::new_v4();
        self.send(json!({
            "type": "conversation_reset", "new_conversation_id": reset, "uuid": reset, "trigger": "clear",
            "user_message_uuid": queued.uuid,
        }));
        self.forget_tasks();
        self.send_tasks();
        self.conversation.reset();
        self.store_command(queued, "clear", "")?;
        self.send_init();
        self.send(wire::replay(&queued.uuid, &json!(command("clear"))));
        Ok(String::new())
    }

    /// The demo has no context to shorten, but says all that Claude says while doing so.
    fn compact(&mut self, queued: &Queued) -> Result<String, Cut> {
        let status = |more: Value| {
            let mut status = json!({"type": "system", "subtype": "status", "status": null});
            status
                .as_object_mut()
                .into_iter()
                .for_each(|fields| fields.extend(more.as_object().cloned().unwrap_or_default()));
            status
        };
        self.send(status(json!({"status": "compacting"})));
        self.send(status(json!({"compact_result": "success"})));
        self.send_init();
        let (tokens, _) = self.context_tokens();
        let metadata =
            json!({"trigger": "manual", "pre_tokens": tokens, "post_tokens": tokens, "duration_ms": 0});
        self.send(json!({"type": "system", "subtype": "compact_boundary", "compact_metadata": metadata}));
        self.store(json!({
            "type": "system", "subtype": "compact_boundary", "content": "Conversation compacted",
            "uuid": Uuid::new_v4(), "compactMetadata": {"trigger": "manual", "preTokens": tokens},
        }))?;
        let mut summary =
            wire::user(json!("This session is being continued. The demo agent remembers everything."));
        summary["isSynthetic"] = json!(true);
        summary["isReplay"] = json!(false);
        self.send(summary);
        self.send(wire::replay(&Uuid::new_v4().to_string(), &json!(stdout("Compacted "))));
        self.store_command(queued, "compact", "Compacted ")?;
        self.send(wire::replay(&queued.uuid, &json!(command("compact"))));
        Ok(String::new())
    }

    fn store_command(&mut self, queued: &Queued, name: &str, output: &str) -> Result<(), Cut> {
        let said = |content: &str| json!({"role": "user", "content": content});
        self.store(json!({"type": "user", "message": said(CAVEAT), "isMeta": true, "uuid": Uuid::new_v4()}))?;
        self.store(json!({
            "type": "user", "message": said(&command(name)), "uuid": queued.uuid, "turnAttributionKey": queued.uuid,
        }))?;
        self.store(json!({
            "type": "system", "subtype": "local_command", "content": stdout(output), "level": "info",
            "uuid": Uuid::new_v4(), "isMeta": false, "commandRun": {"command": name, "args": ""},
        }))
    }

    /// Used and free tokens of the made-up window, at four bytes a token.
    pub(super) fn context_tokens(&self) -> (u64, u64) {
        let bytes: usize = self.conversation.prompts.iter().map(String::len).sum();
        let used = (bytes as u64 / 4 + self.totals.output_tokens).min(wire::CONTEXT_WINDOW);
        (used, wire::CONTEXT_WINDOW - used)
    }

    fn context_text(&self) -> String {
        let (used, free) = self.context_tokens();
        let (model, window) = (&self.settings.model, wire::CONTEXT_WINDOW / 1000);
        format!(
            "## Context Usage\n\n**Model:** {model}  \n**Tokens:** {used} / {window}k\n\n| Category | Tokens |\n\
             |----------|--------|\n| Messages | {used} |\n| Free space | {free} |\n"
        )
    }

    pub(super) fn cost_text(&self) -> String {
        let Self { totals, .. } = self;
        format!(
            "Estimated cost:        $0.0000\nUsage:                 {} input, {} output, 0 cache read, 0 cache write\n\
             The demo agent is free of charge.",
            totals.input_tokens, totals.output_tokens
        )
    }
}

fn command(name: &str) -> String {
    let indent = "            ";
    format!(
        "<command-name>/{name}</command-name>\n{indent}<command-message>{name}</command-message>\n{indent}\
         <command-args></command-args>"
    )
}

fn stdout(text: &str) -> String {
    format!("<local-command-stdout>{text}</local-command-stdout>")
}

/// Milliseconds as they stand in a `result`.
pub(super) fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
