//! The bridge to Telegram: one more client of the host, which reads what people write to the bot and shows them
//! their sessions.
//!
//! | part | what it is for |
//! |---|---|
//! | [`api`] | the Bot API's client: calls, errors sorted by what to do about them, no token in any text |
//! | [`update`] | what comes in, read tolerantly |
//! | [`place`] | a chat or a topic in one |
//! | [`gate`] | who may do what: one pure function before everything |
//! | [`db`] | the bridge's own file |
//! | [`poll`] | long polling into that file |
//!
//! Types of the Bot API's library stop in this room. What a session is and what it does, the host alone knows.

#![cfg_attr(not(test), expect(dead_code, reason = "its users come with the rest of the bridge"))]

mod api;
mod bridge;
mod db;
mod gate;
mod link;
mod outbox;
mod place;
mod poll;
mod render;
mod run;
pub(crate) mod setup;
mod update;

pub(crate) use api::Token;
pub(crate) use run::{Options, run};
pub(crate) use setup::BotFacts;
