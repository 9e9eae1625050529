//! Names for the Tab key, read from the database each time. Never starts a host, never says an error.

use std::ffi::OsStr;

use clap_complete::CompletionCandidate;

use super::ask;
use super::ctx::Ctx;
use super::screen::Screen;
use super::text;
use crate::ipc::{Request, Response};
use crate::paths::{Env, Paths};
use crate::persona;

/// The variable by which the completion scripts ask; its value is the shell.
pub(crate) const VARIABLE: &str = "_CLAUDEBOT_COMPLETE";

fn ctx() -> Option<Ctx> {
    let env = Env::from_process();
    let screen = Screen::of_process(&env);
    Ctx::new(env, screen).ok()
}

fn read(request: &Request) -> Option<Response> {
    ask::in_process(&ctx()?, request).ok()?
}

pub(crate) fn sessions(current: &OsStr) -> Vec<CompletionCandidate> {
    let prefix = current.to_string_lossy().into_owned();
    match read(&Request::Names { prefix: prefix.clone() }) {
        Some(Response::Names(names)) => {
            let quote = Env::from_process().get(VARIABLE).is_some_and(|shell| shell == "bash");
            let typed = |name: String| if quote { escaped(&name) } else { name };
            let names = names.into_iter().filter(|name| name.starts_with(&prefix));
            names.map(typed).map(CompletionCandidate::new).collect()
        }
        _ => Vec::new(),
    }
}

/// A name as it is typed in bash, which takes what it is given as it is; the other shells quote by themselves.
fn escaped(name: &str) -> String {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '+' | ',' | '=' | '%');
    name.chars().map(|c| if plain(c) { c.to_string() } else { format!("\\{c}") }).collect()
}

pub(crate) fn personas(current: &OsStr) -> Vec<CompletionCandidate> {
    let prefix = current.to_string_lossy();
    let Ok(paths) = Paths::resolve(&Env::from_process()) else { return Vec::new() };
    let Ok(listed) = persona::list(&paths) else { return Vec::new() };
    let fits = listed.into_iter().filter(|found| found.name.starts_with(&*prefix));
    fits.map(|found| {
        let help = found.persona.ok().map(|persona| text::one_line(&persona.description).into_owned().into());
        CompletionCandidate::new(found.name).help(help)
    })
    .collect()
}

/// Numbers of what waits, with what it is about; then the names of sessions.
pub(crate) fn approvals(current: &OsStr) -> Vec<CompletionCandidate> {
    let prefix = current.to_string_lossy();
    let mut found = Vec::new();
    // Without a host nothing waits, and none is started to find that out.
    let waiting = ctx().and_then(|ctx| ask::ask(&ctx, Request::Approvals { session: None }).ok());
    if let Some(Response::Approvals(approvals)) = waiting {
        for approval in approvals.iter().filter(|approval| approval.id.to_string().starts_with(&*prefix)) {
            let about = format!("{}: {}: {}", approval.session, approval.tool, approval.summary);
            let help = text::cut(&text::one_line(&about), 60).into_owned();
            found.push(CompletionCandidate::new(approval.id.to_string()).help(Some(help.into())));
        }
    }
    found.extend(sessions(current));
    found
}
