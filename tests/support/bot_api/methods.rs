//! The methods of the stand-in.

use serde_json::Value;

use super::limits::Cost;
use super::params::Params;
use super::refusal::Refusal;
use super::state::State;
use super::{about, edit, files, send, topics};

pub(super) type Answer = Result<Value, Refusal>;

pub(super) struct Method {
    pub(super) name: &'static str,
    cost: Cost,
    /// Any other parameter is refused, since Telegram ignores a misspelt one in silence.
    parameters: &'static [&'static str],
    run: fn(&mut State, &Params) -> Answer,
}

/// For every method that sends.
const SENDING: [&str; 11] = [
    "allow_paid_broadcast",
    "business_connection_id",
    "chat_id",
    "direct_messages_topic_id",
    "disable_notification",
    "message_effect_id",
    "message_thread_id",
    "protect_content",
    "reply_markup",
    "reply_parameters",
    "suggested_post_parameters",
];
const CAPTIONED: [&str; 5] =
    ["caption", "caption_entities", "parse_mode", "show_caption_above_media", "thumbnail"];
/// `getUpdates` waits, so it is called in its own way.
const POLLING: [&str; 4] = ["allowed_updates", "limit", "offset", "timeout"];

const TEXT: &[&str] = &["text", "entities", "parse_mode", "link_preview_options"];
const EDITED_TEXT: &[&str] = &[
    "business_connection_id",
    "chat_id",
    "entities",
    "inline_message_id",
    "link_preview_options",
    "message_id",
    "parse_mode",
    "reply_markup",
    "text",
];
const EDITED_CAPTION: &[&str] = &[
    "business_connection_id",
    "caption",
    "caption_entities",
    "chat_id",
    "inline_message_id",
    "message_id",
    "parse_mode",
    "reply_markup",
    "show_caption_above_media",
];
const EDITED_MARKUP: &[&str] =
    &["business_connection_id", "chat_id", "inline_message_id", "message_id", "reply_markup"];
const DRAFT: &[&str] = &["chat_id", "draft_id", "entities", "message_thread_id", "parse_mode", "text"];
const ACTION: &[&str] = &["action", "business_connection_id", "chat_id", "message_thread_id"];
const MESSAGE: &[&str] = &["business_connection_id", "chat_id", "disable_notification", "message_id"];
const REACTION: &[&str] = &["chat_id", "is_big", "message_id", "reaction"];
const CALLBACK: &[&str] = &["cache_time", "callback_query_id", "show_alert", "text", "url"];
const TOPIC: &[&str] = &["chat_id", "icon_color", "icon_custom_emoji_id", "message_thread_id", "name"];
const COMMANDS: &[&str] = &["commands", "language_code", "scope"];
const WEBHOOK: &[&str] =
    &["allowed_updates", "drop_pending_updates", "max_connections", "secret_token", "url"];

const fn method(
    name: &'static str,
    cost: Cost,
    parameters: &'static [&'static str],
    run: fn(&mut State, &Params) -> Answer,
) -> Method {
    Method { name, cost, parameters, run }
}

const METHODS: [Method; 30] = [
    method("answerCallbackQuery", Cost::Free, CALLBACK, about::answer_callback_query),
    method("closeForumTopic", Cost::Held, TOPIC, topics::close),
    method("createForumTopic", Cost::Held, TOPIC, topics::create),
    method("deleteForumTopic", Cost::Held, TOPIC, topics::delete),
    method("deleteMessage", Cost::Held, MESSAGE, edit::delete_message),
    method("deleteMyCommands", Cost::Free, COMMANDS, about::delete_my_commands),
    method("deleteWebhook", Cost::Free, WEBHOOK, about::set_webhook),
    method("editForumTopic", Cost::Held, TOPIC, topics::edit),
    method("editMessageCaption", Cost::Counted, EDITED_CAPTION, edit::edit_message_caption),
    method("editMessageReplyMarkup", Cost::Counted, EDITED_MARKUP, edit::edit_message_reply_markup),
    method("editMessageText", Cost::Counted, EDITED_TEXT, edit::edit_message_text),
    method("getChat", Cost::Free, &["chat_id"], about::get_chat),
    method("getChatMember", Cost::Free, &["chat_id", "user_id"], about::get_chat_member),
    method("getFile", Cost::Free, &["file_id"], files::get_file),
    method("getMe", Cost::Free, &[], about::get_me),
    method("getMyCommands", Cost::Free, COMMANDS, about::get_my_commands),
    method("getUpdates", Cost::Free, &POLLING, |_, _| Err(Refusal::new(500, "getUpdates is a poll"))),
    method("getWebhookInfo", Cost::Free, &[], about::get_webhook_info),
    method("pinChatMessage", Cost::Held, MESSAGE, edit::pin_chat_message),
    method("reopenForumTopic", Cost::Held, TOPIC, topics::reopen),
    method("sendChatAction", Cost::Held, ACTION, send::send_chat_action),
    method(
        "sendDocument",
        Cost::Counted,
        &["document", "disable_content_type_detection"],
        send::send_document,
    ),
    method("sendMessage", Cost::Counted, TEXT, send::send_message),
    method("sendMessageDraft", Cost::Held, DRAFT, send::send_message_draft),
    method("sendPhoto", Cost::Counted, &["photo", "has_spoiler"], send::send_photo),
    method("setMessageReaction", Cost::Held, REACTION, edit::set_message_reaction),
    method("setMyCommands", Cost::Free, COMMANDS, about::set_my_commands),
    method("setWebhook", Cost::Free, WEBHOOK, about::set_webhook),
    method("unpinChatMessage", Cost::Held, MESSAGE, edit::unpin_chat_message),
    method("sendVoice", Cost::Counted, &["voice", "duration"], send::send_voice),
];

impl Method {
    /// Names are taken in any case.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name))
    }

    /// Refuses what Telegram would ignore.
    pub(super) fn check_names(&self, params: &Params) -> Result<(), Refusal> {
        let is_sending = self.name.starts_with("send") && self.cost == Cost::Counted;
        let is_captioned = is_sending && self.name != "sendMessage";
        let is_known = |name: &str| {
            self.parameters.contains(&name)
                || is_sending && SENDING.contains(&name)
                || is_captioned && CAPTIONED.contains(&name)
        };
        match params.names().find(|name| !is_known(name)) {
            Some(name) => {
                Err(Refusal::bad(format!("the stand-in knows no parameter {name} of {}", self.name)))
            }
            None => Ok(()),
        }
    }

    pub(super) fn run(&self, state: &mut State, params: &Params) -> Answer {
        self.check_names(params)?;
        let chat = params.number("chat_id").and_then(|chat| state.world.chats.get(&chat));
        if let Some(chat) = chat {
            let (id, is_group) = (chat.id, chat.is_group());
            state.meter.check(state.clock.now(), id, is_group, self.cost)?;
        }
        (self.run)(state, params)
    }
}
