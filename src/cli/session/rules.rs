//! `session rules`: what was allowed for a session.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::cli::args::Rules;
use crate::cli::ask::{self, ask};
use crate::cli::ctx::Ctx;
use crate::cli::screen::{DONE, Finish};
use crate::cli::table::{self, Column, Fit};
use crate::cli::text;
use crate::ipc::{Request, Response, Selector};
use crate::model::Rule;

pub(crate) fn run(ctx: &Ctx, args: Rules) -> Finish {
    let session = Selector::Name(args.name);
    if args.clear || args.revoke.is_some() {
        return revoke(ctx, Request::SessionRulesRevoke { session, rule: args.revoke }, args.json);
    }
    let rules = match ask(ctx, Request::SessionRules { session })? {
        Response::Rules(rules) => rules,
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&rules)?;
    } else if rules.is_empty() {
        ctx.screen.say("nothing was allowed for this session");
    } else {
        let now = Timestamp::now();
        let rows = rules.iter().map(|rule| row(rule, now));
        for line in table::render(&COLUMNS, rows, ctx.screen.columns) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

// The rule comes last and is never cut: it is what `--revoke` takes.
const COLUMNS: [Column; 3] =
    [Column::right("SINCE"), Column::left("BY", Fit::End(8)), Column::left("RULE", Fit::Whole)];

fn row(rule: &Rule, now: Timestamp) -> Vec<Cow<'_, str>> {
    vec![text::age(rule.added, now).into(), text::one_line(&rule.by), text::one_line(&rule.rule)]
}

fn revoke(ctx: &Ctx, request: Request, json: bool) -> Finish {
    let response = ask(ctx, request)?;
    let Response::RulesRevoked { session, name, rules, live } = &response else {
        return Err(ask::unexpected(&response));
    };
    let mut out = ctx.screen.out();
    if json {
        out.json(&serde_json::json!({ "session": session, "name": name, "rules": rules, "live": live }))?;
    } else if rules.is_empty() {
        ctx.screen.say("nothing was allowed for this session");
    } else {
        for rule in rules {
            ctx.screen.say(&format!("no longer allowed: {}", text::one_line(rule)));
        }
        if *live {
            ctx.screen.say(&format!(
                "{} is at work and holds to it until it next wakes; it is put to sleep once it is idle",
                text::one_line(name)
            ));
        }
    }
    out.flush()?;
    Ok(DONE)
}
