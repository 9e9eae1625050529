//! A chat in the hands of a test.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::User;
use super::about::add_rights;
use super::fault::Fault;
use super::incoming::{Incoming, Media};
use super::seen::Seen;
use super::send::New;
use super::state::{PATIENCE, Shared, State};
use super::text::detect;
use super::topics::{open_topic, remove_topic};
use super::world::{BOT, Kind, Query, Standing};

const ICON_COLOR: i64 = 7_322_096;

/// A chat. Clones are the same chat.
#[derive(Clone)]
pub(crate) struct Chat {
    pub(super) shared: Arc<Shared>,
    id: i64,
}

impl Chat {
    pub(super) fn new(shared: &Arc<Shared>, id: i64) -> Self {
        Self { shared: Arc::clone(shared), id }
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// A message to be written.
    pub(crate) fn message(&self, from: &User) -> Incoming {
        Incoming::new(self.clone(), from.id)
    }

    /// A person says this. Gives the message's id.
    pub(crate) fn say(&self, from: &User, text: &str) -> i64 {
        self.message(from).text(text).send()
    }

    /// A channel's post.
    pub(crate) fn post(&self, text: &str) -> i64 {
        Incoming::new(self.clone(), BOT).text(text).send()
    }

    /// Several files at once, with the caption on the first. Gives the messages' ids.
    pub(crate) fn album(&self, from: &User, caption: &str, files: &[Media]) -> Vec<i64> {
        let group = self.shared.change(|state| 13_000_000_000_000_000 + state.world.number());
        let mut ids = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let message = self.message(from).file(file.clone());
            let message = if index == 0 && !caption.is_empty() { message.text(caption) } else { message };
            ids.push(message.field("media_group_id", json!(group.to_string())).send());
        }
        ids
    }

    /// A person edits their message.
    pub(crate) fn edit(&self, message: i64, text: &str) {
        self.shared.change(|state| {
            let date = state.clock.date();
            let chat = state.world.chat_mut(self.id);
            let kind = if chat.kind == Kind::Channel { "edited_channel_post" } else { "edited_message" };
            let posted = chat.messages.get_mut(&message);
            let body = &mut posted.unwrap_or_else(|| panic!("no message {message}")).body;
            let (name, entities) = match body.contains_key("text") {
                true => ("text", "entities"),
                false => ("caption", "caption_entities"),
            };
            body.insert(name.to_owned(), json!(text));
            body.insert(entities.to_owned(), json!(detect(text)));
            body.insert("edit_date".into(), json!(date));
            let edited = Value::Object(body.clone());
            state.push(kind, edited);
        });
    }

    /// A person deletes a message; the bot is not told.
    pub(crate) fn delete(&self, message: i64) {
        self.shared.change(|state| state.world.chat_mut(self.id).messages.remove(&message));
    }

    /// Presses the button with this label or these data; panics when there is none. Gives the query's id.
    pub(crate) fn tap(&self, message: i64, button: &str, by: &User) -> String {
        let seen = self.messages().into_iter().find(|seen| seen.id == message);
        let seen = seen.unwrap_or_else(|| panic!("no message {message} to tap on:\n{}", self.summary()));
        let found = seen.button(button).filter(|button| !button.data.is_empty());
        let data = found.unwrap_or_else(|| panic!("no button {button:?} on {seen}")).data.clone();
        self.press(&seen.raw, &data, by)
    }

    /// Presses a button that is no longer there, as a client does that has not seen the edit yet. Even the message
    /// may be gone.
    pub(crate) fn tap_stale(&self, message: i64, data: &str, by: &User) -> String {
        let seen = self.messages().into_iter().find(|seen| seen.id == message);
        let gone = || {
            let chat = self.shared.lock().world.chat(self.id).json();
            json!({ "chat": chat, "message_id": message, "date": 0 })
        };
        self.press(&seen.map_or_else(gone, |seen| seen.raw), data, by)
    }

    fn press(&self, message: &Value, data: &str, by: &User) -> String {
        self.shared.change(|state| {
            let id = (3_000_000_000_000_000_000 + state.world.number()).to_string();
            let query = Query { at: state.clock.now(), expired: false, answer: None };
            state.world.queries.insert(id.clone(), query);
            let from = state.world.user(by.id);
            let mut query = json!({ "id": id, "from": from, "message": message });
            query["chat_instance"] = json!(format!("{}", self.id.wrapping_mul(31)));
            query["data"] = json!(data);
            state.push("callback_query", query);
            id
        })
    }

    /// A person puts an emoji on a message; heard only by bots that ask for it.
    pub(crate) fn react(&self, message: i64, by: &User, emoji: &str) {
        self.shared.change(|state| {
            let (chat, user) = (state.world.chat(self.id).json(), state.world.user(by.id));
            let date = state.clock.date();
            let new = json!([{ "type": "emoji", "emoji": emoji }]);
            let update = json!({
                "chat": chat, "user": user, "message_id": message, "date": date, "old_reaction": [],
                "new_reaction": new,
            });
            state.push("message_reaction", update);
        });
    }

    /// A person opens a topic. Gives its id.
    pub(crate) fn topic(&self, by: &User, name: &str) -> i64 {
        self.shared.change(|state| open_topic(state, self.id, by.id, name, ICON_COLOR))
    }

    /// A person closes a topic.
    pub(crate) fn close_topic(&self, by: &User, thread: i64) {
        self.shared.change(|state| {
            let topic = state.world.chat_mut(self.id).topics.get_mut(&thread);
            topic.unwrap_or_else(|| panic!("no topic {thread}")).closed = true;
            self.announce(state, by, Some(thread), "forum_topic_closed", json!({}));
        });
    }

    /// A person deletes a topic with all its messages; the bot is not told.
    pub(crate) fn delete_topic(&self, thread: i64) {
        self.shared.change(|state| remove_topic(state.world.chat_mut(self.id), thread));
    }

    /// The topics' names, closed ones included.
    pub(crate) fn topics(&self) -> Vec<(i64, String)> {
        let state = self.shared.lock();
        let topics = state.world.chat(self.id).topics.iter();
        topics.map(|(id, topic)| (*id, topic.name.clone())).collect()
    }

    pub(crate) fn add_member(&self, user: &User) {
        self.shared.change(|state| {
            state.world.chat_mut(self.id).members.insert(user.id, "member");
            let who = state.world.user(user.id);
            self.announce(state, user, None, "new_chat_members", json!([who]));
        });
    }

    pub(crate) fn remove_member(&self, user: &User) {
        self.shared.change(|state| {
            state.world.chat_mut(self.id).members.remove(&user.id);
            let who = state.world.user(user.id);
            self.announce(state, user, None, "left_chat_member", who);
        });
    }

    /// The person blocks the bot, or the group throws it out.
    pub(crate) fn block_bot(&self, by: &User) {
        self.set_standing(by, Standing::Kicked);
    }

    /// Takes it back; where there are administrators the bot is none.
    pub(crate) fn unblock_bot(&self, by: &User) {
        self.set_standing(by, Standing::Member);
    }

    pub(crate) fn make_bot_administrator(&self, by: &User) {
        self.set_standing(by, Standing::Administrator);
    }

    fn set_standing(&self, by: &User, standing: Standing) {
        self.shared.change(|state| {
            let chat = state.world.chat_mut(self.id);
            let old = std::mem::replace(&mut chat.standing, standing);
            let chat = chat.json();
            let member = |standing: Standing| {
                let mut member = json!({ "user": state.world.user(BOT), "status": standing.status() });
                match standing {
                    Standing::Administrator => add_rights(&mut member),
                    Standing::Member => {}
                    Standing::Kicked => member["until_date"] = json!(0),
                }
                member
            };
            let (old, new) = (member(old), member(standing));
            let (from, date) = (state.world.user(by.id), state.clock.date());
            let update =
                json!({ "chat": chat, "from": from, "date": date, "old_chat_member": old, "new_chat_member": new });
            state.push("my_chat_member", update);
        });
    }

    /// The group becomes a supergroup, which is another chat.
    pub(crate) fn migrate(&self, by: &User) -> Self {
        let id = self.shared.change(|state| {
            let old = state.world.chat(self.id);
            assert_eq!(old.kind, Kind::Group, "only a basic group becomes a supergroup");
            let (title, members) = (old.title.clone(), old.members.keys().copied().collect::<Vec<_>>());
            let id = state.world.add_chat(Kind::Supergroup { forum: false }, &title, &members);
            state.world.chat_mut(self.id).migrated_to = Some(id);
            self.announce(state, by, None, "migrate_to_chat_id", json!(id));
            Self::new(&self.shared, id).announce(state, by, None, "migrate_from_chat_id", json!(self.id));
            id
        });
        Self::new(&self.shared, id)
    }

    /// A message that says what a person did.
    fn announce(&self, state: &mut State, by: &User, thread: Option<i64>, what: &str, content: Value) {
        let body = Map::from_iter([(what.to_owned(), content)]);
        let (chat, from) = (self.id, by.id);
        let message = New { chat, from, thread, body, silent: false, file: None, reply: None }.post(state);
        state.push("message", message);
    }

    /// Everything in the chat as a person sees it now, oldest first.
    pub(crate) fn messages(&self) -> Vec<Seen> {
        let state = self.shared.lock();
        seen(&state, self.id)
    }

    /// What is there of the bot, without what only says what it did.
    pub(crate) fn bot_messages(&self) -> Vec<Seen> {
        self.messages().into_iter().filter(is_said_by_bot).collect()
    }

    /// The bot's first message, past or coming, edited or not, that fits. Panics with what happened instead when
    /// there is none after a minute.
    pub(crate) fn wait_for_message(&self, fits: impl Fn(&Seen) -> bool) -> Seen {
        let find = |state: &mut State| {
            seen(state, self.id).into_iter().find(|message| is_said_by_bot(message) && fits(message))
        };
        let found = self.shared.wait(PATIENCE, find);
        found.unwrap_or_else(|| panic!("no such message of the bot in chat {}:\n{}", self.id, self.summary()))
    }

    /// The bot's first message that has this in its text.
    pub(crate) fn wait_for_text(&self, part: &str) -> Seen {
        self.wait_for_message(|message| message.text.contains(part))
    }

    /// Previews that are shown now, with their topics.
    pub(crate) fn drafts(&self) -> Vec<(Option<i64>, String)> {
        let state = self.shared.lock();
        let now = state.clock.now();
        let drafts = state.world.chat(self.id).drafts.values().filter(|draft| now < draft.until);
        drafts.map(|draft| (draft.thread, draft.text.clone())).collect()
    }

    /// As [`BotApi::fail_next`](super::BotApi::fail_next), for calls about this chat.
    pub(crate) fn fail_next(&self, times: usize, method: &str, fault: Fault) {
        self.shared.change(|state| state.faults.add(times, method, Some(self.id), fault));
    }

    /// What is in the chat, and what the bot asked for.
    pub(crate) fn summary(&self) -> String {
        let mut out = String::new();
        for message in self.messages() {
            writeln!(out, "  {message}").ok();
        }
        let calls = self.shared.lock().transcript.summary();
        format!("{out}the bot's calls:\n{calls}")
    }
}

fn seen(state: &State, chat: i64) -> Vec<Seen> {
    let chat = state.world.chat(chat);
    chat.messages.values().map(|posted| Seen::of(posted, chat, &state.world.files)).collect()
}

fn is_said_by_bot(message: &Seen) -> bool {
    message.by_bot && (!message.text.is_empty() || message.file.is_some())
}
