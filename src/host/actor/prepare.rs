//! What the agent of a session is started with: from persona, configuration and the session's own settings.
//!
//! All of it looks at files and waits for the disk, so it runs on a thread of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::claude::command::{self, Conversation, Launch};
use crate::error::{Error, Result};
use crate::host::Shared;
use crate::host::checkup;
use crate::host::retention;
use crate::host::tools;
use crate::model::{Agent, Rule, Session};
use crate::paths::Paths;
use crate::persona::{self, Persona};

const CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";
const SETTINGS: &str = "--settings";

/// The mode of a file that is nobody else's to read.
const PRIVATE: u32 = 0o600;
const NO_LINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// Who starts the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The host, which speaks with it through pipes.
    Us,
    /// A person in a terminal, who speaks with it.
    Terminal,
}

/// Everything about the process to start, from persona, configuration and the session's own settings.
pub(super) fn prepare(
    shared: &Shared,
    session: &Session,
    conversation: Conversation,
    rules: &[Rule],
    by: By,
) -> Result<Launch> {
    let persona = persona::load(&session.persona, &shared.paths)?;
    if !session.dir.is_dir() {
        return Err(Error::unavailable(format!(
            "the working directory of session {} is gone: {}",
            session.name,
            session.dir.display()
        ))
        .hint("create it again, or archive the session and restore it with --dir"));
    }
    let (program, leading_args) = program(shared, session)?;
    let system_prompt_file = prompt_file(shared, session, &persona)?;
    Ok(Launch {
        program,
        leading_args,
        extra_args: if session.agent == Agent::Claude {
            shared.config.claude.extra_args.clone()
        } else {
            Vec::new()
        },
        conversation,
        cwd: session.dir.clone(),
        model: session.model.clone().or_else(|| persona.model.clone()),
        effort: session.effort.clone().or_else(|| persona.effort.clone()),
        permission_mode: session.permission_mode.clone().or_else(|| persona.permission_mode.clone()),
        system_prompt_file,
        settings_file: settings_file(shared, session, rules)?,
        allowed_tools: allowed_tools(session, &persona, by),
        disallowed_tools: persona.disallowed_tools.clone(),
        add_dirs: persona.add_dirs.clone(),
        mcp_config: mcp_config(shared, session, &persona)?,
        name: Some(session.name.clone()),
        env: match by {
            By::Us => environment(shared, session, &persona),
            By::Terminal => Vec::new(),
        },
    })
}

/// What is set in the environment of a terminal for a process that is started there, and what is taken out of it.
pub(super) fn terminal_environment(
    shared: &Shared,
    session: &Session,
) -> Result<BTreeMap<String, Option<String>>> {
    let persona = persona::load(&session.persona, &shared.paths)?;
    let layers = [&shared.config.claude.env, &persona.env].into_iter().flatten();
    let mut env: BTreeMap<_, _> = layers.map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
    env.insert("CLAUDEBOT_SESSION".to_owned(), Some(session.id.to_string()));
    // Of a `claude` around this one, whose person it is not.
    env.extend(["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"].map(|name| (name.to_owned(), None)));
    // The conversation lies where the host's own processes look for it, whatever the terminal says.
    let words = |dir: &Path| dir.to_string_lossy().into_owned();
    match shared.config.claude.config_dir.as_deref() {
        Some(dir) => drop(env.insert(CONFIG_DIR.to_owned(), Some(words(dir)))),
        None => {
            let inherited = shared.env.get(CONFIG_DIR).map(|dir| words(Path::new(dir)));
            env.entry(CONFIG_DIR.to_owned()).or_insert(inherited);
        }
    }
    Ok(env)
}

fn allowed_tools(session: &Session, persona: &Persona, by: By) -> Vec<String> {
    let serves_tools = session.agent == Agent::Claude && by == By::Us;
    let ours = tools::ALLOWED.map(str::to_owned).into_iter().filter(|_| serves_tools);
    persona.allowed_tools.iter().cloned().chain(ours).collect()
}

fn program(shared: &Shared, session: &Session) -> Result<(PathBuf, Vec<OsString>)> {
    if session.agent == Agent::Demo {
        return Ok((shared.exe.clone(), vec!["demo-agent".into()]));
    }
    Ok((checkup::find_claude(&shared.env, &shared.config)?, Vec::new()))
}

/// The persona's prompt goes by file: an argument would be short and visible to everyone on the machine.
fn prompt_file(shared: &Shared, session: &Session, persona: &Persona) -> Result<Option<PathBuf>> {
    let Some(prompt) = &persona.prompt else { return Ok(None) };
    private_file(shared, session, "prompt.md", prompt).map(Some)
}

/// That no conversation is to be deleted by a process of ours, and what was allowed for the session. That not by `--allowedTools`: a rule has a command in it that the agent chose, and that
/// option would take one with parentheses apart, into pieces that allow more.
fn settings_file(shared: &Shared, session: &Session, rules: &[Rule]) -> Result<Option<PathBuf>> {
    let mut settings = serde_json::Map::new();
    if session.agent == Agent::Claude
        && let Some((key, days)) = retention::of_our_own(&shared.config_dir(session.agent))
    {
        settings.insert(key.to_owned(), days.into());
    }
    let has_own = shared.config.claude.extra_args.iter().any(|argument| argument.starts_with(SETTINGS));
    if has_own && !rules.is_empty() {
        tracing::warn!(
            session = %session.name,
            "claude.extra_args has {SETTINGS}, so what was allowed for the session is asked again"
        );
    }
    if !rules.is_empty() {
        let allow: Vec<_> = rules.iter().map(|rule| &rule.rule).collect();
        settings.insert("permissions".to_owned(), serde_json::json!({ "allow": allow }));
    }
    if settings.is_empty() {
        return Ok(None);
    }
    let settings = serde_json::Value::Object(settings).to_string();
    private_file(shared, session, "settings.json", &settings).map(Some)
}

/// MCP servers that are given as JSON may hold keys: they go by file too.
fn mcp_config(shared: &Shared, session: &Session, persona: &Persona) -> Result<Vec<String>> {
    let given = persona.mcp_config.iter().enumerate().map(|(n, server)| {
        if !server.trim_start().starts_with('{') {
            return Ok(server.clone());
        }
        let file = private_file(shared, session, &format!("mcp-{}.json", n + 1), server)?;
        Ok(file.display().to_string())
    });
    given.collect()
}

/// A file beside the session's inbox that nobody else can read.
fn private_file(shared: &Shared, session: &Session, name: &str, text: &str) -> Result<PathBuf> {
    let dir = shared.paths.session_dir(&session.id.to_string());
    Paths::create_private(&dir)?;
    let path = dir.join(name);
    // Not through a link that somebody put in its place.
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .custom_flags(NO_LINK)
        .open(&path);
    let written = opened.and_then(|mut file| {
        // It may have been there before, open to others.
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
        file.write_all(text.as_bytes())
    });
    written.map_err(|e| Error::io("write", &path, &e))?;
    Ok(path)
}

fn environment(shared: &Shared, session: &Session, persona: &Persona) -> Vec<(OsString, OsString)> {
    let layers = [&shared.config.claude.env, &persona.env];
    let mut env = command::child_env(shared.env.iter(), layers, &session.id.to_string());
    let config_dir = match session.agent {
        Agent::Demo => Some(shared.paths.demo_config_dir()),
        Agent::Claude => shared.config.claude.config_dir.clone(),
    };
    if let Some(dir) = config_dir {
        env.retain(|(name, _)| name != CONFIG_DIR);
        env.push((CONFIG_DIR.into(), dir.into()));
    }
    env
}
