//! What is no longer needed: found by rules that look only below our own directories, and removed one by one.
//!
//! | what | when |
//! |---|---|
//! | files that came with a prompt | it is over or taken back; they, and the last use of its session, are old |
//! | the directory of a session | no session has its id, and it is old |
//! | logs put aside, downloads of Telegram that no prompt took | they are old |
//! | `.claudebot-….partial` and `….restoring` | nobody holds their lock |
//! | an archive | `archive.keep` is over, and an archived session's row says that it is this session's |
//! | an archive in `archive.dir` that no row names | `archive.keep` is over since it was written |
//!
//! A project directory, a session's own working directory and Claude's files are never looked at. No link is followed:
//! one in the place of a directory of ours is passed by. Each thing is freed by itself, and judged again before it
//! goes, so whoever is killed in the middle has freed some, and the next time goes on.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::long::blocking;
use super::shared::Shared;
use crate::archive;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::model::{
    ARCHIVE_REMOVED, Detail, EventKind, NewEvent, PromptId, PromptStatus, Session, SessionId, SessionState,
    Unneeded, UnneededKind,
};
use crate::paths::Paths;
use crate::store::{Db, Filter};

/// What belongs to no session, or came with no prompt, may belong to one that is just being made.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// What is free to go: `before` is when it must have been used last.
pub(crate) fn find(
    db: &Db,
    paths: &Paths,
    config: &Config,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<Unneeded>> {
    let sessions = db.sessions_as(Filter::All, None, |listed| listed.session)?;
    let mut search = Search { db, sessions: &sessions, before, now, found: Vec::new() };
    search.session_dirs(&paths.sessions_dir())?;
    // One that is under way is no prompt's yet.
    let long_ago = search.long_ago();
    search.old(&paths.telegram_downloads(), UnneededKind::Download, long_ago, &|_| true);
    let current = paths.host_log();
    search.old(&paths.log_dir(), UnneededKind::Log, before, &|path| path != current);
    let mut dirs = vec![&config.archive.dir, &config.session.root];
    dirs.dedup();
    for dir in dirs {
        for path in archive::leftovers(dir) {
            search.add(UnneededKind::Leftover, path, None);
        }
    }
    if let Some(keep) = config.archive.keep() {
        search.archives(&config.archive.dir, keep);
        search.unused_archives(&config.archive.dir, keep);
    }
    let mut found = search.found;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

struct Search<'a> {
    db: &'a Db,
    sessions: &'a [Session],
    before: Timestamp,
    now: Timestamp,
    found: Vec<Unneeded>,
}

impl Search<'_> {
    /// Those are named by a session's id; what has another name is a working directory, and not looked at.
    fn session_dirs(&mut self, dir: &Path) -> Result<()> {
        for own in entries(dir) {
            let Some(id) = id_of(&own).filter(|_| is_dir(&own)) else { continue };
            // Somebody may have named a session so, and works there.
            if self.sessions.iter().any(|session| session.dir.starts_with(&own)) {
                continue;
            }
            match self.sessions.iter().find(|session| session.id.0 == id) {
                Some(session) => self.inbox(session, &own.join("inbox"))?,
                None if is_older(&own, self.long_ago()) => {
                    self.add(UnneededKind::SessionDir, own, None);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// As long as a session is used, it may come back to what was sent to it.
    fn inbox(&mut self, session: &Session, inbox: &Path) -> Result<()> {
        if !is_dir(inbox) || session.last_active >= self.before {
            return Ok(());
        }
        for files in entries(inbox) {
            let Some(prompt) = id_of(&files).filter(|_| is_dir(&files)) else { continue };
            let before = match is_done(self.db, PromptId(prompt))? {
                Some(true) => self.before,
                Some(false) => continue,
                None => self.long_ago(),
            };
            if is_older(&files, before) {
                self.add(UnneededKind::Inbox, files, Some(session.name.clone()));
            }
        }
        Ok(())
    }

    /// Before this, also what nobody knows yet was left by somebody.
    fn long_ago(&self) -> Timestamp {
        self.before.min(self.now - YOUNG)
    }

    /// What lies in a directory, is meant, and was not touched for long.
    fn old(&mut self, dir: &Path, kind: UnneededKind, before: Timestamp, is_meant: &dyn Fn(&Path) -> bool) {
        if !is_dir(dir) {
            return;
        }
        for path in entries(dir) {
            if is_meant(&path) && is_older(&path, before) {
                self.add(kind, path, None);
            }
        }
    }

    /// An archive goes only if both sides say that it is this session's.
    fn archives(&mut self, dir: &Path, keep: SignedDuration) {
        for session in self.sessions {
            let Some(file) = session.archive.as_ref().filter(|_| session.state == SessionState::Archived)
            else {
                continue;
            };
            if file.parent() != Some(dir) || !fs::symlink_metadata(file).is_ok_and(|found| found.is_file()) {
                continue;
            }
            let Ok(manifest) = archive::read_manifest(file) else { continue };
            if manifest.session.id == session.id && manifest.created < self.now - keep {
                self.add_archive(UnneededKind::Archive, file.clone(), session.name.clone(), session.id);
            }
        }
    }

    /// Archives of sessions that were restored or deleted since, and what was left by whoever was killed behind an
    /// archive's name and before its row, or the other way round. When such a file was last written tells its age.
    fn unused_archives(&mut self, dir: &Path, keep: SignedDuration) {
        for file in entries(dir) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_file = fs::symlink_metadata(&file).is_ok_and(|found| found.is_file());
            if !is_file || name.starts_with('.') || !name.ends_with(".tar.gz") {
                continue;
            }
            let named = self.sessions.iter().any(|session| session.archive.as_deref() == Some(&file));
            if named || !is_older(&file, self.now - keep) {
                continue;
            }
            let Ok(manifest) = archive::read_manifest(&file) else { continue };
            let session = manifest.session;
            if is_unused(self.sessions, &file, session.id) {
                self.add_archive(UnneededKind::UnusedArchive, file, session.name, session.id);
            }
        }
    }

    fn add(&mut self, kind: UnneededKind, path: PathBuf, session: Option<String>) {
        let bytes = size(&path);
        self.found.push(Unneeded { kind, path, bytes, session, archive_of: None });
    }

    fn add_archive(&mut self, kind: UnneededKind, path: PathBuf, session: String, id: SessionId) {
        let bytes = size(&path);
        self.found.push(Unneeded { kind, path, bytes, session: Some(session), archive_of: Some(id) });
    }
}

/// Nothing will come of it any more. None: it is not known. It was never taken, or will be in a moment.
fn is_done(db: &Db, prompt: PromptId) -> Result<Option<bool>> {
    match db.prompt(prompt) {
        Ok(prompt) => Ok(Some(match prompt.status {
            PromptStatus::Queued | PromptStatus::Sent | PromptStatus::Started => false,
            PromptStatus::Done | PromptStatus::Interrupted | PromptStatus::Cancelled => true,
        })),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether no row leads to this archive, of this session, also not by another path. A session whose row leads to what
/// is no archive of it may have its archive here: whoever moved the files can still say so.
fn is_unused(sessions: &[Session], file: &Path, of: SessionId) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let Some(own) = identity(file) else { return false };
    let mut named = sessions.iter().filter_map(|session| session.archive.as_deref());
    if named.any(|named| named == file || identity(named) == Some(own)) {
        return false;
    }
    let is_whole = |archive: &Path| archive::read_manifest(archive).is_ok_and(|other| other.session.id == of);
    let session = sessions.iter().find(|session| session.id == of);
    session.and_then(|session| session.archive.as_deref()).is_none_or(is_whole)
}

/// Leaves only what was shown to whoever agreed: more may have become free since.
pub(crate) fn keep_shown(found: &mut Vec<Unneeded>, shown: Option<&[PathBuf]>) {
    if let Some(shown) = shown {
        let shown: HashSet<&PathBuf> = shown.iter().collect();
        found.retain(|item| shown.contains(&item.path));
    }
}

/// Frees in a host: what belongs to a session only while nobody else has that in hand. Gives what was freed, and why
/// the rest was not.
pub(super) async fn free(
    shared: &Arc<Shared>,
    who: &str,
    found: Vec<Unneeded>,
) -> Result<(Vec<Unneeded>, Vec<String>)> {
    let (mut items, mut failed) = (Vec::new(), Vec::new());
    for item in found {
        let claim = session_of(&item).map(|id| shared.claim(id, "cleaned up")).transpose();
        // Whoever packs, moves or brings it back needs all of it; another time then.
        let Ok(claim) = claim else { continue };
        if !is_given_up(shared, who, &item).await? {
            continue;
        }
        let doomed = item.clone();
        match blocking(move || remove(&doomed)).await {
            Ok(true) => items.push(item),
            Ok(false) => {}
            Err(error) => failed.push(error.message),
        }
        drop(claim);
    }
    Ok((items, failed))
}

async fn is_given_up(shared: &Arc<Shared>, who: &str, item: &Unneeded) -> Result<bool> {
    if item.kind == UnneededKind::UnusedArchive {
        // A disk that does not answer must not hold up those who wait for the store.
        let sessions =
            shared.store.read(|db| db.sessions_as(Filter::All, None, |listed| listed.session)).await?;
        let item = item.clone();
        let look = move || Ok(item.archive_of.is_some_and(|id| is_unused(&sessions, &item.path, id)));
        if !blocking(look).await? {
            return Ok(false);
        }
    }
    let (who, given) = (who.to_owned(), item.clone());
    let given_up = shared.store.run(move |db| give_up(db, &who, &given)).await?;
    if given_up && item.kind == UnneededKind::Archive {
        shared.feed_moved();
    }
    Ok(given_up)
}

/// The session that must not be in other hands while this goes.
fn session_of(item: &Unneeded) -> Option<SessionId> {
    match item.kind {
        UnneededKind::Inbox => item.path.parent().and_then(Path::parent).and_then(id_of).map(SessionId),
        UnneededKind::SessionDir => id_of(&item.path).map(SessionId),
        UnneededKind::Archive | UnneededKind::UnusedArchive => item.archive_of,
        UnneededKind::Log | UnneededKind::Leftover | UnneededKind::Download => None,
    }
}

/// Frees one thing without a host, under its lock. As [`remove`].
pub(crate) fn free_alone(db: &mut Db, who: &str, item: &Unneeded) -> Result<bool> {
    if item.kind == UnneededKind::UnusedArchive {
        let sessions = db.sessions_as(Filter::All, None, |listed| listed.session)?;
        if !item.archive_of.is_some_and(|id| is_unused(&sessions, &item.path, id)) {
            return Ok(false);
        }
    }
    Ok(give_up(db, who, item)? && remove(item)?)
}

/// Whether it may go still, as far as rows tell, and notes what has to be noted before it does.
fn give_up(db: &mut Db, who: &str, item: &Unneeded) -> Result<bool> {
    match (item.kind, session_of(item)) {
        (UnneededKind::Archive, Some(id)) => give_up_archive(db, who, id, &item.path),
        (UnneededKind::UnusedArchive, Some(_)) => {
            db.audit(who, "archive_removed", &item.path.display().to_string()).map(|()| true)
        }
        (UnneededKind::Inbox, Some(_)) => match id_of(&item.path) {
            Some(prompt) => Ok(is_done(db, PromptId(prompt))?.unwrap_or(true)),
            None => Ok(false),
        },
        (UnneededKind::SessionDir, Some(id)) => match db.session(id) {
            Ok(_) => Ok(false),
            Err(error) if error.kind == Kind::NotFound => Ok(true),
            Err(error) => Err(error),
        },
        (UnneededKind::Log | UnneededKind::Leftover | UnneededKind::Download, _) => Ok(true),
        (_, None) => Ok(false),
    }
}

/// Removes one thing. That it is gone already is as good. False: somebody has it in use.
fn remove(item: &Unneeded) -> Result<bool> {
    let path = &item.path;
    if item.kind == UnneededKind::Leftover {
        return archive::remove_leftover(path);
    }
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => archive::remove_tree(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(true),
    }
}

/// Notes that a session's archive is about to go: the session and its log stay, and cannot be brought back. False: it
/// was brought back meanwhile, or packed anew. Killed behind this, its file is one that no session uses.
fn give_up_archive(db: &mut Db, who: &str, id: SessionId, file: &Path) -> Result<bool> {
    db.atomically(|db| {
        let session = db.session(id)?;
        if session.state != SessionState::Archived || session.archive.as_deref() != Some(file) {
            return Ok(false);
        }
        let text = format!("its archive {} was kept long enough and is removed", file.display());
        let detail = Some(Detail::Notice { code: ARCHIVE_REMOVED.to_owned() });
        db.append(id, &[NewEvent { kind: EventKind::Notice, text, prompt_id: None, detail }])?;
        db.forget_archive(id)?;
        db.audit(who, "archive_removed", &session.name)?;
        Ok(true)
    })
}

/// In no particular order; what cannot be read has none.
fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn id_of(path: &Path) -> Option<Uuid> {
    let name = path.file_name()?.to_str()?;
    // Only in the form in which we write it.
    name.parse().ok().filter(|id: &Uuid| id.to_string() == name)
}

/// A directory itself, and no link to one.
fn is_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Nothing at its top was changed since. What cannot be looked at is young.
fn is_older(path: &Path, than: Timestamp) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    changed.is_ok_and(|changed| changed < SystemTime::from(than))
}

/// Bytes of all files in it.
fn size(path: &Path) -> u64 {
    let mut waiting = vec![path.to_owned()];
    let mut bytes = 0_u64;
    while let Some(path) = waiting.pop() {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if found.is_dir() {
            waiting.extend(entries(&path));
        } else if found.is_file() {
            bytes = bytes.saturating_add(found.len());
        }
    }
    bytes
}
