//! A strict Telegram Bot API on loopback, so that a bot can be tested against what Telegram does, refuses and breaks.
//!
//! The test plays the people: [`BotApi`] makes [users](User) and [chats](Chat), which say things and see what the bot
//! said; faults and limits are scripted; every call is kept in the transcript. Telegram's texts and rules are followed
//! where a bot can notice; it is stricter in refusing what Telegram repairs or ignores in silence (entities that may
//! not lie in each other, misspelt parameters) and knows no parse mode.
//!
//! One thread per connection; everything ends when the [`BotApi`] is dropped.

mod about;
mod call;
mod chat;
#[cfg(test)]
mod checks;
mod edit;
mod fault;
mod files;
pub(crate) mod incoming;
mod limits;
mod markup;
mod methods;
mod params;
pub(crate) mod refusal;
pub(crate) mod seen;
mod send;
mod serve;
mod state;
mod text;
mod topics;
mod transcript;
mod updates;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) use self::call::Answer;
pub(crate) use self::chat::Chat;
pub(crate) use self::fault::Fault;
pub(crate) use self::incoming::{Media, Origin};
pub(crate) use self::limits::Limits;
use self::state::{PATIENCE, Shared};
pub(crate) use self::transcript::{Call, Outcome};
use self::world::{BOT, BOT_NAME, Kind};

const TOKEN: &str = "7000000001:AAStandInTokenForTestsOnly-0123456789";

/// A person, or another bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: i64,
}

/// The server. It stops when this is dropped.
pub(crate) struct BotApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl BotApi {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let acceptor = {
            let shared = Arc::clone(&shared);
            let acceptor = std::thread::Builder::new().name("bot-api".into());
            acceptor.spawn(move || serve::accept(&listener, &shared))?
        };
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// For `CLAUDEBOT_TELEGRAM_API_URL`; without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn token(&self) -> &'static str {
        TOKEN
    }

    pub(crate) fn bot_id(&self) -> i64 {
        BOT
    }

    /// Without `@`.
    pub(crate) fn bot_username(&self) -> &'static str {
        BOT_NAME
    }

    pub(crate) fn user(&self, name: &str) -> User {
        User { id: self.shared.change(|state| state.world.add_user(name, false)) }
    }

    /// Another bot.
    pub(crate) fn other_bot(&self, name: &str) -> User {
        User { id: self.shared.change(|state| state.world.add_user(name, true)) }
    }

    /// The person's chat with the bot, which they have started.
    pub(crate) fn private(&self, with: &User) -> Chat {
        let name =
            self.shared.lock().world.user(with.id)["first_name"].as_str().unwrap_or_default().to_owned();
        self.chat(Kind::Private, &name, &[*with])
    }

    /// A basic group; the first member owns it.
    pub(crate) fn group(&self, title: &str, members: &[User]) -> Chat {
        self.chat(Kind::Group, title, members)
    }

    /// A supergroup in which the bot is an administrator.
    pub(crate) fn supergroup(&self, title: &str, members: &[User]) -> Chat {
        self.chat(Kind::Supergroup { forum: false }, title, members)
    }

    /// A supergroup with topics, in which the bot is an administrator.
    pub(crate) fn forum(&self, title: &str, members: &[User]) -> Chat {
        self.chat(Kind::Supergroup { forum: true }, title, members)
    }

    pub(crate) fn channel(&self, title: &str) -> Chat {
        self.chat(Kind::Channel, title, &[])
    }

    fn chat(&self, kind: Kind, title: &str, members: &[User]) -> Chat {
        let members: Vec<i64> = members.iter().map(|user| user.id).collect();
        let id = self.shared.change(|state| state.world.add_chat(kind, title, &members));
        Chat::new(&self.shared, id)
    }

    /// The chat with this id, whoever made it.
    pub(crate) fn chat_with_id(&self, id: i64) -> Option<Chat> {
        let is_known = self.shared.lock().world.chats.contains_key(&id);
        is_known.then(|| Chat::new(&self.shared, id))
    }

    /// Whether the bot hears only commands, mentions and replies in groups where it is no administrator. Off at first.
    pub(crate) fn set_privacy_mode(&self, on: bool) {
        self.shared.change(|state| state.world.privacy = on);
    }

    /// Whether private chats may have topics. Off at first.
    pub(crate) fn set_private_topics(&self, on: bool) {
        self.shared.change(|state| state.world.private_topics = on);
    }

    /// An update of any kind. Gives its id, or `None` when the bot does not want such ones.
    pub(crate) fn push_update(&self, kind: &str, content: Value) -> Option<i64> {
        self.shared.change(|state| state.push(kind, content))
    }

    /// The id of the next update, as after days without one, when Telegram starts anew.
    pub(crate) fn set_next_update_id(&self, id: i64) {
        self.shared.change(|state| state.updates.next = id);
    }

    /// How many updates the bot has not acknowledged.
    pub(crate) fn unread(&self) -> usize {
        self.shared.lock().updates.count()
    }

    /// Waits until the bot has acknowledged every update, and polls for more.
    pub(crate) fn wait_read(&self) {
        let read = |state: &mut state::State| {
            (state.updates.count() == 0 && state.updates.polled_from.is_some()).then_some(())
        };
        let read = self.shared.wait(PATIENCE, read);
        read.unwrap_or_else(|| panic!("{} updates are unread:\n{}", self.unread(), self.summary()));
    }

    pub(crate) fn set_webhook(&self, url: Option<&str>) {
        self.shared.change(|state| state.updates.webhook = url.map(str::to_owned));
    }

    /// What the bot answered to a press of a button: text, and whether as an alert. Waits for it.
    pub(crate) fn wait_for_answer(&self, query: &str) -> (String, bool) {
        let answer = self.shared.wait(PATIENCE, |state| state.world.queries.get(query)?.answer.clone());
        let answer = answer.unwrap_or_else(|| panic!("query {query} was not answered:\n{}", self.summary()));
        (answer["text"].as_str().unwrap_or_default().to_owned(), answer["show_alert"] == true)
    }

    /// From now on the query is too old to be answered.
    pub(crate) fn expire_query(&self, query: &str) {
        self.shared.change(|state| {
            if let Some(query) = state.world.queries.get_mut(query) {
                query.expired = true;
            }
        });
    }

    /// `None`, as at first: no limits.
    pub(crate) fn set_limits(&self, limits: Option<Limits>) {
        self.shared.change(|state| state.meter.limits = limits);
    }

    /// Puts the stand-in's clock ahead: for limits, bans, drafts, queries and what it keeps for a day.
    pub(crate) fn advance(&self, time: Duration) {
        self.shared.change(|state| state.clock.ahead += time);
    }

    /// The next calls of this method (`*`: any; `download`: a file) fail so. `usize::MAX`: until [`heal`](Self::heal).
    /// Of several scripts that fit a call the oldest is taken.
    pub(crate) fn fail_next(&self, times: usize, method: &str, fault: Fault) {
        self.shared.change(|state| state.faults.add(times, method, None, fault));
    }

    /// Forgets all faults that have not happened.
    pub(crate) fn heal(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// Lets calls that stand at this gate go on, now and later.
    pub(crate) fn release(&self, gate: &str) {
        self.shared.change(|state| state.open_gates.insert(gate.to_owned()));
    }

    /// Waits until a call stands at this gate.
    pub(crate) fn wait_held(&self, gate: &str) {
        let held = |state: &mut state::State| state.held.values().any(|held| held == gate).then_some(());
        let held = self.shared.wait(PATIENCE, held);
        held.unwrap_or_else(|| panic!("nothing stands at {gate:?}:\n{}", self.summary()));
    }

    /// Breaks every connection that is open now, polls included.
    pub(crate) fn cut_connections(&self) {
        self.shared.change(state::State::cut_all);
    }

    /// As if the network were gone: open connections break, new ones are closed at once.
    pub(crate) fn go_down(&self) {
        self.shared.change(|state| {
            state.down = true;
            state.cut_all();
        });
    }

    pub(crate) fn come_back(&self) {
        self.shared.change(|state| state.down = false);
    }

    /// Now, on the clock of [`Call::at`].
    pub(crate) fn nanos(&self) -> u64 {
        self.shared.lock().clock.nanos()
    }

    /// The bot's calls, oldest first; very old ones may be forgotten.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.lock().transcript.calls.clone()
    }

    /// The calls of this method.
    pub(crate) fn calls_of(&self, method: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.method == method).collect()
    }

    /// Calls that were refused, and not by script: a bot that knows Telegram has none.
    pub(crate) fn refused(&self) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.refusal().is_some()).collect()
    }

    /// Forgets what was asked, except calls that are still open.
    pub(crate) fn forget(&self) {
        self.shared.change(|state| state.transcript.forget());
    }

    /// Waits until the calls so far give something. Panics with them when the time is up. `find` must not ask the
    /// stand-in for anything, which is locked meanwhile.
    pub(crate) fn wait_for<T>(&self, find: impl Fn(&[Call]) -> Option<T>) -> T {
        let found = self.shared.wait(PATIENCE, |state| find(&state.transcript.calls));
        found.unwrap_or_else(|| panic!("no such calls; the bot's were:\n{}", self.summary()))
    }

    /// The first call, past or coming, that fits.
    pub(crate) fn wait_for_call(&self, fits: impl Fn(&Call) -> bool) -> Call {
        self.wait_for(|calls| calls.iter().find(|call| fits(call)).cloned())
    }

    /// Calls that ended after this time ([`Call::ended`]), in that order. Waits until there are some or the time is up.
    pub(crate) fn ended_after(&self, nanos: u64, timeout: Duration) -> Vec<Call> {
        let find = |state: &mut state::State| {
            let calls = state.transcript.calls.iter();
            let mut ended: Vec<_> =
                calls.filter(|call| call.ended.is_some_and(|at| at > nanos)).cloned().collect();
            ended.sort_by_key(|call| call.ended);
            Some(ended).filter(|ended| !ended.is_empty())
        };
        self.shared.wait(timeout, find).unwrap_or_default()
    }

    /// The newest calls in words.
    pub(crate) fn summary(&self) -> String {
        self.shared.lock().transcript.summary()
    }

    /// Calls a method over HTTP as another program with the same token would.
    pub(crate) fn call(&self, method: &str, parameters: &Value) -> Answer {
        let body = if parameters.is_null() { json!({}) } else { parameters.clone() }.to_string();
        self.request(&format!("/bot{TOKEN}/{method}"), "application/json", body.as_bytes())
    }

    /// Any request; without a body it is a GET.
    pub(crate) fn request(&self, target: &str, kind: &str, body: &[u8]) -> Answer {
        let answer = call::call(self.address, target, kind, body);
        answer.unwrap_or_else(|error| panic!("cannot reach the stand-in: {error}"))
    }
}

impl Drop for BotApi {
    fn drop(&mut self) {
        self.shared.stop();
        // A connection wakes the acceptor, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
    }
}
