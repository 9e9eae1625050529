//! `session new`: a session in a directory, or in a scratch one.

use std::path::{Path, PathBuf};

use super::{print_json, quoted, session_of};
use crate::cli::args::{AgentArg, New};
use crate::cli::ask::ask;
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish, Stop};
use crate::cli::text;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::host::checkup;
use crate::ipc::{NewSession, Request};
use crate::model::{Agent, Channel, SessionView};
use crate::persona;

pub(crate) fn run(ctx: &Ctx, args: New) -> Finish {
    let session = make(ctx, &args)?;
    if args.json {
        return print_json(ctx, &session);
    }
    describe(ctx, &session, args.switch);
    if let Some(warning) = args.model.as_deref().and_then(|model| persona::check_model(model).ok().flatten())
    {
        ctx.screen.say(&format!("warning: {warning}"));
    }
    warn(ctx, &session);
    Ok(DONE)
}

fn make(ctx: &Ctx, args: &New) -> Result<SessionView, Stop> {
    let dir = directory(ctx, args)?;
    let request = NewSession {
        name: args.name.clone(),
        persona: args.persona.clone(),
        dir,
        agent: match args.agent {
            AgentArg::Claude => Agent::Claude,
            AgentArg::Demo => Agent::Demo,
        },
        model: args.model.clone(),
        tags: args.tags.clone(),
        switch: args.switch.then(Channel::local),
        allow_wide_dir: args.yes,
    };
    session_of(ask(ctx, Request::SessionNew(request))?)
}

/// None: a scratch directory. Else `--dir`, the persona's own directory, or the current one, in this order.
fn directory(ctx: &Ctx, args: &New) -> Result<Option<PathBuf>> {
    if args.scratch {
        return Ok(None);
    }
    let config = ctx.config()?;
    if let Some(given) = &args.dir {
        return existing(ctx, &named(&config, given)).map(Some);
    }
    let persona = persona::load(args.persona.as_deref().unwrap_or(&config.session.persona), &ctx.paths)?;
    if let Some(dir) = persona.dir {
        return existing(ctx, &dir).map(Some);
    }
    let here = std::env::current_dir().map_err(|error| {
        Error::usage(format!("the current directory cannot be used: {error}"))
            .hint("go to another one, or give one with --dir, or --scratch")
    })?;
    Ok(Some(here))
}

/// A name of `[projects]` stands for its directory; anything with a slash is a path.
fn named(config: &Config, given: &Path) -> PathBuf {
    let project = given.to_str().and_then(|name| config.projects.get(name));
    project.cloned().unwrap_or_else(|| given.to_owned())
}

fn existing(ctx: &Ctx, dir: &Path) -> Result<PathBuf> {
    let dir = ctx.absolute(&dir.to_str().map_or_else(|| dir.to_owned(), |dir| ctx.paths.expand_home(dir)))?;
    match std::fs::metadata(&dir) {
        Ok(found) if found.is_dir() => Ok(dir.canonicalize().unwrap_or(dir)),
        Ok(_) => Err(Error::usage(format!("{} is not a directory", dir.display()))),
        Err(error) => Err(Error::usage(format!("cannot use {} as a directory: {error}", dir.display()))
            .hint("give an existing directory with --dir, or --scratch for a new one that claudebot keeps")),
    }
}

/// The session is made all the same: Claude Code may come later.
fn warn(ctx: &Ctx, session: &SessionView) {
    if session.agent == Agent::Demo {
        return;
    }
    if let Err(error) = ctx.config().and_then(|config| checkup::find_claude(&ctx.env, &config)) {
        ctx.screen.say(&format!("warning: {}", error.message));
        if let Some(hint) = error.hint {
            ctx.screen.say(&format!("  hint: {hint}"));
        }
    }
}

fn describe(ctx: &Ctx, session: &SessionView, switched: bool) {
    let place = text::tilde(&session.dir, ctx.paths.home());
    let name = text::one_line(&session.name);
    ctx.screen.say(&format!("made session {name} ({}) in {place}", session.persona));
    if switched || session.current {
        ctx.screen.say("it is the current session; talk to it: claudebot send \"…\"");
    } else {
        ctx.screen
            .say(&format!("make it the current one: claudebot session switch {}", quoted(&session.name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::Screen;
    use crate::paths::Env;

    fn ctx() -> Ctx {
        Ctx::new(Env::from_pairs([("HOME", "/home/me")]), Screen::plain()).unwrap()
    }

    #[test]
    fn a_project_name_stands_for_its_directory() {
        let mut config = Config::defaults(&ctx().paths);
        config.projects.insert("lab".to_owned(), PathBuf::from("/srv/lab"));
        assert_eq!(named(&config, Path::new("lab")), Path::new("/srv/lab"));
        assert_eq!(named(&config, Path::new("./lab")), Path::new("./lab"));
    }

    #[test]
    fn a_missing_directory_is_a_usage_error_with_a_way_out() {
        let error = existing(&ctx(), Path::new("/no/such/place")).unwrap_err();
        assert_eq!(error.kind, crate::error::Kind::Usage);
        assert!(error.hint.is_some_and(|hint| hint.contains("--scratch")));
    }
}
