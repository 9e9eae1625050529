//! What waits is held: after a stop, after a start that failed, and when it waited too long.

use super::{Effect, State};
use crate::model::UNAVAILABLE;

impl State {
    pub(super) fn set_hold(&mut self, hold: Option<String>, out: &mut Vec<Effect>) {
        if self.hold != hold {
            self.hold.clone_from(&hold);
            out.push(Effect::SetHold(hold));
            out.push(Effect::Changed);
        }
    }

    pub(super) fn release(&mut self, out: &mut Vec<Effect>) {
        self.set_hold(None, out);
        self.unbar();
        self.pump(out);
    }

    /// What waits must not run by itself, all at once, whenever something starts the process again.
    pub(super) fn unavailable(&mut self, why: String, out: &mut Vec<Effect>) {
        if !self.queue.is_empty() && self.hold.is_none() {
            self.set_hold(Some(UNAVAILABLE.to_owned()), out);
        }
        self.cannot_start(why, out);
    }

    /// A new prompt after a start that failed: what waits before it may run, too.
    pub(super) fn try_again(&mut self, out: &mut Vec<Effect>) {
        if self.hold.as_deref() == Some(UNAVAILABLE) {
            self.set_hold(None, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::turn::{Input, Waiting};
    use crate::model::{Delivery, PromptId};

    fn accept(state: &mut State) -> PromptId {
        let prompt = PromptId::random();
        let waiting = Waiting { prompt, delivery: Delivery::Queue, command: false };
        state.apply(Input::Accepted { waiting, sent: false });
        prompt
    }

    /// Which prompts are sent once the process is up; None: it is not even started.
    fn sent(state: &mut State, input: Input) -> Option<Vec<PromptId>> {
        if !state.apply(input).contains(&Effect::Start) {
            return None;
        }
        let effects = state.apply(Input::Ready);
        let sent = effects.into_iter().find_map(|effect| match effect {
            Effect::Send { prompts, .. } => Some(prompts),
            _ => None,
        });
        Some(sent.unwrap_or_default())
    }

    /// What waits then runs when a person says so: by releasing it, or with a new prompt.
    #[test]
    fn a_failed_start_holds_what_waits() {
        let failed = || {
            let mut state = State::new(1, Vec::new(), None, false);
            let first = accept(&mut state);
            state.apply(Input::Unavailable { why: "not installed".into() });
            assert_eq!(state.hold(), Some(UNAVAILABLE));
            (state, first)
        };
        let (mut state, first) = failed();
        assert_eq!(sent(&mut state, Input::MayStart), None);
        assert_eq!(sent(&mut state, Input::Release), Some(vec![first]));

        let (mut state, first) = failed();
        accept(&mut state);
        assert_eq!(state.hold(), None);
        assert_eq!(sent(&mut state, Input::MayStart), Some(vec![first]), "in order");
    }

    #[test]
    fn where_nothing_waits_nothing_is_held() {
        let mut state = State::new(1, Vec::new(), None, false);
        state.apply(Input::Wake);
        state.apply(Input::Unavailable { why: "not installed".into() });
        assert_eq!(state.hold(), None);
    }
}
