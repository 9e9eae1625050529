//! `config show|path|check|example`.

use std::borrow::Cow;

use super::args::{ConfigCommand, ConfigSet};
use super::ctx::Ctx;
use super::screen::{DONE, Finish};
use super::table::{self, Column, Fit};
use super::text;
use crate::config::{Config, Entry};
use crate::error::Result;

pub(crate) fn run(ctx: &Ctx, command: ConfigCommand) -> Finish {
    match command {
        ConfigCommand::Show { json, set } => show(ctx, json, &set),
        ConfigCommand::Path => path(ctx),
        ConfigCommand::Check => check(ctx),
        ConfigCommand::Example => example(ctx),
    }
}

fn load(ctx: &Ctx, set: &ConfigSet) -> Result<Config> {
    let config = Config::load(&ctx.paths, &ctx.env, &set.set)?;
    for warning in &config.warnings {
        ctx.screen.say(&format!("warning: {warning}"));
    }
    Ok(config)
}

const COLUMNS: [Column; 3] = [
    Column::left("KEY", Fit::Whole),
    Column::left("VALUE", Fit::End(20)),
    Column::left("FROM", Fit::Start(12)),
];

fn show(ctx: &Ctx, json: bool, set: &ConfigSet) -> Finish {
    let config = load(ctx, set)?;
    let entries = config.entries();
    let mut out = ctx.screen.out();
    if json {
        out.json(&entries)?;
    } else {
        let row = |entry: &Entry| -> Vec<Cow<'static, str>> {
            let from = text::one_line(&entry.origin.to_string()).into_owned();
            vec![entry.key.clone().into(), text::one_line(&entry.value).into_owned().into(), from.into()]
        };
        let rows: Vec<_> = entries.iter().map(row).collect();
        for line in table::render(&COLUMNS, rows.iter(), ctx.screen.columns) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

fn path(ctx: &Ctx) -> Finish {
    let file = ctx.paths.config_file();
    let mut out = ctx.screen.out();
    out.text(&file.display().to_string())?;
    out.line("")?;
    out.flush()?;
    if !file.exists() {
        ctx.screen.note("it does not exist; every setting has a default");
    }
    Ok(DONE)
}

fn example(ctx: &Ctx) -> Finish {
    let mut out = ctx.screen.out();
    out.text(&Config::reference(&ctx.paths))?;
    out.flush()?;
    Ok(DONE)
}

fn check(ctx: &Ctx) -> Finish {
    for warning in Config::check(&ctx.paths, &ctx.env, &[])? {
        ctx.screen.say(&format!("warning: {warning}"));
    }
    let file = ctx.paths.config_file();
    let place = text::tilde(&file, ctx.paths.home());
    ctx.screen.say(&if file.exists() {
        format!("✓ {place}")
    } else {
        format!("✓ no file at {place}; every setting has a default")
    });
    Ok(DONE)
}
