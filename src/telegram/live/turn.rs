//! What runs in a session just now, as far as it is shown. Pure.
//!
//! [`State`] takes what the host pushes; a delta costs the same however long the text is already.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::ipc::Push;
use crate::model::{
    BlockKind, Detail, Event, Live, LiveBlock, LiveTurn, PromptId, SessionState, Snapshot, TurnId,
};
use crate::telegram::render::Stream;
use crate::telegram::turn_log::{ToolCall, TurnLog};

/// So many tools are kept to be shown.
const LINES: usize = 8;

/// Of what is thought the end is kept, in bytes.
const THINKING: usize = 2048;

/// What a push has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    /// What is shown.
    View,
    /// Whom it is shown, too: a turn began, a prompt joined it, the queue moved.
    Places,
    /// The turn is over.
    Over,
    /// The subscription has to be made anew.
    Again,
    /// There is nothing to follow any more.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Runs,
    Done,
    Failed,
}

/// A tool that was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `Bash: ls`
    pub(super) words: String,
    block: Option<u64>,
    pub(super) progress: Progress,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) turn: TurnId,
    /// On a clock that only goes on: the calendar may be set meanwhile.
    pub(super) started: Instant,
    pub(super) prompts: Vec<PromptId>,
    /// What was said since the last tool call before it.
    pub(super) text: Stream,
    pub(super) has_text: bool,
    /// A tool was called since: the next text begins anew.
    is_text_over: bool,
    /// The next text is a paragraph of its own.
    is_block_over: bool,
    pub(super) tools: u32,
    pub(super) lines: VecDeque<Line>,
    /// The end of what is being thought.
    pub(super) thinking: String,
    /// Blocks that grow.
    open: BTreeMap<u64, BlockKind>,
}

impl Running {
    fn new(turn: TurnId, started: Instant, prompts: Vec<PromptId>) -> Self {
        Self {
            turn,
            started,
            prompts,
            text: Stream::default(),
            has_text: false,
            is_text_over: false,
            is_block_over: false,
            tools: 0,
            lines: VecDeque::new(),
            thinking: String::new(),
            open: BTreeMap::new(),
        }
    }

    /// A turn that has been running for a while: what it did so far, and what it is doing.
    fn joined(live: LiveTurn, so_far: TurnLog, now: (Instant, Timestamp)) -> Self {
        let age = now.1.duration_since(live.started).try_into().unwrap_or_default();
        let started = now.0.checked_sub(age).unwrap_or(now.0);
        let mut running = Self::new(live.turn, started, live.prompts);
        let reply = so_far.reply();
        if !reply.is_empty() {
            running.say(&reply);
        }
        running.is_text_over = !so_far.ends_in_words();
        running.is_block_over = running.has_text;
        running.tools = so_far.tools;
        for ToolCall { words, result, is_error } in so_far.calls {
            let progress = if is_error || result.is_none() { Progress::Failed } else { Progress::Done };
            running.add_line(Line { words, block: None, progress });
        }
        for block in live.blocks {
            running.begin(block);
        }
        running
    }

    fn begin(&mut self, block: LiveBlock) {
        if block.parent.is_some() || self.open.contains_key(&block.block) {
            return;
        }
        match block.kind {
            BlockKind::Text => {
                self.thinking.clear();
                self.is_block_over = self.has_text;
                self.say(&block.text);
            }
            BlockKind::Thinking => {
                self.thinking.clear();
                self.think(&block.text);
            }
            BlockKind::Tool => {
                self.thinking.clear();
                self.is_text_over = true;
                self.tools += 1;
                let tool = block.tool.unwrap_or_default();
                let words = if block.text.is_empty() { tool } else { format!("{tool}: {}", block.text) };
                self.add_line(Line { words, block: Some(block.block), progress: Progress::Runs });
            }
        }
        self.open.insert(block.block, block.kind);
    }

    fn grow(&mut self, block: u64, text: &str) -> bool {
        match self.open.get(&block) {
            Some(BlockKind::Text) => self.say(text),
            Some(BlockKind::Thinking) => self.think(text),
            _ => return false,
        }
        true
    }

    fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let is_new = std::mem::take(&mut self.is_text_over);
        let is_paragraph = std::mem::take(&mut self.is_block_over);
        if is_new {
            self.text = Stream::default();
        } else if is_paragraph {
            self.text.push("\n\n");
        }
        self.text.push(text);
        self.has_text = true;
    }

    fn think(&mut self, text: &str) {
        self.thinking.push_str(text);
        if self.thinking.len() > 2 * THINKING {
            let from = self.thinking.ceil_char_boundary(self.thinking.len() - THINKING);
            self.thinking.drain(..from);
        }
    }

    fn add_line(&mut self, line: Line) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// A block is in the log, whole. It may never have been live.
    fn finish(&mut self, event: Event) -> Change {
        match event.detail {
            Some(Detail::Reply { block, parent: None, .. }) => {
                if self.open.remove(&block).is_none() {
                    let kind = BlockKind::Text;
                    self.begin(LiveBlock { block, kind, text: event.text, tool: None, parent: None });
                    self.open.remove(&block);
                }
                Change::View
            }
            Some(Detail::Tool { block, parent: None, result, is_error, .. }) => {
                let progress = if is_error || result.is_none() { Progress::Failed } else { Progress::Done };
                if self.open.remove(&block).is_none() {
                    self.is_text_over = true;
                    self.tools += 1;
                    self.add_line(Line { words: event.text, block: None, progress });
                } else if let Some(line) = self.lines.iter_mut().find(|line| line.block == Some(block)) {
                    line.progress = progress;
                }
                Change::View
            }
            _ => Change::Nothing,
        }
    }
}

/// A session as its subscription tells it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) running: Option<Running>,
    pub(super) session: SessionState,
    /// Prompts that wait, in order.
    pub(super) queue: Vec<PromptId>,
    pub(super) is_held: bool,
    /// What the agent says it does.
    pub(super) status: Option<String>,
}

impl State {
    pub(super) const fn new() -> Self {
        Self { running: None, session: SessionState::Asleep, queue: Vec::new(), is_held: false, status: None }
    }

    /// The present, with what the log has of the turn that runs. `now`: on both clocks.
    pub(super) fn begin(&mut self, snapshot: Snapshot, so_far: TurnLog, now: (Instant, Timestamp)) {
        let Snapshot { state, turn, queue, hold, approvals: _, status } = snapshot;
        self.running = turn.map(|turn| Running::joined(turn, so_far, now));
        self.session = state;
        self.queue = queue.into_iter().map(|queued| queued.id).collect();
        self.is_held = hold.is_some();
        self.status = status;
    }

    /// Everything but a snapshot, which needs the log.
    pub(super) fn apply(&mut self, push: Push, now: Instant) -> Change {
        match push {
            Push::Live(live) => self.live(live, now),
            Push::Event(event) => self.event(event),
            Push::Lagged => Change::Again,
            Push::Closed { .. } => Change::Gone,
            Push::Feed { .. } | Push::Progress { .. } => Change::Nothing,
        }
    }

    fn live(&mut self, live: Live, now: Instant) -> Change {
        match live {
            Live::Snapshot(_) => Change::Again,
            Live::TurnStarted { turn, prompts, origin: _ } => {
                self.running = Some(Running::new(turn, now, prompts));
                Change::Places
            }
            Live::TurnJoined { turn, prompt } => match self.of(turn) {
                Some(running) if !running.prompts.contains(&prompt) => {
                    running.prompts.push(prompt);
                    Change::Places
                }
                _ => Change::Nothing,
            },
            Live::BlockStarted { turn, block } => match self.of(turn) {
                Some(running) => {
                    running.begin(block);
                    Change::View
                }
                None => Change::Nothing,
            },
            Live::Delta { block, text } => {
                let has_grown = self.running.as_mut().is_some_and(|running| running.grow(block, &text));
                if has_grown { Change::View } else { Change::Nothing }
            }
            Live::Changed { state, queue, hold, status } => {
                self.session = state;
                self.queue = queue.into_iter().map(|queued| queued.id).collect();
                self.is_held = hold.is_some();
                self.status = status;
                Change::Places
            }
        }
    }

    fn event(&mut self, event: Event) -> Change {
        match event.detail {
            Some(Detail::Turn { .. }) => {
                self.running = None;
                Change::Over
            }
            Some(Detail::Reply { turn, .. } | Detail::Tool { turn, .. }) => {
                self.of(turn).map_or(Change::Nothing, |running| running.finish(event))
            }
            _ => Change::Nothing,
        }
    }

    fn of(&mut self, turn: TurnId) -> Option<&mut Running> {
        self.running.as_mut().filter(|running| running.turn == turn)
    }
}
