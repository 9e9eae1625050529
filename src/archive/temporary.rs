//! Files and directories that exist only while an archive, or an export, is written or unpacked.
//!
//! Each is locked by its maker and removed when dropped. One that is not locked belongs to a process that was
//! killed, and [`sweep`] removes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::error::{Error, Result};

const PREFIX: &str = ".claudebot-";
const FILE_SUFFIX: &str = ".partial";
const DIR_SUFFIX: &str = ".restoring";
/// How often a sweeper may take a new name from under us before its lock is held.
const TRIES: usize = 8;

pub(crate) struct TemporaryFile {
    path: PathBuf,
    pub(crate) file: File,
    published: bool,
}

impl TemporaryFile {
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        for _ in 0..TRIES {
            let path = dir.join(format!("{PREFIX}{}{FILE_SUFFIX}", Uuid::new_v4().simple()));
            let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
            let file = file.map_err(|e| Error::io("write in", dir, &e))?;
            let temporary = Self { path, file, published: false };
            if hold(&temporary.file, &temporary.path) {
                return Ok(temporary);
            }
        }
        Err(Error::failed(format!("cannot keep a temporary file in {}", dir.display())))
    }

    /// A file without a name: gone with its last handle, whatever happens.
    pub(super) fn nameless(dir: &Path) -> Result<File> {
        let temporary = Self::create(dir)?;
        temporary.file.try_clone().map_err(|e| Error::io("write", &temporary.path, &e))
    }

    /// Gives the file its name, `stem` + `suffix`, or `stem-2` and so on where that is taken.
    pub(super) fn publish(mut self, dir: &Path, stem: &str, suffix: &str) -> Result<PathBuf> {
        let mut number = 1_u32;
        let path = loop {
            let name =
                if number == 1 { format!("{stem}{suffix}") } else { format!("{stem}-{number}{suffix}") };
            let path = dir.join(name);
            match self.rename(&path) {
                Ok(()) => break path,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(Error::io("write", &path, &e)),
            }
        };
        sync_dir(dir)?;
        self.published = true;
        Ok(path)
    }

    /// Gives the file this name, where nothing is yet.
    pub(crate) fn publish_as(mut self, path: &Path) -> Result<()> {
        self.rename(path).map_err(|e| Error::io("write", path, &e))?;
        path.parent().map_or(Ok(()), sync_dir)?;
        self.published = true;
        Ok(())
    }

    /// Gives the file this name, in place of the file that has it now.
    pub(crate) fn publish_over(mut self, path: &Path) -> Result<()> {
        fs::rename(&self.path, path).map_err(|e| Error::io("write", path, &e))?;
        self.published = true;
        path.parent().map_or(Ok(()), sync_dir)
    }

    /// From here on a failure removes the file under its new name.
    fn rename(&mut self, path: &Path) -> io::Result<()> {
        rename_new(&self.path, path)?;
        path.clone_into(&mut self.path);
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.published {
            fs::remove_file(&self.path).ok(); // a later sweep tries again
        }
    }
}

pub(super) struct TemporaryDir {
    path: PathBuf,
    _lock: File,
}

impl TemporaryDir {
    pub(super) fn create(parent: &Path) -> Result<Self> {
        for _ in 0..TRIES {
            let path = parent.join(format!("{PREFIX}{}{DIR_SUFFIX}", Uuid::new_v4().simple()));
            let made = fs::DirBuilder::new().mode(0o700).create(&path);
            made.map_err(|e| Error::io("write in", parent, &e))?;
            if let Some(held) = Self::hold(path)? {
                return Ok(held);
            }
        }
        Err(Error::failed(format!("cannot keep a temporary directory in {}", parent.display())))
    }

    /// Holds a directory that was just made. None: it cannot be held, and nothing is left of it.
    pub(super) fn hold(path: PathBuf) -> Result<Option<Self>> {
        let lost = match File::open(&path) {
            Ok(dir) if hold(&dir, &path) => return Ok(Some(Self { path, _lock: dir })),
            Ok(_) => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("open", &path, &e)),
        };
        // A sweeper may be faster; what somebody else has put there is not ours.
        fs::remove_dir(&path).ok();
        lost
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        remove_tree(&self.path).ok(); // a later sweep tries again
    }
}

/// What a file or directory is known by, whatever its name: device and number.
pub(super) fn identity(path: &Path) -> Result<(u64, u64)> {
    let found = fs::symlink_metadata(path).map_err(|e| Error::io("look at", path, &e))?;
    Ok((found.dev(), found.ino()))
}

/// Locks what was just made, and says whether it is still there: a sweeper may have been between.
/// File systems without locks are taken as they are: there a sweeper cannot lock, and removes nothing.
fn hold(file: &File, path: &Path) -> bool {
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return false;
    }
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Removes what killed processes left in `dir`. What cannot be removed stays for the next time.
pub(crate) fn sweep(dir: &Path) {
    for path in named_as_ours(dir) {
        if let Err(error) = remove_leftover(&path) {
            tracing::warn!("left by a process that was killed: {error}");
        }
    }
}

/// What [`sweep`] would remove. By the time that somebody acts on it, another may hold a name of these.
pub(crate) fn leftovers(dir: &Path) -> Vec<PathBuf> {
    named_as_ours(dir).filter(|path| hold_leftover(path).is_some()).collect()
}

/// Removes one of the [`leftovers`], which nobody else can take meanwhile. False: somebody has it in use.
pub(crate) fn remove_leftover(path: &Path) -> Result<bool> {
    let Some(held) = hold_leftover(path) else { return Ok(fs::symlink_metadata(path).is_err()) };
    let removed = if path.is_dir() { remove_tree(path) } else { fs::remove_file(path) };
    drop(held);
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, &e)),
        _ => Ok(true),
    }
}

fn named_as_ours(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let is_ours = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(PREFIX) && (name.ends_with(FILE_SUFFIX) || name.ends_with(DIR_SUFFIX))
    };
    fs::read_dir(dir).into_iter().flatten().flatten().filter(is_ours).map(|entry| entry.path())
}

/// Holds a file or directory of ours that nobody else holds.
fn hold_leftover(path: &Path) -> Option<File> {
    let kind = fs::symlink_metadata(path).ok()?.file_type();
    let file = (kind.is_file() || kind.is_dir()).then(|| File::open(path).ok()).flatten()?;
    (file.try_lock().is_ok() && hold(&file, path)).then_some(file)
}

/// Removes a directory with all in it, also where directories are not writable. Follows no link.
pub(crate) fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            open_up(dir)?;
            fs::remove_dir_all(dir)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Makes every directory of a tree writable for its owner.
fn open_up(dir: &Path) -> io::Result<()> {
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Renames, but never over something: `AlreadyExists` then.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP) => {
            // The file system cannot promise it; only a race with a stranger in this directory is left open.
            if fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        Err(e) => Err(e.into()),
    }
}

/// Makes renames and new names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| Error::io("write", dir, &e))
}
