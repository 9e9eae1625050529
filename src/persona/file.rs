//! One persona's file: the table of its keys, and reading it.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::words::{judge_effort, judge_model, judge_permission_mode};
use super::{Persona, PersonaOrigin};
use crate::config::moved::{Mapping, paths_in, quoted_in, rewrite};
use crate::config::{Given, Key, Problem, Slot, Source, anything, report};
use crate::error::{Result, did_you_mean, nearest};
use crate::paths::Paths;

/// Its list has files and JSON side by side.
const SERVERS: &str = "mcp_config";

static KEYS: &[Key<Persona>] = &[
    key("description", Slot::Text(|p| &mut p.description, anything), "One line for lists."),
    key("model", Slot::OptText(|p| &mut p.model, judge_model), "A model alias."),
    key("effort", Slot::OptText(|p| &mut p.effort, judge_effort), "How hard Claude thinks."),
    key(
        "permission_mode",
        Slot::OptText(|p| &mut p.permission_mode, judge_permission_mode),
        "What needs a yes.",
    ),
    key("prompt", Slot::OptText(|p| &mut p.prompt, anything), "Appended to Claude's own prompt."),
    key("allowed_tools", Slot::List(|p| &mut p.allowed_tools), "Tools that need no approval."),
    key("disallowed_tools", Slot::List(|p| &mut p.disallowed_tools), "Tools that Claude does not have."),
    key("add_dirs", Slot::Paths(|p| &mut p.add_dirs), "More directories Claude may work in."),
    key(SERVERS, Slot::List(|p| &mut p.mcp_config), "Files with MCP servers, or their JSON."),
    key("env", Slot::Variables(|p| &mut p.env), "Variables for Claude."),
    key("dir", Slot::OptPath(|p| &mut p.dir), "The working directory of new sessions that name none."),
];

const fn key(name: &'static str, slot: Slot<Persona>, doc: &'static str) -> Key<Persona> {
    Key { section: "", name, slot, doc }
}

/// What reading a file brings: a persona, and what is odd about it.
pub(super) struct Read {
    pub(super) persona: Persona,
    pub(super) warnings: Vec<String>,
}

/// Reads a persona, or reports everything that is wrong with it.
pub(super) fn read(name: &str, origin: PersonaOrigin, source: &Source, paths: &Paths) -> Result<Read> {
    let mut reader =
        Reader { source, paths, persona: empty(name, origin), problems: Vec::new(), warnings: Vec::new() };
    match source.parse() {
        Ok(table) => reader.keys(&table),
        Err(problems) => reader.problems = problems,
    }
    if reader.problems.is_empty() {
        return Ok(Read { persona: reader.persona, warnings: reader.warnings });
    }
    let what = format!("the persona `{name}`");
    Err(report(
        reader.problems,
        &what,
        &format!("nothing was changed; `claudebot persona check {name}` looks again"),
    ))
}

/// The file with its paths as `mapping` has them. What cannot be read stays as it is.
pub(super) fn elsewhere(source: &Source, mapping: Mapping<'_>) -> String {
    let Ok(table) = source.parse() else { return source.text().to_owned() };
    let mut paths = Vec::new();
    for (name, value) in &table {
        if name.get_ref() == SERVERS {
            paths.extend(quoted_in(value).into_iter().filter(|server| server.text.starts_with(['/', '~'])));
        } else if let Some(key) = KEYS.iter().find(|key| key.name == name.get_ref().as_ref()) {
            paths.extend(paths_in(&key.slot, value));
        }
    }
    rewrite(source.text(), paths, mapping)
}

fn empty(name: &str, origin: PersonaOrigin) -> Persona {
    Persona {
        name: name.to_owned(),
        origin,
        description: String::new(),
        model: None,
        effort: None,
        permission_mode: None,
        prompt: None,
        allowed_tools: Vec::new(),
        disallowed_tools: Vec::new(),
        add_dirs: Vec::new(),
        mcp_config: Vec::new(),
        env: std::collections::BTreeMap::new(),
        dir: None,
    }
}

struct Reader<'a> {
    source: &'a Source,
    paths: &'a Paths,
    persona: Persona,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn keys(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            match KEYS.iter().find(|key| key.name == name.get_ref().as_ref()) {
                Some(key) => self.set(key, name, value),
                None => {
                    let message = unknown(name.get_ref(), value.get_ref());
                    self.problem(name.span().start, message);
                }
            }
        }
    }

    fn set(&mut self, key: &Key<Persona>, name: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let at = name.span().start;
        if key.name == "env" && self.swallowed(value) {
            return;
        }
        match key.slot.set(&mut self.persona, Given::Toml(value), self.paths) {
            Ok(warning) => self.warnings.extend(
                warning.map(|words| self.source.problem(at, format!("`{}` {words}", key.name)).to_string()),
            ),
            Err(fault) => {
                self.problem(fault.offset.unwrap_or(at), format!("`{}` {}", key.name, fault.message));
            }
        }
        if key.name == SERVERS {
            self.servers(value);
        }
    }

    /// In TOML everything after an `[env]` line belongs to it, and a prompt would be lost as a variable.
    fn swallowed(&mut self, env: &Spanned<DeValue<'_>>) -> bool {
        let Some(table) = env.get_ref().as_table() else { return false };
        let lost: Vec<_> = table
            .iter()
            .filter(|(name, _)| KEYS.iter().any(|key| key.name == name.get_ref().as_ref()))
            .collect();
        for (name, _) in &lost {
            let message = format!(
                "`{0}` stands below [env] and would be a variable; move `{0}` above it",
                name.get_ref()
            );
            self.problem(name.span().start, message);
        }
        !lost.is_empty()
    }

    /// Each is a file or JSON; a file's path has the same rules as any other.
    fn servers(&mut self, value: &Spanned<DeValue<'_>>) {
        let elements = value.get_ref().as_array().into_iter().flatten();
        for (server, element) in self.persona.mcp_config.iter_mut().zip(elements) {
            let start = element.span().start;
            let fault = if server.trim_start().starts_with('{') {
                serde_json::from_str::<serde::de::IgnoredAny>(server)
                    .err()
                    .map(|error| format!("is not valid JSON: {error}"))
            } else {
                match Given::Plain(server).path(self.paths) {
                    Ok(path) => {
                        *server = path.display().to_string();
                        None
                    }
                    Err(fault) => Some(fault.message),
                }
            };
            self.problems
                .extend(fault.map(|words| self.source.problem(start, format!("`mcp_config` {words}"))));
        }
    }

    fn problem(&mut self, offset: usize, message: String) {
        self.problems.push(self.source.problem(offset, message));
    }
}

fn unknown(name: &str, value: &DeValue<'_>) -> String {
    if matches!(value, DeValue::Table(_)) {
        return format!("unknown section [{name}]; a persona's keys are flat, without sections");
    }
    let meant = nearest(name, KEYS.iter().map(|key| key.name));
    let known = || format!("; there are {}", KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", "));
    let words = if meant.is_some() { did_you_mean(meant) } else { known() };
    format!("unknown key `{name}`{words}")
}
