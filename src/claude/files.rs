//! What Claude Code keeps of a conversation, and where below its configuration directory.
//!
//! | place | what |
//! |---|---|
//! | `projects/<directory>/<id>.jsonl` | the conversation itself |
//! | `projects/<directory>/<id>/` | its subagents, results too large for it, workflows |
//! | `file-history/<id>/` | files as they were before its edits, for `/rewind` |
//! | `tasks/<id>/`, in older releases `todos/<id>…` | its list of things to do |
//! | `image-cache/<id>/`, `uploads/<id>/` | pictures and files that it was given |
//! | `session-env/<id>/`, `debug/<id>.txt` | scripts of its hooks, a log: made anew when it is resumed |
//!
//! Seen in 2.1.330, whose own `claude project purge` goes by the same list. Plans (`plans/<words>.md`) belong to no
//! id; their text stands in the conversation too.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use uuid::Uuid;

/// Directories that hold one of a conversation's name.
const BY_ID: [&str; 4] = ["file-history", "tasks", "image-cache", "uploads"];
/// Where names begin with the conversation's.
const TODOS: &str = "todos";
const PROJECTS: &str = "projects";

/// The file of a conversation. The same one may lie under several project directories; the one written last
/// counts.
pub(crate) fn find(config_dir: &Path, id: &Uuid) -> io::Result<Option<PathBuf>> {
    let modified = |path: &PathBuf| {
        fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let places = places(config_dir, &format!("{id}.jsonl"))?;
    Ok(places.into_iter().filter(|path| path.is_file()).max_by_key(modified))
}

/// Everything that belongs to a conversation and is worth keeping, files and whole directories.
pub(crate) fn of_conversation(config_dir: &Path, id: &Uuid) -> io::Result<Vec<PathBuf>> {
    let mut found = places(config_dir, &format!("{id}.jsonl"))?;
    found.extend(places(config_dir, &id.to_string())?);
    for area in BY_ID {
        found.extend(existing(config_dir.join(area).join(id.to_string()))?);
    }
    let begins_so = |name: &[u8]| name.starts_with(id.to_string().as_bytes());
    let todos = config_dir.join(TODOS);
    found.extend(
        entries(&todos)?.into_iter().filter(|name| begins_so(name.as_bytes())).map(|name| todos.join(name)),
    );
    found.sort();
    Ok(found)
}

/// What a conversation leaves behind that is of no use once it is gone.
pub(crate) fn left_behind(config_dir: &Path, id: &Uuid) -> io::Result<Vec<PathBuf>> {
    let mut found = existing(config_dir.join("session-env").join(id.to_string()))?;
    found.extend(existing(config_dir.join("debug").join(format!("{id}.txt")))?);
    Ok(found)
}

/// Whether a path below the configuration directory, in raw bytes, is part of one of these conversations, or with
/// `dir` a directory that leads to one. Anything else there (settings, hooks, commands, what hooks have written)
/// decides what runs on the machine.
pub(crate) fn belongs_to(path: &[u8], dir: bool, conversations: &[Uuid]) -> bool {
    let mut parts = path.splitn(3, |b| *b == b'/');
    let Some(area) = parts.next().and_then(|area| std::str::from_utf8(area).ok()) else { return false };
    let (second, rest) = (parts.next(), parts.next());
    let of_one =
        |fits: &dyn Fn(&[u8]) -> bool| conversations.iter().any(|id| fits(id.to_string().as_bytes()));
    match (second, rest) {
        (None, _) => dir && (BY_ID.contains(&area) || [PROJECTS, TODOS].contains(&area)),
        (Some(_), None) if area == PROJECTS => dir,
        (Some(_), Some(rest)) if area == PROJECTS => of_one(&|id| {
            let after = rest.strip_prefix(id);
            after.is_some_and(|after| after.is_empty() || after == b".jsonl" || after.starts_with(b"/"))
        }),
        (Some(second), None) if area == TODOS => of_one(&|id| second.starts_with(id)),
        (Some(second), _) => BY_ID.contains(&area) && of_one(&|id| second == id),
    }
}

/// Where something of that name lies among the projects. Where that cannot be seen is an error: it may lie there.
fn places(config_dir: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let projects = config_dir.join(PROJECTS);
    let mut found = Vec::new();
    for project in entries(&projects)? {
        let project = projects.join(project);
        let path = project.join(name);
        match path.try_exists() {
            Ok(true) => found.push(path),
            Ok(false) => {}
            Err(error) if cannot_hold_ours(&project, &error) => {}
            Err(error) => return Err(within(&project, &error)),
        }
    }
    Ok(found)
}

/// The names in a directory; none where there is no such directory.
fn entries(dir: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| within(dir, &error))?,
    };
    entries.map(|entry| Ok(entry.map_err(|error| within(dir, &error))?.file_name())).collect()
}

fn existing(path: PathBuf) -> io::Result<Vec<PathBuf>> {
    match path.try_exists() {
        Ok(exists) => Ok(if exists { vec![path] } else { Vec::new() }),
        Err(error) => Err(within(&path, &error)),
    }
}

/// Not a directory, or one of another user that is closed to us.
fn cannot_hold_ours(project: &Path, error: &io::Error) -> bool {
    let own = rustix::process::geteuid().as_raw();
    match error.kind() {
        io::ErrorKind::NotADirectory => true,
        io::ErrorKind::PermissionDenied => fs::metadata(project).is_ok_and(|found| found.uid() != own),
        _ => false,
    }
}

fn within(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
