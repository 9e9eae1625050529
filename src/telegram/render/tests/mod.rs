mod builder;
mod cases;
mod long;
mod pieces;
mod properties;
mod streams;

use std::cmp::Reverse;
use std::collections::HashSet;

use teloxide_core::types::{MessageEntity, MessageEntityKind};

use super::rich::{Rich, end};

/// The text with its entities written into it: `<b>bold</b>`.
fn tagged(rich: &Rich) -> String {
    let units: Vec<u16> = rich.text.encode_utf16().collect();
    let mut open: Vec<&MessageEntity> = Vec::new();
    let mut text = String::new();
    let mut written = 0;
    let mut write = |until: usize, text: &mut String| {
        text.push_str(&String::from_utf16(&units[written..until]).unwrap());
        written = until;
    };
    for at in 0..=units.len() {
        while let Some(entity) = open.pop_if(|entity| end(entity) <= at) {
            write(at, &mut text);
            text.push_str(&format!("</{}>", name(entity).0));
        }
        for entity in rich.entities.iter().filter(|entity| entity.offset == at) {
            write(at, &mut text);
            let (name, more) = name(entity);
            text.push_str(&format!("<{name}{more}>"));
            open.push(entity);
        }
    }
    write(units.len(), &mut text);
    text
}

fn name(entity: &MessageEntity) -> (&'static str, String) {
    let none = String::new();
    match &entity.kind {
        MessageEntityKind::Bold => ("b", none),
        MessageEntityKind::Italic => ("i", none),
        MessageEntityKind::Underline => ("u", none),
        MessageEntityKind::Strikethrough => ("s", none),
        MessageEntityKind::Code => ("code", none),
        MessageEntityKind::Pre { language } => {
            ("pre", language.as_ref().map_or(none, |language| format!(" {language}")))
        }
        MessageEntityKind::Blockquote => ("quote", none),
        MessageEntityKind::ExpandableBlockquote => ("more", none),
        MessageEntityKind::TextLink { url } => ("a", format!(" {url}")),
        other => panic!("{other:?}"),
    }
}

/// What Telegram asks of a message's entities, and what it would silently change.
#[track_caller]
fn assert_legal(rich: &Rich) {
    if let Some((wrong, entity)) = first_wrong(rich) {
        panic!("{wrong}: {entity:?} in {:?}, {:#?}", rich.text, rich.entities);
    }
    assert_eq!(rich.text.trim_end(), rich.text, "white space at the end");
    let first = rich.entities.first().map_or(usize::MAX, |entity| entity.offset);
    assert!(first == 0 || rich.text.trim_start() == rich.text, "white space in front: {:?}", rich.text);
}

fn first_wrong(rich: &Rich) -> Option<(&'static str, &MessageEntity)> {
    let units: Vec<u16> = rich.text.encode_utf16().collect();
    let blocks: HashSet<usize> =
        rich.entities.iter().filter(|entity| is_block(entity)).map(|entity| entity.offset).collect();
    let mut around: Vec<&MessageEntity> = Vec::new();
    let mut last = (0, Reverse(usize::MAX));
    for entity in &rich.entities {
        if entity.length == 0 || end(entity) > units.len() {
            return Some(("not in the text", entity));
        }
        let Ok(seen) = String::from_utf16(&units[entity.offset..end(entity)]) else {
            return Some(("half a character", entity));
        };
        around.retain(|outer| end(outer) > entity.offset);
        let order = (entity.offset, Reverse(entity.length));
        let has = |what: fn(&MessageEntity) -> bool| around.iter().any(|outer| what(outer));
        let wrong = [
            ("not sorted", order < last),
            ("overlaps", around.iter().any(|outer| end(outer) < end(entity))),
            ("the same style twice", around.iter().any(|outer| outer.kind == entity.kind)),
            ("inside code", has(is_code)),
            ("code inside a style", is_code(entity) && !around.iter().all(|outer| is_quote(outer))),
            ("a quote inside something", is_quote(entity) && !around.is_empty()),
            ("a link in a link", is_link(entity) && has(is_link)),
            ("white space at its end", seen.trim_end() != seen),
            ("a blank line at its start", seen.starts_with('\n')),
            ("white space at its start", seen.trim_start() != seen && !blocks.contains(&entity.offset)),
        ];
        if let Some((wrong, _)) = wrong.into_iter().find(|(_, is_wrong)| *is_wrong) {
            return Some((wrong, entity));
        }
        last = order;
        around.push(entity);
    }
    None
}

fn is_block(entity: &MessageEntity) -> bool {
    matches!(entity.kind, MessageEntityKind::Pre { .. })
}

fn is_code(entity: &MessageEntity) -> bool {
    is_block(entity) || entity.kind == MessageEntityKind::Code
}

fn is_link(entity: &MessageEntity) -> bool {
    matches!(entity.kind, MessageEntityKind::TextLink { .. })
}

fn is_quote(entity: &MessageEntity) -> bool {
    matches!(entity.kind, MessageEntityKind::Blockquote | MessageEntityKind::ExpandableBlockquote)
}

/// What a person reads, whatever the layout.
fn visible(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
