//! The outbox from the outside: rows and orders in, calls out, on a clock that does not wait.

mod bench;
mod live;
mod phone;
mod rows;
mod steps;
mod topics;
mod trouble;
mod wire;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::run::Carrier;
use super::*;
use crate::model::SessionId;
use crate::telegram::db::{Db, MessageKind, NewOutgoing};
use phone::Phone;

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(future)
}

/// An outbox at work on a database, with a telephone at the other end.
struct House {
    db: Arc<Db>,
    outbox: Outbox,
    phone: Phone,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl House {
    fn new() -> Self {
        let db = Db::in_memory();
        db.write(|tables| tables.adopt(42)).unwrap();
        Self::on(Arc::new(db), Phone::default())
    }

    fn on(db: Arc<Db>, phone: Phone) -> Self {
        let (outbox, orders) = Outbox::new();
        let stop = watch::Sender::new(false);
        let (stopped, own, caller) = (stop.subscribe(), Arc::clone(&db), phone.clone());
        let task = tokio::spawn(async move {
            let call = move |call| caller.clone().call(call);
            Carrier::new(&own, call).run(orders, stopped).await;
        });
        Self { db, outbox, phone, stop, task }
    }

    /// The same after a kill.
    async fn killed(self) -> Self {
        self.task.abort();
        self.task.await.ok();
        Self::on(self.db, self.phone)
    }

    fn put(&self, place: Place, priority: u8, payload: &Payload) -> i64 {
        let payload = payload.to_json().unwrap();
        let new = NewOutgoing { place, priority, key: None, payload };
        let row = self.db.write(|tables| tables.enqueue(&new, Timestamp::now())).unwrap();
        self.outbox.wake(place.chat);
        row
    }

    fn say(&self, place: Place, words: &str) -> i64 {
        self.put(place, priority::ANSWER, &message(words))
    }

    fn show(&self, key: LiveKey, words: &str) {
        let view = LiveView {
            rich: Rich::plain(words),
            buttons: Keyboard::default(),
            reply_to: Some(5),
            note: Note { kind: MessageKind::Live, session: Some(key.session), prompt: None },
        };
        self.outbox.order(Order::Show { key, view: Box::new(view) });
    }

    fn open_rows(&self, chat: i64) -> usize {
        let mut count = 0;
        self.db
            .write(|tables| {
                count = tables.fail_chat(chat, "counted")?;
                Err::<(), _>(crate::error::Error::failed("only looked").into())
            })
            .unwrap_err();
        count
    }
}

/// Lets so much time pass.
async fn pass(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

fn note() -> Note {
    Note { kind: MessageKind::Notice, session: None, prompt: None }
}

fn message(words: &str) -> Payload {
    let rich = Rich::plain(words);
    Payload::Message(Message { rich, ring: true, reply_to: None, buttons: Keyboard::default(), note: note() })
}

fn key(chat: i64, session: SessionId) -> LiveKey {
    LiveKey { place: Place::chat(chat), session, turn: 3 }
}

fn last(session: SessionId, ring: bool, markdown: &str) -> Final {
    Final {
        session,
        turn: 3,
        prompt: None,
        heading: Rich::default(),
        markdown: markdown.to_owned(),
        footer: Rich::default(),
        ring,
        reply_to: Some(5),
        took_ms: 252_000,
        tools: 14,
        buttons: Keyboard::default(),
    }
}

fn token(text: &str) -> Keyboard {
    Keyboard(vec![vec![Key { label: text.to_owned(), press: Press { token: text.to_owned() } }]])
}
