//! Where a query occurs in one text: how well the text fits, and what to show of it.

use std::ops::{ControlFlow, Range};

use jiff::Timestamp;
use unicode_segmentation::UnicodeSegmentation as _;

use super::query::{Part, Query};
use super::words;

/// More occurrences of one part say nothing new.
const MOST_PLACES: usize = 64;

/// Occurrences at which a part counts for half of what it could.
const SATURATION: f64 = 1.2;

/// Words of a text of ordinary length: in a longer one an occurrence counts less.
const ORDINARY: f64 = 120.0;

/// Days after which something said counts for half of what it did when it was new.
const HALF_LIFE: f64 = 45.0;

/// One occurrence of a part of the query.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    part: usize,
    /// Which word of the text it begins with.
    word: usize,
    bytes: Range<usize>,
}

/// A text in which all of a query occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    places: Vec<Place>,
    /// How many parts the query has.
    parts: usize,
    /// How many words the text has.
    words: usize,
}

/// What is shown of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snippet {
    /// On one line; `…` where something was left out.
    pub(crate) text: String,
    /// What was found, as places in it.
    pub(crate) marks: Vec<Range<usize>>,
}

/// A part that the words so far may be the beginning of.
struct Begun {
    part: usize,
    word: usize,
    begin: usize,
    /// How many of its words were there.
    seen: usize,
}

impl Found {
    /// None if the text lacks something that must occur, or has something that must not.
    pub(crate) fn find(query: &Query, text: &str) -> Option<Self> {
        let mut found = Self { places: Vec::new(), parts: query.all.len(), words: 0 };
        let mut counts = vec![0_usize; query.all.len() + query.none.len()];
        let mut begun: Vec<Begun> = Vec::new();
        let part = |index: usize| query.all.get(index).or_else(|| query.none.get(index - query.all.len()));
        let mut is_refused = false;
        words::each(text, |word, place| {
            let mut done: Vec<(usize, usize, usize)> = Vec::new();
            begun.retain_mut(|one| {
                let goes_on = part(one.part).is_some_and(|part| fits(part, one.seen, word));
                one.seen += 1;
                let is_whole = part(one.part).is_some_and(|part| one.seen == part.words.len());
                if goes_on && is_whole {
                    done.push((one.part, one.word, one.begin));
                }
                goes_on && !is_whole
            });
            for (index, part) in query.all.iter().chain(&query.none).enumerate() {
                if counts[index] < MOST_PLACES && fits(part, 0, word) {
                    if part.words.len() == 1 {
                        done.push((index, found.words, place.start));
                    } else {
                        begun.push(Begun { part: index, word: found.words, begin: place.start, seen: 1 });
                    }
                }
            }
            for (index, word, begin) in done {
                is_refused |= index >= query.all.len();
                counts[index] += 1;
                found.places.push(Place { part: index, word, bytes: begin..place.end });
            }
            found.words += 1;
            if is_refused { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let is_whole = counts.iter().take(query.all.len()).all(|count| *count > 0);
        found.places.sort_by_key(|place| (place.word, place.part));
        (is_whole && !is_refused).then_some(found)
    }

    /// How well the text fits, whenever it was said: every part's occurrences, with less and less weight, and how
    /// close to each other all parts stand.
    fn fitness(&self) -> f64 {
        let words = f64_of(self.words);
        let length = 0.5 + 0.5 * (words / ORDINARY).min(20.0);
        let mut fitness = 0.0;
        for part in 0..self.parts {
            let count = f64_of(self.places.iter().filter(|place| place.part == part).count());
            fitness += count / (count + SATURATION * length);
        }
        let fitness = fitness / f64_of(self.parts.max(1));
        // A single part is as close to itself as can be.
        let closeness = self.tightest().map_or(1.0, |(from, to)| {
            let spread = self.places[to].word - self.places[from].word;
            1.0 / (1.0 + f64_of(spread.saturating_sub(self.parts - 1)) / 8.0)
        });
        fitness + if self.parts > 1 { closeness } else { 0.5 }
    }

    /// The shortest run of places in which every part occurs, as indexes of its first and last place.
    fn tightest(&self) -> Option<(usize, usize)> {
        let mut counts = vec![0_usize; self.parts];
        let mut missing = self.parts;
        let mut from = 0;
        let mut best: Option<(usize, usize)> = None;
        let width = |from: usize, to: usize| self.places[to].word - self.places[from].word;
        for to in 0..self.places.len() {
            let count = &mut counts[self.places[to].part];
            missing -= usize::from(*count == 0);
            *count += 1;
            while missing == 0 {
                if best.is_none_or(|(first, last)| width(from, to) < width(first, last)) {
                    best = Some((from, to));
                }
                let count = &mut counts[self.places[from].part];
                *count -= 1;
                missing += usize::from(*count == 0);
                from += 1;
            }
        }
        best
    }

    /// What to show of the text in about so many characters: where its parts stand closest together, whole words.
    pub(crate) fn snippet(&self, text: &str, room: usize) -> Snippet {
        let (first, last) = self.tightest().unwrap_or((0, 0));
        let Some(begin) = self.places.get(first).map(|place| place.bytes.start) else {
            return Snippet::default();
        };
        let end = self.places.get(last).map_or(begin, |place| place.bytes.end);
        let close = self.places.get(first).map_or(begin, |place| place.bytes.end);
        // Where all of it would not fit, the beginning is shown.
        let end =
            if text.get(begin..end).is_some_and(|shown| shown.chars().count() > room) { close } else { end };
        let from = back(text, begin, room / 5);
        let used = text.get(from..end).map_or(0, |shown| shown.chars().count());
        let to = forth(text, end, room.saturating_sub(used));
        self.cut_out(text, from..to)
    }

    fn cut_out(&self, text: &str, shown: Range<usize>) -> Snippet {
        let mut snippet = Snippet::default();
        if !text.get(..shown.start).unwrap_or_default().trim().is_empty() {
            snippet.text.push('…');
        }
        let mut at = shown.start;
        for place in &self.places {
            if place.bytes.start < at || place.bytes.end > shown.end {
                continue;
            }
            flow(text.get(at..place.bytes.start).unwrap_or_default(), &mut snippet.text);
            let begin = snippet.text.len();
            flow(text.get(place.bytes.clone()).unwrap_or_default(), &mut snippet.text);
            snippet.marks.push(begin..snippet.text.len());
            at = place.bytes.end;
        }
        flow(text.get(at..shown.end).unwrap_or_default(), &mut snippet.text);
        snippet.text.truncate(snippet.text.trim_end().len());
        if !text.get(shown.end..).unwrap_or_default().trim().is_empty() {
            snippet.text.push('…');
        }
        snippet
    }
}

impl Snippet {
    /// The same with `[` and `]` around what was found, which the marks then span.
    pub(crate) fn bracketed(&self) -> Self {
        let mut bracketed = Self::default();
        let mut at = 0;
        for mark in &self.marks {
            bracketed.text.push_str(self.text.get(at..mark.start).unwrap_or_default());
            let begin = bracketed.text.len();
            bracketed.text.push('[');
            bracketed.text.push_str(self.text.get(mark.clone()).unwrap_or_default());
            bracketed.text.push(']');
            bracketed.marks.push(begin..bracketed.text.len());
            at = mark.end;
        }
        bracketed.text.push_str(self.text.get(at..).unwrap_or_default());
        bracketed
    }
}

/// What a text is worth that was said then: how well it fits, and new before old. In a tie the newer one wins.
pub(crate) fn score(found: &Found, at: Timestamp, now: Timestamp) -> f64 {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    let days = f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)) / 86_400.0;
    found.fitness() + 0.6 / (1.0 + days / HALF_LIFE)
}

/// Whether a word of the text is the part's word of that number.
fn fits(part: &Part, number: usize, word: &str) -> bool {
    let Some(wanted) = part.words.get(number) else { return false };
    let may_go_on = part.prefix && number + 1 == part.words.len();
    if may_go_on { word.starts_with(wanted.as_str()) } else { word == wanted }
}

/// White space folded to single spaces, as the text is shown on one line. None at the beginning.
fn flow(text: &str, into: &mut String) {
    for c in text.chars() {
        if !c.is_whitespace() {
            into.push(c);
        } else if !into.is_empty() && !into.ends_with([' ', '…']) {
            into.push(' ');
        }
    }
}

/// A place about so many characters before, where a word begins if there is one.
fn back(text: &str, from: usize, characters: usize) -> usize {
    let before = text.get(..from).unwrap_or_default();
    let mut ends = before.grapheme_indices(true).rev().take(characters);
    let Some(at) = ends.by_ref().last().map(|(at, _)| at) else { return from };
    if at == 0 {
        return 0;
    }
    let shown = before.get(at..).unwrap_or_default();
    if before.get(..at).is_some_and(|rest| rest.ends_with(char::is_whitespace)) {
        return at;
    }
    // Where words have no spaces between them, any character is as good.
    match shown.char_indices().find(|(_, c)| c.is_whitespace()) {
        Some((space, c)) => at + space + c.len_utf8(),
        None if shown.is_ascii() => from,
        None => at,
    }
}

/// A place about so many characters after, where a word ends if there is one.
fn forth(text: &str, from: usize, characters: usize) -> usize {
    let after = text.get(from..).unwrap_or_default();
    let Some((at, last)) = after.grapheme_indices(true).take(characters).last() else { return from };
    let to = at + last.len();
    let shown = after.get(..to).unwrap_or_default();
    if to == after.len() || after.get(to..).is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
        return from + to;
    }
    match shown.rfind(char::is_whitespace) {
        Some(space) => from + space,
        None if shown.is_ascii() => from,
        None => from + to,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
const fn f64_of(count: usize) -> f64 {
    count as f64
}
