//! Texts on their way to a terminal: without control sequences, cut to a width, in words people read.
//!
//! Pure functions. What comes from outside (names, prompts, replies, tool input) must pass [`clean`] or a
//! [`Stripper`] before a terminal sees it: an escape sequence in a file name is not for the terminal to obey.

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;

pub(crate) use crate::model::size::bytes;

/// Removes control and escape sequences from a text that comes in pieces: a sequence may be cut anywhere.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Stripper {
    state: Sequence,
}

/// Where in an escape sequence a piece ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    #[default]
    None,
    /// After ESC.
    Escape,
    /// `ESC (` and its kind: one more character.
    Charset,
    /// `ESC [ …` until a final byte.
    Control,
    /// `ESC ] …`, `ESC P …`: until BEL or ESC \.
    String,
    /// In a string, after ESC.
    StringEscape,
}

impl Stripper {
    /// The visible part of the next piece.
    pub(crate) fn feed(&mut self, piece: &str) -> String {
        piece.chars().filter(|&c| self.visible(c)).collect()
    }

    fn visible(&mut self, c: char) -> bool {
        let (next, visible) = match (self.state, c) {
            (Sequence::None, '\u{1b}') => (Sequence::Escape, false),
            (Sequence::None, '\u{9b}') => (Sequence::Control, false),
            (Sequence::None, '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => {
                (Sequence::String, false)
            }
            (Sequence::None, c) => (Sequence::None, harmless(c)),
            (Sequence::Escape, '[') => (Sequence::Control, false),
            (Sequence::Escape, ']' | 'P' | 'X' | '^' | '_') => (Sequence::String, false),
            (Sequence::Escape, ' '..='/') => (Sequence::Charset, false),
            (Sequence::Escape, '\u{1b}') => (Sequence::Escape, false),
            (Sequence::Escape | Sequence::Charset, '\n') => (Sequence::None, true),
            (Sequence::Escape | Sequence::Charset, _) => (Sequence::None, false),
            (Sequence::Control, '@'..='~') => (Sequence::None, false),
            (Sequence::Control, ' '..='?') => (Sequence::Control, false),
            (Sequence::Control, c) => (Sequence::None, harmless(c)),
            (Sequence::String, '\u{7}' | '\u{9c}') => (Sequence::None, false),
            (Sequence::String, '\u{1b}') => (Sequence::StringEscape, false),
            // A string that never ends must not swallow the rest of the text.
            (Sequence::String | Sequence::StringEscape, '\n') => (Sequence::None, true),
            (Sequence::String, _) => (Sequence::String, false),
            (Sequence::StringEscape, _) => (Sequence::None, false),
        };
        self.state = next;
        visible
    }
}

/// Printable, or one of the two controls that only move on. Bidirectional overrides can make a command look
/// like another one, so they go, too.
fn harmless(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => false,
        c => !c.is_control(),
    }
}

/// Printable ASCII: most of what there is, and quickly told.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// A whole text without control sequences; newlines and tabs stay.
pub(crate) fn clean(text: &str) -> String {
    Stripper::default().feed(text)
}

/// A text of which nothing is hidden, for what a person agrees to: what a terminal would obey, and what would change
/// the order, is spelled out. Left out, as by [`clean`], it would run all the same.
pub(crate) fn spelled_out(text: &str) -> Cow<'_, str> {
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len());
    for c in text.chars() {
        if harmless(c) { spelled.push(c) } else { spelled.extend(c.escape_default()) }
    }
    Cow::Owned(spelled)
}

/// A text on one line: control sequences gone, white space folded.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    // Nothing but printable ASCII with single spaces inside, as nearly all texts of a long list are.
    let mut before = b' ';
    let mut fits = |byte: u8| {
        let fits = byte.is_ascii_graphic() || (byte == b' ' && before != b' ');
        before = byte;
        fits
    };
    if text.bytes().all(&mut fits) && !text.ends_with(' ') {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for word in clean(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Cow::Owned(line)
}

/// How many columns a character takes. Approximate where terminals differ; exact for what tables hold.
fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f | 0x20d0..=0x20ff => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns of a text without control sequences.
pub(crate) fn width(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.chars().map(char_width).sum() }
}

/// At most `columns` columns; an ellipsis shows that something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| {
        let fits = char_width(*c) <= left;
        left = left.saturating_sub(char_width(*c));
        fits
    };
    let mut head: String = text.chars().take_while(fits).collect();
    if columns > 0 {
        head.push('…');
    }
    Cow::Owned(head)
}

/// Like [`cut`], but keeps the end: of a path that says more.
pub(crate) fn cut_front(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let reversed: String = text.chars().rev().collect();
    cut(&reversed, columns).chars().rev().collect()
}

/// Breaks lines between words so that a terminal of so many columns does not break them inside words. The text
/// starts at column `first`, what follows stands under column `margin`. Spaces that need no break stay.
pub(crate) fn wrap(text: &str, first: usize, margin: usize, columns: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    let indent = " ".repeat(margin);
    for (number, line) in text.split('\n').enumerate() {
        let mut at = if number == 0 { first } else { margin };
        if number > 0 {
            wrapped.push('\n');
            wrapped.push_str(if line.is_empty() { "" } else { &indent });
        }
        let begin = at;
        for word in line.split_inclusive(' ') {
            if at > begin && at + width(word.trim_end()) > columns {
                wrapped.truncate(wrapped.trim_end_matches(' ').len());
                wrapped.push('\n');
                wrapped.push_str(&indent);
                at = margin;
            }
            wrapped.push_str(word);
            at += width(word);
        }
    }
    wrapped
}

/// A path with the home directory as `~`.
pub(crate) fn tilde<'p>(path: &'p Path, home: &Path) -> Cow<'p, str> {
    let path = path.to_string_lossy();
    match path.strip_prefix(&*home.to_string_lossy()) {
        Some("") => "~".into(),
        Some(below) if below.starts_with('/') => format!("~{below}").into(),
        _ => path,
    }
}

/// How long ago, in one unit: `now`, `5m`, `3h`, `12d`, `2y`.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        ..60 => "now".to_owned(),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// US dollars for a table; nothing where nothing was spent.
pub(crate) fn money(dollars: f64) -> String {
    if dollars < 0.005 { String::new() } else { format!("${dollars:.2}") }
}

/// What is said of a file that was sent, and where it is.
pub(crate) fn file_sent(words: &str, path: &Path, size: u64) -> String {
    format!("{}\n{} ({})", words.trim_end(), path.display(), bytes(size))
}

/// `1 prompt`, `2 prompts`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_go_and_text_stays() {
        for (raw, plain) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Bcharset", "charset"),
            ("\u{1b}cfull reset", "full reset"),
            ("\u{9b}2Jeight bit", "eight bit"),
            ("\u{9d}title\u{9c}done", "done"),
            ("bell\u{7} back\u{8} return\r", "bell back return"),
            ("an unfinished \u{1b}]0;title\nnext line", "an unfinished \nnext line"),
            ("safe\u{202e}gpj.exe", "safegpj.exe"),
            ("ümläut 漢字 🙂", "ümläut 漢字 🙂"),
        ] {
            assert_eq!(clean(raw), plain, "{raw:?}");
        }
    }

    #[test]
    fn what_is_agreed_to_hides_nothing() {
        for (raw, spelled) in [
            ("plain\n\tümläut", "plain\n\tümläut"),
            ("ls \u{1b}]; rm -rf ~ #\u{7}", "ls \\u{1b}]; rm -rf ~ #\\u{7}"),
            ("safe\u{202e}gpj.exe\r", "safe\\u{202e}gpj.exe\\r"),
        ] {
            assert_eq!(spelled_out(raw), spelled);
        }
    }

    #[test]
    fn a_sequence_may_be_cut_anywhere() {
        let raw = "a\u{1b}[1;31mb\u{1b}]0;t\u{1b}\\c\u{1b}(Bd";
        let cuts: Vec<usize> = raw.char_indices().map(|(at, _)| at).collect();
        for at in cuts {
            let mut stripper = Stripper::default();
            let joined = stripper.feed(&raw[..at]) + &stripper.feed(&raw[at..]);
            assert_eq!(joined, "abcd", "cut at {at}");
        }
    }

    #[test]
    fn texts_are_cut_to_columns() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("exactly ten", 11), "exactly ten");
        assert_eq!(cut("rather long", 6), "rathe…");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut_front("/home/me/projects/x", 11), "…projects/x");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn lines_break_between_words() {
        for (text, first, margin, columns, wrapped) in [
            ("short", 0, 0, 10, "short"),
            ("a few more words", 0, 0, 10, "a few more\nwords"),
            ("a few more words", 4, 2, 10, "a few\n  more\n  words"),
            ("unbreakableword", 0, 2, 10, "unbreakableword"),
            ("an unbreakableword and", 0, 2, 10, "an\n  unbreakableword\n  and"),
            ("two  spaces stay", 0, 0, 20, "two  spaces stay"),
            ("  - indented item", 0, 4, 12, "  - indented\n    item"),
            ("lines\n\nstay apart", 0, 2, 20, "lines\n\n  stay apart"),
            ("漢字 漢字 漢字", 0, 0, 10, "漢字 漢字\n漢字"),
            ("", 0, 2, 10, ""),
        ] {
            assert_eq!(wrap(text, first, margin, columns), wrapped, "{text:?}");
        }
    }

    #[test]
    fn ages_amounts_and_paths_read_well() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (then, words) in [
            ("2026-11-22T11:59:30Z", "now"),
            ("2026-11-22T13:00:00Z", "now"),
            ("2026-11-22T11:55:00Z", "5m"),
            ("2026-11-22T09:00:00Z", "3h"),
            ("2026-11-10T12:00:00Z", "12d"),
            ("2024-01-01T00:00:00Z", "2y"),
        ] {
            assert_eq!(age(then.parse().unwrap(), now), words);
        }
        assert_eq!((money(0.0), money(0.126)), (String::new(), "$0.13".to_owned()));
        assert_eq!((bytes(7), bytes(1536), bytes(5 << 20)), ("7 B".into(), "1.5 KB".into(), "5.0 MB".into()));
        assert_eq!(tilde(Path::new("/home/me/a/b"), Path::new("/home/me")), "~/a/b");
        assert_eq!(tilde(Path::new("/home/me"), Path::new("/home/me")), "~");
        assert_eq!(tilde(Path::new("/home/meg"), Path::new("/home/me")), "/home/meg");
    }

    #[test]
    fn one_line_folds_space() {
        assert_eq!(one_line("  a\n\tb  \u{1b}[1mc "), "a b c");
    }
}
