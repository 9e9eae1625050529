//! Running turns: taken in, shown, and followed against a host by script.

mod followed;
mod shown;

use crate::model::{BlockKind, Live, LiveBlock, Origin, PromptId, TurnId};

fn block(number: u64, kind: BlockKind, text: &str) -> LiveBlock {
    let tool = (kind == BlockKind::Tool).then(|| "Bash".to_owned());
    LiveBlock { block: number, kind, text: text.to_owned(), tool, parent: None }
}

fn started(turn: TurnId, number: u64, kind: BlockKind, text: &str) -> Live {
    Live::BlockStarted { turn, block: block(number, kind, text) }
}

fn delta(number: u64, text: &str) -> Live {
    Live::Delta { block: number, text: text.to_owned() }
}

fn begins(turn: TurnId, prompts: Vec<PromptId>) -> Live {
    Live::TurnStarted { turn, origin: Origin::Prompt, prompts }
}
