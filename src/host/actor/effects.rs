//! Carries out what the turn machine decided.

use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::journal::{self, Write};
use super::{Actor, INTERRUPT_PATIENCE, STOP_GRACE, WRITE_AGAIN, attachments, launch};
use crate::claude::process::{Exit, Output, SendError};
use crate::claude::tree;
use crate::claude::wire::{Outgoing, Priority, PromptBlock, Request as Control};
use crate::error::{Error, Result};
use crate::host::translate::{self, Said};
use crate::host::turn::{AgentEvent, Effect, Finished, Input, Phase, Urgency};
use crate::model::{
    BlockKind, Detail, EventKind, Live, NewEvent, Prompt, PromptId, PromptStatus, QueuedPrompt, SessionState,
};
use crate::store::{Db, Fed};

/// Every process of a session has this in its environment, with the session's id.
const SESSION_MARK: &str = "CLAUDEBOT_SESSION";
/// How long what a dead agent left behind may take to end by itself.
const LEFTOVERS_GRACE: Duration = Duration::from_secs(1);

impl Actor {
    /// Lets the machine decide about one happening and does what it says.
    pub(super) async fn apply(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.state.apply(input) {
                if let Some(next) = self.carry_out(effect).await {
                    inputs.push(next);
                }
            }
        }
    }

    /// Does one thing; what comes of it at once, if anything.
    async fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Changed => self.changed = true,
            Effect::Append(event) => self.writes.push(Write::Event(event)),
            Effect::Started(prompts) => self.writes.push(Write::Started(prompts)),
            Effect::Requeue(prompt) => self.writes.push(Write::Requeue(prompt)),
            Effect::GivenBack(prompt) => self.writes.push(Write::GivenBack(prompt)),
            Effect::Cancel(prompt) => {
                self.forget(prompt);
                self.writes.push(Write::Cancel(prompt));
            }
            Effect::SetHold(reason) => self.writes.push(Write::Hold(reason)),
            Effect::Conversation(id) if self.session.conversation == Some(id) => {}
            Effect::Conversation(id) => {
                self.session.conversation = Some(id);
                self.writes.push(Write::Conversation(id));
                self.writes.push(Write::Event(begins_anew()));
            }
            Effect::Finish(finished) => self.finish(finished),
            Effect::Publish(live) => self.publish(live).await,
            Effect::Start => return self.start().await,
            Effect::End => self.end_process(),
            Effect::Send { prompts, urgency } => return self.send_set(prompts, urgency).await,
            Effect::Write { prompts, urgency } => self.write_fresh(&prompts, urgency).await,
            Effect::Interrupt => {
                self.deadlines.interrupt = Some(Instant::now() + INTERRUPT_PATIENCE);
                drop(self.control(Control::Interrupt { cancel_queued: true }).await);
            }
            Effect::CancelInAgent(prompt) => {
                let id = self.control(Control::CancelAsyncMessage(self.agent_uuid(prompt))).await;
                self.cancels.insert(id, prompt);
            }
            Effect::Ask(ask) => return self.ask(ask).await,
            Effect::Void(requests) => self.void(&requests),
            Effect::Recover => return self.verdicts().await,
        }
        None
    }

    fn finish(&mut self, finished: Finished) {
        let (stages, started) = self.timing.finish(&finished.prompts);
        for prompt in &finished.prompts {
            self.queue.remove(prompt);
            self.aliases.retain(|_, id| id != prompt);
        }
        if finished.end.is_some() {
            self.crashes = 0;
        }
        // Whatever runs next was not interrupted.
        self.deadlines.interrupt = None;
        self.writes.push(Write::Finish { finished, stages, started });
    }

    async fn publish(&mut self, live: Live) {
        match &live {
            Live::Delta { .. } => self.timing.text(),
            Live::TurnStarted { .. } => self.timing.turn_started(),
            Live::BlockStarted { block, .. } if block.kind == BlockKind::Tool => self.timing.text(),
            _ => {}
        }
        self.flush().await;
        self.subscribers.live(live);
    }

    /// What waits, in order.
    pub(super) fn shown_queue(&self) -> Vec<QueuedPrompt> {
        let shown = self.state.waiting().filter_map(|waiting| self.queue.get(&waiting.prompt));
        shown.map(|shown| QueuedPrompt { status: PromptStatus::Queued, ..shown.clone() }).collect()
    }

    /// Tells subscribers about state, queue and hold.
    pub(super) fn publish_change(&mut self) {
        if self.subscribers.is_empty() {
            return;
        }
        let queue = self.shown_queue();
        self.subscribers.live(Live::Changed {
            state: self.state.session_state(),
            queue,
            hold: self.state.hold().map(str::to_owned),
            status: self.shown_status(),
        });
    }

    /// Commits what is to be durable, then shows it. Refused writes stay in order and are tried again.
    pub(super) async fn flush(&mut self) {
        if self.writes.is_empty() || self.deadlines.write.is_some() {
            return;
        }
        self.subscribers.written().await;
        let id = self.session.id;
        let writes = Arc::new(std::mem::take(&mut self.writes));
        let attempt = Arc::clone(&writes);
        match self.shared.store.run(move |db| journal::commit(db, id, &attempt)).await {
            Ok(events) => {
                self.changed |= self.trouble.take().is_some();
                self.show(events);
            }
            Err(error) => {
                tracing::error!(session = %self.session.name, %error, "cannot write the log; it is tried again");
                self.troubled(&error);
                self.writes = Arc::unwrap_or_clone(writes);
                self.deadlines.write = Some(Instant::now() + WRITE_AGAIN);
            }
        }
    }

    /// What is in the way, or what the agent says it does.
    pub(super) fn shown_status(&self) -> Option<String> {
        let place = || self.state.activity().filter(|_| self.waits_for_place);
        self.trouble.clone().or_else(place).or_else(|| self.state.status())
    }

    pub(super) fn troubled(&mut self, error: &Error) {
        self.trouble = Some(format!("{}; it is tried again until it works", error.message));
        self.changed = true;
    }

    /// Tells everyone who watches about events that are in the log now.
    pub(super) fn show(&mut self, events: Vec<Fed>) {
        if !events.is_empty() {
            self.shared.feed_moved();
        }
        for event in events {
            self.subscribers.event(event.event);
        }
    }

    /// Records the set as sent, then writes it.
    async fn send_set(&mut self, prompts: Vec<PromptId>, urgency: Urgency) -> Option<Input> {
        self.flush().await;
        let ids = prompts.clone();
        match self.shared.store.run(move |db| sent(db, &ids)).await {
            Ok(rows) => {
                for prompt in rows {
                    self.hand_over(&prompt, urgency).await;
                }
                None
            }
            Err(error) => {
                tracing::error!(session = %self.session.name, %error, "cannot record a prompt as sent; it waits");
                self.troubled(&error);
                self.deadlines.retry = Some(Instant::now() + WRITE_AGAIN);
                Some(Input::NotSent(prompts))
            }
        }
    }

    /// Writes prompts that were stored as sent when they were accepted.
    async fn write_fresh(&mut self, prompts: &[PromptId], urgency: Urgency) {
        for id in prompts {
            if let Some(prompt) = self.fresh.remove(id) {
                self.hand_over(&prompt, urgency).await;
            }
        }
    }

    async fn hand_over(&mut self, prompt: &Prompt, urgency: Urgency) {
        let mut text = attachments::mentioned(prompt);
        if let Some(recap) = self.recap.take() {
            text = format!("{recap}\n\n{text}");
        }
        if let Some(uuid) = prompt.given_as {
            self.aliases.retain(|_, id| *id != prompt.id);
            self.aliases.insert(uuid, prompt.id);
        }
        let message = shown(prompt, text, translate::priority(urgency)).await;
        self.write(message).await;
    }

    /// Whose uuid this is.
    fn prompt_of(&self, uuid: Uuid) -> PromptId {
        self.aliases.get(&uuid).copied().unwrap_or(PromptId(uuid))
    }

    /// What the agent knows the prompt by.
    fn agent_uuid(&self, prompt: PromptId) -> Uuid {
        self.aliases.iter().find(|(_, id)| **id == prompt).map_or(prompt.0, |(uuid, _)| *uuid)
    }

    /// Sends a control request; the id under which its answer will come.
    pub(super) async fn control(&mut self, control: Control) -> String {
        let id = format!("cb{}", Uuid::new_v4().simple());
        self.write(Outgoing::request(&id, &control)).await;
        id
    }

    /// Hands a message to the writer. A process that is gone says so itself, as its last output.
    pub(super) async fn write(&mut self, message: Outgoing) {
        if let Some(process) = &self.process
            && let Err(gone) = process.send(message)
        {
            if let SendError::Full(_) = gone {
                // What it was given and did not read is found out from its conversation.
                tracing::warn!(session = %self.session.name, "the agent reads nothing any more: ending it");
                self.end_process();
                return;
            }
            tracing::debug!(session = %self.session.name, %gone, "the process no longer reads");
        }
    }

    /// Something the process did.
    pub(super) async fn output(&mut self, output: Output) {
        match output {
            Output::Message(message) => {
                self.deadlines.begin = None;
                for said in translate::said(message) {
                    self.said(said).await;
                }
            }
            Output::Written { uuid, at } => self.timing.written(self.prompt_of(uuid), at),
            Output::Exited(exit) => self.exited(exit).await,
        }
    }

    async fn said(&mut self, said: Said) {
        match said {
            Said::Event(AgentEvent::Prompt { prompt, seen }) => {
                let prompt = self.prompt_of(prompt.0);
                self.apply(Input::Agent(AgentEvent::Prompt { prompt, seen })).await;
            }
            Said::Event(event) => self.apply(Input::Agent(event)).await,
            Said::Answer { request, result } => self.answered_by_agent(&request, result).await,
            Said::MustAnswer(message) => self.write(message).await,
            Said::Use(used) => self.use_tool(used).await,
            Said::Unknown(kind) => {
                tracing::debug!(session = %self.session.name, %kind, "a message of a kind not known here");
            }
            Said::Garbage(line) => {
                tracing::debug!(session = %self.session.name, %line, "the agent printed what is no message");
                self.garbage.get_or_insert(line);
            }
            Said::Release(release) => self.check_release(&release),
            Said::KeyPays => self.announce_key().await,
        }
    }

    async fn exited(&mut self, exit: Exit) {
        self.process = None;
        self.sleeps_next = false;
        self.shared.forget_commands(self.session.id);
        self.deadlines.start = None;
        self.shared.places.leave(self.session.id);
        self.fail_questions();
        self.forget_child().await;
        if !exit.asked {
            self.end_descendants().await;
        }
        let refused = self.refuses_conversation(&exit);
        let unready = self.state.phase == Phase::Starting && !exit.asked && !refused;
        if unready && self.may_not_start(&exit).await {
            return;
        }
        let why = launch::explain(&exit, &self.session).message;
        if !exit.asked {
            self.crashes += 1;
            tracing::warn!(session = %self.session.name, %why, "the agent ended by itself");
        }
        self.record_state(if exit.asked { SessionState::Asleep } else { SessionState::Crashed });
        self.apply(Input::Exited { asked: exit.asked, why }).await;
        if exit.asked {
            // A person, or the host for a person, wanted what ran to end.
            self.interrupted.clear();
        }
    }

    /// What the store says of the session while it has no process.
    pub(super) fn record_state(&mut self, state: SessionState) {
        if self.session.state != state {
            self.session.state = state;
            self.writes.push(Write::State(state));
        }
    }

    /// Ends what a process started and left behind: its tools run in sessions of their own, and would go on
    /// while the conversation is read, or taken up by another process.
    pub(super) async fn end_descendants(&self) {
        let id = self.session.id.to_string();
        let found = tokio::task::spawn_blocking(move || tree::marked(SESSION_MARK, &id)).await;
        let own = std::process::id();
        let left: Vec<_> = found.unwrap_or_default().into_iter().filter(|left| left.pid != own).collect();
        if !left.is_empty() {
            tracing::info!(session = %self.session.name, count = left.len(), "ending what the agent left behind");
            tree::stop_all(&left, LEFTOVERS_GRACE).await;
        }
    }

    pub(super) async fn forget_child(&self) {
        let id = self.session.id;
        if let Err(error) = self.shared.store.run(move |db| db.clear_child(id)).await {
            // The row names a process that is gone; whoever reads it sees that.
            tracing::warn!(session = %id, %error, "cannot clear the record of the process");
        }
    }

    fn end_process(&mut self) {
        if let Some(process) = &mut self.process {
            process.stop(STOP_GRACE);
        }
    }
}

/// A prompt as it is written. A slash command is one only as a plain text, so its pictures are mentioned alone.
async fn shown(prompt: &Prompt, text: String, priority: Option<Priority>) -> Outgoing {
    let uuid = prompt.agent_uuid();
    let files = if prompt.text.starts_with('/') { Vec::new() } else { prompt.attachments.clone() };
    if files.is_empty() {
        return Outgoing::prompt(uuid, [PromptBlock::Text(text)], priority);
    }
    let alone = text.clone();
    tokio::task::spawn_blocking(move || Outgoing::prompt(uuid, attachments::shown(text, files), priority))
        .await
        .unwrap_or_else(|error| {
            tracing::error!(prompt = %prompt.id, %error, "a bug kept the pictures back");
            Outgoing::prompt(uuid, [PromptBlock::Text(alone)], priority)
        })
}

/// Claude went over to another conversation than the one it was started with.
fn begins_anew() -> NewEvent {
    NewEvent {
        kind: EventKind::Notice,
        text: "Claude's memory of this session begins anew here; the log keeps what was said".to_owned(),
        prompt_id: None,
        detail: Some(Detail::Notice { code: "conversation_reset".to_owned() }),
    }
}

/// Records a set as sent; the prompts in their order.
fn sent(db: &mut Db, ids: &[PromptId]) -> Result<Vec<Prompt>> {
    db.mark_sent(ids)?;
    ids.iter().map(|id| db.prompt(*id)).collect()
}
