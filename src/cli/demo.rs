//! `demo`: a conversation with the built-in agent, in a home of its own that is thrown away.

mod unasked;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use self::unasked::Unasked;
use super::args::DemoArgs;
use super::ctx::{self, Ctx};
use super::screen::{DONE, Finish, Stop};
use super::send::{Asker, Drive, Interrupts, Shown, Way};
use super::{ask, text};
use crate::demo::{DemoAnswer, INTRO, SCRIPT};
use crate::error::{Error, Kind, Result};
use crate::ipc::client::Client;
use crate::ipc::request::shell_key;
use crate::ipc::{NewSession, Request, Response, Selector, SendPrompt, StopWhen};
use crate::model::{Agent, Channel, Decision, Delivery, Scope};
use crate::paths::Env;

const NAME: &str = "demo";

/// Said at the end.
const NEXT: &str =
    "The demo leaves nothing behind. For a session that stays:\n  claudebot session new NAME --switch";

/// A host ends its agents with a grace; this is beyond it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(ctx: &Ctx, _: &DemoArgs) -> Finish {
    let home = Home::make(&ctx.env)?;
    let demo = Ctx::new(home.env(&ctx.env), ctx.screen)?;
    let finish = ctx::runtime()?.block_on(async {
        let finish = tokio::select! {
            finish = converse(&demo) => finish,
            ended = terminated() => Err(ended.into()),
        };
        // Also after an error: nothing of the demo may stay behind.
        let stopped = stop(&demo).await;
        finish.and_then(|code| stopped.map(|()| code).map_err(Stop::Error))
    });
    drop(home);
    finish
}

async fn converse(ctx: &Ctx) -> Finish {
    let interactive = ctx.screen.can_ask() && ctx.screen.stdout_is_terminal;
    ctx.screen.say(INTRO);
    let mut interrupts = Interrupts::listen()?;
    tokio::select! {
        made = session(ctx) => made?,
        () = interrupts.next() => return Err(ended().into()),
    }
    if interactive {
        let mut asker = Asker::new(ctx.screen, Way::Terminal);
        return talk(ctx, &mut asker, &mut interrupts).await;
    }
    play(ctx, &mut interrupts).await
}

/// The short conversation for when nobody is at the terminal.
async fn play(ctx: &Ctx, interrupts: &mut Interrupts) -> Finish {
    for (number, step) in SCRIPT.iter().enumerate() {
        let mut out = ctx.screen.out();
        if number > 0 {
            out.line("")?;
        }
        out.line(&format!("› {}", step.prompt))?;
        out.flush()?;
        let mut asker = Asker::scripted(ctx.screen, step.answers.iter().map(decision));
        turn(ctx, step.prompt, &mut asker, interrupts).await?;
    }
    ctx.screen.say(&format!("\n{NEXT}"));
    Ok(DONE)
}

fn decision(answer: &DemoAnswer) -> Decision {
    match answer {
        DemoAnswer::Allow => Decision::Allow { scope: Scope::Once },
        DemoAnswer::Answers(answers) => {
            let pair = |(question, label): &(&str, &str)| ((*question).to_owned(), (*label).to_owned());
            Decision::Answers { answers: answers.iter().map(pair).collect() }
        }
    }
}

async fn session(ctx: &Ctx) -> Result<(), Stop> {
    let request = Request::SessionNew(NewSession {
        name: NAME.to_owned(),
        persona: None,
        dir: None,
        agent: Agent::Demo,
        model: None,
        tags: Vec::new(),
        switch: Some(Channel::local()),
        allow_wide_dir: false,
    });
    match ctx.starter()?.connect().await?.call(request).await? {
        Response::Session(_) => Ok(()),
        other => Err(ask::unexpected(&other)),
    }
}

/// Prompts from the terminal until `/quit`, Ctrl-D, or Ctrl-C between turns.
async fn talk(ctx: &Ctx, asker: &mut Asker, interrupts: &mut Interrupts) -> Finish {
    ctx.screen.say("Say something, for example \"hello\" or \"what did I say?\"; /quit ends it.");
    let mut unasked = Unasked::follow(ctx, Selector::Exact(NAME.to_owned())).await?;
    loop {
        let line = tokio::select! {
            line = typed(ctx, asker, &mut unasked) => line?,
            () = interrupts.next() => None,
        };
        let Some(line) = line else {
            ctx.screen.talk("\n");
            break;
        };
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => break,
            prompt => match turn(ctx, prompt, asker, interrupts).await {
                // A stopped turn ends the turn, not the demo.
                Err(Stop::Error(error)) if matches!(error.kind, Kind::Denied | Kind::Failed) => {
                    ctx.screen.complain(&error);
                }
                other => {
                    other?;
                }
            },
        }
    }
    ctx.screen.say(NEXT);
    Ok(DONE)
}

/// The next line; what the agent says meanwhile is shown.
async fn typed(ctx: &Ctx, asker: &mut Asker, unasked: &mut Unasked) -> Result<Option<String>, Stop> {
    loop {
        ctx.screen.talk("\n› ");
        tokio::select! {
            line = asker.typed_line() => return Ok(line?),
            text = unasked.next() => {
                let mut out = ctx.screen.out();
                out.text(&format!("\n{}\n", text?.trim_end()))?;
                out.flush()?;
            }
        }
    }
}

async fn turn(ctx: &Ctx, prompt: &str, asker: &mut Asker, interrupts: &mut Interrupts) -> Finish {
    let prompt = SendPrompt {
        session: Selector::Exact(NAME.to_owned()),
        key: shell_key(),
        text: prompt.to_owned(),
        attachments: Vec::new(),
        delivery: Delivery::Queue,
    };
    let shown = Shown { verbose: false, json: false, name: false, patient: true };
    Drive::start(ctx, prompt, shown).await?.run(asker, interrupts).await
}

fn ended() -> Error {
    Error::new(Kind::Denied, "the demo was ended")
}

/// The terminal is closed, or somebody ends the program: the demo cleans up behind itself all the same.
async fn terminated() -> Error {
    match (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
        (Ok(mut terminate), Ok(mut hangup)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = hangup.recv() => {} }
            ended()
        }
        (Err(error), _) | (_, Err(error)) => Error::failed(format!("cannot listen for signals: {error}")),
    }
}

/// Ends the demo's own host and waits for it, so that its files can go.
async fn stop(ctx: &Ctx) -> Result<()> {
    let Some(mut client) = Client::connect(&ctx.paths, &ctx.identity()).await? else { return Ok(()) };
    client.call(Request::HostStop { when: StopWhen::Now }).await?;
    let gone = async {
        while client.next().await?.is_some() {}
        Ok(())
    };
    match timeout(PATIENCE, gone).await {
        Ok(gone) => gone,
        Err(_) => Err(Error::unavailable("the demo's host does not end; it will when nobody needs it")),
    }
}

/// A directory that is removed when this is dropped.
#[derive(Debug)]
struct Home(PathBuf);

impl Home {
    fn make(env: &Env) -> Result<Self> {
        let parent = env.get("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let id = uuid::Uuid::new_v4().simple().to_string();
        let dir = parent.join(format!("claudebot-demo-{}", &id[..12]));
        let create = |dir: &Path| {
            DirBuilder::new().mode(0o700).create(dir).map_err(|error| Error::io("create", dir, &error))
        };
        create(&dir)?;
        let home = Self(dir);
        create(&home.path().join("run"))?;
        Ok(home)
    }

    /// The environment with every place of claudebot inside this home, and none of its settings.
    fn env(&self, env: &Env) -> Env {
        let ours = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];
        let kept = env.iter().filter(|(name, _)| {
            let name = name.to_string_lossy();
            !name.starts_with("CLAUDEBOT_") && !ours.contains(&&*name)
        });
        let dirs = ["", "config", "data", "state", "run"].map(|dir| self.0.join(dir).into_os_string());
        let moved = ours.into_iter().map(std::ffi::OsString::from).zip(dirs);
        // Should this process be killed, its host does not stay for long.
        let linger = [("CLAUDEBOT_HOST_LINGER".into(), "30s".into())];
        Env::from_pairs(
            kept.map(|(name, value)| (name.to_owned(), value.to_owned())).chain(moved).chain(linger),
        )
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(self.path()) {
            let words = format!("cannot remove {}: {error}\n", self.path().display());
            super::screen::Screen::tell(&text::clean(&words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;

    #[test]
    fn the_demo_stays_in_its_own_home_and_leaves_nothing() {
        let env = Env::from_pairs([
            ("HOME", "/home/me"),
            ("XDG_DATA_HOME", "/home/me/data"),
            ("CLAUDEBOT_SESSION", "x"),
            ("CLAUDEBOT_CLAUDE_PATH", "/bin/claude"),
            ("PATH", "/bin"),
        ]);
        let home = Home::make(&env).unwrap();
        let dir = home.path().to_owned();
        assert!(dir.is_dir());
        let inner = home.env(&env);
        assert_eq!(inner.get("PATH"), env.get("PATH"));
        assert_eq!(inner.get("CLAUDEBOT_SESSION"), None);
        assert_eq!(inner.get("CLAUDEBOT_CLAUDE_PATH"), None);
        let paths = Paths::resolve(&inner).unwrap();
        for place in [paths.data_dir(), paths.config_dir(), paths.state_dir(), paths.home()] {
            assert!(place.starts_with(&dir), "{}", place.display());
        }
        drop(home);
        assert!(!dir.exists());
    }
}
