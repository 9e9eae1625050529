//! The end of the process, and what became of the prompts it had.

use super::{Effect, Finished, Outcome, Phase, Place, State, Verdict, Waiting, background, notice, origin};
use crate::model::{Delivery, PromptId, TurnId};

/// Of a prompt that was stopped before the agent began with it.
pub(super) const UNBEGUN: &str = "stopped before it began";
const CUT_OFF: &str = "cut off before it was finished";

impl State {
    pub(super) fn exited(&mut self, asked: bool, why: &str, out: &mut Vec<Effect>) {
        if !self.asks.is_empty() {
            out.push(Effect::Void(std::mem::take(&mut self.asks)));
        }
        self.background = background::Background::default();
        self.returned.clear();
        self.status = None;
        // Kept until it is known what became of the prompt that was to be stopped.
        self.stop_at_begin &= self.is_busy();
        self.replace_at_begin = false;
        if !asked {
            out.push(notice("crashed", format!("{why}; it is started again for the next prompt")));
        }
        self.crashed = !asked;
        if self.is_busy() {
            self.phase = Phase::Recovering;
            out.push(Effect::Recover);
        } else {
            self.blocks.discard();
            self.phase = if asked { Phase::Asleep } else { Phase::Crashed };
            // After a crash nothing is started unasked, except for what already waits.
            self.pump(out);
            if std::mem::take(&mut self.wakes_next) && asked {
                self.wake(out);
            }
            self.lend_asleep();
        }
        out.push(Effect::Changed);
    }

    pub(super) fn recovered(&mut self, verdicts: Vec<Verdict>, out: &mut Vec<Effect>) {
        let own = self.turn.as_ref().is_some_and(|turn| turn.prompts.is_empty());
        if own && self.expected().is_empty() {
            self.finish_turn(Outcome::Interrupted, CUT_OFF.to_owned(), None, out);
        }
        let mut id = self.turn.take().map(|turn| turn.id);
        let given = std::mem::take(&mut self.given);
        let mut again = Vec::new();
        let stopped = std::mem::take(&mut self.stop_at_begin) && !self.draining;
        let is_stopped = |prompt| stopped && given.iter().any(|given| given.prompt == prompt && !given.extra);
        for verdict in verdicts {
            match verdict {
                Verdict::Again(prompt) if is_stopped(prompt) => {
                    let turn = id.take().unwrap_or_else(|| self.number_turn());
                    out.push(Effect::Finish(Finished {
                        turn,
                        origin: origin(&[prompt]),
                        outcome: Outcome::Interrupted,
                        prompts: vec![prompt],
                        text: UNBEGUN.to_owned(),
                        end: None,
                    }));
                }
                Verdict::Again(prompt) => again.push(prompt),
                Verdict::Ended { prompts, texts, failed } => {
                    let outcome = if failed { Outcome::Failed } else { Outcome::Done };
                    let turn = id.take().unwrap_or_else(|| self.number_turn());
                    self.finish_recovered(turn, prompts, texts, outcome, out);
                }
                Verdict::CutOff { prompts, texts } => {
                    let turn = id.take().unwrap_or_else(|| self.number_turn());
                    self.finish_recovered(turn, prompts, texts, Outcome::Interrupted, out);
                }
            }
        }
        self.blocks.discard();
        for prompt in again.into_iter().rev() {
            out.push(Effect::Requeue(prompt));
            let command = given.iter().any(|given| given.prompt == prompt && given.command);
            self.queue.push_front(Waiting { prompt, delivery: Delivery::Queue, command });
        }
        self.phase = if self.crashed { Phase::Crashed } else { Phase::Asleep };
        self.pump(out);
        self.lend_asleep();
        out.push(Effect::Changed);
    }

    fn finish_recovered(
        &mut self,
        turn: TurnId,
        prompts: Vec<PromptId>,
        mut texts: Vec<String>,
        outcome: Outcome,
        out: &mut Vec<Effect>,
    ) {
        let at = Place { turn, prompt: prompts.first().copied() };
        let text = match outcome {
            Outcome::Failed => texts.pop().unwrap_or_default(),
            Outcome::Interrupted => CUT_OFF.to_owned(),
            Outcome::Done | Outcome::Replaced => String::new(),
        };
        for text in texts {
            self.blocks.said(at, None, text, out);
        }
        match outcome {
            // What was streamed is all that there is.
            Outcome::Interrupted => self.blocks.flush(at, out),
            // The stored conversation had the whole of it.
            _ => self.blocks.discard(),
        }
        let origin = origin(&prompts);
        out.push(Effect::Finish(Finished { turn, origin, outcome, prompts, text, end: None }));
    }
}
