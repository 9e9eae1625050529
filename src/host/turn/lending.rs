//! The conversation is lent to a process that is not ours: until it is back, what comes waits.

use super::{Effect, Phase, State};
use crate::model::TurnId;

impl State {
    /// Begins with a conversation that is lent already.
    pub(crate) fn lent(mut self) -> Self {
        self.phase = Phase::Lent;
        self.lending = true;
        self
    }

    pub(crate) const fn is_lent(&self) -> bool {
        matches!(self.phase, Phase::Lent)
    }

    pub(super) fn lend(&mut self, out: &mut Vec<Effect>) {
        self.lending = true;
        self.unbar();
        if self.phase == Phase::Starting || (self.phase == Phase::Ready && self.is_quiet()) {
            self.sleep(out);
        }
        self.lend_asleep();
        out.push(Effect::Changed);
    }

    /// There is no process: nothing stands in the way of another one.
    pub(super) const fn lend_asleep(&mut self) {
        if self.lending && matches!(self.phase, Phase::Asleep | Phase::Crashed) {
            self.phase = Phase::Lent;
        }
    }

    pub(super) fn taken_back(&mut self, next_turn: Option<TurnId>, out: &mut Vec<Effect>) {
        self.lending = false;
        self.next_turn = self.next_turn.max(next_turn.unwrap_or(0));
        if self.phase == Phase::Lent {
            self.phase = Phase::Asleep;
        }
        self.pump(out);
        out.push(Effect::Changed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::turn::{Input, Waiting};
    use crate::model::{Delivery, PromptId, SessionState};

    fn accept(state: &mut State) -> (PromptId, Vec<Effect>) {
        let prompt = PromptId::random();
        let waiting = Waiting { prompt, delivery: Delivery::Queue, command: false };
        (prompt, state.apply(Input::Accepted { waiting, sent: false }))
    }

    fn asleep() -> State {
        State::new(1, Vec::new(), None, false)
    }

    #[test]
    fn what_comes_meanwhile_waits_and_then_runs() {
        let mut state = asleep();
        state.apply(Input::Lend);
        assert_eq!((state.session_state(), state.is_lent()), (SessionState::HandedOver, true));
        let (_, effects) = accept(&mut state);
        assert_eq!(effects, [Effect::Changed], "nothing is started beside it");
        for input in [Input::Wake, Input::MayStart, Input::Release, Input::Lend] {
            assert!(!state.apply(input).contains(&Effect::Start));
        }
        assert!(state.apply(Input::TakenBack { next_turn: Some(7) }).contains(&Effect::Start));
    }

    #[test]
    fn a_process_that_is_up_ends_first() {
        let mut state = asleep();
        state.apply(Input::Wake);
        state.apply(Input::Ready);
        assert!(state.apply(Input::Lend).contains(&Effect::End));
        assert!(!state.is_lent());
        state.apply(Input::Wake);
        let effects = state.apply(Input::Exited { asked: true, why: String::new() });
        assert!(state.is_lent() && !effects.contains(&Effect::Start));
    }

    #[test]
    fn a_turn_ends_first_and_no_other_begins() {
        let mut state = asleep();
        let (first, _) = accept(&mut state);
        let effects = state.apply(Input::Ready);
        assert!(matches!(&effects[0], Effect::Send { prompts, .. } if *prompts == [first]));
        assert!(!state.apply(Input::Lend).contains(&Effect::End));
        let (_, effects) = accept(&mut state);
        assert_eq!(effects, [Effect::Changed]);
        assert_eq!(state.session_state(), SessionState::Busy);
        // It was not lent after all.
        state.apply(Input::TakenBack { next_turn: None });
        assert_eq!(state.session_state(), SessionState::Busy);
    }
}
