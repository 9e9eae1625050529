//! Moving house: what is packed, and what a house that moves in brings and sets.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::model::{Admitted, SessionId};

/// A house that was packed. The field names are the documented JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HousePacked {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    /// All of them, archived ones too.
    pub(crate) sessions: u64,
    pub(crate) archived: u64,
    pub(crate) prompts: u64,
    pub(crate) personas: u64,
    pub(crate) config: bool,
    /// A bot's token stood in the configuration, and was left out.
    pub(crate) token_left_out: bool,
    /// Directories that were not packed: projects, which are their owner's to bring along.
    pub(crate) dirs: Vec<PathBuf>,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}

/// How a house is to move in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HouseIn {
    pub(crate) file: PathBuf,
    /// Directories there and here; the longest that fits counts.
    pub(crate) maps: Vec<(PathBuf, PathBuf)>,
    /// The house to which a person agreed. None: only say what it would bring.
    pub(crate) agreed: Option<String>,
}

/// What a house brings, or has brought. The field names are the documented JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HouseArrival {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    /// What a person agrees to by it.
    pub(crate) digest: String,
    pub(crate) created: Timestamp,
    pub(crate) claudebot: String,
    pub(crate) os: String,
    pub(crate) home: PathBuf,
    pub(crate) maps: Vec<(PathBuf, PathBuf)>,
    pub(crate) sessions: Vec<Arrived>,
    pub(crate) config: Option<HouseFile>,
    pub(crate) personas: Vec<HouseFile>,
    /// Who is let in by it and was not before.
    pub(crate) access: Vec<Admitted>,
    /// The bridge's settings, where no bridge has taken them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) telegram: Option<Value>,
    pub(crate) notes: Vec<String>,
}

/// A session of a house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arrived {
    pub(crate) id: SessionId,
    pub(crate) name: String,
    /// Its name there, where that is taken here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) was: Option<String>,
    pub(crate) outcome: ArrivedAs,
    pub(crate) dir: PathBuf,
    /// It works in a directory that is not here.
    pub(crate) missing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) permission_mode: Option<String>,
    pub(crate) rules: Vec<String>,
    /// Prompts that wait, and are held.
    pub(crate) prompts: u64,
    /// That were sent to it.
    pub(crate) files: u64,
    /// Why it has not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ArrivedAs {
    Asleep,
    Archived,
    /// It was here before, and was left alone.
    Here,
    Failed,
}

/// A file of a person's own that a house brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HouseFile {
    /// `config.toml`, `personas/NAME.toml`
    pub(crate) name: String,
    pub(crate) outcome: FileAs,
    /// Where it lies, or will.
    pub(crate) path: PathBuf,
    /// What it sets, in words: `notify.command = …`; of variables only the names.
    pub(crate) sets: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileAs {
    Placed,
    /// The same is here already.
    Same,
    /// Another one is here: it comes beside that one and has no effect.
    Beside,
}
