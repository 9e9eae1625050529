//! The methods that the bridge uses, as Telegram writes them. All can be kept as JSON and read back, which is how
//! what must not be lost waits in the database.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use teloxide_core::requests::Payload;
use teloxide_core::types::{
    BotCommand, BotCommandScope, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity,
};

use super::answers::{Done, Me, Member, RemoteFile, Sent, Topic, Webhook};

macro_rules! methods {
    ($($method:ident = $name:literal -> $output:ty;)*) => {
        $(impl Payload for $method {
            type Output = $output;
            const NAME: &'static str = $name;
        })*
    };
}

methods! {
    GetUpdates = "getUpdates" -> Vec<Value>;
    GetMe = "getMe" -> Me;
    GetWebhookInfo = "getWebhookInfo" -> Webhook;
    DeleteWebhook = "deleteWebhook" -> Done;
    SendMessage = "sendMessage" -> Sent;
    EditMessageText = "editMessageText" -> Done;
    DeleteMessage = "deleteMessage" -> Done;
    SendChatAction = "sendChatAction" -> Done;
    AnswerCallbackQuery = "answerCallbackQuery" -> Done;
    SetMessageReaction = "setMessageReaction" -> Done;
    SetMyCommands = "setMyCommands" -> Done;
    GetFile = "getFile" -> RemoteFile;
    CreateForumTopic = "createForumTopic" -> Topic;
    EditForumTopic = "editForumTopic" -> Done;
    CloseForumTopic = "closeForumTopic" -> Done;
    ReopenForumTopic = "reopenForumTopic" -> Done;
    GetChatMember = "getChatMember" -> Member;
}

/// Confirms everything before `offset`, and waits up to `timeout` seconds for something new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<i64>,
    pub(crate) limit: u8,
    pub(crate) timeout: u64,
    pub(crate) allowed_updates: &'static [&'static str],
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GetMe {}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GetWebhookInfo {}

/// What is pending stays pending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeleteWebhook {}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SendMessage {
    pub(crate) chat_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_thread_id: Option<i64>,
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entities: Vec<MessageEntity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link_preview_options: Option<LinkPreviewOptions>,
    /// Arrives without ringing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) disable_notification: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply_parameters: Option<ReplyTo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply_markup: Option<InlineKeyboardMarkup>,
}

/// The message that is answered. If it is gone, the answer is sent without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyTo {
    pub(crate) message_id: i64,
    allow_sending_without_reply: bool,
}

impl ReplyTo {
    pub(crate) const fn message(message_id: i64) -> Self {
        Self { message_id, allow_sending_without_reply: true }
    }
}

/// For texts whose links are beside the point.
pub(crate) const fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

/// Replaces text and buttons: without `reply_markup` the message has none afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EditMessageText {
    pub(crate) chat_id: i64,
    pub(crate) message_id: i64,
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entities: Vec<MessageEntity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link_preview_options: Option<LinkPreviewOptions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply_markup: Option<InlineKeyboardMarkup>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeleteMessage {
    pub(crate) chat_id: i64,
    pub(crate) message_id: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SendChatAction {
    pub(crate) chat_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_thread_id: Option<i64>,
    /// `typing`, `upload_document`, …
    pub(crate) action: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnswerCallbackQuery {
    pub(crate) callback_query_id: String,
    /// At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// In a window that has to be closed, instead of a line that passes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) show_alert: bool,
}

/// Sets the bot's reaction to a message; an empty list takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetMessageReaction {
    pub(crate) chat_id: i64,
    pub(crate) message_id: i64,
    pub(crate) reaction: Vec<Reaction>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Reaction {
    Emoji { emoji: String },
}

/// What the clients offer behind `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetMyCommands {
    pub(crate) commands: Vec<BotCommand>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<BotCommandScope>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GetFile {
    pub(crate) file_id: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreateForumTopic {
    pub(crate) chat_id: i64,
    /// At most 128 characters.
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EditForumTopic {
    pub(crate) chat_id: i64,
    pub(crate) message_thread_id: i64,
    pub(crate) name: String,
}

/// Only administrators write in it from then on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CloseForumTopic {
    pub(crate) chat_id: i64,
    pub(crate) message_thread_id: i64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReopenForumTopic {
    pub(crate) chat_id: i64,
    pub(crate) message_thread_id: i64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GetChatMember {
    pub(crate) chat_id: i64,
    pub(crate) user_id: i64,
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;
    use teloxide_core::types::InlineKeyboardButton;

    use super::*;

    /// That the method goes out under this name and in this form, and can be kept and read back.
    fn check<P>(payload: &P, name: &str, form: &Value)
    where
        P: Payload + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(P::NAME, name);
        assert_eq!(&serde_json::to_value(payload).unwrap(), form, "{name}");
        assert_eq!(&serde_json::from_value::<P>(form.clone()).unwrap(), payload, "{name}");
    }

    #[test]
    fn every_method_has_telegrams_form() {
        let keyboard = InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Yes", "t")]]);
        let buttons = json!({ "inline_keyboard": [[{ "text": "Yes", "callback_data": "t" }]] });
        let text = "ab".to_owned();
        let entities = vec![MessageEntity::code(0, 2)];
        let marks = json!([{ "type": "code", "offset": 0, "length": 2 }]);
        let message = json!({ "chat_id": 1, "message_id": 2 });
        check(&GetMe {}, "getMe", &json!({}));
        check(&GetWebhookInfo {}, "getWebhookInfo", &json!({}));
        check(&DeleteWebhook {}, "deleteWebhook", &json!({}));
        check(
            &SendMessage { chat_id: 1, text: text.clone(), ..SendMessage::default() },
            "sendMessage",
            &json!({ "chat_id": 1, "text": "ab" }),
        );
        check(
            &EditMessageText {
                chat_id: 1,
                message_id: 2,
                text,
                entities,
                link_preview_options: Some(no_preview()),
                reply_markup: Some(keyboard),
            },
            "editMessageText",
            &json!({ "chat_id": 1, "message_id": 2, "text": "ab", "entities": marks,
                     "link_preview_options": { "is_disabled": true }, "reply_markup": buttons }),
        );
        check(&DeleteMessage { chat_id: 1, message_id: 2 }, "deleteMessage", &message);
        check(
            &SendChatAction { chat_id: 1, message_thread_id: Some(3), action: "typing".to_owned() },
            "sendChatAction",
            &json!({ "chat_id": 1, "message_thread_id": 3, "action": "typing" }),
        );
        check(
            &AnswerCallbackQuery {
                callback_query_id: "q".to_owned(),
                text: Some("ok".to_owned()),
                show_alert: true,
            },
            "answerCallbackQuery",
            &json!({ "callback_query_id": "q", "text": "ok", "show_alert": true }),
        );
        check(
            &SetMessageReaction { chat_id: 1, message_id: 2, reaction: Vec::new() },
            "setMessageReaction",
            &json!({ "chat_id": 1, "message_id": 2, "reaction": [] }),
        );
        check(
            &SetMyCommands {
                commands: vec![BotCommand::new("stop", "Ends the turn")],
                scope: Some(BotCommandScope::AllPrivateChats),
            },
            "setMyCommands",
            &json!({ "commands": [{ "command": "stop", "description": "Ends the turn" }],
                     "scope": { "type": "all_private_chats" } }),
        );
        check(&GetFile { file_id: "f".to_owned() }, "getFile", &json!({ "file_id": "f" }));
        let name = "work".to_owned();
        let named = json!({ "chat_id": 1, "name": "work" });
        check(&CreateForumTopic { chat_id: 1, name: name.clone() }, "createForumTopic", &named);
        check(
            &EditForumTopic { chat_id: 1, message_thread_id: 3, name },
            "editForumTopic",
            &json!({ "chat_id": 1, "message_thread_id": 3, "name": "work" }),
        );
        let topic = json!({ "chat_id": 1, "message_thread_id": 3 });
        check(&CloseForumTopic { chat_id: 1, message_thread_id: 3 }, "closeForumTopic", &topic);
        check(&ReopenForumTopic { chat_id: 1, message_thread_id: 3 }, "reopenForumTopic", &topic);
        let member = json!({ "chat_id": 1, "user_id": 7 });
        check(&GetChatMember { chat_id: 1, user_id: 7 }, "getChatMember", &member);
    }
}
