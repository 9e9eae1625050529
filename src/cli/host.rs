//! `host run|status|stop|restart`: the process that owns live sessions.

use std::time::Duration;

use super::args::{HostCommand, HostRun, HostStatusArgs, Restart, Stop};
use super::ctx::{self, Ctx};
use super::screen::{DONE, Finish};
use super::{ask, screen, text};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::host::{self, HostMode, HostOptions};
use crate::ipc::client::Client;
use crate::ipc::contact::{Contact, contact};
use crate::ipc::readiness::{self, Readiness};
use crate::ipc::{HostStatus, Request, Response, StopWhen};

/// What a host grants its turns, as far as we know, where the configuration cannot be read.
const DRAIN: Duration = Duration::from_secs(10 * 60);

pub(crate) fn run(ctx: &Ctx, command: HostCommand) -> Finish {
    match command {
        HostCommand::Run(args) => serve(ctx, args),
        HostCommand::Status(args) => status(ctx, &args),
        HostCommand::Stop(args) => stop(ctx, &args),
        HostCommand::Restart(args) => restart(ctx, &args),
    }
}

fn serve(ctx: &Ctx, args: HostRun) -> Finish {
    if args.background {
        readiness::close_inherited();
    }
    let config = Config::load(&ctx.paths, &ctx.env, &args.set.set);
    if let (Err(error), true) = (&config, args.background) {
        // Whoever started it in the background hears of it only this way.
        readiness::announce(&Readiness::Error(error.clone())).ok();
    }
    let mode = if args.background { HostMode::Background } else { HostMode::Foreground };
    host::run(HostOptions { paths: ctx.paths.clone(), env: ctx.env.clone(), config: config?, mode }, None)?;
    Ok(DONE)
}

fn status(ctx: &Ctx, args: &HostStatusArgs) -> Finish {
    let Some(status) = ctx::runtime()?.block_on(present(ctx))? else {
        ctx.screen.say("no host runs; it starts when it is needed");
        return Ok(Kind::Unavailable.exit_code());
    };
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&status)?;
    } else {
        for (key, value) in facts(&status) {
            out.line(&format!("{} {}", ctx.screen.strong(&format!("{key:<10}")), text::one_line(&value)))?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

/// What the host says of itself; None where none is up.
pub(crate) async fn present(ctx: &Ctx) -> Result<Option<HostStatus>> {
    let Some(mut client) = Client::connect(&ctx.paths, &ctx.identity()).await? else { return Ok(None) };
    match client.call(Request::HostStatus).await? {
        Response::Host(status) => Ok(Some(status)),
        _ => Err(Error::unavailable("the host does not say how it is").hint("claudebot host restart")),
    }
}

fn facts(status: &HostStatus) -> Vec<(&'static str, String)> {
    let state = if status.draining { "ending once its turns are done" } else { "running" };
    let mut facts = vec![
        ("host", format!("{state} ({})", status.mode)),
        ("process", status.pid.to_string()),
        ("version", format!("{} (protocol {})", status.version, status.protocol)),
        ("started", status.started.to_string()),
        ("sessions", format!("{} live, {} busy", status.live, status.busy)),
        ("clients", status.clients.to_string()),
        ("socket", status.socket.display().to_string()),
        ("data", status.data_dir.display().to_string()),
    ];
    facts.extend(status.bot.as_ref().map(|bot| ("telegram", format!("@{}", bot.username))));
    facts
}

const fn when(now: bool) -> StopWhen {
    if now { StopWhen::Now } else { StopWhen::WhenIdle }
}

fn stop(ctx: &Ctx, args: &Stop) -> Finish {
    let ended = ctx::runtime()?.block_on(end(ctx, when(args.now)))?;
    ctx.screen.say(if ended { "the host has ended" } else { "no host runs" });
    Ok(DONE)
}

fn restart(ctx: &Ctx, args: &Restart) -> Finish {
    // A host that could not come up again is not ended.
    ctx.config()?;
    let version = ctx::runtime()?.block_on(async {
        end(ctx, when(args.now)).await?;
        let client = ctx.starter()?.connect().await?;
        Ok::<_, screen::Stop>(client.welcome().claudebot.clone())
    })?;
    ctx.screen.say(&format!("the host of claudebot {version} runs"));
    Ok(DONE)
}

/// Asks the host to end and waits until it has. False: none was up.
pub(crate) async fn end(ctx: &Ctx, when: StopWhen) -> Result<bool, screen::Stop> {
    let mut client = match contact(&ctx.paths, &ctx.identity()).await? {
        Contact::Absent => return Ok(false),
        Contact::Served(client) => client,
        // A host of another release understands this much.
        Contact::Unserved(host) => {
            host.stop_when_idle().await?;
            return Ok(true);
        }
    };
    match client.call(Request::HostStop { when }).await? {
        Response::Done => {}
        Response::Said(words) => ctx.screen.say(&words),
        other => return Err(ask::unexpected(&other)),
    }
    gone(ctx, &mut client, when).await?;
    Ok(true)
}

/// The host closes the connection as its last act.
async fn gone(ctx: &Ctx, client: &mut Client, when: StopWhen) -> Result<()> {
    let closed = async {
        while client.next().await?.is_some() {}
        Ok(())
    };
    let patience = match when {
        StopWhen::Now => Duration::from_secs(60),
        // Running turns may take as long as the host grants them.
        StopWhen::WhenIdle => {
            ctx.config().map_or(DRAIN, |config| config.host.drain) + Duration::from_secs(60)
        }
    };
    match tokio::time::timeout(patience, closed).await {
        Ok(ended) => ended,
        Err(_) => Err(Error::new(Kind::Unavailable, "the host has not ended yet")
            .hint("claudebot host status shows what it waits for; claudebot host stop --now does not wait")),
    }
}
