//! Measures the stages of turns: accepted → written → first text → result.

use std::collections::HashMap;
use std::time::Instant;

use crate::model::{PromptId, Stages};

#[derive(Debug, Clone, Copy)]
struct Prompted {
    accepted: Instant,
    written: Option<Instant>,
    cold: bool,
}

#[derive(Debug, Default)]
pub(super) struct Timing {
    prompts: HashMap<PromptId, Prompted>,
    started: Option<jiff::Timestamp>,
    first_text: Option<Instant>,
}

impl Timing {
    pub(super) fn accepted(&mut self, prompt: PromptId, accepted: Instant, cold: bool) {
        self.prompts.insert(prompt, Prompted { accepted, written: None, cold });
    }

    pub(super) fn written(&mut self, prompt: PromptId, at: Instant) {
        if let Some(prompt) = self.prompts.get_mut(&prompt) {
            prompt.written.get_or_insert(at);
        }
    }

    pub(super) fn forget(&mut self, prompt: PromptId) {
        self.prompts.remove(&prompt);
    }

    pub(super) fn turn_started(&mut self) {
        self.started = Some(jiff::Timestamp::now());
        self.first_text = None;
    }

    pub(super) fn text(&mut self) {
        self.first_text.get_or_insert_with(Instant::now);
    }

    /// The stages of a turn that ends now, measured from its first prompt; when it began.
    pub(super) fn finish(&mut self, prompts: &[PromptId]) -> (Stages, jiff::Timestamp) {
        let first = prompts.iter().find_map(|id| self.prompts.get(id).copied());
        for id in prompts {
            self.prompts.remove(id);
        }
        let started = self.started.take().unwrap_or_else(jiff::Timestamp::now);
        let first_text = self.first_text.take();
        let Some(Prompted { accepted, written, cold }) = first else {
            return (Stages::default(), started);
        };
        let stages = Stages {
            cold,
            written_us: written.map(|at| micros(accepted, at)),
            first_text_us: written.zip(first_text).map(|(written, text)| micros(written, text)),
            result_us: first_text.or(written).map(|at| micros(at, Instant::now())),
        };
        (stages, started)
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
