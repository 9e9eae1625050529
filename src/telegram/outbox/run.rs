//! The loop: orders and answers come in, the desk says what to begin, calls go out.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::call::Call;
use super::chat::Head;
use super::desk::{Desk, Next, Start};
use super::payload::{Message, Note};
use super::row::{self, Begun, Told};
use super::step::Step;
use super::verdict::Tries;
use super::{LiveKey, LiveView, Order};
use crate::telegram::api::ApiError;
use crate::telegram::api::methods::AnswerCallbackQuery;
use crate::telegram::db::{Db, Tables};
use crate::telegram::ending;
use crate::telegram::place::Place;

/// What is still on its way out at the end gets this long.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// An answer to a pressed button that did not arrive is given again after this, then after twice as long, and so on.
const ANSWER_AGAIN: Duration = Duration::from_secs(1);

/// So many orders are taken in before it is looked what they change.
const ORDERS: usize = 64;

pub(super) type Answer = Result<Option<i64>, ApiError>;

/// What a call was made for.
#[derive(Debug)]
pub(super) enum What {
    Row {
        chat: i64,
        row: i64,
    },
    Live {
        key: LiveKey,
        message: Option<i64>,
        note: Note,
    },
    Typing(Place),
    Answer {
        answer: AnswerCallbackQuery,
        /// Before it is given again, if it does not arrive.
        pause: Duration,
    },
}

/// Carries out all of it; `C` makes one call.
pub(super) struct Carrier<'d, C> {
    pub(super) db: &'d Db,
    call: C,
    pub(super) desk: Desk,
    /// Rows of which a call is under way.
    pub(super) begun: HashMap<i64, Begun>,
    pub(super) tries: HashMap<i64, Tries>,
    calls: JoinSet<Answer>,
    under_way: HashMap<Id, What>,
    /// What has arrived, but the disk does not know it yet: nothing else goes to its chat before it does.
    pub(super) owed: Vec<Told>,
    /// When that is tried again.
    pub(super) pay_at: Option<Instant>,
    /// Chats of which it was said that nothing can be sent there.
    pub(super) lost: HashSet<i64>,
}

impl<'d, C, F> Carrier<'d, C>
where
    C: Fn(Call) -> F,
    F: Future<Output = Answer> + Send + 'static,
{
    pub(super) fn new(db: &'d Db, call: C) -> Self {
        Self {
            db,
            call,
            desk: Desk::new(),
            begun: HashMap::new(),
            tries: HashMap::new(),
            calls: JoinSet::new(),
            under_way: HashMap::new(),
            owed: Vec::new(),
            pay_at: None,
            lost: HashSet::new(),
        }
    }

    /// Until `stop`, and for a little longer what is on its way by then.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut taken = Vec::with_capacity(ORDERS);
        self.hold_on();
        self.look_everywhere();
        loop {
            let wake = self.begin_what_may();
            tokio::select! {
                biased;
                () = ending::told(&mut stop) => break,
                Some(ended) = self.calls.join_next_with_id() => self.ended(ended),
                count = orders.recv_many(&mut taken, ORDERS) => {
                    if count == 0 {
                        break;
                    }
                    taken.drain(..).for_each(|order| self.take(order));
                }
                () = at(wake) => {}
                () = at(self.pay_at) => self.pay(),
            }
        }
        while let Ok(order) = orders.try_recv() {
            self.take(order);
        }
        self.finish().await;
    }

    async fn finish(mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        self.desk.close();
        self.look_everywhere();
        loop {
            self.pay();
            let wake = self.begin_what_may().filter(|wake| *wake < deadline);
            if wake.is_none() && self.under_way.is_empty() {
                break;
            }
            let step = async {
                tokio::select! {
                    Some(ended) = self.calls.join_next_with_id() => self.ended(ended),
                    () = at(wake) => {}
                }
            };
            if timeout_at(deadline, step).await.is_err() {
                break;
            }
        }
    }

    /// What a former run was asked to wait for.
    fn hold_on(&mut self) {
        let now = Instant::now();
        match self.db.read(|tables| tables.held_chats(Timestamp::now())) {
            Ok(held) => held.into_iter().for_each(|(chat, wait)| self.desk.chat(chat).hold(now + wait)),
            Err(error) => tracing::error!(%error, "cannot read which chats have to wait"),
        }
    }

    fn look_everywhere(&mut self) {
        match self.db.read(Tables::chats_with_outgoing) {
            Ok(chats) => chats.into_iter().for_each(|chat| self.look(chat)),
            Err(error) => tracing::error!(%error, "cannot read what is to be sent"),
        }
    }

    /// What is next in line for a chat.
    pub(super) fn look(&mut self, chat: i64) {
        match self.db.read(|tables| row::next(tables, chat, &self.begun)) {
            Ok(next) => {
                let head = next.map(|next| Head { row: next.id, priority: next.priority });
                self.desk.line(chat, head);
            }
            Err(error) => {
                tracing::error!(%error, "cannot read what is to be sent");
                self.desk.chat(chat).trouble(Instant::now(), false);
            }
        }
    }

    fn take(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Wake(chat) => {
                self.desk.chat(chat).reached();
                self.look(chat);
            }
            Order::Show { key, view } => self.show(key, *view, now),
            Order::Forget(key) => self.desk.chat(key.place.chat).forget(key),
            Order::Typing { place, on } => self.desk.chat(place.chat).set_typing(place, on, now),
            Order::Answer { callback, text, alert } => {
                let answer = AnswerCallbackQuery { callback_query_id: callback, text, show_alert: alert };
                self.answer(answer, Duration::ZERO, ANSWER_AGAIN);
            }
        }
    }

    fn show(&mut self, key: LiveKey, view: LiveView, now: Instant) {
        if self.desk.is_new(key) {
            let LiveKey { place, session, turn } = key;
            let message = self.db.read(|tables| tables.live_message(place, session, turn, view.note.prompt));
            let message = message.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot read which message shows a turn");
                None
            });
            self.desk.chat(place.chat).add_live(key, message);
        }
        self.desk.show(key, view, now);
    }

    /// Begins whatever may begin now; when to look again.
    fn begin_what_may(&mut self) -> Option<Instant> {
        loop {
            let now = Instant::now();
            match self.desk.next(now) {
                Next::Start(Start::Row(chat)) => self.begin_row(chat, now),
                Next::Start(Start::Live(key)) => self.begin_live(key, now),
                Next::Start(Start::Typing(place)) => {
                    // Not counted: only messages and edits share the limits.
                    self.desk.chat(place.chat).begin_typing(place, now);
                    self.spawn(What::Typing(place), Call::typing(place));
                }
                Next::At(at) => return Some(at),
                Next::Nothing => return None,
            }
        }
    }

    fn begin_row(&mut self, chat: i64, now: Instant) {
        let begun = match self.db.write(|tables| row::begin(tables, chat, &self.begun)) {
            Ok(Some(begun)) => begun,
            Ok(None) => return self.look(chat),
            Err(error) => {
                tracing::error!(%error, "cannot note what is being sent; it waits");
                return self.desk.chat(chat).trouble(now, false);
            }
        };
        if let Some(key) = begun.ends() {
            self.desk.end_live(key);
        }
        let Some(step) = begun.step().cloned() else {
            // Nothing has to be called for it (any more).
            return self.tell(Told { begun, message: None });
        };
        let is_plain = self.tries.get(&begun.row).is_some_and(|tries| tries.is_plain);
        let is_upload = matches!(step, Step::Upload(_));
        let call = Call::of(step, begun.place, is_plain);
        let row = begun.row;
        if begun.counts() {
            self.desk.called(now);
        }
        self.begun.insert(row, begun);
        if is_upload {
            self.desk.chat(chat).begin_upload(now);
            // The others go on meanwhile.
            self.look(chat);
        } else {
            self.desk.chat(chat).begin_call();
        }
        self.spawn(What::Row { chat, row }, call);
    }

    fn begin_live(&mut self, key: LiveKey, now: Instant) {
        let place = key.place;
        let Some((message, view)) = self.desk.chat(place.chat).begin_live(key, now) else { return };
        self.desk.called(now);
        let LiveView { rich, buttons, reply_to, note } = view;
        let call = match message {
            Some(message) => Call::edit(place, message, rich, &buttons, false),
            None => Call::send(place, Message { rich, ring: false, reply_to, buttons, note }, false),
        };
        self.spawn(What::Live { key, message, note }, call);
    }

    /// Answers a pressed button, after `wait`.
    pub(super) fn answer(&mut self, answer: AnswerCallbackQuery, wait: Duration, pause: Duration) {
        let call = (self.call)(Call::Answer(answer.clone()));
        let task = self.calls.spawn(async move {
            sleep(wait).await;
            call.await
        });
        self.under_way.insert(task.id(), What::Answer { answer, pause });
    }

    fn spawn(&mut self, what: What, call: Call) {
        let task = self.calls.spawn((self.call)(call));
        self.under_way.insert(task.id(), what);
    }

    fn ended(&mut self, ended: Result<(Id, Answer), JoinError>) {
        let (id, answer) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a call to Telegram ended in a bug");
                (error.id(), Err(ApiError::Local("a call ended in a bug".to_owned())))
            }
        };
        if let Some(what) = self.under_way.remove(&id) {
            self.over(what, answer, Instant::now());
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
