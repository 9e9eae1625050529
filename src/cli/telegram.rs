//! `telegram setup|status`: the bot's token, and the first person who may talk to it.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::runtime::Runtime;

use super::args::TelegramCommand;
use super::ctx::{self, Ctx};
use super::screen::{DONE, Finish, Stop};
use super::{ask, confirm, host, text};
use crate::error::{Error, Result};
use crate::ipc::{HostStatus, Request, Response};
use crate::model::Person;
use crate::telegram::setup::{self, Candidate};
use crate::telegram::{BotFacts, Token};

/// How often it is looked whether somebody has taken up the invitation.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After so many looks a running `serve` has taken up a token, or does not.
const TAKES_UP: u32 = 8;

pub(crate) fn run(ctx: &Ctx, command: &TelegramCommand) -> Finish {
    match command {
        TelegramCommand::Setup { new } => set_up(ctx, *new),
        TelegramCommand::Status { json } => status(ctx, *json),
    }
}

fn status(ctx: &Ctx, json: bool) -> Finish {
    let bot = ctx::runtime()?.block_on(configured(ctx))?.ok_or_else(no_token)?;
    let mut out = ctx.screen.out();
    if json {
        out.json(&bot.facts)?;
    } else {
        for (key, value) in facts(&bot.facts) {
            out.line(&format!("{} {}", ctx.screen.strong(&format!("{key:<10}")), text::one_line(&value)))?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

fn facts(bot: &BotFacts) -> Vec<(&'static str, String)> {
    let yes = |yes: bool, words: &str| format!("{}{words}", if yes { "" } else { "not " });
    let mut facts = vec![
        ("bot", format!("@{} ({}, {})", bot.username, bot.name, bot.bot)),
        ("groups", yes(bot.joins_groups, "allowed to join")),
        ("hears", if bot.reads_groups { "everything in groups" } else { "what is meant for it" }.to_owned()),
        ("topics", yes(bot.topics, "in private chats")),
        ("waiting", text::count(bot.waiting, "update")),
    ];
    if !bot.webhook.is_empty() {
        facts.push(("webhook", format!("{}: nothing reaches claudebot", bot.webhook)));
    }
    facts
}

/// The bot of the token in force, as Telegram knows it. None: there is no token.
pub(crate) async fn configured(ctx: &Ctx) -> Result<Option<Candidate>> {
    let config = ctx.config()?.telegram;
    let Some(token) = setup::token(&config, &ctx.paths).await? else { return Ok(None) };
    setup::examine(token, &config.api_url).await.map(Some)
}

pub(crate) fn no_token() -> Error {
    Error::not_found("there is no token of a Telegram bot")
        .hint("talk to @BotFather in Telegram (/newbot), then: claudebot telegram setup")
}

fn set_up(ctx: &Ctx, new: bool) -> Finish {
    // One for all calls: the connection to Telegram lives in it.
    let runtime = ctx::runtime()?;
    let mut bot = candidate(ctx, &runtime, new)?;
    let BotFacts { username, name, webhook, .. } = &bot.facts;
    ctx.screen.say(&format!("the bot is @{username} ({})", text::one_line(name)));
    if !webhook.is_empty() {
        ctx.screen.say(&format!("Telegram sends its updates to {webhook}, so none would come here"));
        if !ctx.screen.can_ask() || !confirm::yes(ctx, "stop that? [y/N] ")? {
            return Err(Error::conflict("the bot belongs to another program")
                .hint("make another bot with @BotFather")
                .into());
        }
        runtime.block_on(bot.remove_webhook())?;
    }
    if !ctx.screen.can_ask() {
        ctx.screen.say("whoever writes to it is given a code for: claudebot pair CODE");
        return Ok(DONE);
    }
    invite(ctx, &runtime, &bot)
}

/// The bot whose token is there already, or the one that is typed now, which is kept then.
fn candidate(ctx: &Ctx, runtime: &Runtime, new: bool) -> Result<Candidate, Stop> {
    let config = ctx.config()?.telegram;
    if new && config.names_token() {
        let error =
            Error::conflict("the token is set in the configuration, which comes before what is kept here");
        return Err(error.hint("change it there: claudebot config show says where").into());
    }
    if !new && let Some(bot) = runtime.block_on(configured(ctx))? {
        ctx.screen.note("there is a token already; --new asks for another");
        return Ok(bot);
    }
    let token = Token::parse(&typed_token(ctx)?)?;
    let bot = runtime.block_on(setup::examine(token, &config.api_url))?;
    let path = ctx.paths.telegram_token();
    bot.keep(&path)?;
    ctx.screen.note(&format!("kept in {}", text::tilde(&path, ctx.paths.home())));
    Ok(bot)
}

/// Unseen on a terminal; otherwise the first line of stdin.
fn typed_token(ctx: &Ctx) -> Result<String> {
    if !ctx.screen.can_ask() {
        return line();
    }
    // Before anybody is asked: what is pasted at once is not shown either, nor thrown away.
    let unseen = Unseen::begin();
    ctx.screen.talk("the token that @BotFather gave you (it is not shown): ");
    let line = line();
    drop(unseen);
    ctx.screen.talk("\n");
    line
}

fn line() -> Result<String> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Error::failed(format!("cannot read the token: {error}")))?;
    Ok(line)
}

/// The terminal shows nothing of what is typed until this is dropped.
struct Unseen(Option<Termios>);

impl Unseen {
    fn begin() -> Self {
        let stdin = io::stdin();
        let before = if stdin.is_terminal() { tcgetattr(&stdin).ok() } else { None };
        let quiet = before.clone().map(|mut modes| {
            modes.local_modes.remove(LocalModes::ECHO);
            modes
        });
        let hidden = quiet.is_some_and(|quiet| tcsetattr(&stdin, OptionalActions::Flush, &quiet).is_ok());
        Self(before.filter(|_| hidden))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that is gone shows nothing anyway.
            tcsetattr(io::stdin(), OptionalActions::Flush, before).ok();
        }
    }
}

/// Lets in whoever opens the link, after a yes right here.
fn invite(ctx: &Ctx, runtime: &Runtime, bot: &Candidate) -> Finish {
    let code = match ask::ask(ctx, Request::PairInvite)? {
        Response::PairCode { code, .. } => code,
        other => return Err(ask::unexpected(&other)),
    };
    let link = bot.link(&code);
    ctx.screen.say("open this in Telegram on your phone or desktop, and press Start:");
    if let Some(picture) = setup::picture(&link) {
        ctx.screen.talk(&format!("\n{}\n", ctx.screen.on_paper(&picture)));
    }
    ctx.screen.say(&format!("{link}\n"));
    ctx.screen.note("waiting for it; Ctrl-C leaves everything as it is");
    let person = claimed(ctx, runtime, bot, &code)?;
    let who = format!("{} ({})", text::one_line(&person.name), person.user);
    if !confirm::yes(ctx, &format!("let {who} in? [y/N] "))? {
        ctx.screen.say("nobody was let in");
        return Ok(DONE);
    }
    match ask::ask(ctx, Request::Pair { code })? {
        Response::Paired(_) => {}
        other => return Err(ask::unexpected(&other)),
    }
    ctx.screen.say(&format!("{who} may talk to @{} now", bot.facts.username));
    if let Some(missing) = what_is_missing(ctx, runtime, bot)? {
        ctx.screen.say(&missing);
    }
    Ok(DONE)
}

/// The host that has a bridge, if one runs.
fn bridge(ctx: &Ctx, runtime: &Runtime) -> Result<Option<HostStatus>, Stop> {
    let present = runtime.block_on(host::present(ctx))?;
    Ok(present.filter(|status| status.mode == "serve"))
}

/// Whether the bridge of this host receives for the bot.
fn serves(host: &HostStatus, bot: &Candidate) -> bool {
    host.bot.as_ref().is_some_and(|served| served.id == bot.facts.bot)
}

fn claimed(ctx: &Ctx, runtime: &Runtime, bot: &Candidate, code: &str) -> Result<Person, Stop> {
    let mut said = None;
    loop {
        match ask::ask(ctx, Request::PairInvited { code: code.to_owned() })? {
            Response::Invited { claimed: Some(person), .. } => return Ok(person),
            Response::Invited { claimed: None, .. } => {}
            other => return Err(ask::unexpected(&other)),
        }
        // A bridge that receives for this bot takes the claim in itself.
        if !bridge(ctx, runtime)?.is_some_and(|host| serves(&host, bot)) {
            match runtime.block_on(bot.look_for_claim(code)) {
                Ok(Some(claim)) => {
                    ask::ask(ctx, claim)?;
                    continue;
                }
                Ok(None) => said = None,
                Err(error) => tell_once(ctx, &mut said, error),
            }
        }
        wait(runtime);
    }
}

/// What keeps it from seeing the claim.
fn tell_once(ctx: &Ctx, said: &mut Option<Error>, error: Error) {
    if said.as_ref() == Some(&error) {
        return;
    }
    let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    ctx.screen.note(&format!("{}{hint}; it is tried again and again", error.message));
    *said = Some(error);
}

fn wait(runtime: &Runtime) {
    runtime.block_on(async { tokio::time::sleep(LOOK_AGAIN).await });
}

/// What there is still to do before the bot answers.
fn what_is_missing(ctx: &Ctx, runtime: &Runtime, bot: &Candidate) -> Result<Option<String>, Stop> {
    let mut served = None;
    // A bridge takes a token up that was kept just now.
    for _ in 0..TAKES_UP {
        let Some(host) = bridge(ctx, runtime)? else {
            return Ok(Some("start the bridge: claudebot serve".to_owned()));
        };
        if serves(&host, bot) {
            return Ok(None);
        }
        served = Some(host);
        wait(runtime);
    }
    Ok(served.map(|host| {
        let Some(bot) = host.bot else {
            return format!(
                "`claudebot serve` (process {}) does not serve it yet: its log says why",
                host.pid
            );
        };
        format!(
            "but `claudebot serve` (process {}) serves @{}, as it was started with another configuration: \
             start it anew",
            host.pid, bot.username
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_is_described_in_words() {
        let bot = BotFacts {
            bot: 42,
            username: "b_bot".to_owned(),
            name: "B".to_owned(),
            webhook: "https://elsewhere.example/x".to_owned(),
            reads_groups: false,
            joins_groups: false,
            topics: true,
            waiting: 1,
        };
        let words: Vec<_> = facts(&bot).into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            words,
            [
                "@b_bot (B, 42)",
                "not allowed to join",
                "what is meant for it",
                "in private chats",
                "1 update",
                "https://elsewhere.example/x: nothing reaches claudebot"
            ]
        );
    }
}
