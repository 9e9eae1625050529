//! A long text in pieces of one message each, and the summary of one that is too long even for that.

use super::caps;
use super::cut::Cutter;
use super::markdown::markdown;
use super::rich::Rich;

/// Every piece has less UTF-16 units than this. Telegram takes 4096; the rest is room for what a caller adds.
pub(crate) const PIECE: usize = 3900;

/// More pieces than this are better read as a document.
const MOST_PIECES: usize = 6;

/// How much of a source is read for its summary. It is enough to fill a piece.
const SUMMARY_SOURCE: usize = 16 << 10;

/// The pieces of a text, none of them empty: nothing for a text in which there is nothing to see.
pub(crate) fn split(mut rich: Rich) -> Vec<Rich> {
    if rich.text.trim().is_empty() {
        return Vec::new();
    }
    if rich.units() < PIECE {
        caps::fit(&mut rich.entities);
        return vec![rich];
    }
    let mut pieces = Vec::new();
    let mut cutter = Cutter::new(&rich);
    while !cutter.is_done() {
        let piece = cutter.take(cutter.best_end(PIECE));
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    pieces
}

/// Whether a text in pieces should be sent as a document, with its [`summary`] as the message.
pub(crate) const fn is_very_long(pieces: &[Rich]) -> bool {
    pieces.len() > MOST_PIECES
}

/// The beginning of a long text, in one piece that shows that there is more.
pub(crate) fn summary(source: &str) -> Rich {
    // Its bytes are more than its units, so they leave room enough.
    const MORE: &str = "\n…";
    let head = &source[..source.floor_char_boundary(SUMMARY_SOURCE)];
    let rich = markdown(head);
    let mut cutter = Cutter::new(&rich);
    let mut piece = cutter.take(cutter.best_end(PIECE - MORE.len()));
    if head.len() < source.len() || !cutter.is_done() {
        piece.text.push_str(if piece.is_empty() { "…" } else { MORE });
    }
    piece
}
