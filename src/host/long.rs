//! What takes a while in the host: adopt, archive, restore and delete a session, move house, clean up.
//!
//! Each, but for cleaning, begins by claiming the session and ending its actor, so that nothing comes to life under
//! it. Packing and unpacking is cancelled when nobody waits for it any more or the host ends at once; then nothing has
//! changed.

mod adopt;
mod house;
mod journal;
mod plan;
mod restore;
#[cfg(test)]
mod tests;

pub(super) use journal::end_all_left;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::actor::Subscribers;
use super::router::find;
use super::shared::{Ending, Shared};
use super::{Replier, clean, short};
use crate::archive::{self, Progress, Step};
use crate::claude::files;
use crate::error::{Error, Kind, Result};
use crate::ipc::{ArchiveOptions, Push, Request, Response, Selector};
use crate::model::{ARCHIVED, Detail, Event, EventKind, NewEvent, Session, SessionId, SessionState};
use crate::paths::Paths;
use crate::store::{Db, Mode};
use journal::{Goes, Journal, Noted, end_left};

/// So many events are read at a time while a log is packed.
const PAGE: u32 = 500;
/// So many things that could not be packed are named one by one.
const NAMED: usize = 20;

/// A long request, and whoever asked.
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    /// For the audit.
    pub(super) who: String,
    pub(super) reply: Replier,
}

impl Job {
    pub(super) async fn run(self, request: Request) {
        let result = match request {
            Request::SessionDelete { session, .. } => self.delete(session).await,
            Request::SessionArchive { session, options } => self.archive(session, options).await,
            Request::ArchivePlan { session, options } => self.plan_archive(session, options).await,
            Request::SessionRestore { archive, dir, name } => self.restore(archive, dir, name).await,
            Request::SessionAdopt(adopt) => self.adopt(adopt).await,
            Request::HouseOut { file, wait, telegram } => self.house_out(file, wait, telegram).await,
            Request::HouseIn(into) => self.house_in(into).await,
            Request::Clean { before, confirmed, shown } => self.clean(before, confirmed, shown).await,
            other => Err(Error::failed(format!("{other:?} takes no long"))),
        };
        self.reply.reply(result);
    }

    /// Removes a session wholly: inbox, scratch directory, the agent's files, rows. A project directory stays.
    async fn delete(&self, selector: Selector) -> Result<Response> {
        let id = find(&self.shared, selector).await?.id;
        let claim = self.shared.claim(id, "deleted")?;
        let subscribers = claim.close(true).await?;
        let removed = self.remove(id).await;
        told(subscribers, &removed, |(name, _)| format!("session {name} is deleted"));
        removed.map(|(name, kept)| {
            let kept = kept.map(|kept| format!("; {kept}")).unwrap_or_default();
            Response::Said(format!("session {name} is deleted{kept}"))
        })
    }

    /// The files before the rows: without rows they cannot be found. Gives the name, and what stays for others.
    async fn remove(&self, id: SessionId) -> Result<(String, Option<String>)> {
        let (session, files) = self.everything_of(id).await?;
        let mut doomed: Vec<_> = files.into_iter().map(|(_, file)| file).collect();
        doomed.extend(self.left_behind(&session).await?);
        doomed.push(self.shared.paths.session_dir(&id.to_string()));
        // The place of an archived one's directory may be another session's by now.
        let has_dir = session.managed && session.state != SessionState::Archived;
        let kept = if has_dir { self.kept_for_others(&session).await? } else { None };
        doomed.extend((has_dir && kept.is_none()).then(|| session.dir.clone()));
        blocking(move || doomed.iter().try_for_each(|path| remove(path))).await?;
        while self.shared.store.run(move |db| db.delete_last_events(id)).await? {}
        let (who, name) = (self.who.clone(), session.name.clone());
        self.shared.store.run(move |db| short::delete_rows(db, &who, &session)).await?;
        Ok((name, kept))
    }

    /// Tells what is no longer needed, or frees it, one thing after the other.
    async fn clean(
        &self,
        before: Timestamp,
        confirmed: bool,
        shown: Option<Vec<PathBuf>>,
    ) -> Result<Response> {
        let shared = Arc::clone(&self.shared);
        // With an eye of its own on the store: looking at a disk may take long.
        let find = move || {
            let db = Db::open(&shared.paths.database(), Mode::ReadOnly)?;
            clean::find(&db, &shared.paths, &shared.config, before, Timestamp::now())
        };
        let mut found = blocking(find).await?;
        if !confirmed {
            return Ok(Response::Unneeded { items: found, failed: Vec::new() });
        }
        clean::keep_shown(&mut found, shown.as_deref());
        let (items, failed) = clean::free(&self.shared, &self.who, found).await?;
        Ok(Response::Unneeded { items, failed })
    }

    /// Why the session's own directory is not removed: another session works there.
    async fn kept_for_others(&self, session: &Session) -> Result<Option<String>> {
        let (id, dir) = (session.id, session.dir.clone());
        let others = self.shared.store.read(move |db| db.others_in(&dir, id)).await?;
        let dir = session.dir.display();
        Ok((!others.is_empty()).then(|| format!("{dir} stays: {} works there", others.join(", "))))
    }

    /// Packs, verifies, and only then removes.
    async fn archive(&self, selector: Selector, options: ArchiveOptions) -> Result<Response> {
        let session = find(&self.shared, selector).await?;
        if session.state == SessionState::Archived {
            return Err(archived_already(&session));
        }
        let claim = self.shared.claim(session.id, "archived")?;
        let subscribers = claim.close(false).await?;
        let packed = self.pack(session.id, options).await;
        told(subscribers, &packed, |(name, _)| format!("session {name} is archived"));
        packed.map(|(_, response)| response)
    }

    async fn pack(&self, id: SessionId, options: ArchiveOptions) -> Result<(String, Response)> {
        end_left(&self.shared, id).await?;
        let (session, files) = self.everything_of(id).await?;
        if session.state == SessionState::Archived {
            // Another request was first.
            return Err(archived_already(&session));
        }
        let useless = self.left_behind(&session).await?;
        let workspace = workspace(&session, &options)?;
        let packed = self.write_archive(session.clone(), files.clone(), workspace.clone(), options).await?;
        let mut notes = left_out(&packed.manifest.left_out);
        if session.managed && workspace.is_none() {
            notes.push(format!("its directory is gone: {}", session.dir.display()));
        }
        let name = session.name.clone();
        let inbox = packed.manifest.counts.inbox.map(|_| self.inbox(id));
        let mut doomed: Vec<_> = files.into_iter().map(|(_, file)| file).chain(useless).collect();
        doomed.extend(inbox);
        let own_dir = workspace.filter(|_| session.managed);
        let (journal, kept) = match self.put_away(session, doomed, own_dir, &packed.file).await {
            Ok(done) => done,
            Err(error) => {
                self.give_up(id, packed.file).await;
                return Err(error);
            }
        };
        notes.extend(kept);
        self.shared.feed_moved();
        notes.extend(self.tidy_up(journal).await?);
        Ok((name, Response::Archived { session: id, file: packed.file, bytes: packed.bytes, notes }))
    }

    /// Stores that a session is archived. Gives what goes now, and why its own directory does not.
    async fn put_away(
        &self,
        session: Session,
        mut doomed: Vec<PathBuf>,
        own_dir: Option<PathBuf>,
        archive: &Path,
    ) -> Result<(Journal, Option<String>)> {
        let kept = if own_dir.is_some() { self.kept_for_others(&session).await? } else { None };
        doomed.extend(own_dir.filter(|_| kept.is_none()));
        let journal = self.doomed(session.id, doomed, archive).await?;
        self.store_archived(session, archive).await?;
        Ok((journal, kept))
    }

    /// Notes durably what goes once the session is archived.
    async fn doomed(&self, id: SessionId, doomed: Vec<PathBuf>, archive: &Path) -> Result<Journal> {
        let (paths, archive) = (self.shared.paths.clone(), archive.to_owned());
        blocking(move || {
            let own = paths.session_dir(&id.to_string());
            // What the agent was started with.
            let beside = std::fs::read_dir(&own).into_iter().flatten().flatten().map(|entry| entry.path());
            let beside: Vec<_> = beside.filter(|path| path.is_file()).collect();
            // Goes only if nothing is left in it.
            let mut files = vec![Noted { path: own, whole: None }];
            files.extend(doomed.into_iter().chain(beside).filter_map(Noted::here));
            let journal = Journal { session: id, goes: Goes::OnceArchived(archive), files };
            journal.write(paths.data_dir()).map(|()| journal)
        })
        .await
    }

    async fn store_archived(&self, session: Session, file: &Path) -> Result<()> {
        let (who, file) = (self.who.clone(), file.to_owned());
        let store = move |db: &mut Db| {
            db.append(session.id, &[notice(ARCHIVED, format!("archived in {}", file.display()))])?;
            db.mark_archived(session.id, &file)?;
            db.audit(&who, "session_archived", &session.name)
        };
        self.shared.store.run(store).await
    }

    /// Removes an archive that the store could not be told of, so that a second try does not leave two.
    async fn give_up(&self, id: SessionId, file: PathBuf) {
        let data_dir = self.shared.paths.data_dir().to_owned();
        let session = self.shared.store.read(move |db| db.session(id)).await;
        // Where nobody can say whether it was told after all, it stays.
        if session.is_ok_and(|session| session.archive.as_ref() != Some(&file)) {
            let removing = move || remove(&file).and_then(|()| Journal::clear(&data_dir, id));
            if let Err(error) = blocking(removing).await {
                tracing::warn!(session = %id, "what could not be archived has left something: {error}");
            }
        }
    }

    async fn write_archive(
        &self,
        session: Session,
        files: Vec<(PathBuf, PathBuf)>,
        workspace: Option<PathBuf>,
        options: ArchiveOptions,
    ) -> Result<archive::Packed> {
        let id = session.id;
        let inbox = self.inbox(id);
        let conversations = self.shared.store.read(move |db| db.conversations(id)).await?;
        let dest = self.shared.config.archive.dir.clone();
        let database = self.shared.paths.database();
        let mut progress = self.progress(&session.name);
        self.work(move |cancel| {
            Paths::create_shared(&dest)?;
            let db = Db::open(&database, Mode::ReadOnly)?;
            let inbox = Some(inbox).filter(|inbox| inbox.is_dir());
            let mut events = log_of(&db, id);
            let packing = archive::Packing {
                session: &session,
                events: &mut events,
                conversations: &conversations,
                conversation_files: &files,
                inbox: inbox.as_deref(),
                workspace: workspace.as_deref(),
                all_files: options.all_files,
                leave_out: options.leave_out,
                now: Timestamp::now(),
            };
            archive::pack(packing, &dest, &mut progress, cancel)
        })
        .await
    }

    /// Removes what is in the archive now, and what is of no use any more. What cannot be removed is told; the
    /// session is archived all the same.
    async fn tidy_up(&self, journal: Journal) -> Result<Vec<String>> {
        let data_dir = self.shared.paths.data_dir().to_owned();
        blocking(move || {
            let notes = journal.remove_files().into_iter().map(|error| error.message).collect();
            Journal::clear(&data_dir, journal.session).map(|()| notes)
        })
        .await
    }

    /// The session as it is now, and every file of the agent that belongs to it, with the directory it lies below.
    async fn everything_of(&self, id: SessionId) -> Result<(Session, Vec<(PathBuf, PathBuf)>)> {
        let read = self.shared.store.read(move |db| Ok((db.session(id)?, db.conversations(id)?)));
        let (session, conversations) = read.await?;
        let base = self.shared.config_dir(session.agent);
        let files = blocking(move || {
            let mut files = Vec::new();
            for id in &conversations {
                files.extend(files::of_conversation(&base, id).map_err(unseen)?);
            }
            Ok(files.into_iter().map(|file| (base.clone(), file)).collect())
        });
        Ok((session, files.await?))
    }

    /// What the agent's conversations leave behind that no archive holds.
    async fn left_behind(&self, session: &Session) -> Result<Vec<PathBuf>> {
        let id = session.id;
        let conversations = self.shared.store.read(move |db| db.conversations(id)).await?;
        let base = self.shared.config_dir(session.agent);
        blocking(move || {
            let left = conversations.iter().map(|id| files::left_behind(&base, id).map_err(unseen));
            Ok(left.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
        .await
    }

    /// Where files lie that were sent to a session.
    fn inbox(&self, id: SessionId) -> PathBuf {
        self.shared.paths.session_dir(&id.to_string()).join("inbox")
    }

    /// Works on a thread of its own until it is done or nobody wants it any more.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AtomicBool) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let cancel = Arc::new(AtomicBool::new(false));
        let cancelled = Arc::clone(&cancel);
        let mut ending = self.shared.ending();
        let work = blocking(move || work(&cancelled));
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = self.reply.closed() => {}
            // The sender lives in `shared`.
            ended = ending.wait_for(|ending| *ending == Ending::Now) => drop(ended),
        }
        cancel.store(true, Ordering::Relaxed);
        work.await
    }

    /// Tells the client how far it is. A client that is too slow misses a step, not the work.
    fn progress(&self, session: &str) -> impl FnMut(Progress) + Send + 'static {
        let reply = self.reply.clone();
        let words = |what: &str| format!("{what} {session}");
        let [packing, verifying, unpacking] = [words("packing"), words("verifying"), words("unpacking")];
        let mut last = None;
        move |Progress { step, done, total }| {
            let at = (step, done.saturating_mul(100).checked_div(total));
            if last != Some(at) {
                last = Some(at);
                let what = match step {
                    Step::Packing => &packing,
                    Step::Verifying => &verifying,
                    Step::Unpacking => &unpacking,
                };
                reply.push(&Push::Progress { done, total, what: what.clone() }).ok();
            }
        }
    }
}

/// The directory that goes into the archive: its own, unless that is gone, and a project where it was asked for.
fn workspace(session: &Session, options: &ArchiveOptions) -> Result<Option<PathBuf>> {
    let is_there = session.dir.is_dir();
    if options.with_dir && !session.managed && !is_there {
        let message = format!("the directory of session {} is gone: {}", session.name, session.dir.display());
        return Err(Error::new(Kind::NotFound, message).hint("archive it without --with-dir"));
    }
    let is_packed = is_there && (session.managed || options.with_dir);
    Ok(is_packed.then(|| session.dir.clone()))
}

fn archived_already(session: &Session) -> Error {
    Error::conflict(format!("session {} is archived already", session.name))
        .hint(format!("`claudebot session restore {}` brings it back", session.name))
}

/// What may lie where nobody can look is neither packed nor removed.
fn unseen(error: std::io::Error) -> Error {
    Error::failed(format!("cannot look for the session's conversation: {error}"))
        .hint("nothing was changed; make that directory readable")
}

/// Those who watched the session hear that it is gone, or that they have to come again.
fn told<T>(subscribers: Subscribers, result: &Result<T>, words: impl FnOnce(&T) -> String) {
    match result {
        Ok(done) => subscribers.close(&words(done)),
        Err(_) => subscribers.send_back(),
    }
}

fn notice(code: &str, text: String) -> NewEvent {
    let detail = Some(Detail::Notice { code: code.to_owned() });
    NewEvent { kind: EventKind::Notice, text, prompt_id: None, detail }
}

fn left_out(all: &[archive::LeftOut]) -> Vec<String> {
    let mut notes: Vec<_> = all
        .iter()
        .take(NAMED)
        .map(|left| format!("not in the archive: {} ({})", left.path, left.what))
        .collect();
    if all.len() > NAMED {
        notes.push(format!("not in the archive: {} more, named in its manifest", all.len() - NAMED));
    }
    notes
}

/// A session's whole log, read in pages so that a long one needs little memory.
fn log_of(db: &Db, session: SessionId) -> impl Iterator<Item = Result<Event>> + '_ {
    let mut since = 0;
    std::iter::from_fn(move || {
        let page = db.events(session, since, PAGE);
        match page {
            Ok(events) if events.is_empty() => None,
            Ok(events) => {
                since = events.last().map_or(since, |event| event.seq);
                Some(events.into_iter().map(Ok).collect::<Vec<_>>())
            }
            Err(error) => Some(vec![Err(error)]),
        }
    })
    .flatten()
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { archive::remove_tree(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, &e)),
        _ => Ok(()),
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Error::failed(format!("a bug cut this off ({e}); the host's log says more"))))
}
