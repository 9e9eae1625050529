//! A text as the words that are compared: in lower case, without diacritics. Scripts that are written without spaces
//! have no words that could be told without a dictionary: there each character is one, and a run of them a phrase.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// Of a longer word (a key, a hash, a picture in letters) the beginning counts.
const LONGEST: usize = 64;

/// What a character is in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Letter,
    /// A word of its own.
    Ideograph,
    /// Changes nothing about the word it stands in.
    Nothing,
    Separator,
}

fn class(c: char) -> Class {
    match u32::from(c) {
        // Soft hyphen, joiners, variation selectors; accents of Latin, Greek, Cyrillic, Hebrew, Arabic.
        0xad | 0x0300..=0x036f | 0x0591..=0x05bd | 0x05bf | 0x05c1..=0x05c7 | 0x064b..=0x065f | 0x0670 => {
            Class::Nothing
        }
        0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x200c..=0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => {
            Class::Nothing
        }
        // Thai, Lao; Burmese; Khmer; Hangul; Han, kana, bopomofo.
        0x0e01..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x1100..=0x11ff | 0x2e80..=0x2fdf
            if is_of_words(c) =>
        {
            Class::Ideograph
        }
        0x3005..=0x3007 | 0x3021..=0x3029 | 0x3031..=0x3035 | 0x3041..=0x318e | 0x31a0..=0x31ff
            if is_of_words(c) =>
        {
            Class::Ideograph
        }
        0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xff66..=0xff9f => {
            Class::Ideograph
        }
        0x2_0000..=0x3_ffff => Class::Ideograph,
        _ if is_of_words(c) => Class::Letter,
        _ => Class::Separator,
    }
}

/// Vowel signs and the like belong to the word as much as its letters.
fn is_of_words(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Visits the words of a text in order, each with where it stands there.
pub(crate) fn each(text: &str, mut visit: impl FnMut(&str, Range<usize>) -> ControlFlow<()>) {
    let mut word = String::new();
    let mut begin = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if c.is_ascii() {
            if c.is_ascii_alphanumeric() {
                if word.is_empty() {
                    begin = at;
                }
                add(&mut word, c.to_ascii_lowercase());
                end = at + 1;
                continue;
            }
        } else {
            match class(c) {
                Class::Letter => {
                    if word.is_empty() {
                        begin = at;
                    }
                    fold(c, &mut word);
                    end = at + c.len_utf8();
                    continue;
                }
                Class::Nothing => {
                    if !word.is_empty() {
                        end = at + c.len_utf8();
                    }
                    continue;
                }
                Class::Ideograph => {
                    if give(&mut word, begin..end, &mut visit).is_break() {
                        return;
                    }
                    word.push(c);
                    if give(&mut word, at..at + c.len_utf8(), &mut visit).is_break() {
                        return;
                    }
                    continue;
                }
                Class::Separator => {}
            }
        }
        if give(&mut word, begin..end, &mut visit).is_break() {
            return;
        }
    }
    // It was the last one: nobody asks whether to go on.
    give(&mut word, begin..end, &mut visit).is_break();
}

fn give(
    word: &mut String,
    place: Range<usize>,
    visit: &mut impl FnMut(&str, Range<usize>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if word.is_empty() {
        return ControlFlow::Continue(());
    }
    let next = visit(word, place);
    word.clear();
    next
}

fn add(word: &mut String, c: char) {
    if word.len() + c.len_utf8() <= LONGEST {
        word.push(c);
    }
}

/// A letter as it is compared.
fn fold(c: char, word: &mut String) {
    // Letters and digits of full width look like ASCII's, and are typed where those are meant.
    let c = match u32::from(c) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
        _ => c,
    };
    for lower in c.to_lowercase() {
        decompose_canonical(lower, |part| {
            if class(part) != Class::Nothing {
                // A final sigma is a sigma.
                add(word, if part == 'ς' { 'σ' } else { part });
            }
        });
    }
}

/// The text as an index holds it: its words with a space between them. A tokenizer finds them again that ends words
/// at ASCII's separators only.
pub(crate) fn segmented(text: &str, into: &mut String) {
    into.reserve(text.len());
    each(text, |word, _| {
        if !into.is_empty() {
            into.push(' ');
        }
        into.push_str(word);
        ControlFlow::Continue(())
    });
}

/// A word that is one character, whatever stands beside it.
pub(crate) fn is_whole(word: &str) -> bool {
    word.chars().next().is_some_and(|c| class(c) == Class::Ideograph)
}

/// The words of a piece of a query.
pub(crate) fn list(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each(text, |word, _| {
        words.push(word.to_owned());
        ControlFlow::Continue(())
    });
    words
}

/// The same name in another spelling: for filters.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    for lower in text.chars().flat_map(char::to_lowercase) {
        decompose_canonical(lower, |part| {
            if class(part) != Class::Nothing {
                folded.push(part);
            }
        });
    }
    Cow::Owned(folded)
}
