//! A database with very much in it, for `cargo bench` alone.

use std::path::Path;

use uuid::Uuid;

use super::{Db, Mode};
use crate::error::Result;
use crate::model::{Agent, EventKind, NewEvent, Session, SessionId, SessionState};
use crate::sqlite::columns::now;

/// Events of one session, and of one transaction.
const EACH: u64 = 5_000;

/// So many events, in as many sessions as it takes. `text` gives what the event of a number says.
pub(crate) fn fill(database: &Path, events: u64, text: &mut dyn FnMut(u64) -> String) -> Result<()> {
    let mut db = Db::open(database, Mode::ReadWrite)?;
    let mut next = 0;
    while next < events {
        let session = session(next / EACH);
        db.create_session(&session)?;
        let end = events.min(next + EACH);
        let said: Vec<NewEvent> = (next..end)
            .map(|number| NewEvent {
                kind: if number % 2 == 0 { EventKind::Prompt } else { EventKind::Reply },
                text: text(number),
                prompt_id: None,
                detail: None,
            })
            .collect();
        db.append(session.id, &said)?;
        next = end;
    }
    Ok(())
}

fn session(number: u64) -> Session {
    Session {
        id: SessionId(Uuid::from_u128(u128::from(number) + 1)),
        name: format!("filled-{number}"),
        agent: Agent::Demo,
        persona: "default".to_owned(),
        dir: format!("/home/me/project-{number}").into(),
        managed: false,
        tags: Vec::new(),
        pinned: false,
        model: None,
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
