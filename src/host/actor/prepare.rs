//! What the agent of a session is started with: from persona, configuration and the session's own settings.
//!
//! All of it looks at files and waits for the disk, so it runs on a thread of its own.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::claude::command::{self, Conversation, Launch};
use crate::error::{Error, Result};
use crate::host::Shared;
use crate::host::checkup;
use crate::model::{Agent, Session};
use crate::paths::Paths;
use crate::persona::{self, Persona};

const CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";

/// Everything about the process to start, from persona, configuration and the session's own settings.
pub(super) fn prepare(shared: &Shared, session: &Session, conversation: Conversation) -> Result<Launch> {
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
        allowed_tools: persona.allowed_tools.clone(),
        disallowed_tools: persona.disallowed_tools.clone(),
        add_dirs: persona.add_dirs.clone(),
        mcp_config: persona.mcp_config.clone(),
        name: Some(session.name.clone()),
        env: environment(shared, session, &persona),
    })
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
    let dir = shared.paths.session_dir(&session.id.to_string());
    Paths::create_private(&dir)?;
    let file = dir.join("prompt.md");
    std::fs::write(&file, prompt).map_err(|e| Error::io("write", &file, &e))?;
    Ok(Some(file))
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
