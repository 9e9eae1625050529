//! Unpacks an archive aside, in one pass, and lets go of it only once all of it was verified.
//!
//! Nothing outside the temporary directory is touched by [`restore`]. What the caller then places with
//! [`Restored::place_workspace`] and [`Restored::place_conversation`] is taken back again when the [`Restored`]
//! is dropped, unless [`Restored::keep`] said that all went well.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, futimens, utimensat};

use super::durable::Flusher;
use super::format::{self, CLAUDE, EVENTS, INBOX, NO_ROOM, WORKSPACE};
use super::manifest::{Counts, Manifest};
use super::meter::{Meter, Progress, Step};
use super::place;
use super::scan::{DIR_MODE, FILE_MODE};
use super::stream::{Entry, Mtime};
use super::temporary::{self, TemporaryDir};
use super::verify::{self, Sink};
use crate::error::{Error, Result};
use crate::model::{Event, size};

/// A verified archive, unpacked aside.
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    staging: TemporaryDir,
    /// The workspace's own mode and time, which it gets where it belongs.
    workspace_root: Option<Entry>,
    placed_workspace: Option<PlacedWorkspace>,
    /// In the order they were made.
    placed_files: Vec<PathBuf>,
}

struct PlacedWorkspace {
    target: PathBuf,
    /// An empty directory stood there.
    stood: bool,
    /// The directories above it that were made for it, outermost first.
    above: Vec<PathBuf>,
}

/// Unpacks and verifies an archive in a temporary directory within `staging_parent`, which must exist. For the
/// workspace to be placed by a rename, that is the directory in which it is to lie, or the first one above that is
/// there.
pub(crate) fn restore(
    archive: &Path,
    staging_parent: &Path,
    progress: &mut dyn FnMut(Progress),
    cancel: &AtomicBool,
) -> Result<Restored> {
    let file = verify::open(archive)?;
    restore_from(file, staging_parent, progress, cancel).map_err(|e| format::about(archive, e))
}

/// The same from wherever the archive is read.
pub(super) fn restore_from(
    from: impl Read,
    staging_parent: &Path,
    progress: &mut dyn FnMut(Progress),
    cancel: &AtomicBool,
) -> Result<Restored> {
    temporary::sweep(staging_parent);
    let staging = TemporaryDir::create(staging_parent)?;
    let mut unpacker = Unpacker::new(staging.path())?;
    let mut meter = Meter::new(Step::Unpacking, progress, cancel);
    let manifest = verify::read_through(from, &mut unpacker, &mut meter)?;
    let workspace_root = unpacker.finish()?;
    Ok(Restored { manifest, staging, workspace_root, placed_workspace: None, placed_files: Vec::new() })
}

impl Restored {
    /// The log, oldest first.
    pub(crate) fn events(&self) -> Result<Events> {
        let path = self.staging.path().join(EVENTS);
        File::open(&path).map(Events::of).map_err(|e| Error::io("read", &path, &e))
    }

    /// What the working directory is known by, here and where it will be moved to: device and number.
    pub(crate) fn workspace_identity(&self) -> Result<Option<(u64, u64)>> {
        let path = self.staging.path().join(WORKSPACE);
        self.workspace_root.as_ref().map(|_| temporary::identity(&path)).transpose()
    }

    /// What [`Self::place_workspace`] would make above a directory, outermost first.
    pub(crate) fn places_above(dir: &Path) -> Vec<PathBuf> {
        absent_above(dir)
    }

    /// What [`Self::place_conversation`] and [`Self::place_inbox`] would make, outermost first.
    pub(crate) fn places(&self, config_dir: &Path, cwd: &Path, inbox: &Path) -> Result<Vec<PathBuf>> {
        let mut places = place::missing(&self.staging.path().join(CLAUDE), config_dir, cwd)?;
        places.extend(place::missing_below(&self.staging.path().join(INBOX), inbox)?);
        Ok(places)
    }

    /// Moves the working directory to `target`, which must not exist or be empty. What is missing above it is made.
    pub(crate) fn place_workspace(&mut self, target: &Path) -> Result<()> {
        let Some(root) = &self.workspace_root else {
            return Err(Error::failed("the archive holds no working directory"));
        };
        if self.placed_workspace.is_some() {
            return Err(Error::failed("the working directory is placed already"));
        }
        let empty = empty_dir(target)?;
        let stood = empty.is_some();
        let target = empty.unwrap_or_else(|| target.to_owned());
        let above = make_above(&target)?;
        // From here on it is taken back.
        self.placed_workspace = Some(PlacedWorkspace { target: target.clone(), stood, above });
        fs::rename(self.staging.path().join(WORKSPACE), &target).map_err(|e| {
            let error = Error::io("place the working directory at", &target, &e);
            match e.kind() {
                std::io::ErrorKind::CrossesDevices | std::io::ErrorKind::ResourceBusy => {
                    error.hint("it is a mount point: choose a directory within it")
                }
                _ => error,
            }
        })?;
        set_meta(&target, root.mode & DIR_MODE, root.mtime)?;
        target.parent().map_or(Ok(()), temporary::sync_dir)
    }

    /// Puts the conversations where `claude --resume`, started in `cwd`, finds them. Returns the new files.
    pub(crate) fn place_conversation(&mut self, config_dir: &Path, cwd: &Path) -> Result<Vec<PathBuf>> {
        let from = self.staging.path().join(CLAUDE);
        let before = self.placed_files.len();
        place::place(&from, config_dir, cwd, &mut self.placed_files)?;
        Ok(self.placed_files[before..].iter().filter(|path| !path.is_dir()).cloned().collect())
    }

    /// Moves the files that were sent to the session to `target`, beside what lies there already.
    pub(crate) fn place_inbox(&mut self, target: &Path) -> Result<()> {
        place::place_below(&self.staging.path().join(INBOX), target, &mut self.placed_files)
    }

    /// What was placed stays.
    pub(crate) fn keep(mut self) {
        self.placed_files.clear();
        self.placed_workspace = None;
    }

    /// Takes back what was placed, newest first. What cannot be taken back is told to the log.
    fn undo(&mut self) {
        for path in self.placed_files.drain(..).rev() {
            // Directories go only if nobody has put something into them since.
            let removed = if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
            if let Err(e) = removed {
                tracing::warn!("cannot take back {}: {e}", path.display());
            }
        }
        if let Some(placed) = self.placed_workspace.take() {
            placed.take_back(&self.staging.path().join(WORKSPACE));
        }
    }
}

impl PlacedWorkspace {
    /// Moved back rather than removed: a rename fails or succeeds, and the staging goes as a whole.
    fn take_back(self, staged: &Path) {
        let Self { target, stood, above } = self;
        if fs::symlink_metadata(staged).is_err() {
            // It fails where the directory may not be written, so that goes first.
            let opened = fs::set_permissions(&target, fs::Permissions::from_mode(0o700));
            let moved = opened.and_then(|()| fs::rename(&target, staged));
            let back = moved.and_then(|()| if stood { fs::create_dir(&target) } else { Ok(()) });
            if let Err(e) = back {
                tracing::warn!("cannot take back {}: {e}", target.display());
            }
        }
        for dir in above.iter().rev() {
            // Somebody else may use it by now.
            fs::remove_dir(dir).ok();
        }
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        self.undo();
    }
}

/// The restored log, read a line at a time.
pub(crate) struct Events {
    lines: BufReader<File>,
    line: Vec<u8>,
}

impl Events {
    pub(super) fn of(log: File) -> Self {
        Self { lines: BufReader::new(log), line: Vec::new() }
    }
}

impl Iterator for Events {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line.clear();
        match self.lines.read_until(b'\n', &mut self.line) {
            Ok(0) => None,
            Ok(_) => Some(
                serde_json::from_slice(&self.line)
                    .map_err(|e| Error::failed(format!("cannot read an event back: {e}"))),
            ),
            Err(e) => Some(Err(Error::failed(format!("cannot read the log back: {e}")))),
        }
    }
}

/// The directories above a path that are not there, outermost first.
fn absent_above(path: &Path) -> Vec<PathBuf> {
    let absent = |dir: &&Path| fs::symlink_metadata(dir).is_err();
    let mut above: Vec<_> = path.ancestors().skip(1).take_while(absent).map(Path::to_owned).collect();
    above.reverse();
    above
}

fn make_above(path: &Path) -> Result<Vec<PathBuf>> {
    let above = absent_above(path);
    for dir in &above {
        fs::create_dir(dir).map_err(|e| Error::io("create", dir, &e))?;
        dir.parent().map_or(Ok(()), temporary::sync_dir)?;
    }
    Ok(above)
}

/// Says so early if a working directory cannot be placed there.
pub(crate) fn refuse_full(target: &Path) -> Result<()> {
    empty_dir(target).map(drop)
}

/// The real path of an empty directory, or None where nothing is.
fn empty_dir(target: &Path) -> Result<Option<PathBuf>> {
    if fs::symlink_metadata(target).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let used = |e: std::io::Error| Error::io("use the directory", target, &e);
    if fs::read_dir(target).map_err(used)?.next().is_some() {
        return Err(Error::conflict(format!("{} is not empty", target.display()))
            .hint("choose another directory, or empty it"));
    }
    // Renaming replaces an empty directory, but not a link to one.
    fs::canonicalize(target).map(Some).map_err(used)
}

/// Writes entries below `root`. They were judged before, so a name is safe to join; still nothing is opened
/// that exists.
struct Unpacker<'a> {
    root: &'a Path,
    open: Option<(File, PathBuf)>,
    /// Their modes and times come last, or nothing could be written into them.
    dirs: Vec<Entry>,
    flusher: Flusher,
}

impl<'a> Unpacker<'a> {
    fn new(root: &'a Path) -> Result<Self> {
        Ok(Self { root, open: None, dirs: Vec::new(), flusher: Flusher::start(root)? })
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.root.join(std::ffi::OsStr::from_bytes(&entry.name))
    }

    /// Completes the directories, inner ones first, and makes all durable. Returns the workspace's root.
    fn finish(mut self) -> Result<Option<Entry>> {
        let mut workspace = None;
        while let Some(dir) = self.dirs.pop() {
            if dir.name == WORKSPACE.as_bytes() {
                workspace = Some(dir);
            } else {
                set_meta(&self.path(&dir), dir.mode & DIR_MODE, dir.mtime)?;
            }
        }
        self.flusher.finish()?;
        Ok(workspace)
    }
}

impl Sink for Unpacker<'_> {
    /// A manifest that promises more than fits is not worth beginning with.
    fn manifest(&mut self, manifest: &Manifest) -> Result<()> {
        let Ok(fs) = rustix::fs::statvfs(self.root) else { return Ok(()) };
        check_room(&manifest.counts, fs.f_bavail.saturating_mul(fs.f_frsize), fs.f_favail, self.root)
    }

    fn dir(&mut self, entry: &Entry) -> Result<()> {
        let path = self.path(entry);
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|e| Error::io("create", &path, &e))?;
        self.dirs.push(entry.clone());
        Ok(())
    }

    fn link(&mut self, entry: &Entry, target: &[u8]) -> Result<()> {
        let path = self.path(entry);
        let made = std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), &path);
        made.map_err(|e| Error::io("create", &path, &e))?;
        set_mtime(&path, entry.mtime)
    }

    fn file(&mut self, entry: &Entry) -> Result<()> {
        let path = self.path(entry);
        // Nobody else looks into the temporary directory.
        let mode = entry.mode & FILE_MODE;
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        self.open = Some((file.map_err(|e| Error::io("create", &path, &e))?, path));
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.open {
            Some((file, path)) => file.write_all(bytes).map_err(|e| Error::io("write", path, &e)),
            None => Err(Error::failed("content without a file")),
        }
    }

    fn file_end(&mut self, entry: &Entry) -> Result<()> {
        match self.open.take() {
            Some((file, path)) => complete(&file, entry).map_err(|e| Error::io("complete", &path, &e)),
            None => Ok(()),
        }
    }
}

/// Sets mode and time of a file that is still open, which is faster than by its name.
fn complete(file: &File, entry: &Entry) -> std::io::Result<()> {
    let mode = entry.mode & FILE_MODE;
    // The user's mask has its say when a file is made.
    if file.metadata()?.permissions().mode() & 0o7777 != mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(futimens(file, &times(entry.mtime))?)
}

/// Whether all of it fits where so many bytes and entries are free. No entries: the file system does not count them.
fn check_room(counts: &Counts, bytes: u64, entries: u64, at: &Path) -> Result<()> {
    let (needs, has) = if counts.bytes() > bytes {
        (size::bytes(counts.bytes()), size::bytes(bytes))
    } else if counts.entries() > entries && entries > 0 {
        let needs = format!("{} files, directories and links", counts.entries());
        (needs, entries.to_string())
    } else {
        return Ok(());
    };
    let at = at.parent().unwrap_or(at).display();
    Err(Error::failed(format!("its content needs {needs}, and only {has} are free at {at}")).hint(NO_ROOM))
}

fn set_meta(path: &Path, mode: u32, mtime: Mtime) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|e| Error::io("set the mode of", path, &e))?;
    set_mtime(path, mtime)
}

fn times(mtime: Mtime) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.into() },
    }
}

fn set_mtime(path: &Path, mtime: Mtime) -> Result<()> {
    utimensat(CWD, path, &times(mtime), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|e| Error::io("set the time of", path, &e.into()))
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Tally;
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let workspace = Some(Tally { files: 90, dirs: 9, links: 1, bytes: 3 << 20 });
        let counts = Counts { workspace, ..Counts::default() };
        let room = |bytes, entries| check_room(&counts, bytes, entries, Path::new("/x/aside"));
        assert_eq!(room(3 << 20, 100), Ok(()));
        assert_eq!(room(3 << 20, 0), Ok(()), "a file system that does not count");
        let refused = room((3 << 20) - 1, 100).unwrap_err();
        assert_eq!(refused.message, "its content needs 3.0 MB, and only 2.9 MB are free at /x");
        let refused = room(u64::MAX, 99).unwrap_err();
        let words = "its content needs 100 files, directories and links, and only 99 are free at /x";
        assert_eq!((refused.message.as_str(), refused.hint.as_deref()), (words, Some(NO_ROOM)));
    }
}
