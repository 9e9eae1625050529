//! What is about to be placed for a session that the store does not have yet. A host that was killed between the two
//! leaves this, and the next one takes back what it names: a session comes as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive;
use crate::error::{Error, Result};
use crate::model::SessionId;

const NAME: &str = "moving.json";
const ASIDE: &str = "moving.json.new";

/// In the order of placing, outer directories first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) session: SessionId,
    pub(super) placed: Vec<Placed>,
}

/// Something that was not there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Placed {
    pub(super) path: PathBuf,
    /// Of a directory that is moved there as a whole: device and number. Anything else there is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) whole: Option<(u64, u64)>,
}

impl Journal {
    /// Durable before this returns.
    pub(super) fn write(&self, data_dir: &Path) -> Result<()> {
        let (path, aside) = (data_dir.join(NAME), data_dir.join(ASIDE));
        let json = serde_json::to_vec(self)
            .map_err(|e| Error::failed(format!("cannot note what is about to be placed: {e}")))?;
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

    /// What a host left that did not come to the end of it. What cannot be read was never whole, so nothing of it was
    /// placed.
    pub(super) fn left(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data_dir.join(NAME)).ok()?).ok()
    }

    /// It is stored, or taken back.
    pub(super) fn clear(data_dir: &Path) -> Result<()> {
        let path = data_dir.join(NAME);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path, &e)),
            _ => Ok(()),
        }
    }

    /// Removes what was placed, innermost first. What is not as it was placed stays.
    pub(super) fn take_back(&self) -> Result<()> {
        for Placed { path, whole } in self.placed.iter().rev() {
            let Ok(found) = fs::symlink_metadata(path) else { continue };
            let removed = match whole {
                Some(id) if *id == (found.dev(), found.ino()) => archive::remove_tree(path),
                Some(_) => Ok(()),
                // Only while nobody has put something into it since.
                None if found.is_dir() => {
                    archive::sweep(path);
                    fs::remove_dir(path).or(Ok(()))
                }
                None => fs::remove_file(path),
            };
            removed.map_err(|e| Error::io("take back", path, &e))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(path: &Path, whole: bool) -> Placed {
        let found = fs::symlink_metadata(path).unwrap();
        Placed { path: path.to_owned(), whole: whole.then_some((found.dev(), found.ino())) }
    }

    #[test]
    fn what_was_placed_is_taken_back_and_what_is_not_ours_stays() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for dir in ["work/deep", "foreign", "project", "used"] {
            fs::create_dir_all(at(dir)).unwrap();
        }
        for file in
            ["work/deep/a", "project/t.jsonl", "project/.claudebot-1.partial", "used/t.jsonl", "used/mine"]
        {
            fs::write(at(file), "x").unwrap();
        }
        let mut journal = Journal {
            session: SessionId::random(),
            placed: vec![
                placed(&at("work"), true),
                placed(&at("foreign"), true),
                placed(&at("project"), false),
                placed(&at("project/t.jsonl"), false),
                placed(&at("used"), false),
                placed(&at("used/t.jsonl"), false),
                Placed { path: at("never"), whole: None },
            ],
        };
        journal.placed[1].whole = Some((0, 0));
        journal.write(root.path()).unwrap();
        assert_eq!(Journal::left(root.path()), Some(journal.clone()));
        journal.take_back().unwrap();
        Journal::clear(root.path()).unwrap();
        assert_eq!(Journal::left(root.path()), None);
        let mut left: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["foreign", "used"]);
        assert_eq!(fs::read_dir(at("used")).unwrap().count(), 1);
        journal.take_back().unwrap();
    }
}
