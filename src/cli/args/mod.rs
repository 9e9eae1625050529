//! What can be typed: every command, flag and value with its help.
//!
//! Help, man pages and completions all come from here. This file and `args/` must not know how anything is
//! done; they only describe, so that building the command for `--help` costs nothing else.

mod archive;
mod house;
mod moving;
mod session;
mod talk;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

pub(crate) use archive::{ArchiveCommand, ArchiveList, ArchiveSearch, ArchiveShow, ArchiveVerify};
pub(crate) use house::{
    CleanArgs, CompletionsArgs, ConfigCommand, ConfigSet, DemoArgs, DoctorArgs, HostCommand, HostRun,
    HostStatusArgs, ManArgs, PairArgs, PersonaCommand, Restart, ServeArgs, Shell, StatsArgs, Stop,
    TelegramCommand,
};
pub(crate) use moving::{MoveCommand, MoveIn, MoveOut};
pub(crate) use session::{
    Adopt, AgentArg, ArchiveSession, Delete, Export, ExportFormat, ExportTools, Handover, List, New, Pin,
    Queue, Rename, Restore, Rules, SessionCommand, Show, Sleep, StopTurn, Switch, Tag, TakeBack,
};
pub(crate) use talk::{ApprovalsArgs, ApproveArgs, DenyArgs, LogArgs, SearchArgs, SendArgs, StatusArgs};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Examples:
  claudebot session new work --switch     a session here, and make it current
  claudebot send \"what does this do?\"     ask; the reply streams to stdout
  git diff | claudebot send \"review\" -    words and stdin
  claudebot log --follow                  watch the current session
  claudebot demo                          try everything without an account

Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 ambiguous, 5 host or claude unavailable, \
6 denied or interrupted. A reader that closes stdout early (`| head`) ends a command quietly with 0.";

/// Your Claude Code sessions in one place, reachable from the shell, with nothing lost
#[derive(Debug, Parser)]
#[command(
    name = "claudebot",
    bin_name = "claudebot",
    version,
    styles = STYLES,
    after_help = EXIT_CODES,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, choose, look after and archive sessions
    #[command(subcommand, visible_alias = "s")]
    Session(SessionCommand),
    /// List, verify and search archives
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// Move everything to another machine
    #[command(subcommand)]
    Move(MoveCommand),
    /// Send a prompt; the reply streams to stdout
    Send(SendArgs),
    /// Show what was said and done in a session
    Log(LogArgs),
    /// Find words in everything that was said
    Search(SearchArgs),
    /// What waits for you, what works, what is there
    Status(StatusArgs),
    /// List what waits for an answer
    Approvals(ApprovalsArgs),
    /// Allow a tool, answer a question, agree to a plan
    Approve(ApproveArgs),
    /// Refuse what was asked
    Deny(DenyArgs),
    /// Serve the shell and Telegram, in this terminal or as a service
    Serve(ServeArgs),
    /// The Telegram bot: set it up, see how it is
    #[command(subcommand)]
    Telegram(TelegramCommand),
    /// Say who may talk to the Telegram bot
    Pair(PairArgs),
    /// Who Claude can be in a session
    #[command(subcommand)]
    Persona(PersonaCommand),
    /// Settings, and where each comes from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check the installation and say what to do
    Doctor(DoctorArgs),
    /// Where the time of turns goes
    Stats(StatsArgs),
    /// Free what is no longer needed: old files, logs, leftovers
    Clean(CleanArgs),
    /// The background process that owns live sessions
    #[command(subcommand)]
    Host(HostCommand),
    /// Try claudebot without an account, in a throw-away home
    Demo(DemoArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print manual pages
    Man(ManArgs),
    /// The demo agent itself: speaks Claude Code's stream-json on stdin and stdout
    #[command(hide = true, disable_help_flag = true)]
    DemoAgent {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        args: Vec<std::ffi::OsString>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn every(command: &clap::Command, path: &str, visit: &mut dyn FnMut(&str, &clap::Command)) {
        visit(path, command);
        for sub in command.get_subcommands() {
            every(sub, &format!("{path} {}", sub.get_name()), visit);
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_line_of_help_and_an_example() {
        every(&Cli::command(), "claudebot", &mut |path, command| {
            if command.is_hide_set() {
                return;
            }
            assert!(command.get_about().is_some(), "{path} has no help");
            if command.has_subcommands() {
                return;
            }
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{path} shows no example");
            assert!(after.contains(path), "the example of {path} is about something else");
        });
    }

    /// Comments beside examples are laid out by hand; prose is wrapped to the terminal.
    #[test]
    fn every_comment_fits_a_narrow_terminal() {
        every(&Cli::command(), "claudebot", &mut |path, command| {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in after.lines().filter(|line| line.trim_start().contains("   ")) {
                assert!(crate::cli::text::width(line) <= 80, "{path}: {line}");
            }
        });
    }

    #[test]
    fn every_argument_is_described() {
        every(&Cli::command(), "claudebot", &mut |path, command| {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "{path}: {} has no help", arg.get_id());
                assert!(!help.contains('\n'), "{path}: the help of {} is not one line", arg.get_id());
            }
        });
    }

    #[test]
    fn texts_may_look_like_flags_after_two_dashes() {
        let cli = Cli::try_parse_from(["claudebot", "send", "-s", "work", "--", "--now", "-x"]).unwrap();
        let Some(Command::Send(send)) = cli.command else { panic!("not send") };
        assert_eq!(send.text, ["--now", "-x"]);
        assert!(!send.now);
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            &["send", "--now", "--instead", "hi"][..],
            &["session", "new", "a", "--dir", ".", "--scratch"],
            &["session", "list", "--archived", "--all"],
            &["approve", "1", "--session", "--always"],
            &["host", "restart", "--now", "--when-idle"],
            &["session", "queue", "a", "--run", "--clear"],
            &["session", "rules", "a", "--revoke", "Read", "--clear"],
            &["pair"],
            &["pair", "K7WD2MXP", "--list"],
            &["pair", "--remove", "1", "--name", "eve"],
        ] {
            let words = std::iter::once("claudebot").chain(line.iter().copied());
            assert!(Cli::try_parse_from(words).is_err(), "{line:?} was accepted");
        }
    }
}
