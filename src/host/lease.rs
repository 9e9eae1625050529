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
/// Among so many entries a conversation's first prompt is looked for.
const FIRST: usize = 16;
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
        return Err(Error::conflict(format!("session {name} is not handed over"))
            .hint("`claudebot session list` shows which are"));
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

/// A lease whose process is gone.
pub(super) struct Over {
    pub(super) lease: Lease,
    /// The session whose conversation the process was in last.
    pub(super) strayed: Option<String>,
    /// No host saw where it went last.
    pub(super) unseen: bool,
    /// What cannot be read may be read the next time.
    pub(super) is_patient: bool,
}

/// What came of the lease goes into the log, and the lease ends.
pub(super) async fn read_back(shared: &Arc<Shared>, over: Over) -> Result<Vec<Fed>> {
    let id = over.lease.session;
    let of = over.lease.clone();
    let read = move |db: &Db| {
        let last = db.session(id)?.conversation;
        Ok((db.conversations_since(&of)?, last, db.all_conversations()?, db.next_turn(id)?))
    };
    let (later, stored, known, next_turn) = shared.store.read(read).await?;
    let config_dir = shared.config_dir(Agent::Claude);
    let returned = blocking(move || {
        let back = Back { config_dir: &config_dir, over: &over, stored, known: &known };
        back.read(later, next_turn)
    });
    let returned = returned.await?;
    let events = shared.store.run(move |db| db.take_back_lease(&returned)).await?;
    shared.feed_moved();
    Ok(events)
}

struct Back<'b> {
    config_dir: &'b Path,
    over: &'b Over,
    /// The one that the process led last, as far as a host saw it.
    stored: Option<Uuid>,
    known: &'b HashMap<Uuid, String>,
}

impl Back<'_> {
    fn read(&self, later: Vec<Uuid>, next_turn: TurnId) -> Result<Returned> {
        let Over { lease, strayed, unseen, .. } = self.over;
        let mut notes = Vec::new();
        let mut chain = vec![lease.conversation];
        chain.extend(later);
        let mut last = self.stored.filter(|stored| chain.contains(stored)).unwrap_or(lease.conversation);
        if *unseen && strayed.is_none() {
            match self.begun_since().as_slice() {
                [] => {}
                [one] => {
                    chain.push(*one);
                    last = *one;
                }
                _ => notes.push(
                    "it may have gone on in another conversation (claudebot session adopt --list); the session \
                     keeps the one it had"
                        .to_owned(),
                ),
            }
        }
        if let Some(other) = strayed {
            notes.push(format!(
                "claude was in the conversation of session {other} last; this one keeps its own"
            ));
        }
        let mut retelling = Retelling::new(next_turn, lease.since);
        let (mut events, mut costs, mut there) = (Vec::new(), Vec::new(), Vec::new());
        for id in chain {
            match self.file(&id).and_then(|file| self.told(&id, file, &mut retelling)) {
                Ok(None) => continue,
                Ok(Some(told)) => events.extend(told),
                Err(error) if self.over.is_patient => {
                    return Err(Error::failed(format!("what was said there cannot be read: {error}")));
                }
                Err(error) => notes.push(format!("what was said there cannot be read ({error})")),
            }
            there.push(id);
            costs.push((id, retelling.take_cost()));
        }
        // One in which nothing was said yet has no file.
        if !there.contains(&last) {
            last = there.last().copied().unwrap_or(lease.conversation);
        }
        if last != lease.conversation {
            notes.insert(0, "it goes on with a conversation that was begun there".to_owned());
        }
        let at = Timestamp::now();
        events.push((at, came_back(retelling.prompts(), &notes)));
        Ok(Returned {
            session: lease.session,
            events,
            last_turn: retelling.next_turn().saturating_sub(1),
            conversation: last,
            costs,
        })
    }

    fn file(&self, id: &Uuid) -> std::io::Result<Option<PathBuf>> {
        files::find(self.config_dir, id)
    }

    /// What is new in a conversation since the lease began.
    fn told(
        &self,
        id: &Uuid,
        file: Option<PathBuf>,
        retelling: &mut Retelling,
    ) -> std::io::Result<Option<Vec<Dated>>> {
        let Some(file) = file else { return Ok(None) };
        let Over { lease, .. } = self.over;
        let is_first = *id == lease.conversation;
        let history = History::open(&file)?;
        let history = if is_first { history.from(lease.bytes)? } else { history };
        let mut told = Vec::new();
        for entry in history {
            let entry = entry?;
            // Of one that was there before only the end is new; a total is always the newest.
            let is_new = is_first || entry.at.is_some_and(|at| at >= lease.since);
            if is_new || matches!(entry.what, What::Cost(_)) {
                told.extend(retelling.take(entry));
            }
        }
        told.extend(retelling.finish());
        Ok(Some(told))
    }

    /// Conversations that nobody knows, begun by `/clear` in the same place since the lease began.
    fn begun_since(&self) -> Vec<Uuid> {
        let file = self.file(&self.over.lease.conversation).ok().flatten();
        let Some(project) = file.and_then(|file| Some(file.parent()?.to_owned())) else {
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
        let Ok(history) = History::open(file) else { return false };
        // What hooks have to say may stand before it.
        let mut entries = history.take(FIRST).filter_map(std::io::Result::ok);
        let first = entries.find(|entry| matches!(entry.what, What::Prompt { .. }));
        first.is_some_and(|first| {
            first.at.is_some_and(|at| at >= self.over.lease.since)
                && matches!(first.what, What::Prompt { text, .. } if text == "/clear")
        })
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
