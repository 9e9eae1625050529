//! Samples, what they say, and the table they end in.

use std::fmt::Write as _;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The clock that all processes of the machine share, in nanoseconds.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Lets the time of a measurement pass.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured happens in a span of time, not until an event"
)]
pub(crate) fn pass(time: Duration) {
    std::thread::sleep(time);
}

/// Many measurements of one thing, in the order of their size.
#[derive(Debug, Clone)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Panics without any: there is nothing to say then.
    #[track_caller]
    pub(crate) fn new(mut all: Vec<f64>) -> Self {
        assert!(!all.is_empty(), "nothing was measured");
        all.sort_by(f64::total_cmp);
        Self(all)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// Nearest rank: one that was really measured.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0[rank - 1]
    }
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    target: String,
    measured: String,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Held,
    Missed,
    /// Shown because it explains another row.
    Shown,
    LeftOut,
}

impl Row {
    pub(crate) fn new(what: &str, target: &str, measured: String, holds: bool) -> Self {
        let verdict = if holds { Verdict::Held } else { Verdict::Missed };
        Self { what: what.to_owned(), target: target.to_owned(), measured, verdict }
    }

    pub(crate) fn shown(what: &str, measured: String) -> Self {
        Self { what: what.to_owned(), target: String::new(), measured, verdict: Verdict::Shown }
    }

    pub(crate) fn left_out(what: &str, target: &str, why: &str) -> Self {
        let measured = format!("left out: {why}");
        Self { what: what.to_owned(), target: target.to_owned(), measured, verdict: Verdict::LeftOut }
    }

    /// It should have been: a miss.
    pub(crate) fn not_measured(what: &str, target: &str, why: &str) -> Self {
        Self::new(what, target, format!("not measured: {why}"), false)
    }

    pub(crate) fn holds(&self) -> bool {
        self.verdict != Verdict::Missed
    }
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut out = "| what | target | measured | |\n|---|---|---|---|\n".to_owned();
    for Row { what, target, measured, verdict } in rows {
        let mark = match verdict {
            Verdict::Held => "✓",
            Verdict::Missed => "**missed**",
            Verdict::Shown | Verdict::LeftOut => "",
        };
        writeln!(out, "| {what} | {target} | {measured} | {mark} |").ok();
    }
    out
}

/// What the numbers were measured on.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = number_after(&memory, "MemTotal:").unwrap_or(0);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    let uname = rustix::system::uname();
    let kernel = uname.release().to_string_lossy().into_owned();
    format!("{cores} cores ({model}), {} GB, Linux {kernel}, load {load} at the end", kib >> 20)
}

/// The number that follows a word in one of the kernel's texts.
pub(crate) fn number_after(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

pub(crate) fn mb(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

pub(crate) fn ms(milliseconds: f64) -> String {
    if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.1} ms") }
}
