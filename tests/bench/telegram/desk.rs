//! A bot, people who may use it, and `serve` between them and their sessions.

use rustix::process::Signal;

use crate::measure::now;
use crate::support::PATIENCE;
use crate::support::bot_api::{BotApi, Call, Chat, User};
use crate::support::home::{Home, HostLock};
use crate::support::process::Running;

/// Somebody with a chat in which a session is current.
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) chat: Chat,
    pub(crate) session: String,
}

pub(crate) struct Desk {
    serve: Running,
    pub(crate) home: Home,
    pub(crate) bot: BotApi,
    pub(crate) people: Vec<Person>,
    /// From the Bot API's clock to the one of all processes.
    ahead: u64,
}

impl Person {
    /// Says this, and gives the time just before.
    pub(crate) fn say(&self, text: &str) -> u64 {
        let begun = now();
        self.chat.say(&self.user, text);
        begun
    }

    /// Whether the bot says this in the chat with the call.
    pub(crate) fn hears(&self, call: &Call, text: &str) -> bool {
        call.chat == Some(self.chat.id()) && is_visible(call) && call.text("text").contains(text)
    }
}

/// Whether the call puts words before a person.
pub(crate) fn is_visible(call: &Call) -> bool {
    ["sendMessage", "editMessageText", "sendMessageDraft"].contains(&call.method.as_str())
}

impl Desk {
    /// One person for each session, which exists, alone with the bot.
    #[track_caller]
    pub(crate) fn open(mut home: Home, sessions: &[String]) -> Self {
        let bot = BotApi::start().unwrap_or_else(|error| panic!("no Bot API on loopback: {error}"));
        let ahead = now() - bot.nanos();
        let person = |(number, session): (usize, &String)| {
            let user = bot.user(&format!("Ada {number}"));
            Person { user, chat: bot.private(&user), session: session.clone() }
        };
        let people: Vec<Person> = sessions.iter().enumerate().map(person).collect();
        let allowed: Vec<String> = people.iter().map(|person| person.user.id.to_string()).collect();
        home.set("CLAUDEBOT_TELEGRAM_TOKEN", bot.token());
        home.set("CLAUDEBOT_TELEGRAM_API_URL", bot.url());
        home.set("CLAUDEBOT_TELEGRAM_ALLOWED_USERS", allowed.join(","));
        let serve = home.spawn(&["serve"]);
        bot.wait_read();
        let desk = Self { serve, home, bot, people, ahead };
        for person in &desk.people {
            person.say(&format!("/session {}", person.session));
            desk.seen(person, &person.session);
        }
        desk
    }

    #[track_caller]
    pub(crate) fn host(&self) -> HostLock {
        self.home.host().unwrap_or_else(|| panic!("no host runs"))
    }

    /// When a call came, on the clock of all processes.
    pub(crate) fn came(&self, call: &Call) -> u64 {
        call.at + self.ahead
    }

    /// When it was carried out.
    pub(crate) fn ended(&self, call: &Call) -> u64 {
        call.ended.unwrap_or(call.at) + self.ahead
    }

    /// The first call since the last [`BotApi::forget`] that shows this text in the person's chat.
    #[track_caller]
    pub(crate) fn seen(&self, person: &Person, text: &str) -> Call {
        self.bot.wait_for_call(|call| person.hears(call, text))
    }

    /// Ends `serve` as a service manager does. Nothing may have been refused on the way.
    #[track_caller]
    pub(crate) fn close(mut self) {
        self.serve.signal(Signal::TERM);
        self.serve.wait(PATIENCE).expect_code(0);
        let refused = self.bot.refused();
        assert!(refused.is_empty(), "the Bot API refused: {refused:?}");
    }
}
