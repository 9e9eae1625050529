//! Texts as they are seen: what a terminal or a page would obey instead of showing it is gone.

use std::borrow::Cow;

/// Without escape sequences (colours of a tool's output), control characters other than newline and tab, and without
/// those that turn the direction of writing. A carriage return alone begins a line, as on a terminal.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                cleaned.push('\n');
            }
            '\u{1b}' => match chars.next() {
                Some('[') => skip_control(&mut chars),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut chars),
                Some('(' | ')' | '#') => drop(chars.next()),
                Some('\n') => cleaned.push('\n'),
                _ => {}
            },
            '\u{9b}' => skip_control(&mut chars),
            c if is_harmless(c) => cleaned.push(c),
            _ => {}
        }
    }
    Cow::Owned(cleaned)
}

/// A text on one line.
pub(super) fn one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line of so many characters at most.
pub(super) fn title(text: &str, most: usize) -> String {
    // Enough for the line, however long the text is.
    let end = text.floor_char_boundary(most.saturating_mul(16));
    let line = one_line(&text[..end]);
    let mut cut: String = line.chars().take(most).collect();
    if cut.len() < line.len() || end < text.len() {
        cut.push('…');
    }
    cut
}

type Chars<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// Up to the final byte of `ESC [ …`; a sequence that is cut off takes nothing else with it.
fn skip_control(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Up to BEL or `ESC \`, or the end of the line.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
            return;
        }
    }
}

fn is_harmless(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => false,
        // No characters at all, and forbidden in a page.
        '\u{fdd0}'..='\u{fdef}' => false,
        c => !c.is_control() && u32::from(c) & 0xfffe != 0xfffe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_obeyed_is_gone() {
        for (raw, cleaned) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}]cut off\nnext", "\nnext"),
            ("a\r\nb\rc", "a\nb\nc"),
            ("safe\u{202e}gpj.exe\u{0}", "safegpj.exe"),
            ("\u{fffe}\u{fdd0}x", "x"),
            ("größer 漢字 🙂", "größer 漢字 🙂"),
        ] {
            assert_eq!(clean(raw), cleaned, "{raw:?}");
        }
    }

    #[test]
    fn titles_are_one_line() {
        assert_eq!(title("  two\n lines ", 20), "two lines");
        assert_eq!(title("a long line of words", 6), "a long…");
        assert_eq!(title(&"x".repeat(1000), 3), "xxx…");
    }
}
