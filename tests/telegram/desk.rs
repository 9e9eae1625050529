//! A bot, its owner's private chat, and `serve` in a home of the test's own.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::PATIENCE;
use crate::support::bot_api::seen::Seen;
use crate::support::bot_api::{BotApi, Chat, User};
use crate::support::claude::Release;
use crate::support::home::Home;
use crate::support::messages_api::MessagesApi;
use crate::support::process::Running;
use crate::support::tree::Found;

pub(crate) struct Desk {
    /// Before the home: what runs there must be able to end.
    pub(crate) serve: Option<Running>,
    pub(crate) home: Home,
    pub(crate) bot: BotApi,
    pub(crate) owner: User,
    pub(crate) chat: Chat,
    /// The model behind the real CLI, where that is used.
    _model: Option<MessagesApi>,
}

impl Desk {
    /// The bridge runs, its owner is let in, and there is a session `work` on the demo agent, which is current in the
    /// private chat.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let mut desk = Self::without_session(Home::new(), None);
        desk.session("work");
        desk.start();
        desk.say("/session work");
        desk.wait("work");
        desk
    }

    /// The same on the real CLI.
    #[track_caller]
    pub(crate) fn real(release: Release) -> Self {
        let (model, home) = Home::with_claude(release);
        let mut desk = Self::without_session(home, Some(model));
        desk.home.run(&["session", "new", "work"]).expect_code(0);
        desk.start();
        desk.say("/session work");
        desk.wait("work");
        desk
    }

    #[track_caller]
    pub(crate) fn without_session(mut home: Home, model: Option<MessagesApi>) -> Self {
        let bot = BotApi::start().expect("a Bot API on loopback");
        let owner = bot.user("Ada");
        let chat = bot.private(&owner);
        home.set("CLAUDEBOT_TELEGRAM_TOKEN", bot.token());
        home.set("CLAUDEBOT_TELEGRAM_API_URL", bot.url());
        home.set("CLAUDEBOT_TELEGRAM_ALLOWED_USERS", owner.id.to_string());
        Self { serve: None, home, bot, owner, chat, _model: model }
    }

    /// From the token to the first person, on a terminal and on the phone.
    #[track_caller]
    pub(crate) fn set_up(&self) {
        let mut terminal = self.home.pty(&["telegram", "setup"], 90, 40);
        terminal.expect("it is not shown", PATIENCE);
        terminal.send(&format!("{}\r", self.bot.token()));
        let shown = terminal.expect("?start=", PATIENCE);
        assert!(!shown.contains(self.bot.token()), "{shown}");
        let code = terminal.expect("waiting for it", PATIENCE);
        let code: String = code.chars().take_while(char::is_ascii_alphanumeric).collect();
        self.say(&format!("/start {code}"));
        terminal.expect("let Ada", PATIENCE);
        terminal.send("y\r");
        terminal.expect("may talk to @", PATIENCE);
        terminal.wait(PATIENCE).expect_code(0);
    }

    /// A session on the demo agent.
    #[track_caller]
    pub(crate) fn session(&self, name: &str) {
        self.home.run(&["session", "new", name, "--agent", "demo", "--scratch"]).expect_code(0);
    }

    /// Starts the bridge and waits until it receives.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        self.serve = Some(self.home.spawn(&["serve"]));
        self.bot.wait_read();
    }

    /// As a service manager ends it.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let mut serve = self.serve.take().expect("it runs");
        serve.signal(Signal::TERM);
        serve.wait(PATIENCE).expect_code(0);
    }

    /// As nothing should end, and power cuts do. Agents live on for a moment.
    pub(crate) fn kill(&mut self) {
        let mut serve = self.serve.take().expect("it runs");
        serve.signal(Signal::KILL);
        serve.wait(PATIENCE);
    }

    /// The agents' processes.
    pub(crate) fn agents(&self) -> Vec<Found> {
        let mut found = self.home.leftovers();
        found.retain(|found| found.command.contains(" --input-format stream-json"));
        found
    }

    /// The owner says something in the private chat.
    pub(crate) fn say(&self, text: &str) -> i64 {
        self.chat.say(&self.owner, text)
    }

    /// The bot's message with this text in it.
    #[track_caller]
    pub(crate) fn wait(&self, text: &str) -> Seen {
        self.chat.wait_for_text(text)
    }

    /// The bot's message with this button, and the press of it.
    #[track_caller]
    pub(crate) fn tap(&self, label: &str) -> Seen {
        let seen = self.chat.wait_for_message(|seen| seen.button(label).is_some());
        self.chat.tap(seen.id, label, &self.owner);
        seen
    }

    /// How often the bot's messages have this text as a whole line.
    pub(crate) fn count(&self, line: &str) -> usize {
        self.chat
            .bot_messages()
            .iter()
            .flat_map(|seen| seen.text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|said| said == line)
            .count()
    }

    /// The events of a session, as `log --json` has them.
    #[track_caller]
    pub(crate) fn log(&self, session: &str) -> Vec<serde_json::Value> {
        let log = self.home.run(&["log", session, "--json"]).expect_code(0).stdout;
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Prompts in the log with this text.
    #[track_caller]
    pub(crate) fn prompts(&self, session: &str, text: &str) -> usize {
        self.log(session).iter().filter(|event| event["kind"] == "prompt" && event["text"] == text).count()
    }

    /// Looks again and again until there is something.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "{what} did not come:\n{}", self.bot.summary());
            std::thread::park_timeout(NEXT_LOOK);
        }
    }

    /// Turns of `work` that have ended.
    #[track_caller]
    pub(crate) fn ended(&self) -> usize {
        self.log("work").iter().filter(|event| event["kind"] == "turn_ended").count()
    }

    /// Calls that the Bot API refused though no test had asked for it.
    #[track_caller]
    pub(crate) fn assert_nothing_refused(&self) {
        let refused = self.bot.refused();
        assert!(refused.is_empty(), "{refused:?}");
    }
}

/// Nothing tells of what a log or a chat has got.
const NEXT_LOOK: Duration = Duration::from_millis(50);

/// For what is expected not to happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(700);

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(mut serve) = self.serve.take()
            && !std::thread::panicking()
        {
            serve.signal(Signal::TERM);
            serve.wait(PATIENCE).expect_code(0);
            self.assert_nothing_refused();
        }
    }
}
