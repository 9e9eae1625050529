//! `config check`: what loading alone does not look at, because it needs the disk and is no error.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::keys::PROJECTS;
use super::types::{Config, Entry, Origin};
use crate::error::Result;
use crate::paths::{Env, Paths};

impl Config {
    /// Loads every layer and looks at what it names. Returns the warnings; every problem is in the error.
    pub(crate) fn check(paths: &Paths, env: &Env, flags: &[(String, String)]) -> Result<Vec<String>> {
        let config = Self::load(paths, env, flags)?;
        let mut warnings = config.warnings.clone();
        for (name, dir) in &config.projects {
            if !dir.is_dir() {
                warnings
                    .push(format!("`{PROJECTS}.{name}` is {}, where there is no directory", dir.display()));
            }
        }
        if let Some(dir) = config.claude.config_dir.as_deref().filter(|dir| !dir.is_dir()) {
            warnings.push(format!("`claude.config_dir` is {}, where there is no directory", dir.display()));
        }
        if let Some(file) = config.telegram.token_file.as_deref() {
            warnings.extend(token_file(file));
        }
        if config.entries().iter().any(is_token_in_file) {
            warnings.extend(readable_by_others(&paths.config_file(), "it holds `telegram.token`"));
        }
        Ok(warnings)
    }
}

fn is_token_in_file(entry: &Entry) -> bool {
    entry.key == "telegram.token" && matches!(entry.origin, Origin::File { .. })
}

fn token_file(file: &Path) -> Option<String> {
    if file.is_file() {
        return readable_by_others(file, "it holds the bot's token");
    }
    Some(format!("`telegram.token_file` is {}, where there is no file", file.display()))
}

fn readable_by_others(file: &Path, why: &str) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.mode() & 0o777;
    let words =
        || format!("{0} can be read by others (mode {mode:04o}), and {why}: chmod 600 {0}", file.display());
    (mode & 0o077 != 0).then(words)
}
