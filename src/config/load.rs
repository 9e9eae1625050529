//! The layers, one on top of the other. Every problem of every layer is collected before any is reported.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::given::{Given, type_words};
use super::keys::{self, ConfigKey, KEYS, PROJECTS, SECTIONS};
use super::source::{Problem, Source, report};
use super::types::{Config, Entry, Origin};
use crate::error::{Result, did_you_mean, nearest};
use crate::paths::{Env, Paths};

const PREFIX: &str = "CLAUDEBOT_";

/// Variables of ours that are not configuration.
const SESSION: &str = "CLAUDEBOT_SESSION";
const FOR_TESTS: &str = "CLAUDEBOT_TEST_";

type Name<'a> = Spanned<DeString<'a>>;
type Value<'a> = Spanned<DeValue<'a>>;

impl Config {
    /// Applies every layer, or reports every problem in one error. The file may be absent; it is never written.
    pub(crate) fn load(paths: &Paths, env: &Env, flags: &[(String, String)]) -> Result<Self> {
        Self::load_file(Source::read(&paths.config_file())?.as_ref(), paths, env, flags)
    }

    /// The same with a file that is perhaps not yet where it will be.
    pub(crate) fn load_file(
        source: Option<&Source>,
        paths: &Paths,
        env: &Env,
        flags: &[(String, String)],
    ) -> Result<Self> {
        let mut layers = Layers::new(paths);
        if let Some(source) = source {
            layers.file(source);
        }
        layers.environment(env);
        layers.flags(flags);
        layers.finish()
    }
}

struct Layers<'a> {
    paths: &'a Paths,
    config: Config,
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
}

/// Where a value stands: for its origin, and for the place of a problem.
struct Place<'a> {
    origin: Origin,
    /// The file, and where the key stands in it; None for variables and flags.
    file: Option<(&'a Source, usize)>,
}

impl<'a> Place<'a> {
    fn in_file(source: &'a Source, offset: usize) -> Self {
        let line = source.position(offset).line;
        Self { origin: Origin::File { path: source.path().to_owned(), line }, file: Some((source, offset)) }
    }

    fn outside(origin: Origin) -> Self {
        Self { origin, file: None }
    }

    fn problem(&self, message: impl Into<String>, offset: Option<usize>) -> Problem {
        match self.file {
            Some((source, key)) => source.problem(offset.unwrap_or(key), message),
            None => Problem::new(self.origin.to_string(), message),
        }
    }
}

impl<'a> Layers<'a> {
    fn new(paths: &'a Paths) -> Self {
        Self { paths, config: Config::defaults(paths), origins: BTreeMap::new(), problems: Vec::new() }
    }

    fn file(&mut self, source: &Source) {
        match source.parse() {
            Ok(table) => table.iter().for_each(|(name, value)| self.section(source, name, value)),
            // What the parser could save of a broken file would only bring follow-up complaints.
            Err(problems) => self.problems.extend(problems),
        }
    }

    fn section(&mut self, source: &Source, name: &Name<'_>, value: &Value<'_>) {
        let (section, offset) = (name.get_ref().as_ref(), name.span().start);
        let known = SECTIONS.contains(&section);
        match value.get_ref().as_table() {
            Some(table) if section == PROJECTS => {
                table.iter().for_each(|(name, value)| {
                    let place = Place::in_file(source, name.span().start);
                    self.project(name.get_ref(), Given::Toml(value), place);
                });
            }
            Some(table) if known => self.keys(source, section, table),
            Some(_) => {
                let meant = nearest(section, SECTIONS).map(|name| format!("[{name}]"));
                let message = format!("unknown section [{section}]{}", did_you_mean(meant.as_deref()));
                self.problems.push(source.problem(offset, message));
            }
            None if known => {
                let found = type_words(value.get_ref());
                let message =
                    format!("`{section}` is a section, not {found}; write [{section}] on a line of its own");
                self.problems.push(source.problem(offset, message));
            }
            None => {
                let message = format!("unknown key `{section}` outside a section{}", belongs_in(section));
                self.problems.push(source.problem(offset, message));
            }
        }
    }

    fn keys(&mut self, source: &Source, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let place = Place::in_file(source, name.span().start);
            match keys::of_section(section).find(|key| key.name == name.get_ref().as_ref()) {
                Some(key) => self.set(key, Given::Toml(value), place),
                None => self.problems.push(place.problem(unknown_key(section, name.get_ref()), None)),
            }
        }
    }

    fn environment(&mut self, env: &Env) {
        for (name, value) in env.iter() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            if value.is_empty() || name == SESSION || name.starts_with(FOR_TESTS) {
                continue;
            }
            let place = Place::outside(Origin::Environment(name.to_owned()));
            let key = KEYS.iter().find(|key| key.variable() == name);
            let project = name.strip_prefix("CLAUDEBOT_PROJECTS_");
            match (key, project, value.to_str()) {
                (None, None, _) => self.config.warnings.push(unknown_variable(name)),
                (_, _, None) => self.problems.push(place.problem("is not valid UTF-8 text", None)),
                (Some(key), _, Some(text)) => self.set(key, Given::Plain(text), place),
                (None, Some(project), Some(text)) => {
                    self.project(&project.to_lowercase(), Given::Plain(text), place);
                }
            }
        }
    }

    fn flags(&mut self, flags: &[(String, String)]) {
        for (name, text) in flags {
            let place = Place::outside(Origin::Flag);
            let key = KEYS.iter().find(|key| key.full_name() == *name);
            match (key, name.strip_prefix("projects.")) {
                (Some(key), _) => self.set(key, Given::Plain(text), place),
                (None, Some(project)) => self.project(project, Given::Plain(text), place),
                (None, None) => {
                    let known: Vec<String> = KEYS.iter().map(ConfigKey::full_name).collect();
                    let meant = nearest(name, known.iter().map(String::as_str));
                    self.problems
                        .push(place.problem(format!("unknown key `{name}`{}", did_you_mean(meant)), None));
                }
            }
        }
    }

    fn set(&mut self, key: &ConfigKey, given: Given<'_>, place: Place<'_>) {
        let name = key.full_name();
        match key.slot.set(&mut self.config, given, self.paths) {
            Ok(warning) => {
                self.config.warnings.extend(
                    warning.map(|words| place.problem(format!("`{name}` {words}"), None).to_string()),
                );
                self.origins.insert(name, place.origin);
            }
            Err(fault) => {
                self.problems.push(place.problem(format!("`{name}` {}", fault.message), fault.offset));
            }
        }
    }

    fn project(&mut self, name: &str, given: Given<'_>, place: Place<'_>) {
        let full_name = format!("{PROJECTS}.{name}");
        let usable = !name.is_empty() && !name.starts_with(['-', '.', '~']) && !name.contains('/');
        if !usable || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let message =
                format!("`{name}` cannot be the name of a project: use letters, digits, `-` and `_`");
            return self.problems.push(place.problem(message, None));
        }
        match given.path(self.paths) {
            Ok(dir) => {
                self.config.projects.insert(name.to_owned(), dir);
                self.origins.insert(full_name, place.origin);
            }
            Err(fault) => {
                self.problems.push(place.problem(format!("`{full_name}` {}", fault.message), fault.offset));
            }
        }
    }

    fn finish(mut self) -> Result<Config> {
        if !self.problems.is_empty() {
            let hint = "nothing was changed; `claudebot config check` looks again";
            return Err(report(self.problems, "the configuration", hint));
        }
        let token = settle_token(&mut self.config, &mut self.origins);
        self.config.warnings.extend(token);
        self.config.entries = self.entries();
        Ok(self.config)
    }

    /// Every key in the order of the reference, the projects where their section stands.
    fn entries(&mut self) -> Vec<Entry> {
        let mut values = Vec::new();
        for section in SECTIONS {
            for key in keys::of_section(section) {
                values.push((key.full_name(), key.slot.show(&mut self.config)));
            }
            if section == PROJECTS {
                let projects = self.config.projects.iter();
                values.extend(
                    projects.map(|(name, dir)| (format!("{PROJECTS}.{name}"), dir.display().to_string())),
                );
            }
        }
        let entry = |(key, value): (String, String)| {
            let origin = self.origins.get(&key).cloned().unwrap_or(Origin::Default);
            Entry { key, value, origin }
        };
        values.into_iter().map(entry).collect()
    }
}

fn unknown_key(section: &str, name: &str) -> String {
    let meant = nearest(name, keys::of_section(section).map(|key| key.name));
    let words = if meant.is_some() { did_you_mean(meant) } else { belongs_in(name) };
    format!("unknown key `{name}` in [{section}]{words}")
}

/// Where a key of this name has its place, if there is such a key.
fn belongs_in(name: &str) -> String {
    let sections: BTreeSet<_> = KEYS.iter().filter(|key| key.name == name).map(|key| key.section).collect();
    let sections: Vec<_> = sections.into_iter().map(|section| format!("[{section}]")).collect();
    if sections.is_empty() { String::new() } else { format!("; it belongs in {}", sections.join(" or ")) }
}

fn unknown_variable(name: &str) -> String {
    let known: Vec<String> = KEYS.iter().map(ConfigKey::variable).collect();
    let meant = nearest(name, known.iter().map(String::as_str));
    format!("${name} is no setting of claudebot and has no effect{}", did_you_mean(meant))
}

/// There is one token, whatever way it is given: a higher layer's way replaces a lower layer's. Two ways in one
/// layer are worth a word.
fn settle_token(config: &mut Config, origins: &mut BTreeMap<String, Origin>) -> Option<String> {
    let ways = ["token", "token_file", "token_command"].map(|way| format!("telegram.{way}"));
    let layer_of = |way: &String| origins.get(way).map_or(0, Origin::layer);
    let highest = ways.iter().map(layer_of).max().filter(|layer| *layer > 0)?;
    let (kept, replaced): (Vec<_>, Vec<_>) = ways.iter().partition(|way| layer_of(way) == highest);
    let (used, idle) = kept.split_first()?;
    for way in replaced {
        origins.remove(way);
        match way.as_str() {
            "telegram.token" => config.telegram.token = None,
            "telegram.token_file" => config.telegram.token_file = None,
            _ => config.telegram.token_command = None,
        }
    }
    let idle: Vec<_> = idle.iter().map(|way| format!("`{way}`")).collect();
    (!idle.is_empty()).then(|| format!("`{used}` is used; {} has no effect", idle.join(" and ")))
}
