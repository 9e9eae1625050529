//! The bridge to Telegram: one more client of the host, which reads what people write to the bot and shows them
//! their sessions.
//!
//! | part | what it is for |
//! |---|---|
//! | [`api`] | the Bot API's client: calls, errors sorted by what to do about them, no token in any text |
//! | [`again`] | calls that are made again while Telegram has trouble |
//! | [`update`] | what comes in, read tolerantly |
//! | [`place`] | a chat or a topic in one |
//! | [`gate`] | who may do what: one pure function before everything |
//! | [`db`] | the bridge's own file |
//! | [`poll`] | long polling into that file |
//! | [`render`] | Markdown in, texts with entities out |
//! | [`outbox`] | everything on its way out: one queue per chat, within Telegram's limits |
//! | [`feed`] | what happened in all sessions, told to whoever is to hear of it |
//! | [`live`] | running turns, shown while they run |
//! | [`mirror`] | where a session is shown though it was not asked from there |
//! | [`askers`] | who asked for a prompt |
//! | [`turn_log`] | what a turn said and did, read back from the log |
//! | [`crew`], [`ending`] | the parts side by side, and how they are told to end |
//! | [`show`] | small words that several parts put into messages |
//! | [`intake`] | rows in order, one lane per place: command, press, or prompt for the host |
//! | [`commands`] | what a slash at the beginning does |
//! | [`press`] | what a pressed button does; [`action`] is everything that one can mean |
//! | [`approvals`], [`questions`] | requests of the agent, as buttons |
//! | [`media`] | files on their way in |
//! | [`shell`] | commands that a person has configured |
//! | [`talk`] | who says something, where, and to which session |
//! | [`host`] | asking the host, and what it means when it does not answer |
//! | [`moving`] | what goes along to another machine |
//! | [`gone`] | what is left of sessions that are gone |
//! | [`topics`] | topics that close, or are gone |
//! | [`view`], [`words`], [`effects`] | what is said, how it is said, and storing it |
//!
//! Types of the Bot API's library stop in this room. What a session is and what it does, the host alone knows.

mod action;
mod again;
mod api;
mod approvals;
mod askers;
mod bridge;
mod commands;
mod crew;
mod db;
mod effects;
mod ending;
mod feed;
mod gate;
mod gone;
mod host;
mod intake;
mod link;
mod live;
mod media;
mod mirror;
pub(crate) mod moving;
mod outbox;
mod place;
mod poll;
mod press;
mod questions;
pub(crate) mod render;
mod run;
pub(crate) mod setup;
mod shell;
mod show;
mod talk;
#[cfg(test)]
mod test_host;
#[cfg(test)]
mod testing;
mod topics;
mod turn_log;
mod update;
mod view;
mod words;

pub(crate) use api::Token;
pub(crate) use bridge::PersonaChoice;
pub(crate) use run::{Kept, Options, run};
pub(crate) use setup::BotFacts;
