//! The end of a lease: what the interactive `claude` added to the conversation comes into the log, and the session
//! goes on with the conversation that was led last.
//!
//! Which one that is the process itself tells while it runs (`claude::holder`), and it is stored at once. Where no host
//! was up to see it, a conversation that was begun by `/clear` in the same place since then is the one, if it is the
//! only one of its kind; else the session keeps what it had, and the log says so.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::Replier;
use super::long::blocking;
use super::shared::Shared;
use super::short;
use super::translate::history::{Dated, Retelling};
use crate::claude::history::{History, What};
use crate::claude::tree::{self, Identity};
use crate::claude::{files, holder};
use crate::error::{Error, Result};
use crate::ipc::{Response, Selector};
use crate::model::{Agent, CAME_BACK, Detail, EventKind, NewEvent, Session, TurnId};
use crate::store::{Db, Fed, Lease, Returned};

/// A process that was asked to end gets so long.
const GRACE: Duration = Duration::from_secs(8);
/// What it has said is read back soon after.
const READ_BACK: Duration = Duration::from_secs(20);
const NEXT_LOOK: Duration = Duration::from_millis(20);

/// ` to pts/3 (pid 42)`, for the middle of a sentence.
pub(super) fn whom(lease: &Lease) -> String {
    let tty = lease.tty.as_deref().map(|tty| format!(" on {tty}")).unwrap_or_default();
    format!(" to claude{tty} (pid {})", lease.pid)
}

/// Asks the process to end that has the conversation, for when its terminal is lost.
pub(super) async fn take_back(shared: Arc<Shared>, session: Selector, reply: Replier) {
    reply.reply(taken_back(&shared, session).await);
}

async fn taken_back(shared: &Arc<Shared>, session: Selector) -> Result<Response> {
    let find = move |db: &Db| {
        let session = short::find(db, &session)?;
        let lease = db.lease(session.id)?;
        Ok((session, lease))
    };
    let (Session { id, name, .. }, lease) = shared.store.read(find).await?;
    let Some(lease) = lease else {
        return Err(Error::conflict(format!("session {name} is not handed over")));
    };
    shared.look_after(id);
    let process = Identity { pid: lease.pid, start: lease.start };
    tree::ask_to_end(&process);
    if !tree::wait_gone(&process, GRACE).await {
        let message = format!("claude has not ended within {} s (pid {})", GRACE.as_secs(), lease.pid);
        return Err(Error::failed(message)
            .hint(format!("`kill -9 {}` ends it at once; the session comes back then", lease.pid)));
    }
    let is_back = async {
        while shared.store.read(move |db| db.lease(id)).await?.is_some() {
            tokio::time::sleep(NEXT_LOOK).await;
        }
        Ok(Response::Said(format!("session {name} is back")))
    };
    let late =
        || Err(Error::failed("what was said there is still being read; `claudebot log` shows it soon"));
    tokio::time::timeout(READ_BACK, is_back).await.unwrap_or_else(|_| late())
}

/// What came of the lease goes into the log, and the lease ends. `strayed` is the session whose conversation the
/// process was in last.
pub(super) async fn read_back(
    shared: &Arc<Shared>,
    lease: Lease,
    strayed: Option<String>,
) -> Result<Vec<Fed>> {
    let id = lease.session;
    let of = lease.clone();
    let read = move |db: &Db| Ok((db.conversations_since(&of)?, db.all_conversations()?, db.next_turn(id)?));
    let (later, known, next_turn) = shared.store.read(read).await?;
    let config_dir = shared.config_dir(Agent::Claude);
    let returned = blocking(move || {
        let mut back = Back { config_dir: &config_dir, lease: &lease, strayed, known: &known };
        Ok(back.read(later, next_turn))
    });
    let returned = returned.await?;
    let events = shared.store.run(move |db| db.take_back_lease(&returned)).await?;
    shared.feed_moved();
    Ok(events)
}

struct Back<'b> {
    config_dir: &'b Path,
    lease: &'b Lease,
    strayed: Option<String>,
    known: &'b HashMap<Uuid, String>,
}

impl Back<'_> {
    fn read(&mut self, later: Vec<Uuid>, next_turn: TurnId) -> Returned {
        let mut notes = Vec::new();
        let mut chain = vec![self.lease.conversation];
        if later.is_empty() && self.strayed.is_none() {
            match self.begun_since().as_slice() {
                [] => {}
                [one] => chain.push(*one),
                _ => notes.push(
                    "it may have gone on in another conversation (claudebot session adopt --list); the session \
                     keeps the one it had"
                        .to_owned(),
                ),
            }
        }
        chain.extend(later);
        if let Some(other) = &self.strayed {
            notes.push(format!(
                "claude was in the conversation of session {other} last; this one keeps its own"
            ));
        }
        let mut retelling = Retelling::new(next_turn, self.lease.since);
        let mut events = Vec::new();
        let mut costs = Vec::new();
        let mut last = self.lease.conversation;
        for id in chain {
            let Some(file) = self.file(&id) else { continue };
            last = id;
            match self.told(&id, &file, &mut retelling) {
                Ok(told) => events.extend(told),
                Err(error) => notes.push(format!("what was said there cannot be read ({error})")),
            }
            costs.push(retelling.take_cost());
        }
        if last != self.lease.conversation {
            notes.insert(0, "it goes on with a conversation that was begun there".to_owned());
        }
        let at = Timestamp::now();
        events.push((at, came_back(retelling.prompts(), &notes)));
        Returned {
            session: self.lease.session,
            events,
            last_turn: retelling.next_turn().saturating_sub(1),
            conversation: last,
            costs,
        }
    }

    fn file(&self, id: &Uuid) -> Option<PathBuf> {
        files::find(self.config_dir, id).ok().flatten()
    }

    /// What is new in a conversation since the lease began.
    fn told(&self, id: &Uuid, file: &Path, retelling: &mut Retelling) -> std::io::Result<Vec<Dated>> {
        let is_first = *id == self.lease.conversation;
        let history = History::open(file)?;
        let history = if is_first { history.from(self.lease.bytes)? } else { history };
        let mut told = Vec::new();
        for entry in history {
            let entry = entry?;
            // Of one that was there before only the end is new; a total is always the newest.
            let is_new = is_first || entry.at.is_some_and(|at| at >= self.lease.since);
            if is_new || matches!(entry.what, What::Cost(_)) {
                told.extend(retelling.take(entry));
            }
        }
        told.extend(retelling.finish());
        Ok(told)
    }

    /// Conversations that nobody knows, begun by `/clear` in the same place since the lease began.
    fn begun_since(&self) -> Vec<Uuid> {
        let Some(project) =
            self.file(&self.lease.conversation).and_then(|file| Some(file.parent()?.to_owned()))
        else {
            return Vec::new();
        };
        let open = holder::open_now(self.config_dir);
        let files = fs::read_dir(project).into_iter().flatten().flatten().map(|entry| entry.path());
        let id = |file: &Path| file.file_stem()?.to_str()?.parse::<Uuid>().ok();
        let found = files.filter(|file| file.extension().is_some_and(|it| it == "jsonl"));
        found
            .filter_map(|file| Some((id(&file)?, file)))
            .filter(|(id, _)| !self.known.contains_key(id) && !open.contains_key(id))
            .filter(|(_, file)| self.is_cleared(file))
            .map(|(id, _)| id)
            .collect()
    }

    fn is_cleared(&self, file: &Path) -> bool {
        let Ok(mut history) = History::open(file) else { return false };
        let Some(Ok(first)) = history.next() else { return false };
        let since = first.at.is_some_and(|at| at >= self.lease.since);
        since && matches!(first.what, What::Prompt { text, .. } if text == "/clear")
    }
}

fn came_back(prompts: u64, notes: &[String]) -> NewEvent {
    let said = match prompts {
        0 => "nothing was said there".to_owned(),
        1 => "1 prompt was given there".to_owned(),
        several => format!("{several} prompts were given there"),
    };
    let notes: String = notes.iter().map(|note| format!("; {note}")).collect();
    NewEvent {
        kind: EventKind::Notice,
        text: format!("back from the terminal: {said}{notes}"),
        prompt_id: None,
        detail: Some(Detail::Notice { code: CAME_BACK.to_owned() }),
    }
}
