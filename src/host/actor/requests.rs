//! What clients ask of one session.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::continuing::continuing;
use super::{Actor, Command, Copies, Subscribers, entry};
use crate::claude::wire::Request as Control;
use crate::error::{Error, Result};
use crate::host::short;
use crate::host::translate;
use crate::host::turn::{AgentEvent, Input, Seen};
use crate::host::{Replier, SharedPush};
use crate::ipc::{Accepted, Push, Request, Response, SendPrompt};
use crate::model::{
    Agent, Delivery, Live, Prompt, PromptId, PromptStatus, QueuedPrompt, SessionState, Snapshot, TurnId,
    UNAVAILABLE,
};
use crate::persona;
use crate::store::{Acceptance, Db};

/// A subscriber that is further behind, in places of its connection's bounded queue, is sent the log at its own
/// speed first.
const MOST_REPLAYED: u32 = 512;

/// Storing a longer prompt, whose words are indexed, takes more than its commit: everybody would wait for it here.
const SHORT: usize = 16 << 10;

impl Actor {
    pub(super) async fn request(&mut self, request: Request, reply: Replier, received: Instant) {
        let result = match request {
            Request::Send(send) => return self.send(send, reply, received).await,
            Request::Continue { session, key } => {
                return match self.may_continue(&key).await {
                    Ok(()) => self.send(continuing(session, key), reply, received).await,
                    Err(error) => reply.error(error),
                };
            }
            Request::SessionHandover(asked) => return self.lend_to(asked, reply).await,
            Request::Subscribe { since, .. } => return self.subscribe(since, reply).await,
            Request::Context { .. } => return self.ask_agent(Control::GetContextUsage, reply).await,
            Request::PromptTakeBack { prompt } => return self.take_back(prompt, reply).await,
            Request::SessionStop { turn, .. } => self.stop(turn).await,
            Request::SessionSleep { force, .. } => self.sleep(force).await,
            Request::Prewarm { .. } => {
                self.wake().await;
                Ok(Response::State(self.state.session_state()))
            }
            Request::QueueRun { .. } => self.release().await,
            Request::QueueClear { .. } => self.clear().await,
            Request::PromptEdit { prompt, text } => self.edit(prompt, text).await,
            Request::Answer { approval, decision, by } => self.answer(approval, decision, by).await,
            other => Err(Error::failed(format!("{other:?} is not a request to one session"))),
        };
        reply.reply(result);
    }

    async fn send(&mut self, send: SendPrompt, reply: Replier, received: Instant) {
        self.send_as(PromptId::random(), send, None, reply, received).await;
    }

    /// Makes the prompt durable, acknowledges it, and lets the machine decide when it runs.
    pub(super) async fn send_as(
        &mut self,
        id: PromptId,
        send: SendPrompt,
        copies: Option<Copies>,
        reply: Replier,
        received: Instant,
    ) {
        match self.accept(id, send).await {
            Ok(acceptance) => {
                if let Some(copies) = copies.filter(|_| !acceptance.repeated()) {
                    copies.keep();
                }
                reply.ok(Response::Accepted(self.accepted(&acceptance)));
                self.take_in(acceptance, received).await;
            }
            Err(error) => reply.error(error),
        }
    }

    pub(super) async fn accept(&mut self, id: PromptId, send: SendPrompt) -> Result<Acceptance> {
        if send.text.trim().is_empty() && send.attachments.is_empty() {
            return Err(Error::usage("the prompt is empty"));
        }
        self.store_prompt(id, send).await
    }

    async fn store_prompt(&mut self, id: PromptId, send: SendPrompt) -> Result<Acceptance> {
        let as_sent = self.state.would_send() && self.writes.is_empty();
        let prompt = Prompt {
            id,
            session: self.session.id,
            key: send.key,
            text: send.text,
            attachments: send.attachments,
            delivery: send.delivery,
            status: PromptStatus::Queued,
            accepted: jiff::Timestamp::now(),
            set: None,
            given_as: None,
        };
        self.flush().await;
        let is_short = prompt.text.len() <= SHORT;
        let accept = move |db: &mut Db| db.accept(&prompt, as_sent);
        if is_short { self.shared.store.run_soon(accept).await } else { self.shared.store.run(accept).await }
    }

    fn accepted(&self, acceptance: &Acceptance) -> Accepted {
        let prompt = &acceptance.prompt;
        let reason = match self.state.hold().filter(|hold| *hold != UNAVAILABLE) {
            Some(hold) if prompt.status == PromptStatus::Queued && prompt.delivery == Delivery::Queue => {
                Some(format!(
                    "the queue is held ({hold}): `claudebot session queue {} --run`",
                    self.session.name
                ))
            }
            _ if prompt.status == PromptStatus::Queued && self.state.is_lent() => {
                Some("handed over to a terminal; runs when it comes back".to_owned())
            }
            _ if prompt.status == PromptStatus::Queued && self.state.is_busy() => {
                Some("a turn is running".to_owned())
            }
            _ => None,
        };
        Accepted {
            prompt: prompt.id,
            session: self.session.id,
            name: self.session.name.clone(),
            status: prompt.status,
            seq: acceptance.seq,
            repeated: acceptance.repeated(),
            reason,
        }
    }

    pub(super) async fn take_in(&mut self, acceptance: Acceptance, received: Instant) {
        let prompt = acceptance.prompt;
        // A key that came before is one prompt, which is already on its way.
        let Some(event) = acceptance.event else { return };
        let sent = prompt.status == PromptStatus::Sent;
        self.timing.accepted(prompt.id, received, self.process.is_none());
        let (id, waiting) = (prompt.id, entry(&prompt));
        // A start that failed is tried again for a new prompt, at the earliest when the backoff is over.
        let failed = self.is_barred() && !self.waits_for_place && self.deadlines.retry.is_none();
        self.queue.insert(id, QueuedPrompt::from(&prompt));
        if sent {
            // Only written, which stores nothing more: subscribers may hear of it after the agent.
            self.fresh.insert(id, prompt);
            self.apply(Input::Accepted { waiting, sent }).await;
            self.show(vec![event]);
        } else {
            self.show(vec![event]);
            self.apply(Input::Accepted { waiting, sent }).await;
        }
        if failed {
            self.apply(Input::MayStart).await;
        }
    }

    /// Events after `since`, the present, and from then on every change.
    async fn subscribe(&mut self, since: u64, reply: Replier) {
        self.flush().await;
        let id = self.session.id;
        match self.shared.store.read(move |db| Ok((db.head(id)?, db.listed(id)?))).await {
            Ok((head, listed)) => {
                let session = self.shared.view(listed);
                reply.ok(Response::Subscribed { session, head });
                self.join(since, reply).await;
            }
            Err(error) => reply.error(error),
        }
    }

    /// Brings a subscriber from `since` to the present. One that is too far behind gets a piece of the log at its
    /// own speed, and comes again.
    pub(super) async fn join(&mut self, since: u64, reply: Replier) {
        self.flush().await;
        let id = self.session.id;
        let events = match self.shared.store.read(move |db| db.events(id, since, MOST_REPLAYED + 1)).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(session = %self.session.name, %error, "cannot read the log for a subscriber");
                return Subscribers::from(reply).send_back();
            }
        };
        let pushes: Vec<_> = events.into_iter().map(Push::Event).collect();
        match pushes.iter().map(SharedPush::new).collect::<Result<Vec<_>>>() {
            Ok(shared) if shared.iter().map(|push| push.weight()).sum::<u32>() <= MOST_REPLAYED => {
                let caught_up = shared.iter().all(|push| reply.push_shared(push).is_ok())
                    && reply.push(&Push::Live(Live::Snapshot(Box::new(self.snapshot())))).is_ok();
                if caught_up {
                    self.subscribers.add(reply);
                }
            }
            _ => self.catch_up(pushes, since, reply),
        }
    }

    fn catch_up(&self, pushes: Vec<Push>, mut since: u64, reply: Replier) {
        let (shared, id) = (Arc::clone(&self.shared), self.session.id);
        tokio::spawn(async move {
            for push in &pushes {
                if reply.push_paced(push).await.is_err() {
                    return;
                }
                if let Push::Event(event) = push {
                    since = event.seq;
                }
            }
            shared.deliver(id, Command::Join { since, reply });
        });
    }

    /// A prompt that will never run.
    pub(super) fn forget(&mut self, prompt: PromptId) {
        self.queue.remove(&prompt);
        self.timing.forget(prompt);
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: self.state.session_state(),
            turn: self.state.live_turn(),
            queue: self.shown_queue(),
            hold: self.state.hold().map(str::to_owned),
            approvals: self.asks.approvals(),
            status: self.shown_status(),
        }
    }

    async fn stop(&mut self, wanted: Option<TurnId>) -> Result<Response> {
        let running = self.state.running_turn();
        if let Some(wanted) = wanted
            && running != Some(wanted)
        {
            return Err(Error::conflict(format!("turn {wanted} is over; nothing was stopped")));
        }
        let stopped = self.state.is_busy();
        let waits = self.state.waiting().count();
        if !stopped && waits == 0 {
            return Ok(Response::Stopped { turn: None, held: 0 });
        }
        self.apply(Input::Stop).await;
        let held = u32::try_from(self.state.waiting().count()).unwrap_or(u32::MAX);
        Ok(Response::Stopped { turn: running.filter(|_| stopped), held })
    }

    async fn sleep(&mut self, force: bool) -> Result<Response> {
        if self.process.is_none() {
            return Ok(Response::State(self.state.session_state()));
        }
        if !force && !self.state.may_sleep() && self.state.session_state() != SessionState::Idle {
            let doing = self.state.activity().unwrap_or_else(|| "a turn runs".to_owned());
            return Err(Error::conflict(format!("session {} is busy: {doing}", self.session.name))
                .hint("stop it first, or use --force: what runs is cut off"));
        }
        if !force && !self.state.is_quiet() {
            let doing = self.state.activity().unwrap_or_default();
            return Err(Error::conflict(format!("session {} is kept awake: {doing}", self.session.name))
                .hint("use --force: what runs in the background is ended"));
        }
        self.apply(Input::Sleep).await;
        Ok(Response::State(SessionState::Asleep))
    }

    pub(super) async fn wake(&mut self) {
        if !self.is_barred() {
            self.apply(Input::Wake).await;
        }
    }

    async fn release(&mut self) -> Result<Response> {
        let waits = self.state.waiting().count();
        self.apply(Input::Release).await;
        Ok(Response::Said(match waits {
            0 => "no prompt waits".to_owned(),
            _ if self.state.is_lent() => "what waits runs when the session comes back".to_owned(),
            1 => "the prompt that waits is run".to_owned(),
            n => format!("the {n} prompts that wait are run"),
        }))
    }

    async fn clear(&mut self) -> Result<Response> {
        let id = self.session.id;
        let (dropped, events) =
            self.shared.store.run(move |db| short::drop_waiting(db, &db.session(id)?)).await?;
        let count = dropped.len();
        dropped.iter().for_each(|prompt| self.forget(*prompt));
        self.apply(Input::Dropped(dropped)).await;
        self.show(events);
        Ok(Response::Said(format!("{count} waiting prompt{} discarded", if count == 1 { "" } else { "s" })))
    }

    /// What waits is taken back at once; about what the agent has already, the agent's word decides.
    async fn take_back(&mut self, prompt: PromptId, reply: Replier) {
        if self.state.waiting().any(|waiting| waiting.prompt == prompt) {
            return reply.reply(self.take_from_queue(prompt).await);
        }
        self.apply(Input::TakeBack(prompt)).await;
        if self.cancels.values().any(|cancel| *cancel == prompt) {
            self.wanted_back.insert(prompt, reply);
        } else if self.was_taken_back(prompt).await {
            // Asked again by whoever did not hear the answer.
            reply.ok(Response::Said("taken back".to_owned()));
        } else {
            reply.error(begun_already());
        }
    }

    async fn was_taken_back(&self, prompt: PromptId) -> bool {
        let found = self.shared.store.read(move |db| db.prompt(prompt)).await;
        found.is_ok_and(|prompt| prompt.status == PromptStatus::Cancelled)
    }

    async fn take_from_queue(&mut self, prompt: PromptId) -> Result<Response> {
        let (_, events) = self.shared.store.run(move |db| short::take_back(db, prompt)).await?;
        self.forget(prompt);
        self.apply(Input::Dropped(vec![prompt])).await;
        self.show(events);
        Ok(Response::Said("taken back".to_owned()))
    }

    async fn edit(&mut self, prompt: PromptId, text: String) -> Result<Response> {
        let shortened = QueuedPrompt::shortened(&text);
        let (_, events) = self.shared.store.run(move |db| short::edit_prompt(db, prompt, &text)).await?;
        if let Some(shown) = self.queue.get_mut(&prompt) {
            shown.text = shortened;
            self.changed = true;
        }
        self.show(events);
        Ok(Response::Said("changed".to_owned()))
    }

    /// A stored setting reaches a live process at once where the agent can change it. None is the persona's.
    pub(super) async fn set(&mut self, key: &str, value: Option<String>) {
        self.refresh().await;
        if self.process.is_none() {
            return;
        }
        let persona = persona::load(&self.session.persona, &self.shared.paths).ok();
        let control = match key {
            "model" => Control::SetModel(value.or(persona.and_then(|persona| persona.model))),
            "permission_mode" => {
                let mode = value.or(persona.and_then(|persona| persona.permission_mode));
                Control::SetPermissionMode(mode.unwrap_or_else(|| "default".to_owned()))
            }
            // The rest is given when the process starts.
            _ => return,
        };
        drop(self.control(control).await);
    }

    /// Asks the live agent; the answer goes to the client when it comes.
    async fn ask_agent(&mut self, control: Control, reply: Replier) {
        if self.process.is_none() {
            return reply.error(
                Error::unavailable(format!("session {} is asleep", self.session.name))
                    .hint("send it something, or wake it with `claudebot session switch`"),
            );
        }
        let id = self.control(control).await;
        self.questions.insert(id, reply);
    }

    /// An answer of the agent to a control request.
    pub(super) async fn answered_by_agent(&mut self, request: &str, result: Result<Value, String>) {
        if self.initialize.as_deref() == Some(request) {
            self.initialize = None;
            self.deadlines.start = None;
            match result {
                Ok(answer) => {
                    let commands = translate::commands(&answer);
                    self.shared.keep_commands(self.session.id, self.session.agent, commands);
                    self.refused_conversation = false;
                    self.record_state(SessionState::Asleep);
                    self.apply(Input::Ready).await;
                }
                Err(why) => {
                    let agent =
                        if self.session.agent == Agent::Demo { "the demo agent" } else { "Claude Code" };
                    self.end_unstarted(Error::unavailable(format!("{agent} refused to start: {why}"))).await;
                }
            }
            return;
        }
        if let Some(prompt) = self.cancels.remove(request) {
            // Newer releases also say so by themselves; older ones only here.
            let given_back = result.is_ok_and(|answer| answer.get("cancelled").is_some_and(|it| it == true));
            if given_back {
                self.apply(Input::Agent(AgentEvent::Prompt { prompt, seen: Seen::Cancelled })).await;
            }
            if let Some(reply) = self.wanted_back.remove(&prompt) {
                let said = Response::Said("taken back".to_owned());
                reply.reply(if given_back { Ok(said) } else { Err(begun_already()) });
            }
            return;
        }
        let Some(reply) = self.questions.remove(request) else { return };
        reply.reply(match result {
            Ok(value) => Ok(translate::context(&value)),
            Err(why) => Err(Error::failed(format!("the agent says: {why}"))),
        });
    }

    /// The process is gone: nobody will answer any more.
    pub(super) fn fail_questions(&mut self) {
        self.initialize = None;
        self.cancels.clear();
        let wanted_back = self.wanted_back.drain().map(|(_, reply)| reply);
        for reply in self.questions.drain().map(|(_, reply)| reply).chain(wanted_back) {
            reply.error(Error::unavailable("the agent ended before it answered"));
        }
    }
}

fn begun_already() -> Error {
    Error::conflict("the agent has already begun with this prompt")
}
