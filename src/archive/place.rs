//! Puts restored conversations where Claude Code looks for them.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::temporary::{self, TemporaryFile};
use crate::claude::project::project_name;
use crate::error::{Error, Result};

const PROJECTS: &str = "projects";
/// Copies what lies in `from`, laid out like Claude's configuration directory, into `config_dir`, under the name
/// of `cwd` instead of the old one. Everything made is pushed to `made`, also when it fails half-way.
///
/// The files are dated now: Claude deletes conversations that were not touched for `cleanupPeriodDays`.
pub(super) fn place(from: &Path, config_dir: &Path, cwd: &Path, made: &mut Vec<PathBuf>) -> Result<()> {
    let Moves { project, files } = Moves::plan(from, config_dir, cwd)?;
    refuse_second_copies(config_dir, &project, &files)?;
    temporary::sweep(&project);
    for (source, target) in &files {
        copy_new(source, target, made)?;
    }
    Ok(())
}

/// What [`place`] would make, outermost first.
pub(super) fn missing(from: &Path, config_dir: &Path, cwd: &Path) -> Result<Vec<PathBuf>> {
    let Moves { files, .. } = Moves::plan(from, config_dir, cwd)?;
    Ok(absent(files.into_iter().map(|(_, target)| target)))
}

/// What [`place_below`] would make, outermost first.
pub(super) fn missing_below(from: &Path, target: &Path) -> Result<Vec<PathBuf>> {
    Ok(absent(files_below(from)?.into_iter().map(|(_, below)| target.join(below))))
}

/// Those of these files, and of the directories above them, that are not there.
fn absent(files: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut missing = Vec::new();
    for file in files {
        let absent = |path: &&Path| fs::symlink_metadata(path).is_err();
        missing.extend(file.ancestors().take_while(absent).map(Path::to_owned));
    }
    missing.sort();
    missing.dedup();
    missing
}

/// Which file goes where.
struct Moves {
    project: PathBuf,
    files: Vec<(PathBuf, PathBuf)>,
}

impl Moves {
    fn plan(from: &Path, config_dir: &Path, cwd: &Path) -> Result<Self> {
        let project = config_dir.join(PROJECTS).join(project_name(&real(cwd)?));
        let mut newest = BTreeMap::new();
        for (written, below) in files_below(from)? {
            let mut parts = below.components();
            let target = if parts.next().is_some_and(|first| first.as_os_str() == PROJECTS) {
                parts.next(); // the old project
                project.join(parts.as_path())
            } else {
                config_dir.join(&below)
            };
            // A conversation that lay under two projects comes together here: the one written last goes on.
            let known = newest.entry(target).or_insert((written, from.join(&below)));
            if known.0 < written {
                *known = (written, from.join(&below));
            }
        }
        let files = newest.into_iter().map(|(target, (_, source))| (source, target)).collect();
        Ok(Self { project, files })
    }
}

/// A directory's path without links. One that is not there yet will have this one once it is made.
fn real(dir: &Path) -> Result<PathBuf> {
    for above in dir.ancestors() {
        match fs::canonicalize(above) {
            Ok(real) => return Ok(dir.strip_prefix(above).map_or(real.clone(), |rest| join(&real, rest))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("use the directory", dir, &e)),
        }
    }
    Ok(dir.to_owned())
}

/// Without the slash that an empty rest would leave at the end.
fn join(dir: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { dir.to_owned() } else { dir.join(rest) }
}

/// Moves what lies in `from` into `target`. Everything made is pushed to `made`, also when it fails half-way.
pub(super) fn place_below(from: &Path, target: &Path, made: &mut Vec<PathBuf>) -> Result<()> {
    for (_, below) in files_below(from)? {
        let (source, target) = (from.join(&below), target.join(&below));
        match fs::symlink_metadata(&target) {
            Ok(_) if same_content(&source, &target) => {}
            Ok(_) => {
                return Err(Error::conflict(format!("another file is there already: {}", target.display()))
                    .hint("move it away and restore again"));
            }
            Err(_) => copy_new(&source, &target, made)?,
        }
    }
    Ok(())
}

/// All files, relative to `dir`, with their times. A session may have said nothing yet: then there is no `dir`.
fn files_below(dir: &Path) -> Result<Vec<(SystemTime, PathBuf)>> {
    let mut files = Vec::new();
    let mut waiting = if dir.is_dir() { vec![dir.to_owned()] } else { Vec::new() };
    while let Some(path) = waiting.pop() {
        let read = |e: io::Error| Error::io("read", &path, &e);
        for entry in fs::read_dir(&path).map_err(read)? {
            let entry = entry.map_err(read)?;
            let metadata = entry.metadata().map_err(read)?;
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else if let Ok(below) = entry.path().strip_prefix(dir) {
                files.push((metadata.modified().map_err(read)?, below.to_owned()));
            }
        }
    }
    Ok(files)
}

/// A conversation that is there already is in use, or was forgotten: two of one id would grow apart.
fn refuse_second_copies(config_dir: &Path, project: &Path, moves: &[(PathBuf, PathBuf)]) -> Result<()> {
    for (source, target) in moves {
        if fs::symlink_metadata(target).is_ok() && !same_content(source, target) {
            return Err(taken(target));
        }
    }
    let projects = match fs::read_dir(config_dir.join(PROJECTS)) {
        Ok(projects) => projects,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("read", &config_dir.join(PROJECTS), &e)),
    };
    for other in projects.flatten().map(|entry| entry.path()).filter(|other| other != project) {
        let transcripts = moves.iter().filter(|(_, target)| target.parent() == Some(project));
        for file in transcripts.filter_map(|(_, target)| target.file_name()).map(|name| other.join(name)) {
            if fs::symlink_metadata(&file).is_ok() {
                return Err(taken(&file));
            }
        }
    }
    Ok(())
}

fn taken(path: &Path) -> Error {
    Error::conflict(format!("the conversation is there already: {}", path.display()))
        .hint("if no session uses it, move that file away and restore again")
}

fn same_content(a: &Path, b: &Path) -> bool {
    let read = |path: &Path| -> io::Result<(u64, File)> {
        let metadata = fs::symlink_metadata(path)?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok((metadata.len(), File::open(path)?))
    };
    let (Ok((size_a, a)), Ok((size_b, b))) = (read(a), read(b)) else { return false };
    let bytes = |file: File| io::BufReader::new(file).bytes().map(Result::ok);
    size_a == size_b && bytes(a).eq(bytes(b))
}

/// Copies one file to a place where nothing is, whole or not at all.
fn copy_new(source: &Path, target: &Path, made: &mut Vec<PathBuf>) -> Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        return Ok(()); // the same, as was checked before
    }
    let dir = target.parent().unwrap_or(target);
    make_dirs(dir, made)?;
    let write = |e: io::Error| Error::io("write", target, &e);
    let mut aside = TemporaryFile::create(dir)?;
    let mut from = File::open(source).map_err(|e| Error::io("read", source, &e))?;
    io::copy(&mut from, &mut aside.file).and_then(|_| aside.file.sync_all()).map_err(write)?;
    aside.publish_as(target)?;
    made.push(target.to_owned());
    Ok(())
}

/// Makes a directory with all above it, and notes each that was missing.
fn make_dirs(dir: &Path, made: &mut Vec<PathBuf>) -> Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    for dir in missing.into_iter().rev() {
        DirBuilder::new().mode(0o700).create(dir).map_err(|e| Error::io("create", dir, &e))?;
        made.push(dir.to_owned());
    }
    Ok(())
}
