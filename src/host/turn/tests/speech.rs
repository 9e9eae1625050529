//! What the agent says and asks, in a prompt's turn or one of its own.

use uuid::Uuid;

use super::super::*;
use super::{accept, agent, begun, end, end_of, init, prompt, ready, say, streaming, task};
use crate::model::BlockKind;

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
fn a_slash_command_that_is_not_echoed_still_gets_its_answer() {
    let mut s = ready();
    let waiting = Waiting { prompt: prompt(1), delivery: Delivery::Queue, command: true };
    s.apply(Input::Accepted { waiting, sent: true });
    assert_eq!(init(&mut s), ["started 1"]);
    say(&mut s, "## Context Usage");
    assert_eq!(end(&mut s), ["turn 1 Prompt Done [1]"]);
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
