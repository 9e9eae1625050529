//! What a person who sent a prompt gets to see, decided without any I/O.
//!
//! [`View`] takes what the host pushes and says what to print, whom to ask and when it is over. Text may come
//! twice (live and as an event, before and after a lost connection) and must be printed once; it may come
//! never live at all, after a crash, and must be printed from the events.

mod blocks;
mod paragraphs;

use std::collections::BTreeMap;

use blocks::Blocks;
use paragraphs::Paragraphs;

use crate::cli::session::quoted;
use crate::cli::text;
use crate::ipc::{Accepted, Push};
use crate::model::{
    Approval, ApprovalId, BlockKind, Decision, Delivery, Detail, Event, EventKind, Live, LiveBlock, LiveTurn,
    Outcome, PromptId, PromptStatus, QueuedPrompt, Snapshot, TurnId, UNAVAILABLE,
};

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// Text of the reply, for stdout.
    Reply(String),
    /// A line beside it, for stderr.
    Note(String),
    /// A person has to decide.
    Ask(Box<Approval>),
    /// Somebody has decided (`decision`), or nobody needs to any more.
    Settled {
        approval: ApprovalId,
        decision: Option<Decision>,
        by: String,
    },
    /// Ask the host what became of the prompt: send it again under the same key.
    Check,
    /// Subscribe again after the last event.
    Resubscribe,
    /// The subscription is over for this reason; connect again if the turn is not.
    Reconnect(String),
    StopTurn(Option<TurnId>),
    TakeBack(PromptId),
    Detach,
    End(Ending),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Failed(String),
    /// Stopped, cut off, replaced or taken back: in these words.
    Interrupted(String),
    /// The agent cannot be started; the prompt waits.
    Waits(String),
    /// Nobody is logged in, so the agent could do nothing.
    NoLogin(String),
    /// A person held the queue, and nobody is here who could wait for them to release it.
    Held(String),
}

/// What is known about the prompt and the session it was sent to.
#[derive(Debug)]
pub(crate) struct View {
    prompt: PromptId,
    /// The session's name.
    name: String,
    /// Why the host does not run it at once.
    reason: Option<String>,
    /// Show thinking and subagents, too.
    verbose: bool,
    /// Stay while the queue is held: a person is here, who may release it elsewhere.
    patient: bool,
    /// The turn that answers the prompt, once known.
    turn: Option<TurnId>,
    /// The turn that runs, whosever it is, with its prompts.
    running: Option<(TurnId, Vec<PromptId>)>,
    /// The last event seen; a subscription continues after it.
    last_seq: u64,
    blocks: Blocks,
    paragraphs: Paragraphs,
    /// Replies of turns of which it is not known yet whom they answer.
    unclaimed: BTreeMap<TurnId, Vec<String>>,
    /// What waits for a person, as far as it was asked here.
    asked: Vec<ApprovalId>,
    /// The snapshot has come: what comes now is the present, not the past.
    present: bool,
    /// The prompt was seen in the queue, at this place.
    place: Option<usize>,
    /// Why the agent could not be started when that was last tried.
    unavailable: Option<String>,
    no_login: bool,
    said_hold: Option<String>,
    said_status: Option<String>,
    interrupts: u32,
}

impl View {
    pub(crate) fn new(accepted: &Accepted, verbose: bool, patient: bool) -> Self {
        Self {
            prompt: accepted.prompt,
            name: accepted.name.clone(),
            reason: accepted.reason.clone(),
            verbose,
            patient,
            turn: None,
            running: None,
            last_seq: accepted.seq,
            blocks: Blocks::default(),
            paragraphs: Paragraphs::default(),
            unclaimed: BTreeMap::new(),
            asked: Vec::new(),
            present: false,
            place: None,
            unavailable: None,
            no_login: false,
            said_hold: None,
            said_status: None,
            interrupts: 0,
        }
    }

    pub(crate) const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The host says (again) what became of the prompt.
    pub(crate) fn accepted(&self, accepted: &Accepted) -> Vec<Act> {
        match accepted.status {
            PromptStatus::Cancelled => {
                vec![Act::End(Ending::Interrupted("the prompt was taken back before it ran".to_owned()))]
            }
            // The end of its turn is an event like any other and will come.
            _ => Vec::new(),
        }
    }

    /// The connection is new, the host perhaps, too: what was asked is asked again if it is still open.
    pub(crate) fn reconnected(&mut self) {
        self.begin_again();
        self.asked.clear();
    }

    /// What was live is told again, perhaps under other numbers.
    fn begin_again(&mut self) {
        self.blocks.cut();
        self.present = false;
        self.running = None;
        self.turn = None;
    }

    pub(crate) fn push(&mut self, push: Push) -> Vec<Act> {
        let mut acts = Vec::new();
        match push {
            Push::Event(event) if event.seq <= self.last_seq => {}
            Push::Event(event) => self.event(event, &mut acts),
            Push::Live(live) => self.live(live, &mut acts),
            Push::Lagged => {
                self.begin_again();
                acts.push(Act::Resubscribe);
            }
            Push::Closed { reason } => acts.push(Act::Reconnect(reason)),
            Push::Feed { .. } | Push::Progress { .. } => {}
        }
        acts
    }

    /// Ctrl-C: first stop (or take back), then leave.
    pub(crate) fn interrupt(&mut self) -> Vec<Act> {
        self.interrupts += 1;
        match (self.interrupts, self.turn, &self.running) {
            (2.., ..) => vec![Act::Detach],
            (_, Some(turn), _) => vec![Act::StopTurn(Some(turn))],
            _ => vec![Act::TakeBack(self.prompt)],
        }
    }

    /// Taking back came too late: Claude has the prompt. What runs for somebody else is not ours to stop.
    pub(crate) fn not_taken_back(&self) -> Vec<Act> {
        match (self.turn, &self.running) {
            (Some(turn), _) => vec![Act::StopTurn(Some(turn))],
            (None, None) => vec![Act::StopTurn(None)],
            (None, Some(_)) => Vec::new(),
        }
    }

    fn event(&mut self, event: Event, acts: &mut Vec<Act>) {
        self.last_seq = event.seq;
        match (event.kind, event.detail) {
            (EventKind::Reply, Some(Detail::Reply { turn, block, parent })) => {
                self.claim_by_prompt(turn, event.prompt_id, acts);
                self.reply(turn, block, parent.is_some(), event.text, acts);
            }
            (EventKind::Tool, Some(Detail::Tool { turn, block, is_error, result, parent, .. })) => {
                self.claim_by_prompt(turn, event.prompt_id, acts);
                let known = self.blocks.close(block).is_some();
                if self.turn == Some(turn) && (parent.is_none() || self.verbose) {
                    self.tool(&event.text, known, is_error, result.as_deref(), acts);
                }
            }
            (EventKind::TurnEnded, Some(Detail::Turn { turn, outcome, prompts, .. })) => {
                self.turn_ended(turn, outcome, &prompts, event.text, acts);
            }
            (EventKind::ApprovalAsked, Some(Detail::Asked { approval })) if self.present => {
                self.ask(*approval, acts);
            }
            (EventKind::ApprovalAnswered, Some(Detail::Answered { approval, decision, by })) => {
                self.settle(approval, decision, by, acts);
            }
            (EventKind::Notice, Some(Detail::Notice { code })) if code == "unavailable" => {
                self.unavailable = Some(event.text);
                self.give_up(acts);
            }
            (EventKind::Notice, Some(Detail::File { path, bytes, .. })) => {
                acts.push(Act::Note(format!("! {}", text::file_sent(&event.text, &path, bytes))));
            }
            (EventKind::Notice, detail) => {
                self.no_login |= matches!(detail, Some(Detail::Notice { code }) if code == "login");
                acts.push(Act::Note(format!("! {}", event.text)));
            }
            _ => {}
        }
    }

    fn live(&mut self, live: Live, acts: &mut Vec<Act>) {
        match live {
            Live::Snapshot(snapshot) => self.snapshot(*snapshot, acts),
            Live::TurnStarted { turn, prompts, origin: _ } => {
                let mine = prompts.contains(&self.prompt);
                self.running = Some((turn, prompts));
                if mine {
                    self.claim(turn, true, acts);
                }
            }
            Live::TurnJoined { turn, prompt } => self.joined(turn, prompt, acts),
            Live::BlockStarted { turn, block } => self.block_started(turn, block, acts),
            Live::Delta { block, text } => {
                self.blocks.extend(block, &text);
                self.show(block, acts);
            }
            Live::Changed { queue, hold, status, state: _ } => self.changed(&queue, hold, status, acts),
        }
    }

    /// Nothing starts the agent again by itself. In the past it may have been started since.
    fn give_up(&mut self, acts: &mut Vec<Act>) {
        if self.present && self.turn.is_none() {
            acts.extend(self.unavailable.take().map(|why| Act::End(Ending::Waits(why))));
        }
    }

    fn snapshot(&mut self, snapshot: Snapshot, acts: &mut Vec<Act>) {
        self.present = true;
        let Snapshot { turn, queue, hold, approvals, status, state: _ } = snapshot;
        self.running = turn.as_ref().map(|turn| (turn.turn, turn.prompts.clone()));
        if let Some(LiveTurn { turn, prompts, blocks, .. }) = turn {
            if prompts.contains(&self.prompt) {
                self.claim(turn, true, acts);
            }
            for block in blocks {
                self.block_started(turn, block, acts);
            }
        }
        let gone: Vec<ApprovalId> =
            self.asked.iter().copied().filter(|id| approvals.iter().all(|a| a.id != *id)).collect();
        for approval in gone {
            self.settle(approval, None, String::new(), acts);
        }
        for approval in approvals {
            self.ask(approval, acts);
        }
        self.changed(&queue, hold, status, acts);
        if self.place.is_some() {
            self.give_up(acts);
        }
    }

    fn joined(&mut self, turn: TurnId, prompt: PromptId, acts: &mut Vec<Act>) {
        // A turn begins without prompts and its first one joins it at once: nothing of it is somebody else's.
        let alone = match &mut self.running {
            Some((running, prompts)) if *running == turn => {
                // It may have been expected there.
                if !prompts.contains(&prompt) {
                    prompts.push(prompt);
                }
                *prompts == [prompt]
            }
            _ => {
                self.running = Some((turn, vec![prompt]));
                true
            }
        };
        if prompt == self.prompt {
            self.claim(turn, alone, acts);
        }
    }

    fn claim_by_prompt(&mut self, turn: TurnId, prompt: Option<PromptId>, acts: &mut Vec<Act>) {
        if prompt == Some(self.prompt) {
            self.claim(turn, true, acts);
        }
    }

    /// `turn` answers the prompt: `whole`, or from here on.
    fn claim(&mut self, turn: TurnId, whole: bool, acts: &mut Vec<Act>) {
        if self.turn == Some(turn) {
            return;
        }
        self.turn = Some(turn);
        let said = self.unclaimed.remove(&turn).unwrap_or_default();
        if whole {
            for text in said {
                self.paragraph(&text, acts);
            }
            for block in self.blocks.of_turn(turn) {
                self.note_block(block, acts);
                self.show(block, acts);
            }
        } else {
            self.blocks.hide(turn);
        }
    }

    fn block_started(&mut self, turn: TurnId, block: LiveBlock, acts: &mut Vec<Act>) {
        let number = block.block;
        if self.blocks.start(turn, block) && self.turn == Some(turn) {
            self.note_block(number, acts);
            self.show(number, acts);
        }
    }

    /// Says that a tool runs, once.
    fn note_block(&self, number: u64, acts: &mut Vec<Act>) {
        let Some(block) = self.blocks.get(number) else { return };
        if block.live.kind == BlockKind::Tool && (block.live.parent.is_none() || self.verbose) {
            let tool = block.live.tool.as_deref().unwrap_or("tool");
            acts.push(Act::Note(tool_line(tool, &block.live.text)));
        }
    }

    /// Prints what a block of our turn has that was not printed yet.
    fn show(&mut self, number: u64, acts: &mut Vec<Act>) {
        let Some(block) = self.blocks.get(number) else { return };
        if self.turn != Some(block.turn) {
            return;
        }
        match (block.live.kind, block.live.parent.is_some()) {
            (BlockKind::Text, false) => {
                let (begins, text) = self.blocks.unshown(number);
                acts.extend(self.paragraphs.say(begins, &text).map(Act::Reply));
            }
            (BlockKind::Thinking, _) | (BlockKind::Text, true) if self.verbose => {
                acts.extend(self.blocks.whole_lines(number).into_iter().map(Act::Note));
            }
            _ => {}
        }
    }

    fn reply(&mut self, turn: TurnId, block: u64, inner: bool, text: String, acts: &mut Vec<Act>) {
        if inner {
            if self.turn == Some(turn) && self.verbose && self.blocks.get(block).is_none() {
                acts.extend(text.lines().map(|line| Act::Note(line.to_owned())));
            }
            self.blocks.close(block);
            return;
        }
        if self.turn != Some(turn) {
            self.blocks.close(block);
            self.unclaimed.entry(turn).or_default().push(text);
            return;
        }
        let (begins, rest) = self.blocks.finish(block, &text);
        acts.extend(self.paragraphs.say(begins, &rest).map(Act::Reply));
    }

    fn paragraph(&mut self, text: &str, acts: &mut Vec<Act>) {
        let (begins, rest) = self.blocks.continue_cut(text);
        acts.extend(self.paragraphs.say(begins, &rest).map(Act::Reply));
    }

    fn tool(&self, words: &str, known: bool, is_error: bool, result: Option<&str>, acts: &mut Vec<Act>) {
        if !known {
            acts.push(Act::Note(format!("⚙ {words}")));
        }
        let first = |result: &str| result.lines().next().unwrap_or_default().to_owned();
        match result.map(first) {
            // What the agent says of a stop that came from here is no news.
            Some(_) | None if self.interrupts > 0 => {}
            Some(line) if is_error => acts.push(Act::Note(format!("  ✗ {line}"))),
            None => acts.push(Act::Note("  ✗ cut off".to_owned())),
            Some(_) => {}
        }
    }

    fn turn_ended(
        &mut self,
        turn: TurnId,
        outcome: Outcome,
        prompts: &[PromptId],
        text: String,
        acts: &mut Vec<Act>,
    ) {
        if self.running.as_ref().is_some_and(|(running, _)| *running == turn) {
            self.running = None;
        }
        if prompts.contains(&self.prompt) {
            self.claim(turn, true, acts);
        }
        self.blocks.drop_turn(turn);
        self.unclaimed.remove(&turn);
        if self.turn != Some(turn) {
            return;
        }
        acts.extend(self.paragraphs.end().map(Act::Reply));
        if !prompts.contains(&self.prompt) {
            // It was expected to answer the prompt and did not; another one will.
            self.turn = None;
            return;
        }
        acts.push(Act::End(match outcome {
            Outcome::Done => Ending::Done,
            Outcome::Failed if self.no_login => Ending::NoLogin(or(text, "nobody is logged in")),
            Outcome::Failed => Ending::Failed(or(text, "the turn failed")),
            Outcome::Interrupted => Ending::Interrupted(or(text, "the turn was interrupted")),
            Outcome::Replaced => Ending::Interrupted(or(text, "dropped for another prompt")),
        }));
    }

    fn ask(&mut self, approval: Approval, acts: &mut Vec<Act>) {
        if !self.asked.contains(&approval.id) {
            self.asked.push(approval.id);
            acts.push(Act::Ask(Box::new(approval)));
        }
    }

    fn settle(&mut self, approval: ApprovalId, decision: Option<Decision>, by: String, acts: &mut Vec<Act>) {
        let before = self.asked.len();
        self.asked.retain(|id| *id != approval);
        if self.asked.len() < before {
            acts.push(Act::Settled { approval, decision, by });
        }
    }

    fn changed(
        &mut self,
        queue: &[QueuedPrompt],
        hold: Option<String>,
        status: Option<String>,
        acts: &mut Vec<Act>,
    ) {
        // What its start failed with is told by the log, and says more.
        let hold = hold.filter(|hold| hold != UNAVAILABLE);
        let place = queue.iter().position(|waiting| waiting.id == self.prompt);
        if self.turn.is_none() {
            self.waiting(place, hold.as_deref(), acts);
        }
        // What is sent into the running turn does not wait with the others.
        let waits = place.and_then(|at| queue.get(at)).is_some_and(|own| own.delivery == Delivery::Queue);
        if let Some(hold) = hold.as_deref().filter(|_| waits && !self.patient) {
            acts.push(Act::End(Ending::Held(format!("the queue is held ({hold})"))));
        }
        self.place = place;
        self.said_hold = hold;
        if (self.turn.is_some() || place.is_some()) && status != self.said_status {
            let telling = status.as_deref().filter(|status| *status != "requesting");
            acts.extend(telling.map(|status| Act::Note(format!("… {status}"))));
            self.said_status = status;
        }
    }

    /// Says why the prompt is not run yet, when that changed.
    fn waiting(&self, place: Option<usize>, hold: Option<&str>, acts: &mut Vec<Act>) {
        let Some(at) = place else {
            if self.place.is_some() {
                acts.push(Act::Check);
            }
            return;
        };
        let news = self.place != place || self.said_hold.as_deref() != hold;
        let behind = hold.is_some() || self.running.is_some() || at > 0;
        if news && behind {
            let why = match (hold, &self.reason) {
                (Some(hold), _) => format!(
                    "the queue is held ({hold}): claudebot session queue {} --run or --clear",
                    quoted(&self.name)
                ),
                (None, Some(reason)) => reason.clone(),
                (None, None) => "others are first".to_owned(),
            };
            acts.push(Act::Note(format!("queued, number {}: {why}", at + 1)));
        }
    }
}

fn or(text: String, otherwise: &str) -> String {
    if text.trim().is_empty() { otherwise.to_owned() } else { text }
}

fn tool_line(tool: &str, summary: &str) -> String {
    if summary.is_empty() { format!("⚙ {tool}") } else { format!("⚙ {tool}: {summary}") }
}

#[cfg(test)]
mod tests;
