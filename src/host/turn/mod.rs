//! The turn state machine: which prompt runs when, what a message of the agent means for it, and what is to
//! be done. Pure: no clock, no store, no process. `State::apply(input) → effects` is its whole interface.
//!
//! A turn reaches from the agent's first sign of work to its `result`. Which prompts belong to it is not
//! assumed but read from the agent's echoes: what is echoed while a turn runs belongs to that turn, what is
//! echoed between turns begins the next one, and a turn without an echo was begun by the agent itself.

mod agent;
mod background;
mod blocks;
mod effect;
mod hold;
mod input;
mod lending;
mod process;
mod recovery;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub(crate) use blocks::Place;
pub(crate) use effect::{Effect, Finished, Urgency};
pub(crate) use input::{AgentEvent, Ask, End, Input, Seen, Task, Verdict};

use crate::model::{
    Delivery, Detail, EventKind, Live, LiveTurn, NewEvent, Origin, Outcome, PromptId, SessionState, TurnId,
};

/// Where the process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// None; starting one is allowed.
    Asleep,
    /// None; it ended by itself. Starting one is allowed.
    Crashed,
    /// None; starting one was tried or asked for and has to wait for `MayStart`.
    Barred,
    Starting,
    Ready,
    Stopping,
    /// None; the stored conversation is being read.
    Recovering,
    /// None of ours; another one leads the conversation, and none may be started beside it.
    Lent,
}

#[derive(Debug, Clone, PartialEq)]
struct Turn {
    id: TurnId,
    prompts: Vec<PromptId>,
    started: jiff::Timestamp,
    /// A person stopped it.
    stopped: bool,
    /// A prompt was sent instead of it.
    replaced: bool,
    /// Something was said that is in the log.
    spoke: bool,
    /// The agent showed more than an echo: it works.
    at_work: bool,
}

/// A prompt that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) prompt: PromptId,
    pub(crate) delivery: Delivery,
    /// A slash command: some releases never echo these.
    pub(crate) command: bool,
}

/// A prompt that the agent has been given and that no turn has finished yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    prompt: PromptId,
    command: bool,
    /// Sent into a running turn; such prompts form the one second set.
    extra: bool,
    /// A person wants it back.
    wanted_back: bool,
    /// A turn has begun since: it may be at work.
    begun: bool,
}

impl Given {
    const fn new(waiting: Waiting, extra: bool) -> Self {
        let Waiting { prompt, command, .. } = waiting;
        Self { prompt, command, extra, wanted_back: false, begun: false }
    }
}

/// Everything the machine knows about one session.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    queue: VecDeque<Waiting>,
    given: Vec<Given>,
    /// What the process was given and gave back: it would not run these any more.
    returned: Vec<PromptId>,
    hold: Option<String>,
    turn: Option<Turn>,
    next_turn: TurnId,
    blocks: blocks::Blocks,
    asks: Vec<String>,
    background: background::Background,
    status: Option<String>,
    /// Why the process cannot be started, while `phase` is `Barred`.
    barred: Option<String>,
    draining: bool,
    /// The conversation is lent, or is to be as soon as nothing runs.
    lending: bool,
    /// There is no other host to come: the session itself goes.
    deleted: bool,
    /// A stop came while the agent had a prompt but had not begun: the turn is stopped as it begins.
    stop_at_begin: bool,
    /// Likewise for a prompt that is to run instead.
    replace_at_begin: bool,
    /// The last process ended by itself.
    crashed: bool,
    /// The process is wanted again as soon as it has ended.
    wakes_next: bool,
    /// The agent says of every prompt when it begins with it. Releases that do not say so echo the prompt that
    /// begins a turn only with the first finished block.
    announces: bool,
    now: fn() -> jiff::Timestamp,
}

impl State {
    /// `next_turn` is the number the next turn gets; `queue` what waited when the host began.
    pub(crate) fn new(next_turn: TurnId, queue: Vec<Waiting>, hold: Option<String>, crashed: bool) -> Self {
        Self {
            phase: if crashed { Phase::Crashed } else { Phase::Asleep },
            queue: queue.into(),
            given: Vec::new(),
            returned: Vec::new(),
            hold,
            turn: None,
            next_turn,
            blocks: blocks::Blocks::default(),
            asks: Vec::new(),
            background: background::Background::default(),
            status: None,
            barred: None,
            draining: false,
            lending: false,
            deleted: false,
            stop_at_begin: false,
            replace_at_begin: false,
            crashed,
            wakes_next: false,
            announces: false,
            now: jiff::Timestamp::now,
        }
    }

    /// Begins in recovery: a former process was given these prompts, and nobody knows yet what came of them.
    pub(crate) fn recovering(mut self, given: &[Waiting]) -> Self {
        self.phase = Phase::Recovering;
        self.given = given.iter().map(|&waiting| Given::new(waiting, false)).collect();
        self
    }

    pub(crate) fn session_state(&self) -> SessionState {
        if !self.asks.is_empty() {
            return SessionState::Waiting;
        }
        let runnable = !self.queue.is_empty() && self.hold.is_none();
        match self.phase {
            Phase::Ready | Phase::Stopping if self.turn.is_some() || !self.given.is_empty() => {
                SessionState::Busy
            }
            Phase::Ready => SessionState::Idle,
            Phase::Starting if runnable => SessionState::Busy,
            Phase::Starting => SessionState::Idle,
            Phase::Recovering => SessionState::Busy,
            Phase::Stopping | Phase::Asleep | Phase::Barred => SessionState::Asleep,
            Phase::Crashed => SessionState::Crashed,
            Phase::Lent => SessionState::HandedOver,
        }
    }

    /// What it does or what keeps it awake, in a few words.
    pub(crate) fn activity(&self) -> Option<String> {
        if let Some(activity) = self.blocks.activity() {
            return Some(activity);
        }
        if let Some(why) = self.barred.as_ref().filter(|_| self.phase == Phase::Barred) {
            return Some(why.clone());
        }
        self.background.in_words().or_else(|| self.status.clone())
    }

    /// Whether the process may be ended to make room: nothing runs, waits or works in the background.
    pub(crate) fn may_sleep(&self) -> bool {
        self.phase == Phase::Ready && self.is_quiet() && (self.queue.is_empty() || self.hold.is_some())
    }

    /// Nothing is under way that an end of the process would cut off.
    pub(crate) fn is_quiet(&self) -> bool {
        self.phase != Phase::Recovering
            && self.turn.is_none()
            && self.given.is_empty()
            && self.asks.is_empty()
            && self.background.is_empty()
    }

    /// Whether a prompt accepted now is written at once, so that one commit can store it as sent.
    pub(crate) fn would_send(&self) -> bool {
        self.phase == Phase::Ready
            && self.turn.is_none()
            && self.given.is_empty()
            && self.queue.is_empty()
            && self.hold.is_none()
            && !self.draining
            && !self.lending
    }

    pub(crate) fn running_turn(&self) -> Option<TurnId> {
        self.turn.as_ref().map(|turn| turn.id)
    }

    /// The prompt that the running turn answers, as far as is known.
    pub(crate) fn answered_prompt(&self) -> Option<PromptId> {
        self.place().prompt
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.turn.is_some() || !self.given.is_empty()
    }

    /// The agent has prompts and shows no work on them. It begins at once, or never: a uuid that it believes to
    /// have seen before is echoed at most.
    pub(crate) fn is_unbegun(&self) -> bool {
        self.phase == Phase::Ready && self.turn.as_ref().map_or(!self.given.is_empty(), |turn| !turn.at_work)
    }

    pub(crate) fn hold(&self) -> Option<&str> {
        self.hold.as_deref()
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = Waiting> + '_ {
        self.queue.iter().copied()
    }

    pub(crate) fn status(&self) -> Option<String> {
        self.status.clone()
    }

    pub(crate) fn live_turn(&self) -> Option<LiveTurn> {
        let turn = self.turn.as_ref()?;
        Some(LiveTurn {
            turn: turn.id,
            origin: origin(&turn.prompts),
            started: turn.started,
            prompts: if turn.prompts.is_empty() { self.expected() } else { turn.prompts.clone() },
            blocks: self.blocks.live(),
        })
    }

    /// Takes in one happening and says what is to be done, in order.
    pub(crate) fn apply(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Accepted { waiting, sent } => self.accepted(waiting, sent, &mut out),
            Input::NotSent(prompts) => self.not_sent(&prompts),
            Input::Stop => self.stop(&mut out),
            Input::Release => self.release(&mut out),
            Input::Hold(reason) => self.set_hold(Some(reason), &mut out),
            Input::Dropped(prompts) => self.dropped(&prompts, &mut out),
            Input::TakeBack(prompt) => self.take_back(prompt, &mut out),
            Input::Wake => self.wake(&mut out),
            Input::Sleep => self.sleep(&mut out),
            Input::Lend => self.lend(&mut out),
            Input::TakenBack { next_turn } => self.taken_back(next_turn, &mut out),
            Input::Drain => self.drain(&mut out),
            Input::Close => {
                self.deleted = true;
                self.drain(&mut out);
            }
            Input::End => self.end(&mut out),
            Input::Ready => self.ready(&mut out),
            Input::CannotStart { why } => self.cannot_start(why, &mut out),
            Input::Unavailable { why } => self.unavailable(why, &mut out),
            Input::MayStart => self.may_start(&mut out),
            Input::Exited { asked, why } => self.exited(asked, &why, &mut out),
            Input::Recovered(verdicts) => self.recovered(verdicts, &mut out),
            Input::Resolved { request } => self.resolved(&request, &mut out),
            Input::Agent(event) => self.agent(event, &mut out),
        }
        out
    }

    fn accepted(&mut self, waiting: Waiting, sent: bool, out: &mut Vec<Effect>) {
        if sent {
            self.given.push(Given::new(waiting, false));
            out.push(Effect::Write { prompts: vec![waiting.prompt], urgency: Urgency::Turn });
        } else {
            self.queue.push_back(waiting);
            self.try_again(out);
            self.pump(out);
        }
        out.push(Effect::Changed);
    }

    fn not_sent(&mut self, prompts: &[PromptId]) {
        let (unsent, given): (Vec<_>, Vec<_>) =
            self.given.iter().partition(|given| prompts.contains(&given.prompt));
        self.given = given;
        for given in unsent.into_iter().rev() {
            self.wait_again(given);
        }
    }

    /// What comes back waits in front, as if it had been queued.
    fn wait_again(&mut self, given: Given) {
        let Given { prompt, command, .. } = given;
        self.queue.push_front(Waiting { prompt, delivery: Delivery::Queue, command });
    }

    /// Hands over what may be handed over now.
    fn pump(&mut self, out: &mut Vec<Effect>) {
        if self.draining {
            return self.rest(out);
        }
        if self.lending {
            return;
        }
        match self.phase {
            Phase::Asleep | Phase::Crashed if self.has_runnable() => {
                self.phase = Phase::Starting;
                out.push(Effect::Start);
                out.push(Effect::Changed);
            }
            Phase::Ready if self.turn.is_none() && self.given.is_empty() => self.send_next(out),
            Phase::Ready => self.send_extra(out),
            _ => {}
        }
    }

    fn has_runnable(&self) -> bool {
        self.queue.iter().any(|waiting| self.hold.is_none() || waiting.delivery != Delivery::Queue)
    }

    /// Nothing runs: the next prompt in order, what was to be sent at once before what was queued.
    fn send_next(&mut self, out: &mut Vec<Effect>) {
        let urgent = self.queue.iter().position(|waiting| waiting.delivery != Delivery::Queue);
        let next = urgent.or_else(|| (self.hold.is_none() && !self.queue.is_empty()).then_some(0));
        if next.and_then(|at| self.queue.get(at)).is_some_and(|next| self.returned.contains(&next.prompt)) {
            // This process would only echo it. The next one does not know it.
            return self.sleep(out);
        }
        let Some(waiting) = next.and_then(|at| self.queue.remove(at)) else { return };
        self.give(&[waiting], false, Urgency::Turn, out);
    }

    /// A turn runs: what is to reach it goes as one set, and only when no earlier such set is under way. What
    /// replaces the turn does not wait for that.
    fn send_extra(&mut self, out: &mut Vec<Effect>) {
        let instead = self.queue.iter().any(|waiting| waiting.delivery == Delivery::Instead);
        if !instead && self.given.iter().any(|given| given.extra) {
            return;
        }
        let (extra, queue): (Vec<_>, Vec<_>) =
            self.queue.iter().copied().partition(|waiting| waiting.delivery != Delivery::Queue);
        if extra.is_empty() {
            return;
        }
        self.queue = queue.into();
        if instead {
            self.replace(out);
        }
        self.give(&extra, true, if instead { Urgency::Turn } else { Urgency::Next }, out);
    }

    /// Drops what runs. The agent's own way (a prompt of priority `now`) leaves a running tool alone, and a later
    /// interrupt has no effect then.
    fn replace(&mut self, out: &mut Vec<Effect>) {
        out.extend(self.not_begun().into_iter().map(Effect::CancelInAgent));
        match &mut self.turn {
            Some(turn) => turn.replaced = true,
            None => self.replace_at_begin = true,
        }
        out.push(Effect::Interrupt);
    }

    /// Sent into the running turn, and not begun as far as is known.
    fn not_begun(&self) -> Vec<PromptId> {
        let extra = self.given.iter().filter(|given| given.extra && !self.in_turn(given.prompt));
        extra.map(|given| given.prompt).collect()
    }

    fn give(&mut self, set: &[Waiting], extra: bool, urgency: Urgency, out: &mut Vec<Effect>) {
        self.given.extend(set.iter().map(|&waiting| Given::new(waiting, extra)));
        out.push(Effect::Send { prompts: set.iter().map(|waiting| waiting.prompt).collect(), urgency });
        out.push(Effect::Changed);
    }

    fn stop(&mut self, out: &mut Vec<Effect>) {
        if !self.queue.is_empty() || !self.not_begun().is_empty() {
            self.set_hold(Some("stopped".to_owned()), out);
        }
        self.cut(out);
    }

    /// Interrupts what runs; what waits is not touched.
    fn cut(&mut self, out: &mut Vec<Effect>) {
        let extra = self.not_begun();
        if !self.is_busy() || !matches!(self.phase, Phase::Ready | Phase::Stopping) {
            return;
        }
        // What the agent has not begun comes back and waits with the rest.
        out.extend(extra.into_iter().map(Effect::CancelInAgent));
        match &mut self.turn {
            Some(turn) => turn.stopped = true,
            None => self.stop_at_begin = true,
        }
        out.push(Effect::Interrupt);
    }

    fn in_turn(&self, prompt: PromptId) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.prompts.contains(&prompt))
    }

    fn dropped(&mut self, prompts: &[PromptId], out: &mut Vec<Effect>) {
        self.queue.retain(|waiting| !prompts.contains(&waiting.prompt));
        if self.queue.is_empty() {
            self.set_hold(None, out);
        }
        out.push(Effect::Changed);
    }

    fn take_back(&mut self, prompt: PromptId, out: &mut Vec<Effect>) {
        if self.in_turn(prompt) {
            return;
        }
        if let Some(given) = self.given.iter_mut().find(|given| given.prompt == prompt) {
            given.wanted_back = true;
            out.push(Effect::CancelInAgent(prompt));
        }
    }

    fn resolved(&mut self, request: &str, out: &mut Vec<Effect>) {
        self.asks.retain(|ask| ask != request);
        out.push(Effect::Changed);
    }

    fn number_turn(&mut self) -> TurnId {
        let id = self.next_turn;
        self.next_turn += 1;
        id
    }

    /// Where an event that comes now belongs: the running turn, or the last one.
    fn place(&self) -> Place {
        match &self.turn {
            Some(turn) => Place { turn: turn.id, prompt: turn.prompts.first().copied() },
            None => Place { turn: self.next_turn.saturating_sub(1), prompt: None },
        }
    }

    fn begin_turn(&mut self, out: &mut Vec<Effect>) {
        if self.turn.is_some() {
            return;
        }
        let id = self.number_turn();
        let stopped = std::mem::take(&mut self.stop_at_begin);
        let replaced = std::mem::take(&mut self.replace_at_begin);
        self.turn = Some(Turn {
            id,
            prompts: Vec::new(),
            started: (self.now)(),
            stopped,
            replaced,
            spoke: false,
            at_work: false,
        });
        self.note_begun(out);
        let origin = if self.given.is_empty() { Origin::Claude } else { Origin::Prompt };
        out.push(Effect::Publish(Live::TurnStarted { turn: id, origin, prompts: self.expected() }));
        out.push(Effect::Changed);
        if stopped || replaced {
            out.push(Effect::Interrupt);
        }
    }

    /// The prompt that a turn without an echo is likely to answer, so that it can be shown as it streams. What
    /// the turn answered in truth its end says.
    fn expected(&self) -> Vec<PromptId> {
        let begins = self.given.iter().filter(|given| !given.extra && !self.announces);
        begins.map(|given| given.prompt).collect()
    }

    /// What is likely to be at work counts as begun, though its echo comes late.
    fn note_begun(&mut self, out: &mut Vec<Effect>) {
        let expected = self.expected();
        let mut begun = Vec::new();
        for given in &mut self.given {
            if !given.begun && expected.contains(&given.prompt) {
                given.begun = true;
                begun.push(given.prompt);
            }
        }
        if !begun.is_empty() {
            out.push(Effect::Started(begun));
        }
    }

    /// Ends the running turn with this outcome and sends what comes next.
    fn finish_turn(&mut self, outcome: Outcome, text: String, end: Option<End>, out: &mut Vec<Effect>) {
        let place = self.place();
        self.blocks.flush(place, out);
        let Some(turn) = self.turn.take() else { return };
        self.given.retain(|given| !turn.prompts.contains(&given.prompt));
        self.status = None;
        let origin = origin(&turn.prompts);
        out.push(Effect::Finish(Finished {
            turn: turn.id,
            origin,
            outcome,
            prompts: turn.prompts,
            text,
            end,
        }));
        self.pump(out);
        out.push(Effect::Changed);
    }
}

const fn origin(prompts: &[PromptId]) -> Origin {
    if prompts.is_empty() { Origin::Claude } else { Origin::Prompt }
}

fn notice(code: &str, text: String) -> Effect {
    Effect::Append(NewEvent {
        kind: EventKind::Notice,
        text,
        prompt_id: None,
        detail: Some(Detail::Notice { code: code.to_owned() }),
    })
}
