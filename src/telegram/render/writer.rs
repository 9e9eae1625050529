//! Text that grows, with styles that open and close. Its length in UTF-16 units is counted along, so that nothing
//! is counted twice; distances between blocks are kept until something follows them.

use std::cmp::Reverse;

use teloxide_core::types::{MessageEntity, MessageEntityKind};

use super::clean::clean;
use super::rich::{Rich, end, shifted, spanning, units, without_blank_lines};

/// Deeper lists stand under this one: there is no room on a telephone, and no bound on what is written.
const DEEPEST_INDENT: usize = 6;

/// Styles of a stretch of text. They nest in any way, but not around code.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Span {
    Bold,
    Italic,
    Underline,
    Strikethrough,
}

impl Span {
    const ALL: [Self; 4] = [Self::Bold, Self::Italic, Self::Underline, Self::Strikethrough];

    const fn kind(self) -> MessageEntityKind {
        match self {
            Self::Bold => MessageEntityKind::Bold,
            Self::Italic => MessageEntityKind::Italic,
            Self::Underline => MessageEntityKind::Underline,
            Self::Strikethrough => MessageEntityKind::Strikethrough,
        }
    }
}

/// A place in the text.
#[derive(Debug, Default, Clone, Copy)]
struct Mark {
    byte: usize,
    unit: usize,
}

/// A style that may be opened again inside itself, which changes nothing.
#[derive(Debug, Default, Clone, Copy)]
struct Open {
    depth: usize,
    start: Mark,
}

#[derive(Debug, Default)]
pub(crate) struct Writer {
    text: String,
    units: usize,
    entities: Vec<MessageEntity>,
    /// Newlines to write before what comes next.
    gap: usize,
    /// What the next line begins with: a list's marker with its indentation.
    marker: String,
    /// How deep the lines of a list item lie.
    indent: usize,
    spans: [Open; 4],
    link: Option<(MessageEntityKind, Mark)>,
    quote: Open,
}

impl Writer {
    /// Room for a text of so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ..Self::default() }
    }

    /// What comes next stands at least so many newlines below.
    pub(crate) fn gap(&mut self, newlines: usize) {
        self.gap = self.gap.max(newlines);
    }

    /// Like [`Self::gap`], and no further below either.
    pub(crate) fn exact_gap(&mut self, newlines: usize) {
        self.gap = newlines;
    }

    /// What comes next stands one more line below.
    pub(crate) const fn newline(&mut self) {
        self.gap += 1;
    }

    /// Sets what the next line begins with.
    pub(crate) fn marker(&mut self, marker: &str) {
        self.settle();
        self.marker = indentation(self.indent.saturating_sub(1)) + marker;
    }

    /// Replaces the marker while nothing was written after it.
    pub(crate) fn change_marker(&mut self, change: impl FnOnce(&str) -> String) {
        self.marker = change(&self.marker);
    }

    /// Sets how deep the lines that follow lie, and returns how deep they lay before.
    pub(crate) fn indent(&mut self, depth: usize) -> usize {
        std::mem::replace(&mut self.indent, depth)
    }

    /// Writes a marker that waits, though nothing follows it on its line.
    pub(crate) fn settle(&mut self) {
        if !self.marker.is_empty() {
            self.begin();
        }
    }

    pub(crate) fn write(&mut self, text: &str) {
        let text = clean(text);
        if !text.is_empty() {
            self.begin();
            self.put(&text);
        }
    }

    /// Code inside a line. Inside a link it is text: the link says more.
    pub(crate) fn code(&mut self, code: &str) {
        if self.link.is_some() {
            return self.write(code);
        }
        self.begin();
        let here = self.here();
        for span in Span::ALL {
            if self.spans[span as usize].depth > 0 {
                self.emit(span.kind(), self.spans[span as usize].start);
            }
        }
        self.put(&clean(code));
        self.emit(MessageEntityKind::Code, here);
        let here = self.here();
        for open in &mut self.spans {
            open.start = here;
        }
    }

    /// A block of code on lines of its own.
    pub(crate) fn pre(&mut self, kind: MessageEntityKind, code: &str) {
        let code = clean(code);
        let code = without_blank_lines(&code);
        if code.is_empty() {
            return;
        }
        self.settle();
        self.gap(1);
        let depth = self.indent(0);
        self.begin();
        let here = self.here();
        self.put(code);
        self.emit(kind, here);
        self.indent(depth);
    }

    /// A finished text with its entities.
    pub(crate) fn append(&mut self, rich: &Rich) {
        self.begin();
        self.entities.extend(rich.entities.iter().map(|entity| shifted(entity, self.units)));
        self.put(&rich.text);
    }

    pub(crate) fn open(&mut self, span: Span) {
        self.begin();
        let start = self.here();
        let open = &mut self.spans[span as usize];
        if open.depth == 0 {
            open.start = start;
        }
        open.depth += 1;
    }

    pub(crate) fn close(&mut self, span: Span) {
        let open = &mut self.spans[span as usize];
        open.depth = open.depth.saturating_sub(1);
        if open.depth == 0 {
            let start = open.start;
            self.emit(span.kind(), start);
        }
    }

    /// Begins a link, unless one is open already: links do not nest. Says whether it did.
    pub(crate) fn open_link(&mut self, kind: Option<MessageEntityKind>) -> bool {
        let begins = self.link.is_none() && kind.is_some();
        if begins {
            self.begin();
            let here = self.here();
            self.link = kind.map(|kind| (kind, here));
        }
        begins
    }

    pub(crate) fn close_link(&mut self) {
        if let Some((kind, start)) = self.link.take() {
            self.emit(kind, start);
        }
    }

    /// Begins a quote; inside one it goes on, for quotes do not nest.
    pub(crate) fn open_quote(&mut self) {
        self.settle();
        self.gap(1);
        if self.quote.depth == 0 {
            self.quote.start = self.here();
        }
        self.quote.depth += 1;
    }

    pub(crate) fn close_quote(&mut self) {
        self.quote.depth = self.quote.depth.saturating_sub(1);
        if self.quote.depth > 0 {
            return;
        }
        let start = self.quote.start;
        let quote = spanning(MessageEntityKind::Blockquote, &self.text[start.byte..], start.unit);
        self.entities.extend(quote.map(|quote| {
            // Code that it begins with has its indentation, and lies inside of it.
            let inside = self.entities.iter().rev().map(|entity| entity.offset);
            let first = inside.take_while(|&offset| offset >= start.unit).min().unwrap_or(quote.offset);
            let begin = first.min(quote.offset);
            MessageEntity::new(quote.kind, begin, quote.offset + quote.length - begin)
        }));
    }

    /// What has been written from a byte on.
    pub(crate) fn written(&self, start: usize) -> &str {
        &self.text[start..]
    }

    /// Makes code of what has been written from a byte on, unless it has a style.
    pub(crate) fn make_code(&mut self, start: usize) {
        let code = self.text.split_off(start);
        let all = self.units;
        self.units -= units(&code);
        if self.entities.last().is_some_and(|last| end(last) > self.units) {
            self.text.push_str(&code);
            self.units = all;
        } else {
            self.code(&code);
        }
    }

    /// Writes what waits before the next text, and returns the byte where that begins.
    pub(crate) fn begin(&mut self) -> usize {
        let gap = std::mem::take(&mut self.gap);
        if self.text.is_empty() {
            let marker = std::mem::take(&mut self.marker);
            self.put(marker.trim_start());
            return self.text.len();
        }
        for _ in 0..gap {
            self.put("\n");
        }
        if !self.marker.is_empty() {
            let marker = std::mem::take(&mut self.marker);
            self.put(&marker);
        } else if gap > 0 && self.indent > 0 {
            self.put(&indentation(self.indent));
        }
        self.text.len()
    }

    pub(crate) fn finish(mut self) -> Rich {
        // Entities are noted when they end: of two over the same text the outer one comes last.
        self.entities.reverse();
        self.entities.sort_by_key(|entity| (entity.offset, Reverse(entity.length)));
        self.text.truncate(self.text.trim_end().len());
        trim_start(Rich { text: self.text, entities: self.entities })
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.units += units(text);
    }

    const fn here(&self) -> Mark {
        Mark { byte: self.text.len(), unit: self.units }
    }

    fn emit(&mut self, kind: MessageEntityKind, start: Mark) {
        self.entities.extend(spanning(kind, &self.text[start.byte..], start.unit));
    }
}

fn indentation(depth: usize) -> String {
    "  ".repeat(depth.min(DEEPEST_INDENT))
}

/// White space before the first entity goes; inside one it is the indentation of code.
fn trim_start(mut rich: Rich) -> Rich {
    let first = rich.entities.first().map_or(usize::MAX, |entity| entity.offset);
    let lead: usize =
        rich.text.chars().take(first).take_while(|c| c.is_whitespace()).map(char::len_utf8).sum();
    if lead > 0 {
        let gone = units(&rich.text[..lead]);
        rich.text.drain(..lead);
        for entity in &mut rich.entities {
            entity.offset -= gone;
        }
    }
    rich
}
