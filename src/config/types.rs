//! What a configuration holds once every layer is applied.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::paths::Paths;

/// The configuration in force. Built by [`Config::load`](super::Config::load); nothing changes it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) claude: ClaudeConfig,
    pub(crate) host: HostConfig,
    pub(crate) session: SessionConfig,
    /// Short names for directories.
    pub(crate) projects: BTreeMap<String, PathBuf>,
    pub(crate) notify: NotifyConfig,
    pub(crate) archive: ArchiveConfig,
    pub(crate) telegram: TelegramConfig,
    pub(crate) log: LogConfig,
    /// What is odd but no reason to stop: an unknown `CLAUDEBOT_` variable, two sources for one token.
    pub(crate) warnings: Vec<String>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaudeConfig {
    /// A bare name (looked up in `PATH`) or an absolute path.
    pub(crate) path: PathBuf,
    pub(crate) extra_args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// None: `$CLAUDE_CONFIG_DIR`, else Claude's own default.
    pub(crate) config_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostConfig {
    /// 0: see [`effective_max_live`](super::effective_max_live).
    pub(crate) max_live: u32,
    /// Zero: never put to sleep for being idle.
    pub(crate) idle_timeout: Duration,
    /// Zero: do not wait.
    pub(crate) drain: Duration,
    /// Zero: a background host stays.
    pub(crate) linger: Duration,
    /// Zero: no prompt is ever stale.
    pub(crate) stale_after: Duration,
    /// Zero: an agent may take as long as it likes.
    pub(crate) start_timeout: Duration,
    pub(crate) on_interrupted: OnInterrupted,
    pub(crate) on_limit: OnLimit,
}

/// Whether a person is asked before work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskOrContinue {
    Ask,
    Continue,
}

/// What becomes of a turn that a crash interrupted.
pub(crate) type OnInterrupted = AskOrContinue;

/// What becomes of waiting prompts once a usage limit is lifted.
pub(crate) type OnLimit = AskOrContinue;

impl AskOrContinue {
    pub(super) const WORDS: &[&str] = &["ask", "continue"];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Continue => "continue",
        }
    }

    /// Any word but `continue` is the careful choice; the table of keys lets no third one through.
    pub(super) fn from_word(word: &str) -> Self {
        if word == "continue" { Self::Continue } else { Self::Ask }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionConfig {
    pub(crate) persona: String,
    /// Where `--scratch` working directories are made.
    pub(crate) root: PathBuf,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NotifyConfig {
    pub(crate) command: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArchiveConfig {
    pub(crate) dir: PathBuf,
    /// `forever`, or a duration.
    pub(crate) keep: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TelegramConfig {
    pub(crate) token: Option<Secret>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) token_command: Option<String>,
    pub(crate) api_url: String,
    pub(crate) allowed_users: Vec<i64>,
    pub(crate) allowed_chats: Vec<i64>,
    pub(crate) mirror: String,
    pub(crate) inbox: String,
    pub(crate) ring_after: Duration,
    pub(crate) verbosity: String,
    pub(crate) transcribe: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogConfig {
    pub(crate) level: String,
}

impl Config {
    /// Every key with its value in force, for `config show`.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The lowest layer, and a start for tests.
    pub(crate) fn defaults(paths: &Paths) -> Self {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        Self {
            claude: ClaudeConfig {
                path: PathBuf::from("claude"),
                extra_args: Vec::new(),
                env: BTreeMap::new(),
                config_dir: None,
            },
            host: HostConfig {
                max_live: 0,
                idle_timeout: minutes(120),
                drain: minutes(10),
                linger: minutes(10),
                stale_after: minutes(60),
                start_timeout: minutes(1),
                on_interrupted: OnInterrupted::Ask,
                on_limit: OnLimit::Ask,
            },
            session: SessionConfig { persona: "default".to_owned(), root: paths.sessions_dir() },
            projects: BTreeMap::new(),
            notify: NotifyConfig::default(),
            archive: ArchiveConfig { dir: paths.archive_dir(), keep: FOREVER.to_owned() },
            telegram: TelegramConfig {
                token: None,
                token_file: None,
                token_command: None,
                api_url: "https://api.telegram.org".to_owned(),
                allowed_users: Vec::new(),
                allowed_chats: Vec::new(),
                mirror: "replies".to_owned(),
                inbox: "waiting".to_owned(),
                ring_after: Duration::from_secs(15),
                verbosity: "normal".to_owned(),
                transcribe: None,
            },
            log: LogConfig { level: "info".to_owned() },
            warnings: Vec::new(),
            entries: Vec::new(),
        }
    }
}

/// The word for archives that are kept until somebody removes them.
pub(super) const FOREVER: &str = "forever";

impl ArchiveConfig {
    /// How long the archive of a session is kept. None: for ever.
    pub(crate) fn keep(&self) -> Option<jiff::SignedDuration> {
        // The table of keys lets nothing else through.
        super::duration::parse(&self.keep).ok()?.try_into().ok()
    }
}

impl TelegramConfig {
    /// Whether it says where the bot's token comes from. Then that of `telegram setup` does not count.
    pub(crate) const fn names_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some() || self.token_command.is_some()
    }
}

/// A text that is never shown: neither by `config show` nor in a log of the whole configuration.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(set)")
    }
}

/// One line of `config show`: a value as it may be shown, and the layer it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// `host.max_live`
    pub(crate) key: String,
    /// Secrets are `(set)`; what is not set is empty.
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

impl Entry {
    /// Whether the file says so.
    pub(crate) const fn is_of_file(&self) -> bool {
        matches!(self.origin, Origin::File { .. })
    }
}

/// The layer a value comes from; later ones win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    /// The variable's name.
    Environment(String),
    Flag,
}

impl Origin {
    /// The layer's place in the order: a higher one wins.
    pub(super) const fn layer(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Environment(_) => 2,
            Self::Flag => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}
