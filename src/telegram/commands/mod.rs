//! What a slash at the beginning does.
//!
//! [`TABLE`] is the one list of commands: for reading them, for `/help`, and for the menu of the clients. Ours come
//! first; `//name` is Claude's own, and so is every name that is not in the table. One file per group of commands;
//! each gives what there is to say and to store, and says nothing itself.

mod help;
mod mute;
mod new;
mod overview;
mod reading;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;
mod turns;

use teloxide_core::types::BotCommand;

use super::api::methods::SetMyCommands;
use super::effects::Effect;
use super::host::Outcome;
use super::talk::Talk;
use crate::ipc::Selector;
use crate::model::Delivery;

pub(crate) use help::welcome;
pub(crate) use new::{draft, make, open_topic};
pub(crate) use sessions::{archived, page, restore, switch, switched};
pub(crate) use settings::{changed, revoked};
pub(crate) use turns::stopped;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Archive,
    Clear,
    Compact,
    Context,
    Cost,
    Effort,
    Help,
    History,
    Inbox,
    Instead,
    Mode,
    Model,
    Mute,
    New,
    Now,
    Persona,
    Rename,
    Restore,
    Rules,
    Search,
    Session,
    Start,
    Status,
    Stop,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) which: Which,
    pub(crate) name: &'static str,
    /// What may stand behind it.
    pub(crate) args: &'static str,
    pub(crate) help: &'static str,
    pub(crate) in_menu: bool,
}

const fn listed(which: Which, name: &'static str, args: &'static str, help: &'static str) -> Command {
    Command { which, name, args, help, in_menu: true }
}

const fn known(which: Which, name: &'static str, args: &'static str, help: &'static str) -> Command {
    Command { which, name, args, help, in_menu: false }
}

/// In the order of `/help`; the menu's own first.
pub(crate) static TABLE: &[Command] = &[
    listed(Which::New, "new", "[NAME[: TEXT]]", "make a session"),
    listed(Which::Session, "session", "[NAME]", "pick the session to talk to"),
    listed(Which::Inbox, "inbox", "", "what waits for you"),
    listed(Which::Stop, "stop", "[NAME]", "stop the running turn"),
    listed(Which::Status, "status", "", "what runs"),
    listed(Which::Archive, "archive", "[NAME]", "pack a session away"),
    listed(Which::Search, "search", "WORDS", "find what was said"),
    listed(Which::Mute, "mute", "[NAME|all|off] [1h]", "hear less of a session here"),
    listed(Which::Help, "help", "", "all commands"),
    known(Which::Now, "now", "TEXT", "say it to the running turn"),
    known(Which::Instead, "instead", "TEXT", "drop what runs and do this"),
    known(Which::History, "history", "[COUNT]", "what was said last"),
    known(Which::Rename, "rename", "NAME", "give the session another name"),
    known(Which::Restore, "restore", "[NAME]", "bring an archived session back"),
    known(Which::Persona, "persona", "[NAME]", "who Claude can be"),
    known(Which::Model, "model", "[MODEL]", "the session's model"),
    known(Which::Effort, "effort", "[EFFORT]", "how hard it thinks"),
    known(Which::Mode, "mode", "[MODE]", "what it may do unasked"),
    known(Which::Rules, "rules", "", "what was allowed for the session"),
    known(Which::Cost, "cost", "", "what it has cost"),
    known(Which::Context, "context", "", "how full its memory is"),
    known(Which::Compact, "compact", "[WORDS]", "shorten its memory"),
    known(Which::Clear, "clear", "", "empty its memory"),
    known(Which::Start, "start", "", "how this works"),
];

/// What a text that begins with a slash is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    Ours(&'static Command, &'a str),
    /// A prompt, as it is given to Claude.
    Claude(&'a str),
}

pub(crate) fn parse(text: &str) -> Parsed<'_> {
    let text = text.trim();
    let Some(rest) = text.strip_prefix('/') else { return Parsed::Claude(text) };
    if rest.starts_with('/') {
        return Parsed::Claude(rest);
    }
    let (name, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match TABLE.iter().find(|command| command.name.eq_ignore_ascii_case(name)) {
        Some(command) => Parsed::Ours(command, args.trim()),
        None => Parsed::Claude(text),
    }
}

/// What the clients offer behind `/`.
pub(crate) fn menu() -> SetMyCommands {
    let listed = TABLE.iter().filter(|command| command.in_menu);
    let commands = listed.map(|command| BotCommand::new(command.name, command.help)).collect();
    SetMyCommands { commands, scope: None }
}

/// What a command leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Led {
    To(Vec<Effect>),
    /// To a prompt, after these.
    Prompt(Errand, Vec<Effect>),
}

/// A prompt that goes another way than a text alone does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) text: String,
    pub(crate) session: Selector,
    pub(crate) delivery: Delivery,
}

pub(crate) async fn run(talk: &Talk, which: Which, args: &str) -> Outcome<Led> {
    let effects = match which {
        Which::Now => return turns::said(talk, Delivery::Now, "now", args),
        Which::Instead => return turns::said(talk, Delivery::Instead, "instead", args),
        Which::Compact => return turns::own(talk, "/compact", args),
        Which::Clear => return turns::own(talk, "/clear", args),
        Which::New => return new::run(talk, args).await,
        Which::Archive => sessions::archive(talk, args).await,
        Which::Context => reading::context(talk).await,
        Which::Cost => reading::cost(talk).await,
        Which::Effort => settings::setting(talk, &settings::EFFORT, args).await,
        Which::Help => help::help(talk).await,
        Which::History => reading::history(talk, args).await,
        Which::Inbox => overview::inbox(talk).await,
        Which::Mode => settings::setting(talk, &settings::MODE, args).await,
        Which::Model => settings::setting(talk, &settings::MODEL, args).await,
        Which::Mute => mute::run(talk, args).await,
        Which::Persona => settings::persona(talk, args),
        Which::Rename => sessions::rename(talk, args).await,
        Which::Restore => sessions::restoring(talk, args).await,
        Which::Rules => settings::rules(talk).await,
        Which::Search => reading::search(talk, args).await,
        Which::Session => sessions::session(talk, args).await,
        Which::Start => help::start(talk),
        Which::Status => overview::status(talk).await,
        Which::Stop => turns::stop(talk, args).await,
    };
    effects.map(Led::To)
}

/// Whether it ends in a prompt: so late, that may not be wanted any more.
pub(crate) fn is_prompt(which: Which, args: &str) -> bool {
    match which {
        Which::Now | Which::Instead | Which::Compact | Which::Clear => true,
        Which::New => args.contains(':'),
        _ => false,
    }
}
