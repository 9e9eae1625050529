//! Packs everything. Each session is asleep while it is packed, so that nothing of it moves, and goes on as it was;
//! nothing is removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use serde_json::Value;

use crate::archive::house::{self, Contents, Item, Machine, Packer};
use crate::archive::{self, Packing, Progress, Step};
use crate::config::Source;
use crate::config::moved::without_token;
use crate::error::{Error, Kind, Result};
use crate::host::actor::Subscribers;
use crate::host::long::{Job, blocking, left_out, log_of};
use crate::host::shared::{Claim, Ending, Shared};
use crate::ipc::{HousePacked, Push, Response};
use crate::model::{Bindings, MovedSession, Session, SessionId, SessionState};
use crate::persona;
use crate::store::{Db, Filter, Mode};

/// So many busy sessions are named one by one.
const NAMED: usize = 10;
/// So often a session is packed that changes meanwhile: a process it left behind may write now and then.
const TRIES: u32 = 3;

/// What goes along beside the sessions.
struct Own {
    /// Without a token.
    config: Option<String>,
    token_left_out: bool,
    personas: Vec<(String, Source)>,
    notes: Vec<String>,
}

/// How far it has come.
struct Way {
    done: u64,
    /// About how much there is to read of each session.
    sizes: Vec<u64>,
}

impl Job {
    pub(in crate::host::long) async fn house_out(
        &self,
        file: PathBuf,
        wait: bool,
        telegram: Option<Value>,
    ) -> Result<Response> {
        let _only = self.shared.claim(nobody(), "moved already")?;
        let mut sessions = self.all_sessions().await?;
        sessions.sort_by(|a, b| a.created.cmp(&b.created).then(a.id.cmp(&b.id)));
        refuse_inside(file.clone(), sessions.clone()).await?;
        self.refuse_handed_over(&sessions)?;
        if !wait {
            self.refuse_busy(&sessions)?;
        }
        let own = self.own_files().await?;
        let contents = Contents::new(self.machine(), items(&sessions), Timestamp::now());
        let mut packed = HousePacked {
            file: file.clone(),
            bytes: 0,
            sessions: sessions.len() as u64,
            archived: sessions.iter().filter(|session| session.state == SessionState::Archived).count()
                as u64,
            prompts: 0,
            personas: own.personas.len() as u64,
            config: own.config.is_some(),
            token_left_out: own.token_left_out,
            dirs: directories(&sessions),
            notes: own.notes.clone(),
        };
        let (target, begun) = (file, contents.clone());
        let mut packer = blocking(move || {
            let mut packer = Packer::begin(&target, &begun)?;
            own.config.iter().try_for_each(|text| packer.config(text))?;
            own.personas.iter().try_for_each(|(name, source)| packer.persona(name, source.text()))?;
            Ok(packer)
        })
        .await?;
        let mut bindings = Bindings::default();
        let mut way = Way { done: 0, sizes: self.estimate(&sessions).await? };
        for (index, item) in contents.sessions.iter().enumerate() {
            let (next, moved) = self.out_with(packer, index, item, &mut packed, &mut way).await?;
            packer = next;
            packed.prompts += moved.prompts.len() as u64;
            bindings.sessions.push(moved);
        }
        self.bind(&mut bindings, telegram).await?;
        let mut tell = self.telling();
        let mut progress = move |Progress { done, total, .. }| tell(done, total, "reading it back");
        let finished = self.work(move |cancel| packer.finish(&bindings, &mut progress, cancel)).await?;
        packed.bytes = finished.bytes;
        let (who, subject) = (self.who.clone(), finished.file.display().to_string());
        self.shared.store.run(move |db| db.audit(&who, "house_packed", &subject)).await?;
        Ok(Response::HousePacked(packed))
    }

    async fn all_sessions(&self) -> Result<Vec<Session>> {
        self.shared.store.read(|db| db.sessions_as(Filter::All, None, |listed| listed.session)).await
    }

    fn machine(&self) -> Machine {
        Machine {
            os: std::env::consts::OS.to_owned(),
            home: self.shared.paths.home().to_owned(),
            data_dir: self.shared.paths.data_dir().to_owned(),
        }
    }

    fn refuse_handed_over(&self, sessions: &[Session]) -> Result<()> {
        match sessions.iter().find(|session| session.state == SessionState::HandedOver) {
            Some(Session { name, .. }) => {
                Err(Error::conflict(format!("session {name} is handed over to an interactive claude"))
                    .hint("end that one, then try again; nothing was packed"))
            }
            None => Ok(()),
        }
    }

    fn refuse_busy(&self, sessions: &[Session]) -> Result<()> {
        let presence = self.shared.presence();
        let is_busy = |session: &&Session| {
            let state = presence.get(&session.id).map(|one| one.state);
            matches!(state, Some(SessionState::Busy | SessionState::Waiting))
        };
        let names: Vec<_> = sessions.iter().filter(is_busy).map(|session| session.name.as_str()).collect();
        let more = names.len().saturating_sub(NAMED);
        let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let message = match names.as_slice() {
            [] => return Ok(()),
            [one] => format!("session {one} is busy"),
            _ if more == 0 => format!("sessions are busy: {named}"),
            _ => format!("sessions are busy: {named} and {more} more"),
        };
        Err(Error::conflict(message).hint("nothing was packed; --wait packs each once its turn is over"))
    }

    async fn own_files(&self) -> Result<Own> {
        let paths = self.shared.paths.clone();
        blocking(move || {
            let (mut config, mut token_left_out) = (None, false);
            if let Some(source) = Source::read(&paths.config_file())? {
                let (text, had) = without_token(&source)?;
                (config, token_left_out) = (Some(text), had);
            }
            let mut notes = Vec::new();
            let mut personas = persona::own_files(&paths)?;
            personas.retain(|(name, source)| {
                let usable = persona::check_name(name).is_ok();
                if !usable {
                    notes.push(format!(
                        "not packed, since no persona can be named so: {}",
                        source.path().display()
                    ));
                }
                usable
            });
            for (name, source) in &personas {
                let Ok(persona) = persona::examine(name, source, &paths) else { continue };
                let files = persona.mcp_config.iter().filter(|server| server.starts_with('/'));
                notes.extend(files.map(|file| format!("not packed: {file}, which the persona {name} uses")));
            }
            Ok(Own { config, token_left_out, personas, notes })
        })
        .await
    }

    /// About how much there is to pack, for the progress alone.
    async fn estimate(&self, sessions: &[Session]) -> Result<Vec<u64>> {
        let shared = Arc::clone(&self.shared);
        let sessions = sessions.to_vec();
        blocking(move || Ok(sessions.iter().map(|session| size_of(&shared, session)).collect())).await
    }

    /// Packs one session, which is asleep from here to the end of it.
    async fn out_with(
        &self,
        packer: Packer,
        index: usize,
        item: &Item,
        packed: &mut HousePacked,
        way: &mut Way,
    ) -> Result<(Packer, MovedSession)> {
        let id = item.id;
        let (claim, watching) = self.asleep(item).await?;
        let moved = self.shared.store.read(move |db| db.moving(id)).await;
        let moved = moved.map_err(|error| if error.kind == Kind::NotFound { gone(item) } else { error })?;
        let size = way.sizes.get(index).copied().unwrap_or_default();
        let what = format!("packing {} ({} of {})", item.name, index + 1, packed.sessions);
        let (done, total) = (way.done, way.sizes.iter().sum());
        let mut tell = self.telling();
        let tell = move |Progress { step, done: part, total: whole }| {
            // Everything is read twice: to be packed, and back.
            let half = u128::from(size / 2) * u128::from(part) / u128::from(whole.max(1));
            let before = if step == Step::Packing { 0 } else { size / 2 };
            tell(done + before + u64::try_from(half).unwrap_or(size), total, &what);
        };
        let result = if moved.session.state == SessionState::Archived {
            self.out_archived(packer, item, moved, tell).await
        } else {
            self.out_asleep(packer, item, moved, tell).await
        };
        drop(claim);
        // They come again, and find it as it was.
        watching.into_iter().for_each(Subscribers::send_back);
        if result
            .as_ref()
            .is_ok_and(|(_, moved, _)| moved.session.hold.is_none() && !moved.prompts.is_empty())
        {
            self.shared.look_after(id);
        }
        let (packer, moved, notes) = result?;
        way.done += size;
        packed.notes.extend(notes.into_iter().map(|note| format!("{}: {note}", item.name)));
        Ok((packer, moved))
    }

    /// Takes the session as soon as nothing runs in it. No turn begins in it meanwhile.
    async fn asleep(&self, item: &Item) -> Result<(Claim, Option<Subscribers>)> {
        let claim = self.shared.claim(item.id, "packed, to be moved")?;
        let mut feed = self.shared.feed();
        let mut departures = self.shared.departures.subscribe();
        let mut ending = self.shared.ending();
        loop {
            if !self.shared.has_actor(item.id) {
                return Ok((claim, None));
            }
            feed.mark_unchanged();
            departures.mark_unchanged();
            match claim.put_to_sleep().await {
                Ok(subscribers) => return Ok((claim, Some(subscribers))),
                Err(error) if error.kind != Kind::Conflict => return Err(error),
                Err(_) => {}
            }
            self.telling()(0, 0, &format!("waiting for {}, which is busy", item.name));
            tokio::select! {
                // Its turn ends with an event, a background task perhaps only with its process.
                _ = feed.changed() => {}
                _ = departures.changed() => {}
                () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
                () = self.reply.closed() => return Err(nobody_waits()),
                _ = ending.wait_for(|ending| *ending == Ending::Now) => return Err(nobody_waits()),
            }
        }
    }

    async fn out_asleep(
        &self,
        mut packer: Packer,
        item: &Item,
        moved: MovedSession,
        mut tell: impl FnMut(Progress) + Send + 'static,
    ) -> Result<(Packer, MovedSession, Vec<String>)> {
        let id = item.id;
        let (_, files) = self.everything_of(id).await?;
        let conversations = self.shared.store.read(move |db| db.conversations(id)).await?;
        let (inbox, database) = (self.inbox(id), self.shared.paths.database());
        let file = item.file.clone();
        self.work(move |cancel| {
            let mut notes = Vec::new();
            let session = &moved.session;
            let workspace = session.managed.then_some(session.dir.as_path()).filter(|dir| dir.is_dir());
            if session.managed && workspace.is_none() {
                notes.push(format!("its directory is gone: {}", session.dir.display()));
            }
            let db = Db::open(&database, Mode::ReadOnly)?;
            let packed = patiently(|| {
                let packing = Packing {
                    session,
                    events: &mut log_of(&db, id),
                    conversations: &conversations,
                    conversation_files: &files,
                    inbox: Some(inbox.as_path()).filter(|inbox| inbox.is_dir()),
                    workspace,
                    all_files: true,
                    leave_out: true,
                    now: Timestamp::now(),
                };
                packer.aside(packing, &mut tell, cancel)
            })?;
            packer.session(&file, &packed, cancel)?;
            notes.extend(left_out(&packed.manifest.left_out));
            Ok((packer, moved, notes))
        })
        .await
    }

    /// The archive as it is. Where it cannot be had, one of the log: what was said is here.
    async fn out_archived(
        &self,
        mut packer: Packer,
        item: &Item,
        moved: MovedSession,
        mut tell: impl FnMut(Progress) + Send + 'static,
    ) -> Result<(Packer, MovedSession, Vec<String>)> {
        let (id, file) = (item.id, item.file.clone());
        let (inbox, database) = (self.inbox(id), self.shared.paths.database());
        self.work(move |cancel| {
            let mut notes = Vec::new();
            // One of a former release left behind what was sent to it.
            notes.extend(
                inbox.is_dir().then(|| format!("files sent to it are not packed: {}", inbox.display())),
            );
            let session = &moved.session;
            match whole_archive(session, &mut tell, cancel) {
                Ok(archive) => packer.archive(&file, archive, cancel)?,
                Err(error) if error.kind == Kind::Denied => return Err(error),
                Err(error) => {
                    notes.push(format!("only its log is packed: {}", error.message));
                    let db = Db::open(&database, Mode::ReadOnly)?;
                    let packing = Packing {
                        session,
                        events: &mut log_of(&db, id),
                        conversations: &[],
                        conversation_files: &[],
                        inbox: None,
                        workspace: None,
                        all_files: true,
                        leave_out: true,
                        now: Timestamp::now(),
                    };
                    let packed = packer.aside(packing, &mut tell, cancel)?;
                    packer.session(&file, &packed, cancel)?;
                }
            }
            Ok((packer, moved, notes))
        })
        .await
    }

    /// Tells the client how far it is.
    pub(super) fn telling(&self) -> impl FnMut(u64, u64, &str) + Send + 'static {
        let reply = self.reply.clone();
        let mut last = None;
        move |done, total, what| {
            let at = (done.saturating_mul(100).checked_div(total), what.to_owned());
            if last.as_ref() != Some(&at) {
                last = Some(at);
                // A client that is too slow misses a step, not the work.
                reply.push(&Push::Progress { done, total, what: what.to_owned() }).ok();
            }
        }
    }

    /// Channels and people, and what the bridge keeps: of a bridge that runs, by asking it.
    async fn bind(&self, bindings: &mut Bindings, telegram: Option<Value>) -> Result<()> {
        let read = self.shared.store.read(|db| Ok((db.channels()?, db.admitted()?)));
        (bindings.channels, bindings.access) = read.await?;
        let known: std::collections::HashSet<_> =
            bindings.sessions.iter().map(|moved| moved.session.id).collect();
        bindings.channels.retain(|(_, session)| known.contains(session));
        let belongings = self.shared.belongings.borrow().clone();
        bindings.telegram = match belongings {
            Some(belongings) => Some(blocking(move || (belongings.give)()).await?),
            None => telegram,
        };
        Ok(())
    }
}

/// Who moves takes all of the house, which is no session.
pub(super) fn nobody() -> SessionId {
    SessionId(uuid::Uuid::nil())
}

fn nobody_waits() -> Error {
    Error::new(Kind::Denied, "cancelled; nothing was changed")
}

/// The contents stand first in the file, and name it.
fn gone(item: &Item) -> Error {
    Error::conflict(format!("session {} was deleted while others were packed", item.name))
        .hint("nothing was changed; ask again, and it is left out")
}

/// A file that grows while its own directory is packed would never be done.
async fn refuse_inside(file: PathBuf, sessions: Vec<Session>) -> Result<()> {
    blocking(move || {
        let dir = file.parent().unwrap_or(&file);
        let real = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        let own = |session: &&Session| session.managed && session.state != SessionState::Archived;
        let holds = |session: &&Session| {
            let own = std::fs::canonicalize(&session.dir).unwrap_or_else(|_| session.dir.clone());
            real.starts_with(own)
        };
        match sessions.iter().filter(own).find(holds) {
            Some(session) => Err(Error::usage(format!(
                "{} lies in the directory of session {}, which is packed into it",
                file.display(),
                session.name
            ))
            .hint("write it elsewhere")),
            None => Ok(()),
        }
    })
    .await
}

/// Packs again what changed while it was packed.
fn patiently<T>(mut pack: impl FnMut() -> Result<T>) -> Result<T> {
    let mut tries = 1;
    loop {
        match pack() {
            Err(error) if archive::has_changed(&error) && tries < TRIES => tries += 1,
            Err(error) if archive::has_changed(&error) => {
                return Err(Error::failed(format!("{}, {TRIES} times in a row", error.message))
                    .hint("nothing was changed; stop what writes there and ask again"));
            }
            done => return done,
        }
    }
}

fn items(sessions: &[Session]) -> Vec<Item> {
    let item = |(number, session): (usize, &Session)| Item {
        id: session.id,
        name: session.name.clone(),
        file: house::file_of(number, &session.name),
        archived: session.state == SessionState::Archived,
    };
    (1..).zip(sessions).map(item).collect()
}

/// The directories that sessions work in and that are not claudebot's own.
fn directories(sessions: &[Session]) -> Vec<PathBuf> {
    let present = sessions.iter().filter(|session| session.state != SessionState::Archived);
    let (managed, others): (Vec<_>, Vec<_>) = present.partition(|session| session.managed);
    let mut dirs: Vec<_> = others
        .iter()
        .map(|session| session.dir.clone())
        .filter(|dir| !managed.iter().any(|own| dir.starts_with(&own.dir)))
        .collect();
    dirs.sort();
    dirs.dedup();
    dirs
}

/// An archived session's archive, read from end to end.
fn whole_archive<'a>(
    session: &'a Session,
    tell: &mut dyn FnMut(Progress),
    cancel: &AtomicBool,
) -> Result<&'a Path> {
    let Some(archive) = &session.archive else {
        return Err(Error::not_found("nobody knows where its archive is"));
    };
    archive::verify(archive, tell, cancel)?;
    let found = archive::read_manifest(archive)?.session.id;
    if found != session.id {
        return Err(Error::failed(format!("{} is the archive of another session", archive.display())));
    }
    Ok(archive)
}

/// About how much of it there is to read.
fn size_of(shared: &Shared, session: &Session) -> u64 {
    let one = |path: &Path| std::fs::symlink_metadata(path).map_or(0, |found| found.len());
    let inbox = below(&shared.paths.session_dir(&session.id.to_string()).join("inbox"));
    if let (SessionState::Archived, Some(archive)) = (session.state, &session.archive) {
        return inbox + one(archive);
    }
    let conversation = session
        .conversation
        .and_then(|id| crate::claude::files::find(&shared.config_dir(session.agent), &id).ok().flatten());
    let dir = if session.managed { below(&session.dir) } else { 0 };
    inbox + dir + conversation.map_or(0, |file| one(&file)) + 1
}

/// The size of all files below a directory.
fn below(dir: &Path) -> u64 {
    let mut waiting = vec![dir.to_owned()];
    let mut bytes = 0;
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(found) if found.is_dir() => waiting.push(entry.path()),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::host::long::restore::tests::manifest;

    /// Something writes each of the first `times` that it is packed. How often it was packed, and what came of it.
    fn packed_while_written(times: u32) -> (u32, Result<()>) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("work");
        std::fs::create_dir(&dir).unwrap();
        let session = manifest("work", &dir, false).session;
        let mut tries = 0;
        let packed = patiently(|| {
            tries += 1;
            let writes = AtomicBool::new(tries <= times);
            let packing = Packing {
                session: &session,
                events: &mut std::iter::empty(),
                conversations: &[],
                conversation_files: &[],
                inbox: None,
                workspace: Some(&dir),
                all_files: true,
                leave_out: true,
                now: Timestamp::now(),
            };
            let mut write = |_| {
                if writes.swap(false, Ordering::Relaxed) {
                    std::fs::write(dir.join(format!("file{tries}")), "new").unwrap();
                }
            };
            archive::pack(packing, root.path(), &mut write, &AtomicBool::new(false))
        });
        (tries, packed.map(drop))
    }

    #[test]
    fn what_changes_is_packed_again_but_not_for_ever() {
        assert_eq!(packed_while_written(0), (1, Ok(())));
        assert_eq!(packed_while_written(2), (3, Ok(())));
        let (tries, packed) = packed_while_written(u32::MAX);
        let error = packed.unwrap_err();
        assert_eq!(tries, 3);
        assert!(error.message.ends_with("file3 changed while it was packed, 3 times in a row"), "{error}");
        assert!(error.hint.is_some_and(|hint| hint.ends_with("ask again")));
        let mut others = 0;
        let failed: Result<()> = patiently(|| {
            others += 1;
            Err(Error::failed("disk on fire"))
        });
        assert_eq!((others, failed.unwrap_err().message.as_str()), (1, "disk on fire"));
    }
}
