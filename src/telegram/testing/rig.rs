//! A bridge between a host and a Telegram that both are only as large as a test needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{FakeHost, raw_message};
use crate::config::Config;
use crate::model::SessionId;
use crate::telegram::api::test_server::Server;
use crate::telegram::bridge::{Bridge, PersonaChoice, SharedAccess};
use crate::telegram::db::{Db, Tables};
use crate::telegram::gate::Bot;
use crate::telegram::intake;
use crate::telegram::link::Link;
use crate::telegram::outbox::{Order, Outbox, Payload};
use crate::telegram::poll::PollState;
use crate::telegram::view::tests::marked;

/// More patience than any test needs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) host: FakeHost,
    pub(crate) telegram: Server,
    pub(crate) bridge: Arc<Bridge>,
    orders: mpsc::UnboundedReceiver<Order>,
    watched: mpsc::UnboundedReceiver<SessionId>,
    wake: watch::Sender<u64>,
    /// How receiving goes: well, unless a test says otherwise.
    pub(crate) poll: watch::Sender<PollState>,
    running: Option<(oneshot::Sender<()>, JoinHandle<crate::error::Result<()>>)>,
    next: i64,
    /// What was said and not looked at.
    unread: Vec<Seen>,
    /// Whoever reads the personas falls over.
    pub(crate) personas_break: Arc<AtomicBool>,
}

/// Something that was said, as a person sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) chat: i64,
    pub(crate) thread: Option<i64>,
    pub(crate) payload: Payload,
    /// As it was stored in `outgoing`.
    pub(crate) row: i64,
}

impl Seen {
    pub(crate) fn text(&self) -> String {
        match &self.payload {
            Payload::Message(message) => marked(&message.rich),
            Payload::Edit { message, rich, .. } => format!("{message:?} {}", marked(rich)),
            Payload::File(file) => format!("file {}", file.name),
            Payload::React { message, emoji } => format!("react {message} {emoji:?}"),
            other => format!("{other:?}"),
        }
    }

    /// The token of the button with this label.
    pub(crate) fn button(&self, label: &str) -> String {
        let buttons = match &self.payload {
            Payload::Message(message) => &message.buttons,
            Payload::Edit { buttons, .. } => buttons,
            other => panic!("{other:?}"),
        };
        let key = buttons.0.iter().flatten().find(|key| key.label == label);
        let key = key.unwrap_or_else(|| panic!("no button {label} in {buttons:?}"));
        key.press.token.clone()
    }

    pub(crate) fn labels(&self) -> Vec<String> {
        match &self.payload {
            Payload::Message(message) => {
                message.buttons.0.iter().flatten().map(|key| key.label.clone()).collect()
            }
            Payload::Edit { buttons, .. } => {
                buttons.0.iter().flatten().map(|key| key.label.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let mut rig = Self::still().await;
        rig.start();
        rig
    }

    /// Nothing is handled until it is started.
    pub(crate) async fn still() -> Self {
        let host = FakeHost::start();
        let telegram = Server::start().await;
        let db = Db::in_memory();
        db.write(|tables| tables.adopt(42)).unwrap();
        let config = Config::defaults(host.paths());
        let (outbox, orders) = Outbox::new();
        let personas_break = Arc::new(AtomicBool::new(false));
        let broken = Arc::clone(&personas_break);
        let (watched_by, watched) = mpsc::unbounded_channel();
        let bridge = Arc::new(Bridge {
            api: telegram.api(),
            db: Arc::new(db),
            link: Link::new(host.paths().clone()),
            bot: Bot { id: 42, username: "my_bot".to_owned(), has_topics: false },
            outbox,
            config: config.telegram,
            stale_after: Duration::from_secs(3600),
            projects: BTreeMap::from([("lab".to_owned(), "/srv/lab".into())]),
            downloads: host.home().join("downloads"),
            home: "/home/me".into(),
            scratch: "/scratch".into(),
            personas: Arc::new(move || personas(&broken)),
            epoch: "this run".to_owned(),
            is_begun_anew: false,
            access: SharedAccess::default(),
            watched: watched_by,
        });
        let (wake, _) = watch::channel(0);
        let poll = watch::Sender::new(PollState::Receiving { since: Timestamp::UNIX_EPOCH });
        Self {
            host,
            telegram,
            bridge,
            orders,
            watched,
            wake,
            poll,
            running: None,
            next: 1,
            unread: Vec::new(),
            personas_break,
        }
    }

    pub(crate) fn start(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { drop(stopped.await) };
        let (wake, poll) = (self.wake.subscribe(), self.poll.subscribe());
        let task = tokio::spawn(intake::run(Arc::clone(&self.bridge), wake, poll, stopped));
        self.running = Some((stop, task));
    }

    pub(crate) async fn stop(&mut self) {
        let Some((stop, task)) = self.running.take() else { return };
        drop(stop);
        timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
    }

    /// An update comes in. Gives its number.
    pub(crate) fn comes(&mut self, kind: &str, body: Value) -> i64 {
        self.come([(kind, body)])
    }

    /// Several come at once. Gives the number of the first.
    pub(crate) fn come<'a>(&mut self, updates: impl IntoIterator<Item = (&'a str, Value)>) -> i64 {
        let first = self.lie(updates);
        self.wake.send_modify(|count| *count += 1);
        first
    }

    /// They lie in the file, and nobody has been told.
    pub(crate) fn lie<'a>(&mut self, updates: impl IntoIterator<Item = (&'a str, Value)>) -> i64 {
        let first = self.next;
        let mut batch = Vec::new();
        for (kind, body) in updates {
            batch.push(json!({ "update_id": self.next, kind: body }));
            self.next += 1;
        }
        self.bridge.db.write(|tables| tables.store_updates(&batch, Timestamp::now())).unwrap();
        first
    }

    /// An update comes in again, as after a crash that has lost how it ended, and what was expected then.
    pub(crate) fn comes_again(&mut self, update: i64, kind: &str, body: Value) {
        let later = Timestamp::now() + jiff::SignedDuration::from_hours(3 * 24);
        let again = json!({ "update_id": update, kind: body });
        self.bridge
            .db
            .write(|tables| {
                tables.prune(later)?;
                tables.store_updates(&[again], Timestamp::now())
            })
            .unwrap();
        self.wake.send_modify(|count| *count += 1);
    }

    /// Ann says something in her chat, just now.
    pub(crate) fn says(&mut self, text: &str) -> i64 {
        let more = json!({ "text": text });
        self.sends(more)
    }

    pub(crate) fn sends(&mut self, more: Value) -> i64 {
        let message = self.message(more);
        self.comes("message", message)
    }

    /// A message by Ann, numbered 100 beyond the update that it will be.
    pub(crate) fn message(&self, more: Value) -> Value {
        let mut message = raw_message(json!({
            "message_id": 100 + self.next,
            "date": Timestamp::now().as_second(),
        }));
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message
    }

    /// Somebody presses a button under a message of Ann's chat.
    pub(crate) fn presses(&mut self, user: i64, message: i64, data: &str) -> i64 {
        self.comes("callback_query", pressed(user, message, data))
    }

    /// The next thing that is asked of the outbox.
    pub(crate) async fn order(&mut self) -> Order {
        timeout(PATIENCE, self.orders.recv()).await.expect("nothing is asked of the outbox").unwrap()
    }

    /// The next session that is set to work.
    pub(crate) async fn works(&mut self) -> SessionId {
        timeout(PATIENCE, self.watched.recv()).await.expect("no session is set to work").unwrap()
    }

    /// Until every update is done or set aside, in whichever lane.
    pub(crate) async fn rests(&self) {
        let rests = async {
            while self.open() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, rests).await.expect("updates stay undone");
    }

    /// What a pressed button was answered.
    pub(crate) async fn toast(&mut self) -> String {
        loop {
            if let Order::Answer { text, .. } = self.order().await {
                return text.unwrap_or_default();
            }
        }
    }

    /// Everything that is to be said by the time that something is.
    pub(crate) async fn said(&mut self) -> Vec<Seen> {
        loop {
            let seen = self.seen();
            if !seen.is_empty() {
                return seen;
            }
            self.order().await;
        }
    }

    /// The first that is said with these words in it; what is said before it is passed over.
    pub(crate) async fn hears(&mut self, words: &str) -> Seen {
        loop {
            let mut seen = self.seen();
            if let Some(at) = seen.iter().position(|seen| seen.text().contains(words)) {
                self.unread = seen.split_off(at + 1);
                return seen.remove(at);
            }
            self.order().await;
        }
    }

    /// What waits to be said, in order; it counts as said.
    pub(crate) fn seen(&mut self) -> Vec<Seen> {
        let mut seen = std::mem::take(&mut self.unread);
        self.bridge
            .db
            .write(|tables| {
                for chat in tables.chats_with_outgoing()? {
                    while let Some(row) = tables.next_outgoing(chat, &[])? {
                        tables.outgoing_sent(row.id, None)?;
                        let payload = serde_json::from_value(row.payload).unwrap();
                        seen.push(Seen { chat, thread: row.place.thread, payload, row: row.id });
                    }
                }
                Ok(())
            })
            .unwrap();
        seen.sort_by_key(|seen| seen.row);
        seen
    }

    /// Until everything that came from Ann before is done.
    pub(crate) async fn settles(&mut self) {
        self.says("/help");
        self.hears("Any other /command").await;
    }

    /// How many updates are set aside.
    pub(crate) fn poisoned(&self) -> u32 {
        self.bridge.db.read(Tables::poisoned_updates).unwrap()
    }

    /// How many updates are neither done nor set aside.
    pub(crate) fn open(&self) -> usize {
        self.bridge.db.read(|tables| tables.new_updates(0, 1000)).unwrap().len()
    }
}

pub(crate) fn pressed(user: i64, message: i64, data: &str) -> Value {
    json!({
        "id": format!("q{user}"),
        "from": { "id": user, "is_bot": false, "first_name": "Ann" },
        "message": { "message_id": message, "chat": { "id": 7, "type": "private" } },
        "data": data,
    })
}

fn personas(broken: &AtomicBool) -> Vec<PersonaChoice> {
    assert!(!broken.load(Ordering::Relaxed), "the personas cannot be read");
    let persona =
        |name: &str| PersonaChoice { name: name.to_owned(), description: format!("who {name}s"), dir: None };
    vec![persona("default"), persona("plan")]
}
