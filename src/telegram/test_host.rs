//! A host by script: it answers what the bridge asks, and says what a test wants it to say.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::api::{Api, Token};
use super::bridge::Bridge;
use super::db::{Db, PromptSet, PromptState};
use super::gate::{Access, Bot};
use super::link::Link;
use super::outbox::{Order, Outbox};
use super::place::Place;
use super::testing::session;
use crate::config::{Config, TelegramConfig};
use crate::error::Error;
use crate::ipc::codec::{FrameReader, FrameWriter};
use crate::ipc::contact::welcome;
use crate::ipc::lock_file::LockInfo;
use crate::ipc::{ClientFrame, Hello, HostFrame, PROTOCOL, Push, Request, Response, Selector};
use crate::model::{
    Approval, Detail, Event, EventKind, Live, PromptId, SessionId, SessionState, SessionView, Snapshot,
};
use crate::paths::{Env, Paths};

/// Until when a test waits for what has to come.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it did not come")
}

#[derive(Default)]
struct State {
    names: BTreeMap<SessionId, String>,
    current: BTreeMap<String, SessionId>,
    events: Vec<(SessionId, Event)>,
    /// Where prompts came from.
    keys: BTreeMap<PromptId, String>,
    /// What waits for a person.
    approvals: Vec<Approval>,
    /// What a subscriber is told first.
    present: BTreeMap<SessionId, Snapshot>,
    feeds: Vec<(u64, UnboundedSender<HostFrame>)>,
    watchers: Vec<(SessionId, u64, UnboundedSender<HostFrame>)>,
}

pub(super) struct Host {
    state: Arc<Mutex<State>>,
    pub(super) paths: Paths,
    accepting: tokio::task::JoinHandle<()>,
    _lock: File,
    _dir: TempDir,
}

impl Host {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let paths = Paths::resolve(&Env::from_pairs([("HOME", dir.path())])).unwrap();
        Paths::create_private(paths.data_dir()).unwrap();
        let info = LockInfo {
            pid: std::process::id(),
            start: 1,
            protocol: PROTOCOL,
            socket: dir.path().join("s.sock"),
            version: "1".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        };
        let listener = UnixListener::bind(&info.socket).unwrap();
        let lock = paths.host_lock();
        std::fs::write(&lock, format!("{}\n", serde_json::to_string(&info).unwrap())).unwrap();
        let lock = File::open(lock).unwrap();
        lock.lock().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let own = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&own)));
            }
        });
        Self { state, paths, accepting, _lock: lock, _dir: dir }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A session of this name.
    pub(super) fn session(&self, name: &str) -> SessionId {
        let session = SessionId::random();
        self.state().names.insert(session, name.to_owned());
        session
    }

    pub(super) fn make_current(&self, place: Place, session: SessionId) {
        self.state().current.insert(place.channel().0, session);
    }

    /// A prompt that came from there.
    pub(super) fn prompt(&self, key: &str) -> PromptId {
        let prompt = PromptId::random();
        self.state().keys.insert(prompt, key.to_owned());
        prompt
    }

    /// What waits for a person now.
    pub(super) fn waits(&self, approvals: Vec<Approval>) {
        self.state().approvals = approvals;
    }

    /// A session is there no more.
    pub(super) fn delete(&self, session: SessionId) {
        let mut state = self.state();
        state.names.remove(&session);
        for (_, id, frames) in state.watchers.iter().filter(|(of, ..)| *of == session) {
            let push = Push::Closed { reason: "it is deleted".to_owned() };
            frames.send(HostFrame::Push { id: *id, push }).ok();
        }
    }

    /// What a subscriber to a session gets to hear first.
    pub(super) fn present(&self, session: SessionId, snapshot: Snapshot) {
        self.state().present.insert(session, snapshot);
    }

    /// Something happens: it is in the log, and everybody who listens is told.
    pub(super) fn append(
        &self,
        session: SessionId,
        kind: EventKind,
        text: &str,
        prompt: Option<PromptId>,
        detail: Detail,
    ) {
        let mut state = self.state();
        let seq = state.events.iter().filter(|(of, _)| *of == session).count() as u64 + 1;
        let at = Timestamp::now();
        let event = Event { seq, at, kind, text: text.to_owned(), prompt_id: prompt, detail: Some(detail) };
        state.events.push((session, event.clone()));
        let (feed, name) = (state.events.len() as u64, state.names[&session].clone());
        for (id, frames) in &state.feeds {
            let push = Push::Feed { feed, session, name: name.clone(), event: event.clone() };
            frames.send(HostFrame::Push { id: *id, push }).ok();
        }
        for (_, id, frames) in state.watchers.iter().filter(|(of, ..)| *of == session) {
            frames.send(HostFrame::Push { id: *id, push: Push::Event(event.clone()) }).ok();
        }
    }

    /// Something is going on.
    pub(super) fn live(&self, session: SessionId, live: &Live) {
        for (_, id, frames) in self.state().watchers.iter().filter(|(of, ..)| *of == session) {
            frames.send(HostFrame::Push { id: *id, push: Push::Live(live.clone()) }).ok();
        }
    }

    pub(super) fn watchers(&self, session: SessionId) -> usize {
        self.state().watchers.iter().filter(|(of, _, frames)| *of == session && !frames.is_closed()).count()
    }

    pub(super) fn feed_head(&self) -> u64 {
        self.state().events.len() as u64
    }

    /// Ends every connection, as a host does that ends.
    pub(super) fn hang_up(&self) {
        let mut state = self.state();
        state.feeds.clear();
        state.watchers.clear();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

pub(super) fn snapshot(state: SessionState) -> Snapshot {
    Snapshot { state, turn: None, queue: Vec::new(), hold: None, approvals: Vec::new(), status: None }
}

async fn serve(stream: UnixStream, state: Arc<Mutex<State>>) {
    let (read, write) = stream.into_split();
    let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
    let hello: Hello = reader.frame().await.unwrap().unwrap();
    writer.push(&welcome(&hello)).unwrap();
    writer.flush().await.unwrap();
    let (frames, mut outgoing) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(frame) = outgoing.recv().await {
            writer.push(&frame).unwrap();
            if writer.flush().await.is_err() {
                return;
            }
        }
    });
    // Held by what is subscribed to, so that hanging up ends the connection.
    let mut frames = Some(frames);
    while let Ok(Some(ClientFrame { id, request })) = reader.frame().await {
        let Some(sender) = frames.clone() else { return };
        if matches!(request, Request::Feed { .. } | Request::Subscribe { .. }) {
            frames = None;
        }
        answer(&mut state.lock().unwrap(), id, request, &sender);
    }
}

fn answer(state: &mut State, id: u64, request: Request, frames: &UnboundedSender<HostFrame>) {
    let of = |selector: &Selector| match selector {
        Selector::Exact(id) => SessionId(id.parse().unwrap()),
        other => panic!("{other:?}"),
    };
    let send = |frame| frames.send(frame).unwrap();
    let ok = |response| send(HostFrame::Ok { id, response });
    match request {
        Request::Log { session, since, limit } => {
            let session = of(&session);
            let events = state.events.iter().filter(|(of, event)| *of == session && event.seq > since);
            ok(Response::Events(events.map(|(_, event)| event.clone()).take(limit as usize).collect()));
        }
        Request::SessionShow { session, channel } => {
            let session = of(&session);
            match state.names.get(&session) {
                Some(name) => {
                    let current = state.current.get(&channel.0) == Some(&session);
                    ok(Response::Session(view(session, name, current)));
                }
                None => send(HostFrame::Error { id, error: Error::not_found("no such session") }),
            }
        }
        Request::PromptKey { prompt } => match state.keys.get(&prompt) {
            Some(key) => ok(Response::Key(key.clone())),
            None => send(HostFrame::Error { id, error: Error::not_found("no such prompt") }),
        },
        Request::Approvals { session: None } => ok(Response::Approvals(state.approvals.clone())),
        Request::Feed { since } => {
            let head = state.events.len() as u64;
            let since = since.unwrap_or(head);
            ok(Response::Following { feed: since });
            for (feed, (session, event)) in (1..).zip(&state.events).filter(|(feed, _)| *feed > since) {
                let name = state.names[session].clone();
                let push = Push::Feed { feed, session: *session, name, event: event.clone() };
                send(HostFrame::Push { id, push });
            }
            state.feeds.push((id, frames.clone()));
        }
        Request::Subscribe { session, .. } => {
            let session = of(&session);
            let head = state.events.iter().filter(|(of, _)| *of == session).count() as u64;
            ok(Response::Subscribed { session: view(session, &state.names[&session], false), head });
            let present =
                state.present.get(&session).cloned().unwrap_or_else(|| snapshot(SessionState::Idle));
            let push = Push::Live(Live::Snapshot(Box::new(present)));
            send(HostFrame::Push { id, push });
            state.watchers.push((session, id, frames.clone()));
        }
        other => panic!("{other:?}"),
    }
}

fn view(id: SessionId, name: &str, current: bool) -> SessionView {
    SessionView { id, current, ..session(name, SessionState::Idle) }
}

/// A bridge to this host with these users, and what it orders of its outbox.
pub(super) fn bridge(
    host: &Host,
    users: &[i64],
    change: impl FnOnce(&mut TelegramConfig),
) -> (Arc<Bridge>, UnboundedReceiver<Order>) {
    let (outbox, orders) = Outbox::new();
    let mut config = Config::defaults(&host.paths).telegram;
    change(&mut config);
    let db = Db::in_memory();
    db.write(|tables| tables.adopt(42)).unwrap();
    let bridge = Bridge::for_tests(
        Api::new(Token::parse("42:AAsecret").unwrap(), "http://127.0.0.1:9").unwrap(),
        db,
        Link::new(host.paths.clone()),
        Bot { id: 42, username: "a_bot".to_owned(), has_topics: false },
        outbox,
        config,
    );
    bridge.set_access(Access { users: users.iter().copied().collect(), chats: [-5].into() });
    (Arc::new(bridge), orders)
}

/// A message of a private chat that lies here as it came.
pub(super) fn comes(bridge: &Bridge, chat: i64, update: i64, message: i64) {
    let update = serde_json::json!({ "update_id": update, "message": {
        "message_id": message, "date": 0, "text": "x",
        "chat": { "id": chat, "type": "private" }, "from": { "id": chat, "is_bot": false } } });
    bridge.db.write(|tables| tables.store_updates(&[update], Timestamp::now())).unwrap();
}

/// A prompt from Telegram that the host has taken.
pub(super) fn ask(bridge: &Bridge, place: Place, session: SessionId, reply_to: i64) -> PromptId {
    let prompt = PromptId::random();
    let set = PromptSet {
        key: format!("tg:42:{reply_to}"),
        updates: Vec::new(),
        place,
        user: 1,
        reply_to,
        session: Some(session),
        prompt: Some(prompt),
        state: PromptState::Accepted,
        at: Timestamp::now(),
    };
    bridge.db.write(|tables| tables.put_prompt(&set)).unwrap();
    prompt
}
