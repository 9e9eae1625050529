//! The client of the Bot API: methods as plain structs, answers read tolerantly, errors sorted by what to do.
//!
//! [`Api::call`] takes any `Payload`: those of `methods` here, or the library's own for what is rarely used. This
//! part knows HTTP and the token, and lets neither out. It must not know what is said, nor try anything twice: that
//! is its callers' to decide.

mod answers;
mod error;
mod files;
mod http;
mod methods;
mod token;

#[cfg(test)]
pub(super) mod test_server;
#[cfg(test)]
mod tests;

pub(crate) use answers::{ChatInfo, Done, Me, Member, RemoteFile, Sent, Topic, Webhook};
pub(crate) use error::ApiError;
pub(crate) use files::{Content, FileKind, Upload};
pub(crate) use http::Api;
pub(crate) use methods::{
    AnswerCallbackQuery, CloseForumTopic, CreateForumTopic, DeleteMessage, DeleteWebhook, EditForumTopic,
    EditMessageReplyMarkup, EditMessageText, GetChat, GetChatMember, GetFile, GetMe, GetUpdates,
    GetWebhookInfo, Reaction, ReplyTo, SendChatAction, SendMessage, SetMessageReaction, SetMyCommands,
    no_preview,
};
pub(crate) use token::Token;
