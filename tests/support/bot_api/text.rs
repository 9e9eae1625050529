//! Texts with entities as Telegram takes them, offsets in UTF-16 units.
//!
//! Stricter than Telegram in two things, which it repairs in silence: empty entities, and entities that overlap or
//! may not lie in each other.

use serde_json::{Map, Value, json};

use super::params::Params;
use super::refusal::Refusal;

/// Longer ones are dropped by Telegram without a word.
const MOST_ENTITIES: usize = 100;
/// All entities of a text as JSON.
const LARGEST_ENTITIES: usize = 9 << 10;
/// In bytes, before anything else is looked at.
const LARGEST_TEXT: usize = 1 << 15;

/// How long a text may be, and what is said when it is longer.
pub(super) struct Limit {
    units: usize,
    words: &'static str,
}

pub(super) const MESSAGE: Limit = Limit { units: 4096, words: "message is too long" };
pub(super) const EDITED: Limit = Limit { units: 4096, words: "MESSAGE_TOO_LONG" };
pub(super) const CAPTION: Limit = Limit { units: 1024, words: "message caption is too long" };

/// A text as it appears in the chat.
pub(super) struct Formatted {
    pub(super) text: String,
    pub(super) entities: Vec<Value>,
}

impl Formatted {
    /// Into the fields of a message.
    pub(super) fn put(self, body: &mut Map<String, Value>, text: &str, entities: &str) {
        body.insert(text.to_owned(), json!(self.text));
        body.remove(entities);
        if !self.entities.is_empty() {
            body.insert(entities.to_owned(), json!(self.entities));
        }
    }
}

pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A message's text.
pub(super) fn message(params: &Params, limit: &Limit) -> Result<Formatted, Refusal> {
    let text = params.text("text").ok_or_else(|| Refusal::bad("message text is empty"))?;
    let formatted = read(params, text, "entities", limit)?;
    if formatted.text.is_empty() {
        return Err(Refusal::bad("text must be non-empty"));
    }
    Ok(formatted)
}

/// A file's caption, if it has one.
pub(super) fn caption(params: &Params) -> Result<Option<Formatted>, Refusal> {
    let Some(text) = params.text("caption") else { return Ok(None) };
    let formatted = read(params, text, "caption_entities", &CAPTION)?;
    Ok(Some(formatted).filter(|formatted| !formatted.text.is_empty()))
}

fn read(params: &Params, text: String, entities: &str, limit: &Limit) -> Result<Formatted, Refusal> {
    if params.text("parse_mode").is_some() {
        return Err(Refusal::bad("the stand-in takes no parse_mode: send entities"));
    }
    if text.len() > LARGEST_TEXT {
        return Err(Refusal::bad("text is too long"));
    }
    let spans = spans(params.structure(entities)?)?;
    check_bounds(&text, &spans)?;
    check_nesting(&spans)?;
    let formatted = clean(&text, spans);
    if length(&formatted.text) > limit.units {
        return Err(Refusal::bad(limit.words));
    }
    Ok(formatted)
}

/// An entity.
struct Span {
    start: usize,
    end: usize,
    kind: String,
    given: Map<String, Value>,
}

/// Sorted: outer ones before those that lie in them.
fn spans(given: Option<Value>) -> Result<Vec<Span>, Refusal> {
    let given = match given {
        None => return Ok(Vec::new()),
        Some(Value::Array(given)) => given,
        Some(_) => return Err(Refusal::bad("can't parse entities: expected an Array of MessageEntity")),
    };
    if given.len() > MOST_ENTITIES || Value::Array(given.clone()).to_string().len() > LARGEST_ENTITIES {
        return Err(Refusal::bad("ENTITIES_TOO_LONG"));
    }
    let mut spans = Vec::new();
    for entity in given {
        spans.extend(span(entity)?);
    }
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    Ok(spans)
}

fn span(entity: Value) -> Result<Option<Span>, Refusal> {
    let unreadable = |words: &str| Refusal::bad(format!("can't parse MessageEntity: {words}"));
    let Value::Object(given) = entity else { return Err(unreadable("expected an Object")) };
    let number = |name: &str| {
        let value = given.get(name).and_then(Value::as_i64);
        value.ok_or_else(|| unreadable(&format!("Field \"{name}\" must be of type Number")))
    };
    let (offset, length) = (number("offset")?, number("length")?);
    let kind = given.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "bold"
        | "italic"
        | "underline"
        | "strikethrough"
        | "spoiler"
        | "code"
        | "pre"
        | "blockquote"
        | "expandable_blockquote"
        | "text_mention"
        | "custom_emoji"
        | "date_time" => {}
        "text_link" => {
            let url = given.get("url").and_then(Value::as_str);
            let url = url.ok_or_else(|| unreadable("Can't find field \"url\""))?;
            check_url(url).map_err(|words| Refusal::bad(format!("entity {words}")))?;
        }
        // Telegram finds these by itself.
        "mention" | "hashtag" | "cashtag" | "bot_command" | "url" | "email" | "phone_number"
        | "bank_card_number" => return Ok(None),
        _ => return Err(unreadable("Unsupported type specified")),
    }
    let start = usize::try_from(offset);
    let start =
        start.map_err(|_| Refusal::bad(format!("receive an entity with incorrect offset {offset}")))?;
    let length = usize::try_from(length).ok().filter(|length| *length > 0).ok_or_else(|| {
        let length = given.get("length").cloned().unwrap_or_default();
        Refusal::bad(format!("receive an entity with incorrect length {length}"))
    })?;
    Ok(Some(Span { start, end: start + length, kind, given }))
}

/// Links without a dot in their host are refused too, `http://localhost` among them.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    let wrong = |words: &str| Err(format!("URL '{url}' is invalid: {words}"));
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme.to_lowercase().as_str() {
        "tg" | "ton" | "tonsite" if !host.is_empty() => Ok(()),
        "http" | "https" if host.is_empty() => wrong("URL host is empty"),
        "http" | "https" if url.contains(char::is_whitespace) => wrong("Wrong HTTP URL"),
        "http" | "https" if !host.contains('.') && !host.starts_with('[') => wrong("Wrong HTTP URL"),
        "http" | "https" => Ok(()),
        _ => wrong("Unsupported URL protocol"),
    }
}

fn check_bounds(text: &str, spans: &[Span]) -> Result<(), Refusal> {
    // For each UTF-16 offset the byte where its character begins, or `None` in the middle of one.
    let mut begins = Vec::new();
    for (byte, character) in text.char_indices() {
        begins.push(Some(byte));
        begins.resize(begins.len() + character.len_utf16() - 1, None);
    }
    begins.push(Some(text.len()));
    let byte_after = |unit: usize| begins[unit..].iter().flatten().next().copied().unwrap_or_default();
    for Span { start, end, .. } in spans {
        let words = if *start >= begins.len() {
            format!("entity begins after the end of the text at UTF-16 offset {start}")
        } else if begins[*start].is_none() {
            format!("entity begins in a middle of a UTF-16 symbol at byte offset {}", byte_after(*start))
        } else if *end >= begins.len() {
            let place = "ends after the end of the text at UTF-16 offset";
            format!("entity beginning at UTF-16 offset {start} {place} {end}")
        } else if begins[*end].is_none() {
            let place = "ends in a middle of a UTF-16 symbol at byte offset";
            format!("entity beginning at UTF-16 offset {start} {place} {}", byte_after(*end))
        } else {
            continue;
        };
        return Err(Refusal::bad(words));
    }
    Ok(())
}

fn check_nesting(spans: &[Span]) -> Result<(), Refusal> {
    for (index, outer) in spans.iter().enumerate() {
        for inner in spans[index + 1..].iter().take_while(|inner| inner.start < outer.end) {
            let places = format!(
                "{} at {}..{} and {} at {}..{}",
                outer.kind, outer.start, outer.end, inner.kind, inner.start, inner.end
            );
            if inner.end > outer.end {
                return Err(Refusal::bad(format!("can't parse entities: overlapping {places}")));
            }
            if !may_hold(&outer.kind, &inner.kind) {
                return Err(Refusal::bad(format!("can't parse entities: illegal nesting of {places}")));
            }
        }
    }
    Ok(())
}

fn may_hold(outer: &str, inner: &str) -> bool {
    let is_style = |kind: &str| matches!(kind, "bold" | "italic" | "underline" | "strikethrough" | "spoiler");
    let is_code = |kind: &str| matches!(kind, "code" | "pre");
    let is_quote = |kind: &str| matches!(kind, "blockquote" | "expandable_blockquote");
    match (outer, inner) {
        (outer, _) if is_code(outer) => false,
        (outer, inner) if is_quote(outer) => !is_quote(inner),
        (_, inner) if is_code(inner) => false,
        (outer, inner) => is_style(outer) || is_style(inner),
    }
}

/// Control characters become spaces or vanish, white space around the text goes; entities move with it.
fn clean(text: &str, mut spans: Vec<Span>) -> Formatted {
    let mut cleaned: Vec<u16> = Vec::new();
    // Where each UTF-16 unit of the old text is in the new one.
    let mut moved = Vec::new();
    for character in text.chars() {
        moved.resize(moved.len() + character.len_utf16(), cleaned.len());
        match character {
            '\r' | '\u{2028}'..='\u{202e}' | '\u{30a}' | '\u{333}' | '\u{33f}' => {}
            '\0'..='\t' | '\u{b}'..='\u{1f}' => cleaned.push(u16::from(b' ')),
            other => cleaned.extend_from_slice(other.encode_utf16(&mut [0; 2])),
        }
    }
    moved.push(cleaned.len());
    let is_space = |unit: &u16| [u16::from(b' '), u16::from(b'\n')].contains(unit);
    for span in &mut spans {
        (span.start, span.end) = (moved[span.start], moved[span.end]);
    }
    spans.retain(|span| !cleaned[span.start..span.end].iter().all(is_space));
    let end = cleaned.iter().rposition(|unit| !is_space(unit)).map_or(0, |last| last + 1);
    let first = spans.first().map_or(end, |span| span.start);
    let start = cleaned.iter().take(first.min(end)).take_while(|unit| is_space(unit)).count();
    let entities = spans.into_iter().map(|span| {
        let Span { start: from, end: to, mut given, .. } = span;
        given.insert("offset".into(), json!(from - start));
        given.insert("length".into(), json!(to.min(end) - from));
        Value::Object(given)
    });
    Formatted { entities: entities.collect(), text: String::from_utf16_lossy(&cleaned[start..end]) }
}

/// What Telegram marks in a person's text by itself: commands, mentions and links.
pub(super) fn detect(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let trimmed = word.trim_end();
        let kind = match trimmed.as_bytes() {
            [b'/', first, ..] if first.is_ascii_alphanumeric() => "bot_command",
            [b'@', first, ..] if first.is_ascii_alphanumeric() => "mention",
            _ if trimmed.starts_with("http://") || trimmed.starts_with("https://") => "url",
            _ => "",
        };
        let is_part = |character: char| match kind {
            "bot_command" => character.is_ascii_alphanumeric() || "_/@".contains(character),
            "mention" => character.is_ascii_alphanumeric() || "_@".contains(character),
            _ => true,
        };
        if !kind.is_empty() {
            let covered: String = trimmed.chars().take_while(|character| is_part(*character)).collect();
            found.push(json!({ "type": kind, "offset": offset, "length": length(&covered) }));
        }
        offset += length(word);
    }
    found
}
