//! The pieces of a running turn that are not in the log yet: text being said, thinking, tools at work.

use serde_json::Value;

use super::effect::{Effect, OpenTool};
use crate::model::{BlockKind, Detail, EventKind, Live, LiveBlock, NewEvent, PromptId, TurnId};

/// A block that is being streamed, and where the agent's deltas for it come from.
#[derive(Debug, Clone, PartialEq)]
struct Open {
    /// Position within the agent's message; None for tools, which get no deltas.
    index: Option<u64>,
    live: LiveBlock,
}

/// All open blocks and tools of a session. Block numbers are never used twice in a host's lifetime.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    open: Vec<Open>,
    tools: Vec<OpenTool>,
    last: u64,
}

/// Where events of a turn belong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) turn: TurnId,
    pub(crate) prompt: Option<PromptId>,
}

impl Blocks {
    pub(crate) fn live(&self) -> Vec<LiveBlock> {
        self.open.iter().map(|open| open.live.clone()).collect()
    }

    /// What the agent does at the moment, in a few words.
    pub(crate) fn activity(&self) -> Option<String> {
        self.tools.last().map(|tool| format!("running {}", tool.name))
    }

    /// A call that has not returned.
    pub(crate) fn tool(&self, id: &str) -> Option<&OpenTool> {
        self.tools.iter().find(|tool| tool.id == id)
    }

    fn begin(&mut self, at: Place, index: Option<u64>, live: LiveBlock, out: &mut Vec<Effect>) {
        out.push(Effect::Publish(Live::BlockStarted { turn: at.turn, block: live.clone() }));
        self.open.push(Open { index, live });
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(crate) fn started(
        &mut self,
        at: Place,
        parent: Option<String>,
        index: u64,
        kind: BlockKind,
        out: &mut Vec<Effect>,
    ) {
        // A tool is shown once its input is complete: half an input says nothing.
        if kind == BlockKind::Tool {
            return;
        }
        // The agent begins its message again after the connection broke: the former one will not be finished.
        self.open.retain(|open| open.index != Some(index) || open.live.parent != parent);
        let block = self.number();
        let live = LiveBlock { block, kind, text: String::new(), tool: None, parent };
        self.begin(at, Some(index), live, out);
    }

    pub(crate) fn delta(&mut self, parent: Option<&str>, index: u64, text: String, out: &mut Vec<Effect>) {
        let open = self
            .open
            .iter_mut()
            .rev()
            .find(|open| open.index == Some(index) && open.live.parent.as_deref() == parent);
        if let Some(open) = open {
            open.live.text.push_str(&text);
            out.push(Effect::Publish(Live::Delta { block: open.live.block, text }));
        }
    }

    /// The oldest open block of this kind and parent leaves; a text that was never streamed gets a fresh number.
    fn close(&mut self, parent: Option<&str>, kind: BlockKind) -> Option<u64> {
        let at = self
            .open
            .iter()
            .position(|open| open.live.kind == kind && open.live.parent.as_deref() == parent)?;
        Some(self.open.remove(at).live.block)
    }

    /// A block of text is finished: it goes to the log.
    pub(crate) fn said(&mut self, at: Place, parent: Option<String>, text: String, out: &mut Vec<Effect>) {
        let block = self.close(parent.as_deref(), BlockKind::Text).unwrap_or_else(|| self.number());
        out.push(reply(at, block, parent, text));
    }

    pub(crate) fn thought(&mut self, parent: Option<&str>) {
        self.close(parent, BlockKind::Thinking);
    }

    pub(crate) fn tool_called(&mut self, at: Place, mut tool: OpenTool, out: &mut Vec<Effect>) {
        tool.block = self.number();
        let live = LiveBlock {
            block: tool.block,
            kind: BlockKind::Tool,
            text: tool.summary.clone(),
            tool: Some(tool.name.clone()),
            parent: tool.parent.clone(),
        };
        self.begin(at, None, live, out);
        self.tools.push(tool);
    }

    pub(crate) fn tool_returned(
        &mut self,
        at: Place,
        id: &str,
        result: String,
        is_error: bool,
        out: &mut Vec<Effect>,
    ) {
        if let Some(position) = self.tools.iter().position(|tool| tool.id == id) {
            let tool = self.tools.remove(position);
            self.open.retain(|open| open.live.block != tool.block);
            out.push(tool_event(at, tool, Some(result), is_error));
        }
    }

    /// The turn is over: what was said half is kept as far as it came, tools count as cut off.
    pub(crate) fn flush(&mut self, at: Place, out: &mut Vec<Effect>) {
        for tool in std::mem::take(&mut self.tools) {
            out.push(tool_event(at, tool, None, true));
        }
        for open in std::mem::take(&mut self.open) {
            if open.live.kind == BlockKind::Text && !open.live.text.is_empty() {
                out.push(reply(at, open.live.block, open.live.parent, open.live.text));
            }
        }
    }

    /// Forgets everything unfinished: the stored conversation has the whole of it.
    pub(crate) fn discard(&mut self) {
        self.open.clear();
        self.tools.clear();
    }
}

fn reply(at: Place, block: u64, parent: Option<String>, text: String) -> Effect {
    Effect::Append(NewEvent {
        kind: EventKind::Reply,
        text,
        prompt_id: at.prompt,
        detail: Some(Detail::Reply { turn: at.turn, block, parent }),
    })
}

fn tool_event(at: Place, tool: OpenTool, result: Option<String>, is_error: bool) -> Effect {
    let OpenTool { block, name, summary, input, parent, id: _ } = tool;
    let text = if summary.is_empty() { name.clone() } else { format!("{name}: {summary}") };
    let input: Value = input;
    Effect::Append(NewEvent {
        kind: EventKind::Tool,
        text,
        prompt_id: at.prompt,
        detail: Some(Detail::Tool { turn: at.turn, block, name, input, result, is_error, parent }),
    })
}
