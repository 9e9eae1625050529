//! Characters that would act on a screen instead of being seen on it.

use std::borrow::Cow;

/// A text without control characters, other than newline and tab, and without those that turn the direction of
/// writing: they can make a command look like another one.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    // Printable ASCII is most of what there is, and quickly told.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|&c| is_harmless(c)).collect())
}

fn is_harmless(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => false,
        c => !c.is_control(),
    }
}
