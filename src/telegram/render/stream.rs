//! A text that still grows: the newest part of it, as the live message shows it.
//!
//! Only the end of the source is kept, so neither a delta nor a look at the tail costs more the longer the text
//! gets. What is kept begins where a block begins; inside a long block of code its fence is put in front again.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::cut::{Cutter, fitting_at_end};
use super::markdown::{OPTIONS, markdown};
use super::rich::{Rich, Style};

/// What is shown, in UTF-16 units: less than a piece, for the message also says what goes on.
const TAIL: usize = 3500;

/// Bytes that are kept of a source that has got too long, or down to half of them where a block begins there:
/// enough to fill the tail.
const KEPT: usize = 12 << 10;

/// From this many bytes on, the beginning goes.
const FULL: usize = 2 * KEPT;

/// An opening fence is not put in front again when it is longer than any that makes sense.
const LONGEST_FENCE: usize = 200;

#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) source: String,
    /// Something was dropped from the beginning.
    is_cut: bool,
    kept: usize,
    full: usize,
}

impl Default for Stream {
    fn default() -> Self {
        Self::with_limits(KEPT, FULL)
    }
}

impl Stream {
    pub(super) const fn with_limits(kept: usize, full: usize) -> Self {
        Self { source: String::new(), is_cut: false, kept, full }
    }

    pub(crate) fn push(&mut self, delta: &str) {
        self.source.push_str(delta);
        if self.source.len() > self.full {
            let earliest = self.source.ceil_char_boundary(self.source.len() - self.kept);
            let latest = self.source.ceil_char_boundary(self.source.len() - self.kept / 2);
            let (start, fence) = resume(&self.source, earliest..latest);
            self.source = fence + &self.source[start..];
            self.is_cut = true;
        }
    }

    /// The newest part, with an ellipsis in front when there is more before it.
    pub(crate) fn tail(&self) -> Rich {
        newest(&markdown(&self.source), self.is_cut)
    }
}

/// The end of a text, cut at a block, a line or a word.
fn newest(rich: &Rich, is_cut: bool) -> Rich {
    // Its bytes are more than its units, so they leave room enough.
    const MORE: &str = "…\n";
    let mut cutter = Cutter::new(rich);
    let earliest = rich.text.len() - fitting_at_end(&rich.text, TAIL - MORE.len());
    if earliest > 0 {
        cutter.skip(cutter.best_start(earliest));
    }
    let tail = cutter.take(rich.text.len());
    if earliest == 0 && !is_cut {
        return tail;
    }
    if tail.is_empty() {
        return Rich::plain(MORE);
    }
    let mut shown = Rich::default();
    shown.push(MORE, Style::Plain).append(&tail);
    shown
}

/// Where to begin again within a range, and what to put in front of it so that it reads as before: the first
/// block or item of a list that begins there, else a line.
fn resume(source: &str, range: Range<usize>) -> (usize, String) {
    let line = source[range.clone()].find('\n').map_or(range.start, |newline| range.start + newline + 1);
    let mut fence = String::new();
    let mut depth = 0;
    let mut item = None;
    for (event, place) in Parser::new_ext(source, OPTIONS).into_offset_iter() {
        if place.start >= range.end {
            break;
        }
        let is_inside = place.start >= range.start;
        match event {
            Event::End(_) => depth -= 1,
            Event::Start(_) | Event::Rule if depth == 0 && is_inside => {
                return (start_of_line(source, place.start), String::new());
            }
            Event::Start(tag) => {
                if depth == 1 && is_inside && tag == Tag::Item {
                    item = item.or(Some(start_of_line(source, place.start)));
                }
                if matches!(tag, Tag::CodeBlock(CodeBlockKind::Fenced(_))) && place.contains(&line) {
                    fence = first_line(&source[place]);
                }
                depth += 1;
            }
            _ => {}
        }
    }
    item.map_or((line, fence), |item| (item, String::new()))
}

fn start_of_line(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn first_line(block: &str) -> String {
    let line = block.lines().next().unwrap_or_default();
    if line.len() <= LONGEST_FENCE { format!("{line}\n") } else { String::new() }
}
