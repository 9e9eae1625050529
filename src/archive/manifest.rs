//! `manifest.toml`: what an archive is, before anything in it is unpacked.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::format::{MANIFEST, MAX_MANIFEST};
use crate::error::{Error, Result};
use crate::model::Session;

/// The format this build writes, and the newest it reads. It changes when an older build could misread an
/// archive; keys that an older build may ignore do not change it. 1 had no `inbox/`.
pub(crate) const FORMAT: u32 = 2;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The release that wrote it.
    pub(crate) claudebot: String,
    pub(crate) created: Timestamp,
    /// `linux`, `macos`.
    pub(crate) host_os: String,
    /// Where the agent worked.
    pub(crate) original_dir: PathBuf,
    /// Whether claudebot had made that directory (and so removed it).
    pub(crate) managed: bool,
    /// Every conversation below `claude/`; the one to resume is in `session`.
    pub(crate) conversations: Vec<Uuid>,
    pub(crate) counts: Counts,
    pub(crate) session: Session,
    /// What could not be stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<LeftOut>,
    /// Files and whole directories that the project's `.gitignore` left out, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ignored: Vec<String>,
}

/// Exact: an archive with more or less than this is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) events: u64,
    pub(crate) events_bytes: u64,
    pub(crate) claude: Tally,
    /// None: nothing was ever sent to the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inbox: Option<Tally>,
    /// None: the directory was not packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<Tally>,
}

impl Counts {
    /// Bytes of content, which is what progress counts.
    pub(crate) fn bytes(&self) -> u64 {
        let (inbox, workspace) = (self.inbox.unwrap_or_default(), self.workspace.unwrap_or_default());
        let trees = self.claude.bytes.saturating_add(inbox.bytes).saturating_add(workspace.bytes);
        self.events_bytes.saturating_add(trees)
    }

    /// Files, directories and links.
    pub(super) fn entries(&self) -> u64 {
        let trees = [Some(self.claude), self.inbox, self.workspace];
        trees.iter().flatten().fold(0, |sum, tree| {
            sum.saturating_add(tree.files).saturating_add(tree.dirs).saturating_add(tree.links)
        })
    }
}

/// What one tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) files: u64,
    pub(crate) dirs: u64,
    pub(crate) links: u64,
    /// Of the files' content.
    pub(crate) bytes: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { files, dirs, links, bytes } = self;
        write!(f, "{files} files ({bytes} bytes), {dirs} directories and {links} links")
    }
}

impl Tally {
    pub(super) const fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.dirs += other.dirs;
        self.links += other.links;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Nothing counted here is beyond what `bound` allows.
    pub(super) const fn within(&self, bound: &Self) -> bool {
        self.files <= bound.files
            && self.dirs <= bound.dirs
            && self.links <= bound.links
            && self.bytes <= bound.bytes
    }
}

/// Something that lay in a packed tree and is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// As an entry would be named: `workspace/.venv/bin/python`.
    pub(crate) path: String,
    /// `socket`, or `link to /usr/bin/python3`.
    pub(crate) what: String,
}

impl Manifest {
    pub(super) fn to_toml(&self) -> Result<String> {
        let text = toml::to_string(self)
            .map_err(|e| Error::failed(format!("cannot write {MANIFEST} of `{}`: {e}", self.session.name)))?;
        if text.len() as u64 > MAX_MANIFEST {
            return Err(Error::failed(format!(
                "cannot write {MANIFEST}: {} links that lead out of the directory are too many to list",
                self.left_out.len()
            ))
            .hint("remove them, or archive without the directory"));
        }
        Ok(text)
    }

    pub(super) fn from_toml(text: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| unreadable("it is not text"))?;
        // The version is read alone first: nothing else of a newer manifest is known to parse.
        let version: Version = toml::from_str(text).map_err(|e| unreadable(e.message()))?;
        if version.format > FORMAT {
            let by = version.claudebot.map_or_else(String::new, |v| format!(" by claudebot {v}"));
            return Err(Error::failed(format!(
                "the archive has format {}, written{by}; this claudebot reads up to format {FORMAT}",
                version.format
            ))
            .hint("upgrade claudebot to open it"));
        }
        if version.format == 0 {
            return Err(unreadable("there is no format 0"));
        }
        toml::from_str(text).map_err(|e| unreadable(e.message()))
    }
}

#[derive(Deserialize)]
struct Version {
    format: u32,
    claudebot: Option<String>,
}

fn unreadable(why: &str) -> Error {
    Error::failed(format!("entry {MANIFEST}: {why}"))
}
