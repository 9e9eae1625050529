//! Where personas come from: those in the binary, and the files of a person, which win.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{self, Read, read};
use super::words::check_name;
use super::{Persona, PersonaOrigin};
use crate::config::Source;
use crate::config::moved::Mapping;
use crate::error::{Error, Result, did_you_mean, nearest};
use crate::paths::Paths;

const BUILT_IN: [(&str, &str); 5] = [
    ("default", include_str!("../../personas/default.toml")),
    ("homelab", include_str!("../../personas/homelab.toml")),
    ("brainstorm", include_str!("../../personas/brainstorm.toml")),
    ("planner", include_str!("../../personas/planner.toml")),
    ("research", include_str!("../../personas/research.toml")),
];

/// A persona as `persona list` shows it. One whose file is broken is listed with its error, not hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) origin: PersonaOrigin,
    /// A file of the same name as a built-in persona.
    pub(crate) overrides: bool,
    pub(crate) persona: Result<Persona>,
}

/// The persona of this name. A broken file of the person's is an error, also where a built-in persona of that
/// name exists: falling back would change who answers without a word.
pub(crate) fn load(name: &str, paths: &Paths) -> Result<Persona> {
    check_name(name)?;
    find(name, paths).map(|found| found.persona)
}

/// Every persona by name, the person's and the built-in.
pub(crate) fn list(paths: &Paths) -> Result<Vec<Listed>> {
    let mut origins: BTreeMap<String, PersonaOrigin> =
        BUILT_IN.iter().map(|(name, _)| ((*name).to_owned(), PersonaOrigin::BuiltIn)).collect();
    for (name, path) in files(&paths.personas_dir())? {
        origins.insert(name, PersonaOrigin::File(path));
    }
    let listed = origins.into_iter().map(|(name, origin)| {
        let overrides = origin != PersonaOrigin::BuiltIn && built_in(&name).is_some();
        let persona = check_name(&name).and_then(|()| find(&name, paths)).map(|found| found.persona);
        Listed { name, origin, overrides, persona }
    });
    Ok(listed.collect())
}

/// Judges a persona by name, or a file by path. Returns the warnings; every problem is in the error.
pub(crate) fn check(target: &str, paths: &Paths) -> Result<Vec<String>> {
    let is_path = target.contains('/') || target.ends_with(".toml");
    let Read { persona, mut warnings } =
        if is_path { check_file(Path::new(target), paths)? } else { check_named(target, paths)? };
    let dirs = persona
        .add_dirs
        .iter()
        .map(|dir| ("add_dirs", dir))
        .chain(persona.dir.iter().map(|dir| ("dir", dir)));
    let missing = dirs.filter(|(_, dir)| !dir.is_dir());
    warnings.extend(
        missing.map(|(key, dir)| format!("`{key}` names {}, where there is no directory", dir.display())),
    );
    let servers =
        persona.mcp_config.iter().filter(|server| server.starts_with('/') && !Path::new(server).is_file());
    warnings.extend(servers.map(|file| format!("`mcp_config` names {file}, where there is no file")));
    if persona.description.is_empty() {
        warnings.push("there is no `description`, so lists show the name alone".to_owned());
    }
    Ok(warnings)
}

fn check_named(name: &str, paths: &Paths) -> Result<Read> {
    check_name(name)?;
    find(name, paths)
}

fn check_file(path: &Path, paths: &Paths) -> Result<Read> {
    let source = Source::read(path)?
        .ok_or_else(|| Error::not_found(format!("there is no file {}", path.display())))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    check_name(&name)?;
    read(&name, PersonaOrigin::File(path.to_owned()), &source, paths)
}

/// The person's own files, by name, as they are.
pub(crate) fn own_files(paths: &Paths) -> Result<Vec<(String, Source)>> {
    let mut own = Vec::new();
    for (name, path) in files(&paths.personas_dir())? {
        // One that went meanwhile is none.
        own.extend(Source::read(&path)?.map(|source| (name, source)));
    }
    own.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(own)
}

/// A persona that is perhaps not yet where it will be.
pub(crate) fn examine(name: &str, source: &Source, paths: &Paths) -> Result<Persona> {
    check_name(name)?;
    read(name, PersonaOrigin::File(source.path().to_owned()), source, paths).map(|read| read.persona)
}

/// The file of a persona with its paths as `mapping` has them.
pub(crate) fn elsewhere(source: &Source, mapping: Mapping<'_>) -> String {
    file::elsewhere(source, mapping)
}

/// `name` is a checked name: it cannot lead out of the directory.
fn find(name: &str, paths: &Paths) -> Result<Read> {
    let path = paths.personas_dir().join(format!("{name}.toml"));
    if let Some(source) = Source::read(&path)? {
        return read(name, PersonaOrigin::File(path), &source, paths);
    }
    let text = built_in(name).ok_or_else(|| unknown(name, paths))?;
    read(name, PersonaOrigin::BuiltIn, &Source::new(format!("personas/{name}.toml"), text), paths)
}

fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

fn unknown(name: &str, paths: &Paths) -> Error {
    // The error is about the name; a directory that cannot be read only leaves out some candidates.
    let own = files(&paths.personas_dir()).unwrap_or_default().into_iter().map(|(name, _)| name);
    let known: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).chain(own).collect();
    let meant = nearest(name, known.iter().map(String::as_str));
    Error::not_found(format!("there is no persona `{name}`{}", did_you_mean(meant)))
        .hint(format!("`claudebot persona list` shows all; yours go into {}", paths.personas_dir().display()))
}

/// The person's files by name, whether or not they are any good.
fn files(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::io("read", dir, &source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| Error::io("read", dir, &source))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|ext| ext == "toml") && !hidden {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.push((name, path));
        }
    }
    Ok(found)
}
