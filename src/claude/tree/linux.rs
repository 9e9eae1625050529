//! The process table of Linux: `/proc`, and pidfds to signal the process that was meant.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::{Entry, Identity, is_alive};

pub(super) fn entry(pid: u32) -> Option<Entry> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(pid, &stat)
}

/// The command's name stands in brackets and may hold anything, also brackets; the fields follow the last.
fn parse_stat(pid: u32, stat: &[u8]) -> Option<Entry> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?;
    // From `state`, which is field 3, on.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    Some(Entry {
        identity: Identity { pid, start: field(22)?.parse().ok()? },
        parent: field(4)?.parse().ok()?,
        group: field(5)?.parse().ok()?,
        is_zombie: matches!(field(3)?, "Z" | "X"),
    })
}

pub(super) fn entries() -> Vec<Entry> {
    pids().filter_map(entry).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let dirs = fs::read_dir("/proc").into_iter().flatten().flatten();
    dirs.filter_map(|dir| dir.file_name().to_str()?.parse().ok())
}

pub(super) fn marked(mark: &[u8]) -> Vec<Identity> {
    let is_marked = |pid: &u32| {
        // Only this user's can be read, and only theirs are meant.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    };
    pids()
        .filter(is_marked)
        .filter_map(entry)
        .filter(|entry| !entry.is_zombie)
        .map(|entry| entry.identity)
        .collect()
}

pub(super) fn own_arguments() -> Vec<(Identity, Vec<String>)> {
    let own = rustix::process::geteuid().as_raw();
    let arguments = |pid: u32| {
        let dir = format!("/proc/{pid}");
        fs::metadata(&dir).ok().filter(|dir| dir.uid() == own)?;
        let line = fs::read(format!("{dir}/cmdline")).ok().filter(|line| !line.is_empty())?;
        let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let entry = entry(pid).filter(|entry| !entry.is_zombie)?;
        Some((entry.identity, words.collect()))
    };
    pids().filter_map(arguments).collect()
}

pub(super) fn signal(identity: &Identity, signal: Signal) -> bool {
    match open(identity) {
        Ok(Some(handle)) => pidfd_send_signal(handle, signal).is_ok(),
        Ok(None) => false,
        // A kernel without pidfds: the check and the signal are as close as they can be.
        Err(_) => is_alive(identity) && identity.pid().is_some_and(|pid| kill_process(pid, signal).is_ok()),
    }
}

/// A handle on the process; None if it has ended.
fn open(identity: &Identity) -> Result<Option<OwnedFd>, Errno> {
    let Some(pid) = identity.pid() else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        // Whoever has this start time now had the pid all along, so the handle is on that process.
        Ok(handle) => Ok(is_alive(identity).then_some(handle)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = b"42 (a) b (c)) S 7 9 9 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1";
        let entry = parse_stat(42, stat).unwrap();
        assert_eq!(entry.identity, Identity { pid: 42, start: 12345 });
        assert_eq!((entry.parent, entry.group, entry.is_zombie), (7, 9, false));
        assert!(parse_stat(42, b"42 (x) S 7").is_none());
        assert!(parse_stat(42, b"").is_none());
    }
}
