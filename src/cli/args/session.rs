//! `claudebot session …`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};
use clap_complete::ArgValueCompleter;

use crate::cli::complete;

const SESSION_JSON: &str = "\
JSON fields: id name state persona dir current tags last_active cost_usd agent pinned created model \
conversation queued hold activity archive lent ({ since tty pid } of the terminal it is handed over to). `state` is one of busy waiting idle asleep crashed handed_over \
archived. Times are RFC 3339 UTC.";

const LIST_HELP: &str = "\
Examples:
  claudebot session list
  claudebot session list --tag home
  claudebot session list --all --json | jq -r '.[].name'

JSON: an array of sessions with the fields \
id name state persona dir current tags last_active cost_usd agent pinned created model conversation queued \
hold activity archive lent ({ since tty pid } of the terminal it is handed over to). `state` is one of busy waiting idle asleep crashed handed_over archived. Times are \
RFC 3339 UTC. Fields without a value may be absent.";

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Make a session, in the current directory by default
    New(New),
    /// List sessions, latest used first
    #[command(visible_alias = "ls")]
    List(List),
    /// Make a session the current one; without NAME, show and choose
    Switch(Switch),
    /// Show everything about one session
    Show(Show),
    /// Give a session another name
    Rename(Rename),
    /// Add and remove tags
    Tag(Tag),
    /// Keep a session's process from being put to sleep
    Pin(Pin),
    /// End the running turn; waiting prompts are held
    Stop(StopTurn),
    /// End the process; everything is kept, the next prompt wakes it
    Sleep(Sleep),
    /// Show what waits; run, drop or go on with what is held after a stop or a crash
    Queue(Queue),
    /// Show and take back what was allowed for a session
    Rules(Rules),
    /// Remove a session and everything of it but a project directory
    Delete(Delete),
    /// Pack a session into one verified file, then remove it
    Archive(ArchiveSession),
    /// Bring an archived session back, with its context
    Restore(Restore),
    /// Take over a conversation that was begun in plain `claude`
    Adopt(Adopt),
    /// Run interactive `claude` on a session, here in this terminal
    Handover(Handover),
    /// End the `claude` that a session is handed over to
    TakeBack(TakeBack),
    /// Write what was said and done as a document: Markdown, or one HTML file
    Export(Export),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgentArg {
    /// Claude Code
    Claude,
    /// The built-in demo agent: no account, no cost, not clever
    Demo,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session new work
  claudebot session new home --dir ~/homelab --persona homelab --switch
  claudebot session new idea --scratch --model opus --tag play
  claudebot session new try --agent demo --scratch

JSON: the session, as in `session list --json`.")]
pub(crate) struct New {
    /// Name of the session
    pub(crate) name: String,
    /// Persona to use [default: `session.persona` of the configuration]
    #[arg(long, short, value_name = "PERSONA", add = ArgValueCompleter::new(complete::personas))]
    pub(crate) persona: Option<String>,
    /// Working directory, or a name of `[projects]` [default: the current directory]
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
    /// Work in a new empty directory that claudebot keeps
    #[arg(long, conflicts_with = "dir")]
    pub(crate) scratch: bool,
    /// Model alias: opus, sonnet, haiku [default: the persona's]
    #[arg(long, short, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Who answers
    #[arg(long, value_name = "AGENT", default_value = "claude")]
    pub(crate) agent: AgentArg,
    /// Tag it; may be given several times
    #[arg(long = "tag", short, value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Make it the current session
    #[arg(long, short)]
    pub(crate) switch: bool,
    /// Agree to work in `/` or in the home directory
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print the session as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = LIST_HELP)]
pub(crate) struct List {
    /// Archived sessions only
    #[arg(long, conflicts_with = "all")]
    pub(crate) archived: bool,
    /// Archived ones too
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Only sessions with this tag
    #[arg(long, short, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session switch work
  claudebot session switch          show the current one and choose another")]
pub(crate) struct Switch {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: Option<String>,
    /// Print the session as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  claudebot session show
  claudebot session show work --json

{SESSION_JSON}"))]
pub(crate) struct Show {
    /// Name, id or unique prefix [default: the current session]
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: Option<String>,
    /// Print the session as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  claudebot session rename work office")]
pub(crate) struct Rename {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// The new name
    pub(crate) new_name: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session tag work home urgent
  claudebot session tag work --remove urgent
  claudebot session tag work                  show its tags")]
pub(crate) struct Tag {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// Tags to add
    pub(crate) tags: Vec<String>,
    /// Tag to remove; may be given several times
    #[arg(long, short, value_name = "TAG")]
    pub(crate) remove: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session pin work
  claudebot session pin work --off")]
pub(crate) struct Pin {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// Let it be put to sleep again
    #[arg(long)]
    pub(crate) off: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  claudebot session stop work

Prompts that wait stay and are held: `claudebot session queue NAME --run` or `--clear`.")]
pub(crate) struct StopTurn {
    /// Whole name or id
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session sleep work
  claudebot session sleep work --force        even in the middle of a turn")]
pub(crate) struct Sleep {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// Also when it is busy: the turn is interrupted
    #[arg(long, short)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session queue work                what waits, in order
  claudebot session queue work --run          send what waited during a stop
  claudebot session queue work --clear        drop it
  claudebot session queue work --continue     go on after an interrupted turn

JSON: an array of { id, text, delivery, status, accepted }; of a long text the beginning.")]
#[command(group = ArgGroup::new("what").args(["run", "clear", "resume"]))]
pub(crate) struct Queue {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// Send the held prompts, in order
    #[arg(long)]
    pub(crate) run: bool,
    /// Drop every waiting prompt
    #[arg(long)]
    pub(crate) clear: bool,
    /// Let Claude go on where its turn was cut off
    #[arg(long = "continue")]
    pub(crate) resume: bool,
    /// Print a JSON array
    #[arg(long, conflicts_with = "what")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session rules work
  claudebot session rules work --revoke 'Bash(git push *)'
  claudebot session rules work --clear

These are the rules of `approve --session`. What `--always` allows stands in the project's own \
`.claude/settings.local.json`, and what the persona allows in its file. A process that runs has a rule until it ends: \
an idle one is put to sleep at once.
JSON: an array with the fields rule added by; with --revoke and --clear one object with the fields session name rules \
live (a process still has them).")]
pub(crate) struct Rules {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// Take back this rule
    #[arg(long, short, value_name = "RULE", conflicts_with = "clear")]
    pub(crate) revoke: Option<String>,
    /// Take back all of them
    #[arg(long)]
    pub(crate) clear: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session delete old                says what goes and asks
  claudebot session delete old --yes")]
pub(crate) struct Delete {
    /// Whole name or id
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session archive old
  claudebot session archive old --with-dir    pack the project directory, too
  claudebot session archive --older-than 30d --dry-run
  claudebot session archive --tag done --yes

A session is removed only after its archive was read back and verified; what was said stays findable. A project \
directory always stays in place; what its .gitignore files name is not packed without --all-files. Several are taken \
one after the other, and one that fails keeps none of the others. --tag and --older-than ask first, and leave out what \
works, waits or is pinned.
JSON: one object per session with the fields session name file bytes error; with --dry-run session name last_active \
bytes directory.")]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["names", "tags", "older_than"]))]
#[command(override_usage = "\
claudebot session archive [OPTIONS] NAME...
       claudebot session archive [OPTIONS] --tag TAG | --older-than WHEN")]
pub(crate) struct ArchiveSession {
    /// Whole names or ids
    #[arg(value_name = "NAME", conflicts_with_all = ["tags", "older_than"], add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) names: Vec<String>,
    /// Every session with this tag; with several, those that have them all
    #[arg(long = "tag", short, value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Every session that was not used since: 30d, 12w, 2026-01-31
    #[arg(long, value_name = "WHEN")]
    pub(crate) older_than: Option<String>,
    /// Pack a project directory too
    #[arg(long)]
    pub(crate) with_dir: bool,
    /// Of a project directory, also what its .gitignore files leave out
    #[arg(long, requires = "with_dir")]
    pub(crate) all_files: bool,
    /// Lose what an archive cannot hold: links that lead out, pipes, sockets
    #[arg(long)]
    pub(crate) leave_out: bool,
    /// Only say what would be packed, and how much that is
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print JSON, one object per session
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session restore old
  claudebot session restore ~/old-2026-11-22.tar.gz --dir ~/else --name again

JSON: the session, as in `session list --json`.")]
pub(crate) struct Restore {
    /// An archive file, or the name of an archived session
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) archive: PathBuf,
    /// Where its working directory goes [default: where it was]
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
    /// Another name [default: the one it had]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print the session as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Markdown
    Md,
    /// One HTML file: no network, no scripts; tool calls are folded
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportTools {
    /// With what went in and what came out
    Full,
    /// One line each
    Short,
    /// Only what was said
    None,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session export work > work.md
  claudebot session export work -o work.html
  claudebot session export work --since 7d --tools none
  claudebot session export old-2026-11-22.tar.gz -o old.html

Works for every session, an archived one too, and for an archive file by itself. A busy session is exported as far as \
it is. Thinking is not in a session's log, so it is not in a document. The file is written aside and is there at once, \
for your eyes only (mode 0600).
JSON: one object with the fields session name file format events bytes.")]
pub(crate) struct Export {
    /// Name, id or unique prefix, or an archive file [default: the current session]
    #[arg(value_name = "NAME|ARCHIVE", add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: Option<String>,
    /// What to write [default: as FILE ends, else md]
    #[arg(long, short, value_name = "FORMAT")]
    pub(crate) format: Option<ExportFormat>,
    /// Only what came after this number of the log, or since this time: 7d, 2026-11-22
    #[arg(long, value_name = "SEQ|WHEN")]
    pub(crate) since: Option<String>,
    /// Where to; `-` is stdout [default: stdout]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// How much of tool calls [default: full in HTML, short in Markdown]
    #[arg(long, value_name = "HOW")]
    pub(crate) tools: Option<ExportTools>,
    /// Write over FILE if it is there
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// Print what was written as JSON; needs a FILE
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session adopt                     choose from a list
  claudebot session adopt --list
  claudebot session adopt 0f3a --name tls
  claudebot session adopt --all --in ~/work   all that were begun there
  claudebot session adopt 0f3a --fork         go on with a copy of it

What was said comes into the log, and the next prompt goes on with the conversation where it is. One that is open in \
another process cannot be taken over, but a copy of it can (--fork); with --dir a copy goes on there. Claude's own \
files stay as they are.
JSON: with --list an array with the fields id title dir last prompts bytes open (the pid of a process that has it \
open); else one session per line, as in `session list --json`.")]
#[command(group = ArgGroup::new("chosen").args(["ids", "pick", "all", "list"]))]
pub(crate) struct Adopt {
    /// Ids of conversations, or unique beginnings of them
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Choose from a numbered list
    #[arg(long)]
    pub(crate) pick: bool,
    /// All that were begun in the current directory, or in --in
    #[arg(long)]
    pub(crate) all: bool,
    /// Show what can be taken over, latest used first
    #[arg(long, conflicts_with_all = ["dir", "fork", "name", "persona", "tags"])]
    pub(crate) list: bool,
    /// Only those that were begun in this directory
    #[arg(long = "in", value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "ids")]
    pub(crate) begun_in: Option<PathBuf>,
    /// Where it is to work from now on [default: where it was begun]
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
    /// Go on with a copy, and leave the original to others
    #[arg(long)]
    pub(crate) fork: bool,
    /// Name of the session [default: made from its title or directory]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Persona to use [default: `session.persona` of the configuration]
    #[arg(long, short, value_name = "PERSONA", add = ArgValueCompleter::new(complete::personas))]
    pub(crate) persona: Option<String>,
    /// Tag it; may be given several times
    #[arg(long = "tag", short, value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot session handover work
  claudebot session handover work --wait          after the turn that runs
  claudebot session handover work -- --verbose    with arguments for claude

`claude` runs on this terminal with the session's directory, model, permissions and prompt, as if the shell had \
started it. What is sent meanwhile waits; when claude ends, what was said there comes into the log, and what waited \
runs. A conversation that was begun there with /clear is the session's from then on.")]
pub(crate) struct Handover {
    /// Name, id or unique prefix [default: the current session]
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: Option<String>,
    /// Wait for the end of what runs, instead of refusing
    #[arg(long, short)]
    pub(crate) wait: bool,
    /// Further arguments for claude
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  claudebot session take-back work

It is asked to end, as by closing its terminal; for when that terminal is lost or far away.")]
pub(crate) struct TakeBack {
    /// Name, id or unique prefix
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
}
