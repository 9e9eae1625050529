//! The messages of a turn: blocks that stream. A tool, which ends a message, stands in [`super::calls`].

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::{Agent, Cut, Phase};
use super::outside::Outside;
use super::script::{Speech, Step};
use super::turn::{Turn, tokens};
use super::wire;

/// The exit code of a crash on request.
const CRASHED: u8 = 3;

/// A thought is shown for a moment before the text begins.
const THINKING: Duration = Duration::from_millis(300);

/// A message that is being streamed.
pub(super) struct Message {
    id: String,
    /// Finished blocks, under the uuid of their line and entry.
    blocks: Vec<(Uuid, Value)>,
    /// The index of the block begun last.
    index: usize,
    /// What was said of a text block that is not finished.
    partial: String,
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
        turn.open = Some(Message { id, blocks: Vec::new(), index: 0, partial: String::new() });
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
        self.stop_block(turn);
        self.send_delta(turn, None);
        self.close_message(turn);
    }

    pub(super) fn begin_block(&mut self, turn: &mut Turn, content: Value) {
        let Some(message) = &mut turn.open else { return };
        message.index = message.blocks.len();
        let start = json!({"type": "content_block_start", "index": message.index, "content_block": content});
        self.send(wire::stream(start, &message.id));
    }

    pub(super) fn block_delta(&mut self, turn: &Turn, delta: Value) {
        let Some(message) = &turn.open else { return };
        let event = json!({"type": "content_block_delta", "index": message.index, "delta": delta});
        self.send(wire::stream(event, &message.id));
    }

    pub(super) fn end_block(&mut self, turn: &mut Turn, content: Value) {
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

    pub(super) fn stop_block(&mut self, turn: &Turn) {
        let Some(message) = &turn.open else { return };
        let stop = json!({"type": "content_block_stop", "index": message.index});
        self.send(wire::stream(stop, &message.id));
    }

    pub(super) fn store_message(&mut self, turn: &Turn, stop_reason: Option<&str>) -> Result<(), Cut> {
        let Some(message) = &turn.open else { return Ok(()) };
        for (uuid, content) in &message.blocks {
            let stored = wire::block(&message.id, &self.settings.model, content, stop_reason);
            self.store(json!({"type": "assistant", "message": stored, "uuid": uuid}))?;
        }
        Ok(())
    }

    pub(super) fn send_delta(&mut self, turn: &Turn, stop_reason: Option<&str>) {
        let Some(message) = &turn.open else { return };
        let event = json!({
            "type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": null},
            "usage": {"output_tokens": turn.output_tokens},
        });
        self.send(wire::stream(event, &message.id));
    }

    pub(super) fn send_stop(&mut self, turn: &Turn) {
        let Some(message) = &turn.open else { return };
        self.send(wire::stream(json!({"type": "message_stop"}), &message.id));
    }

    fn close_message(&mut self, turn: &mut Turn) {
        self.send_stop(turn);
        turn.open = None;
    }
}
