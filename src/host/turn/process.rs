//! When the process is started, ended, and what keeps it from starting.

use super::{Effect, Phase, State};

impl State {
    pub(super) fn wake(&mut self, out: &mut Vec<Effect>) {
        match self.phase {
            Phase::Asleep | Phase::Crashed if !self.draining && !self.lending => {
                self.phase = Phase::Starting;
                out.push(Effect::Start);
                out.push(Effect::Changed);
            }
            Phase::Stopping => self.wakes_next = true,
            _ => {}
        }
    }

    pub(super) fn sleep(&mut self, out: &mut Vec<Effect>) {
        self.wakes_next = false;
        if matches!(self.phase, Phase::Ready | Phase::Starting) {
            self.phase = Phase::Stopping;
            if self.is_busy() {
                // With its input closed alone it would go on to the turn's end.
                out.push(Effect::Interrupt);
            }
            out.push(Effect::End);
            out.push(Effect::Changed);
        }
    }

    pub(super) fn drain(&mut self, out: &mut Vec<Effect>) {
        self.draining = true;
        // Nobody can answer any more once the host is gone.
        if !self.asks.is_empty() {
            self.cut(out);
        }
        self.rest(out);
    }

    pub(super) fn end(&mut self, out: &mut Vec<Effect>) {
        self.draining = true;
        self.cut(out);
        self.rest(out);
    }

    /// Ends a process that has nothing to do any more.
    pub(super) fn rest(&mut self, out: &mut Vec<Effect>) {
        if self.phase == Phase::Starting || (self.phase == Phase::Ready && !self.is_busy()) {
            self.sleep(out);
        }
    }

    pub(super) fn ready(&mut self, out: &mut Vec<Effect>) {
        if self.phase == Phase::Starting {
            self.phase = Phase::Ready;
            self.announces = false;
            self.pump(out);
            out.push(Effect::Changed);
        }
    }

    pub(super) fn cannot_start(&mut self, why: String, out: &mut Vec<Effect>) {
        self.phase = Phase::Barred;
        self.barred = Some(why);
        out.push(Effect::Changed);
    }

    pub(super) fn unbar(&mut self) {
        if self.phase == Phase::Barred {
            self.phase = Phase::Asleep;
            self.barred = None;
        }
    }

    pub(super) fn may_start(&mut self, out: &mut Vec<Effect>) {
        self.unbar();
        self.pump(out);
    }
}
