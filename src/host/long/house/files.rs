//! The configuration and personas that a house brings. They never replace what is here: one that differs comes beside
//! it, where it has no effect.

use std::path::{Path, PathBuf};

use super::maps::Maps;
use crate::archive::house::House;
use crate::config::moved::config_elsewhere;
use crate::config::{Config, Source};
use crate::error::{Error, Result};
use crate::ipc::{FileAs, HouseFile};
use crate::paths::{Env, Paths};
use crate::persona;

/// What is put behind the name of a file that comes beside another.
const BESIDE: &str = "moved";
/// Files beside files that may be there before somebody has to tidy up.
const TRIES: u32 = 100;
/// So many lines in which the old machine is still spoken of are named one by one.
const NAMED: usize = 5;

/// A file that is to be here.
#[derive(Debug, Clone)]
pub(super) struct Coming {
    pub(super) told: HouseFile,
    text: String,
}

/// All of them, and what a person should know of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    pub(super) config: Option<Coming>,
    pub(super) personas: Vec<Coming>,
    pub(super) notes: Vec<String>,
}

impl Files {
    /// Decides what becomes of each; changes nothing.
    pub(super) fn plan(house: &House, maps: &Maps, paths: &Paths, env: &Env) -> Result<Self> {
        let mut files = Self::default();
        if let Some(text) = &house.config {
            files.config = Some(files.plan_config(text, maps, paths, env)?);
        }
        for (name, text) in &house.personas {
            let coming = files.plan_persona(name, text, maps, paths)?;
            files.personas.push(coming);
        }
        Ok(files)
    }

    fn plan_config(&mut self, text: &str, maps: &Maps, paths: &Paths, env: &Env) -> Result<Coming> {
        let path = paths.config_file();
        let original = Source::new(&path, text);
        let text =
            config_elsewhere(&original, &|path| maps.rewritten(path)).unwrap_or_else(|_| text.to_owned());
        let source = Source::new(&path, &text);
        let loaded = Config::load_file(Some(&source), paths, env, &[]);
        let usable = loaded.is_ok();
        let sets = match &loaded {
            Ok(config) => {
                let own = config.entries().iter().filter(|entry| entry.is_of_file());
                own.map(|entry| format!("{} = {}", entry.key, entry.value)).collect()
            }
            Err(error) => {
                self.notes.push(format!("the configuration cannot be used here: {}", error.message));
                Vec::new()
            }
        };
        self.still_speaks("config.toml", &text, maps);
        settle("config.toml", path, text, sets, usable)
    }

    fn plan_persona(&mut self, name: &str, text: &str, maps: &Maps, paths: &Paths) -> Result<Coming> {
        persona::check_name(name)?;
        let path = paths.personas_dir().join(format!("{name}.toml"));
        let text = persona::elsewhere(&Source::new(&path, text), &|path| maps.rewritten(path));
        let label = format!("personas/{name}.toml");
        let sets = match persona::examine(name, &Source::new(&path, &text), paths) {
            Ok(persona) => persona_sets(&persona),
            Err(error) => {
                self.notes.push(format!("the persona {name} cannot be used: {}", error.message));
                Vec::new()
            }
        };
        self.still_speaks(&label, &text, maps);
        settle(&label, path, text, sets, true)
    }

    /// What is no path by its type may be one all the same.
    fn still_speaks(&mut self, label: &str, text: &str, maps: &Maps) {
        for (old, new) in maps.pairs() {
            let old = old.display().to_string();
            if new.starts_with(&old) {
                continue;
            }
            let lines: Vec<_> = (1..)
                .zip(text.lines())
                .filter(|(_, line)| line.contains(&old))
                .map(|(number, _)| number.to_string())
                .collect();
            if !lines.is_empty() {
                let more = if lines.len() > NAMED { " and more" } else { "" };
                let named = lines.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                self.notes.push(format!("{label} still speaks of {old}, in line {named}{more}"));
            }
        }
    }

    /// The configuration that will be in force once they are placed.
    pub(super) fn config(&self, paths: &Paths, env: &Env) -> Result<Config> {
        match &self.config {
            Some(coming) if coming.told.outcome == FileAs::Placed => {
                Config::load_file(Some(&Source::new(&coming.told.path, &coming.text)), paths, env, &[])
            }
            _ => Config::load(paths, env, &[]),
        }
    }

    /// Places them, each as a whole. What is there already by now stays.
    pub(super) fn place(&self) -> Result<()> {
        for coming in self.config.iter().chain(&self.personas) {
            if coming.told.outcome != FileAs::Same {
                let path = &coming.told.path;
                Paths::create_private(path.parent().unwrap_or(path))?;
                crate::archive::house::write_new(path, coming.text.as_bytes())?;
            }
        }
        Ok(())
    }

    pub(super) fn told(&self) -> (Option<HouseFile>, Vec<HouseFile>) {
        let config = self.config.as_ref().map(|coming| coming.told.clone());
        (config, self.personas.iter().map(|coming| coming.told.clone()).collect())
    }
}

/// Whether a file comes to its place, or beside another, or is here.
fn settle(name: &str, path: PathBuf, text: String, sets: Vec<String>, usable: bool) -> Result<Coming> {
    let here = read(&path)?;
    let (outcome, path) = match here {
        Some(here) if here == text.as_bytes() => (FileAs::Same, path),
        None if usable => (FileAs::Placed, path),
        _ => beside(&path, &text)?,
    };
    Ok(Coming { told: HouseFile { name: name.to_owned(), outcome, path, sets }, text })
}

/// A name beside that is free, or where the same came before.
fn beside(path: &Path, text: &str) -> Result<(FileAs, PathBuf)> {
    for number in 1..=TRIES {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{BESIDE}{suffix}"));
        let other = PathBuf::from(name);
        match read(&other)? {
            None => return Ok((FileAs::Beside, other)),
            Some(here) if here == text.as_bytes() => return Ok((FileAs::Same, other)),
            Some(_) => {}
        }
    }
    Err(Error::conflict(format!("there are {TRIES} files beside {} already", path.display()))
        .hint("remove those that are not needed"))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => Ok(None),
        Err(e) => Err(Error::io("read", path, &e)),
    }
}

/// What a persona may do, and what is started for it.
fn persona_sets(persona: &persona::Persona) -> Vec<String> {
    let list =
        |key: &str, values: &[String]| (!values.is_empty()).then(|| format!("{key} = {}", values.join(", ")));
    let dirs: Vec<_> = persona.add_dirs.iter().map(|dir| dir.display().to_string()).collect();
    let names: Vec<_> = persona.env.keys().map(|name| format!("{name}=(set)")).collect();
    [
        persona.permission_mode.as_ref().map(|mode| format!("permission_mode = {mode}")),
        list("allowed_tools", &persona.allowed_tools),
        list("add_dirs", &dirs),
        list("mcp_config", &persona.mcp_config),
        list("env", &names),
        persona.dir.as_ref().map(|dir| format!("dir = {}", dir.display())),
    ]
    .into_iter()
    .flatten()
    .collect()
}
