//! A reply in Markdown as a part of a longer document: it stays as it was written, but for what would reach beyond it.
//!
//! The source is changed in place, where the parser says, and then read again: what still is not harmless becomes a
//! block of code.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::escape::fence;
use super::link::may_lead_to;

pub(super) const OPTIONS: Options =
    Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);

/// Headings of replies begin below those of the document.
const HIGHEST: usize = 3;

/// Follows a reply on trial.
const AFTER: &str = "what follows";

pub(super) fn contained(reply: &str) -> String {
    let reply = reply.trim_matches('\n').trim_end();
    let edited = edited(reply);
    if stays_inside(&edited) {
        return edited + "\n";
    }
    // A block of code that the reply did not end.
    let ended = ["```", "~~~"].map(|end| format!("{edited}\n{end}"));
    match ended.into_iter().find(|ended| stays_inside(ended)) {
        Some(ended) => ended + "\n",
        None => fence("markdown", reply),
    }
}

/// Whether nothing in it acts on a document around it.
fn stays_inside(text: &str) -> bool {
    // After a list an indented line would be one of its.
    let trial = format!("- before\n\n{text}\n\n{AFTER}\n");
    let parser = Parser::new_ext(&trial, OPTIONS);
    if parser.reference_definitions().iter().next().is_some() {
        return false;
    }
    let mut depth = 0_usize;
    let mut last = None;
    for event in parser {
        match &event {
            Event::Html(_) | Event::InlineHtml(_) => return false,
            Event::Start(Tag::Heading { level, .. }) if (*level as usize) < HIGHEST => return false,
            Event::Start(Tag::Image { .. } | Tag::HtmlBlock) => return false,
            Event::Start(Tag::Link { link_type, dest_url, .. }) if !is_allowed(*link_type, dest_url) => {
                return false;
            }
            _ => {}
        }
        match event {
            Event::Start(Tag::Paragraph) if depth == 0 => (last, depth) = (Some(String::new()), depth + 1),
            Event::Start(_) => depth += 1,
            Event::End(TagEnd::Paragraph) if depth == 1 => depth = 0,
            Event::End(_) => (last, depth) = (if depth == 1 { None } else { last }, depth.saturating_sub(1)),
            Event::Text(text) => last.iter_mut().for_each(|last| last.push_str(&text)),
            _ => last.iter_mut().for_each(|last| last.push('\n')),
        }
    }
    last.as_deref() == Some(AFTER)
}

fn is_allowed(kind: LinkType, address: &str) -> bool {
    kind == LinkType::Email || may_lead_to(address)
}

struct Edit {
    at: Range<usize>,
    to: String,
}

fn edited(source: &str) -> String {
    let parser = Parser::new_ext(source, OPTIONS);
    let mut edits: Vec<Edit> = parser
        .reference_definitions()
        .iter()
        .map(|(_, definition)| Edit { at: definition.span.clone(), to: String::new() })
        .collect();
    for (event, at) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => heading(source, at, level as usize, &mut edits),
            Event::Html(_) | Event::InlineHtml(_) => {
                let to = as_text(&source[at.clone()]);
                edits.push(Edit { at, to });
            }
            // Else the line after it would go on with it.
            Event::End(TagEnd::HtmlBlock) => edits.push(Edit { at: at.end..at.end, to: "\n".to_owned() }),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                link(source, at, link_type, &dest_url, &mut edits);
            }
            Event::Start(Tag::Image { link_type, dest_url, .. }) => {
                edits.push(Edit { at: at.start..at.start + 1, to: String::new() });
                link(source, at.start + 1..at.end, link_type, &dest_url, &mut edits);
            }
            _ => {}
        }
    }
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    apply(source, &edits)
}

/// What would overlap another edit is left out: the trial finds it.
fn apply(source: &str, edits: &[Edit]) -> String {
    let mut text = String::with_capacity(source.len() + 64);
    let mut done = 0;
    for Edit { at, to } in edits {
        if at.start < done {
            continue;
        }
        text.push_str(&source[done..at.start]);
        text.push_str(to);
        done = at.end;
    }
    text.push_str(&source[done..]);
    text
}

fn heading(source: &str, at: Range<usize>, level: usize, edits: &mut Vec<Edit>) {
    let lower = (level + HIGHEST - 1).min(6);
    let text = &source[at.clone()];
    if text.starts_with('#') {
        edits.push(Edit { at: at.start..at.start, to: "#".repeat(lower - level) });
    } else if let Some((line, rest)) = text.split_once('\n')
        && !rest.trim_end_matches('\n').contains('\n')
    {
        // Underlined: the mark goes before, and the line under it away. Of several lines no other heading can be.
        let underline = at.start + line.len()..at.start + text.trim_end_matches('\n').len();
        edits.push(Edit { at: at.start..at.start, to: format!("{} ", "#".repeat(lower)) });
        edits.push(Edit { at: underline, to: String::new() });
    }
}

/// A link gets its address where it stands: definitions hold for a whole document. One that may not be followed is
/// shown as it was written.
fn link(source: &str, at: Range<usize>, kind: LinkType, address: &str, edits: &mut Vec<Edit>) {
    if !is_allowed(kind, address) {
        edits.push(Edit { at: at.start..at.start, to: "\\".to_owned() });
        return;
    }
    let text = &source[at.clone()];
    let tail = match kind {
        LinkType::Reference | LinkType::ReferenceUnknown => text.rfind('[').unwrap_or(text.len()),
        LinkType::Collapsed | LinkType::CollapsedUnknown => text.len().saturating_sub(2),
        LinkType::Shortcut | LinkType::ShortcutUnknown => text.len(),
        _ => return,
    };
    let address: String =
        address.chars().map(|c| if matches!(c, '<' | '>' | '\\') { '_' } else { c }).collect();
    edits.push(Edit { at: at.start + tail..at.end, to: format!("(<{address}>)") });
}

/// Nothing of it has a meaning of its own any more.
fn as_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len() + 16);
    let mut before = '\n';
    for c in html.chars() {
        let begins_line = before == '\n' && (c.is_ascii_punctuation() || c.is_ascii_digit());
        match c {
            '<' => text.push_str("&lt;"),
            '&' => text.push_str("&amp;"),
            '`' | '*' | '_' | '[' | ']' | '!' | '~' | '|' | '\\' | '$' | '#' => {
                text.push_str(&format!("&#{};", u32::from(c)));
            }
            c if begins_line => text.push_str(&format!("&#{};", u32::from(c))),
            c => text.push(c),
        }
        if !(before == '\n' && c == ' ') {
            before = c;
        }
    }
    text
}
