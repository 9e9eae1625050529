//! Where a text may be cut, and the piece that comes of it: entities end at the cut and begin again after it.

use std::ops::Range;

use teloxide_core::types::{MessageEntity, MessageEntityKind};
use unicode_segmentation::GraphemeCursor;

use super::caps;
use super::rich::{Rich, end, units, units_begun};

/// Takes a text apart from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Cutter<'r> {
    text: &'r str,
    entities: &'r [MessageEntity],
    /// Blocks of code, in bytes.
    blocks: Vec<Range<usize>>,
    /// Where the next piece begins, in bytes and in units.
    byte: usize,
    unit: usize,
    /// The first entity that does not begin before that.
    next: usize,
    /// Entities that begin before it, and end after it.
    open: Vec<&'r MessageEntity>,
}

impl<'r> Cutter<'r> {
    pub(crate) fn new(rich: &'r Rich) -> Self {
        let blocks = blocks_of_code(rich);
        let Rich { text, entities } = rich;
        Self { text, entities, blocks, byte: 0, unit: 0, next: 0, open: Vec::new() }
    }

    pub(crate) const fn is_done(&self) -> bool {
        self.byte >= self.text.len()
    }

    /// The best place to end a piece of less than so many units: after a block, a line, a word, a character that
    /// people see as one. The better ones are not taken when the piece would be less than half full.
    pub(crate) fn best_end(&self, limit: usize) -> usize {
        let longest = self.byte + fitting(&self.text[self.byte..], limit.saturating_sub(1));
        if longest == self.text.len() {
            return longest;
        }
        let half = self.text.floor_char_boundary(self.byte + (longest - self.byte) / 2);
        let window = &self.text[half..longest];
        let mut blank_lines = window.rmatch_indices("\n\n").map(|(at, _)| half + at);
        let word = || window.rfind(char::is_whitespace).map(|at| self.text.ceil_char_boundary(half + at + 1));
        blank_lines
            .find(|&at| self.block_around(at).is_none())
            .or_else(|| window.rfind('\n').map(|at| half + at))
            .or_else(word)
            .unwrap_or_else(|| self.grapheme_before(longest))
    }

    /// The best place to begin, no earlier than this byte, without giving more than a fourth away.
    pub(crate) fn best_start(&self, earliest: usize) -> usize {
        let fourth = self.text.floor_char_boundary(earliest + (self.text.len() - earliest) / 4);
        let window = &self.text[earliest..fourth];
        let mut blank_lines = window.match_indices("\n\n").map(|(at, _)| earliest + at);
        blank_lines
            .find(|&at| self.block_around(at).is_none())
            .or_else(|| window.find('\n').map(|at| earliest + at))
            .or_else(|| window.find(char::is_whitespace).map(|at| earliest + at))
            .unwrap_or_else(|| self.grapheme_after(earliest))
    }

    /// Everything up to this byte, without white space around it.
    pub(crate) fn take(&mut self, until: usize) -> Rich {
        let start = self.byte + self.white_space(until);
        let text = self.text[start..until].trim_end();
        let first = self.unit + units(&self.text[self.byte..start]);
        let last = first + units(text);
        let begun = self.entities[self.next..].iter().take_while(|entity| entity.offset < last);
        let clipped = self.open.iter().copied().chain(begun).filter_map(|entity| clip(entity, first..last));
        let mut piece = Rich { text: text.to_owned(), entities: clipped.collect() };
        caps::fit(&mut piece.entities);
        self.skip(until);
        piece
    }

    /// Goes on from this byte.
    pub(crate) fn skip(&mut self, until: usize) {
        self.unit += units(&self.text[self.byte..until]);
        self.byte = until;
        let begun = self.entities[self.next..].iter().take_while(|entity| entity.offset < self.unit);
        let before = self.open.len();
        self.open.extend(begun);
        self.next += self.open.len() - before;
        self.open.retain(|entity| end(entity) > self.unit);
    }

    /// How many bytes of white space to pass over: all, but not the indentation of code.
    fn white_space(&self, until: usize) -> usize {
        let rest = &self.text[self.byte..until];
        let lead = rest.len() - rest.trim_start().len();
        let Some(block) = self.block_around(self.byte + lead) else { return lead };
        let outside = block.start.saturating_sub(self.byte).min(lead);
        rest[outside..lead].rfind('\n').map_or(outside, |newline| outside + newline + 1)
    }

    /// The block of code that holds a byte.
    fn block_around(&self, byte: usize) -> Option<&Range<usize>> {
        let after = self.blocks.partition_point(|block| block.start <= byte);
        self.blocks[..after].last().filter(|block| block.end > byte)
    }

    fn grapheme_before(&self, byte: usize) -> usize {
        let rest = &self.text[self.byte..];
        let mut cursor = GraphemeCursor::new(byte - self.byte, rest.len(), true);
        if cursor.is_boundary(rest, 0) == Ok(true) {
            return byte;
        }
        // One that is longer than a piece has to be cut somewhere.
        match cursor.prev_boundary(rest, 0) {
            Ok(Some(before)) if before > 0 => self.byte + before,
            _ => byte,
        }
    }

    fn grapheme_after(&self, byte: usize) -> usize {
        let mut cursor = GraphemeCursor::new(byte, self.text.len(), true);
        if cursor.is_boundary(self.text, 0) == Ok(true) {
            return byte;
        }
        cursor.next_boundary(self.text, 0).ok().flatten().unwrap_or(byte)
    }
}

/// How many bytes of a text fit into so many units.
fn fitting(text: &str, most: usize) -> usize {
    const STRETCH: usize = 64;
    let (mut byte, mut used) = (0, 0);
    // Whole stretches are quickly counted.
    for stretch in text.as_bytes().chunks(STRETCH) {
        let more = stretch.iter().copied().map(units_begun).sum::<usize>();
        if used + more > most {
            break;
        }
        (byte, used) = (byte + stretch.len(), used + more);
    }
    let rest = text.as_bytes()[byte..].iter().take_while(|&&next| {
        used += units_begun(next);
        used <= most
    });
    byte + rest.count()
}

/// How many bytes before the end of a text fit into so many units.
pub(crate) fn fitting_at_end(text: &str, most: usize) -> usize {
    let mut used = 0;
    let over = text.char_indices().rev().find(|(_, c)| {
        used += c.len_utf16();
        used > most
    });
    over.map_or(text.len(), |(at, c)| text.len() - at - c.len_utf8())
}

/// What of an entity lies in a range, counted from the range's start.
fn clip(entity: &MessageEntity, range: Range<usize>) -> Option<MessageEntity> {
    let start = entity.offset.max(range.start);
    let end = end(entity).min(range.end);
    (start < end).then(|| MessageEntity::new(entity.kind.clone(), start - range.start, end - start))
}

fn blocks_of_code(rich: &Rich) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let (mut byte, mut unit) = (0, 0);
    let mut go_to = |target: usize| {
        byte += fitting(&rich.text[byte..], target.saturating_sub(unit));
        unit = target.max(unit);
        byte
    };
    for entity in &rich.entities {
        if matches!(entity.kind, MessageEntityKind::Pre { .. }) {
            blocks.push(go_to(entity.offset)..go_to(end(entity)));
        }
    }
    blocks
}
