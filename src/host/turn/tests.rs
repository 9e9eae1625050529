//! Tables of what the turn machine does: inputs in, effects out.

use uuid::Uuid;

use super::*;
use crate::model::BlockKind;

fn prompt(n: u128) -> PromptId {
    PromptId(Uuid::from_u128(n))
}

/// A machine whose process is ready.
fn ready() -> State {
    let mut state = State::new(1, Vec::new(), None, false);
    assert_eq!(state.apply(Input::Wake), [Effect::Start, Effect::Changed]);
    state.apply(Input::Ready);
    state
}

/// Effects that matter for a prompt's way, without what is only shown.
fn deeds(effects: Vec<Effect>) -> Vec<String> {
    effects
        .into_iter()
        .filter_map(|effect| {
            Some(match effect {
                Effect::Changed | Effect::Publish(_) => return None,
                Effect::Send { prompts, urgency } => format!("send {} {urgency:?}", names(&prompts)),
                Effect::Write { prompts, urgency } => format!("write {} {urgency:?}", names(&prompts)),
                Effect::Started(prompts) => format!("started {}", names(&prompts)),
                Effect::CancelInAgent(id) => format!("cancel in agent {}", names(&[id])),
                Effect::Requeue(id) => format!("requeue {}", names(&[id])),
                Effect::GivenBack(id) => format!("given back {}", names(&[id])),
                Effect::Cancel(id) => format!("cancel {}", names(&[id])),
                Effect::Conversation(_) => return None,
                Effect::SetHold(reason) => format!("hold {}", reason.as_deref().unwrap_or("-")),
                Effect::Append(event) => format!("{}: {}", event.kind.as_str(), event.text),
                Effect::Finish(turn) => format!(
                    "turn {} {:?} {:?} [{}] {}",
                    turn.turn,
                    turn.origin,
                    turn.outcome,
                    names(&turn.prompts),
                    turn.text
                )
                .trim_end()
                .to_owned(),
                other => format!("{other:?}").to_lowercase(),
            })
        })
        .collect()
}

fn names(prompts: &[PromptId]) -> String {
    prompts.iter().map(|id| id.0.as_u128().to_string()).collect::<Vec<_>>().join(",")
}

fn waiting(prompt: PromptId) -> Waiting {
    Waiting { prompt, delivery: Delivery::Queue, command: false }
}

fn accept(state: &mut State, n: u128, delivery: Delivery) -> Vec<String> {
    let sent = state.would_send();
    deeds(
        state.apply(Input::Accepted {
            waiting: Waiting { prompt: prompt(n), delivery, command: false },
            sent,
        }),
    )
}

fn agent(state: &mut State, event: AgentEvent) -> Vec<String> {
    deeds(state.apply(Input::Agent(event)))
}

fn begun(state: &mut State, n: u128) -> Vec<String> {
    agent(state, AgentEvent::Prompt { prompt: prompt(n), seen: Seen::Begun })
}

fn init(state: &mut State) -> Vec<String> {
    agent(state, AgentEvent::Init { conversation: Uuid::nil() })
}

fn say(state: &mut State, text: &str) -> Vec<String> {
    agent(state, AgentEvent::Text { parent: None, text: text.into() })
}

fn end(state: &mut State) -> Vec<String> {
    agent(state, AgentEvent::Ended(End { text: "ok".into(), ..End::default() }))
}

fn task(name: &str) -> Task {
    Task { id: name.to_owned(), description: name.to_owned() }
}

fn aborted(state: &mut State) -> Vec<String> {
    agent(state, AgentEvent::Ended(End { aborted: true, is_error: true, ..End::default() }))
}

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

fn end_of(s: &mut State, n: u128) -> Vec<String> {
    begun(s, n);
    say(s, "x");
    end(s)
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
fn a_turn_without_a_prompt_is_the_agents_own() {
    let mut s = ready();
    agent(&mut s, AgentEvent::Background(vec![task("wait")]));
    assert!(!s.may_sleep());
    agent(&mut s, AgentEvent::Background(Vec::new()));
    init(&mut s);
    assert_eq!(say(&mut s, "the task ended"), ["reply: the task ended"]);
    assert_eq!(end(&mut s), ["turn 1 Claude Done []"]);
}

#[test]
fn a_prompt_written_while_the_agent_begins_by_itself_gets_its_own_turn() {
    let mut s = ready();
    assert_eq!(accept(&mut s, 1, Delivery::Queue), ["write 1 Turn"]);
    init(&mut s);
    say(&mut s, "about the task");
    assert_eq!(end(&mut s), ["turn 1 Claude Done []"]);
    assert_eq!(s.session_state(), SessionState::Busy);
    assert_eq!(end_of(&mut s, 1), ["turn 2 Prompt Done [1]"]);
}

#[test]
fn a_failed_turn_says_why() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    let failed = End { is_error: true, text: "API Error: 529".into(), ..End::default() };
    assert_eq!(agent(&mut s, AgentEvent::Ended(failed)), ["turn 1 Prompt Failed [1] API Error: 529"]);
}

#[test]
fn blocks_are_streamed_then_logged_once() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    agent(&mut s, AgentEvent::BlockStarted { parent: None, index: 0, kind: BlockKind::Thinking });
    agent(&mut s, AgentEvent::Delta { parent: None, index: 0, text: "hm".into() });
    agent(&mut s, AgentEvent::Thought { parent: None });
    agent(&mut s, AgentEvent::BlockStarted { parent: None, index: 1, kind: BlockKind::Text });
    agent(&mut s, AgentEvent::Delta { parent: None, index: 1, text: "he".into() });
    let effects = s.apply(Input::Agent(AgentEvent::Delta { parent: None, index: 1, text: "llo".into() }));
    assert_eq!(effects, [Effect::Publish(Live::Delta { block: 2, text: "llo".into() })]);
    let live = s.live_turn().expect("a turn runs");
    assert_eq!(live.blocks.iter().map(|b| b.text.as_str()).collect::<Vec<_>>(), ["hello"]);
    let effects = s.apply(Input::Agent(AgentEvent::Text { parent: None, text: "hello".into() }));
    let [Effect::Append(event)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(event.detail, Some(Detail::Reply { turn: 1, block: 2, parent: None }));
    assert!(s.live_turn().expect("still runs").blocks.is_empty());
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
fn requests_make_it_wait_and_become_void_with_the_process() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    let ask = Ask {
        request: "r1".into(),
        call: None,
        kind: crate::model::ApprovalKind::Tool,
        tool: "Bash".into(),
        summary: "ls".into(),
        input: serde_json::Value::Null,
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        suggestions: Vec::new(),
    };
    agent(&mut s, AgentEvent::Ask(ask.clone()));
    assert_eq!(s.session_state(), SessionState::Waiting);
    s.apply(Input::Resolved { request: "r1".into() });
    assert_eq!(s.session_state(), SessionState::Busy);
    agent(&mut s, AgentEvent::Ask(ask));
    let effects = s.apply(Input::Exited { asked: false, why: "claude ended with code 3".into() });
    assert!(effects.contains(&Effect::Void(vec!["r1".into()])));
    assert!(effects.contains(&Effect::Recover));
}

/// Some releases ask about a plan with an empty input.
#[test]
fn a_plan_that_is_not_shown_is_that_of_the_call() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    let (id, plan) = (Some("t1".to_owned()), "1. Do it");
    agent(
        &mut s,
        AgentEvent::ToolCall {
            parent: None,
            id: "t1".into(),
            name: "ExitPlanMode".into(),
            input: serde_json::json!({ "plan": plan }),
            summary: plan.into(),
        },
    );
    let ask = Ask {
        request: "r1".into(),
        call: id,
        kind: crate::model::ApprovalKind::Plan,
        tool: "ExitPlanMode".into(),
        summary: String::new(),
        input: serde_json::json!({}),
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        suggestions: Vec::new(),
    };
    let asked = s.apply(Input::Agent(AgentEvent::Ask(ask)));
    let asked = asked.iter().find_map(|effect| match effect {
        Effect::Ask(ask) => Some((ask.plan.as_deref(), ask.summary.as_str())),
        _ => None,
    });
    assert_eq!(asked, Some((Some(plan), plan)));
}

/// Releases that echo late say nothing before the first block is finished: what is streamed is shown all the same.
#[test]
fn a_turn_is_expected_to_answer_the_prompt_that_was_given() {
    let expected = |s: &mut State| {
        let effects = s.apply(Input::Agent(AgentEvent::Init { conversation: Uuid::nil() }));
        effects.into_iter().find_map(|effect| match effect {
            Effect::Publish(Live::TurnStarted { prompts, .. }) => Some(prompts),
            _ => None,
        })
    };
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    assert_eq!(expected(&mut s), Some(vec![prompt(1)]));
    assert_eq!(s.live_turn().map(|turn| turn.prompts), Some(vec![prompt(1)]));
    // It was another turn; the prompt's own follows.
    assert_eq!(end(&mut s), ["reply: ok", "turn 1 Claude Done []"]);
    assert!(s.is_busy());

    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    agent(&mut s, AgentEvent::Prompt { prompt: prompt(1), seen: Seen::Queued });
    assert_eq!(expected(&mut s), Some(Vec::new()), "this one says itself when it begins");
}

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

fn asks(request: &str) -> AgentEvent {
    AgentEvent::Ask(Ask {
        request: request.into(),
        call: None,
        kind: crate::model::ApprovalKind::Tool,
        tool: "Bash".into(),
        summary: "ls".into(),
        input: serde_json::Value::Null,
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        suggestions: Vec::new(),
    })
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
fn what_could_not_be_recorded_waits_in_front() {
    let mut s = State::new(1, Vec::new(), None, false);
    accept(&mut s, 1, Delivery::Queue);
    accept(&mut s, 2, Delivery::Queue);
    s.apply(Input::Ready);
    s.apply(Input::NotSent(vec![prompt(1)]));
    assert_eq!(s.waiting().map(|w| w.prompt).collect::<Vec<_>>(), [prompt(1), prompt(2)]);
    assert_eq!(deeds(s.apply(Input::MayStart)), ["send 1 Turn"]);
}

#[test]
fn a_slash_command_that_is_not_echoed_still_gets_its_answer() {
    let mut s = ready();
    let waiting = Waiting { prompt: prompt(1), delivery: Delivery::Queue, command: true };
    s.apply(Input::Accepted { waiting, sent: true });
    assert_eq!(init(&mut s), ["started 1"]);
    say(&mut s, "## Context Usage");
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]"]);
}

#[test]
fn putting_a_busy_session_to_sleep_interrupts_it_first() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    assert_eq!(deeds(s.apply(Input::Sleep)), ["interrupt", "end"]);
}

/// Releases that list no background tasks tell how single ones start and end.
#[test]
fn a_background_task_keeps_it_awake() {
    let mut s = ready();
    agent(&mut s, AgentEvent::TaskStarted(task("wait")));
    assert!(!s.may_sleep());
    assert_eq!(s.activity().as_deref(), Some("background: wait"));
    agent(&mut s, AgentEvent::TaskEnded { id: "wait".into() });
    assert!(s.may_sleep());

    agent(&mut s, AgentEvent::Background(vec![task("wait")]));
    agent(&mut s, AgentEvent::TaskStarted(task("a call that is waited for")));
    agent(&mut s, AgentEvent::TaskEnded { id: "wait".into() });
    assert_eq!(s.activity().as_deref(), Some("background: wait"), "the list alone counts");
    agent(&mut s, AgentEvent::Background(Vec::new()));
    assert!(s.may_sleep());
}

fn streaming(s: &mut State, text: &str) {
    agent(s, AgentEvent::BlockStarted { parent: None, index: 0, kind: BlockKind::Text });
    agent(s, AgentEvent::Delta { parent: None, index: 0, text: text.into() });
}

#[test]
fn a_message_that_begins_again_replaces_the_former() {
    let mut s = ready();
    accept(&mut s, 1, Delivery::Queue);
    begun(&mut s, 1);
    streaming(&mut s, "half a ");
    streaming(&mut s, "half a reply");
    assert_eq!(s.live_turn().map(|turn| turn.blocks.len()), Some(1));
    assert_eq!(say(&mut s, "half a reply"), ["reply: half a reply"]);
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]"]);
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
fn an_agent_that_only_echoes_has_not_begun() {
    let mut s = ready();
    assert!(!s.is_unbegun());
    accept(&mut s, 1, Delivery::Queue);
    assert!(s.is_unbegun());
    agent(&mut s, AgentEvent::Prompt { prompt: prompt(1), seen: Seen::Begun });
    assert!(s.is_unbegun());
    init(&mut s);
    assert!(!s.is_unbegun());
    end(&mut s);
    assert!(!s.is_unbegun());
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
