//! The topics of forums, and of private chats where the bot has them.

use serde_json::{Map, Value, json};

use super::edit::service;
use super::methods::Answer;
use super::params::Params;
use super::refusal::Refusal;
use super::send::New;
use super::state::State;
use super::world::{Access, BOT, ChatState, Kind, Standing, Topic};

const LONGEST_NAME: usize = 128;
const ICON_COLORS: [i64; 6] = [7_322_096, 16_766_590, 13_338_331, 9_367_192, 16_749_490, 16_478_047];

/// A forum in which the bot has the rights for this.
fn forum<'a>(state: &'a mut State, params: &Params, action: &str) -> Result<&'a mut ChatState, Refusal> {
    let private_topics = state.world.private_topics;
    let chat = state.world.open(params.number("chat_id"), Access::Write)?;
    let is_forum = chat.is_forum() || chat.kind == Kind::Private && private_topics;
    if !is_forum {
        return Err(Refusal::bad("the chat is not a forum"));
    }
    if chat.kind != Kind::Private && chat.standing != Standing::Administrator {
        return Err(Refusal::bad(format!("not enough rights to {action}")));
    }
    Ok(chat)
}

fn name(params: &Params) -> Option<String> {
    params.text("name").map(|name| name.trim().chars().take(LONGEST_NAME).collect())
}

fn said(what: &str, content: Value) -> Map<String, Value> {
    Map::from_iter([(what.to_owned(), content)])
}

pub(super) fn create(state: &mut State, params: &Params) -> Answer {
    let chat = forum(state, params, "create a topic")?.id;
    let name = name(params).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refusal::bad("name must be non-empty"))?;
    let color = params.number("icon_color").unwrap_or(ICON_COLORS[0]);
    if !ICON_COLORS.contains(&color) {
        return Err(Refusal::bad("invalid icon color specified"));
    }
    let thread = open_topic(state, chat, BOT, &name, color);
    Ok(json!({ "message_thread_id": thread, "name": name, "icon_color": color }))
}

/// Makes a topic, whose id is that of the message that says so.
pub(super) fn open_topic(state: &mut State, chat: i64, from: i64, name: &str, color: i64) -> i64 {
    let body = said("forum_topic_created", json!({ "name": name, "icon_color": color }));
    let mut message =
        New { chat, from, thread: None, body, silent: false, file: None, reply: None }.post(state);
    let id = message["message_id"].as_i64().unwrap_or_default();
    message["message_thread_id"] = json!(id);
    message["is_topic_message"] = json!(true);
    let place = state.world.chat_mut(chat);
    place.topics.insert(id, Topic { name: name.to_owned(), closed: false });
    if let (Some(posted), Value::Object(body)) = (place.messages.get_mut(&id), &message) {
        posted.thread = Some(id);
        posted.body.clone_from(body);
    }
    state.push("message", message);
    id
}

/// The chat, the topic's id, and the topic.
fn topic<'a>(
    state: &'a mut State,
    params: &Params,
    action: &str,
) -> Result<(i64, i64, &'a mut Topic), Refusal> {
    let chat = forum(state, params, action)?;
    let thread = params.number("message_thread_id").unwrap_or_default();
    let id = chat.id;
    let topic = chat.topics.get_mut(&thread).ok_or_else(|| Refusal::bad("TOPIC_ID_INVALID"))?;
    Ok((id, thread, topic))
}

pub(super) fn edit(state: &mut State, params: &Params) -> Answer {
    let name = name(params);
    let (chat, thread, topic) = topic(state, params, "edit the topic")?;
    let Some(name) = name else { return Ok(json!(true)) };
    if name.is_empty() {
        return Err(Refusal::bad("name must be non-empty"));
    }
    if topic.name == name {
        return Err(Refusal::bad("TOPIC_NOT_MODIFIED"));
    }
    topic.name.clone_from(&name);
    service(state, chat, Some(thread), said("forum_topic_edited", json!({ "name": name })), false);
    Ok(json!(true))
}

pub(super) fn close(state: &mut State, params: &Params) -> Answer {
    set_closed(state, params, true)
}

pub(super) fn reopen(state: &mut State, params: &Params) -> Answer {
    set_closed(state, params, false)
}

fn set_closed(state: &mut State, params: &Params, closed: bool) -> Answer {
    let (chat, thread, topic) = topic(state, params, "close or open the topic")?;
    if topic.closed == closed {
        return Err(Refusal::bad("TOPIC_NOT_MODIFIED"));
    }
    topic.closed = closed;
    let what = if closed { "forum_topic_closed" } else { "forum_topic_reopened" };
    service(state, chat, Some(thread), said(what, json!({})), false);
    Ok(json!(true))
}

pub(super) fn delete(state: &mut State, params: &Params) -> Answer {
    let (chat, thread, _) = topic(state, params, "delete the topic")?;
    remove_topic(state.world.chat_mut(chat), thread);
    Ok(json!(true))
}

/// With everything that was said in it; nobody is told.
pub(super) fn remove_topic(chat: &mut ChatState, thread: i64) {
    chat.topics.remove(&thread);
    chat.messages.retain(|_, message| message.thread != Some(thread));
}
