//! What the agent's messages mean for the turn.

use serde_json::Value;

use super::effect::{Effect, OpenTool};
use super::input::{AgentEvent, Ask, End, Seen};
use super::recovery::UNBEGUN;
use super::{State, notice};
use crate::model::{ApprovalKind, Live, Outcome, PromptId};

const REPLACED: &str = "dropped for another prompt";

impl State {
    pub(super) fn agent(&mut self, event: AgentEvent, out: &mut Vec<Effect>) {
        let is_work = shows_work(&event);
        self.take_in(event, out);
        if let Some(turn) = self.turn.as_mut().filter(|_| is_work) {
            turn.at_work = true;
        }
    }

    fn take_in(&mut self, event: AgentEvent, out: &mut Vec<Effect>) {
        match event {
            AgentEvent::Init { conversation } => {
                out.push(Effect::Conversation(conversation));
                self.begin_turn(out);
            }
            AgentEvent::Prompt { prompt: _, seen: Seen::Queued } => self.announces = true,
            AgentEvent::Prompt { prompt, seen: Seen::Begun } => self.prompt_begun(prompt, out),
            AgentEvent::Prompt { prompt, seen: Seen::Cancelled } => self.prompt_cancelled(prompt, out),
            AgentEvent::BlockStarted { parent, index, kind } => {
                if parent.is_none() {
                    self.begin_turn(out);
                }
                let place = self.place();
                self.blocks.started(place, parent, index, kind, out);
            }
            AgentEvent::Delta { parent, index, text } => {
                self.blocks.delta(parent.as_deref(), index, text, out);
            }
            AgentEvent::Text { parent, text } => self.said(parent, text, out),
            AgentEvent::Thought { parent } => self.blocks.thought(parent.as_deref()),
            AgentEvent::ToolCall { parent, id, name, input, summary } => {
                let place = self.place();
                let tool = OpenTool { id, block: 0, name, summary, input, parent };
                self.blocks.tool_called(place, tool, out);
                out.push(Effect::Changed);
            }
            AgentEvent::ToolResult { id, text, is_error } => {
                let place = self.place();
                self.blocks.tool_returned(place, &id, text, is_error, out);
                out.push(Effect::Changed);
            }
            AgentEvent::Ask(ask) => self.asked(ask, out),
            AgentEvent::AskCancelled { request } => self.ask_cancelled(request, out),
            AgentEvent::Status(status) => {
                self.status = status;
                out.push(Effect::Changed);
            }
            AgentEvent::Background(tasks) => {
                self.background.listed(tasks);
                out.push(Effect::Changed);
            }
            AgentEvent::TaskStarted(task) => {
                self.background.started(task);
                out.push(Effect::Changed);
            }
            AgentEvent::TaskEnded { id } => {
                self.background.ended(&id);
                out.push(Effect::Changed);
            }
            AgentEvent::Ended(end) => self.ended(end, out),
            AgentEvent::Notice { code, text } => out.push(notice(code, text)),
        }
    }

    fn prompt_begun(&mut self, prompt: PromptId, out: &mut Vec<Effect>) {
        // An echo of a prompt that is finished, or not ours, says nothing new.
        if !self.given.iter().any(|given| given.prompt == prompt) || self.in_turn(prompt) {
            return;
        }
        self.begin_turn(out);
        if let Some(turn) = &mut self.turn {
            turn.prompts.push(prompt);
            let given = self.given.iter_mut().find(|given| given.prompt == prompt && !given.begun);
            if let Some(given) = given {
                given.begun = true;
                out.push(Effect::Started(vec![prompt]));
            }
            out.push(Effect::Publish(Live::TurnJoined { turn: turn.id, prompt }));
        }
    }

    fn prompt_cancelled(&mut self, prompt: PromptId, out: &mut Vec<Effect>) {
        if self.in_turn(prompt) {
            return;
        }
        let Some(at) = self.given.iter().position(|given| given.prompt == prompt) else { return };
        let given = self.given.remove(at);
        if given.wanted_back {
            out.push(Effect::Cancel(prompt));
        } else if given.extra || self.draining {
            self.stop_at_begin &= given.extra;
            out.push(Effect::GivenBack(prompt));
            self.returned.push(prompt);
            self.wait_again(given);
        } else {
            // It was stopped before the agent began: a turn without any work.
            self.stop_at_begin = false;
            let (outcome, text) = match std::mem::take(&mut self.replace_at_begin) {
                true => (Outcome::Replaced, REPLACED),
                false => (Outcome::Interrupted, UNBEGUN),
            };
            self.begin_turn(out);
            if let Some(turn) = &mut self.turn {
                turn.prompts.push(prompt);
            }
            self.finish_turn(outcome, text.to_owned(), None, out);
            return;
        }
        self.pump(out);
        out.push(Effect::Changed);
    }

    fn said(&mut self, parent: Option<String>, text: String, out: &mut Vec<Effect>) {
        if parent.is_none() {
            self.begin_turn(out);
            if let Some(turn) = &mut self.turn {
                turn.spoke = true;
            }
        }
        let place = self.place();
        self.blocks.said(place, parent, text, out);
    }

    fn asked(&mut self, mut ask: Ask, out: &mut Vec<Effect>) {
        // Some releases ask about a plan without showing it: the call itself has it.
        if let Some(call) = ask.call.as_ref().and_then(|id| self.blocks.tool(id)) {
            if ask.kind == ApprovalKind::Plan && ask.plan.is_none() {
                ask.plan = call.input.get("plan").and_then(Value::as_str).map(str::to_owned);
            }
            if ask.summary.is_empty() {
                ask.summary.clone_from(&call.summary);
            }
        }
        self.asks.push(ask.request.clone());
        out.push(Effect::Ask(ask));
        if self.draining {
            self.cut(out);
        }
        out.push(Effect::Changed);
    }

    fn ask_cancelled(&mut self, request: String, out: &mut Vec<Effect>) {
        if self.asks.contains(&request) {
            self.asks.retain(|ask| *ask != request);
            out.push(Effect::Void(vec![request]));
            out.push(Effect::Changed);
        }
    }

    /// A turn in which nothing was echoed answers the slash command that was given: some releases echo none.
    fn claim_command(&mut self, out: &mut Vec<Effect>) {
        let unclaimed = self.turn.as_ref().is_some_and(|turn| turn.prompts.is_empty());
        let command =
            self.given.first().filter(|given| given.command && !given.extra).map(|given| given.prompt);
        if let Some(command) = command.filter(|_| unclaimed) {
            self.prompt_begun(command, out);
        }
    }

    /// A turn that was dropped before anything was echoed is that of the prompt that was given.
    fn claim_dropped(&mut self, end: &End, out: &mut Vec<Effect>) {
        let dropped = |turn: &&super::Turn| turn.prompts.is_empty() && (turn.stopped || turn.replaced);
        if end.aborted && self.turn.as_ref().filter(dropped).is_some() {
            self.expected().into_iter().for_each(|prompt| self.prompt_begun(prompt, out));
        }
    }

    fn ended(&mut self, end: End, out: &mut Vec<Effect>) {
        self.begin_turn(out);
        self.claim_command(out);
        self.claim_dropped(&end, out);
        let Some(turn) = &self.turn else { return };
        let outcome = match () {
            () if turn.stopped && (end.aborted || end.is_error) => Outcome::Interrupted,
            () if turn.replaced && end.aborted => Outcome::Replaced,
            // Cut off by something else than a stop, such as the end of the process that was asked for.
            () if end.aborted => Outcome::Interrupted,
            () if end.is_error => Outcome::Failed,
            () => Outcome::Done,
        };
        let unsaid = !turn.spoke && !end.text.is_empty() && outcome == Outcome::Done;
        if unsaid {
            // A local command answers with its result alone.
            let place = self.place();
            self.blocks.said(place, None, end.text.clone(), out);
        }
        let text = match outcome {
            Outcome::Failed => end.text.clone(),
            Outcome::Interrupted if self.deleted => "stopped: the session is deleted".to_owned(),
            Outcome::Interrupted if self.draining => "stopped: the host ended".to_owned(),
            Outcome::Interrupted => "stopped".to_owned(),
            Outcome::Replaced => REPLACED.to_owned(),
            Outcome::Done => String::new(),
        };
        self.finish_turn(outcome, text, Some(end), out);
    }
}

/// More than an echo, which may be all that comes.
const fn shows_work(event: &AgentEvent) -> bool {
    !matches!(
        event,
        AgentEvent::Prompt { .. }
            | AgentEvent::Background(_)
            | AgentEvent::TaskStarted(_)
            | AgentEvent::TaskEnded { .. }
            | AgentEvent::Notice { .. }
    )
}
