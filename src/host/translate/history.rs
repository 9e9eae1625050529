//! A stored conversation as events of the log, the way they would have been appended had it been led here.
//!
//! What is not stored cannot be told: costs of single turns, approvals, and which prompts ran together.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{LONGEST_RESULT, shortened};
use crate::claude::history::{Entry, Said, Tokens, What};
use crate::claude::wire::Block;
use crate::model::{Delivery, Detail, EventKind, NewEvent, Origin, Outcome, PromptId, Stages, TurnId, Usage};

/// An event and when it happened.
pub(crate) type Dated = (Timestamp, NewEvent);

/// Takes the entries of a conversation in order and gives the events that each one comes to.
#[derive(Debug)]
pub(crate) struct Retelling {
    next_turn: TurnId,
    block: u64,
    turn: Option<Turn>,
    /// Calls that have not returned, in order.
    calls: Vec<Call>,
    /// The time of what has none is that of what came before.
    at: Timestamp,
    prompts: u64,
    cost: Option<f64>,
}

#[derive(Debug)]
struct Turn {
    id: TurnId,
    prompts: Vec<PromptId>,
    /// A person began it; in old releases a prompt may have no id.
    prompted: bool,
    /// The last message was whole and called no tool.
    ended: bool,
    /// The words of an error that it ended with.
    failed: Option<String>,
    /// The message whose tokens `current` are: each of its lines repeats them.
    message: Option<String>,
    current: Tokens,
    before: Tokens,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    input: Value,
    block: u64,
}

impl Retelling {
    /// `next_turn` is the number of the first turn, `since` the time before its first entry.
    pub(crate) const fn new(next_turn: TurnId, since: Timestamp) -> Self {
        let calls = Vec::new();
        Self { next_turn, block: 0, turn: None, calls, at: since, prompts: 0, cost: None }
    }

    /// How many things a person has said so far.
    pub(crate) const fn prompts(&self) -> u64 {
        self.prompts
    }

    /// What the conversation has cost, as far as the agent tells; then nothing is known of the next one.
    pub(crate) const fn take_cost(&mut self) -> Option<f64> {
        self.cost.take()
    }

    /// The number of the next turn.
    pub(crate) const fn next_turn(&self) -> TurnId {
        self.next_turn
    }

    pub(crate) fn take(&mut self, entry: Entry) -> Vec<Dated> {
        let mut out = Vec::new();
        let at = entry.at.unwrap_or(self.at);
        match entry.what {
            What::Prompt { uuid, text, injected } => {
                if !injected {
                    self.end_turn(&mut out);
                }
                self.at = at;
                self.prompted(uuid, text, &mut out);
            }
            What::Notified => {
                self.end_turn(&mut out);
                self.at = at;
                self.turn();
            }
            What::Said(said) => {
                self.at = at;
                self.said(said, &mut out);
            }
            What::Results(blocks) => {
                self.at = at;
                self.turn().ended = false;
                blocks.into_iter().for_each(|block| self.returned(block, &mut out));
            }
            What::Interrupted => {
                self.at = at;
                if self.turn.is_some() {
                    self.close_turn(Outcome::Interrupted, "stopped".to_owned(), &mut out);
                }
            }
            What::Printed(text) => {
                self.at = at;
                self.printed(text, &mut out);
            }
            What::Compacted => {
                self.at = at;
                let detail = Some(Detail::Notice { code: "compacted".to_owned() });
                let text = "the agent has summarised the conversation so far".to_owned();
                out.push((at, NewEvent { kind: EventKind::Notice, text, prompt_id: None, detail }));
            }
            What::Cost(total) => self.cost = Some(total),
        }
        out
    }

    /// The end of what is stored: a turn that has no end was cut off.
    pub(crate) fn finish(&mut self) -> Vec<Dated> {
        let mut out = Vec::new();
        self.end_turn(&mut out);
        out
    }

    fn turn(&mut self) -> &mut Turn {
        let next_turn = &mut self.next_turn;
        self.turn.get_or_insert_with(|| {
            let id = *next_turn;
            *next_turn += 1;
            Turn {
                id,
                prompts: Vec::new(),
                prompted: false,
                ended: false,
                failed: None,
                message: None,
                current: Tokens::default(),
                before: Tokens::default(),
            }
        })
    }

    fn next_block(&mut self) -> u64 {
        self.block += 1;
        self.block
    }

    fn prompt_id(&self) -> Option<PromptId> {
        self.turn.as_ref()?.prompts.first().copied()
    }

    fn prompted(&mut self, uuid: Option<Uuid>, text: String, out: &mut Vec<Dated>) {
        self.prompts += 1;
        let prompt_id = uuid.map(PromptId);
        let turn = self.turn();
        turn.prompts.extend(prompt_id);
        turn.prompted = true;
        turn.ended = false;
        let detail = Detail::Prompt { delivery: Delivery::Queue, attachments: Vec::new() };
        out.push((self.at, NewEvent { kind: EventKind::Prompt, text, prompt_id, detail: Some(detail) }));
    }

    fn said(&mut self, said: Said, out: &mut Vec<Dated>) {
        let Said { message, blocks, ends, is_error, usage } = said;
        let turn = self.turn();
        if message.is_none() || message != turn.message {
            turn.before = sum(turn.before, turn.current);
            turn.message = message;
        }
        turn.current = usage;
        turn.ended = ends;
        for block in blocks {
            match block {
                // The words of an error come with the turn's end.
                Block::Text(text) if is_error => self.turn().failed = Some(text),
                Block::Text(text) if !text.trim().is_empty() => self.replied(text, out),
                Block::ToolUse { id, name, input } => {
                    let block = self.next_block();
                    self.calls.push(Call { id, name, input, block });
                }
                _ => {}
            }
        }
    }

    fn replied(&mut self, text: String, out: &mut Vec<Dated>) {
        let (block, turn) = (self.next_block(), self.turn().id);
        let detail = Some(Detail::Reply { turn, block, parent: None });
        out.push((self.at, NewEvent { kind: EventKind::Reply, text, prompt_id: self.prompt_id(), detail }));
    }

    fn printed(&mut self, text: String, out: &mut Vec<Dated>) {
        if self.turn.is_none() && text.is_empty() {
            return;
        }
        if !text.is_empty() {
            self.replied(text, out);
        }
        self.turn().ended = true;
    }

    fn returned(&mut self, block: Block, out: &mut Vec<Dated>) {
        let Block::ToolResult { tool_use_id, text, is_error } = block else { return };
        if let Some(at) = self.calls.iter().position(|call| call.id == tool_use_id) {
            let call = self.calls.remove(at);
            self.called(call, Some(shortened(&text, LONGEST_RESULT)), is_error, out);
        }
    }

    fn called(&mut self, call: Call, result: Option<String>, is_error: bool, out: &mut Vec<Dated>) {
        let Call { name, input, block, .. } = call;
        let summary = super::summary(&name, &input);
        let text = if summary.is_empty() { name.clone() } else { format!("{name}: {summary}") };
        let turn = self.turn().id;
        let detail = Detail::Tool { turn, block, name, input, result, is_error, parent: None };
        let prompt_id = self.prompt_id();
        out.push((self.at, NewEvent { kind: EventKind::Tool, text, prompt_id, detail: Some(detail) }));
    }

    fn end_turn(&mut self, out: &mut Vec<Dated>) {
        let Some(turn) = &mut self.turn else { return };
        let (outcome, text) = match turn.failed.take().filter(|_| turn.ended) {
            Some(failed) => (Outcome::Failed, failed),
            None if turn.ended => (Outcome::Done, String::new()),
            None => (Outcome::Interrupted, "cut off before it was finished".to_owned()),
        };
        self.close_turn(outcome, text, out);
    }

    fn close_turn(&mut self, outcome: Outcome, text: String, out: &mut Vec<Dated>) {
        for call in std::mem::take(&mut self.calls) {
            self.called(call, None, false, out);
        }
        let Some(turn) = self.turn.take() else { return };
        let detail = Detail::Turn {
            turn: turn.id,
            origin: if turn.prompted { Origin::Prompt } else { Origin::Claude },
            outcome,
            cost_usd: 0.0,
            usage: usage(sum(turn.before, turn.current)),
            stages: Stages::default(),
            prompts: turn.prompts.clone(),
        };
        let prompt_id = turn.prompts.first().copied();
        out.push((self.at, NewEvent { kind: EventKind::TurnEnded, text, prompt_id, detail: Some(detail) }));
    }
}

const fn sum(a: Tokens, b: Tokens) -> Tokens {
    Tokens {
        input_tokens: a.input_tokens + b.input_tokens,
        output_tokens: a.output_tokens + b.output_tokens,
        cache_read_input_tokens: a.cache_read_input_tokens + b.cache_read_input_tokens,
        cache_creation_input_tokens: a.cache_creation_input_tokens + b.cache_creation_input_tokens,
    }
}

const fn usage(tokens: Tokens) -> Usage {
    Usage {
        input_tokens: tokens.input_tokens,
        output_tokens: tokens.output_tokens,
        cache_read_tokens: tokens.cache_read_input_tokens,
        cache_write_tokens: tokens.cache_creation_input_tokens,
        context_window: 0,
    }
}

#[cfg(test)]
mod tests;
