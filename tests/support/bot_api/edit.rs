//! Methods that change or remove messages.

use serde_json::{Map, Value, json};

use super::markup;
use super::methods::Answer;
use super::params::Params;
use super::refusal::Refusal;
use super::send::New;
use super::state::State;
use super::text;
use super::world::{Access, BOT, Kind, Standing};

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly \
                            the same as a current content and reply markup of the message";

/// The only emoji that may be reactions.
const REACTIONS: [&str; 73] = [
    "❤",
    "👍",
    "👎",
    "🔥",
    "🥰",
    "👏",
    "😁",
    "🤔",
    "🤯",
    "😱",
    "🤬",
    "😢",
    "🎉",
    "🤩",
    "🤮",
    "💩",
    "🙏",
    "👌",
    "🕊",
    "🤡",
    "🥱",
    "🥴",
    "😍",
    "🐳",
    "❤‍🔥",
    "🌚",
    "🌭",
    "💯",
    "🤣",
    "⚡",
    "🍌",
    "🏆",
    "💔",
    "🤨",
    "😐",
    "🍓",
    "🍾",
    "💋",
    "🖕",
    "😈",
    "😴",
    "😭",
    "🤓",
    "👻",
    "👨‍💻",
    "👀",
    "🎃",
    "🙈",
    "😇",
    "😨",
    "🤝",
    "✍",
    "🤗",
    "🫡",
    "🎅",
    "🎄",
    "☃",
    "💅",
    "🤪",
    "🗿",
    "🆒",
    "💘",
    "🙉",
    "🦄",
    "😘",
    "💊",
    "🙊",
    "😎",
    "👾",
    "🤷‍♂",
    "🤷",
    "🤷‍♀",
    "😡",
];

pub(super) fn edit_message_text(state: &mut State, params: &Params) -> Answer {
    let formatted = text::message(params, &text::EDITED)?;
    let preview = params.structure("link_preview_options")?;
    change(state, params, Some("text"), |body| {
        formatted.put(body, "text", "entities");
        body.remove("link_preview_options");
        body.extend(preview.map(|preview| ("link_preview_options".to_owned(), preview)));
    })
}

pub(super) fn edit_message_caption(state: &mut State, params: &Params) -> Answer {
    let formatted = text::caption(params)?;
    change(state, params, Some("caption"), |body| {
        body.remove("caption");
        body.remove("caption_entities");
        if let Some(formatted) = formatted {
            formatted.put(body, "caption", "caption_entities");
        }
    })
}

pub(super) fn edit_message_reply_markup(state: &mut State, params: &Params) -> Answer {
    change(state, params, None, |_| {})
}

/// Edits what the call names; its keyboard is replaced in any case. `what` is the kind of content to be edited.
fn change(
    state: &mut State,
    params: &Params,
    what: Option<&str>,
    edit: impl FnOnce(&mut Map<String, Value>),
) -> Answer {
    let markup = markup::read(params)?;
    if markup.as_ref().is_some_and(|markup| markup.get("inline_keyboard").is_none()) {
        return Err(Refusal::bad("inline keyboard expected"));
    }
    let (chat, id) = (params.number("chat_id"), params.number("message_id"));
    if id.is_none() {
        let words =
            if chat.is_none() { "message identifier is not specified" } else { "message to edit not found" };
        return Err(Refusal::bad(words));
    }
    let date = state.clock.date();
    let message = state.world.message(chat, id, Access::Edit, "message to edit")?;
    if !message.by_bot {
        return Err(Refusal::bad("message can't be edited"));
    }
    let fits = match what {
        Some("caption") => message.file.is_some(),
        Some(what) => message.body.contains_key(what),
        None => true,
    };
    if let Some(what) = what.filter(|_| !fits) {
        return Err(Refusal::bad(format!("there is no {what} in the message to edit")));
    }
    let mut body = message.body.clone();
    edit(&mut body);
    body.remove("reply_markup");
    body.extend(markup.map(|markup| ("reply_markup".to_owned(), markup)));
    if body == message.body {
        return Err(Refusal::bad(NOT_MODIFIED));
    }
    body.insert("edit_date".into(), json!(date));
    message.body = body;
    message.edits += 1;
    Ok(Value::Object(message.body.clone()))
}

pub(super) fn delete_message(state: &mut State, params: &Params) -> Answer {
    let (chat, id) = (params.number("chat_id"), params.number("message_id"));
    let missing = |what: &str| Refusal::bad(format!("{what} identifier is not specified"));
    if chat.is_none() || id.is_none() {
        return Err(missing(if chat.is_none() { "chat" } else { "message" }));
    }
    let message = state.world.message(chat, id, Access::Write, "message to delete")?;
    let (id, by_bot) = (message.id, message.by_bot);
    let chat = state.world.open(chat, Access::Write)?;
    if !by_bot && chat.kind != Kind::Private && chat.standing != Standing::Administrator {
        return Err(Refusal::bad("message can't be deleted"));
    }
    chat.messages.remove(&id);
    Ok(json!(true))
}

pub(super) fn set_message_reaction(state: &mut State, params: &Params) -> Answer {
    let given = params.structure("reaction")?.unwrap_or(json!([]));
    let given = given.as_array().ok_or_else(|| Refusal::bad("expected an Array of ReactionType"))?;
    if given.len() > 1 {
        return Err(Refusal::bad("REACTIONS_TOO_MANY"));
    }
    let emoji = given.first().map(|reaction| reaction["emoji"].as_str().unwrap_or_default().to_owned());
    if emoji.as_ref().is_some_and(|emoji| !REACTIONS.contains(&emoji.as_str())) {
        return Err(Refusal::bad("REACTION_INVALID"));
    }
    let (chat, id) = (params.number("chat_id"), params.number("message_id"));
    state.world.message(chat, id, Access::Edit, "message to react")?.reaction = emoji;
    Ok(json!(true))
}

pub(super) fn pin_chat_message(state: &mut State, params: &Params) -> Answer {
    let (chat, id) = (params.number("chat_id"), params.number("message_id"));
    let message = state.world.message(chat, id, Access::Write, "message to pin")?;
    let (id, thread, mut pinned) = (message.id, message.thread, message.body.clone());
    pinned.remove("reply_to_message");
    let chat = state.world.open(chat, Access::Write)?;
    check_pin_rights(chat.kind, chat.standing)?;
    let chat = chat.id;
    if state.world.chat_mut(chat).pinned.insert(id) {
        let body = Map::from_iter([("pinned_message".to_owned(), Value::Object(pinned))]);
        let silent = params.switch("disable_notification");
        service(state, chat, thread, body, silent);
    }
    Ok(json!(true))
}

pub(super) fn unpin_chat_message(state: &mut State, params: &Params) -> Answer {
    let chat = state.world.open(params.number("chat_id"), Access::Write)?;
    check_pin_rights(chat.kind, chat.standing)?;
    let id = params.number("message_id").or(chat.pinned.last().copied());
    match id.filter(|id| chat.pinned.remove(id)) {
        Some(_) => Ok(json!(true)),
        None => Err(Refusal::bad("message to unpin not found")),
    }
}

fn check_pin_rights(kind: Kind, standing: Standing) -> Result<(), Refusal> {
    let may = kind == Kind::Private || standing == Standing::Administrator;
    may.then_some(()).ok_or_else(|| Refusal::bad("not enough rights to manage pinned messages in the chat"))
}

/// A message that says what the bot did. The bot hears of these, other than of its own ordinary messages.
pub(super) fn service(
    state: &mut State,
    chat: i64,
    thread: Option<i64>,
    body: Map<String, Value>,
    silent: bool,
) {
    let message = New { chat, from: BOT, thread, body, silent, file: None, reply: None }.post(state);
    state.push("message", message);
}
