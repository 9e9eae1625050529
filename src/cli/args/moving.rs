//! Moving house.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Subcommand)]
pub(crate) enum MoveCommand {
    /// Pack all sessions, settings and personas into one file
    Out(MoveOut),
    /// Bring in what was packed elsewhere; what is here stays
    In(MoveIn),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot move out ~/house.tar
  claudebot move out /media/usb/house.tar --wait

Packed are all sessions with their logs, conversations, files and waiting prompts (archived ones with their \
archives), directories that claudebot made, the configuration, personas, what was allowed for sessions, who is let \
in, and which session is current where. Not packed are a bot's token and directories of your own (projects). Nothing \
is removed here; a session sleeps while it is packed. The file holds all that was said, and variables of the \
configuration: it is yours alone to read.
JSON fields: file bytes sessions archived prompts personas config token_left_out dirs notes.")]
pub(crate) struct MoveOut {
    /// The file to write; nothing is overwritten
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Wait for sessions that are busy until their turns are over
    #[arg(long, short)]
    pub(crate) wait: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  claudebot move in house.tar --dry-run
  claudebot move in house.tar --map /home/ann/src=~/projects
  claudebot move in house.tar --yes

First it says what the house brings and sets, then it asks. Sessions come asleep, their waiting prompts held: \
`claudebot session queue NAME --run`. Your old home becomes this one by itself. What is here stays: the same session \
is left alone, one whose name is taken comes as NAME-2, and a configuration or persona that differs comes beside \
yours, as `config.toml.moved`. After an interruption, ask it again: it goes on.
JSON: one object with the fields file bytes digest created claudebot os home maps sessions (id name was outcome dir \
missing permission_mode rules prompts files error) config personas (name outcome path sets) access notes. `outcome` of \
a session is one of asleep archived here failed, of a file one of placed same beside.")]
pub(crate) struct MoveIn {
    /// A file that `move out` wrote
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Where a directory of the other machine lies here; may be given several times
    #[arg(long, value_name = "OLD=NEW", value_parser = map)]
    pub(crate) map: Vec<(PathBuf, PathBuf)>,
    /// Only say what it brings
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Print one JSON object; needs --dry-run or --yes
    #[arg(long)]
    pub(crate) json: bool,
}

fn map(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once('=') {
        Some((old, new)) if old.starts_with('/') && new.starts_with(['/', '~']) => {
            Ok((old.into(), new.into()))
        }
        _ => Err("expected OLD=NEW, both from `/`, for example /home/ann=/home/bob".to_owned()),
    }
}
