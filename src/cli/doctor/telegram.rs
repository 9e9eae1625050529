//! Whether the Telegram bot can work: its token, where its updates go, what it may do in the groups that are let in.

use std::time::Duration;

use tokio::time::timeout;

use super::Finding;
use crate::cli::ask;
use crate::cli::ctx::Ctx;
use crate::cli::telegram::configured;
use crate::ipc::{Request, Response};
use crate::model::Allowed;
use crate::telegram::setup::Candidate;

const CHECK: &str = "telegram";
/// A page of findings is not waited for longer than that.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn examine(ctx: &Ctx) -> Vec<Finding> {
    let bot = match timeout(PATIENCE, configured(ctx)).await {
        Ok(Ok(Some(bot))) => bot,
        Ok(Ok(None)) => return vec![Finding::ok(CHECK, "no bot; claudebot telegram setup makes one yours")],
        Ok(Err(error)) => return vec![Finding::error(CHECK, error)],
        Err(_) => {
            let why = format!("Telegram has not answered for {} s", PATIENCE.as_secs());
            return vec![Finding::fail(CHECK, why, "check the connection, and `telegram.api_url`")];
        }
    };
    let mut findings = vec![webhook(&bot)];
    match access(ctx).await {
        Some((users, chats)) => {
            findings.extend(nobody(&users));
            findings.extend(privacy(&bot, &chats));
            for chat in &chats {
                findings.extend(group(&bot, chat).await);
            }
        }
        None => findings.push(Finding::warn(CHECK, "cannot tell who is let in", "claudebot pair --list")),
    }
    findings
}

fn webhook(bot: &Candidate) -> Finding {
    let name = &bot.facts.username;
    match bot.facts.webhook.as_str() {
        "" => Finding::ok(CHECK, format!("@{name}, {} updates wait", bot.facts.waiting)),
        elsewhere => Finding::fail(
            CHECK,
            format!("the updates of @{name} go to {elsewhere}"),
            "claudebot telegram setup stops that",
        ),
    }
}

async fn access(ctx: &Ctx) -> Option<(Vec<Allowed>, Vec<Allowed>)> {
    match ask::answer(ctx, Request::Access).await.ok()? {
        Response::Access { users, chats } => Some((users, chats)),
        _ => None,
    }
}

fn nobody(users: &[Allowed]) -> Option<Finding> {
    users.is_empty().then(|| {
        let hint = "claudebot telegram setup lets you in, or write to the bot and use the code that it gives";
        Finding::warn(CHECK, "nobody may talk to the bot", hint)
    })
}

fn privacy(bot: &Candidate, chats: &[Allowed]) -> Option<Finding> {
    (bot.facts.reads_groups && !chats.is_empty()).then(|| {
        let hint = "@BotFather, /setprivacy, Enable: Telegram then keeps the rest from it";
        Finding::warn(
            CHECK,
            "the bot hears everything in its groups; it heeds only what is meant for it",
            hint,
        )
    })
}

/// Whether the bot is in the group and may write there.
async fn group(bot: &Candidate, chat: &Allowed) -> Option<Finding> {
    let name = chat.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| chat.id.to_string());
    match bot.is_in(chat.id).await {
        Ok(true) => None,
        Ok(false) => Some(Finding::warn(
            CHECK,
            format!("the bot is not in the group {name}"),
            "add it there, or claudebot pair --remove its id",
        )),
        Err(error) => {
            Some(Finding::warn(CHECK, format!("group {name}: {}", error.message), "claudebot pair --list"))
        }
    }
}
