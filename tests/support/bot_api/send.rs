//! Methods that make messages, or things beside messages.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::files::StoredFile;
use super::markup;
use super::methods::Answer;
use super::params::Params;
use super::refusal::Refusal;
use super::state::State;
use super::text;
use super::world::{Access, BOT, ChatState, Draft, Kind, Posted, Standing};

/// How long a draft is seen unless it is sent again.
const DRAFT_LASTS: Duration = Duration::from_secs(30);
/// The topic of a forum that is not a topic.
const GENERAL: i64 = 1;

const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub(super) fn send_message(state: &mut State, params: &Params) -> Answer {
    let mut body = Map::new();
    text::message(params, &text::MESSAGE)?.put(&mut body, "text", "entities");
    if let Some(options) = params.structure("link_preview_options")? {
        body.insert("link_preview_options".into(), options);
    }
    deliver(state, params, body, None)
}

pub(super) fn send_document(state: &mut State, params: &Params) -> Answer {
    send_file(state, params, "document")
}

pub(super) fn send_photo(state: &mut State, params: &Params) -> Answer {
    send_file(state, params, "photo")
}

pub(super) fn send_voice(state: &mut State, params: &Params) -> Answer {
    send_file(state, params, "voice")
}

fn send_file(state: &mut State, params: &Params, kind: &str) -> Answer {
    let mut body = Map::new();
    if let Some(caption) = text::caption(params)? {
        caption.put(&mut body, "caption", "caption_entities");
    }
    let file = state.world.files.given(params, kind)?;
    body.insert(kind.to_owned(), file.media(kind));
    deliver(state, params, body, Some(file))
}

/// Makes a message of the bot with this body in the chat that the call names.
fn deliver(
    state: &mut State,
    params: &Params,
    mut body: Map<String, Value>,
    file: Option<StoredFile>,
) -> Answer {
    let markup = markup::read(params)?;
    let given = params.number("message_thread_id").unwrap_or_default();
    let chat = state.world.open(params.number("chat_id"), Access::Write)?;
    let thread = topic(chat, given)?;
    let reply = reply(chat, params, &mut body)?;
    // An answer goes to the topic of what it answers.
    let thread = match (thread, reply.as_ref().and_then(|reply| reply.thread)) {
        (None, Some(answered)) => topic(chat, answered)?,
        _ => thread,
    };
    chat.drafts.retain(|_, draft| draft.thread != thread);
    let chat = chat.id;
    if let Some(markup) = markup.filter(|markup| markup.get("inline_keyboard").is_some()) {
        body.insert("reply_markup".into(), markup);
    }
    let silent = params.switch("disable_notification");
    let message = New { chat, from: BOT, thread, body, silent, file, reply: reply.map(|reply| reply.id) };
    Ok(message.post(state))
}

/// The topic that a message goes to.
fn topic(chat: &ChatState, thread: i64) -> Result<Option<i64>, Refusal> {
    let may_have_topics = chat.is_forum() || chat.kind == Kind::Private;
    // Chats without topics ignore the parameter.
    if thread <= 0 || !may_have_topics {
        return Ok(None);
    }
    let topic = chat.topics.get(&thread).filter(|_| thread != GENERAL);
    let topic = topic.ok_or_else(|| Refusal::bad("message thread not found"))?;
    if topic.closed && chat.standing != Standing::Administrator {
        return Err(Refusal::bad("TOPIC_CLOSED"));
    }
    Ok(Some(thread))
}

/// The message that is replied to; a quote goes into the body.
fn reply(
    chat: &ChatState,
    params: &Params,
    body: &mut Map<String, Value>,
) -> Result<Option<Posted>, Refusal> {
    let Some(reply) = params.structure("reply_parameters")? else { return Ok(None) };
    let id = reply["message_id"].as_i64().ok_or_else(|| {
        Refusal::bad("can't parse reply parameters: Field \"message_id\" must be of type Number")
    })?;
    let elsewhere = reply["chat_id"].as_i64().is_some_and(|other| other != chat.id);
    match chat.messages.get(&id).filter(|_| !elsewhere) {
        Some(message) => {
            if let Some(quote) = reply["quote"].as_str() {
                let known = ["text", "caption"].iter().filter_map(|name| message.body.get(*name)?.as_str());
                if !known.into_iter().any(|text| text.contains(quote)) {
                    return Err(Refusal::bad("QUOTE_TEXT_INVALID"));
                }
                body.insert("quote".into(), json!({ "text": quote, "position": 0, "is_manual": true }));
            }
            Ok(Some(message.clone()))
        }
        None if reply["allow_sending_without_reply"] == true => Ok(None),
        None => Err(Refusal::bad("message to be replied not found")),
    }
}

/// A message to be.
pub(super) struct New {
    pub(super) chat: i64,
    pub(super) from: i64,
    pub(super) thread: Option<i64>,
    pub(super) body: Map<String, Value>,
    pub(super) silent: bool,
    pub(super) file: Option<StoredFile>,
    pub(super) reply: Option<i64>,
}

impl New {
    /// Puts it into its chat, and gives it as the API does.
    pub(super) fn post(self, state: &mut State) -> Value {
        let Self { chat, from, thread, body: content, silent, file, reply } = self;
        let id = state.world.next_message(chat);
        let user = state.world.user(from);
        let date = state.clock.date();
        let place = state.world.chat_mut(chat);
        let mut body = Map::new();
        body.insert("message_id".into(), json!(id));
        if place.kind == Kind::Channel {
            body.insert("sender_chat".into(), place.json());
        } else {
            body.insert("from".into(), user);
        }
        body.insert("chat".into(), place.json());
        body.insert("date".into(), json!(date));
        if let Some(thread) = thread {
            body.insert("message_thread_id".into(), json!(thread));
            body.insert("is_topic_message".into(), json!(true));
        }
        if let Some(replied) = reply.and_then(|reply| place.messages.get(&reply)) {
            let is_supergroup = matches!(place.kind, Kind::Supergroup { .. });
            // The root of a chain of replies stands where a topic does, though it is none.
            if is_supergroup && thread.is_none() {
                let root = replied.body.get("message_thread_id").cloned().unwrap_or(json!(replied.id));
                body.insert("message_thread_id".into(), root);
            }
            let mut replied = replied.body.clone();
            replied.remove("reply_to_message");
            body.insert("reply_to_message".into(), Value::Object(replied));
        }
        body.extend(content);
        let file = file.map(|file| file.id);
        let by_bot = from == BOT;
        let posted = Posted { id, by_bot, thread, body, silent, edits: 0, file, reaction: None };
        let given = Value::Object(posted.body.clone());
        place.messages.insert(id, posted);
        given
    }
}

pub(super) fn send_message_draft(state: &mut State, params: &Params) -> Answer {
    let formatted = text::message(params, &text::MESSAGE)?;
    let now = state.clock.now();
    let chat = state.world.open(params.number("chat_id"), Access::Write)?;
    if chat.kind != Kind::Private {
        return Err(Refusal::bad("TEXTDRAFT_PEER_INVALID"));
    }
    let thread = topic(chat, params.number("message_thread_id").unwrap_or_default())?;
    let id = params.number("draft_id").filter(|id| *id != 0);
    let id = id.ok_or_else(|| Refusal::bad("RANDOM_ID_INVALID"))?;
    chat.drafts.insert(id, Draft { thread, text: formatted.text, until: now + DRAFT_LASTS });
    Ok(json!(true))
}

/// Takes any topic, even one that is gone.
pub(super) fn send_chat_action(state: &mut State, params: &Params) -> Answer {
    let action = params.text("action").unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Refusal::bad("wrong parameter action in request"));
    }
    state.world.open(params.number("chat_id"), Access::Write)?;
    Ok(json!(true))
}
