//! `claudebot archive …`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueHint};

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// List archives
    #[command(visible_alias = "ls")]
    List(ArchiveList),
    /// Show what an archive holds
    Show(ArchiveShow),
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
  claudebot archive show old
  claudebot archive show ~/old-2026-11-22.tar.gz --files

What stands in its first entry is shown, and nothing verified; --files reads all of it.
JSON: one object with the fields file bytes format claudebot created host_os dir managed session conversations counts \
left_out ignored; with --files one object per file with the fields path kind size mode modified.")]
pub(crate) struct ArchiveShow {
    /// An archive file, or the name of an archived session
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) archive: PathBuf,
    /// List every file in it
    #[arg(long)]
    pub(crate) files: bool,
    /// Print JSON
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
