//! Talking to sessions: prompts, logs, approvals.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::ArgValueCompleter;

use crate::cli::complete;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot send hello there
  claudebot send -s work --file plan.md \"is this sound?\"
  git diff | claudebot send \"review this\" -
  claudebot send --instead \"forget that, do this\"
  claudebot send --no-wait \"run all the tests\"

Of attached files Claude is told the place; pictures (PNG, JPEG, GIF, WebP up to 5 MB, the first eight) it is shown, \
too. The session is that of -s, else $CLAUDEBOT_SESSION, else the current one. The reply goes to stdout, everything \
else to stderr. Approvals and questions are asked here while stdin is a terminal; they can be answered from \
anywhere. Ctrl-C stops the turn (or takes a waiting prompt back), a second one leaves it running.

JSON (one object per line): first {\"type\":\"accepted\", prompt session name status seq repeated}; then log \
events (seq at kind text prompt_id detail) and what happens meanwhile (type: snapshot, turn_started, \
turn_joined, block_started, delta, changed).")]
pub(crate) struct SendArgs {
    /// Name, id or unique prefix of the session
    #[arg(long, short, value_name = "NAME", add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) session: Option<String>,
    /// Do not wait for a running turn: Claude reads it at its next step
    #[arg(long, conflicts_with = "instead")]
    pub(crate) now: bool,
    /// Drop what runs and do this
    #[arg(long)]
    pub(crate) instead: bool,
    /// Return as soon as the prompt is stored
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Attach a file; may be given several times
    #[arg(long = "file", short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Show thinking and what subagents say, too (on stderr)
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Print events and live changes as JSON, one per line
    #[arg(long)]
    pub(crate) json: bool,
    /// The prompt; a `-` in it (or nothing, with a pipe) reads stdin
    #[arg(value_name = "TEXT")]
    pub(crate) text: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot log
  claudebot log work --limit 20
  claudebot log work --around 120  what was said before and after it
  claudebot log work --follow --since 120 --json

JSON: one event per line with the fields seq at kind text prompt_id detail. `kind` is one of prompt reply tool \
approval_asked approval_answered turn_ended notice. A file that Claude sends is a notice whose detail has type file and \
the fields path name caption bytes. With --audit: one record per line.")]
pub(crate) struct LogArgs {
    /// Name, id or unique prefix [default: the current session]
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    pub(crate) name: Option<String>,
    /// Go on with what happens from now on
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only events after this number
    #[arg(long, value_name = "SEQ")]
    pub(crate) since: Option<u64>,
    /// At most so many: the last ones, or with --since the first ones
    #[arg(long, short = 'n', value_name = "COUNT")]
    pub(crate) limit: Option<u32>,
    /// The event of this number with those around it; --limit: so many on each side
    #[arg(long, value_name = "SEQ", conflicts_with_all = ["follow", "since"])]
    pub(crate) around: Option<u64>,
    /// Who did what with claudebot itself, over all sessions
    #[arg(long, conflicts_with_all = ["name", "follow", "since", "around"])]
    pub(crate) audit: bool,
    /// Print JSON, one object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot search certificate renewal
  claudebot search '\"certificate renewal\" -staging since:7d'
  claudebot search deploy* session:work role:prompt
  claudebot search --json nginx dir:. | jq -r .[].snippet

All words must occur; \"several words\" in quotes of their own follow each other, `word*` is the beginning of one, and \
`-word` must not occur (in one argument with the others, or after `--`). Narrowed by session:NAME persona:NAME \
tag:TAG dir:DIR (a path, or one directory's name) role:prompt role:reply since:7d (as `stats --since` takes it); with \
`-` in front they leave out. Live, sleeping and archived sessions are searched, and conversations of plain Claude Code \
in this home: what changed in those since the last look is read while the first results are shown already. `log NAME \
--around SEQ` shows the place of a result.

JSON: an array with the fields session name seq at kind snippet (matches between [ and ]) marks (where in it, in \
bytes) dir archived archive; of a conversation that is no session conversation and title (its first words) instead of \
session, name and seq.")]
pub(crate) struct SearchArgs {
    /// Words that were said, and where to look
    #[arg(required = true, value_name = "QUERY")]
    pub(crate) query: Vec<String>,
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
  claudebot status
  claudebot status --short     `2! 3▶ 8`: 2 wait for you, 3 work, 8 in all

JSON fields: total (how many there are) sessions (those that are not just asleep) approvals host (null where \
none runs).")]
pub(crate) struct StatusArgs {
    /// One line of counts; nothing where there is no session
    #[arg(long)]
    pub(crate) short: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "short")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot approvals
  claudebot approvals 12           whole, with the rule that --always keeps
  claudebot approvals work --json

JSON: an array with the fields id session kind tool summary session_id asked input questions plan rules \
rules_file. `kind` is one of tool question plan; `rules` are what --session and --always allow, `rules_file` is where \
--always writes them.")]
pub(crate) struct ApprovalsArgs {
    /// Only those of this session, or the one of this number, whole
    #[arg(value_name = "NAME|ID", add = ArgValueCompleter::new(complete::approvals))]
    pub(crate) which: Option<String>,
    /// Show every one whole, as it would be run
    #[arg(long, conflicts_with = "json")]
    pub(crate) full: bool,
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot approve 12
  claudebot approve work --session
  claudebot approve 13 --answer SQLite         where only one thing is asked
  claudebot approve 13 --answer \"Where?=here\" --answer \"When?=now\"

What is allowed for a session is shown and taken back by `session rules NAME`.")]
pub(crate) struct ApproveArgs {
    /// Number of the approval, or a session with exactly one
    #[arg(value_name = "ID", add = ArgValueCompleter::new(complete::approvals))]
    pub(crate) which: String,
    /// Allow the like in this session from now on
    #[arg(long, conflicts_with = "always")]
    pub(crate) session: bool,
    /// Allow the like in this project from now on
    #[arg(long)]
    pub(crate) always: bool,
    /// Answer to a question, as QUESTION=ANSWER; several choices joined with `, `
    #[arg(long = "answer", value_name = "ANSWER", conflicts_with_all = ["session", "always"])]
    pub(crate) answers: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot deny 12
  claudebot deny work --message \"use the staging server\"")]
pub(crate) struct DenyArgs {
    /// Number of the approval, or a session with exactly one
    #[arg(value_name = "ID", add = ArgValueCompleter::new(complete::approvals))]
    pub(crate) which: String,
    /// Tell Claude why, or what to do instead
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
}
