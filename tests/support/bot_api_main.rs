//! Telegram by hand: `cargo run --example bot-api [-- --for SECONDS]`.
//!
//! Prints what the bot needs in its environment, then plays a person, Anna, who has a private chat with the bot
//! (`me`), a `group` and a `forum`: reads what she does on stdin, and prints what the bot does.

#[expect(
    dead_code,
    unused_imports,
    clippy::panic,
    reason = "by hand not everything is used that tests use; they also want a panic when something is not there"
)]
mod bot_api;
#[expect(dead_code, reason = "this server needs less of HTTP than the other")]
mod http;

use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use bot_api::{BotApi, Call, Chat, Fault, Limits, User};

const HELP: &str = "\
say CHAT TEXT              Anna writes (CHAT: me, group, forum, or forum/TOPIC)
reply CHAT MESSAGE TEXT    … as an answer
edit CHAT MESSAGE TEXT     … something else than before
tap CHAT MESSAGE BUTTON    presses a button by its label
topic NAME                 opens a topic in the forum
show CHAT                  everything in the chat
fail N METHOD FAULT        the next N calls fail: cut, lost, slow, 429, 500, 502, 401, 409
limits on|off              Telegram's limits
block CHAT, unblock CHAT   Anna blocks the bot, or throws it out
down, up                   the network
calls                      what the bot asked for
";

/// How often the printer looks whether it is to end.
const BEAT: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let time = match time_limit() {
        Ok(time) => time,
        Err(words) => {
            eprintln!("bot-api: {words}; usage: bot-api [--for SECONDS]");
            return ExitCode::from(2);
        }
    };
    match serve(time) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bot-api: {error}");
            ExitCode::FAILURE
        }
    }
}

fn time_limit() -> Result<Option<Duration>, String> {
    let mut arguments = std::env::args().skip(1);
    let Some(flag) = arguments.next() else { return Ok(None) };
    if flag != "--for" {
        return Err(format!("unknown argument {flag}"));
    }
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok());
    seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(|| "--for needs seconds".to_owned())
}

fn serve(time: Option<Duration>) -> io::Result<()> {
    let api = BotApi::start()?;
    let stage = Stage::new(&api);
    println!("# Telegram is at {}; Anna is user {}; `help` says what she can do", api.url(), stage.anna.id);
    println!("export CLAUDEBOT_TELEGRAM_API_URL={} CLAUDEBOT_TELEGRAM_TOKEN={}", api.url(), api.token());
    println!(
        "export CLAUDEBOT_TELEGRAM_ALLOWED_USERS={} CLAUDEBOT_TELEGRAM_ALLOWED_CHATS={},{}",
        stage.anna.id,
        stage.group.id(),
        stage.forum.id()
    );
    io::stdout().flush()?;
    std::thread::scope(|scope| {
        let (_open, ended) = mpsc::channel::<()>();
        let stage = &stage;
        scope.spawn(move || stage.print(&ended));
        match time {
            None => stage.play(),
            // With a time limit stdin may be closed already, as in the background of a script.
            Some(time) => {
                let (_open, nothing) = mpsc::channel::<()>();
                nothing.recv_timeout(time).ok();
            }
        }
    });
    Ok(())
}

struct Stage<'a> {
    api: &'a BotApi,
    anna: User,
    me: Chat,
    group: Chat,
    forum: Chat,
}

impl<'a> Stage<'a> {
    fn new(api: &'a BotApi) -> Self {
        let anna = api.user("Anna");
        let (me, group) = (api.private(&anna), api.supergroup("Group", &[anna]));
        Self { api, anna, me, group, forum: api.forum("Forum", &[anna]) }
    }

    /// Prints what the bot does until the other end of the channel is gone.
    fn print(&self, ended: &mpsc::Receiver<()>) {
        let mut seen = 0;
        while !matches!(ended.try_recv(), Err(mpsc::TryRecvError::Disconnected)) {
            for call in self.api.ended_after(seen, BEAT) {
                seen = call.ended.unwrap_or(seen);
                if call.method != "getUpdates" {
                    println!("{}", self.describe(&call));
                }
            }
        }
    }

    fn describe(&self, call: &Call) -> String {
        let chat = call.chat.and_then(|chat| self.api.chat_with_id(chat));
        let id = match &call.outcome {
            bot_api::Outcome::Done(result) => result["message_id"].as_i64(),
            _ => None,
        };
        let message = chat.and_then(|chat| chat.messages().into_iter().find(|seen| Some(seen.id) == id));
        match message {
            Some(message) => format!("{} {} {message}", call.method, self.name(call.chat)),
            None => call.to_string(),
        }
    }

    fn name(&self, chat: Option<i64>) -> &'static str {
        match chat {
            chat if chat == Some(self.me.id()) => "me",
            chat if chat == Some(self.group.id()) => "group",
            _ => "forum",
        }
    }

    fn play(&self) {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if let Err(words) = self.act(line.trim()) {
                println!("{words}; `help` says more");
            }
        }
    }

    fn act(&self, line: &str) -> Result<(), String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "" => {}
            "help" => print!("{HELP}"),
            "say" | "reply" => self.say(rest, verb == "reply")?,
            "edit" | "tap" => self.touch(rest, verb == "tap")?,
            "topic" => println!("forum/{}", self.forum.topic(&self.anna, rest)),
            "show" => self.chat(rest)?.0.messages().iter().for_each(|message| println!("{message}")),
            "fail" => self.fail(rest)?,
            "limits" => self.api.set_limits((rest == "on").then(Limits::default)),
            "block" => self.chat(rest)?.0.block_bot(&self.anna),
            "unblock" => self.chat(rest)?.0.unblock_bot(&self.anna),
            "down" => self.api.go_down(),
            "up" => self.api.come_back(),
            "calls" => print!("{}", self.api.summary()),
            _ => return Err(format!("{verb} is nothing that Anna can do")),
        }
        Ok(())
    }

    /// A chat, and the topic behind a slash.
    fn chat(&self, name: &str) -> Result<(&Chat, Option<i64>), String> {
        let (name, topic) = name.split_once('/').unwrap_or((name, ""));
        let topic = topic.parse().ok();
        match name {
            "me" => Ok((&self.me, topic)),
            "group" => Ok((&self.group, topic)),
            "forum" if topic.is_none_or(|id| self.forum.topics().iter().any(|(known, _)| *known == id)) => {
                Ok((&self.forum, topic))
            }
            _ => Err(format!("no chat {name:?}")),
        }
    }

    fn say(&self, rest: &str, reply: bool) -> Result<(), String> {
        let (chat, rest) = rest.split_once(' ').ok_or("what does she say?")?;
        let (chat, topic) = self.chat(chat)?;
        let mut message = chat.message(&self.anna);
        let mut text = rest;
        if reply {
            let (to, rest) = number(rest)?;
            message = message.reply_to(to);
            text = rest;
        }
        if let Some(topic) = topic {
            message = message.in_topic(topic);
        }
        println!("#{}", message.text(text).send());
        Ok(())
    }

    fn touch(&self, rest: &str, tap: bool) -> Result<(), String> {
        let (chat, rest) = rest.split_once(' ').ok_or("which message?")?;
        let (chat, _) = self.chat(chat)?;
        let (id, what) = number(rest)?;
        let message = chat.messages().into_iter().find(|message| message.id == id);
        let message = message.ok_or_else(|| format!("no message {id}"))?;
        if !tap {
            chat.edit(id, what);
            return Ok(());
        }
        let button = message.button(what).filter(|button| !button.data.is_empty());
        let button = button.ok_or_else(|| format!("no button {what:?}, but {:?}", message.labels()))?;
        chat.tap(id, &button.data, &self.anna);
        Ok(())
    }

    fn fail(&self, rest: &str) -> Result<(), String> {
        let (times, rest) = number(rest)?;
        let (method, fault) = rest.split_once(' ').ok_or("which fault?")?;
        let fault = match fault {
            "cut" => Fault::Cut,
            "lost" => Fault::LoseAnswer,
            "slow" => Fault::Delay(Duration::from_secs(5)),
            "429" => Fault::TooMany(5),
            "500" => Fault::Server(500),
            "502" => Fault::Server(502),
            "401" => Fault::Unauthorized,
            "409" => Fault::Conflict,
            _ => return Err(format!("no fault {fault:?}")),
        };
        self.api.fail_next(usize::try_from(times).unwrap_or_default(), method, fault);
        Ok(())
    }
}

/// A number and what follows it.
fn number(text: &str) -> Result<(i64, &str), String> {
    let (number, rest) = text.split_once(' ').unwrap_or((text, ""));
    let parsed = number.trim_start_matches('#').parse().map_err(|_| format!("{number:?} is no number"))?;
    Ok((parsed, rest))
}
