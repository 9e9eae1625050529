//! What takes a while and ends a session's life in the host: archive, restore, delete.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Replier;
use super::actor::Command;
use super::router::find;
use super::shared::Shared;
use crate::archive;
use crate::claude::conversation;
use crate::error::{Error, Kind, Result};
use crate::ipc::{ArchiveOptions, Push, Response, Selector};
use crate::model::{Event, Session, SessionId, SessionState};
use crate::paths::Paths;
use crate::store::Db;

/// So many events are read at a time while a log is packed or restored.
const PAGE: u32 = 500;

/// Removes a session wholly: rows, inbox, scratch directory, the agent's files. A project directory stays.
pub(super) async fn delete(shared: &Arc<Shared>, selector: Selector) -> Result<Response> {
    let session = find(shared, selector).await?;
    close(shared, session.id).await?;
    let id = session.id;
    let files = agent_files(shared, &session).await?;
    shared.store.run(move |db| db.delete_session(id)).await?;
    let dirs = own_dirs(shared, &session);
    blocking(move || remove(&files, &dirs)).await?;
    Ok(Response::Said(format!("session {} is deleted", session.name)))
}

/// Packs, verifies, and only then removes.
pub(super) async fn archive(
    shared: &Arc<Shared>,
    selector: Selector,
    options: ArchiveOptions,
    reply: Replier,
) -> Result<Response> {
    let session = find(shared, selector).await?;
    if session.state == SessionState::Archived {
        return Err(Error::conflict(format!("session {} is archived already", session.name)));
    }
    close(shared, session.id).await?;
    let id = session.id;
    let (conversations, files) =
        (shared.store.read(move |db| db.conversations(id)).await?, agent_files(shared, &session).await?);
    let workspace = (session.managed || options.with_dir).then(|| session.dir.clone());
    let to_pack = Packed { session: session.clone(), conversations, files: files.clone(), workspace };
    let packed = pack(shared, to_pack, reply).await?;
    let file = packed.file.clone();
    shared.store.run(move |db| db.mark_archived(id, &file)).await?;
    shared.feed_moved();
    let dirs = own_dirs(shared, &session);
    blocking(move || remove(&files, &dirs)).await?;
    Ok(Response::Archived { session: id, file: packed.file, bytes: packed.bytes })
}

struct Packed {
    session: Session,
    conversations: Vec<uuid::Uuid>,
    /// The agent's configuration directory and a file or directory below it.
    files: Vec<(PathBuf, PathBuf)>,
    workspace: Option<PathBuf>,
}

async fn pack(shared: &Arc<Shared>, what: Packed, reply: Replier) -> Result<archive::Packed> {
    let dest = shared.config.archive.dir.clone();
    let database = shared.paths.database();
    let name = what.session.name.clone();
    blocking(move || {
        let db = Db::open(&database, crate::store::Mode::ReadOnly)?;
        let mut events = log_of(&db, what.session.id);
        let packing = archive::Packing {
            session: &what.session,
            events: &mut events,
            conversations: &what.conversations,
            conversation_files: &what.files,
            workspace: what.workspace.as_deref(),
            now: Timestamp::now(),
        };
        let mut progress = progress_to(&reply, format!("archiving {name}"));
        archive::pack(packing, &dest, &mut progress, &AtomicBool::new(false))
    })
    .await
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

/// Brings an archived session back, asleep, under its old or a new name and in its old or a new directory.
pub(super) async fn restore(
    shared: &Arc<Shared>,
    archive: PathBuf,
    dir: Option<PathBuf>,
    name: Option<String>,
    reply: Replier,
) -> Result<Response> {
    let shared = Arc::clone(shared);
    let handle = tokio::runtime::Handle::current();
    let view = blocking(move || {
        let manifest = archive::read_manifest(&archive)?;
        let session = as_restored(&shared, &manifest, dir, name)?;
        let parent = session.dir.parent().unwrap_or(Path::new("/")).to_owned();
        let staging =
            if manifest.counts.workspace.is_some() { parent } else { shared.config.session.root.clone() };
        Paths::create_private(&shared.config.session.root)?;
        let mut progress = progress_to(&reply, format!("restoring {}", session.name));
        let mut restored = archive::restore(&archive, &staging, &mut progress, &AtomicBool::new(false))?;
        place(&shared, &session, &mut restored)?;
        let events = restored.events()?.collect::<Result<Vec<_>>>()?;
        let id = session.id;
        let view = handle.block_on(shared.store.run(move |db| {
            bring_back(db, &session, &events)?;
            db.listed(id)
        }))?;
        restored.keep();
        Ok(shared.view(view))
    })
    .await?;
    Ok(Response::Restored { session: view })
}

/// The session as it will stand in the store.
fn as_restored(
    shared: &Shared,
    manifest: &archive::Manifest,
    dir: Option<PathBuf>,
    name: Option<String>,
) -> Result<Session> {
    let mut session = manifest.session.clone();
    if let Some(name) = name {
        session.name = name;
    }
    let packed = manifest.counts.workspace.is_some();
    session.dir = match dir {
        Some(dir) => dir,
        None if session.managed => shared.config.session.root.join(&session.name),
        None => session.dir,
    };
    if !packed && !session.dir.is_dir() {
        return Err(Error::new(
            Kind::NotFound,
            format!("the session's directory is gone: {}", session.dir.display()),
        )
        .hint("choose another one with --dir"));
    }
    session.state = SessionState::Asleep;
    session.hold = None;
    session.archive = None;
    Ok(session)
}

/// The rows: an archived session of this store is made present again, one from elsewhere is taken in.
fn bring_back(db: &mut Db, session: &Session, events: &[Event]) -> Result<()> {
    match db.session(session.id) {
        Ok(row) if row.state == SessionState::Archived => {
            db.mark_restored(session.id, &session.name, &session.dir, session.managed)
        }
        Ok(row) => Err(Error::conflict(format!("the session of this archive is here already: {}", row.name))
            .hint("archive or delete that one first")),
        Err(error) if error.kind == Kind::NotFound => {
            db.create_session(session)?;
            db.import_events(session.id, events)
        }
        Err(error) => Err(error),
    }
}

fn place(shared: &Shared, session: &Session, restored: &mut archive::Restored) -> Result<()> {
    if restored.has_workspace() {
        restored.place_workspace(&session.dir)?;
    }
    restored.place_conversation(&shared.config_dir(session.agent), &session.dir).map(drop)
}

/// Ends the session's process and actor. Refused while something runs.
async fn close(shared: &Arc<Shared>, id: SessionId) -> Result<()> {
    let (done, closed) = oneshot::channel();
    shared.deliver(id, Command::Close { force: false, done });
    closed
        .await
        .unwrap_or_else(|_| Err(Error::failed("the session could not be closed; the host's log says why")))
}

/// Every file of the agent that belongs to the session, with the directory it lies below.
async fn agent_files(shared: &Arc<Shared>, session: &Session) -> Result<Vec<(PathBuf, PathBuf)>> {
    let id = session.id;
    let conversations = shared.store.read(move |db| db.conversations(id)).await?;
    let base = shared.config_dir(session.agent);
    blocking(move || {
        let files = conversations.iter().flat_map(|id| conversation::files_of(&base, id));
        Ok(files.map(|file| (base.clone(), file)).collect())
    })
    .await
}

/// Directories that claudebot made for the session.
fn own_dirs(shared: &Shared, session: &Session) -> Vec<PathBuf> {
    let mut dirs = vec![shared.paths.session_dir(&session.id.to_string())];
    if session.managed {
        dirs.push(session.dir.clone());
    }
    dirs
}

fn remove(files: &[(PathBuf, PathBuf)], dirs: &[PathBuf]) -> Result<()> {
    for path in files.iter().map(|(_, file)| file).chain(dirs) {
        let removed = if path.is_dir() { archive::remove_tree(path) } else { std::fs::remove_file(path) };
        match removed {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", path, &e)),
            _ => {}
        }
    }
    Ok(())
}

/// Tells the client how far it is. A client that is too slow misses a step, not the work.
fn progress_to(reply: &Replier, what: String) -> impl FnMut(u64, u64) + '_ {
    let mut last = None;
    move |done, total| {
        let percent = done.saturating_mul(100).checked_div(total);
        if last != Some(percent) {
            last = Some(percent);
            reply.push(&Push::Progress { done, total, what: what.clone() }).ok();
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Error::failed(format!("a bug cut this off ({e}); the host's log says more"))))
}
