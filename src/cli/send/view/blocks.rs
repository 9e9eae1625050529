//! Live blocks of the running turn, and how much of each was shown.

use std::collections::BTreeMap;

use crate::model::{BlockKind, LiveBlock, TurnId};

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) turn: TurnId,
    pub(crate) live: LiveBlock,
    /// Bytes of the text that were shown (or are not to be).
    shown: usize,
    begun: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Blocks {
    open: BTreeMap<u64, Block>,
    /// Texts that were shown in part when the connection was lost; they come again, whole.
    cut: Vec<String>,
}

impl Blocks {
    pub(crate) fn get(&self, number: u64) -> Option<&Block> {
        self.open.get(&number)
    }

    /// A block begins. False: it is known already.
    pub(crate) fn start(&mut self, turn: TurnId, live: LiveBlock) -> bool {
        let number = live.block;
        if let Some(known) = self.open.get_mut(&number) {
            known.live.text = live.text;
            return false;
        }
        let top = live.kind == BlockKind::Text && live.parent.is_none();
        let shown = if top { self.take_cut(&live.text) } else { None };
        let block = Block { turn, begun: shown.is_some(), shown: shown.unwrap_or(0), live };
        self.open.insert(number, block);
        true
    }

    pub(crate) fn extend(&mut self, number: u64, text: &str) {
        if let Some(block) = self.open.get_mut(&number) {
            block.live.text.push_str(text);
        }
    }

    pub(crate) fn of_turn(&self, turn: TurnId) -> Vec<u64> {
        self.open.iter().filter(|(_, block)| block.turn == turn).map(|(number, _)| *number).collect()
    }

    /// What a turn has said so far is not for us.
    pub(crate) fn hide(&mut self, turn: TurnId) {
        for block in self.open.values_mut().filter(|block| block.turn == turn) {
            block.shown = block.live.text.len();
            block.begun = block.begun || !block.live.text.is_empty();
        }
    }

    /// Whether this is the block's beginning, and its text that was not shown yet; it counts as shown now.
    pub(crate) fn unshown(&mut self, number: u64) -> (bool, String) {
        let Some(block) = self.open.get_mut(&number) else { return (false, String::new()) };
        let text = block.live.text.get(block.shown..).unwrap_or_default().to_owned();
        let begins = !block.begun && !text.is_empty();
        block.begun = block.begun || begins;
        block.shown = block.live.text.len();
        (begins, text)
    }

    /// Lines that are complete and were not shown yet: for what is shown a line at a time.
    pub(crate) fn whole_lines(&mut self, number: u64) -> Vec<String> {
        let Some(block) = self.open.get_mut(&number) else { return Vec::new() };
        let rest = block.live.text.get(block.shown..).unwrap_or_default();
        let Some(end) = rest.rfind('\n') else { return Vec::new() };
        let lines = rest[..end].lines().map(str::to_owned).collect();
        block.shown += end + 1;
        lines
    }

    pub(crate) fn close(&mut self, number: u64) -> Option<Block> {
        self.open.remove(&number)
    }

    /// A block's whole text is in the log: whether it begins here, and what of it is left to show.
    pub(crate) fn finish(&mut self, number: u64, text: &str) -> (bool, String) {
        match self.open.remove(&number) {
            Some(block) if block.begun => {
                // Where the log's text differs from what was streamed, the reader has seen it once already.
                let shown = block.live.text.get(..block.shown).unwrap_or_default();
                (false, text.strip_prefix(shown).unwrap_or_default().to_owned())
            }
            _ => self.continue_cut(text),
        }
    }

    /// A whole text that may have been shown in part before the connection was lost.
    pub(crate) fn continue_cut(&mut self, text: &str) -> (bool, String) {
        match self.take_cut(text) {
            Some(shown) => (false, text[shown..].to_owned()),
            None => (!text.is_empty(), text.to_owned()),
        }
    }

    fn take_cut(&mut self, text: &str) -> Option<usize> {
        let at = self.cut.iter().position(|shown| text.starts_with(shown.as_str()))?;
        Some(self.cut.remove(at).len())
    }

    /// The connection is lost: what was shown in part will come again, perhaps under another number.
    pub(crate) fn cut(&mut self) {
        let open = std::mem::take(&mut self.open).into_values();
        let texts = open.filter(|block| {
            block.live.kind == BlockKind::Text
                && block.live.parent.is_none()
                && block.begun
                && block.shown > 0
        });
        self.cut.extend(texts.map(|mut block| {
            block.live.text.truncate(block.shown);
            block.live.text
        }));
    }

    pub(crate) fn drop_turn(&mut self, turn: TurnId) {
        self.open.retain(|_, block| block.turn != turn);
    }
}
