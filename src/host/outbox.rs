//! What goes out on one connection: answers, which always arrive, and pushes, which a slow reader loses whole
//! subscriptions of.
//!
//! The supervisor and the actors hold [`Replier`]s; the connection holds the [`Outbox`] they fill. A push costs
//! no waiting and no second serialising: what is ready goes out in one write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::io::AsyncWrite;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};

use crate::error::{Error, Result};
use crate::ipc::codec::FrameWriter;
use crate::ipc::{HostFrame, Push, Response};

/// Room for pushes that the client has not taken yet: so many small ones, or fewer large ones.
const ROOM: u32 = 1024;

/// A push takes a place for each started piece of this size, so `ROOM` bounds memory too.
const PIECE: usize = 4 << 10;

/// Even the largest push fits, if the client has taken the others.
const MOST: u32 = REPLAY_ROOM;

/// Replays wait for room of their own, so that one in full flow does not make live subscriptions lag.
const REPLAY_ROOM: u32 = ROOM / 2;

/// So many frames are put together before they are written.
const BATCH: usize = 256;

/// Why a subscriber is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsubscribed {
    /// It was too slow, and has been told ([`Push::Lagged`]).
    Lagged,
    /// Its connection has ended.
    Closed,
}

/// A push that goes to several subscribers, serialised once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedPush(Box<[u8]>);

impl SharedPush {
    pub(crate) fn new(push: &Push) -> Result<Arc<Self>> {
        Ok(Arc::new(Self(encode(push)?.into())))
    }

    /// The places it takes in a connection's queue.
    pub(crate) fn weight(&self) -> u32 {
        u32::try_from(1 + self.0.len() / PIECE).unwrap_or(MOST).min(MOST)
    }
}

fn encode(frame: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(frame)
        .map_err(|e| Error::failed(format!("the host cannot put its answer into words: {e}")))
}

enum Item {
    /// The answer to a request, with that request's place among those under way.
    Reply {
        line: Vec<u8>,
        _place: Option<OwnedSemaphorePermit>,
    },
    Push {
        id: u64,
        push: Arc<SharedPush>,
        replayed: bool,
    },
    Lagged {
        id: u64,
    },
    /// A request was dropped without an answer: the client is better off without this connection.
    HangUp,
}

/// The sending side, shared by all repliers of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    items: mpsc::UnboundedSender<Item>,
    room: Arc<Rooms>,
}

/// Places for what is not written yet. A push takes them along; the outbox gives them back.
#[derive(Debug)]
struct Rooms {
    live: Semaphore,
    replay: Semaphore,
}

impl Rooms {
    fn close(&self) {
        self.live.close();
        self.replay.close();
    }
}

impl Queue {
    /// An answer to what was no request: `id` is 0 if not even that could be read.
    pub(crate) fn refuse(&self, id: u64, error: Error) {
        self.reply(HostFrame::Error { id, error }, None);
    }

    /// For a request that holds a place among those under way until its answer is written.
    pub(crate) fn replier(&self, id: u64, place: OwnedSemaphorePermit) -> Replier {
        let state = State {
            id,
            queue: self.clone(),
            unanswered: Mutex::new(Some(place)),
            lagged: AtomicBool::new(false),
        };
        Replier(Arc::new(state))
    }

    fn reply(&self, frame: HostFrame, place: Option<OwnedSemaphorePermit>) {
        let line = encode(&frame).or_else(|error| match frame {
            HostFrame::Ok { id, .. } | HostFrame::Error { id, .. } | HostFrame::Push { id, .. } => {
                encode(&HostFrame::Error { id, error })
            }
        });
        self.put(match line {
            Ok(line) => Item::Reply { line, _place: place },
            Err(_) => Item::HangUp,
        });
    }

    /// Without a connection there is nobody to tell.
    fn put(&self, item: Item) {
        self.items.send(item).ok();
    }
}

/// The way back to whoever sent a request: one answer, and pushes for a subscription. Clones are the same one.
/// Dropping the last without an answer ends the connection; the client then asks again if that is harmless.
#[derive(Debug, Clone)]
pub(crate) struct Replier(Arc<State>);

#[derive(Debug)]
struct State {
    id: u64,
    queue: Queue,
    /// Until the answer: the request's place among those under way.
    unanswered: Mutex<Option<OwnedSemaphorePermit>>,
    lagged: AtomicBool,
}

impl State {
    fn answer(&self, frame: HostFrame) {
        match self.take_place() {
            Some(place) => self.queue.reply(frame, Some(place)),
            None => tracing::error!("request {} was answered twice; the second is dropped", self.id),
        }
    }

    fn take_place(&self) -> Option<OwnedSemaphorePermit> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if self.take_place().is_some() {
            self.queue.put(Item::HangUp);
        }
    }
}

impl Replier {
    pub(crate) fn ok(&self, response: Response) {
        self.0.answer(HostFrame::Ok { id: self.0.id, response });
    }

    pub(crate) fn error(&self, error: Error) {
        self.0.answer(HostFrame::Error { id: self.0.id, error });
    }

    pub(crate) fn reply(&self, result: Result<Response>) {
        match result {
            Ok(response) => self.ok(response),
            Err(error) => self.error(error),
        }
    }

    /// Pushes to this one subscriber. On an error drop the subscription: nothing will arrive any more.
    pub(crate) fn push(&self, push: &Push) -> Result<(), Unsubscribed> {
        match SharedPush::new(push) {
            Ok(push) => self.push_shared(&push),
            Err(e) => {
                tracing::error!("{e}");
                Err(self.lag())
            }
        }
    }

    /// Pushes what goes to others as well. Never waits.
    pub(crate) fn push_shared(&self, push: &Arc<SharedPush>) -> Result<(), Unsubscribed> {
        let State { id, queue, lagged, .. } = &*self.0;
        if lagged.load(Ordering::Relaxed) {
            return Err(Unsubscribed::Lagged);
        }
        match queue.room.live.try_acquire_many(push.weight()) {
            Ok(taken) => taken.forget(),
            Err(TryAcquireError::NoPermits) => return Err(self.lag()),
            Err(TryAcquireError::Closed) => return Err(Unsubscribed::Closed),
        }
        queue.put(Item::Push { id: *id, push: Arc::clone(push), replayed: false });
        Ok(())
    }

    /// Pushes, and waits for room: for replaying a long log in a task of its own, at the reader's speed.
    pub(crate) async fn push_paced(&self, push: &Push) -> Result<(), Unsubscribed> {
        let State { id, queue, lagged, .. } = &*self.0;
        let Ok(push) = SharedPush::new(push) else { return self.push(push) };
        match queue.room.replay.acquire_many(push.weight()).await {
            Ok(taken) => taken.forget(),
            Err(_) => return Err(Unsubscribed::Closed),
        }
        if lagged.load(Ordering::Relaxed) {
            queue.room.replay.add_permits(push.weight() as usize);
            return Err(Unsubscribed::Lagged);
        }
        queue.put(Item::Push { id: *id, push, replayed: true });
        Ok(())
    }

    /// Tells the subscriber, after what it was sent before, that it misses the rest.
    fn lag(&self) -> Unsubscribed {
        if !self.0.lagged.swap(true, Ordering::Relaxed) {
            self.0.queue.put(Item::Lagged { id: self.0.id });
        }
        Unsubscribed::Lagged
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.queue.items.is_closed()
    }

    /// Until the connection ends.
    pub(crate) async fn closed(&self) {
        self.0.queue.items.closed().await;
    }
}

/// The receiving side: the connection's writer.
pub(crate) struct Outbox<W> {
    items: mpsc::UnboundedReceiver<Item>,
    room: Arc<Rooms>,
    writer: FrameWriter<W>,
    batch: Vec<Item>,
}

impl<W: AsyncWrite + Unpin> Outbox<W> {
    pub(crate) fn new(writer: FrameWriter<W>) -> (Queue, Self) {
        let (sender, items) = mpsc::unbounded_channel();
        let (live, replay) = (Semaphore::new(ROOM as usize), Semaphore::new(REPLAY_ROOM as usize));
        let room = Arc::new(Rooms { live, replay });
        let queue = Queue { items: sender, room: Arc::clone(&room) };
        (queue, Self { items, room, writer, batch: Vec::new() })
    }

    /// Writes what comes until the connection breaks, or is closed here and everything is out. Cancel-safe: a
    /// second call goes on where the first was dropped.
    pub(crate) async fn run(&mut self) -> std::io::Result<()> {
        loop {
            self.writer.flush().await?;
            if self.settle() || self.items.recv_many(&mut self.batch, BATCH).await == 0 {
                return Ok(());
            }
            for item in &self.batch {
                put(&mut self.writer, item);
            }
        }
    }

    /// Takes nothing more in; `run` then writes what is there and ends.
    pub(crate) fn close(&mut self) {
        self.items.close();
        self.room.close();
    }

    /// After a batch is written its room is free again, and its answers' places are. True: hang up.
    fn settle(&mut self) -> bool {
        let mut hang_up = false;
        let (mut live, mut replayed) = (0, 0);
        for item in self.batch.drain(..) {
            match item {
                Item::Push { push, replayed: true, .. } => replayed += push.weight() as usize,
                Item::Push { push, .. } => live += push.weight() as usize,
                Item::HangUp => hang_up = true,
                Item::Reply { .. } | Item::Lagged { .. } => {}
            }
        }
        self.room.live.add_permits(live);
        self.room.replay.add_permits(replayed);
        hang_up
    }
}

impl<W> Drop for Outbox<W> {
    fn drop(&mut self) {
        self.room.close();
    }
}

/// The frame around a push is spliced: `HostFrame::Push` as serde would write it (a test compares).
fn put<W: AsyncWrite + Unpin>(writer: &mut FrameWriter<W>, item: &Item) {
    let (id, push): (u64, &[u8]) = match item {
        Item::Reply { line, .. } => return writer.push_parts(&[line]),
        Item::HangUp => return,
        Item::Push { id, push, .. } => (*id, &push.0),
        Item::Lagged { id } => (*id, br#""lagged""#),
    };
    writer.push_parts(&[br#"{"push":{"id":"#, id.to_string().as_bytes(), br#","push":"#, push, b"}}"]);
}
