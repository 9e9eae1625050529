//! Who may do what: the one place that decides, before anything else looks at an update.
//!
//! Only numbers count, and only those that the owner has let in: an empty list lets nobody in. In a group the chat
//! has to be allowed as well, and the bot to be meant. This part is pure; it must not know what an update leads to.

mod mention;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::place::Place;
use super::update::{Callback, Chat, Membership, Message, Update, UpdateKind, User};
use mention::Addressing;

/// Who is let in: users, and the groups in which they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) users: BTreeSet<i64>,
    pub(crate) chats: BTreeSet<i64>,
}

/// The bot itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bot {
    pub(crate) id: i64,
    /// Without `@`.
    pub(crate) username: String,
    /// Its private chats have topics.
    pub(crate) has_topics: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gate {
    Accept(Accepted),
    /// A part of an album without words in a group: to be accepted if the part is that has them.
    WithAlbum(Accepted),
    /// Not accepted, but somebody should be told how to get there; once is enough.
    Hint(Hint),
    /// The group has another number from now on.
    Moved {
        from: i64,
        to: i64,
    },
    /// Nothing is done and nobody answered.
    Ignore(Reason),
}

/// Something that an allowed user did in a place where it counts. What it is, is in the update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) place: Place,
    pub(crate) private: bool,
    pub(crate) user: i64,
    pub(crate) name: String,
    /// What was said; in groups without the bot's name before or behind it. Empty for all but messages.
    pub(crate) text: String,
    /// A slash at the beginning is a command. Not in captions, edits, and words of others.
    pub(crate) may_command: bool,
    /// Forwarded, or made by an inline bot: not the user's own words, and nothing to be trusted.
    pub(crate) foreign: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Someone unknown writes to the bot: pairing may be offered.
    Stranger {
        user: i64,
        name: String,
        /// What stands behind `/start`: perhaps an invitation.
        start: Option<String>,
    },
    /// An allowed user means the bot in a group that is not allowed. To be told to the user alone.
    Group { chat: i64, title: String, user: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The user is not allowed.
    Stranger,
    /// The group is not allowed.
    ChatNotAllowed,
    /// Neither a private chat nor a group.
    NoSuchChat,
    /// It is not said who did it.
    NobodyNamed,
    /// Somebody speaks as a chat: an anonymous administrator, a channel.
    Anonymous,
    /// A bot speaks.
    Bot,
    /// In a group, and not for the bot.
    NotAddressed,
    /// A command for another bot.
    OtherBot,
    /// Nothing that is done anything with.
    Kind(String),
    Malformed(String),
}

pub(crate) fn decide(access: &Access, bot: &Bot, update: &Update) -> Gate {
    let decided = match &update.kind {
        UpdateKind::Message(message) => decide_message(access, bot, message, true),
        UpdateKind::Edited(message) => decide_message(access, bot, message, false),
        UpdateKind::Callback(callback) => decide_callback(access, callback),
        UpdateKind::Membership(membership) => decide_membership(access, membership),
        UpdateKind::Unknown { kind } => Err(Reason::Kind(kind.clone())),
        UpdateKind::Malformed { kind, reason } => Err(Reason::Malformed(format!("{kind}: {reason}"))),
    };
    decided.unwrap_or_else(Gate::Ignore)
}

/// Who did something, if it was a person in a chat of a kind that counts. In a private chat there is nobody else.
fn person<'a>(chat: &Chat, from: Option<&'a User>, as_chat: Option<&Chat>) -> Result<&'a User, Reason> {
    if as_chat.is_some() {
        return Err(Reason::Anonymous);
    }
    let user = from.ok_or(Reason::NobodyNamed)?;
    if user.is_bot {
        return Err(Reason::Bot);
    }
    let fits = chat.is_group() || (chat.is_private() && chat.id == user.id);
    if fits { Ok(user) } else { Err(Reason::NoSuchChat) }
}

impl Bot {
    pub(crate) fn has_topics_in(&self, chat: &Chat) -> bool {
        chat.is_forum || (chat.is_private() && self.has_topics)
    }
}

impl Access {
    /// Both lists at once, for what needs no words.
    fn check(&self, chat: &Chat, user: &User) -> Result<(), Reason> {
        if !self.users.contains(&user.id) {
            return Err(Reason::Stranger);
        }
        if chat.is_group() && !self.chats.contains(&chat.id) {
            return Err(Reason::ChatNotAllowed);
        }
        Ok(())
    }
}

fn accepted(place: Place, chat: &Chat, user: &User) -> Accepted {
    Accepted {
        place,
        private: chat.is_private(),
        user: user.id,
        name: user.name(),
        text: String::new(),
        may_command: false,
        foreign: false,
    }
}

fn decide_message(access: &Access, bot: &Bot, message: &Message, is_new: bool) -> Result<Gate, Reason> {
    let chat = &message.chat;
    // Telegram says this, whoever it names with it.
    if let Some(to) = message.migrate_to_chat_id {
        let known = chat.is_group() && access.chats.contains(&chat.id);
        return if known { Ok(Gate::Moved { from: chat.id, to }) } else { Err(Reason::ChatNotAllowed) };
    }
    let user = person(chat, message.from.as_ref(), message.sender_chat.as_ref())?;
    let foreign = message.forward_origin.is_some() || message.via_bot.is_some();
    let (text, entities) = message.words();
    let addressing = Addressing::find(text, entities, bot);
    // In private nobody has to be called, so a name there is a part of what is said.
    let is_whole = chat.is_private() && !text.starts_with('/');
    let accepted = Accepted {
        text: if is_whole { text.to_owned() } else { addressing.text.clone() },
        may_command: is_new && !foreign && message.text.is_some(),
        foreign,
        ..accepted(message.place(), chat, user)
    };
    match access.check(chat, user) {
        Err(Reason::Stranger) if chat.is_private() && is_new && !message.is_service() => {
            let start = accepted.may_command.then(|| start_of(text)).flatten();
            return Ok(Gate::Hint(Hint::Stranger { user: user.id, name: user.name(), start }));
        }
        Err(Reason::ChatNotAllowed) if is_new && addressing.meant => return Ok(group_hint(chat, user)),
        Err(reason) => return Err(reason),
        Ok(()) => {}
    }
    if chat.is_private() || message.is_service() {
        return Ok(Gate::Accept(accepted));
    }
    if addressing.other_bot {
        return Err(Reason::OtherBot);
    }
    if addressing.meant || is_answer_to(bot, message) {
        return Ok(Gate::Accept(accepted));
    }
    if message.media_group_id.is_some() && text.is_empty() {
        return Ok(Gate::WithAlbum(accepted));
    }
    Err(Reason::NotAddressed)
}

/// In a topic everything answers its first message, which may well be the bot's, as far as nothing else is picked.
fn is_answer_to(bot: &Bot, message: &Message) -> bool {
    message.reply_to_message.as_ref().is_some_and(|replied| {
        let is_first = replied.forum_topic_created
            || (message.is_topic_message && message.message_thread_id == Some(replied.message_id));
        !is_first && replied.from.as_ref().is_some_and(|from| from.id == bot.id)
    })
}

/// `CODE` of `/start CODE`.
fn start_of(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let command = words.next()?.split('@').next()?;
    let code = words.next().filter(|_| command == "/start")?;
    // Telegram's own limit for what a link may carry.
    (code.len() <= 64).then(|| code.to_owned())
}

fn group_hint(chat: &Chat, user: &User) -> Gate {
    Gate::Hint(Hint::Group { chat: chat.id, title: chat.name(), user: user.id })
}

fn decide_callback(access: &Access, callback: &Callback) -> Result<Gate, Reason> {
    let message = callback.message.as_ref().ok_or(Reason::NoSuchChat)?;
    let user = person(&message.chat, Some(&callback.from), None)?;
    access.check(&message.chat, user)?;
    Ok(Gate::Accept(accepted(message.place(), &message.chat, user)))
}

fn decide_membership(access: &Access, membership: &Membership) -> Result<Gate, Reason> {
    let chat = &membership.chat;
    let user = person(chat, Some(&membership.from), None)?;
    match access.check(chat, user) {
        Err(Reason::ChatNotAllowed) if membership.new_chat_member.is_in() => Ok(group_hint(chat, user)),
        Err(reason) => Err(reason),
        Ok(()) => Ok(Gate::Accept(accepted(Place::chat(chat.id), chat, user))),
    }
}
