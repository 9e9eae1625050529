//! What is about to be packed, listed before the first byte is written.
//!
//! The manifest stands first and its counts are exact, so everything is looked at twice: here, and when it is
//! packed. What changed in between makes the archive fail: its source may be removed afterwards, and half a
//! file is worse than a second try.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::format::{self, CLAUDE, INBOX, WORKSPACE, link_stays_inside, shown};
use super::ignored::Rules;
use super::manifest::{LeftOut, Tally};
use super::meter::Meter;
use super::stream::{Entry, Kind, Mtime};
use crate::claude::files::belongs_to;
use crate::error::{Error, Result};

/// Set-id bits are dropped: an archive from a stranger must not leave a program that runs as its finder.
/// On directories the group bit only says who owns new files.
pub(super) const FILE_MODE: u32 = 0o777;
pub(super) const DIR_MODE: u32 = 0o3777;

/// What tells that a file is still the one that was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) path: PathBuf,
    pub(super) entry: Entry,
    /// None for directories: what lies in them is listed itself.
    pub(super) stamp: Option<Stamp>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) tally: Tally,
    pub(super) left_out: Vec<LeftOut>,
    /// What the project's own rules left out, as entries would be named.
    pub(super) ignored: Vec<Vec<u8>>,
}

/// Lists a working directory; with `all`, also what the project's `.gitignore` files say is not worth keeping.
pub(super) fn workspace(dir: &Path, all: bool, meter: &Meter<'_>) -> Result<Tree> {
    let root = real_dir(dir)?;
    let rules = if all { Rules::none() } else { Rules::above(&root) };
    let mut tree = Tree::default();
    tree.descend(root, WORKSPACE.into(), rules, meter)?;
    Ok(tree)
}

/// Lists the files that were sent to a session.
pub(super) fn inbox(dir: &Path, meter: &Meter<'_>) -> Result<Tree> {
    let mut tree = Tree::default();
    tree.descend(real_dir(dir)?, INBOX.into(), Rules::none(), meter)?;
    Ok(tree)
}

fn real_dir(dir: &Path) -> Result<PathBuf> {
    let real = fs::canonicalize(dir).map_err(|e| Error::io("read", dir, &e))?;
    if real.is_dir() {
        Ok(real)
    } else {
        Err(Error::failed(format!("{} is not a directory", real.display())))
    }
}

/// Lists the files of conversations, each given with the configuration directory it lies below.
pub(super) fn claude(
    files: &[(PathBuf, PathBuf)],
    conversations: &[uuid::Uuid],
    meter: &Meter<'_>,
) -> Result<Tree> {
    let mut tree = Tree::default();
    let mut dirs = HashSet::new();
    let mut listed: Vec<(&Path, PathBuf)> = Vec::new();
    for (base, file) in files {
        let path = base.join(file);
        listed.push((base, path.strip_prefix(base).unwrap_or(&path).to_owned()));
    }
    // Sorted, a directory stands before what is in it, which then is not listed twice.
    listed.sort();
    let mut last: Option<PathBuf> = None;
    for (base, below) in listed {
        if last.as_ref().is_some_and(|last| below.starts_with(last)) {
            continue;
        }
        let path = base.join(&below);
        let name = below.as_os_str().as_bytes();
        if !belongs_to(name, false, conversations) || format::check_name(name).is_err() {
            return Err(Error::failed(format!(
                "{} is not part of the session's conversation",
                path.display()
            )));
        }
        tree.parents(base, &below, &mut dirs)?;
        let mut entry_name = format!("{CLAUDE}/").into_bytes();
        entry_name.extend_from_slice(name);
        // A listed path may itself be a link (`~/.claude` kept elsewhere): its content is what is wanted.
        let path = fs::canonicalize(&path).map_err(|e| Error::io("read", &path, &e))?;
        tree.descend(path, entry_name, Rules::none(), meter)?;
        last = Some(below);
    }
    Ok(tree)
}

impl Tree {
    /// Adds the directories above a listed file, once each.
    fn parents(&mut self, base: &Path, below: &Path, known: &mut HashSet<Vec<u8>>) -> Result<()> {
        let mut above: Vec<&Path> = below.ancestors().skip(1).collect();
        above.reverse();
        for dir in above {
            let mut name = CLAUDE.as_bytes().to_vec();
            if !dir.as_os_str().is_empty() {
                name.push(b'/');
                name.extend_from_slice(dir.as_os_str().as_bytes());
            }
            if !known.insert(name.clone()) {
                continue;
            }
            let path = base.join(dir);
            let metadata = fs::metadata(&path).map_err(|e| Error::io("read", &path, &e))?;
            self.push(path, name, Kind::Dir, &metadata);
        }
        Ok(())
    }

    /// Adds a path and all below it, in a stable order, each directory before its content. The path itself was asked
    /// for: rules are for what is below it.
    fn descend(&mut self, path: PathBuf, name: Vec<u8>, rules: Rules, meter: &Meter<'_>) -> Result<()> {
        let root = path.clone();
        let mut waiting = vec![(path, name, rules)];
        while let Some((path, name, rules)) = waiting.pop() {
            meter.check()?;
            let metadata = fs::symlink_metadata(&path).map_err(|e| unread(&path, &e))?;
            format::check_name(&name)?;
            let kind = metadata.file_type();
            if path != root && rules.leave_out(&path, kind.is_dir()) {
                self.ignored.push(name);
            } else if kind.is_dir() {
                let rules = rules.within(&path);
                let children = children(&path, &name)?.into_iter();
                self.push(path, name, Kind::Dir, &metadata);
                waiting.extend(children.map(|(path, name)| (path, name, rules.clone())));
            } else if kind.is_file() {
                self.push(path, name, Kind::File, &metadata);
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(|e| unread(&path, &e))?;
                let target = target.into_os_string().into_vec();
                if link_stays_inside(&name, &target) {
                    self.push(path, name, Kind::Link(target), &metadata);
                } else {
                    self.leave_out(&name, format!("link to {}", shown(&target)));
                }
            } else if kind.is_socket() {
                self.leave_out(&name, "socket".into());
            } else if kind.is_fifo() {
                self.leave_out(&name, "named pipe".into());
            } else {
                self.leave_out(&name, "device".into());
            }
        }
        Ok(())
    }

    fn push(&mut self, path: PathBuf, name: Vec<u8>, kind: Kind, metadata: &Metadata) {
        let (size, mode) = match kind {
            Kind::File => (metadata.size(), metadata.mode() & FILE_MODE),
            Kind::Dir => (0, metadata.mode() & DIR_MODE),
            Kind::Link(_) => (0, 0o777),
        };
        match kind {
            Kind::File => self.tally.files += 1,
            Kind::Dir => self.tally.dirs += 1,
            Kind::Link(_) => self.tally.links += 1,
        }
        self.tally.bytes += size;
        let stamp = (kind != Kind::Dir).then(|| Stamp::of(metadata));
        let mtime = Mtime { secs: metadata.mtime(), nanos: metadata.mtime_nsec().try_into().unwrap_or(0) };
        let entry = Entry { name, kind, size, mode, mtime, uid: metadata.uid(), gid: metadata.gid() };
        self.nodes.push(Node { path, entry, stamp });
    }

    fn leave_out(&mut self, name: &[u8], what: String) {
        self.left_out.push(LeftOut { path: shown(name), what });
    }

    /// Fails with the first difference to an earlier listing of the same place.
    pub(super) fn same_as(&self, earlier: &Self) -> Result<()> {
        for (now, then) in self.nodes.iter().zip(&earlier.nodes) {
            if now.entry.name != then.entry.name {
                // In this order the lesser one is what came or went.
                return Err(changed((&now.path).min(&then.path)));
            }
            if now.stamp != then.stamp || now.entry.kind != then.entry.kind {
                return Err(changed(&now.path));
            }
        }
        let (longer, shorter) =
            if self.nodes.len() > earlier.nodes.len() { (self, earlier) } else { (earlier, self) };
        match longer.nodes.get(shorter.nodes.len()) {
            Some(extra) => Err(changed(&extra.path)),
            None if self.left_out != earlier.left_out => {
                Err(Error::failed("a link or socket changed while it was packed").hint(CHANGED))
            }
            None => Ok(()),
        }
    }
}

/// The entries of a directory, last first: they are taken from the end.
fn children(path: &Path, name: &[u8]) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let read = |e: std::io::Error| unread(path, &e);
    let mut names = Vec::new();
    for child in fs::read_dir(path).map_err(read)? {
        names.push(child.map_err(read)?.file_name());
    }
    names.sort_by(|a, b| b.cmp(a));
    let with_name = |child: std::ffi::OsString| {
        let mut entry = name.to_vec();
        entry.push(b'/');
        entry.extend_from_slice(child.as_bytes());
        (path.join(child), entry)
    };
    Ok(names.into_iter().map(with_name).collect())
}

/// What was listed a moment ago and is gone has changed.
fn unread(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => changed(path),
        _ => Error::io("read", path, error),
    }
}

const CHANGED: &str = "nothing was removed; stop what writes there and archive again";

pub(super) fn changed(path: &Path) -> Error {
    Error::failed(format!("{} changed while it was packed", path.display())).hint(CHANGED)
}

/// Whether something was not packed because it changed meanwhile: another time it may not.
pub(crate) fn has_changed(error: &Error) -> bool {
    error.hint.as_deref() == Some(CHANGED)
}
