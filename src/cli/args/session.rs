//! `claudebot session …` and `claudebot archive …`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};
use clap_complete::ArgValueCompleter;

use crate::cli::complete;

const SESSION_JSON: &str = "\
JSON fields: id name state persona dir current tags last_active cost_usd agent pinned created model \
conversation queued hold activity archive. `state` is one of busy waiting idle asleep crashed handed_over \
archived. Times are RFC 3339 UTC.";

const LIST_HELP: &str = "\
Examples:
  claudebot session list
  claudebot session list --tag home
  claudebot session list --all --json | jq -r '.[].name'

JSON: an array of sessions with the fields \
id name state persona dir current tags last_active cost_usd agent pinned created model conversation queued \
hold activity archive. `state` is one of busy waiting idle asleep crashed handed_over archived. Times are \
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

The session is removed only after the archive was read back and verified; what was said stays findable. A \
project directory always stays in place.
JSON fields: session file bytes.")]
pub(crate) struct ArchiveSession {
    /// Whole name or id
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: String,
    /// Pack a project directory too
    #[arg(long)]
    pub(crate) with_dir: bool,
    /// Lose what an archive cannot hold: links that lead out, pipes, sockets
    #[arg(long)]
    pub(crate) leave_out: bool,
    /// Print the result as JSON
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

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// List archives
    #[command(visible_alias = "ls")]
    List(ArchiveList),
    /// Read an archive from end to end and compare every checksum
    Verify(ArchiveVerify),
    /// Find what was said in the logs inside archives
    Search(ArchiveSearch),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot archive list
  claudebot archive list --json

JSON: an array with the fields file name session bytes created error.")]
pub(crate) struct ArchiveList {
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot archive search certificate
  claudebot archive search 'renewal role:reply' ~/from-elsewhere.tar.gz
  claudebot archive search nginx old --json | jq -r .[].snippet

QUERY is that of `claudebot search`. The logs are read in the archives themselves, also in such as this claudebot has \
never seen; what it has archived itself `claudebot search` finds without reading them. Archives that cannot be read \
are named and passed over, and the exit code is 1 then.

JSON: an array with the fields session name seq at kind snippet marks dir archived archive.")]
pub(crate) struct ArchiveSearch {
    /// Words that were said, and where to look, as one argument
    pub(crate) query: String,
    /// Archive files, or names of archived sessions [default: all of the archive directory]
    #[arg(value_name = "ARCHIVE", value_hint = ValueHint::FilePath)]
    pub(crate) archives: Vec<PathBuf>,
    /// At most so many places
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot archive verify ~/old-2026-11-22.tar.gz
  claudebot archive verify --all

JSON: one object per archive with the fields file ok error.")]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["archives", "all"]))]
pub(crate) struct ArchiveVerify {
    /// Archive files, or names of archived sessions
    #[arg(value_name = "ARCHIVE", value_hint = ValueHint::FilePath, conflicts_with = "all")]
    pub(crate) archives: Vec<PathBuf>,
    /// Every archive of the archive directory
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Print one JSON object per archive
    #[arg(long)]
    pub(crate) json: bool,
}
