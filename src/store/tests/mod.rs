//! The store on real files, from the outside.

use std::path::{Path, PathBuf};

use super::{Db, Found, Mode};
use crate::error::Result;
use crate::model::{
    Agent, Delivery, EventKind, NewEvent, Prompt, PromptId, PromptStatus, Session, SessionId, SessionState,
};
use crate::search::{Query, Surroundings};
use crate::sqlite::columns::now;

mod events;
mod files;
mod queue;
mod rest;
mod search;
mod sessions;
mod thread;

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("claudebot.db")
    }

    fn open(&self) -> Db {
        Db::open(&self.file(), Mode::ReadWrite).unwrap()
    }

    fn read(&self) -> Db {
        Db::open(&self.file(), Mode::ReadOnly).unwrap()
    }
}

fn session(name: &str) -> Session {
    Session {
        id: SessionId::random(),
        name: name.to_owned(),
        agent: Agent::Demo,
        persona: "default".to_owned(),
        dir: PathBuf::from("/tmp/somewhere"),
        managed: false,
        tags: vec!["a".to_owned(), "ä b".to_owned()],
        pinned: true,
        model: Some("opus".to_owned()),
        effort: None,
        permission_mode: None,
        created: now(),
        last_active: now(),
        cost_usd: 0.0,
        state: SessionState::Asleep,
        conversation: None,
        hold: None,
        archive: None,
    }
}

/// A stored session of that name.
fn made(db: &mut Db, name: &str) -> SessionId {
    let session = session(name);
    db.create_session(&session).unwrap();
    session.id
}

fn prompt(session: SessionId, key: &str, text: &str) -> Prompt {
    Prompt {
        id: PromptId::random(),
        session,
        key: key.to_owned(),
        text: text.to_owned(),
        attachments: vec![PathBuf::from("/inbox/a b.png")],
        delivery: Delivery::Queue,
        status: PromptStatus::Queued,
        accepted: now(),
        set: None,
        given_as: None,
    }
}

fn accepted(db: &mut Db, session: SessionId, text: &str) -> PromptId {
    let prompt = prompt(session, &PromptId::random().to_string(), text);
    db.accept(&prompt, false).unwrap().prompt.id
}

fn search(db: &Db, query: &str, limit: u32) -> Result<Vec<Found>> {
    let around = Surroundings { now: now(), home: Path::new("/home/me"), dir: None };
    db.search(&Query::parse(query, around)?, now(), limit)
}

fn said(text: &str) -> NewEvent {
    NewEvent { kind: EventKind::Reply, text: text.to_owned(), prompt_id: None, detail: None }
}
