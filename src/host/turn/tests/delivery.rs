//! When a prompt is given to the agent, alone or with others, now or instead.

use super::super::*;
use super::{aborted, accept, agent, begun, deeds, end, end_of, init, prompt, ready, say};

#[test]
fn an_idle_session_writes_at_once() {
    let mut s = ready();
    assert!(s.would_send());
    assert_eq!(accept(&mut s, 1, Delivery::Queue), ["write 1 Turn"]);
    assert_eq!(s.session_state(), SessionState::Busy);
    assert_eq!(begun(&mut s, 1), ["started 1"]);
    assert_eq!(init(&mut s), Vec::<String>::new());
    assert_eq!(begun(&mut s, 1), Vec::<String>::new(), "a second echo says nothing");
    assert_eq!(say(&mut s, "hello"), ["reply: hello"]);
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]"]);
    assert_eq!(s.session_state(), SessionState::Idle);
}

#[test]
fn a_sleeping_session_starts_for_a_prompt() {
    let mut s = State::new(7, Vec::new(), None, false);
    assert!(!s.would_send());
    assert_eq!(accept(&mut s, 1, Delivery::Queue), ["start"]);
    assert_eq!(accept(&mut s, 2, Delivery::Queue), Vec::<String>::new());
    assert_eq!(deeds(s.apply(Input::Ready)), ["send 1 Turn"]);
    begun(&mut s, 1);
    assert_eq!(end(&mut s), ["reply: ok", "turn 7 Prompt Done [1]", "send 2 Turn"]);
}

#[test]
fn queued_prompts_run_in_order_each_as_a_turn_of_its_own() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    accept(&mut s, 2, Delivery::Queue);
    accept(&mut s, 3, Delivery::Queue);
    begun(&mut s, 1);
    say(&mut s, "one");
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]", "send 2 Turn"]);
    assert_eq!(end_of(&mut s, 2), ["turn 2 Prompt Done [2]", "send 3 Turn"]);
    assert_eq!(end_of(&mut s, 3), ["turn 3 Prompt Done [3]"]);
}

#[test]
fn sent_now_during_a_tool_belongs_to_the_running_turn() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(accept(&mut s, 2, Delivery::Now), ["send 2 Next"]);
    assert_eq!(accept(&mut s, 3, Delivery::Now), Vec::<String>::new(), "one set at a time");
    assert_eq!(begun(&mut s, 2), ["started 2"]);
    say(&mut s, "both");
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1,2]", "send 3 Turn"]);
}

#[test]
fn sent_now_during_text_is_joined_into_the_next_turn() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Now);
    accept(&mut s, 4, Delivery::Queue);
    accept(&mut s, 3, Delivery::Now);
    say(&mut s, "one");
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]"], "the second set is still under way");
    assert_eq!(end_of(&mut s, 2), ["turn 2 Prompt Done [2]", "send 3 Turn"], "now goes before queued");
    assert_eq!(end_of(&mut s, 3), ["turn 3 Prompt Done [3]", "send 4 Turn"]);
}

#[test]
fn waiting_now_prompts_go_as_one_set() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Now);
    accept(&mut s, 3, Delivery::Now);
    accept(&mut s, 4, Delivery::Now);
    begun(&mut s, 2);
    // The set of 2 is done only with its turn: nothing goes before.
    assert_eq!(say(&mut s, "x"), ["reply: x"]);
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1,2]", "send 3 Turn"]);
    assert_eq!(begun(&mut s, 3), ["started 3"]);
    assert_eq!(end(&mut s), ["reply: ok", "turn 2 Prompt Done [3]", "send 4 Turn"]);
}

#[test]
fn instead_replaces_the_running_turn() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(accept(&mut s, 2, Delivery::Instead), ["interrupt", "send 2 Turn"]);
    assert_eq!(aborted(&mut s), ["turn 1 Prompt Replaced [1] dropped for another prompt"]);
    assert_eq!(s.session_state(), SessionState::Busy);
    assert_eq!(end_of(&mut s, 2), ["turn 2 Prompt Done [2]"]);
}

#[test]
fn instead_of_a_turn_that_just_ended_loses_nothing() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Instead);
    say(&mut s, "done already");
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]"]);
    assert_eq!(end_of(&mut s, 2), ["turn 2 Prompt Done [2]"]);
}

#[test]
fn instead_does_not_wait_for_what_was_sent_now() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(accept(&mut s, 2, Delivery::Now), ["send 2 Next"]);
    let instead = accept(&mut s, 3, Delivery::Instead);
    assert_eq!(instead, ["cancel in agent 2", "interrupt", "send 3 Turn"]);
    let given_back = AgentEvent::Prompt { prompt: prompt(2), seen: Seen::Cancelled };
    assert_eq!(agent(&mut s, given_back), ["given back 2"]);
    assert_eq!(aborted(&mut s), ["turn 1 Prompt Replaced [1] dropped for another prompt"]);
    // A process only echoes what it gave back, so another one gets it.
    assert_eq!(end_of(&mut s, 3), ["turn 2 Prompt Done [3]", "end"]);
    let exited = Input::Exited { asked: true, why: String::new() };
    assert_eq!(deeds(s.apply(exited)), ["start"]);
    assert_eq!(deeds(s.apply(Input::Ready)), ["send 2 Turn"]);
}

#[test]
fn instead_of_a_prompt_that_has_not_begun() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    assert_eq!(accept(&mut s, 2, Delivery::Instead), ["interrupt", "send 2 Turn"]);
    let dropped = AgentEvent::Prompt { prompt: prompt(1), seen: Seen::Cancelled };
    assert_eq!(agent(&mut s, dropped), ["turn 1 Prompt Replaced [1] dropped for another prompt"]);
    assert_eq!(end_of(&mut s, 2), ["turn 2 Prompt Done [2]"]);

    // Releases that say nothing of single prompts end a turn at once.
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    accept(&mut s, 2, Delivery::Instead);
    assert_eq!(aborted(&mut s)[2..], ["turn 1 Prompt Replaced [1] dropped for another prompt"]);
    assert_eq!(end_of(&mut s, 2), ["turn 2 Prompt Done [2]"]);
}

#[test]
fn a_prompt_taken_back_from_the_agent_is_cancelled() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    accept(&mut s, 2, Delivery::Now);
    assert_eq!(deeds(s.apply(Input::TakeBack(prompt(2)))), ["cancel in agent 2"]);
    assert_eq!(agent(&mut s, AgentEvent::Prompt { prompt: prompt(2), seen: Seen::Cancelled }), ["cancel 2"]);
}

#[test]
fn a_barred_start_keeps_the_prompt() {
    let mut s = State::new(1, Vec::new(), None, false);
    accept(&mut s, 1, Delivery::Queue);
    s.apply(Input::CannotStart { why: "all 2 places are taken".into() });
    assert_eq!(s.activity().as_deref(), Some("all 2 places are taken"));
    assert_eq!(accept(&mut s, 2, Delivery::Queue), Vec::<String>::new());
    assert_eq!(deeds(s.apply(Input::MayStart)), ["start"]);
    assert_eq!(deeds(s.apply(Input::Ready)), ["send 1 Turn"]);
}

#[test]
fn what_could_not_be_recorded_waits_in_front() {
    let mut s = State::new(1, Vec::new(), None, false);
    accept(&mut s, 1, Delivery::Queue);
    accept(&mut s, 2, Delivery::Queue);
    s.apply(Input::Ready);
    s.apply(Input::NotSent(vec![prompt(1)]));
    assert_eq!(s.waiting().map(|w| w.prompt).collect::<Vec<_>>(), [prompt(1), prompt(2)]);
    assert_eq!(deeds(s.apply(Input::MayStart)), ["send 1 Turn"]);
}
