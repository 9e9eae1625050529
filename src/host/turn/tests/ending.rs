//! Stop, sleep, and the end of the host.

use super::super::*;
use super::{aborted, accept, agent, asks, begun, deeds, end, end_of, prompt, ready, say};
use crate::model::BlockKind;

#[test]
fn a_wake_while_the_process_ends_starts_the_next_one() {
    let exited = || Input::Exited { asked: true, why: String::new() };
    let mut state = ready();
    state.apply(Input::Sleep);
    assert_eq!(state.apply(Input::Wake), []);
    assert_eq!(deeds(state.apply(exited())), ["start"]);
    // Put to sleep once more, it stays asleep.
    let mut state = ready();
    state.apply(Input::Sleep);
    state.apply(Input::Wake);
    state.apply(Input::Sleep);
    assert_eq!(deeds(state.apply(exited())), Vec::<String>::new());
}

#[test]
fn stop_interrupts_and_holds_the_queue() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Queue);
    assert_eq!(deeds(s.apply(Input::Stop)), ["hold stopped", "interrupt"]);
    assert_eq!(aborted(&mut s), ["turn 1 Prompt Interrupted [1] stopped"]);
    assert_eq!(accept(&mut s, 3, Delivery::Queue), Vec::<String>::new());
    assert_eq!(accept(&mut s, 4, Delivery::Now), ["send 4 Turn"], "what is sent now is not held");
    assert_eq!(end_of(&mut s, 4), ["turn 2 Prompt Done [4]"]);
    assert_eq!(deeds(s.apply(Input::Release)), ["hold -", "send 2 Turn"]);
}

#[test]
fn stop_with_an_empty_queue_holds_nothing() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(deeds(s.apply(Input::Stop)), ["interrupt"]);
    aborted(&mut s);
    assert_eq!(accept(&mut s, 2, Delivery::Queue), ["write 2 Turn"]);
}

#[test]
fn stop_takes_back_what_was_sent_now_but_not_begun() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Now);
    assert_eq!(deeds(s.apply(Input::Stop)), ["hold stopped", "cancel in agent 2", "interrupt"]);
    assert_eq!(
        agent(&mut s, AgentEvent::Prompt { prompt: prompt(2), seen: Seen::Cancelled }),
        ["given back 2"]
    );
    assert_eq!(aborted(&mut s), ["turn 1 Prompt Interrupted [1] stopped"]);
    assert_eq!(deeds(s.apply(Input::Release)), ["hold -", "end"]);
}

#[test]
fn a_stop_before_the_turn_begins_stops_it_as_it_begins() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    assert_eq!(deeds(s.apply(Input::Stop)), ["interrupt"]);
    assert_eq!(begun(&mut s, 1), ["started 1", "interrupt"]);
    assert_eq!(aborted(&mut s), ["turn 1 Prompt Interrupted [1] stopped"]);

    accept(&mut s, 2, Delivery::Queue);
    s.apply(Input::Stop);
    assert_eq!(
        agent(&mut s, AgentEvent::Prompt { prompt: prompt(2), seen: Seen::Cancelled }),
        ["turn 2 Prompt Interrupted [2] stopped before it began"]
    );
}

#[test]
fn an_interrupted_turn_keeps_what_was_said_and_cuts_tools_off() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    agent(&mut s, AgentEvent::BlockStarted { parent: None, index: 0, kind: BlockKind::Text });
    agent(&mut s, AgentEvent::Delta { parent: None, index: 0, text: "half".into() });
    agent(
        &mut s,
        AgentEvent::ToolCall {
            parent: None,
            id: "t".into(),
            name: "Bash".into(),
            input: serde_json::json!({"command": "ls"}),
            summary: "ls".into(),
        },
    );
    assert_eq!(s.activity().as_deref(), Some("running Bash"));
    s.apply(Input::Stop);
    assert_eq!(aborted(&mut s), ["tool: Bash: ls", "reply: half", "turn 1 Prompt Interrupted [1] stopped"]);
}

#[test]
fn putting_a_busy_session_to_sleep_interrupts_it_first() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(deeds(s.apply(Input::Sleep)), ["interrupt", "end"]);
}

#[test]
fn draining_finishes_the_turn_and_starts_no_other() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Queue);
    assert_eq!(deeds(s.apply(Input::Drain)), Vec::<String>::new());
    say(&mut s, "x");
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]", "end"]);
    assert_eq!(deeds(s.apply(Input::Exited { asked: true, why: String::new() })), Vec::<String>::new());
    assert_eq!(s.waiting().count(), 1);
}

#[test]
fn draining_cuts_off_what_waits_for_a_person_and_holds_nothing() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Queue);
    agent(&mut s, asks("r1"));
    assert_eq!(deeds(s.apply(Input::Drain)), ["interrupt"]);
    assert_eq!(aborted(&mut s), ["turn 1 Prompt Interrupted [1] stopped: the host ended", "end"]);
    assert_eq!(s.hold(), None);

    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(deeds(s.apply(Input::Drain)), Vec::<String>::new());
    let asked = s.apply(Input::Agent(asks("r1")));
    assert!(asked.contains(&Effect::Interrupt), "nobody is there to answer: {asked:?}");
}

#[test]
fn the_end_gives_back_what_the_agent_has_not_begun() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Now);
    assert_eq!(deeds(s.apply(Input::End)), ["cancel in agent 2", "interrupt"]);
    assert_eq!(aborted(&mut s), ["turn 1 Prompt Interrupted [1] stopped: the host ended"]);
    let cancelled = |n| AgentEvent::Prompt { prompt: prompt(n), seen: Seen::Cancelled };
    assert_eq!(agent(&mut s, cancelled(2)), ["given back 2", "end"]);

    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    assert_eq!(deeds(s.apply(Input::End)), ["interrupt"]);
    assert_eq!(agent(&mut s, cancelled(1)), ["given back 1", "end"]);
    assert_eq!(s.waiting().count(), 1);
}

#[test]
fn a_host_that_ends_already_starts_nothing() {
    let waiting = Waiting { prompt: prompt(1), delivery: Delivery::Queue, command: false };
    let mut s = State::new(1, vec![waiting], None, false);
    s.apply(Input::Drain);
    assert_eq!(deeds(s.apply(Input::MayStart)), Vec::<String>::new());
    assert_eq!(accept(&mut s, 2, Delivery::Now), Vec::<String>::new());
    assert_eq!(s.waiting().count(), 2);
}
