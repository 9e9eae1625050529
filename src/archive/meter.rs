//! Progress and cancellation of long work, checked together at every chunk.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

/// How much is read or written between two looks at `cancel`.
pub(super) const CHUNK: usize = 128 * 1024;

/// How far long work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) step: Step,
    /// Bytes of content; `total` is 0 while it is not known.
    pub(crate) done: u64,
    pub(crate) total: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Packing,
    /// Reading back what was packed, or what somebody gave.
    Verifying,
    /// Unpacking, and verifying on the way.
    Unpacking,
}

pub(super) struct Meter<'a> {
    report: &'a mut dyn FnMut(Progress),
    cancel: &'a AtomicBool,
    at: Progress,
}

impl<'a> Meter<'a> {
    pub(super) fn new(step: Step, report: &'a mut dyn FnMut(Progress), cancel: &'a AtomicBool) -> Self {
        Self { report, cancel, at: Progress { step, done: 0, total: 0 } }
    }

    /// From the beginning again, with something else.
    pub(super) const fn go_on_with(&mut self, step: Step) {
        self.at = Progress { step, done: 0, total: 0 };
    }

    /// The total is known only after a look at the sources, or at the manifest.
    pub(super) fn expect(&mut self, total: u64) -> Result<()> {
        self.at.total = total;
        self.advance(0)
    }

    pub(super) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.at.done = self.at.done.saturating_add(bytes);
        (self.report)(self.at);
        self.check()
    }

    /// Only whether to go on: for work that moves no bytes of content.
    pub(super) fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Denied, "cancelled; nothing was changed"));
        }
        Ok(())
    }
}
