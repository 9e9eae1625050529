//! All of a claudebot in one file, to be moved to another machine.
//!
//! A house is a plain tar (what is large in it is compressed already) that plain `tar xf` can open:
//!
//! | entry | what it holds |
//! |---|---|
//! | `house.toml` | format version, the machine, and which sessions there are |
//! | `config/config.toml` | the configuration, without a bot's token |
//! | `personas/NAME.toml` | a person's own personas |
//! | `sessions/NNNN-NAME.tar.gz` | the session: an ordinary archive, which `session restore` takes |
//! | `bindings.json` | what the store keeps beside: rows, rules, prompts that wait, channels, who is let in |
//! | `checksums` | `sha256sum` lines of every file before it; nothing follows |
//!
//! Sessions stand in the order of `house.toml`. `bindings.json` comes after them, since each session tells its part
//! only while it is packed.
//!
//! Reading believes nothing, as with a single archive: names, order, kinds, sizes, duplicates and checksums are
//! judged before anything is placed, and what is in an archive is judged as every archive is. What the house may set
//! on the machine (modes, rules, who is let in, commands in the configuration) is not for this room to judge: whoever
//! calls it asks a person.

mod contents;
mod judge;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::Path;

pub(crate) use contents::{Contents, Item, Machine};
pub(crate) use read::{Depth, House};
pub(crate) use write::Packer;

use super::format::SUFFIX;
use super::temporary::TemporaryFile;
use crate::error::{Error, Result};

const CONFIG: &str = "config/config.toml";
const PERSONAS: &str = "personas/";
const SESSIONS: &str = "sessions/";
const BINDINGS: &str = "bindings.json";

/// No hand-written file is this long; the configuration and personas are not read beyond it either.
const MAX_TEXT: u64 = 1 << 20;
/// The bindings are held in memory whole. Prompts that wait are the most of them.
const MAX_BINDINGS: u64 = 256 << 20;
const MAX_PERSONAS: usize = 10_000;

/// The entry of a session's archive; `number` counts from 1.
pub(crate) fn file_of(number: usize, name: &str) -> String {
    format!("{SESSIONS}{number:04}-{}{SUFFIX}", super::pack::file_stem(name))
}

/// Writes a file where nothing is yet, whole or not at all.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = |e: std::io::Error| Error::io("write", path, &e);
    let mut aside = TemporaryFile::create(path.parent().unwrap_or(path))?;
    aside.file.write_all(bytes).and_then(|()| aside.file.sync_all()).map_err(write)?;
    aside.publish_as(path)
}
