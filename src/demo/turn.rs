//! One turn from its prompts to its `result`, in the order of the recorded transcripts.
//!
//! How a message is streamed and a tool is used stands in [`super::message`].

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::{Agent, Cut, Phase, Queued, Task};
use super::message::Message;
use super::outside::Outside;
use super::script::{self, Step};
use super::slash::millis;
use super::tools::TASK_DESCRIPTION;
use super::wire;

/// Tokens are guessed from the length of the text.
const BYTES_PER_TOKEN: usize = 4;

const API_ERROR: &str =
    "API Error: 529 Overloaded. The demo agent was asked to fail and plays an API at its limits.";

/// What a turn has come to so far.
#[derive(Default)]
pub(super) struct Turn {
    /// The prompts it answers: those that began it, then those handed over on the way.
    pub(super) uuids: Vec<String>,
    pub(super) injected: Vec<String>,
    /// Set when no prompt began it.
    origin: Option<Value>,
    began: Duration,
    pub(super) first_text: Option<Duration>,
    /// The ids of its messages.
    pub(super) messages: Vec<String>,
    pub(super) open: Option<Message>,
    /// The last text that was said to its end.
    pub(super) said: String,
    pub(super) denials: Vec<Value>,
    input_tokens: u64,
    pub(super) output_tokens: u64,
    failed: bool,
}

/// How a turn ended, in the words of `result`.
struct Ending {
    subtype: &'static str,
    terminal_reason: &'static str,
    stop_reason: Option<&'static str>,
    is_error: bool,
    /// What becomes of its prompts.
    prompts: &'static str,
}

impl<O: Outside> Agent<O> {
    /// Runs prompts that were taken off the queue together.
    pub(super) fn take_up(&mut self, batch: &[Queued]) -> Result<(), Cut> {
        let Some((last, joined)) = batch.split_last() else { return Ok(()) };
        if self.local_command(last)? {
            return Ok(());
        }
        for queued in joined {
            self.send(wire::replay(&queued.uuid, &queued.content));
        }
        let texts: Vec<String> = batch.iter().map(|queued| queued.text.clone()).collect();
        let content = if joined.is_empty() { last.content.clone() } else { json!(texts.join("\n")) };
        self.store_prompts(batch.len(), &last.uuid, &content)?;
        let mut turn = self.new_turn();
        turn.uuids = batch.iter().map(|queued| queued.uuid.clone()).collect();
        turn.input_tokens = tokens(&texts.concat());
        for uuid in &turn.uuids {
            self.send(wire::lifecycle(uuid, "started"));
        }
        self.send_init();
        self.send_requesting(&turn);
        self.send(wire::replay(&last.uuid, &content));
        let steps = script::answer(&texts, &self.conversation.prompts);
        self.conversation.prompts.push(texts.join("\n"));
        self.run_turn(turn, steps)
    }

    /// The turn that follows a background task; nobody asked for it.
    pub(super) fn task_turn(&mut self, task: &Task) -> Result<(), Cut> {
        let origin = json!({"kind": "task-notification", "producer": "session-task", "runId": task.run});
        let content = format!(
            "<task-notification>\n<task-id>{}</task-id>\n<tool-use-id>{}</tool-use-id>\n<status>completed</status>\n\
             <summary>Background command \"{TASK_DESCRIPTION}\" completed (exit code 0)</summary>\n</task-notification>",
            task.id, task.tool_use
        );
        self.store(json!({
            "type": "user", "message": {"role": "user", "content": content}, "uuid": Uuid::new_v4(), "origin": origin,
            "permissionMode": self.settings.permission_mode, "promptSource": "system",
            "turnOrigin": "task_notification",
        }))?;
        let turn = Turn { origin: Some(origin), ..self.new_turn() };
        self.send_init();
        self.send_requesting(&turn);
        self.run_turn(turn, script::after_task(TASK_DESCRIPTION))
    }

    fn new_turn(&self) -> Turn {
        Turn { began: self.outside.now(), ..Turn::default() }
    }

    /// Before anything is answered. Of joined prompts only the last uuid is kept, with the whole text.
    fn store_prompts(&mut self, count: usize, uuid: &str, content: &Value) -> Result<(), Cut> {
        for _ in 0..count {
            self.note(json!({"type": "queue-operation", "operation": "dequeue"}))?;
        }
        let at = self.outside.wall();
        let stored = self.conversation.prompt(uuid, content, &self.settings.permission_mode, at);
        self.or_exit(stored)
    }

    fn run_turn(&mut self, mut turn: Turn, steps: Vec<Step>) -> Result<(), Cut> {
        let played = self.play(&mut turn, steps);
        let during = std::mem::replace(&mut self.phase, Phase::Idle);
        match played {
            Ok(()) => self.finish(&turn),
            Err(Cut::Exit(code)) => return Err(Cut::Exit(code)),
            Err(cut) if during == Phase::Speaking => self.cut_short(&mut turn, cut)?,
            Err(cut) => self.cut_in_tool(&turn, cut)?,
        }
        Ok(())
    }

    fn finish(&mut self, turn: &Turn) {
        for uuid in &turn.injected {
            self.send(wire::lifecycle(uuid, "completed"));
        }
        let ending = if turn.failed {
            Ending {
                subtype: "success",
                terminal_reason: "api_error",
                stop_reason: Some("stop_sequence"),
                is_error: true,
                prompts: "cancelled",
            }
        } else {
            Ending {
                subtype: "success",
                terminal_reason: "completed",
                stop_reason: Some("end_turn"),
                is_error: false,
                prompts: "completed",
            }
        };
        self.end(turn, &ending, turn.said.clone());
    }

    /// Cut in the middle of a text: what was said so far stays.
    fn cut_short(&mut self, turn: &mut Turn, cut: Cut) -> Result<(), Cut> {
        let partial = self.abort_message(turn)?;
        if cut == Cut::Interrupt {
            self.store_interruption("[Request interrupted by user]")?;
        }
        self.close_aborted(turn);
        self.end(turn, &cut_ending(cut, "aborted_streaming", None), partial);
        Ok(())
    }

    /// Cut while a tool ran or was asked for.
    fn cut_in_tool(&mut self, turn: &Turn, cut: Cut) -> Result<(), Cut> {
        if cut == Cut::Interrupt {
            self.store_interruption("[Request interrupted by user for tool use]")?;
        }
        self.end(turn, &cut_ending(cut, "aborted_tools", Some("tool_use")), String::new());
        Ok(())
    }

    fn store_interruption(&mut self, words: &str) -> Result<(), Cut> {
        let message = wire::user(json!([{"type": "text", "text": words}]));
        self.store(json!({"type": "user", "message": message["message"], "uuid": message["uuid"]}))?;
        self.send(message);
        Ok(())
    }

    /// An API error, in place of a message.
    pub(super) fn fail(&mut self, turn: &mut Turn) -> Result<(), Cut> {
        let (uuid, message) = (Uuid::new_v4(), wire::synthetic(API_ERROR, "stop_sequence"));
        self.store(json!({
            "type": "assistant", "message": message, "uuid": uuid, "error": "server_error", "isApiErrorMessage": true,
            "apiErrorStatus": 529, "apiErrorType": "api_error",
        }))?;
        self.send(json!({
            "type": "assistant", "message": message, "parent_tool_use_id": null, "uuid": uuid, "error": "server_error",
            "is_api_error_message": true, "api_error_status": 529, "api_error_type": "api_error",
            "user_message_uuids": turn.uuids,
        }));
        turn.failed = true;
        API_ERROR.clone_into(&mut turn.said);
        Ok(())
    }

    /// The `result`, and with it the end of the turn's prompts.
    fn end(&mut self, turn: &Turn, ending: &Ending, said: String) {
        let mut result = json!({
            "type": "result", "subtype": ending.subtype, "is_error": ending.is_error, "num_turns": turn.messages.len().max(1),
            "terminal_reason": ending.terminal_reason, "stop_reason": ending.stop_reason,
            "permission_denials": turn.denials, "begun_message_ids": turn.messages, "queued_turn_count": 0,
        });
        if ending.subtype == "success" {
            result["result"] = json!(said);
            result["api_error_status"] = if turn.failed { json!(529) } else { Value::Null };
        } else {
            result["errors"] = json!(["[ede_diagnostic] the turn was interrupted"]);
        }
        if let Some(last) = turn.uuids.last() {
            result["user_message_uuid"] = json!(last);
            result["user_message_uuids"] = json!(turn.uuids);
        }
        if let Some(origin) = &turn.origin {
            result["origin"] = origin.clone();
        }
        self.account(turn, &mut result);
        self.send(result);
        for uuid in
            turn.uuids.iter().filter(|uuid| ending.prompts == "cancelled" || !turn.injected.contains(uuid))
        {
            self.send(wire::lifecycle(uuid, ending.prompts));
        }
    }

    /// Times, tokens and cost, of which there is none.
    fn account(&mut self, turn: &Turn, result: &mut Value) {
        self.totals.input_tokens += turn.input_tokens;
        self.totals.output_tokens += turn.output_tokens;
        let took = millis(self.outside.now().saturating_sub(turn.began));
        result["duration_ms"] = json!(took);
        result["duration_api_ms"] = json!(took);
        if let Some(first) = turn.first_text {
            result["ttft_ms"] = json!(millis(first.saturating_sub(turn.began)));
        }
        result["total_cost_usd"] = json!(0);
        result["usage"] = wire::usage(turn.input_tokens, turn.output_tokens);
        let (input, output) = (self.totals.input_tokens, self.totals.output_tokens);
        result["modelUsage"] = wire::model_usage(&self.settings.model, input, output);
        result["result_index"] = json!(self.totals.results);
        self.totals.results += 1;
    }

    pub(super) fn send_init(&mut self) {
        let about = wire::About {
            cwd: &self.conversation.cwd,
            model: &self.settings.model,
            permission_mode: &self.settings.permission_mode,
        };
        let init = wire::init(&about);
        self.send(init);
    }

    pub(super) fn send_requesting(&mut self, turn: &Turn) {
        let mut status = json!({"type": "system", "subtype": "status", "status": "requesting"});
        if !turn.uuids.is_empty() {
            status["user_message_uuids"] = json!(turn.uuids);
        }
        self.send(status);
    }
}

/// An interrupted turn is an error; one that made way for another prompt is not.
const fn cut_ending(cut: Cut, terminal_reason: &'static str, stop_reason: Option<&'static str>) -> Ending {
    let interrupted = matches!(cut, Cut::Interrupt);
    Ending {
        subtype: if interrupted { "error_during_execution" } else { "success" },
        terminal_reason,
        stop_reason,
        is_error: interrupted,
        prompts: "cancelled",
    }
}

/// A guess, and never none.
pub(super) const fn tokens(text: &str) -> u64 {
    (text.len() / BYTES_PER_TOKEN + 1) as u64
}
