//! A place where people and the bot talk: a chat, or one topic of it.

use std::fmt;

use crate::model::Channel;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) chat: i64,
    /// The topic. None: the chat itself, which in a forum is its General topic.
    pub(crate) thread: Option<i64>,
}

impl Place {
    pub(crate) const fn chat(chat: i64) -> Self {
        Self { chat, thread: None }
    }

    /// The host's name for it.
    pub(crate) fn channel(self) -> Channel {
        Channel(format!("tg:{self}"))
    }

    /// The place that a channel stands for, if it is one of Telegram's.
    #[cfg(test)]
    pub(crate) fn of_channel(channel: &Channel) -> Option<Self> {
        let (chat, thread) = match channel.0.strip_prefix("tg:")?.split_once(':') {
            Some((chat, thread)) => (chat, Some(thread.parse().ok()?)),
            None => (channel.0.strip_prefix("tg:")?, None),
        };
        Some(Self { chat: chat.parse().ok()?, thread })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.thread {
            Some(thread) => write!(f, "{}:{thread}", self.chat),
            None => write!(f, "{}", self.chat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_names_a_place_and_back() {
        for (place, name) in [
            (Place::chat(42), "tg:42"),
            (Place::chat(-100_123), "tg:-100123"),
            (Place { chat: -100_123, thread: Some(7) }, "tg:-100123:7"),
        ] {
            assert_eq!(place.channel().0, name);
            assert_eq!(Place::of_channel(&place.channel()), Some(place));
        }
        for other in ["local", "tg:", "tg:x", "tg:1:", "tg:1:x", "tg:1:2:3"] {
            assert_eq!(Place::of_channel(&Channel(other.to_owned())), None, "{other}");
        }
    }
}
