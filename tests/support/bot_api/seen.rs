//! Messages as a person sees them.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::files::Files;
use super::world::{ChatState, Posted};

/// A stretch of text that looks or acts differently.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entity {
    /// `bold`, `pre`, `text_link`, …
    pub(crate) kind: String,
    /// In UTF-16 units.
    pub(crate) offset: usize,
    pub(crate) length: usize,
    /// The text that it covers.
    pub(crate) text: String,
    pub(crate) url: Option<String>,
    pub(crate) language: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Button {
    pub(crate) label: String,
    /// The callback data, empty for buttons of other kinds.
    pub(crate) data: String,
    pub(crate) url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenFile {
    pub(crate) id: String,
    /// `document`, `photo`, `voice`, …
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) bytes: Arc<[u8]>,
}

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: i64,
    pub(crate) by_bot: bool,
    /// `None` in channels.
    pub(crate) from: Option<i64>,
    /// The topic that it is in.
    pub(crate) thread: Option<i64>,
    /// The text, or the caption of a file.
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
    /// In rows.
    pub(crate) buttons: Vec<Vec<Button>>,
    /// Whether it came without a sound.
    pub(crate) silent: bool,
    pub(crate) reply_to: Option<i64>,
    /// How often it was edited.
    pub(crate) edits: u32,
    pub(crate) file: Option<SeenFile>,
    /// The bot's reaction to it.
    pub(crate) reaction: Option<String>,
    pub(crate) pinned: bool,
    /// Whether links show what they lead to.
    pub(crate) preview: bool,
    /// The whole message as the API gives it.
    pub(crate) raw: Value,
}

impl Seen {
    pub(super) fn of(posted: &Posted, chat: &ChatState, files: &Files) -> Self {
        let body = &posted.body;
        let (text, entities) = match body.get("text") {
            Some(text) => (text, "entities"),
            None => (body.get("caption").unwrap_or(&Value::Null), "caption_entities"),
        };
        let text = text.as_str().unwrap_or_default().to_owned();
        let entities = list(body.get(entities)).iter().map(|entity| Entity::of(entity, &text)).collect();
        Self {
            id: posted.id,
            by_bot: posted.by_bot,
            from: body.get("from").and_then(|from| from["id"].as_i64()),
            thread: posted.thread,
            text,
            entities,
            buttons: buttons(body),
            silent: posted.silent,
            reply_to: body.get("reply_to_message").and_then(|replied| replied["message_id"].as_i64()),
            edits: posted.edits,
            file: posted.file.as_ref().and_then(|id| SeenFile::of(id, body, files)),
            reaction: posted.reaction.clone(),
            pinned: chat.pinned.contains(&posted.id),
            preview: body.get("link_preview_options").is_none_or(|options| options["is_disabled"] != true),
            raw: Value::Object(body.clone()),
        }
    }

    /// The texts that entities of this kind cover.
    pub(crate) fn marked(&self, kind: &str) -> Vec<&str> {
        let marked = self.entities.iter().filter(|entity| entity.kind == kind);
        marked.map(|entity| entity.text.as_str()).collect()
    }

    /// The labels of all buttons.
    pub(crate) fn labels(&self) -> Vec<&str> {
        self.buttons.iter().flatten().map(|button| button.label.as_str()).collect()
    }

    /// The button with this label or these data.
    pub(crate) fn button(&self, which: &str) -> Option<&Button> {
        self.buttons.iter().flatten().find(|button| button.label == which || button.data == which)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.by_bot { "bot" } else { "person" };
        write!(f, "#{} {who}: {:?}", self.id, self.text)?;
        if let Some(thread) = self.thread {
            write!(f, " in topic {thread}")?;
        }
        if let Some(file) = &self.file {
            write!(f, " with {} {:?} of {} bytes", file.kind, file.name, file.bytes.len())?;
        }
        for row in &self.buttons {
            let row: Vec<_> = row.iter().map(|button| format!("[{}]", button.label)).collect();
            write!(f, " {}", row.concat())?;
        }
        Ok(())
    }
}

impl Entity {
    fn of(entity: &Value, text: &str) -> Self {
        let number =
            |name: &str| entity[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
        let (offset, length) = (number("offset"), number("length"));
        let covered: Vec<u16> = text.encode_utf16().skip(offset).take(length).collect();
        let field = |name: &str| entity[name].as_str().map(str::to_owned);
        Self {
            kind: field("type").unwrap_or_default(),
            offset,
            length,
            text: String::from_utf16_lossy(&covered),
            url: field("url"),
            language: field("language"),
        }
    }
}

impl SeenFile {
    fn of(id: &str, body: &Map<String, Value>, files: &Files) -> Option<Self> {
        let kinds = ["document", "photo", "voice", "audio", "video", "video_note"];
        let kind = kinds.into_iter().find(|kind| body.contains_key(*kind))?;
        let file = files.get(id)?;
        let (name, mime, bytes) = (file.name.clone(), file.mime.clone(), Arc::clone(&file.bytes));
        Some(Self { id: id.to_owned(), kind, name, mime, bytes })
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn buttons(body: &Map<String, Value>) -> Vec<Vec<Button>> {
    let rows = list(body.get("reply_markup").map(|markup| &markup["inline_keyboard"]));
    let button = |button: &Value| {
        let field = |name: &str| button[name].as_str().map(str::to_owned);
        let (label, data) = (field("text").unwrap_or_default(), field("callback_data").unwrap_or_default());
        Button { label, data, url: field("url") }
    };
    rows.iter().map(|row| list(Some(row)).iter().map(button).collect()).collect()
}
