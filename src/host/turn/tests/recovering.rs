//! A process that died, and what its prompts come to.

use super::super::*;
use super::{accept, agent, begun, deeds, init, prompt, ready, streaming, waiting};
use crate::model::BlockKind;

#[test]
fn recovery_ends_repeats_or_cuts_off() {
    let given = [prompt(1), prompt(2), prompt(3)];
    let mut s = State::new(
        5,
        vec![Waiting { prompt: prompt(4), delivery: Delivery::Queue, command: false }],
        None,
        false,
    )
    .recovering(&given.map(waiting));
    assert_eq!(s.session_state(), SessionState::Busy);
    let verdicts = vec![
        Verdict::Ended { prompts: vec![prompt(1)], texts: vec!["answer".into()], failed: false },
        Verdict::CutOff { prompts: vec![prompt(2)], texts: Vec::new() },
        Verdict::Again(prompt(3)),
    ];
    assert_eq!(
        deeds(s.apply(Input::Recovered(verdicts))),
        [
            "reply: answer",
            "turn 5 Prompt Done [1]",
            "turn 6 Prompt Interrupted [2] cut off before it was finished",
            "requeue 3",
            "start"
        ]
    );
    assert_eq!(deeds(s.apply(Input::Ready)), ["send 3 Turn"]);
}

#[test]
fn a_crash_in_the_agents_own_turn_is_told() {
    let mut s = ready();
    init(&mut s);
    agent(&mut s, AgentEvent::BlockStarted { parent: None, index: 0, kind: BlockKind::Text });
    agent(&mut s, AgentEvent::Delta { parent: None, index: 0, text: "half".into() });
    let effects = deeds(s.apply(Input::Exited { asked: false, why: "killed".into() }));
    assert_eq!(effects, ["notice: killed; it is started again for the next prompt", "recover"]);
    assert_eq!(
        deeds(s.apply(Input::Recovered(Vec::new()))),
        ["reply: half", "turn 1 Claude Interrupted [] cut off before it was finished"]
    );
    assert_eq!(s.session_state(), SessionState::Crashed);
    assert_eq!(accept(&mut s, 1, Delivery::Queue), ["start"]);
}

#[test]
fn a_stopped_prompt_does_not_run_again_after_the_process_is_gone() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    s.apply(Input::Stop);
    s.apply(Input::Exited { asked: true, why: String::new() });
    assert_eq!(
        deeds(s.apply(Input::Recovered(vec![Verdict::Again(prompt(1))]))),
        ["turn 1 Prompt Interrupted [1] stopped before it began"]
    );
}

/// What was streamed before the process died is kept, with the prompt also where that was not echoed yet.
#[test]
fn half_a_reply_of_a_dead_process_is_kept() {
    let cut_off = |s: &mut State| {
        streaming(s, "half");
        s.apply(Input::Exited { asked: false, why: "killed".into() });
        let verdict = Verdict::CutOff { prompts: vec![prompt(1)], texts: Vec::new() };
        deeds(s.apply(Input::Recovered(vec![verdict])))
    };
    let kept = ["reply: half", "turn 1 Prompt Interrupted [1] cut off before it was finished"];
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(cut_off(&mut s), kept);
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    assert_eq!(cut_off(&mut s), kept);
}

#[test]
fn a_prompt_that_is_not_echoed_yet_counts_as_begun_with_the_turn() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    assert_eq!(init(&mut s), ["started 1"]);
    s.apply(Input::Exited { asked: false, why: "killed".into() });
    let cut_off = vec![Verdict::CutOff { prompts: vec![prompt(1)], texts: vec!["half".into()] }];
    assert_eq!(
        deeds(s.apply(Input::Recovered(cut_off))),
        ["reply: half", "turn 1 Prompt Interrupted [1] cut off before it was finished"]
    );
}
