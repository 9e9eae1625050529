//! The house itself: personas, configuration, the host, help for shells.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};
use clap_complete::ArgValueCompleter;

use crate::cli::complete;

#[derive(Debug, Subcommand)]
pub(crate) enum PersonaCommand {
    /// List personas: the built-in ones and yours
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  claudebot persona list\n\nJSON: an array with the fields name origin description model error."
    )]
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one persona with its prompt
    #[command(
        after_help = "Examples:\n  claudebot persona show planner\n  claudebot persona show planner --json"
    )]
    Show {
        /// Name of the persona
        #[arg(add = ArgValueCompleter::new(complete::personas))]
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check persona files; all of them without NAME
    #[command(after_help = "Examples:\n  claudebot persona check\n  claudebot persona check ./homelab.toml")]
    Check {
        /// Names or files
        #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::personas))]
        names: Vec<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot clean --dry-run
  claudebot clean --older-than 7d
  claudebot clean --yes                    for a timer

Freed are: files that came with prompts that are done, of sessions not used since; directories of sessions that are \
gone, logs put aside, downloads that no prompt took, what killed work has left. Archives go only where `archive.keep` \
of the configuration says so: that of a session, whose log stays findable, but which cannot be brought back, and files in \
`archive.dir` to which no session leads: it was restored or deleted, or never was here. Project directories, working \
directories and Claude's own files are never touched.
JSON: one object with the fields freed (false with --dry-run) bytes items failed; of items kind path bytes session archive_of (the id of \
the session whose archive it is). \
`kind` is one of inbox session_dir log leftover download archive unused_archive.")]
pub(crate) struct CleanArgs {
    /// Only what was not used for so long, or since a date
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    pub(crate) older_than: String,
    /// Only show what would be freed
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every setting with its value and where it comes from
    #[command(
        after_help = "Example:\n  claudebot config show\n\nJSON: an array with the fields key value origin. Secrets are never shown."
    )]
    Show {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        set: ConfigSet,
    },
    /// Where the configuration file is (or would be)
    #[command(after_help = "Example:\n  $EDITOR \"$(claudebot config path)\"")]
    Path,
    /// Check the configuration file
    #[command(after_help = "Example:\n  claudebot config check")]
    Check,
    /// Print a configuration file with every key, commented out
    #[command(after_help = "Example:\n  claudebot config example > \"$(claudebot config path)\"")]
    Example,
}

#[derive(Debug, Args, Default)]
pub(crate) struct ConfigSet {
    /// Set a key for this run, as `host.max_live=50`; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, for example host.max_live=50".to_owned()),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot pair K7WD2MXP             let in whom the bot gave this code
  claudebot pair --list               who may talk to the bot
  claudebot pair --remove 123456789   a person, or a group by its negative id
  claudebot pair --chat -1001234567890 --name family

Whoever writes to the bot as a stranger is given a code, which lasts an hour; letting a person in lets them use no \
group. JSON of a code: the fields user name. JSON of --list: the fields users chats, each an array with the fields \
id name added origin. `origin` is one of pair config: what the configuration lets in is taken away there.")]
#[command(group = ArgGroup::new("what").required(true).args(["code", "list", "remove", "chat"]))]
pub(crate) struct PairArgs {
    /// Let in the person whom the bot gave this code
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// List people and groups that are let in
    #[arg(long, short)]
    pub(crate) list: bool,
    /// Let this person or group in no more
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub(crate) remove: Option<i64>,
    /// Let the bot work in this group, for people who are let in
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub(crate) chat: Option<i64>,
    /// What the group is called, for the list
    #[arg(long, short, value_name = "NAME", requires = "chat", conflicts_with_all = ["code", "list", "remove"])]
    pub(crate) name: Option<String>,
    /// Print one JSON object
    #[arg(long, conflicts_with_all = ["remove", "chat"])]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot doctor
  claudebot doctor --json
  claudebot doctor --fix        keep Claude from deleting conversations

--fix sets `cleanupPeriodDays` in Claude Code's own settings to 3650: without it, what was not used for 30 days is \
deleted. It shows file and line, and asks first.
Exit code 0 where nothing failed (warnings are fine), else 1.
JSON: an array with the fields check status message hint. `status` is one of ok warn fail.")]
pub(crate) struct DoctorArgs {
    /// Set what keeps Claude from deleting conversations, after asking
    #[arg(long, conflicts_with = "json")]
    pub(crate) fix: bool,
    /// Do not ask
    #[arg(long, short, requires = "fix")]
    pub(crate) yes: bool,
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot stats
  claudebot stats work --since 7d

Cold turns had to start a process first. Percentiles p50, p95, p99 per stage.
JSON fields: turns stages (stage cold count p50_us p95_us p99_us, in microseconds).")]
pub(crate) struct StatsArgs {
    /// Only this session
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: Option<String>,
    /// Only turns since: 90m, 12h, 7d, 2026-11-22 or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Run the host here until it is stopped
    Run(HostRun),
    /// Whether a host runs, and what it does
    Status(HostStatusArgs),
    /// End the host once running turns are done
    Stop(Stop),
    /// Replace the host by one of this version
    Restart(Restart),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot host run
  claudebot host run --set host.max_live=50

Nobody needs to start it by hand: `send` and its kind start one in the background, which ends by itself.")]
pub(crate) struct HostRun {
    /// Started by a client: report readiness on stdout, end when idle for `host.linger`
    #[arg(long)]
    pub(crate) background: bool,
    #[command(flatten)]
    pub(crate) set: ConfigSet,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  claudebot host status

Exit code 0 where a host runs, else 5.
JSON fields: pid version protocol started socket data_dir live busy clients mode draining.")]
pub(crate) struct HostStatusArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot host stop
  claudebot host stop --now")]
pub(crate) struct Stop {
    /// Interrupt running turns instead of letting them finish
    #[arg(long)]
    pub(crate) now: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot host restart
  claudebot host restart --now")]
pub(crate) struct Restart {
    /// Let running turns finish first (the default)
    #[arg(long, conflicts_with = "now")]
    pub(crate) when_idle: bool,
    /// Interrupt running turns
    #[arg(long)]
    pub(crate) now: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot demo
  claudebot demo | cat            plays a short conversation and ends

Nothing of yours is touched: sessions, settings and the host live in a temporary directory that is removed.")]
pub(crate) struct DemoArgs {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot completions bash >> ~/.bash_completion
  claudebot completions zsh > ~/.zfunc/_claudebot
  claudebot completions fish > ~/.config/fish/completions/claudebot.fish
  claudebot completions elvish >> ~/.config/elvish/rc.elv
  claudebot completions powershell >> $PROFILE

The scripts ask claudebot itself at every Tab, so names of sessions and personas are always current.")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot man | man -l -
  claudebot man session new | man -l -
  claudebot man --dir ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// A command; the overview without
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Vec<String>,
    /// Write every page into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot serve                        until Ctrl-C
  claudebot serve --set telegram.inbox=off

Once before: claudebot telegram setup.

It takes over from a host in the background, after the turns that run there. Without a token it serves the \
shell all the same. On SIGTERM or Ctrl-C running turns may end within host.drain; a second one ends at once.")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) set: ConfigSet,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TelegramCommand {
    /// Give claudebot its bot: check and keep the token, and let yourself in
    #[command(after_help = "\
Examples:
  claudebot telegram setup
  claudebot telegram setup --new     another token instead of the kept one
  pass show bot | claudebot telegram setup

A bot is made by talking to @BotFather in Telegram (/newbot), who gives you its token. It is kept in a file that \
only you can read; telegram.token, token_file and token_command in the configuration come before it.")]
    Setup {
        /// Ask for another token, even if there is one
        #[arg(long)]
        new: bool,
    },
    /// How the bot is, as Telegram says it
    #[command(after_help = "\
Examples:
  claudebot telegram status
  claudebot telegram status --json

JSON: { bot, username, name, webhook, reads_groups, joins_groups, topics, waiting }.")]
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}
