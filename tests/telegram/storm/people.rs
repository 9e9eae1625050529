//! Who writes in a storm, and what.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::kill::chance::{Chance, pause};
use crate::support::bot_api::incoming::Incoming;
use crate::support::bot_api::{Chat, Media, User};
use crate::telegram::desk::Desk;

/// From one message of a person to the next at most.
const THINKING: Duration = Duration::from_millis(2200);
/// A group takes twenty a minute.
const SLOW: Duration = Duration::from_secs(9);
/// A chat takes one message a second, and all of it is to be seen in the end.
const MOST: usize = 32;
/// Telegram splits what is longer.
const UNITS: usize = 4096;
/// One pixel.
const PICTURE: [u8; 70] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00,
    0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0x00, 0x05,
    0x00, 0x01, 0xff, 0x89, 0x99, 0x3d, 0x1d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42,
    0x60, 0x82,
];

/// Somebody in a place with a session of its own.
pub(super) struct Person {
    user: User,
    chat: Chat,
    thread: Option<i64>,
    session: String,
    /// What has to stand before a message so that the bot hears it.
    mention: String,
    /// A session that is not current there, and a message of it.
    other: Option<(String, i64)>,
    /// The word that an agent repeats what follows.
    echo: &'static str,
}

/// What somebody said, to be one prompt.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) chat: i64,
    pub(super) session: String,
    /// The message, or the first of several.
    pub(super) message: i64,
    /// In no other message.
    pub(super) mark: String,
    /// At the end of the last message, if there are several with words.
    pub(super) end: Option<String>,
    pub(super) reply: Reply,
    /// What an edit has put in the place of [`BEFORE`].
    pub(super) edited: bool,
}

/// How the reply is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// It repeats the marks.
    Repeats,
    /// It ends in this.
    Ends(&'static str),
}

pub(super) const BEFORE: &str = "as-it-was-said";
pub(super) const AFTER: &str = "as-it-was-edited";

impl Person {
    fn say(&self, text: &str, answering: Option<i64>) -> i64 {
        let message = self.chat.message(&self.user).text(text);
        let message = answering.into_iter().fold(message, Incoming::reply_to);
        self.thread.into_iter().fold(message, Incoming::in_topic).send()
    }

    fn words(&self, text: &str) -> String {
        format!("{}{text}", self.mention)
    }

    /// Writes until `over`.
    pub(super) fn write(&self, mut chance: Chance, over: &AtomicBool) -> Vec<Said> {
        let mut all = Vec::new();
        let thinking = if self.thread.is_some() { SLOW } else { THINKING };
        while !over.load(Ordering::Relaxed) && all.len() < MOST {
            let mark = format!("[{}-{}]", self.session, all.len());
            match chance.below(10) {
                0 => all.push(self.paste(mark)),
                1 => all.push(self.album(mark)),
                2 => all.push(self.answer(mark)),
                3 | 4 => {
                    all.push(self.run(mark));
                    pause(chance.up_to(Duration::from_millis(200)));
                    let mark = format!("[{}-{}]", self.session, all.len());
                    all.push(self.change(mark, chance.up_to(Duration::from_millis(700))));
                }
                5 => all.push(self.run(mark)),
                _ => all.push(self.ask(mark)),
            }
            pause(chance.up_to(thinking));
        }
        all
    }

    fn said(&self, message: i64, mark: String) -> Said {
        Said {
            chat: self.chat.id(),
            session: self.session.clone(),
            message,
            mark,
            end: None,
            reply: Reply::Repeats,
            edited: false,
        }
    }

    fn ask(&self, mark: String) -> Said {
        self.said(self.say(&self.words(&format!("{} {mark}", self.echo)), None), mark)
    }

    /// A turn during which others wait.
    fn run(&self, mark: String) -> Said {
        let message = self.say(&self.words(&format!("words 16 40 {mark}")), None);
        Said { reply: Reply::Ends("w15"), ..self.said(message, mark) }
    }

    /// More than Telegram takes in one message.
    fn paste(&self, mark: String) -> Said {
        let begin = self.words(&format!("{} {mark} ", self.echo));
        let end = format!("{mark}!");
        let message = self.say(&format!("{begin}{}", "y".repeat(UNITS - begin.len())), None);
        self.say(&format!("yy {end}"), None);
        Said { end: Some(end), ..self.said(message, mark) }
    }

    /// Two pictures, and words below the first.
    fn album(&self, mark: String) -> Said {
        let send = |caption: &str| {
            let picture = self.chat.message(&self.user).file(Media::photo(&PICTURE));
            let picture = picture.field("media_group_id", json!(mark));
            let picture = if caption.is_empty() { picture } else { picture.text(caption) };
            self.thread.into_iter().fold(picture, Incoming::in_topic).send()
        };
        let first = send(&self.words(&format!("{} {mark}", self.echo)));
        send("");
        self.said(first, mark)
    }

    /// An answer to something older goes to the session that said it.
    fn answer(&self, mark: String) -> Said {
        let Some((session, older)) = &self.other else { return self.ask(mark) };
        let message = self.say(&self.words(&format!("{} {mark}", self.echo)), Some(*older));
        Said { session: session.clone(), ..self.said(message, mark) }
    }

    /// Said, and edited a moment later.
    fn change(&self, mark: String, later: Duration) -> Said {
        let text = |end: &str| self.words(&format!("{} {mark} {end}", self.echo));
        let message = self.say(&text(BEFORE), None);
        pause(later);
        self.chat.edit(message, &text(AFTER));
        Said { edited: true, ..self.said(message, mark) }
    }

    #[track_caller]
    fn picks(&self, session: &str) {
        let bot = self.mention.trim();
        self.say(&format!("/session{bot} {session}"), None);
        self.chat.wait_for_message(|seen| seen.thread == self.thread && seen.text.contains(session));
    }

    /// Says something to a session of which nothing is current there afterwards.
    #[track_caller]
    fn has_asked(&mut self, session: String) {
        self.picks(&session);
        let mark = format!("[{session}]");
        self.say(&self.words(&format!("{} {mark}", self.echo)), None);
        let said = self.chat.wait_for_message(|seen| seen.text.contains(&mark) && seen.labels().is_empty());
        self.other = Some((session, said.id));
    }
}

/// Some people with a private chat each and two sessions in it, and one with two topics.
#[track_caller]
pub(super) fn crowd(desk: &mut Desk, names: &[&str], is_real: bool) -> Vec<Person> {
    let users: Vec<User> = names.iter().map(|name| desk.bot.user(name)).collect();
    let allowed: Vec<String> = users.iter().map(|user| user.id.to_string()).collect();
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_USERS", allowed.join(","));
    let group = desk.bot.forum("Team", &users[..1]);
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_CHATS", group.id().to_string());
    // Only who asked hears of it: what others hear would fill the chats.
    desk.home.write_config("[telegram]\ninbox = \"off\"\nmirror = \"off\"\n");
    let person = |user: User, chat: Chat, session: &str| Person {
        user,
        chat,
        thread: None,
        session: session.to_owned(),
        mention: String::new(),
        other: None,
        echo: if is_real { "say" } else { "echo" },
    };
    let private = names.iter().zip(&users).map(|(name, user)| person(*user, desk.bot.private(user), name));
    let mut all: Vec<Person> = private.collect();
    for topic in ["red", "blue"] {
        let thread = Some(group.topic(&users[0], topic));
        let mention = format!("@{} ", desk.bot.bot_username());
        all.push(Person { thread, mention, ..person(users[0], group.clone(), topic) });
    }
    let agent = if is_real { "claude" } else { "demo" };
    let new = |session: &str| {
        let dir = desk.home.mkdir(format!("project/{session}")).display().to_string();
        desk.home.run(&["session", "new", session, "--agent", agent, "--dir", &dir]).expect_code(0);
    };
    for person in &all {
        new(&person.session);
        if person.thread.is_none() {
            new(&format!("{}-other", person.session));
        }
    }
    desk.start();
    for person in &mut all {
        if person.thread.is_none() {
            person.has_asked(format!("{}-other", person.session));
        }
        let session = person.session.clone();
        person.picks(&session);
    }
    all
}
