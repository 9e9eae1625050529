//! How many resident processes this machine is good for.

use super::types::Config;

const MB: u64 = 1024 * 1024;

/// What one idle `claude` was seen to keep resident.
const PER_PROCESS: u64 = 250 * MB;

/// With fewer, every switch between two sessions would be a cold start.
const LEAST: u32 = 2;

/// What is assumed where the system does not say.
#[cfg(not(target_os = "linux"))]
const ASSUMED_MEMORY: u64 = 8 * 1024 * MB;

impl Config {
    /// `host.max_live`, with its 0 resolved for this machine.
    pub(crate) fn max_live(&self) -> u32 {
        match self.host.max_live {
            0 => effective_max_live(memory()),
            count => count,
        }
    }
}

/// How many resident processes half of this much memory holds; the other half is for what they start.
pub(crate) fn effective_max_live(mem_bytes: u64) -> u32 {
    u32::try_from(mem_bytes / 2 / PER_PROCESS).unwrap_or(u32::MAX).max(LEAST)
}

/// The machine's memory, or what a container may use of it.
#[cfg(target_os = "linux")]
fn memory() -> u64 {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(info.mem_unit.into());
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    container.and_then(|text| text.trim().parse().ok()).map_or(machine, |limit: u64| limit.min(machine))
}

#[cfg(not(target_os = "linux"))]
fn memory() -> u64 {
    ASSUMED_MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_memory_and_never_fewer_than_two() {
        for (mb, count) in [(0, 2), (900, 2), (1999, 3), (4000, 8), (16_000, 32)] {
            assert_eq!(effective_max_live(mb * MB), count, "{mb} MB");
        }
        assert!(effective_max_live(memory()) >= LEAST);
    }
}
