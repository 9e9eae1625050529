//! `house.toml`: what a house file holds, before anything in it is believed.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::format::MAX_MANIFEST;
use crate::error::{Error, Result};
use crate::model::SessionId;

/// The format this build writes, and the newest it reads. As with archives, keys that an older build may ignore do
/// not change it.
pub(super) const FORMAT: u32 = 1;
pub(super) const CONTENTS: &str = "house.toml";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) format: u32,
    /// The release that wrote it.
    pub(crate) claudebot: String,
    pub(crate) created: Timestamp,
    pub(crate) machine: Machine,
    /// In the order of the file.
    #[serde(default, rename = "session", skip_serializing_if = "Vec::is_empty")]
    pub(crate) sessions: Vec<Item>,
}

/// Where it was packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// `linux`, `macos`.
    pub(crate) os: String,
    pub(crate) home: PathBuf,
    pub(crate) data_dir: PathBuf,
}

/// A session, and the entry that is its archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: SessionId,
    pub(crate) name: String,
    /// `sessions/0001-work.tar.gz`
    pub(crate) file: String,
    /// It was archived before: its archive is what it is.
    pub(crate) archived: bool,
}

impl Contents {
    pub(crate) fn new(machine: Machine, sessions: Vec<Item>, created: Timestamp) -> Self {
        Self { format: FORMAT, claudebot: env!("CARGO_PKG_VERSION").to_owned(), created, machine, sessions }
    }

    pub(super) fn to_toml(&self) -> Result<String> {
        let text =
            toml::to_string(self).map_err(|e| Error::failed(format!("cannot write {CONTENTS}: {e}")))?;
        if text.len() as u64 > MAX_MANIFEST {
            let count = self.sessions.len();
            return Err(Error::failed(format!("{count} sessions are too many for one file"))
                .hint("archive or delete those that are not needed"));
        }
        Ok(text)
    }

    pub(super) fn from_toml(text: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| unreadable("it is not text"))?;
        // The version is read alone first: nothing else of a newer one is known to parse.
        let version: Version = toml::from_str(text).map_err(|e| unreadable(e.message()))?;
        if version.format > FORMAT {
            let by = version.claudebot.map_or_else(String::new, |v| format!(" by claudebot {v}"));
            return Err(Error::failed(format!(
                "the house has format {}, written{by}; this claudebot reads up to format {FORMAT}",
                version.format
            ))
            .hint("upgrade claudebot to move it in"));
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
    Error::failed(format!("entry {CONTENTS}: {why}"))
}
