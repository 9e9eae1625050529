//! `serve`: the host in this terminal (or service), with the Telegram bridge beside it.

use std::sync::Arc;

use super::args::ServeArgs;
use super::ctx::{self, Ctx};
use super::host as hosts;
use super::screen::{DONE, Finish, Stop};
use super::text;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::host::{self, Belongings, Guest, HostMode, HostOptions};
use crate::ipc::StopWhen;
use crate::persona;
use crate::telegram::{self, PersonaChoice};

/// Another client may start a host between the end of one and our start.
const TRIES: u32 = 5;

pub(crate) fn run(ctx: &Ctx, args: &ServeArgs) -> Finish {
    let config = Config::load(&ctx.paths, &ctx.env, &args.set.set)?;
    let mut tries = 0;
    loop {
        ctx::runtime()?.block_on(make_room(ctx))?;
        let options = HostOptions {
            paths: ctx.paths.clone(),
            env: ctx.env.clone(),
            config: config.clone(),
            mode: HostMode::Serve,
        };
        match host::run(options, Some(bridge(ctx, &config))) {
            Err(error) if error.kind == Kind::Conflict && tries < TRIES => tries += 1,
            ended => return ended.map(|()| DONE).map_err(Stop::Error),
        }
    }
}

/// A host in the background ends once its turns have, and leaves the place to us. Whatever a person runs stays.
async fn make_room(ctx: &Ctx) -> Result<(), Stop> {
    let Some(status) = hosts::present(ctx).await? else { return Ok(()) };
    if status.mode != "background" {
        let error = Error::conflict(format!("process {} serves this data directory already", status.pid));
        return Err(error.hint("claudebot host stop ends it").into());
    }
    let busy = match status.busy {
        0 => String::new(),
        busy => format!(", once {} ended", text::count(u64::from(busy), "turn")),
    };
    ctx.screen.note(&format!("taking over from the host in the background (process {}){busy}", status.pid));
    hosts::end(ctx, StopWhen::WhenIdle).await?;
    Ok(())
}

fn bridge(ctx: &Ctx, config: &Config) -> Guest {
    let (paths, config, personas) = (ctx.paths.clone(), config.clone(), personas(ctx));
    Box::new(move |stay| {
        tell_service_manager(&[sd_notify::NotifyState::Ready]);
        let (told, kept) = (stay.clone(), stay.clone());
        let options = telegram::Options {
            paths,
            telegram: config.telegram,
            stale_after: config.host.stale_after,
            projects: config.projects,
            scratch: config.session.root,
            personas,
            keeps: Box::new(move |bridge| kept.keeps(belongings(bridge))),
            serves: Box::new(move |bot| told.serves(bot)),
        };
        let (mut draining, mut drained) = (stay.clone(), stay);
        let until_draining = async move {
            draining.until_draining().await;
            tell_service_manager(&[sd_notify::NotifyState::Stopping]);
        };
        telegram::run(&options, until_draining, async move { drained.until_drained().await });
    })
}

fn belongings(bridge: telegram::Kept) -> Belongings {
    let taking = bridge.clone();
    Belongings {
        give: Arc::new(move || bridge.give()),
        take: Arc::new(move |settings| taking.take(settings)),
    }
}

/// The personas of the moment, for whoever starts a session from Telegram; a broken one is not offered.
fn personas(ctx: &Ctx) -> Arc<dyn Fn() -> Vec<PersonaChoice> + Send + Sync> {
    let paths = ctx.paths.clone();
    Arc::new(move || {
        let listed = persona::list(&paths).unwrap_or_default();
        let sound = listed.into_iter().filter_map(|listed| Some((listed.name, listed.persona.ok()?)));
        sound
            .map(|(name, persona)| PersonaChoice { name, description: persona.description, dir: persona.dir })
            .collect()
    })
}

/// Where systemd (or whoever) waits for a word.
fn tell_service_manager(words: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
