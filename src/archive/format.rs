//! The names and limits of the format, and the words for an archive that breaks them.

use std::path::Path;

use crate::error::{Error, Result};

pub(super) const MANIFEST: &str = "manifest.toml";
pub(super) const EVENTS: &str = "events.jsonl";
pub(super) const CLAUDE: &str = "claude";
pub(super) const INBOX: &str = "inbox";
pub(super) const WORKSPACE: &str = "workspace";
pub(super) const CHECKSUMS: &str = "checksums";

pub(super) const SUFFIX: &str = ".tar.gz";

/// A manifest is held in memory whole, so a stranger's must not be able to fill it.
pub(super) const MAX_MANIFEST: u64 = 16 << 20;
/// So is one line of the log.
pub(super) const MAX_EVENT: usize = 256 << 20;
/// Longer paths cannot be opened by name (`PATH_MAX`).
pub(super) const MAX_NAME: usize = 4096;
/// The longest name of one file that common file systems take.
const MAX_COMPONENT: usize = 255;
/// Each name is remembered until the end. Whoever has more than this has no use for them in one file.
pub(super) const MAX_ENTRIES: u64 = 10_000_000;

/// What to do about an archive that is not whole, or not as it should be.
pub(super) const DAMAGED: &str = "take another copy of it if there is one; if you trust where it comes from, `tar xzf` \
                                  still unpacks what is whole";

/// What to do where an archive does not fit.
pub(super) const NO_ROOM: &str = "free some there, or restore it to another place with --dir";

/// An archive that is damaged, hostile or not one of ours: which entry, and why.
pub(super) fn flaw(entry: &[u8], reason: impl std::fmt::Display) -> Error {
    Error::failed(format!("entry {}: {reason}", shown(entry)))
}

/// Says which archive an error is about.
pub(super) fn about(archive: &Path, mut error: Error) -> Error {
    error.message = format!("{}: {}", archive.display(), error.message);
    error
}

/// A name for people: what is not text is replaced, what would steer the terminal is escaped.
pub(super) fn shown(name: &[u8]) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(name).chars() {
        if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
    }
    text
}

/// A name may only lead downwards from where it is unpacked.
pub(super) fn check_name(name: &[u8]) -> Result<()> {
    if name.is_empty() {
        return Err(flaw(b"(unnamed)", "it has no name"));
    }
    if name.starts_with(b"/") {
        return Err(flaw(name, "its path is absolute"));
    }
    if name.contains(&0) {
        return Err(flaw(name, "its name holds a NUL byte"));
    }
    if name.len() > MAX_NAME {
        return Err(flaw(&name[..MAX_COMPONENT], "its path is too long"));
    }
    for component in name.split(|b| *b == b'/') {
        match component {
            b".." => return Err(flaw(name, "its path leads upwards (`..`)")),
            b"" | b"." => return Err(flaw(name, "its path is not in plain form")),
            long if long.len() > MAX_COMPONENT => return Err(flaw(name, "its name is too long")),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a link in `name` (which begins with its tree's root) stays within that tree whatever else is a link
/// there: relative, upwards only at its beginning, and not above the root. `a/../b` is refused, because `a` may
/// be a link whose parent is elsewhere. Among Claude's files there are no links: what stays inside here would
/// point to Claude's settings there.
pub(super) fn link_stays_inside(name: &[u8], target: &[u8]) -> bool {
    let plain = !target.is_empty() && !target.starts_with(b"/") && !target.contains(&0);
    if !name.starts_with(b"workspace/") || !plain || target.len() > MAX_NAME {
        return false;
    }
    let depth = name.iter().filter(|b| **b == b'/').count().saturating_sub(1);
    let mut steps = target.split(|b| *b == b'/').filter(|step| !matches!(*step, b"" | b".")).peekable();
    let mut up = 0;
    while steps.next_if_eq(&&b".."[..]).is_some() {
        up += 1;
    }
    up <= depth && !steps.any(|step| step == b"..")
}
