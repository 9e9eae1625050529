//! A host that is one table of sessions, behind a real socket.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use tokio::net::{UnixListener, UnixStream};

use super::{id_of, session};
use crate::error::{Error, Result};
use crate::ipc::codec::{FrameReader, FrameWriter};
use crate::ipc::contact::welcome;
use crate::ipc::lock_file::LockInfo;
use crate::ipc::{
    Accepted, ClientFrame, Hello, HostFrame, HostStatus, PROTOCOL, Request, Response, Selector,
};
use crate::model::{
    AccessOrigin, Allowed, Approval, ApprovalId, Channel, Decision, Delivery, Detail, Event, EventKind,
    PromptId, PromptStatus, SessionId, SessionState, SessionView,
};
use crate::paths::{Env, Paths};

/// What the host has, and what it was asked.
#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) asked: Vec<Request>,
    pub(crate) users: Vec<i64>,
    pub(crate) chats: Vec<i64>,
    pub(crate) sessions: Vec<SessionView>,
    pub(crate) current: HashMap<Channel, SessionId>,
    pub(crate) approvals: Vec<Approval>,
    /// By key: the same key is the same prompt.
    pub(crate) prompts: Vec<(String, PromptId, SessionId, String, Delivery)>,
    pub(crate) taken_back: Vec<PromptId>,
    pub(crate) answered: Vec<(ApprovalId, Decision, String)>,
    /// The next requests of this kind are answered so.
    pub(crate) scripted: Vec<(&'static str, Result<Response>)>,
}

impl Scene {
    /// The prompts as session, text and delivery, without those that were taken back.
    pub(crate) fn said(&self) -> Vec<(String, String, Delivery)> {
        let open = self.prompts.iter().filter(|(_, id, ..)| !self.taken_back.contains(id));
        open.map(|(_, _, session, text, delivery)| (self.name(*session), text.clone(), *delivery)).collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.said().into_iter().map(|(_, text, _)| text).collect()
    }

    fn name(&self, id: SessionId) -> String {
        self.sessions
            .iter()
            .find(|session| session.id == id)
            .map(|session| session.name.clone())
            .unwrap_or_default()
    }

    pub(crate) fn set(&mut self, name: &str, state: SessionState) {
        self.sessions
            .iter_mut()
            .filter(|session| session.name == name)
            .for_each(|session| session.state = state);
    }

    /// The requests of a kind, without those that are asked all the time.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let kinds = self.asked.iter().map(kind);
        kinds.filter(|kind| kind != "access" && kind != "host_status").collect()
    }

    fn find(&self, selector: &Selector) -> Result<SessionView> {
        let found = match selector {
            Selector::Name(name) => self.sessions.iter().find(|session| session.name.starts_with(name)),
            Selector::Exact(name) => {
                self.sessions.iter().find(|one| one.name == *name || one.id.to_string() == *name)
            }
            Selector::Current(channel) => {
                let id = self
                    .current
                    .get(channel)
                    .ok_or_else(|| Error::not_found("no session is current here"))?;
                self.sessions.iter().find(|session| session.id == *id)
            }
        };
        found.cloned().ok_or_else(|| Error::not_found(format!("no session is named {selector:?}")))
    }

    fn answer(&mut self, request: &Request) -> Result<Response> {
        self.asked.push(request.clone());
        let asked = kind(request);
        if let Some(at) = self.scripted.iter().position(|(of, _)| *of == asked) {
            return self.scripted.remove(at).1;
        }
        Ok(match request {
            Request::Access => Response::Access { users: allowed(&self.users), chats: allowed(&self.chats) },
            Request::AuditNote { .. } => Response::Done,
            Request::PairAsk { .. } => {
                Response::PairCode { code: "K7WD2MXP".to_owned(), expires: Timestamp::now() }
            }
            Request::SessionShow { session, .. } => Response::Session(self.find(session)?),
            Request::SessionList { .. } => Response::Sessions(self.sessions.clone()),
            Request::SessionSwitch { channel, session } => {
                let session = self.find(session)?;
                self.current.insert(channel.clone(), session.id);
                Response::Session(session)
            }
            Request::SessionNew(new) => {
                let made = session(&new.name, SessionState::Asleep);
                self.sessions.push(made.clone());
                Response::Session(made)
            }
            Request::SessionStop { session, .. } => {
                let runs = self.find(session)?.state == SessionState::Busy;
                Response::Stopped { turn: runs.then_some(3), held: 0 }
            }
            Request::Send(send) => {
                let session = self.find(&send.session)?;
                let known = self.prompts.iter().find(|(key, ..)| *key == send.key).map(|(_, id, ..)| *id);
                let id = known.unwrap_or_else(PromptId::random);
                if known.is_none() {
                    self.prompts.push((send.key.clone(), id, session.id, send.text.clone(), send.delivery));
                }
                let waits = matches!(session.state, SessionState::Busy | SessionState::Waiting);
                Response::Accepted(Accepted {
                    prompt: id,
                    session: session.id,
                    name: session.name,
                    status: if waits { PromptStatus::Queued } else { PromptStatus::Sent },
                    seq: 9,
                    repeated: known.is_some(),
                    reason: waits.then(|| "a turn is running".to_owned()),
                })
            }
            Request::PromptTakeBack { prompt } => {
                self.taken_back.push(*prompt);
                Response::Said("taken back".to_owned())
            }
            Request::PromptEdit { prompt, text } => {
                self.prompts
                    .iter_mut()
                    .filter(|(_, id, ..)| id == prompt)
                    .for_each(|one| one.3.clone_from(text));
                Response::Said("changed".to_owned())
            }
            Request::Log { since, .. } if *since >= 9 => Response::Events(Vec::new()),
            Request::Log { .. } => {
                let answers = self.answered.iter().map(answered);
                let withdrawn = self.taken_back.iter().map(withdrawn);
                Response::Events(self.prompts.iter().map(event).chain(withdrawn).chain(answers).collect())
            }
            Request::Approvals { session } => {
                let session = session.as_ref().map(|session| self.find(session)).transpose()?;
                let of = |asked: &&Approval| session.as_ref().is_none_or(|one| one.id == asked.session_id);
                Response::Approvals(self.approvals.iter().filter(of).cloned().collect())
            }
            Request::Answer { approval, decision, by } => {
                let before = self.approvals.len();
                self.approvals.retain(|one| one.id != *approval);
                if before == self.approvals.len() {
                    return Err(Error::conflict(format!(
                        "approval {approval} was already answered: denied by shell"
                    )));
                }
                self.answered.push((*approval, decision.clone(), by.clone()));
                Response::Said("Bash allowed".to_owned())
            }
            Request::Continue { session, key } => {
                let session = self.find(session)?;
                let id = PromptId::random();
                self.prompts.push((key.clone(), id, session.id, "go on".to_owned(), Delivery::Queue));
                Response::Accepted(Accepted {
                    prompt: id,
                    session: session.id,
                    name: session.name,
                    status: PromptStatus::Sent,
                    seq: 9,
                    repeated: false,
                    reason: None,
                })
            }
            Request::Status { .. } => Response::Status {
                total: self.sessions.len() as u64,
                sessions: Vec::new(),
                approvals: self.approvals.clone(),
                host: Some(status()),
            },
            Request::SessionSet { session, .. } | Request::SessionRename { session, .. } => {
                Response::Session(self.find(session)?)
            }
            Request::SessionRules { .. } => Response::Rules(Vec::new()),
            Request::SessionRulesRevoke { session, .. } => {
                let SessionView { id, name, .. } = self.find(session)?;
                Response::RulesRevoked { session: id, name, rules: Vec::new(), live: false }
            }
            Request::SessionArchive { session, .. } => Response::Archived {
                session: self.find(session)?.id,
                file: "/archive/work.tar.gz".into(),
                bytes: 2048,
                notes: vec!["a socket could not be packed".to_owned()],
            },
            Request::SessionRestore { .. } => {
                Response::Restored { session: self.sessions[0].clone(), notes: Vec::new() }
            }
            Request::QueueRun { .. } => Response::Said("the prompt that waits is run".to_owned()),
            Request::QueueClear { .. } => Response::Said("1 waiting prompt discarded".to_owned()),
            Request::HostStatus => Response::Host(status()),
            other => return Err(Error::usage(format!("this host does not know {other:?}"))),
        })
    }
}

fn kind(request: &Request) -> String {
    serde_json::to_value(request).unwrap()["type"].as_str().unwrap().to_owned()
}

fn allowed(ids: &[i64]) -> Vec<Allowed> {
    let one =
        |id: &i64| Allowed { id: *id, name: Some(format!("N{id}")), added: None, origin: AccessOrigin::Pair };
    ids.iter().map(one).collect()
}

fn event((_, id, _, text, delivery): &(String, PromptId, SessionId, String, Delivery)) -> Event {
    Event {
        seq: 9,
        at: Timestamp::UNIX_EPOCH,
        kind: EventKind::Prompt,
        text: text.clone(),
        prompt_id: Some(*id),
        detail: Some(Detail::Prompt { delivery: *delivery, attachments: vec!["/inbox/a.jpg".to_owned()] }),
    }
}

fn withdrawn(prompt: &PromptId) -> Event {
    Event {
        seq: 9,
        at: Timestamp::UNIX_EPOCH,
        kind: EventKind::Notice,
        text: String::new(),
        prompt_id: Some(*prompt),
        detail: Some(Detail::Notice { code: "taken_back".to_owned() }),
    }
}

fn answered((approval, decision, by): &(ApprovalId, Decision, String)) -> Event {
    let detail = Detail::Answered { approval: *approval, decision: Some(decision.clone()), by: by.clone() };
    Event {
        seq: 9,
        at: Timestamp::UNIX_EPOCH,
        kind: EventKind::ApprovalAnswered,
        text: String::new(),
        prompt_id: None,
        detail: Some(detail),
    }
}

fn status() -> HostStatus {
    HostStatus {
        pid: 1,
        version: "0.1.0".to_owned(),
        protocol: PROTOCOL,
        started: Timestamp::UNIX_EPOCH,
        socket: "/s".into(),
        data_dir: "/d".into(),
        live: 0,
        busy: 0,
        clients: 1,
        mode: "serve".to_owned(),
        draining: false,
        bot: None,
    }
}

/// Answers at its socket until it is dropped.
pub(crate) struct FakeHost {
    home: Arc<tempfile::TempDir>,
    paths: Paths,
    scene: Arc<Mutex<Scene>>,
    server: Option<(tokio::task::JoinHandle<()>, File)>,
}

impl FakeHost {
    /// Ann may talk, also in one group; her chat talks to the session `work`.
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir_in("/tmp").unwrap();
        let paths = Paths::resolve(&Env::from_pairs([("HOME", home.path())])).unwrap();
        let scene = Scene {
            users: vec![7],
            chats: vec![-1001],
            sessions: vec![session("work", SessionState::Idle), session("lab", SessionState::Asleep)],
            current: [(Channel("tg:7".to_owned()), id_of("work"))].into(),
            ..Scene::default()
        };
        let scene = Arc::new(Mutex::new(scene));
        let mut host = Self { home: Arc::new(home), paths, scene, server: None };
        host.serve();
        host
    }

    pub(crate) const fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    pub(crate) fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap()
    }

    pub(crate) fn serve(&mut self) {
        let socket = self.home.path().join("s");
        std::fs::remove_file(&socket).ok();
        let listener = UnixListener::bind(&socket).unwrap();
        let info = LockInfo {
            pid: 1,
            start: 1,
            protocol: PROTOCOL,
            socket,
            version: "0.1.0".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        };
        std::fs::create_dir_all(self.paths.data_dir()).unwrap();
        std::fs::write(self.paths.host_lock(), format!("{}\n", serde_json::to_string(&info).unwrap()))
            .unwrap();
        let lock = File::open(self.paths.host_lock()).unwrap();
        lock.lock().unwrap();
        let scene = Arc::clone(&self.scene);
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, Arc::clone(&scene)));
            }
        });
        self.server = Some((server, lock));
    }

    /// As if it had been killed; what it has accepted is kept.
    pub(crate) async fn end(&mut self) {
        let Some((server, lock)) = self.server.take() else { return };
        server.abort();
        server.await.ok();
        drop(lock);
    }
}

async fn converse(stream: UnixStream, scene: Arc<Mutex<Scene>>) {
    let (read, write) = stream.into_split();
    let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
    let Ok(Some(hello)) = reader.frame::<Hello>().await else { return };
    writer.push(&welcome(&hello)).unwrap();
    writer.flush().await.ok();
    while let Ok(Some(ClientFrame { id, request })) = reader.frame().await {
        let answer = scene.lock().unwrap().answer(&request);
        let frame = match answer {
            Ok(response) => HostFrame::Ok { id, response },
            Err(error) => HostFrame::Error { id, error },
        };
        writer.push(&frame).unwrap();
        if writer.flush().await.is_err() {
            return;
        }
    }
}
