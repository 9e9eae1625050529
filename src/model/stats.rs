//! Where the time of a turn goes.

use serde::{Deserialize, Serialize};

/// The measured stages of one turn, in microseconds; None where the turn did not get that far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Stages {
    /// The turn found no resident process, so one was started for it.
    pub(crate) cold: bool,
    /// Accepted → written to the child.
    pub(crate) written_us: Option<u64>,
    /// Written → first text.
    pub(crate) first_text_us: Option<u64>,
    /// First text (or written, where there was no text) → result.
    pub(crate) result_us: Option<u64>,
}

/// Percentiles of one stage over many turns, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StageStats {
    /// `accepted→written`, `written→first text`, `first text→result`, `total`.
    pub(crate) stage: String,
    pub(crate) cold: bool,
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p95_us: u64,
    pub(crate) p99_us: u64,
}

/// The answer to "why is it slow".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) turns: u64,
    pub(crate) stages: Vec<StageStats>,
}
