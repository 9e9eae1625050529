//! A session in one verified file, and back.
//!
//! An archive is a gzip-compressed tar that plain `tar xzf` can open:
//!
//! | entry | what it holds |
//! |---|---|
//! | `manifest.toml` | format version, the session, counts and sizes: what a list needs is the first thing read |
//! | `events.jsonl` | the log, one event a line, `seq` from 1 without gaps |
//! | `claude/…` | the conversation and what lies beside it, laid out as below Claude's configuration directory |
//! | `inbox/…` | the files that were sent to the session |
//! | `workspace/…` | the working directory, where it belongs to the session or was asked for |
//! | `checksums` | `sha256sum` lines of every file before it; nothing follows |
//!
//! Each directory stands before what is in it. Names and link targets are raw bytes; long ones travel in GNU
//! records, times finer than a second in PAX records. Modes and times are kept. Not kept: owners (on restore),
//! set-id bits, extended attributes, holes, the fact that two names are hard links of one file. Sockets, pipes,
//! devices and links that lead out of their tree are left out and named in the manifest: `restore` refuses the
//! last, so an archive never holds one.
//!
//! This room knows files and bytes. It must not know the store, the host or a running agent: whoever calls it
//! sees to it that the session is asleep, hands in the log, and removes or inserts rows.
//! Everything blocks, reports progress in bytes of content, and stops at the next chunk once `cancel` is set.

mod checksums;
mod contents;
mod durable;
mod events;
mod format;
mod gzip;
pub(crate) mod house;
mod ignored;
mod list;
mod manifest;
mod meter;
mod pack;
mod place;
mod restore;
mod scan;
mod stream;
mod survey;
mod temporary;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use contents::{Item, ItemKind, contents};
pub(crate) use events::events_of;
pub(crate) use list::{Listed, list, read_manifest};
pub(crate) use manifest::{LeftOut, Manifest};
pub(crate) use meter::{Progress, Step};
pub(crate) use pack::{Packed, Packing, pack};
pub(crate) use restore::{Restored, refuse_full, restore};
pub(crate) use scan::has_changed;
pub(crate) use survey::{size, survey};
pub(crate) use temporary::{TemporaryFile, leftovers, remove_leftover, remove_tree, sweep};
pub(crate) use verify::verify;
