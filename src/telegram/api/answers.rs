//! Answers of the Bot API, as far as anybody here needs them. Whatever else they hold, now or in later releases, is
//! passed over: a message that was sent must not count as failed for a field that we do not know.

use reqwest::Url;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// Done, and nothing about it is needed: `true`, or the message as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done;

impl<'de> Deserialize<'de> for Done {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Sent {
    pub(crate) message_id: i64,
}

/// The bot itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Me {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) first_name: String,
    /// Without `@`.
    #[serde(default)]
    pub(crate) username: String,
    #[serde(default)]
    pub(crate) can_join_groups: bool,
    /// Privacy mode is off: every message of a group comes in.
    #[serde(default)]
    pub(crate) can_read_all_group_messages: bool,
    /// Private chats with this bot have topics.
    #[serde(default)]
    pub(crate) has_topics_enabled: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Webhook {
    /// Empty: there is none.
    #[serde(default)]
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) pending_update_count: u64,
}

impl Webhook {
    /// Where the updates go, if they go anywhere. Not how: the rest of the address may be a secret.
    pub(crate) fn server(&self) -> Option<String> {
        if self.url.is_empty() {
            return None;
        }
        let url = Url::parse(&self.url).ok();
        let server = url.and_then(|url| Some(format!("{}://{}", url.scheme(), url.host_str()?)));
        Some(server.unwrap_or_else(|| "an address that cannot be read".to_owned()))
    }
}

/// A file on Telegram's servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RemoteFile {
    pub(crate) file_id: String,
    pub(crate) file_size: Option<u64>,
    /// For [`Api::download`](super::Api::download) within the hour.
    pub(crate) file_path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Topic {
    pub(crate) message_thread_id: i64,
    #[serde(default)]
    pub(crate) name: String,
}

/// Somebody's standing in a chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Member {
    /// `creator`, `administrator`, `member`, `restricted`, `left`, `kicked`.
    #[serde(default)]
    pub(crate) status: String,
    /// An administrator may be without these.
    #[serde(default)]
    pub(crate) can_manage_topics: bool,
    #[serde(default)]
    pub(crate) can_pin_messages: bool,
    #[serde(default)]
    pub(crate) can_delete_messages: bool,
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn read<T: DeserializeOwned>(answer: Value) -> T {
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn answers_are_read_with_much_or_little_in_them() {
        assert_eq!(read::<Done>(json!(true)), Done);
        assert_eq!(read::<Done>(json!({ "message_id": "?" })), Done);
        assert_eq!(
            read::<Sent>(json!({ "message_id": 5, "entities": [{ "type": "hologram" }] })).message_id,
            5
        );
        let me: Me = read(json!({ "id": 42, "is_bot": true, "first_name": "B", "username": "b_bot",
            "can_join_groups": true, "can_read_all_group_messages": false, "has_topics_enabled": true, "x": [] }));
        assert!(me.can_join_groups && me.has_topics_enabled && !me.can_read_all_group_messages);
        assert_eq!(read::<Me>(json!({ "id": 42 })), Me { id: 42, ..Me::default() });
        let hook: Webhook =
            read(json!({ "url": "", "has_custom_certificate": false, "pending_update_count": 3 }));
        assert_eq!((hook.url.as_str(), hook.pending_update_count), ("", 3));
        assert_eq!(hook.server(), None);
        for (url, server) in [
            ("https://ann:pass@bots.example:8443/secret?key=secret", "https://bots.example"),
            ("secret", "an address that cannot be read"),
        ] {
            let hook: Webhook = read(json!({ "url": url }));
            assert_eq!(hook.server().as_deref(), Some(server));
        }
        let file: RemoteFile = read(json!({ "file_id": "f", "file_unique_id": "u" }));
        assert_eq!((file.file_path, file.file_size), (None, None));
        let topic: Topic = read(json!({ "message_thread_id": 3, "name": "work", "icon_color": 7_322_096 }));
        assert_eq!((topic.message_thread_id, topic.name.as_str()), (3, "work"));
        let member: Member =
            read(json!({ "status": "administrator", "user": {}, "can_manage_topics": true }));
        assert_eq!((member.status.as_str(), member.can_manage_topics), ("administrator", true));
    }
}
