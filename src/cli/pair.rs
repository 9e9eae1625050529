//! `pair`: who may talk to the Telegram bot, and in which groups.

use std::borrow::Cow;

use jiff::Timestamp;

use super::args::PairArgs;
use super::ask::{self, ask};
use super::ctx::Ctx;
use super::screen::{DONE, Finish};
use super::table::{self, Column, Fit};
use super::text;
use crate::ipc::{Request, Response};
use crate::model::{AccessOrigin, Allowed, Person};

pub(crate) fn run(ctx: &Ctx, args: PairArgs) -> Finish {
    let PairArgs { code, list: _, remove, chat, name, json } = args;
    let request = match (code, remove, chat) {
        (Some(code), ..) => return pair(ctx, code, json),
        // People have positive ids, groups negative ones.
        (_, Some(chat), _) if chat < 0 => Request::ForbidChat { chat },
        (_, Some(user), _) => Request::Unpair { user },
        (_, _, Some(chat)) => Request::AllowChat { chat, name: name.unwrap_or_default() },
        _ => return list(ctx, json),
    };
    match ask(ctx, request)? {
        Response::Said(words) => ctx.screen.say(&words),
        other => return Err(ask::unexpected(&other)),
    }
    Ok(DONE)
}

fn pair(ctx: &Ctx, code: String, json: bool) -> Finish {
    let person = match ask(ctx, Request::Pair { code })? {
        Response::Paired(person) => person,
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if json {
        out.json(&person)?;
    } else {
        let Person { user, name } = &person;
        ctx.screen.say(&format!("{} ({user}) may talk to the bot now", text::one_line(name)));
        ctx.screen.say(&format!("take it back: claudebot pair --remove {user}"));
    }
    out.flush()?;
    Ok(DONE)
}

fn list(ctx: &Ctx, json: bool) -> Finish {
    let (users, chats) = match ask(ctx, Request::Access)? {
        Response::Access { users, chats } => (users, chats),
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if json {
        out.json(&serde_json::json!({ "users": users, "chats": chats }))?;
    } else if users.is_empty() && chats.is_empty() {
        ctx.screen
            .say("nobody is let in\nwhoever writes to the bot is given a code for: claudebot pair CODE");
    } else {
        let now = Timestamp::now();
        let people = users.iter().map(|allowed| row("person", allowed, now));
        let groups = chats.iter().map(|allowed| row("group", allowed, now));
        for line in table::render(&COLUMNS, people.chain(groups), ctx.screen.columns) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

const COLUMNS: [Column; 5] = [
    Column::left("WHO", Fit::Whole),
    Column::right("ID"),
    Column::left("NAME", Fit::End(8)),
    Column::right("SINCE"),
    Column::left("BY", Fit::Whole),
];

fn row<'a>(who: &'static str, allowed: &'a Allowed, now: Timestamp) -> Vec<Cow<'a, str>> {
    let key = if who == "group" { "telegram.allowed_chats" } else { "telegram.allowed_users" };
    vec![
        who.into(),
        allowed.id.to_string().into(),
        allowed.name.as_deref().map(text::one_line).unwrap_or_default(),
        allowed.added.map(|added| text::age(added, now)).unwrap_or_default().into(),
        match allowed.origin {
            AccessOrigin::Pair => "claudebot pair",
            AccessOrigin::Config => key,
        }
        .into(),
    ]
}
