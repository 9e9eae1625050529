//! The bot's token: where it comes from, and that it is never shown.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::config::TelegramConfig;
use crate::error::{Error, Result};
use crate::telegram::shell::{Failure, output, shell};

/// A command may ask a person to unlock something.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than this is no token.
const MOST: u64 = 4096;

/// A secret shorter than this would be found in ordinary words when it is taken out of a text.
const SHORT: usize = 8;

/// What @BotFather gives: `<bot id>:<secret>`. Shown as `123456789:…`, whichever way.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    text: String,
    bot: i64,
}

impl Token {
    /// The configured token, or else the one that setting up has kept in `kept`. `None`: there is neither.
    pub(crate) async fn load(config: &TelegramConfig, kept: &Path) -> Result<Option<Self>> {
        if let Some(token) = &config.token {
            return Self::of(token.reveal(), "`telegram.token`").map(Some);
        }
        if let Some(path) = &config.token_file {
            let text = read_file(path, PATIENCE).await?;
            return Self::of(&text, &format!("`telegram.token_file` ({})", path.display())).map(Some);
        }
        if let Some(command) = &config.token_command {
            let text = ask(command, PATIENCE).await?;
            return Self::of(&text, "what `telegram.token_command` prints").map(Some);
        }
        if kept.exists() {
            let text = read_file(kept, PATIENCE).await?;
            return Self::of(&text, &kept.display().to_string()).map(Some);
        }
        Ok(None)
    }

    /// A token somebody typed or pasted.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::of(text, "this")
    }

    fn of(text: &str, origin: &str) -> Result<Self> {
        let text = text.trim();
        let well_formed = text.split_once(':').and_then(|(bot, secret)| {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            let ok = bot.bytes().all(|byte| byte.is_ascii_digit()) && !secret.is_empty();
            (ok && secret.bytes().all(letters)).then(|| bot.parse().ok()).flatten()
        });
        match well_formed {
            Some(bot) => Ok(Self { text: text.to_owned(), bot }),
            None if text.is_empty() => Err(Error::usage(format!("{origin} is empty, not a bot's token"))),
            None => Err(Error::usage(format!("{origin} is no bot's token"))),
        }
        .map_err(|error| error.hint("@BotFather gives one that looks like `123456789:ABC…`"))
    }

    /// The bot's own id, which is its user id.
    #[cfg(test)]
    pub(crate) const fn bot(&self) -> i64 {
        self.bot
    }

    /// The token itself: for the address of a call, and for the file that setting up writes.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }

    /// A text from outside, without the token in it.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = text.replace(&self.text, "(token)");
        match self.text.split_once(':') {
            Some((_, secret)) if secret.len() >= SHORT => text.replace(secret, "(token)"),
            _ => text,
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.bot)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

/// A token's file may be a pipe that a shell made, so reading it may have to wait.
async fn read_file(path: &Path, limit: Duration) -> Result<String> {
    let reading = async {
        let mut text = String::new();
        tokio::fs::File::open(path).await?.take(MOST).read_to_string(&mut text).await?;
        Ok(text)
    };
    match timeout(limit, reading).await {
        Ok(read) => read.map_err(|error| {
            Error::io("read `telegram.token_file`,", path, &error)
                .hint("put the token there, readable by you alone (chmod 600)")
        }),
        Err(_) => Err(Error::failed(format!(
            "`telegram.token_file`, {}, was not readable to its end within {} s",
            path.display(),
            limit.as_secs()
        ))),
    }
}

/// Runs a command for its first output. What it says on stderr is not repeated: it may be the token.
async fn ask(command: &str, limit: Duration) -> Result<String> {
    let failed = |what: &str| {
        Error::failed(format!("`telegram.token_command` {what}"))
            .hint("run the command in a terminal: it has to print the token alone, and to ask nothing")
    };
    let unreadable = |error: &std::io::Error| failed(&format!("cannot be read: {}", error.kind()));
    match output(&mut shell(command), MOST, limit).await {
        Ok(bytes) => {
            String::from_utf8(bytes).map_err(|_| unreadable(&std::io::ErrorKind::InvalidData.into()))
        }
        Err(Failure::Start(error)) => Err(failed(&format!("cannot be started: {error}"))),
        Err(Failure::Read(error)) => Err(unreadable(&error)),
        Err(Failure::Status(status)) => Err(failed(&format!("failed ({status})"))),
        Err(Failure::Time) => Err(failed(&format!("gave no answer within {} s", limit.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Secret};
    use crate::paths::{Env, Paths};

    const TEXT: &str = "123456789:AAbb-ccDD_eeFF00112233";

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn config() -> TelegramConfig {
        Config::defaults(&Paths::resolve(&Env::from_pairs([("HOME", "/h")])).unwrap()).telegram
    }

    #[test]
    fn only_the_bots_id_is_shown() {
        let token = Token::parse(&format!(" {TEXT}\n")).unwrap();
        assert_eq!((token.reveal(), token.bot()), (TEXT, 123_456_789));
        assert_eq!(format!("{token} {token:?}"), "123456789:… Token(123456789:…)");
        let text = format!("GET https://x/bot{TEXT}/getMe: AAbb-ccDD_eeFF00112233");
        assert_eq!(token.redact(&text), "GET https://x/bot(token)/getMe: (token)");
        assert_eq!(Token::parse("1:a").unwrap().redact("a bot1:a b"), "a bot(token) b");
    }

    #[test]
    fn what_is_no_token_is_refused_without_repeating_it() {
        for text in ["", "hunter2", "x:hunter2", "1:", ":a", "1:hunter2 2:b", "1:hunter2\n2:b", "1:é"] {
            let error = Token::parse(text).unwrap_err();
            assert!(!error.message.contains("hunter2"), "{error}");
            assert!(error.hint.unwrap().contains("@BotFather"));
        }
        let digits = "9".repeat(30);
        assert!(Token::parse(&format!("{digits}:a")).is_err());
    }

    #[test]
    fn it_comes_from_the_configuration() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("token");
        std::fs::write(&file, format!("{TEXT}\n")).unwrap();
        let load = |change: &dyn Fn(&mut TelegramConfig)| {
            let mut config = config();
            change(&mut config);
            run(Token::load(&config, &root.path().join("kept")))
        };
        let token = Token::parse(TEXT).unwrap();
        assert_eq!(load(&|_| {}).unwrap(), None);
        let kept = root.path().join("kept");
        std::fs::write(&kept, TEXT).unwrap();
        assert_eq!(load(&|_| {}).unwrap().as_ref(), Some(&token));
        std::fs::write(&kept, "other:thing").unwrap();
        assert_eq!(load(&|c| c.token = Some(Secret::new(TEXT))).unwrap().as_ref(), Some(&token));
        assert_eq!(load(&|c| c.token_file = Some(file.clone())).unwrap().as_ref(), Some(&token));
        let command = format!("cat {}", file.display());
        assert_eq!(load(&|c| c.token_command = Some(command.clone())).unwrap().as_ref(), Some(&token));
        let error = load(&|c| c.token_file = Some(root.path().join("none"))).unwrap_err();
        assert!(error.message.starts_with("cannot read `telegram.token_file`, "), "{error}");
        std::fs::write(&file, "hunter2").unwrap();
        let error = load(&|c| c.token_file = Some(file.clone())).unwrap_err();
        assert_eq!(error.message, format!("`telegram.token_file` ({}) is no bot's token", file.display()));
    }

    #[test]
    fn a_command_that_fails_says_how_but_not_what_it_printed() {
        let error = run(ask("echo hunter2; echo hunter2 >&2; exit 3", PATIENCE)).unwrap_err();
        assert_eq!(error.message, "`telegram.token_command` failed (exit status: 3)");
        let endless = run(ask("yes 1:hunter2", PATIENCE)).unwrap_err();
        assert!(!endless.message.contains("hunter2"), "{endless}");
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_all_it_started() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        // As long as one of them lives, it holds the pipe open for writing.
        let command = format!("exec 3>{0}; (sleep 600) & sleep 600", pipe.display());
        let reader = std::thread::spawn(move || std::fs::read(pipe));
        let error = run(ask(&command, Duration::from_millis(300))).unwrap_err();
        assert_eq!(error.message, "`telegram.token_command` gave no answer within 0 s");
        assert_eq!(reader.join().unwrap().unwrap(), b"");
    }
}
