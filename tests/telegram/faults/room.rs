//! Two people with a session each, and a Bot API that fails for the first of them.

use std::cell::Cell;

use crate::support::bot_api::seen::Seen;
use crate::support::bot_api::{Call, Chat, Fault, Outcome, User};
use crate::support::home::Home;
use crate::telegram::desk::Desk;

/// The owner's is `work`, Bob's is `other`.
pub(super) struct Room {
    pub(super) desk: Desk,
    bob: User,
    others: Chat,
    /// A forum, in which `topic` is the session `there`'s.
    pub(super) forum: Chat,
    pub(super) topic: i64,
    said: Cell<u32>,
}

impl Room {
    #[track_caller]
    pub(super) fn new() -> Self {
        let mut room = Self::closed();
        room.desk.start();
        room.desk.say("/session work");
        room.desk.wait("work");
        room.others.say(&room.bob, "/session other");
        room.others.wait_for_text("other");
        room
    }

    /// Nobody serves yet.
    #[track_caller]
    pub(super) fn closed() -> Self {
        let mut desk = Desk::without_session(Home::new(), None);
        let bob = desk.bot.user("Bob");
        let others = desk.bot.private(&bob);
        let forum = desk.bot.forum("Team", &[desk.owner]);
        let topic = forum.topic(&desk.owner, "there");
        desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_USERS", format!("{},{}", desk.owner.id, bob.id));
        desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_CHATS", forum.id().to_string());
        for session in ["work", "other", "there"] {
            desk.session(session);
        }
        Self { desk, bob, others, forum, topic, said: Cell::new(0) }
    }

    /// A word that is in nothing else.
    pub(super) fn word(&self) -> String {
        self.said.set(self.said.get() + 1);
        format!("word{}word", self.said.get())
    }

    /// Says something in the topic, to the bot.
    pub(super) fn say_there(&self, text: &str) -> i64 {
        let bot = self.desk.bot.bot_username();
        let text = match text.strip_prefix('/') {
            Some(command) => match command.split_once(' ') {
                Some((command, rest)) => format!("/{command}@{bot} {rest}"),
                None => format!("/{command}@{bot}"),
            },
            None => format!("@{bot} {text}"),
        };
        self.forum.message(&self.desk.owner).text(&text).in_topic(self.topic).send()
    }

    /// The bot's message in the topic with this text.
    #[track_caller]
    pub(super) fn wait_there(&self, text: &str) -> Seen {
        self.forum.wait_for_message(|seen| seen.thread == Some(self.topic) && seen.text.contains(text))
    }

    /// The session `there` is the topic's.
    #[track_caller]
    pub(super) fn move_in(&self) {
        self.say_there("/session there");
        self.wait_there("there");
    }

    /// Bob says something, and gets his answer.
    #[track_caller]
    pub(super) fn serves_bob(&self) {
        let hello = self.word();
        self.others.say(&self.bob, &format!("echo {hello}"));
        self.others.wait_for_text(&hello);
    }

    /// Makes the next call of a method fail so and does something; then Bob is served as always. All calls of the
    /// method in that time, in the chat where it failed.
    #[track_caller]
    pub(super) fn with(&self, method: &str, fault: &Fault, act: impl FnOnce(&str)) -> Vec<Call> {
        let bot = &self.desk.bot;
        let since = bot.calls().last().map_or(0, |call| call.number);
        match method {
            "answerCallbackQuery" | "getFile" | "download" | "getUpdates" => {
                bot.fail_next(1, method, fault.clone());
            }
            topics if topics.ends_with("ForumTopic") => self.forum.fail_next(1, method, fault.clone()),
            _ => self.desk.chat.fail_next(1, method, fault.clone()),
        }
        act(&self.word());
        self.serves_bob();
        let calls = || {
            let calls = self.desk.bot.calls_of(method).into_iter();
            calls.filter(|call| call.number > since).collect::<Vec<_>>()
        };
        let failed: Vec<Call> = calls().into_iter().filter(has_failed).collect();
        let [failed] = &failed[..] else { panic!("{failed:?} of {method}:\n{}", self.desk.bot.summary()) };
        let own = || calls().into_iter().filter(|call| call.chat == failed.chat).collect::<Vec<_>>();
        // What took effect without an answer is seen before it is done again. The typing sign is not, nor what a topic
        // was before it was changed once more.
        let is_for_good = !["sendChatAction", "closeForumTopic"].contains(&method);
        if matches!(failed.outcome, Outcome::Lost(_)) && is_for_good {
            self.desk.until("the same once more", || {
                own().iter().any(|call| call.number > failed.number && call.ended.is_some()).then_some(())
            });
        }
        own()
    }
}

const fn has_failed(call: &Call) -> bool {
    matches!(call.outcome, Outcome::Faulted(_) | Outcome::Lost(_))
}
