//! The process table elsewhere: `ps`, and pids checked right before they are signalled.

use std::process::Command;

use rustix::process::{Signal, kill_process};

use super::{Entry, Identity, is_alive};

pub(super) fn entry(pid: u32) -> Option<Entry> {
    table(&["-p", &pid.to_string()]).into_iter().next()
}

pub(super) fn entries() -> Vec<Entry> {
    table(&["-ax"])
}

/// Environments of other processes are not shown here.
pub(super) fn marked(_mark: &[u8]) -> Vec<Identity> {
    Vec::new()
}

/// Arguments with spaces in them cannot be told apart here.
pub(super) fn own_arguments() -> Vec<(Identity, Vec<String>)> {
    Vec::new()
}

pub(super) fn signal(identity: &Identity, signal: Signal) -> bool {
    is_alive(identity) && identity.pid().is_some_and(|pid| kill_process(pid, signal).is_ok())
}

fn table(which: &[&str]) -> Vec<Entry> {
    let columns = ["-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "stat=", "-o", "lstart="];
    let output = Command::new("/bin/ps").env("LC_ALL", "C").args(which).args(columns).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace();
    let pid = words.next()?.parse().ok()?;
    let parent = words.next()?.parse().ok()?;
    let group = words.next()?.parse().ok()?;
    let state = words.next()?;
    let identity = Identity { pid, start: words.flat_map(str::bytes).fold(FNV_START, fnv) };
    Some(Entry { identity, parent, group, is_zombie: state.starts_with('Z') })
}

// The start is a date in words, and all that matters is whether two are the same. The number is stored, so
// the hash must not change with the compiler's release.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}
