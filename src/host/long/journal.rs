//! Files of a session that are about to come or to go. A host that was killed between them and the store's rows
//! leaves this, and the next one ends it: a session comes as a whole or not at all, and what lies in an archive does
//! not stay behind.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blocking;
use crate::archive;
use crate::error::{Error, Kind, Result};
use crate::host::shared::Shared;
use crate::model::{Session, SessionId, SessionState};
use crate::store::Db;

const PREFIX: &str = "moving-";
const SUFFIX: &str = ".json";

/// One session's, in the data directory. Whoever writes it has claimed the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) session: SessionId,
    pub(super) goes: Goes,
    /// Outer directories before what is in them.
    pub(super) files: Vec<Noted>,
}

/// When the files are not the session's, and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goes {
    /// They were placed for a session that the store did not have: as long as it is not there.
    UnlessThere,
    /// They were placed for a session that was archived: as long as it is archived.
    UnlessRestored,
    /// They are packed: once the session is archived in this file.
    OnceArchived(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    pub(super) path: PathBuf,
    /// What is known already, and goes with all that is in it: device and number. Anything else there is not ours.
    /// Without, it is something that was not there before, a directory only with what else is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) whole: Option<(u64, u64)>,
}

impl Noted {
    /// Something that lies there now; None if nothing does.
    pub(super) fn here(path: PathBuf) -> Option<Self> {
        let found = fs::symlink_metadata(&path).ok()?;
        Some(Self { path, whole: Some((found.dev(), found.ino())) })
    }

    fn remove(&self) -> Result<()> {
        let Self { path, whole } = self;
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        let removed = match whole {
            Some(id) if *id != (found.dev(), found.ino()) => Ok(()),
            Some(_) if found.is_dir() => archive::remove_tree(path),
            // Only while nobody has put something into it since.
            None if found.is_dir() => {
                archive::sweep(path);
                fs::remove_dir(path).or(Ok(()))
            }
            _ => fs::remove_file(path),
        };
        removed.map_err(|e| Error::io("remove", path, &e))
    }
}

impl Journal {
    /// Durable before this returns.
    pub(super) fn write(&self, data_dir: &Path) -> Result<()> {
        let path = Self::path(data_dir, self.session);
        let aside = path.with_extension("new");
        let json = serde_json::to_vec(self)
            .map_err(|e| Error::failed(format!("cannot note which files come or go: {e}")))?;
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut file| file.write_all(&json).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&aside, &path))
            .and_then(|()| File::open(data_dir)?.sync_all());
        written.map_err(|e| Error::io("write", &path, &e))
    }

    /// It is stored, or taken back.
    pub(super) fn clear(data_dir: &Path, session: SessionId) -> Result<()> {
        let path = Self::path(data_dir, session);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path, &e)),
            _ => Ok(()),
        }
    }

    /// Removes the files, innermost first, and gives what cannot be removed.
    pub(super) fn remove_files(&self) -> Vec<Error> {
        self.files.iter().rev().filter_map(|noted| noted.remove().err()).collect()
    }

    fn path(data_dir: &Path, session: SessionId) -> PathBuf {
        data_dir.join(format!("{PREFIX}{session}{SUFFIX}"))
    }

    /// What cannot be read was never whole, so nothing of it was begun.
    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    fn all(data_dir: &Path) -> Vec<Self> {
        let entries = fs::read_dir(data_dir).into_iter().flatten().flatten();
        let ours = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(PREFIX) && name.ends_with(SUFFIX)
        });
        ours.filter_map(|entry| Self::read(&entry.path())).collect()
    }

    /// Whether the files have to go, by what the store says.
    fn goes(&self, db: &Db) -> Result<bool> {
        let row = match db.session(self.session) {
            Ok(row) => Some(row),
            Err(error) if error.kind == Kind::NotFound => None,
            Err(error) => return Err(error),
        };
        let archived = |row: &Session| row.state == SessionState::Archived;
        Ok(match (&self.goes, row) {
            (Goes::UnlessThere, row) => row.is_none(),
            (Goes::UnlessRestored, row) => row.as_ref().is_none_or(archived),
            (Goes::OnceArchived(file), row) => {
                row.is_some_and(|row| archived(&row) && row.archive.as_ref() == Some(file))
            }
        })
    }

    async fn end(self, shared: &Arc<Shared>) -> Result<()> {
        let data_dir = shared.paths.data_dir().to_owned();
        let (id, of) = (self.session, self.clone());
        let goes = shared.store.read(move |db| of.goes(db)).await?;
        blocking(move || {
            if goes {
                tracing::info!(session = %id, "removing what a host that was killed has left of a session");
                if let Some(error) = self.remove_files().into_iter().next() {
                    return Err(error.hint("see to it that it can be removed, or remove it yourself"));
                }
            }
            Self::clear(&data_dir, id)
        })
        .await
    }
}

/// Ends what a host that was killed has begun with a session, which is claimed.
pub(super) async fn end_left(shared: &Arc<Shared>, session: SessionId) -> Result<()> {
    match Journal::read(&Journal::path(shared.paths.data_dir(), session)) {
        Some(journal) => journal.end(shared).await,
        None => Ok(()),
    }
}

/// Likewise with all, before anything is served. What cannot be ended now is tried again by whoever needs it.
pub(in crate::host) async fn end_all_left(shared: &Arc<Shared>) {
    for journal in Journal::all(shared.paths.data_dir()) {
        let id = journal.session;
        if let Err(error) = journal.end(shared).await {
            tracing::warn!(session = %id, "files stay that a host has left: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::long::restore::tests::{house, manifest};

    fn noted(path: &Path, whole: bool) -> Noted {
        let noted = Noted::here(path.to_owned()).unwrap();
        Noted { whole: noted.whole.filter(|_| whole), ..noted }
    }

    #[test]
    fn what_is_named_goes_and_what_is_not_ours_stays() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for dir in ["work/deep", "foreign", "project", "used"] {
            fs::create_dir_all(at(dir)).unwrap();
        }
        for file in [
            "work/deep/a",
            "packed.jsonl",
            "project/t.jsonl",
            "project/.claudebot-1.partial",
            "used/t.jsonl",
            "used/mine",
        ] {
            fs::write(at(file), "x").unwrap();
        }
        let mut journal = Journal {
            session: SessionId::random(),
            goes: Goes::UnlessThere,
            files: vec![
                noted(&at("work"), true),
                noted(&at("foreign"), true),
                noted(&at("packed.jsonl"), true),
                noted(&at("project"), false),
                noted(&at("project/t.jsonl"), false),
                noted(&at("used"), false),
                noted(&at("used/t.jsonl"), false),
                Noted { path: at("never"), whole: None },
            ],
        };
        journal.files[1].whole = Some((0, 0));
        journal.write(root.path()).unwrap();
        assert_eq!(Journal::all(root.path()), [journal.clone()]);
        assert!(journal.remove_files().is_empty());
        Journal::clear(root.path(), journal.session).unwrap();
        assert_eq!(Journal::all(root.path()), []);
        let mut left: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["foreign", "used"]);
        assert_eq!(fs::read_dir(at("used")).unwrap().count(), 1);
        assert!(journal.remove_files().is_empty());
    }

    #[tokio::test]
    async fn what_a_killed_host_has_left_goes_by_what_the_store_says() {
        let home = tempfile::tempdir().unwrap();
        let shared = house(home.path());
        let archive = home.path().join("a.tar.gz");
        let file = home.path().join("file");
        let id = SessionId::random();
        let session = manifest("work", home.path(), false).session;
        let is_left = async |goes: &Goes| {
            fs::write(&file, "x").unwrap();
            let files = vec![Noted::here(file.clone()).unwrap()];
            Journal { session: id, goes: goes.clone(), files }.write(shared.paths.data_dir()).unwrap();
            end_left(&shared, SessionId::random()).await.unwrap();
            assert!(file.exists(), "that was another's");
            end_all_left(&shared).await;
            assert_eq!(Journal::all(shared.paths.data_dir()), []);
            file.exists()
        };
        let kinds = [Goes::UnlessThere, Goes::UnlessRestored, Goes::OnceArchived(archive.clone())];
        let all = async || [is_left(&kinds[0]).await, is_left(&kinds[1]).await, is_left(&kinds[2]).await];
        assert_eq!(all().await, [false, false, true], "there is no such session");
        let session = Session { id, state: SessionState::Asleep, ..session };
        shared.store.run(move |db| db.create_session(&session)).await.unwrap();
        assert_eq!(all().await, [true, true, true], "it is there");
        let other = home.path().join("b.tar.gz");
        shared.store.run(move |db| db.mark_archived(id, &other)).await.unwrap();
        assert_eq!(all().await, [true, false, true], "it is archived elsewhere");
        shared.store.run(move |db| db.mark_archived(id, &archive)).await.unwrap();
        assert_eq!(all().await, [true, false, false], "it is archived there");
    }
}
