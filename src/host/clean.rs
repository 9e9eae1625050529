//! What is no longer needed: found by rules that look only below our own directories, and removed one by one.
//!
//! | what | when |
//! |---|---|
//! | files that came with a prompt | the prompt is done, interrupted or taken back, and they and its session are old |
//! | the directory of a session | no session has its id, and it is old |
//! | logs put aside, downloads of Telegram that no prompt took | they are old |
//! | `.claudebot-….partial` and `….restoring` | nobody holds their lock |
//! | an archive | `archive.keep` is over, and an archived session's row says that it is this session's |
//!
//! A project directory, a session's own working directory and Claude's files are never looked at. No link is followed:
//! one in the place of a directory of ours is passed by. Each thing is freed by itself, so whoever is killed in the
//! middle has freed some, and the next time goes on.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::archive;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::model::{
    ARCHIVE_REMOVED, Detail, EventKind, NewEvent, PromptId, PromptStatus, Session, SessionId, SessionState,
    Unneeded, UnneededKind,
};
use crate::paths::Paths;
use crate::store::{Db, Filter};

/// What belongs to no session may belong to one that is just being made.
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
    // A young one may be under way.
    search.old(&paths.telegram_downloads(), UnneededKind::Download, &|path| is_older(path, now - YOUNG));
    let current = paths.host_log();
    search.old(&paths.log_dir(), UnneededKind::Log, &|path| path != current);
    let mut dirs = vec![&config.archive.dir, &config.session.root];
    dirs.dedup();
    for dir in dirs {
        for path in archive::leftovers(dir) {
            search.add(UnneededKind::Leftover, path, None);
        }
    }
    if let Some(keep) = config.archive.keep() {
        search.archives(&config.archive.dir, keep)?;
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
                None if is_older(&own, self.before.min(self.now - YOUNG)) => {
                    self.add(UnneededKind::SessionDir, own, None);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn inbox(&mut self, session: &Session, inbox: &Path) -> Result<()> {
        // What a session that is in use was sent is of use to it.
        if !is_dir(inbox) || session.last_active >= self.before {
            return Ok(());
        }
        for files in entries(inbox) {
            let Some(prompt) = id_of(&files).filter(|_| is_dir(&files)) else { continue };
            let before = match self.is_done(PromptId(prompt))? {
                Some(true) => self.before,
                Some(false) => continue,
                // It may be on its way.
                None => self.before.min(self.now - YOUNG),
            };
            if is_older(&files, before) {
                self.add(UnneededKind::Inbox, files, Some(session));
            }
        }
        Ok(())
    }

    /// Whether nothing will come of it any more. None: it was never taken.
    fn is_done(&self, prompt: PromptId) -> Result<Option<bool>> {
        match self.db.prompt(prompt) {
            Ok(prompt) => Ok(Some(match prompt.status {
                PromptStatus::Queued | PromptStatus::Sent | PromptStatus::Started => false,
                PromptStatus::Done | PromptStatus::Interrupted | PromptStatus::Cancelled => true,
            })),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What lies in a directory, is meant, and was not touched for long.
    fn old(&mut self, dir: &Path, kind: UnneededKind, is_meant: &dyn Fn(&Path) -> bool) {
        if !is_dir(dir) {
            return;
        }
        for path in entries(dir) {
            if is_meant(&path) && is_older(&path, self.before) {
                self.add(kind, path, None);
            }
        }
    }

    /// An archive goes only if both sides say that it is this session's.
    fn archives(&mut self, dir: &Path, keep: SignedDuration) -> Result<()> {
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
                self.add(UnneededKind::Archive, file.clone(), Some(session));
            }
        }
        Ok(())
    }

    fn add(&mut self, kind: UnneededKind, path: PathBuf, session: Option<&Session>) {
        let bytes = size(&path);
        let (session, of) = (session.map(|it| it.name.clone()), session.map(|it| it.id));
        self.found.push(Unneeded { kind, path, bytes, session, of });
    }
}

/// Removes one thing. That it is gone already is as good.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => archive::remove_tree(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Notes that a session's archive is about to go: the session and its log stay, and cannot be brought back. False: it
/// was brought back meanwhile, or packed anew.
pub(crate) fn give_up_archive(db: &mut Db, who: &str, id: SessionId, file: &Path) -> Result<bool> {
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
