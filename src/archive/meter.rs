//! Progress and cancellation of long work, checked together at every chunk.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Kind, Result};

/// How much is read or written between two looks at `cancel`.
pub(super) const CHUNK: usize = 128 * 1024;

pub(super) struct Meter<'a> {
    report: &'a mut dyn FnMut(u64, u64),
    cancel: &'a AtomicBool,
    done: u64,
    total: u64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(report: &'a mut dyn FnMut(u64, u64), cancel: &'a AtomicBool) -> Self {
        Self { report, cancel, done: 0, total: 0 }
    }

    /// The total is known only after a look at the sources, or at the manifest.
    pub(super) fn expect(&mut self, total: u64) -> Result<()> {
        self.total = self.total.max(total);
        self.advance(0)
    }

    pub(super) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.done = self.done.saturating_add(bytes);
        (self.report)(self.done, self.total);
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
