//! What happens to the chats themselves: topics, the bot's standing, groups that get another number.

use crate::telegram::bridge::Bridge;
use crate::telegram::db::TopicRow;
use crate::telegram::effects::{Effect, Say};
use crate::telegram::gate::Accepted;
use crate::telegram::host::Outcome;
use crate::telegram::place::Place;
use crate::telegram::update::{Membership, Message};
use crate::telegram::view::View;

/// A topic that is a session's was closed or opened.
pub(super) fn service(bridge: &Bridge, message: &Message, accepted: &Accepted) -> Outcome<Vec<Effect>> {
    let Some(topic) = bridge.db.read(|tables| tables.topic_at(accepted.place))? else {
        return Ok(Vec::new());
    };
    let closed =
        if message.forum_topic_closed { true } else { topic.closed && !message.forum_topic_reopened };
    let changed = TopicRow { closed, ..topic.clone() };
    Ok(if changed == topic { Vec::new() } else { vec![Effect::Topic(changed)] })
}

/// The bot was let into a chat, or out.
pub(super) fn standing(membership: &Membership, accepted: &Accepted) -> Vec<Effect> {
    let chat = membership.chat.id;
    if !membership.new_chat_member.is_in() {
        tracing::info!("Telegram: the bot is out of the chat {chat} now");
        return vec![Effect::GiveUp { chat }];
    }
    if accepted.private {
        return Vec::new();
    }
    let view = View::plain("Here I am. I hear what begins with my name, and answers to me.")
        .line("/session picks the session to talk to, /help shows the rest.");
    vec![Say::new(Place::chat(chat), view).into()]
}

/// What waits for the group goes to its new number; only the owner can let the bot work there again.
pub(super) fn moved(bridge: &Bridge, from: i64, to: i64) -> Vec<Effect> {
    let move_it = Effect::Move { from, to };
    if bridge.access().chats.contains(&to) {
        return vec![move_it];
    }
    let words =
        format!("The group {from} has become the chat {to}. To let me work there, type in a terminal:");
    let tell = |user: &i64| {
        let view = View::plain(&words).line(format!("claudebot pair --chat {to}"));
        Effect::from(Say::new(Place::chat(*user), view))
    };
    std::iter::once(move_it).chain(bridge.access().users.iter().map(tell)).collect()
}
