//! The scanner: one pass over the text, with what the table says of its language.

use super::languages::{Form, Language, Quote};
use super::{Class, Span, markup};

impl Language {
    /// The pieces of a text, which together are the text.
    pub(super) fn scan<'t>(&self, text: &'t str) -> Vec<Span<'t>> {
        match self.form {
            Form::Code => Scanner { language: self, text, at: 0, spans: Vec::new() }.run(),
            Form::Markup => markup::scan(text),
            Form::Diff => by_line(text, |line| match line.as_bytes() {
                [b'+', ..] => Class::Added,
                [b'-', ..] => Class::Removed,
                [b'@', b'@', ..] => Class::Function,
                [b' ', ..] | [] => Class::Plain,
                _ => Class::Comment,
            }),
            Form::Markdown => {
                let mut in_code = false;
                by_line(text, |line| {
                    let is_fence = line.trim_start().starts_with("```");
                    in_code ^= is_fence;
                    if is_fence || in_code {
                        Class::String
                    } else if line.starts_with('#') {
                        Class::Keyword
                    } else if line.starts_with('>') {
                        Class::Comment
                    } else {
                        Class::Plain
                    }
                })
            }
        }
    }
}

fn by_line(text: &str, mut class: impl FnMut(&str) -> Class) -> Vec<Span<'_>> {
    text.split_inclusive('\n').map(|line| (class(line.trim_end_matches('\n')), line)).collect()
}

struct Scanner<'l, 't> {
    language: &'l Language,
    text: &'t str,
    at: usize,
    spans: Vec<Span<'t>>,
}

impl<'t> Scanner<'_, 't> {
    fn run(mut self) -> Vec<Span<'t>> {
        while self.at < self.text.len() {
            let (class, length) = self.next();
            let end = self.at + length.max(1);
            let end = self.text.ceil_char_boundary(end.min(self.text.len()));
            self.push(class, end);
        }
        self.spans
    }

    /// Neighbours of one class are one piece.
    fn push(&mut self, class: Class, end: usize) {
        let start = self.at;
        self.at = end;
        match self.spans.last_mut() {
            Some((last, span)) if *last == class => {
                let from = start - span.len();
                *span = &self.text[from..end];
            }
            _ => self.spans.push((class, &self.text[start..end])),
        }
    }

    fn next(&self) -> (Class, usize) {
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return (Class::Plain, 0) };
        if first.is_whitespace() {
            return (Class::Plain, first.len_utf8());
        }
        if let Some(length) = self.comment(rest) {
            return (Class::Comment, length);
        }
        if let Some(length) = self.string(rest) {
            let class = if self.is_key(&rest[length..]) { Class::Key } else { Class::String };
            return (class, length);
        }
        if first.is_ascii_digit() {
            return (Class::Number, run(rest, |c| c.is_alphanumeric() || c == '_' || c == '.'));
        }
        if let Some(found) = self.marked(rest) {
            return found;
        }
        if self.is_word(first) {
            let length = run(rest, |c| self.is_word(c) || c.is_ascii_digit());
            return (self.word(&rest[..length], &rest[length..]), length);
        }
        (Class::Plain, first.len_utf8())
    }

    fn comment(&self, rest: &str) -> Option<usize> {
        if let Some((open, close)) = self.language.block_comment.filter(|(open, _)| rest.starts_with(open)) {
            let end = rest[open.len()..].find(close);
            return Some(end.map_or(rest.len(), |end| open.len() + end + close.len()));
        }
        let mark = self.language.line_comments.iter().find(|mark| rest.starts_with(**mark))?;
        // In a shell `a#b` and `$#` are none.
        let before = self.text[..self.at].chars().next_back();
        let is_free = *mark != "#" || before.is_none_or(|c| c.is_whitespace() || c == ';');
        is_free.then(|| rest.find('\n').unwrap_or(rest.len()))
    }

    fn string(&self, rest: &str) -> Option<usize> {
        if self.language.is_rust {
            if let Some(length) = raw(rest) {
                return Some(length);
            }
            if rest.starts_with('\'') {
                return character(rest);
            }
        }
        let quote = self.language.quotes.iter().find(|quote| rest.starts_with(quote.open))?;
        Some(quoted(rest, quote))
    }

    /// What a mark before it makes something else: `@decorator`, `$variable`, `#[attribute]`, `'lifetime`.
    fn marked(&self, rest: &str) -> Option<(Class, usize)> {
        let mut chars = rest.chars();
        let (mark, next) = (chars.next()?, chars.next());
        let language = self.language;
        let word = || 1 + run(&rest[1..], |c| c.is_alphanumeric() || c == '_');
        match mark {
            '#' if language.is_rust && (next == Some('[') || rest.starts_with("#![")) => {
                let line = head(rest);
                Some((Class::Key, line.find(']').map_or(line.len(), |end| end + 1)))
            }
            '\'' if language.is_rust && next.is_some_and(|c| c.is_alphabetic() || c == '_') => {
                Some((Class::Type, word()))
            }
            '@' if language.has_decorators && next.is_some_and(char::is_alphabetic) => {
                Some((Class::Key, word()))
            }
            '$' if language.has_variables => match next {
                Some('{') => {
                    let line = head(rest);
                    line.find('}').map(|end| (Class::Constant, end + 1))
                }
                Some(c) if c.is_alphanumeric() || c == '_' => Some((Class::Constant, word())),
                Some('?' | '!' | '@' | '#' | '*' | '$') => Some((Class::Constant, 2)),
                _ => None,
            },
            '[' if language.key == Some('=') && self.begins_line() => {
                let line = head(rest);
                line.rfind(']').map(|end| (Class::Keyword, end + 1))
            }
            _ => None,
        }
    }

    fn word(&self, word: &str, after: &str) -> Class {
        let language = self.language;
        let lower = if language.ignores_case { word.to_ascii_lowercase() } else { String::new() };
        let known = if language.ignores_case { lower.as_str() } else { word };
        if self.is_key(after) {
            return Class::Key;
        }
        if language.constants.contains(&known) {
            return Class::Constant;
        }
        if language.keywords.split(' ').any(|keyword| keyword == known) {
            return Class::Keyword;
        }
        if language.has_types && word.starts_with(char::is_uppercase) {
            return Class::Type;
        }
        if language.has_functions && (after.starts_with('(') || (language.is_rust && is_macro(after))) {
            return Class::Function;
        }
        Class::Plain
    }

    /// What stands before it is a key of a setting.
    fn is_key(&self, after: &str) -> bool {
        let Some(mark) = self.language.key else { return false };
        let after = after.trim_start_matches([' ', '\t']);
        after.starts_with(mark) && !after.starts_with("::") && !after.starts_with("==")
    }

    fn is_word(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_' || self.language.word_marks.contains(c)
    }

    fn begins_line(&self) -> bool {
        let before = &self.text[..self.at];
        before.is_empty() || before.ends_with('\n')
    }
}

fn is_macro(after: &str) -> bool {
    after.starts_with('!') && !after.starts_with("!=")
}

/// The rest of the line, as far as is looked ahead.
fn head(rest: &str) -> &str {
    let near = &rest[..rest.floor_char_boundary(256)];
    near.split('\n').next().unwrap_or(near)
}

/// How many bytes of the beginning are such characters.
fn run(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

/// The length of a string, which ends with its line unless it may go over several.
fn quoted(rest: &str, quote: &Quote) -> usize {
    let mut at = quote.open.len();
    while let Some(c) = rest[at..].chars().next() {
        if rest[at..].starts_with(quote.close) {
            return at + quote.close.len();
        }
        match c {
            '\n' if !quote.goes_on => return at,
            '\\' if quote.escapes => {
                let escaped = rest[at + 1..].chars().next().filter(|c| quote.goes_on || *c != '\n');
                at += 1 + escaped.map_or(0, char::len_utf8);
            }
            c => at += c.len_utf8(),
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br"…"`.
fn raw(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = run(after, |c| c == '#');
    let inner = after[hashes..].strip_prefix('"')?;
    // More than anybody writes; each further one would be looked for again.
    let end = format!("\"{}", "#".repeat(hashes.min(16)));
    let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
    Some(rest.len() - inner.len() + length)
}

/// `'x'` and `'\n'`, but not `'lifetime`.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        let line = head(rest);
        let end = line.char_indices().skip(3).take(12).find(|(_, c)| *c == '\'');
        return end.map(|(at, _)| at + 1);
    }
    let (at, second) = chars.next()?;
    (second == '\'' && first != '\'').then_some(at + 1)
}
