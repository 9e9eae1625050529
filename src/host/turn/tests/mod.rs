//! Tables of what the turn machine does: inputs in, effects out.

mod delivery;
mod ending;
mod recovering;
mod speech;

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

fn end_of(s: &mut State, n: u128) -> Vec<String> {
    begun(s, n);
    say(s, "x");
    end(s)
}

fn task(name: &str) -> Task {
    Task { id: name.to_owned(), description: name.to_owned() }
}

fn aborted(state: &mut State) -> Vec<String> {
    agent(state, AgentEvent::Ended(End { aborted: true, is_error: true, ..End::default() }))
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

fn streaming(s: &mut State, text: &str) {
    agent(s, AgentEvent::BlockStarted { parent: None, index: 0, kind: BlockKind::Text });
    agent(s, AgentEvent::Delta { parent: None, index: 0, text: text.into() });
}
