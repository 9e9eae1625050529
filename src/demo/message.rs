//! The messages of a turn: blocks that stream, and the tool that ends a message.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::{Agent, Cut, Phase, Priority};
use super::outside::Outside;
use super::script::{self, Speech, Step};
use super::tools::{self, Outcome, Tool};
use super::turn::{Turn, tokens};
use super::wire;

/// The exit code of a crash on request.
const CRASHED: u8 = 3;

/// A thought is shown for a moment before the text begins.
const THINKING: Duration = Duration::from_millis(300);

/// A tool is never so quick that nothing can come meanwhile.
const LISTING: Duration = Duration::from_millis(30);

const REJECTED: &str = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was \
                        a file edit, the new_string was NOT written to the file). STOP what you are doing and wait \
                        for the user to tell you how to proceed.";

/// A message that is being streamed.
pub(super) struct Message {
    id: String,
    /// Finished blocks, under the uuid of their line and entry.
    blocks: Vec<(Uuid, Value)>,
    /// What was said of a text block that is not finished.
    partial: String,
}

/// How a tool's use came out, and what becomes of the turn.
struct Used {
    outcome: Outcome,
    cut: Option<Cut>,
}

impl<O: Outside> Agent<O> {
    /// Plays the steps, and what follows from them.
    pub(super) fn play(&mut self, turn: &mut Turn, steps: Vec<Step>) -> Result<(), Cut> {
        let mut steps = VecDeque::from(steps);
        let mut first = true;
        while let Some(step) = steps.front() {
            if !std::mem::take(&mut first) {
                self.send_requesting(turn);
            }
            if *step == Step::Fail {
                return self.fail(turn);
            }
            self.play_message(turn, &mut steps)?;
        }
        Ok(())
    }

    /// Plays one message: everything up to a tool, an error or the end.
    fn play_message(&mut self, turn: &mut Turn, steps: &mut VecDeque<Step>) -> Result<(), Cut> {
        self.phase = Phase::Speaking;
        self.open_message(turn);
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Think(thought) => self.think(turn, &thought)?,
                Step::Say(speech) => self.speak(turn, &speech)?,
                Step::Use(tool) => return self.use_tool(turn, &tool, steps),
                Step::Crash => {
                    eprintln!("The demo agent was asked to crash, and does.");
                    return Err(Cut::Exit(CRASHED));
                }
                Step::Fail => {
                    steps.push_front(Step::Fail);
                    break;
                }
            }
        }
        self.store_message(turn, Some("end_turn"))?;
        self.send_delta(turn, Some("end_turn"));
        self.close_message(turn);
        Ok(())
    }

    fn open_message(&mut self, turn: &mut Turn) {
        let id = wire::vendor_id("msg");
        let start = wire::message_start(&id, &self.settings.model, 0);
        self.send(wire::stream(start, &id));
        turn.messages.push(id.clone());
        turn.open = Some(Message { id, blocks: Vec::new(), partial: String::new() });
    }

    fn think(&mut self, turn: &mut Turn, thought: &str) -> Result<(), Cut> {
        self.begin_block(turn, json!({"type": "thinking", "thinking": "", "signature": ""}));
        self.send(json!({
            "type": "system", "subtype": "thinking_tokens", "estimated_tokens": tokens(thought),
            "estimated_tokens_delta": tokens(thought),
        }));
        self.block_delta(turn, json!({"type": "thinking_delta", "thinking": thought}));
        let signature = "ZGVtbw==";
        self.block_delta(turn, json!({"type": "signature_delta", "signature": signature}));
        self.pause(self.outside.now() + THINKING)?;
        self.end_block(turn, json!({"type": "thinking", "thinking": thought, "signature": signature}));
        self.stop_block(turn);
        Ok(())
    }

    fn speak(&mut self, turn: &mut Turn, speech: &Speech) -> Result<(), Cut> {
        self.begin_block(turn, json!({"type": "text", "text": ""}));
        let mut at = self.outside.now();
        for piece in speech.pieces() {
            self.pause(at)?;
            self.block_delta(turn, json!({"type": "text_delta", "text": piece}));
            turn.first_text.get_or_insert(at);
            if let Some(message) = &mut turn.open {
                message.partial.push_str(&piece);
            }
            at += speech.every;
        }
        let text = turn.open.as_mut().map(|message| std::mem::take(&mut message.partial)).unwrap_or_default();
        turn.output_tokens += tokens(&text);
        self.end_block(turn, json!({"type": "text", "text": text}));
        turn.said = text;
        self.stop_block(turn);
        Ok(())
    }

    /// Uses a tool, tells how it came out, and adds what follows to the steps.
    fn use_tool(&mut self, turn: &mut Turn, tool: &Tool, steps: &mut VecDeque<Step>) -> Result<(), Cut> {
        let id = wire::vendor_id("toolu");
        let input = tool.input();
        self.begin_block(turn, json!({"type": "tool_use", "id": id, "name": tool.name(), "input": {}}));
        self.block_delta(turn, json!({"type": "input_json_delta", "partial_json": input.to_string()}));
        self.end_block(turn, json!({"type": "tool_use", "id": id, "name": tool.name(), "input": input}));
        self.store_message(turn, Some("tool_use"))?;
        let asks = tool.asks() && (tool.needs_a_person() || !self.may_list());
        self.phase = if asks { self.ask(turn, tool, &id) } else { self.close_before_tool(turn) };
        let used = self.await_tool(tool, &id)?;
        self.send_result(turn, tool, &id, &used)?;
        if let Some(cut) = used.cut {
            return Err(cut);
        }
        self.phase = Phase::Working;
        if self.queue.iter().any(|queued| queued.priority == Priority::Now) {
            return Err(Cut::Now);
        }
        let mut following = script::after(tool, &used.outcome);
        script::append(&mut following, steps.drain(..).collect());
        script::append(&mut following, self.inject(turn)?);
        steps.extend(following);
        Ok(())
    }

    /// Sends the request, in the middle of the message's end as Claude does, and says how it is named.
    fn ask(&mut self, turn: &Turn, tool: &Tool, tool_use: &str) -> Phase {
        let id = Uuid::new_v4().to_string();
        let request = json!({"type": "control_request", "request_id": id, "request": tool.request(tool_use)});
        self.answer = None;
        if tool.needs_a_person() {
            self.send_raw(&request);
            self.stop_block(turn);
            self.send_delta(turn, Some("tool_use"));
        } else {
            self.stop_block(turn);
            self.send_delta(turn, Some("tool_use"));
            self.send_raw(&request);
        }
        self.send_stop(turn);
        Phase::Asking(id)
    }

    fn close_before_tool(&mut self, turn: &Turn) -> Phase {
        self.stop_block(turn);
        self.send_delta(turn, Some("tool_use"));
        self.send_stop(turn);
        Phase::Working
    }

    /// A cut is part of the result: the call still needs one.
    fn await_tool(&mut self, tool: &Tool, tool_use: &str) -> Result<Used, Cut> {
        match self.carry_out(tool, tool_use) {
            Ok(outcome) => Ok(Used { outcome, cut: None }),
            Err(Cut::Exit(code)) => Err(Cut::Exit(code)),
            Err(cut) => Ok(Used { outcome: Outcome::Denied(REJECTED.to_owned()), cut: Some(cut) }),
        }
    }

    /// Waits for the person, if one is asked, and then does what the tool does.
    fn carry_out(&mut self, tool: &Tool, tool_use: &str) -> Result<Outcome, Cut> {
        let mut answer = Value::Null;
        if matches!(self.phase, Phase::Asking(_)) {
            self.await_answer()?;
            self.phase = Phase::Working;
            answer = match self.answer.take() {
                None => return Ok(Outcome::Unheard),
                Some(answer) if answer["interrupt"] == true => return Err(Cut::Interrupt),
                Some(answer) if answer["behavior"] != "allow" => {
                    return Ok(Outcome::Denied(
                        answer["message"].as_str().unwrap_or("The user said no.").to_owned(),
                    ));
                }
                Some(answer) => answer,
            };
            self.keep_grants(&answer)?;
        }
        Ok(match tool {
            Tool::List => {
                self.pause(self.outside.now() + LISTING)?;
                Outcome::Done(tools::list(&self.conversation.cwd))
            }
            Tool::Wait(time) => {
                self.pause(self.outside.now().saturating_add(*time))?;
                Outcome::Done("(Bash completed with no output)".to_owned())
            }
            Tool::Background(time) => {
                let id = self.begin_task(tool_use, *time);
                Outcome::Done(format!(
                    "Command running in background with ID: {id}. You will be notified when it completes."
                ))
            }
            Tool::Ask => Outcome::Answered(tools::answers(&answer["updatedInput"]["answers"])),
            Tool::Plan => {
                if self.settings.permission_mode == "plan" {
                    self.enter_mode("default");
                }
                Outcome::Done("User has approved exiting plan mode. You can now proceed.".to_owned())
            }
        })
    }

    fn await_answer(&mut self) -> Result<(), Cut> {
        while self.answer.is_none() && !self.input_over {
            self.listen(None)?;
        }
        Ok(())
    }

    /// Rules and a permission mode may come with an answer.
    fn keep_grants(&mut self, answer: &Value) -> Result<(), Cut> {
        for (rule, lasting) in tools::granted(answer) {
            if lasting {
                let kept = self.conversation.keep_rule(&rule);
                self.or_exit(kept)?;
            }
            self.settings.rules.push(rule);
        }
        if let Some(mode) = tools::granted_mode(answer) {
            self.enter_mode(&mode);
        }
        Ok(())
    }

    fn may_list(&self) -> bool {
        self.settings.permission_mode == "bypassPermissions" || tools::allows_listing(&self.settings.rules)
    }

    fn send_result(&mut self, turn: &mut Turn, tool: &Tool, id: &str, used: &Used) -> Result<(), Cut> {
        let denied = matches!(used.outcome, Outcome::Denied(_) | Outcome::Unheard);
        let text = match &used.outcome {
            _ if used.cut == Some(Cut::Now) => "Tool permission request aborted".to_owned(),
            outcome => tools::result_text(outcome),
        };
        let mut message = wire::user(json!([
            {"type": "tool_result", "tool_use_id": id, "content": text, "is_error": denied},
        ]));
        message["tool_use_result"] = if denied {
            turn.denials
                .push(json!({"tool_name": tool.name(), "tool_use_id": id, "tool_input": tool.input()}));
            json!(format!("Error: {text}"))
        } else {
            json!({"stdout": text, "stderr": "", "interrupted": false})
        };
        self.store(json!({
            "type": "user", "message": message["message"], "uuid": message["uuid"],
            "toolUseResult": message["tool_use_result"],
        }))?;
        self.send(message);
        Ok(())
    }

    /// Hands over what came during the tool: each prompt keeps its own uuid.
    fn inject(&mut self, turn: &mut Turn) -> Result<Vec<Step>, Cut> {
        let (taken, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|queued| queued.priority == Priority::Next && !queued.is_command());
        self.queue = rest;
        for queued in &taken {
            let at = self.outside.wall();
            let stored = self.conversation.injected(&queued.uuid, &queued.content, at);
            self.or_exit(stored)?;
            self.note(json!({
                "type": "queue-operation", "operation": "remove", "content": queued.text,
                "reason": "absorbed_mid_turn", "commandUuid": queued.uuid,
            }))?;
            self.send(wire::replay(&queued.uuid, &queued.content));
        }
        let mut steps = Vec::new();
        for queued in taken {
            self.send(wire::lifecycle(&queued.uuid, "started"));
            script::append(
                &mut steps,
                script::answer(std::slice::from_ref(&queued.text), &self.conversation.prompts),
            );
            self.conversation.prompts.push(queued.text);
            turn.uuids.push(queued.uuid.clone());
            turn.injected.push(queued.uuid);
        }
        Ok(steps)
    }

    /// Ends what was being said when the turn was cut, and returns it.
    pub(super) fn abort_message(&mut self, turn: &mut Turn) -> Result<String, Cut> {
        let partial =
            turn.open.as_mut().map(|message| std::mem::take(&mut message.partial)).unwrap_or_default();
        if !partial.is_empty() {
            let aborted = json!({"type": "text", "text": partial});
            turn.output_tokens += tokens(&partial);
            self.send_block(turn, aborted, true);
        }
        self.store_message(turn, None)?;
        Ok(partial)
    }

    pub(super) fn close_aborted(&mut self, turn: &mut Turn) {
        let Some(message) = &turn.open else { return };
        let index = message.blocks.len().saturating_sub(1);
        let stop = wire::stream(json!({"type": "content_block_stop", "index": index}), &message.id);
        self.send(stop);
        self.send_delta(turn, None);
        self.close_message(turn);
    }

    fn begin_block(&mut self, turn: &Turn, content: Value) {
        let Some(message) = &turn.open else { return };
        let index = message.blocks.len();
        let start = json!({"type": "content_block_start", "index": index, "content_block": content});
        self.send(wire::stream(start, &message.id));
    }

    fn block_delta(&mut self, turn: &Turn, delta: Value) {
        let Some(message) = &turn.open else { return };
        let event = json!({"type": "content_block_delta", "index": message.blocks.len(), "delta": delta});
        self.send(wire::stream(event, &message.id));
    }

    fn end_block(&mut self, turn: &mut Turn, content: Value) {
        self.send_block(turn, content, false);
    }

    /// The line of a finished block; its entry follows when the message's stop reason is known.
    fn send_block(&mut self, turn: &mut Turn, content: Value, aborted: bool) {
        let Some(message) = &mut turn.open else { return };
        let uuid = Uuid::new_v4();
        let mut line = json!({
            "type": "assistant", "message": wire::block(&message.id, &self.settings.model, &content, None),
            "parent_tool_use_id": null, "uuid": uuid,
        });
        if aborted {
            line["aborted"] = json!(true);
        }
        let opens_the_turn = message.blocks.is_empty() && turn.messages.len() == 1;
        if let Some(last) = turn.uuids.last().filter(|_| opens_the_turn) {
            line["user_message_uuid"] = json!(last);
            line["user_message_uuids"] = json!(turn.uuids);
        }
        message.blocks.push((uuid, content));
        self.send(line);
    }

    fn stop_block(&mut self, turn: &Turn) {
        let Some(message) = &turn.open else { return };
        let index = message.blocks.len().saturating_sub(1);
        self.send(wire::stream(json!({"type": "content_block_stop", "index": index}), &message.id));
    }

    fn store_message(&mut self, turn: &Turn, stop_reason: Option<&str>) -> Result<(), Cut> {
        let Some(message) = &turn.open else { return Ok(()) };
        for (uuid, content) in &message.blocks {
            let stored = wire::block(&message.id, &self.settings.model, content, stop_reason);
            self.store(json!({"type": "assistant", "message": stored, "uuid": uuid}))?;
        }
        Ok(())
    }

    fn send_delta(&mut self, turn: &Turn, stop_reason: Option<&str>) {
        let Some(message) = &turn.open else { return };
        let event = json!({
            "type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": null},
            "usage": {"output_tokens": turn.output_tokens},
        });
        self.send(wire::stream(event, &message.id));
    }

    fn send_stop(&mut self, turn: &Turn) {
        let Some(message) = &turn.open else { return };
        self.send(wire::stream(json!({"type": "message_stop"}), &message.id));
    }

    fn close_message(&mut self, turn: &mut Turn) {
        self.send_stop(turn);
        turn.open = None;
    }
}
