//! The processes of a test's home, found by their environment: every process started there has the home's path
//! in it, whoever its parent is now.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// A process that lives in a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    /// In clock ticks since the machine started: with the pid, it names one process.
    pub(crate) start: u64,
    pub(crate) command: String,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.pid, self.command)
    }
}

impl Found {
    /// Zombies have no environment and are not found. Linux only: elsewhere nothing is found.
    pub(crate) fn all_in(home: &Path) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| Self::if_in(home, pid)).collect()
    }

    fn if_in(home: &Path, pid: u32) -> Option<Self> {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let home = home.as_os_str().as_encoded_bytes();
        let mut values = environment.split(|byte| *byte == 0).filter_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            pair.get(equals + 1..)
        });
        let is_here = values.any(|value| {
            value.strip_prefix(home).is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
        });
        if !is_here {
            return None;
        }
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&arguments).replace('\0', " ").chars().take(200).collect();
        Some(Self { pid, start: start_of(pid)?, command })
    }

    pub(crate) fn is_alive(&self) -> bool {
        start_of(self.pid) == Some(self.start)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| self.is_alive()) {
            // Gone meanwhile is what was wanted.
            rustix::process::kill_process(pid, signal).ok();
        }
    }

    /// Waits until it has ended; false: the time was up.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait_gone(&self, timeout: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return true };
        let Ok(handle) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) else {
            return true;
        };
        // The handle names the process for good; only now is it certain that it names the right one.
        if !self.is_alive() {
            return true;
        }
        let timeout = Timespec::try_from(timeout).ok();
        poll(&mut [PollFd::new(&handle, PollFlags::IN)], timeout.as_ref()).is_ok_and(|ready| ready > 0)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn wait_gone(&self, _timeout: Duration) -> bool {
        !self.is_alive()
    }
}

/// Field 22 of `stat`; `None` when there is no such process, or only its zombie.
pub(crate) fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; what follows the last bracket starts with field 3.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (state != "Z").then_some(start)
}
