//! `persona list|show|check`.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::args::PersonaCommand;
use super::ctx::Ctx;
use super::screen::{DONE, Finish};
use super::table::{self, Column, Fit};
use super::text;
use crate::error::Result;
use crate::persona::{self, Listed, Persona, PersonaOrigin};

pub(crate) fn run(ctx: &Ctx, command: PersonaCommand) -> Finish {
    match command {
        PersonaCommand::List { json } => list(ctx, json),
        PersonaCommand::Show { name, json } => show(ctx, &name, json),
        PersonaCommand::Check { names } => check(ctx, names),
    }
}

const COLUMNS: [Column; 4] = [
    Column::left("NAME", Fit::End(10)),
    Column::left("FROM", Fit::Whole),
    Column::left("MODEL", Fit::End(6)),
    Column::left("DESCRIPTION", Fit::End(20)),
];

fn list(ctx: &Ctx, json: bool) -> Finish {
    let listed = persona::list(&ctx.paths)?;
    let mut out = ctx.screen.out();
    if json {
        out.json(&listed.iter().map(summary).collect::<Vec<_>>())?;
    } else {
        let rows: Vec<Vec<Cow<'_, str>>> = listed.iter().map(row).collect();
        for line in table::render(&COLUMNS, rows.iter(), ctx.screen.columns) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

fn row(listed: &Listed) -> Vec<Cow<'_, str>> {
    let from = match (&listed.origin, listed.overrides) {
        (PersonaOrigin::BuiltIn, _) => "built in",
        (PersonaOrigin::File(_), false) => "yours",
        (PersonaOrigin::File(_), true) => "yours (built in, too)",
    };
    let (model, about) = match &listed.persona {
        Ok(persona) => (persona.model.as_deref().unwrap_or_default(), text::one_line(&persona.description)),
        Err(error) => ("", format!("✗ {}", text::one_line(&error.message)).into()),
    };
    vec![text::one_line(&listed.name), from.into(), model.into(), about]
}

fn origin(origin: &PersonaOrigin) -> String {
    match origin {
        PersonaOrigin::BuiltIn => "built-in".to_owned(),
        PersonaOrigin::File(path) => path.display().to_string(),
    }
}

fn summary(listed: &Listed) -> Value {
    let persona = listed.persona.as_ref();
    json!({
        "name": listed.name,
        "origin": origin(&listed.origin),
        "description": persona.ok().map(|persona| &persona.description),
        "model": persona.ok().and_then(|persona| persona.model.as_ref()),
        "error": persona.err(),
    })
}

fn whole(persona: &Persona) -> Value {
    json!({
        "name": persona.name,
        "origin": origin(&persona.origin),
        "description": persona.description,
        "model": persona.model,
        "effort": persona.effort,
        "permission_mode": persona.permission_mode,
        "prompt": persona.prompt,
        "allowed_tools": persona.allowed_tools,
        "disallowed_tools": persona.disallowed_tools,
        "add_dirs": persona.add_dirs,
        "mcp_config": persona.mcp_config,
        // Values may be secrets; the names say enough.
        "env": persona.env.keys().collect::<Vec<_>>(),
        "dir": persona.dir,
    })
}

fn show(ctx: &Ctx, name: &str, json: bool) -> Finish {
    let persona = persona::load(name, &ctx.paths)?;
    let mut out = ctx.screen.out();
    if json {
        out.json(&whole(&persona))?;
    } else {
        for (key, value) in facts(&persona) {
            out.line(&format!("{} {}", ctx.screen.strong(&format!("{key:<16}")), text::one_line(&value)))?;
        }
        if let Some(prompt) = &persona.prompt {
            out.line("")?;
            out.text(prompt.trim_end())?;
            out.line("")?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

fn facts(persona: &Persona) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("name", persona.name.clone()),
        ("from", origin(&persona.origin)),
        ("description", persona.description.clone()),
    ];
    let optional = [
        ("model", &persona.model),
        ("effort", &persona.effort),
        ("permission_mode", &persona.permission_mode),
    ];
    facts.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))));
    let paths = persona.add_dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>();
    let lists = [
        ("allowed_tools", persona.allowed_tools.join(", ")),
        ("disallowed_tools", persona.disallowed_tools.join(", ")),
        ("add_dirs", paths.join(", ")),
        ("mcp_config", persona.mcp_config.join(", ")),
        ("env", persona.env.keys().cloned().collect::<Vec<_>>().join(", ")),
        ("dir", persona.dir.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default()),
    ];
    facts.extend(lists.into_iter().filter(|(_, value)| !value.is_empty()));
    facts
}

/// Checks the named ones, or all; says every fault, fails if there is one.
fn check(ctx: &Ctx, names: Vec<String>) -> Finish {
    let names = if names.is_empty() { every(ctx)? } else { names };
    let mut code = DONE;
    for name in names {
        match persona::check(&name, &ctx.paths) {
            Ok(warnings) if warnings.is_empty() => ctx.screen.say(&format!("✓ {name}")),
            Ok(warnings) => {
                for warning in warnings {
                    ctx.screen.say(&format!("! {name}: {warning}"));
                }
            }
            Err(error) => code = code.max(ctx.screen.complain(&error)),
        }
    }
    Ok(code)
}

fn every(ctx: &Ctx) -> Result<Vec<String>> {
    Ok(persona::list(&ctx.paths)?.into_iter().map(|listed| listed.name).collect())
}
