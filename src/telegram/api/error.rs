//! Why a call has no answer, sorted by what to do about it.

use std::time::Duration;

use crate::error::{Error, Kind};

/// How long to wait where Telegram says "too many requests" without a number.
const SOME_TIME: u64 = 5;

/// So much of Telegram's own words is kept.
const WORDS: usize = 300;

/// Texts in here are without the token, whoever wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// Nothing may be sent to this chat for so long; calls meanwhile make it longer.
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    RetryAfter(Duration),
    /// The group has a new id.
    #[error("the group has become the chat {0}")]
    Migrated(i64),
    /// An edit that changes nothing: as good as done.
    #[error("the message is as it should be already")]
    NotModified,
    /// The topic is gone or closed: the chat itself may still take the message.
    #[error("the topic is gone or closed")]
    ThreadNotFound,
    /// The message to edit or delete is not there, or not to be changed any more.
    #[error("the message is gone, or can no longer be changed")]
    MessageGone,
    /// The bot cannot write there: blocked, removed, muted, or the chat does not exist.
    #[error("the bot may not write to this chat: {0}")]
    Blocked(String),
    /// The token is not (or no longer) a bot's.
    #[error("Telegram does not know the bot's token")]
    Unauthorized,
    /// Another program receives the bot's updates: a second poller, or a webhook.
    #[error("another program receives this bot's updates: {0}")]
    Conflict(String),
    /// The text's formatting was refused: the text alone may pass.
    #[error("Telegram refuses the formatting: {0}")]
    BadEntities(String),
    /// A file beyond what Telegram takes or gives, or beyond a limit of ours.
    #[error("the file is too large")]
    TooLarge,
    /// A button was pressed too long ago to be answered.
    #[error("the button was pressed too long ago")]
    QueryTooOld,
    /// Any other refusal: the same call would be refused again.
    #[error("Telegram refuses: {0}")]
    Refused(String),
    /// Telegram has trouble of its own. It said so, but may have done what it was asked all the same.
    #[error("Telegram has trouble (HTTP {status})")]
    Server { status: u16 },
    /// No answer came.
    #[error("Telegram cannot be reached: {why}")]
    Network {
        /// The request may have arrived.
        maybe_done: bool,
        why: String,
    },
    /// An answer came that cannot be read: it was probably done.
    #[error("Telegram's answer cannot be read: {0}")]
    Garbled(String),
    /// A file of ours could not be read or written; Telegram has no part in it.
    #[error("{0}")]
    Local(String),
}

impl ApiError {
    /// Whether the call may have had its effect, so that making it again could double it.
    pub(crate) const fn is_maybe_done(&self) -> bool {
        matches!(self, Self::Network { maybe_done: true, .. } | Self::Garbled(_) | Self::Server { .. })
    }

    /// Whether the same call may succeed later, without anybody changing anything about it. A token that is refused
    /// may be put right at @BotFather, and Telegram has refused good ones for a moment.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::RetryAfter(_)
                | Self::Server { .. }
                | Self::Network { .. }
                | Self::Garbled(_)
                | Self::Conflict(_)
                | Self::Unauthorized
        )
    }
}

/// What Telegram's refusal holds besides `ok: false`.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// `error_code`, else the HTTP status.
    pub(super) code: u16,
    pub(super) description: String,
    pub(super) retry_after: Option<u64>,
    pub(super) migrate_to: Option<i64>,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        if let Some(chat) = refusal.migrate_to {
            return Self::Migrated(chat);
        }
        if refusal.retry_after.is_some() || matches!(refusal.code, 420 | 429) {
            let seconds = refusal.retry_after.or_else(|| number_at_end(&refusal.description));
            return Self::RetryAfter(Duration::from_secs(seconds.unwrap_or(SOME_TIME).max(1)));
        }
        let words: String = refusal.description.chars().filter(|c| !c.is_control()).take(WORDS).collect();
        match refusal.code {
            401 => Self::Unauthorized,
            // A token that does not even look right; an unknown method says more.
            404 if words == "Not Found" => Self::Unauthorized,
            403 => Self::Blocked(words),
            409 => Self::Conflict(words),
            413 => Self::TooLarge,
            status @ 500.. => Self::Server { status },
            code if words.is_empty() => {
                Self::Refused(format!("HTTP {code} without words, so `telegram.api_url` may be wrong"))
            }
            _ => bad_request(words),
        }
    }
}

/// `Too Many Requests: retry after 17`
fn number_at_end(text: &str) -> Option<u64> {
    text.rsplit(' ').next()?.parse().ok()
}

/// Telegram tells these apart by their words alone. Its own server sends them in two styles: sentences, and the
/// names of what went wrong further inside.
fn bad_request(words: String) -> ApiError {
    type Sort = fn(String) -> ApiError;
    const KNOWN: &[(&str, Sort)] = &[
        ("message is not modified", |_| ApiError::NotModified),
        ("topic_not_modified", |_| ApiError::NotModified),
        ("message thread not found", |_| ApiError::ThreadNotFound),
        ("topic_deleted", |_| ApiError::ThreadNotFound),
        ("topic_id_invalid", |_| ApiError::ThreadNotFound),
        ("topic_closed", |_| ApiError::ThreadNotFound),
        ("message to edit not found", |_| ApiError::MessageGone),
        ("message to delete not found", |_| ApiError::MessageGone),
        ("message to react not found", |_| ApiError::MessageGone),
        ("message can't be edited", |_| ApiError::MessageGone),
        ("message can't be deleted", |_| ApiError::MessageGone),
        ("message_id_invalid", |_| ApiError::MessageGone),
        ("chat not found", ApiError::Blocked),
        ("peer_id_invalid", ApiError::Blocked),
        ("chat_write_forbidden", ApiError::Blocked),
        ("have no rights to send a message", ApiError::Blocked),
        // Where pictures or files alone are forbidden, texts are not.
        ("not enough rights to send text", ApiError::Blocked),
        ("group chat was deactivated", ApiError::Blocked),
        ("query is too old", |_| ApiError::QueryTooOld),
        ("query_id_invalid", |_| ApiError::QueryTooOld),
        ("file is too big", |_| ApiError::TooLarge),
        ("too large", |_| ApiError::TooLarge),
        ("entit", ApiError::BadEntities),
    ];
    let lower = words.to_lowercase();
    match KNOWN.iter().find(|(part, _)| lower.contains(part)) {
        Some((_, sort)) => sort(words),
        None => ApiError::Refused(words),
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let kind = match error {
            ApiError::Server { .. } | ApiError::Network { .. } | ApiError::RetryAfter(_) => Kind::Unavailable,
            ApiError::Unauthorized | ApiError::Blocked(_) => Kind::Denied,
            ApiError::Conflict(_) => Kind::Conflict,
            _ => Kind::Failed,
        };
        let words = Self::new(kind, error.to_string());
        match hint(&error) {
            Some(hint) => words.hint(hint),
            None => words,
        }
    }
}

const fn hint(error: &ApiError) -> Option<&'static str> {
    match error {
        ApiError::Unauthorized => Some(
            "ask @BotFather for the token (/mybots → API Token), and set it with `claudebot telegram setup --new`, or where the configuration has it",
        ),
        ApiError::Conflict(_) => Some("end the other program, or give each its own bot"),
        ApiError::Network { .. } => {
            Some("check the connection, `telegram.api_url`, and HTTPS_PROXY if you are behind a proxy")
        }
        ApiError::Blocked(_) => Some("open the chat in Telegram, unblock or add the bot, and write to it"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(code: u16, description: &str) -> ApiError {
        Refusal { code, description: description.to_owned(), ..Refusal::default() }.into()
    }

    #[test]
    fn refusals_are_sorted_by_code_and_words() {
        let wait = |seconds| ApiError::RetryAfter(Duration::from_secs(seconds));
        let bad = |text: &str| format!("Bad Request: {text}");
        for (code, description, wanted) in [
            (401, "Unauthorized".to_owned(), ApiError::Unauthorized),
            (404, "Not Found".to_owned(), ApiError::Unauthorized),
            (
                404,
                "Not Found: method not found".into(),
                ApiError::Refused("Not Found: method not found".into()),
            ),
            (
                404,
                String::new(),
                ApiError::Refused("HTTP 404 without words, so `telegram.api_url` may be wrong".into()),
            ),
            (429, "Too Many Requests: retry after 17".into(), wait(17)),
            (429, "Too Many Requests".into(), wait(SOME_TIME)),
            (420, "FLOOD_WAIT_X 0".into(), wait(1)),
            (413, "Request Entity Too Large".into(), ApiError::TooLarge),
            (500, "Internal Server Error".into(), ApiError::Server { status: 500 }),
            (502, String::new(), ApiError::Server { status: 502 }),
            (
                403,
                "Forbidden: bot was blocked by the user".into(),
                ApiError::Blocked("Forbidden: bot was blocked by the user".into()),
            ),
            (
                409,
                "Conflict: terminated by other getUpdates request".into(),
                ApiError::Conflict("Conflict: terminated by other getUpdates request".into()),
            ),
            (400, bad("message is not modified: specified new message content is …"), ApiError::NotModified),
            (400, bad("message thread not found"), ApiError::ThreadNotFound),
            (400, bad("TOPIC_CLOSED"), ApiError::ThreadNotFound),
            (400, bad("message to edit not found"), ApiError::MessageGone),
            (400, bad("message can't be edited"), ApiError::MessageGone),
            (400, bad("MESSAGE_ID_INVALID"), ApiError::MessageGone),
            (400, bad("message to delete not found"), ApiError::MessageGone),
            (400, bad("chat not found"), ApiError::Blocked(bad("chat not found"))),
            (
                400,
                bad("not enough rights to send text messages to the chat"),
                ApiError::Blocked(bad("not enough rights to send text messages to the chat")),
            ),
            (
                400,
                bad("not enough rights to send photos to the chat"),
                ApiError::Refused(bad("not enough rights to send photos to the chat")),
            ),
            (
                400,
                bad("query is too old and response timeout expired or query ID is invalid"),
                ApiError::QueryTooOld,
            ),
            (400, bad("file is too big"), ApiError::TooLarge),
            (
                400,
                bad("can't parse entities: offset 3"),
                ApiError::BadEntities(bad("can't parse entities: offset 3")),
            ),
            (400, bad("ENTITY_BOUNDS_INVALID"), ApiError::BadEntities(bad("ENTITY_BOUNDS_INVALID"))),
            (400, bad("message text is empty"), ApiError::Refused(bad("message text is empty"))),
        ] {
            assert_eq!(sorted(code, &description), wanted, "{code} {description}");
        }
    }

    #[test]
    fn parameters_say_more_than_words() {
        let refusal = Refusal { code: 400, retry_after: Some(3), ..Refusal::default() };
        assert_eq!(ApiError::from(refusal), ApiError::RetryAfter(Duration::from_secs(3)));
        let refusal = Refusal { code: 400, migrate_to: Some(-1_005), ..Refusal::default() };
        assert_eq!(ApiError::from(refusal), ApiError::Migrated(-1_005));
    }

    #[test]
    fn words_are_kept_short_and_plain() {
        let ApiError::Refused(words) = sorted(400, &format!("a\nb{}", "x".repeat(5000))) else { panic!() };
        assert!(words.starts_with("abxx") && words.len() == WORDS);
    }

    #[test]
    fn what_may_be_done_is_not_sure_to_be_safe_to_repeat() {
        let network = |maybe_done| ApiError::Network { maybe_done, why: String::new() };
        assert!(network(true).is_maybe_done() && !network(false).is_maybe_done());
        assert!(ApiError::Garbled(String::new()).is_maybe_done());
        assert!(!ApiError::RetryAfter(Duration::ZERO).is_maybe_done());
        assert!(network(false).is_passing() && ApiError::Unauthorized.is_passing());
        assert!(!ApiError::TooLarge.is_passing());
    }
}
