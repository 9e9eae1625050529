//! What the kernel says of a process: memory, processor time, wake-ups.

use std::path::PathBuf;

use crate::measure::number_after;

/// Its share of all pages it uses, in bytes: shared ones count in part.
#[track_caller]
pub(crate) fn pss(pid: u32) -> f64 {
    kib(pid, "smaps_rollup", "\nPss:")
}

/// The most it has ever had in memory, in bytes.
#[track_caller]
pub(crate) fn peak(pid: u32) -> f64 {
    kib(pid, "status", "\nVmHWM:")
}

#[track_caller]
fn kib(pid: u32, file: &str, word: &str) -> f64 {
    let path = format!("/proc/{pid}/{file}");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
    let kib = number_after(&text, word).unwrap_or_else(|| panic!("{path} has no {word:?}"));
    kib as f64 * 1024.0
}

/// What all its threads have used and how often they gave up the processor by themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// In nanoseconds.
    pub(crate) cpu: u64,
    /// Each is followed by a wake-up.
    pub(crate) waits: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Self {
        let mut usage = Self::default();
        for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let read = |file| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            let cpu = read("schedstat").split(' ').next().and_then(|cpu| cpu.parse().ok());
            usage.cpu += cpu.unwrap_or(0u64);
            usage.waits += number_after(&read("status"), "\nvoluntary_ctxt_switches:").unwrap_or(0);
        }
        usage
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { cpu: self.cpu - before.cpu, waits: self.waits - before.waits }
    }
}

/// The processes it has started and that are alive.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let path = PathBuf::from(format!("/proc/{pid}/task"));
    let threads = std::fs::read_dir(path).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}
