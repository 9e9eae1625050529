//! Processes by pid *and* start time, and the descendants of one.
//!
//! A pid alone is a promise the system does not keep: once its process is reaped, another may have it. So
//! nothing here signals a pid whose start time is not the remembered one, and where the system offers a
//! handle on a process (Linux' pidfd), the check and the signal concern the same process.
//!
//! Claude's Bash tool runs in a session of its own and survives a kill of claude's process group; that is
//! why descendants are listed one by one, before anything is signalled.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::Instant;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use portable as system;

/// How long a killed process may take to vanish before we stop watching it.
const AFTER_KILL: Duration = Duration::from_secs(2);
/// How often a process that is expected to end is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A process that cannot be confused with a later one of the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// When it started, in units that only matter to this system (Linux: clock ticks since boot).
    pub(crate) start: u64,
}

impl Identity {
    /// Who has this pid now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        system::entry(pid).map(|entry| entry.identity)
    }

    fn pid(self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }
}

/// What the process table says of one process.
#[derive(Debug, Clone, Copy)]
struct Entry {
    identity: Identity,
    parent: u32,
    group: u32,
    /// Ended, but not reaped.
    is_zombie: bool,
}

/// Whether this very process still runs. One that ended and only waits to be reaped does not.
pub(crate) fn is_alive(identity: &Identity) -> bool {
    system::entry(identity.pid).is_some_and(|entry| entry.identity == *identity && !entry.is_zombie)
}

/// Children, their children and so on; the process itself is not among them.
pub(crate) fn descendants(pid: u32) -> Vec<Identity> {
    let mut children: HashMap<u32, Vec<Entry>> = HashMap::new();
    for entry in system::entries() {
        children.entry(entry.parent).or_default().push(entry);
    }
    let mut found = Vec::new();
    let mut seen = HashSet::from([pid]);
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            if seen.insert(child.identity.pid) {
                parents.push(child.identity.pid);
                if !child.is_zombie {
                    found.push(child.identity);
                }
            }
        }
    }
    found
}

/// The members of a process group. Its number cannot be taken by another process while it has members.
pub(crate) fn group_members(group: u32) -> Vec<Identity> {
    let members = system::entries().into_iter().filter(|entry| entry.group == group && !entry.is_zombie);
    members.map(|entry| entry.identity).collect()
}

/// Processes of this user that were started with `NAME=value` in their environment: the only trace of
/// grandchildren whose parents are gone. Empty where the system does not show environments.
pub(crate) fn marked(name: &str, value: &str) -> Vec<Identity> {
    system::marked(format!("{name}={value}").as_bytes())
}

/// The arguments of this user's processes; those that show none are left out, and so are all where the system does not
/// show them.
pub(crate) fn own_arguments() -> Vec<(Identity, Vec<String>)> {
    system::own_arguments()
}

/// Sends a signal to this very process; true if it was there to get it.
pub(super) fn signal(identity: &Identity, signal: Signal) -> bool {
    system::signal(identity, signal)
}

/// Asks this very process to end, also one that is suspended; true if it was there to hear it.
pub(crate) fn ask_to_end(identity: &Identity) -> bool {
    let heard = signal(identity, Signal::TERM);
    signal(identity, Signal::CONT);
    heard
}

/// Sends a signal to each.
pub(super) fn signal_all(identities: &[Identity], which: Signal) {
    for identity in identities {
        signal(identity, which);
    }
}

/// Waits until the process has ended, for so long at most; true if it has.
///
/// It looks again and again: only its parent is told of a process's end, and tokio has no safe way to wait
/// for a pidfd.
pub(crate) async fn wait_gone(identity: &Identity, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    while is_alive(identity) {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    true
}

/// Waits until none is left, for so long at most; returns those that are.
pub(super) async fn wait_all_gone(identities: &[Identity], timeout: Duration) -> Vec<Identity> {
    let deadline = Instant::now() + timeout;
    let mut left = Vec::new();
    for identity in identities {
        if !wait_gone(identity, deadline.saturating_duration_since(Instant::now())).await {
            left.push(*identity);
        }
    }
    left
}

/// Stops a process that is no child of ours, and everything below it: SIGTERM, and SIGKILL after the grace.
/// True if nothing is left of it.
pub(crate) async fn stop_tree(identity: &Identity, grace: Duration) -> bool {
    if !is_alive(identity) {
        return true;
    }
    let mut all = descendants(identity.pid);
    all.push(*identity);
    stop_all(&all, grace).await
}

/// SIGTERM to each, and SIGKILL to those that are left after the grace.
pub(crate) async fn stop_all(identities: &[Identity], grace: Duration) -> bool {
    signal_all(identities, Signal::TERM);
    let left = wait_all_gone(identities, grace).await;
    // What the stubborn ones have started meanwhile goes with them.
    let mut doomed = left.clone();
    doomed.extend(left.iter().flat_map(|identity| descendants(identity.pid)));
    signal_all(&doomed, Signal::KILL);
    wait_all_gone(&doomed, AFTER_KILL).await.is_empty()
}
