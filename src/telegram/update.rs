//! What comes in, as far as the bridge uses it.
//!
//! Telegram adds kinds of updates, fields and entities all the time, so everything that is not used here is passed
//! over: a kind that is not known is [`UpdateKind::Unknown`], a known one that is not as documented is
//! [`UpdateKind::Malformed`], and neither is an error. The raw update lies in the database.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::place::Place;

/// What is asked for; Telegram keeps the rest to itself.
pub(crate) const ALLOWED: &[&str] = &["message", "edited_message", "callback_query", "my_chat_member"];

/// Fields of messages that nobody has written: they tell of something that was done in the chat. A content that is not
/// known is none of these, so that its sender hears that nothing came of it.
const SERVICE: &[&str] = &[
    "boost_added",
    "channel_chat_created",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "chat_shared",
    "checklist_tasks_added",
    "checklist_tasks_done",
    "connected_website",
    "delete_chat_photo",
    "direct_message_price_changed",
    "forum_topic_created",
    "forum_topic_edited",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "gift",
    "gift_upgrade_sent",
    "giveaway_completed",
    "giveaway_created",
    "group_chat_created",
    "left_chat_member",
    "message_auto_delete_timer_changed",
    "migrate_from_chat_id",
    "new_chat_members",
    "new_chat_photo",
    "new_chat_title",
    "paid_message_price_changed",
    "passport_data",
    "pinned_message",
    "proximity_alert_triggered",
    "refunded_payment",
    "successful_payment",
    "suggested_post_approval_failed",
    "suggested_post_approved",
    "suggested_post_declined",
    "suggested_post_paid",
    "suggested_post_refunded",
    "supergroup_chat_created",
    "unique_gift",
    "users_shared",
    "video_chat_ended",
    "video_chat_participants_invited",
    "video_chat_scheduled",
    "video_chat_started",
    "web_app_data",
    "write_access_allowed",
];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) id: i64,
    pub(crate) kind: UpdateKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UpdateKind {
    Message(Box<Message>),
    Edited(Box<Message>),
    Callback(Box<Callback>),
    /// The bot's own standing in a chat has changed.
    Membership(Box<Membership>),
    Unknown {
        kind: String,
    },
    Malformed {
        kind: String,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Message {
    pub(crate) message_id: i64,
    /// Seconds since 1970.
    #[serde(default)]
    pub(crate) date: i64,
    pub(crate) chat: Chat,
    pub(crate) from: Option<User>,
    /// Whoever speaks as a chat: an anonymous administrator, a channel.
    pub(crate) sender_chat: Option<Chat>,
    pub(crate) via_bot: Option<User>,
    pub(crate) text: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) entities: Vec<Value>,
    pub(crate) caption: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) caption_entities: Vec<Value>,
    /// The same picture in several sizes.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) photo: Vec<Attachment>,
    pub(crate) document: Option<Attachment>,
    pub(crate) voice: Option<Attachment>,
    pub(crate) audio: Option<Attachment>,
    pub(crate) video: Option<Attachment>,
    pub(crate) video_note: Option<Attachment>,
    pub(crate) animation: Option<Attachment>,
    /// The album that it is a part of.
    pub(crate) media_group_id: Option<String>,
    pub(crate) message_thread_id: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) is_topic_message: bool,
    pub(crate) reply_to_message: Option<Box<Replied>>,
    /// The part of the answered message that was picked.
    pub(crate) quote: Option<Quote>,
    /// It answers something of another chat.
    #[serde(default, rename = "external_reply", deserialize_with = "present")]
    pub(crate) is_external_reply: bool,
    pub(crate) forward_origin: Option<Origin>,
    pub(crate) migrate_to_chat_id: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) forum_topic_closed: bool,
    #[serde(default, deserialize_with = "present")]
    pub(crate) forum_topic_reopened: bool,
    /// What else it holds, and whether that is `null`.
    #[serde(flatten)]
    others: BTreeMap<String, Option<IgnoredAny>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    /// `private`, `group`, `supergroup`, `channel`.
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: Option<String>,
    pub(crate) username: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) is_forum: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) is_bot: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) first_name: String,
    pub(crate) last_name: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) language_code: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) file_id: String,
    /// As its sender called it: words, and never a path.
    pub(crate) file_name: Option<String>,
    pub(crate) mime_type: Option<String>,
    pub(crate) file_size: Option<u64>,
    /// In seconds.
    pub(crate) duration: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Photo,
    Document,
    Voice,
    Audio,
    Video,
    VideoNote,
    Animation,
}

/// The message that another one answers. In a topic that is its first message, if no other was picked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Replied {
    pub(crate) message_id: i64,
    pub(crate) from: Option<User>,
    pub(crate) text: Option<String>,
    pub(crate) caption: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) forum_topic_created: bool,
    /// Whoever sent it only passed it on.
    #[serde(default, deserialize_with = "present")]
    pub(crate) forward_origin: bool,
    /// Another bot made it for whoever sent it.
    #[serde(default, deserialize_with = "present")]
    pub(crate) via_bot: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Quote {
    pub(crate) text: String,
}

/// Where a forwarded message comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Origin {
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    pub(crate) sender_user: Option<User>,
    pub(crate) sender_user_name: Option<String>,
    pub(crate) sender_chat: Option<Chat>,
    pub(crate) chat: Option<Chat>,
}

/// A button was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Callback {
    pub(crate) id: String,
    pub(crate) from: User,
    /// None: a message sent through inline mode.
    pub(crate) message: Option<Pressed>,
    pub(crate) data: Option<String>,
}

/// The message that a pressed button is under; of an old one Telegram keeps no more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Pressed {
    pub(crate) message_id: i64,
    pub(crate) chat: Chat,
    pub(crate) message_thread_id: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) is_topic_message: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Membership {
    pub(crate) chat: Chat,
    /// Who has changed it.
    pub(crate) from: User,
    pub(crate) new_chat_member: Standing,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Standing {
    /// `creator`, `administrator`, `member`, `restricted`, `left`, `kicked`.
    pub(crate) status: String,
}

impl Standing {
    /// The bot can be in the chat with it. Of a private chat: it is not blocked.
    pub(crate) fn is_in(&self) -> bool {
        matches!(self.status.as_str(), "creator" | "administrator" | "member" | "restricted")
    }
}

impl Update {
    /// The number that Telegram counts a raw update by.
    pub(crate) fn id_of(raw: &Value) -> Option<i64> {
        raw.get("update_id")?.as_i64()
    }

    pub(crate) fn read(id: i64, raw: &Value) -> Self {
        let known = ALLOWED.iter().find_map(|kind| Some((*kind, raw.get(*kind)?)));
        let kind = match known {
            Some((name, body)) => read_known(name, body).unwrap_or_else(|error| UpdateKind::Malformed {
                kind: name.to_owned(),
                reason: reason(&error),
            }),
            None => UpdateKind::Unknown { kind: name_of(raw) },
        };
        Self { id, kind }
    }

    /// Where it happened, if it happened in a chat.
    pub(crate) fn place(&self) -> Option<Place> {
        match &self.kind {
            UpdateKind::Message(message) | UpdateKind::Edited(message) => Some(message.place()),
            UpdateKind::Callback(callback) => callback.message.as_ref().map(Pressed::place),
            UpdateKind::Membership(membership) => Some(Place::chat(membership.chat.id)),
            UpdateKind::Unknown { .. } | UpdateKind::Malformed { .. } => None,
        }
    }

    /// Number and name of whoever did it: a person, or whom they speak as.
    pub(crate) fn author(&self) -> Option<(i64, String)> {
        let (user, chat) = match &self.kind {
            UpdateKind::Message(message) | UpdateKind::Edited(message) => {
                (message.from.as_ref(), message.sender_chat.as_ref())
            }
            UpdateKind::Callback(callback) => (Some(&callback.from), None),
            UpdateKind::Membership(membership) => (Some(&membership.from), None),
            UpdateKind::Unknown { .. } | UpdateKind::Malformed { .. } => (None, None),
        };
        // Whoever speaks as a chat has a person's number that is Telegram's own.
        let as_chat = chat.map(|chat| (chat.id, chat.name()));
        as_chat.or_else(|| user.map(|user| (user.id, user.name())))
    }
}

fn read_known(name: &str, body: &Value) -> serde_json::Result<UpdateKind> {
    Ok(match name {
        "message" => UpdateKind::Message(Deserialize::deserialize(body)?),
        "edited_message" => UpdateKind::Edited(Deserialize::deserialize(body)?),
        "callback_query" => UpdateKind::Callback(Deserialize::deserialize(body)?),
        "my_chat_member" => UpdateKind::Membership(Deserialize::deserialize(body)?),
        other => UpdateKind::Unknown { kind: other.to_owned() },
    })
}

/// What was wrong, without the value that was: it may be what somebody said.
fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.split_once(": ").filter(|(before, _)| before.starts_with("invalid")) {
        Some((before, after)) => {
            let wanted = after.rsplit_once(", expected ").map(|(_, wanted)| wanted);
            wanted.map_or_else(|| before.to_owned(), |wanted| format!("{before}, expected {wanted}"))
        }
        None => words,
    }
}

fn name_of(raw: &Value) -> String {
    let names = raw.as_object().into_iter().flat_map(|fields| fields.keys());
    names.filter(|name| *name != "update_id").map(String::as_str).next().unwrap_or("nothing").to_owned()
}

/// A topic as a place. Outside of topics the field means a chain of answers. The General topic is the chat itself,
/// and cannot be written to by its number.
fn topic(thread: Option<i64>, is_topic: bool) -> Option<i64> {
    const GENERAL: i64 = 1;
    thread.filter(|id| is_topic && *id != GENERAL)
}

impl Message {
    pub(crate) fn place(&self) -> Place {
        Place { chat: self.chat.id, thread: topic(self.message_thread_id, self.is_topic_message) }
    }

    /// What was written, and its raw entities.
    pub(crate) fn words(&self) -> (&str, &[Value]) {
        match (&self.text, &self.caption) {
            (Some(text), _) => (text, &self.entities),
            (None, Some(caption)) => (caption, &self.caption_entities),
            (None, None) => ("", &[]),
        }
    }

    /// The file that it brings. Of a picture the largest size.
    pub(crate) fn media(&self) -> Option<(Media, &Attachment)> {
        // An animation is sent as a document too, for clients that know none.
        let singles = [
            (Media::Animation, &self.animation),
            (Media::Document, &self.document),
            (Media::Voice, &self.voice),
            (Media::Audio, &self.audio),
            (Media::Video, &self.video),
            (Media::VideoNote, &self.video_note),
        ];
        let photo = || self.photo.last().map(|photo| (Media::Photo, photo));
        singles.into_iter().find_map(|(media, file)| Some((media, file.as_ref()?))).or_else(photo)
    }

    /// Nobody said anything: it tells of something that was done in the chat.
    pub(crate) fn is_service(&self) -> bool {
        let is_there = |name: &&str| self.others.get(*name).is_some_and(Option::is_some);
        self.migrate_to_chat_id.is_some()
            || self.forum_topic_closed
            || self.forum_topic_reopened
            || SERVICE.iter().any(is_there)
    }
}

impl Pressed {
    pub(crate) fn place(&self) -> Place {
        Place { chat: self.chat.id, thread: topic(self.message_thread_id, self.is_topic_message) }
    }
}

impl Chat {
    pub(crate) fn is_private(&self) -> bool {
        self.kind == "private"
    }

    pub(crate) fn is_group(&self) -> bool {
        self.kind == "group" || self.kind == "supergroup"
    }

    pub(crate) fn name(&self) -> String {
        let username = self.username.as_ref().map(|name| format!("@{name}"));
        self.title.clone().or(username).unwrap_or_else(|| self.id.to_string())
    }
}

impl User {
    /// `Ann Lee`, else `@ann`, else the number.
    pub(crate) fn name(&self) -> String {
        let full = format!("{} {}", self.first_name, self.last_name.as_deref().unwrap_or_default());
        match (full.trim(), &self.username) {
            ("", Some(username)) => format!("@{username}"),
            ("", None) => self.id.to_string(),
            (full, _) => full.to_owned(),
        }
    }
}

impl Origin {
    /// Who or what said it first; `None` if Telegram does not tell.
    pub(crate) fn name(&self) -> Option<String> {
        let user = self.sender_user.as_ref().map(User::name);
        let chat = self.chat.as_ref().or(self.sender_chat.as_ref()).map(Chat::name);
        user.or_else(|| self.sender_user_name.clone()).or(chat)
    }
}

/// `null` counts as missing.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Whether there is anything but `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<IgnoredAny>::deserialize(deserializer).map(|value| value.is_some())
}

#[cfg(test)]
mod tests;
