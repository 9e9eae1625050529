//! HTML, XML and their kind: tags, attributes, entities, comments.

use super::{Class, Span};

pub(super) fn scan(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (class, length) = match first {
            '<' if rest.starts_with("<!--") => (Class::Comment, through(rest, "-->")),
            '<' if rest.starts_with("<!") || rest.starts_with("<?") => (Class::Comment, through(rest, ">")),
            '<' => {
                rest = tag(rest, &mut spans);
                continue;
            }
            '&' => {
                let end = rest.bytes().take(32).position(|byte| byte == b';');
                end.map_or((Class::Plain, 1), |end| (Class::Constant, end + 1))
            }
            _ => (Class::Plain, rest.find(['<', '&']).unwrap_or(rest.len())),
        };
        let (span, after) = rest.split_at(length);
        spans.push((class, span));
        rest = after;
    }
    spans
}

/// Takes a tag apart; gives what follows it.
fn tag<'t>(text: &'t str, spans: &mut Vec<Span<'t>>) -> &'t str {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '@' | '/');
    let length = 1 + text[1..].find(|c| !is_name(c)).unwrap_or(text.len() - 1);
    let (name, mut rest) = text.split_at(length);
    spans.push((Class::Keyword, name));
    while let Some(first) = rest.chars().next() {
        let (class, length) = match first {
            '>' => {
                spans.push((Class::Keyword, &rest[..1]));
                return &rest[1..];
            }
            // It was no tag, or it is not finished.
            '<' => return rest,
            '"' | '\'' => {
                let end = rest[1..].find(first);
                (Class::String, end.map_or(rest.len(), |end| end + 2))
            }
            c if is_name(c) => (Class::Key, rest.find(|c| !is_name(c)).unwrap_or(rest.len())),
            c => (Class::Plain, c.len_utf8()),
        };
        let (span, after) = rest.split_at(length);
        spans.push((class, span));
        rest = after;
    }
    rest
}

fn through(text: &str, end: &str) -> usize {
    text.find(end).map_or(text.len(), |at| at + end.len())
}
