//! What people send.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::User;
use super::chat::Chat;
use super::send::New;
use super::state::State;
use super::text::detect;
use super::world::{ANONYMOUS, BOT_NAME, Kind, Standing};

/// A file that a person sends.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    kind: &'static str,
    name: String,
    mime: &'static str,
    bytes: Arc<[u8]>,
    size: Option<u64>,
}

impl Media {
    fn new(kind: &'static str, name: &str, mime: &'static str, bytes: &[u8]) -> Self {
        Self { kind, name: name.to_owned(), mime, bytes: bytes.into(), size: None }
    }

    pub(crate) fn photo(bytes: &[u8]) -> Self {
        Self::new("photo", "photo.jpg", "image/jpeg", bytes)
    }

    pub(crate) fn document(name: &str, bytes: &[u8]) -> Self {
        Self::new("document", name, "application/octet-stream", bytes)
    }

    pub(crate) fn voice(bytes: &[u8]) -> Self {
        Self::new("voice", "voice.oga", "audio/ogg", bytes)
    }

    pub(crate) fn audio(name: &str, bytes: &[u8]) -> Self {
        Self::new("audio", name, "audio/mpeg", bytes)
    }

    pub(crate) fn video(name: &str, bytes: &[u8]) -> Self {
        Self::new("video", name, "video/mp4", bytes)
    }

    pub(crate) fn video_note(bytes: &[u8]) -> Self {
        Self::new("video_note", "note.mp4", "video/mp4", bytes)
    }

    /// Telegram says that it is so large, whatever its content.
    pub(crate) fn said_to_have(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }
}

/// Where a forwarded message comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    User(User),
    /// Somebody who hides behind their name.
    Hidden(String),
    /// A message of a channel.
    Channel(i64, i64),
    /// A group in whose name somebody wrote.
    Chat(i64),
}

/// A message being written; [`send`](Self::send) sends it.
#[must_use = "nothing is sent before `send`"]
pub(crate) struct Incoming {
    chat: Chat,
    from: i64,
    thread: Option<i64>,
    reply: Option<i64>,
    text: Option<String>,
    media: Option<Media>,
    forwarded: Option<Origin>,
    fields: Map<String, Value>,
}

impl Incoming {
    pub(super) fn new(chat: Chat, from: i64) -> Self {
        let fields = Map::new();
        Self { chat, from, thread: None, reply: None, text: None, media: None, forwarded: None, fields }
    }

    /// The text, or the caption of a file. Commands, mentions and links in it are marked as Telegram does.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    pub(crate) fn file(mut self, media: Media) -> Self {
        self.media = Some(media);
        self
    }

    pub(crate) fn in_topic(mut self, thread: i64) -> Self {
        self.thread = Some(thread);
        self
    }

    pub(crate) fn reply_to(mut self, message: i64) -> Self {
        self.reply = Some(message);
        self
    }

    pub(crate) fn quoting(self, text: &str) -> Self {
        self.field("quote", json!({ "text": text, "position": 0, "is_manual": true }))
    }

    pub(crate) fn forwarded_from(mut self, origin: Origin) -> Self {
        self.forwarded = Some(origin);
        self
    }

    /// Written in the name of this chat: an anonymous administrator, or a channel.
    pub(crate) fn in_the_name_of(self, chat: i64) -> Self {
        let sender = self.chat.shared.lock().world.chat(chat).json();
        let mut incoming = self.field("sender_chat", sender);
        incoming.from = ANONYMOUS;
        incoming
    }

    /// Any other field of the message, whatever is said elsewhere.
    pub(crate) fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// Gives the message's id.
    pub(crate) fn send(self) -> i64 {
        let shared = Arc::clone(&self.chat.shared);
        shared.change(|state| self.post(state))
    }

    fn post(self, state: &mut State) -> i64 {
        let chat = self.chat.id();
        let mut body = Map::new();
        let (text, entities) = match self.media {
            Some(_) => ("caption", "caption_entities"),
            None => ("text", "entities"),
        };
        if let Some(words) = &self.text {
            body.insert(text.to_owned(), json!(words));
            let found = detect(words);
            if !found.is_empty() {
                body.insert(entities.to_owned(), json!(found));
            }
        }
        let file = self.media.map(|media| {
            let Media { kind, name, mime, bytes, size } = media;
            let file = state.world.files.add(kind, &name, mime, bytes, size);
            body.insert(kind.to_owned(), file.media(kind));
            file
        });
        if let Some(origin) = self.forwarded {
            let date = state.clock.date();
            forward(state, &mut body, &origin, date);
        }
        body.extend(self.fields);
        let (from, thread, reply) = (self.from, self.thread, self.reply);
        if let Some(thread) = thread {
            assert!(state.world.chat(chat).topics.contains_key(&thread), "no topic {thread}");
        }
        let message = New { chat, from, thread, body, silent: false, file, reply }.post(state);
        let id = message["message_id"].as_i64().unwrap_or_default();
        if is_heard(state, chat, &message) {
            let kind = match state.world.chat(chat).kind {
                Kind::Channel => "channel_post",
                _ => "message",
            };
            state.push(kind, message);
        }
        id
    }
}

/// Whether the bot may read it.
fn is_heard(state: &State, chat: i64, message: &Value) -> bool {
    let place = state.world.chat(chat);
    if place.standing == Standing::Kicked {
        return false;
    }
    if !state.world.privacy || !place.is_group() || place.standing == Standing::Administrator {
        return true;
    }
    let text = message["text"].as_str().or(message["caption"].as_str()).unwrap_or_default();
    let is_reply = message["reply_to_message"]["from"]["id"].as_i64() == Some(super::world::BOT);
    text.starts_with('/') || text.contains(&format!("@{BOT_NAME}")) || is_reply
}

fn forward(state: &State, body: &mut Map<String, Value>, origin: &Origin, date: u64) {
    let world = &state.world;
    let (field, value, told) = match origin {
        Origin::User(user) => {
            let user = world.user(user.id);
            ("forward_from", user.clone(), json!({ "type": "user", "sender_user": user }))
        }
        Origin::Hidden(name) => {
            ("forward_sender_name", json!(name), json!({ "type": "hidden_user", "sender_user_name": name }))
        }
        Origin::Channel(chat, message) => {
            let chat = world.chat(*chat).json();
            body.insert("forward_from_message_id".into(), json!(message));
            let told = json!({ "type": "channel", "chat": chat, "message_id": message });
            ("forward_from_chat", chat, told)
        }
        Origin::Chat(chat) => {
            let chat = world.chat(*chat).json();
            ("forward_from_chat", chat.clone(), json!({ "type": "chat", "sender_chat": chat }))
        }
    };
    let mut told = told;
    told["date"] = json!(date);
    body.insert("forward_origin".into(), told);
    body.insert(field.into(), value);
    body.insert("forward_date".into(), json!(date));
}
