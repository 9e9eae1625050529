//! The table of every configuration key. What is not here does not exist.

use std::time::Duration;

use super::duration;
use super::slot::{Choice, Key, Slot, anything};
use super::types::{AskOrContinue, Config, FOREVER};

pub(crate) type ConfigKey = Key<Config>;

/// The section whose keys are names that a person chooses.
pub(super) const PROJECTS: &str = "projects";

/// In the order of the file's reference.
pub(super) const SECTIONS: [&str; 8] =
    ["claude", "host", "session", PROJECTS, "notify", "archive", "telegram", "log"];

pub(crate) static KEYS: &[ConfigKey] = &[
    key("claude", "path", Slot::Program(|c| &mut c.claude.path), "The Claude Code program."),
    key(
        "claude",
        "extra_args",
        Slot::List(|c| &mut c.claude.extra_args),
        "More arguments for every `claude`.",
    ),
    key(
        "claude",
        "env",
        Slot::Variables(|c| &mut c.claude.env),
        "Variables for every `claude`, on top of the host's own.",
    ),
    key(
        "claude",
        "config_dir",
        Slot::OptPath(|c| &mut c.claude.config_dir),
        "Claude's own directory, if not `$CLAUDE_CONFIG_DIR` or `~/.claude`.",
    ),
    key(
        "host",
        "max_live",
        Slot::Count(|c| &mut c.host.max_live, 10_000),
        "Resident `claude` processes at most; 0: as many as half of the memory holds.",
    ),
    key(
        "host",
        "idle_timeout",
        Slot::Duration(|c| &mut c.host.idle_timeout),
        "An idle session falls asleep after this; 0: never.",
    ),
    key(
        "host",
        "drain",
        Slot::Duration(|c| &mut c.host.drain),
        "How long a host that ends waits for running turns; 0: not at all.",
    ),
    key(
        "host",
        "linger",
        Slot::Duration(|c| &mut c.host.linger),
        "A background host without clients and live sessions ends after this; 0: never.",
    ),
    key(
        "host",
        "stale_after",
        Slot::Duration(|c| &mut c.host.stale_after),
        "A prompt that waited longer than this asks before it runs; 0: never asks.",
    ),
    key(
        "host",
        "start_timeout",
        Slot::Duration(|c| &mut c.host.start_timeout),
        "A `claude` that has not answered after this is ended; 0: it is waited for without end.",
    ),
    key(
        "host",
        "on_interrupted",
        Slot::Choice(Choice {
            options: AskOrContinue::WORDS,
            get: |c| c.host.on_interrupted.word(),
            set: |c, word| c.host.on_interrupted = AskOrContinue::from_word(word),
        }),
        "A turn that a crash interrupted: ask, or continue it once.",
    ),
    key(
        "host",
        "on_limit",
        Slot::Choice(Choice {
            options: AskOrContinue::WORDS,
            get: |c| c.host.on_limit.word(),
            set: |c, word| c.host.on_limit = AskOrContinue::from_word(word),
        }),
        "Prompts that wait when a usage limit is lifted: ask, or continue.",
    ),
    key(
        "session",
        "persona",
        Slot::Text(|c| &mut c.session.persona, anything),
        "The persona of new sessions.",
    ),
    key(
        "session",
        "root",
        Slot::Path(|c| &mut c.session.root),
        "Where the working directories of `--scratch` sessions are made.",
    ),
    key(
        "notify",
        "command",
        Slot::OptText(|c| &mut c.notify.command, anything),
        "A shell command, run when a session waits, is done or failed.",
    ),
    key("archive", "dir", Slot::Path(|c| &mut c.archive.dir), "Where archives are written."),
    key(
        "archive",
        "keep",
        Slot::Text(|c| &mut c.archive.keep, retention),
        "How long `clean` leaves the archive of a session: `forever`, or for example `365d`.",
    ),
    key("telegram", "token", Slot::Secret(|c| &mut c.telegram.token, bot_token), "The bot's token."),
    key(
        "telegram",
        "token_file",
        Slot::OptPath(|c| &mut c.telegram.token_file),
        "A file that holds the token.",
    ),
    key(
        "telegram",
        "token_command",
        Slot::OptText(|c| &mut c.telegram.token_command, anything),
        "A shell command that prints the token.",
    ),
    key("telegram", "api_url", Slot::Text(|c| &mut c.telegram.api_url, url), "The Bot API's address."),
    key(
        "telegram",
        "allowed_users",
        Slot::Numbers(|c| &mut c.telegram.allowed_users),
        "Ids of the users who may talk to the bot.",
    ),
    key(
        "telegram",
        "allowed_chats",
        Slot::Numbers(|c| &mut c.telegram.allowed_chats),
        "Ids of the groups the bot may work in.",
    ),
    key(
        "telegram",
        "mirror",
        Slot::Choice(Choice {
            options: &["off", "replies", "all"],
            get: |c| &c.telegram.mirror,
            set: |c, word| c.telegram.mirror = word.to_owned(),
        }),
        "How much of what was asked elsewhere is shown in a chat.",
    ),
    key(
        "telegram",
        "inbox",
        Slot::Choice(Choice {
            options: &["waiting", "off"],
            get: |c| &c.telegram.inbox,
            set: |c, word| c.telegram.inbox = word.to_owned(),
        }),
        "Whether sessions that wait for a person come to every paired private chat.",
    ),
    key(
        "telegram",
        "ring_after",
        Slot::Duration(|c| &mut c.telegram.ring_after),
        "A turn longer than this ends in a new message that rings; 0: every one.",
    ),
    key(
        "telegram",
        "verbosity",
        Slot::Choice(Choice {
            options: &["quiet", "normal", "verbose"],
            get: |c| &c.telegram.verbosity,
            set: |c, word| c.telegram.verbosity = word.to_owned(),
        }),
        "How much tool output and thinking a chat shows.",
    ),
    key(
        "telegram",
        "transcribe",
        Slot::OptText(|c| &mut c.telegram.transcribe, anything),
        "A shell command that turns a voice message into text.",
    ),
    key(
        "log",
        "level",
        Slot::Choice(Choice {
            options: &["off", "error", "warn", "info", "debug", "trace"],
            get: |c| &c.log.level,
            set: |c, word| c.log.level = word.to_owned(),
        }),
        "How much the host logs.",
    ),
];

const fn key(section: &'static str, name: &'static str, slot: Slot<Config>, doc: &'static str) -> ConfigKey {
    Key { section, name, slot, doc }
}

/// The keys of a section.
pub(super) fn of_section(section: &str) -> impl Iterator<Item = &'static ConfigKey> {
    KEYS.iter().filter(move |key| key.section == section)
}

/// `<bot id>:<letters>`. The text itself is never repeated.
fn bot_token(token: &str) -> Result<Option<String>, String> {
    let well_formed = token.trim().split_once(':').is_some_and(|(id, secret)| {
        let id_ok = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let secret_ok =
            secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        id_ok && secret_ok && !secret.is_empty()
    });
    if well_formed {
        Ok(None)
    } else {
        Err("wants a token as @BotFather gives it, like `123456789:ABC…`".to_owned())
    }
}

/// A slip here would cost archives, so a day is the least.
fn retention(text: &str) -> Result<Option<String>, String> {
    match duration::parse(text) {
        _ if text == FOREVER => Ok(None),
        Ok(keep) if keep >= Duration::from_hours(24) => Ok(None),
        Ok(_) => Err(format!("is `{text}`: archives are kept for a day at least, or `{FOREVER}`")),
        Err(_) => Err(format!("wants `{FOREVER}` or a duration like `365d`, not `{text}`")),
    }
}

fn url(text: &str) -> Result<Option<String>, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && !text.contains(char::is_whitespace)
    {
        Ok(None)
    } else {
        Err(format!("is `{text}`, which is no address; write for example `https://api.telegram.org`"))
    }
}
