use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::super::turn::{Change, State};
use super::super::view::{Verbosity, body, next_step, worth_at};
use super::*;
use crate::ipc::Push;
use crate::model::{Detail, Event, EventKind, LiveTurn, Outcome, SessionState, Snapshot, Stages, Usage};
use crate::telegram::test_host::snapshot;
use crate::telegram::turn_log::TurnLog;

/// So many milliseconds after the turn began.
fn at(milliseconds: u64) -> Instant {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    *BEGAN + Duration::from_millis(milliseconds)
}

fn play(state: &mut State, lives: impl IntoIterator<Item = Live>) -> Vec<Change> {
    lives.into_iter().map(|live| state.apply(Push::Live(live), at(0))).collect()
}

fn event(kind: EventKind, text: &str, detail: Detail) -> Push {
    Push::Event(Event {
        seq: 1,
        at: Timestamp::UNIX_EPOCH,
        kind,
        text: text.to_owned(),
        prompt_id: None,
        detail: Some(detail),
    })
}

fn returned(block: u64, result: Option<&str>) -> Push {
    let detail = Detail::Tool {
        turn: 1,
        block,
        name: "Bash".to_owned(),
        input: serde_json::Value::Null,
        result: result.map(str::to_owned),
        is_error: false,
        parent: None,
    };
    event(EventKind::Tool, "Bash: ls", detail)
}

fn said(block: u64, text: &str) -> Push {
    event(EventKind::Reply, text, Detail::Reply { turn: 1, block, parent: None })
}

fn shown(state: &State, verbosity: Verbosity, milliseconds: u64) -> String {
    body(state, state.running.as_ref().unwrap(), verbosity, at(milliseconds)).text
}

fn normal(state: &State, milliseconds: u64) -> String {
    shown(state, Verbosity::Normal, milliseconds)
}

#[test]
fn text_grows_and_tools_stand_below_it() {
    let mut state = State::new();
    let changes = play(
        &mut state,
        [
            begins(1, Vec::new()),
            started(1, 1, BlockKind::Text, ""),
            delta(1, "I **lo"),
            delta(1, "ok**."),
            delta(99, "of nobody"),
        ],
    );
    assert_eq!(changes, [Change::Places, Change::View, Change::View, Change::View, Change::Nothing]);
    assert_eq!(normal(&state, 0), "I look.\n\n⏳");
    play(&mut state, [started(1, 2, BlockKind::Tool, "ls")]);
    assert_eq!(normal(&state, 12_000), "I look.\n\n⚙ Bash: ls\n⏳ 10s");
    // What is said next begins anew once there is something of it.
    state.apply(returned(2, Some("ok")), at(0));
    play(&mut state, [started(1, 3, BlockKind::Text, "")]);
    assert!(normal(&state, 0).starts_with("I look."));
    play(&mut state, [delta(3, "There")]);
    assert_eq!(normal(&state, 65_000), "There\n\n⚙ Bash: ls\n⏳ 1m00s");
    // The text that was streamed comes again as an event; one that was not comes only so.
    assert_eq!(state.apply(said(3, "There"), at(0)), Change::View);
    assert_eq!(state.apply(said(4, "And more."), at(0)), Change::View);
    assert!(normal(&state, 0).starts_with("There\n\nAnd more."));
}

#[test]
fn the_chat_decides_how_much_is_shown() {
    let mut state = State::new();
    play(&mut state, [begins(1, Vec::new())]);
    for number in 0..10 {
        play(&mut state, [started(1, number, BlockKind::Tool, &format!("ls {number}"))]);
        if number < 9 {
            state.apply(returned(number, (number != 8).then_some("ok")), at(0));
        }
    }
    assert_eq!(shown(&state, Verbosity::Quiet, 0), "⚙ Bash: ls 9\n⏳");
    assert_eq!(normal(&state, 0), "⚙ Bash: ls 7\n⚙ Bash: ls 8 ✗\n⚙ Bash: ls 9\n⏳ 10 tools");
    assert_eq!(shown(&state, Verbosity::Verbose, 0).lines().count(), 9);
    play(&mut state, [started(1, 20, BlockKind::Thinking, ""), delta(20, "hm, "), delta(20, "so")]);
    assert!(!normal(&state, 0).contains("hm"));
    assert!(shown(&state, Verbosity::Verbose, 0).starts_with("hm, so\n"));
    play(&mut state, [delta(20, &"thought ".repeat(10_000))]);
    let text = shown(&state, Verbosity::Verbose, 0);
    assert!(text.starts_with("…thought") && text.chars().count() < 1200, "{}", text.len());
}

#[test]
fn what_is_awaited_is_said() {
    let mut state = State::new();
    let changed = |session, status: Option<&str>| Live::Changed {
        state: session,
        queue: Vec::new(),
        hold: None,
        status: status.map(str::to_owned),
    };
    play(&mut state, [begins(1, Vec::new()), changed(SessionState::Waiting, None)]);
    assert_eq!(normal(&state, 0), "⏳ waits for an answer");
    play(&mut state, [changed(SessionState::Busy, Some("compacting"))]);
    assert_eq!(normal(&state, 5000), "⏳ 5s · compacting");
    play(&mut state, [changed(SessionState::Busy, Some("requesting"))]);
    assert_eq!(normal(&state, 0), "⏳");
}

#[test]
fn it_is_shown_once_there_is_something_to_show() {
    let mut state = State::new();
    play(&mut state, [begins(1, Vec::new())]);
    let worth = |state: &State| worth_at(state.running.as_ref().unwrap());
    assert_eq!(worth(&state), at(3000));
    play(&mut state, [started(1, 1, BlockKind::Tool, "ls")]);
    assert_eq!(worth(&state), at(700));
    play(&mut state, [started(1, 2, BlockKind::Text, "")]);
    assert_eq!(worth(&state), at(700));
    play(&mut state, [delta(2, "x")]);
    assert_eq!(worth(&state), at(0));
}

#[test]
fn the_time_is_told_in_steps() {
    let mut state = State::new();
    play(&mut state, [begins(1, Vec::new())]);
    let next = |seconds: u64| next_step(state.running.as_ref().unwrap(), at(seconds * 1000));
    for (now, then) in [(0, 5), (4, 5), (5, 10), (58, 60), (60, 75), (599, 600), (600, 660), (4000, 4020)] {
        assert_eq!(next(now), at(then * 1000), "{now}");
    }
}

#[test]
fn a_turn_that_is_joined_late_is_whole() {
    let mut state = State::new();
    let tool = |seq: u64, text: &str| Event {
        seq,
        at: Timestamp::UNIX_EPOCH,
        kind: EventKind::Tool,
        text: text.to_owned(),
        prompt_id: None,
        detail: Some(Detail::Tool {
            turn: 1,
            block: seq,
            name: "Bash".to_owned(),
            input: serde_json::Value::Null,
            result: Some(String::new()),
            is_error: false,
            parent: None,
        }),
    };
    let so_far = TurnLog::of([tool(1, "Bash: a"), tool(2, "Bash: b")].into_iter());
    let turn = LiveTurn {
        turn: 7,
        origin: Origin::Prompt,
        started: Timestamp::UNIX_EPOCH,
        prompts: vec![PromptId::random()],
        blocks: vec![block(5, BlockKind::Tool, "c"), block(6, BlockKind::Text, "So f")],
    };
    let snapshot = Snapshot {
        state: SessionState::Busy,
        turn: Some(turn),
        queue: Vec::new(),
        hold: None,
        approvals: Vec::new(),
        status: None,
    };
    state.begin(snapshot, so_far, (at(0), Timestamp::UNIX_EPOCH));
    play(&mut state, [delta(6, "ar")]);
    assert_eq!(normal(&state, 0), "So far\n\n⚙ Bash: a\n⚙ Bash: b\n⚙ Bash: c\n⏳");
    assert_eq!(state.running.as_ref().unwrap().tools, 3);
}

/// The calendar was set back since, or on: neither hides the turn, nor makes it come and go.
#[test]
fn a_turn_that_began_at_a_strange_time_is_shown_all_the_same() {
    for (began, elapsed) in [(10_800, "⏳"), (-10_800, "⏳ 3h00m")] {
        let mut state = State::new();
        let started = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(began);
        let turn =
            LiveTurn { turn: 7, origin: Origin::Prompt, started, prompts: Vec::new(), blocks: Vec::new() };
        let snapshot = Snapshot { turn: Some(turn), ..snapshot(SessionState::Busy) };
        // A machine that runs for a shorter time than that counts from its start.
        let now = at(4 * 3_600_000);
        state.begin(snapshot, TurnLog::default(), (now, Timestamp::UNIX_EPOCH));
        let running = state.running.as_ref().unwrap();
        assert!(worth_at(running) <= now + Duration::from_secs(3), "{began}");
        assert!(next_step(running, now) > now);
        assert_eq!(body(&state, running, Verbosity::Normal, now).text, elapsed);
    }
}

#[test]
fn prompts_join_and_turns_end() {
    let mut state = State::new();
    let (first, second) = (PromptId::random(), PromptId::random());
    let joined = |turn, prompt| Live::TurnJoined { turn, prompt };
    let changes =
        play(&mut state, [begins(1, vec![first]), joined(1, first), joined(1, second), joined(9, first)]);
    assert_eq!(changes, [Change::Places, Change::Nothing, Change::Places, Change::Nothing]);
    let turn = Detail::Turn {
        turn: 1,
        origin: Origin::Prompt,
        outcome: Outcome::Done,
        prompts: vec![first],
        cost_usd: 0.0,
        usage: Usage::default(),
        stages: Stages::default(),
    };
    assert_eq!(state.apply(event(EventKind::TurnEnded, "", turn), at(0)), Change::Over);
    assert!(state.running.is_none());
    // What comes late belongs to nobody.
    assert_eq!(play(&mut state, [started(1, 8, BlockKind::Text, "x"), delta(8, "y")]), [Change::Nothing; 2]);
    assert_eq!(state.apply(Push::Lagged, at(0)), Change::Again);
    assert_eq!(state.apply(Push::Closed { reason: String::new() }, at(0)), Change::Gone);
}

#[test]
fn a_message_never_grows_too_long() {
    let mut state = State::new();
    play(&mut state, [begins(1, Vec::new())]);
    for number in 0..8 {
        play(&mut state, [started(1, number, BlockKind::Tool, &"x".repeat(500))]);
    }
    play(&mut state, [started(1, 20, BlockKind::Thinking, &"thought ".repeat(500))]);
    play(&mut state, [started(1, 9, BlockKind::Text, "")]);
    for _ in 0..2000 {
        play(&mut state, [delta(9, "Some **words** of no great interest. ")]);
    }
    for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
        let units = shown(&state, verbosity, 99_000).encode_utf16().count();
        assert!((3000..4000).contains(&units), "{units}");
    }
}
