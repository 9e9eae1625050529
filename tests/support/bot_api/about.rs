//! Methods about the bot, its commands, its chats, and its buttons.

use std::time::Duration;

use serde_json::{Value, json};

use super::methods::Answer;
use super::params::Params;
use super::refusal::Refusal;
use super::state::State;
use super::world::{Access, BOT, Kind};

/// A press of a button can be answered so long.
const QUERY_LASTS: Duration = Duration::from_secs(15 * 60);
const LONGEST_ANSWER: usize = 200;
const MOST_COMMANDS: usize = 100;
const LONGEST_COMMAND: usize = 32;
const LONGEST_DESCRIPTION: usize = 256;

pub(super) fn get_me(state: &mut State, _: &Params) -> Answer {
    let mut me = state.world.user(BOT);
    for (name, value) in [
        ("can_join_groups", true),
        ("can_read_all_group_messages", !state.world.privacy),
        ("supports_inline_queries", false),
        ("supports_guest_queries", false),
        ("can_connect_to_business", false),
        ("has_main_web_app", false),
        ("has_topics_enabled", state.world.private_topics),
        ("allows_users_to_create_topics", state.world.private_topics),
        ("can_manage_bots", false),
    ] {
        me[name] = json!(value);
    }
    Ok(me)
}

pub(super) fn get_webhook_info(state: &mut State, _: &Params) -> Answer {
    let url = state.updates.webhook.clone().unwrap_or_default();
    let waiting = state.updates.count();
    let mut info = json!({ "url": url, "has_custom_certificate": false, "pending_update_count": waiting });
    if !url.is_empty() {
        info["max_connections"] = json!(40);
        info["ip_address"] = json!("192.0.2.1");
    }
    Ok(info)
}

/// Also `deleteWebhook`, which names no URL.
pub(super) fn set_webhook(state: &mut State, params: &Params) -> Answer {
    let url = params.text("url");
    if url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
        return Err(Refusal::bad("bad webhook: An HTTPS URL must be provided for webhook"));
    }
    if params.switch("drop_pending_updates") {
        state.updates.clear();
    }
    state.updates.webhook = url;
    Ok(json!(true))
}

pub(super) fn answer_callback_query(state: &mut State, params: &Params) -> Answer {
    let now = state.clock.now();
    let text = params.text("text").unwrap_or_default();
    if super::text::length(&text) > LONGEST_ANSWER {
        return Err(Refusal::bad("MESSAGE_TOO_LONG"));
    }
    let query = params.text("callback_query_id").unwrap_or_default();
    let query = state.world.queries.get_mut(&query);
    let Some(query) = query.filter(|query| !query.expired && now < query.at + QUERY_LASTS) else {
        let words = "query is too old and response timeout expired or query ID is invalid";
        return Err(Refusal::bad(words));
    };
    query.answer = Some(json!({ "text": text, "show_alert": params.switch("show_alert") }));
    Ok(json!(true))
}

fn scope(params: &Params) -> Result<String, Refusal> {
    let language = params.text("language_code").unwrap_or_default();
    let scope = params.structure("scope")?.unwrap_or(json!({ "type": "default" }));
    Ok(format!("{scope}{language}"))
}

pub(super) fn set_my_commands(state: &mut State, params: &Params) -> Answer {
    let scope = scope(params)?;
    let commands = params.structure("commands")?.unwrap_or(json!([]));
    let list = commands.as_array().ok_or_else(|| Refusal::bad("expected an Array of BotCommand"))?;
    if list.len() > MOST_COMMANDS {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in list {
        check_command(command)?;
    }
    state.world.commands.insert(scope, commands);
    Ok(json!(true))
}

fn check_command(command: &Value) -> Result<(), Refusal> {
    let field = |name: &str| {
        let words = format!("can't parse BotCommand: Can't find field \"{name}\"");
        command[name].as_str().ok_or_else(|| Refusal::bad(words))
    };
    let (name, description) = (field("command")?, field("description")?.trim());
    let length = description.chars().count();
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() {
        return Err(Refusal::bad("command must be non-empty"));
    }
    if name.len() > LONGEST_COMMAND {
        return Err(Refusal::bad(format!("command length must not exceed {LONGEST_COMMAND}")));
    }
    if !name.chars().all(is_part) {
        return Err(Refusal::bad("BOT_COMMAND_INVALID"));
    }
    if length == 0 {
        return Err(Refusal::bad("command description must be non-empty"));
    }
    if length > LONGEST_DESCRIPTION {
        let words = format!("command description length must not exceed {LONGEST_DESCRIPTION}");
        return Err(Refusal::bad(words));
    }
    Ok(())
}

pub(super) fn get_my_commands(state: &mut State, params: &Params) -> Answer {
    Ok(state.world.commands.get(&scope(params)?).cloned().unwrap_or(json!([])))
}

pub(super) fn delete_my_commands(state: &mut State, params: &Params) -> Answer {
    state.world.commands.remove(&scope(params)?);
    Ok(json!(true))
}

pub(super) fn get_chat(state: &mut State, params: &Params) -> Answer {
    let chat = state.world.open(params.number("chat_id"), Access::Read)?;
    let mut full = chat.json();
    full["accent_color_id"] = json!(3);
    full["max_reaction_count"] = json!(11);
    let gifts =
        ["unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"];
    full["accepted_gift_types"] = gifts.iter().map(|kind| ((*kind).to_owned(), json!(false))).collect();
    if chat.is_group() {
        full["permissions"] =
            json!({ "can_send_messages": true, "can_send_photos": true, "can_send_documents": true });
    }
    let pinned = chat.pinned.last().and_then(|id| chat.messages.get(id));
    if let Some(pinned) = pinned {
        let mut pinned = pinned.body.clone();
        pinned.remove("reply_to_message");
        full["pinned_message"] = Value::Object(pinned);
    }
    Ok(full)
}

pub(super) fn get_chat_member(state: &mut State, params: &Params) -> Answer {
    let user = params.number("user_id").filter(|user| *user > 0);
    let user = user.ok_or_else(|| Refusal::bad("invalid user_id specified"))?;
    let chat = state.world.open(params.number("chat_id"), Access::Read)?;
    let status = match chat.kind {
        _ if user == BOT => chat.standing.status(),
        Kind::Private => "member",
        _ => chat.members.get(&user).copied().unwrap_or("left"),
    };
    let known = state.world.users.get(&user).cloned();
    let mut member =
        json!({ "user": known.ok_or_else(|| Refusal::bad("PARTICIPANT_ID_INVALID"))?, "status": status });
    match status {
        "creator" => member["is_anonymous"] = json!(false),
        "kicked" => member["until_date"] = json!(0),
        "administrator" => add_rights(&mut member),
        _ => {}
    }
    Ok(member)
}

pub(super) fn add_rights(member: &mut Value) {
    for right in [
        "can_manage_chat",
        "can_change_info",
        "can_delete_messages",
        "can_invite_users",
        "can_restrict_members",
        "can_pin_messages",
        "can_manage_topics",
        "can_manage_video_chats",
        "can_post_stories",
        "can_edit_stories",
        "can_delete_stories",
    ] {
        member[right] = json!(true);
    }
    for right in ["can_be_edited", "is_anonymous", "can_promote_members"] {
        member[right] = json!(false);
    }
}
