use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::model::{ApprovalKind, Delivery, Origin, SessionId, SessionState, Stages, Usage};

fn prompt(number: u128) -> PromptId {
    PromptId(Uuid::from_u128(number))
}

fn accepted(status: PromptStatus) -> Accepted {
    Accepted {
        prompt: prompt(1),
        session: SessionId(Uuid::nil()),
        name: "work".to_owned(),
        status,
        seq: 10,
        repeated: false,
        reason: Some("a turn is running".to_owned()),
    }
}

fn view() -> View {
    View::new(&accepted(PromptStatus::Queued), false, true)
}

fn event(seq: u64, kind: EventKind, text: &str, detail: Detail) -> Push {
    let at = Timestamp::UNIX_EPOCH;
    Push::Event(Event { seq, at, kind, text: text.to_owned(), prompt_id: None, detail: Some(detail) })
}

fn reply(seq: u64, turn: TurnId, block: u64, text: &str) -> Push {
    event(seq, EventKind::Reply, text, Detail::Reply { turn, block, parent: None })
}

fn ended(seq: u64, turn: TurnId, outcome: Outcome, prompts: &[u128], text: &str) -> Push {
    let detail = Detail::Turn {
        turn,
        origin: Origin::Prompt,
        outcome,
        prompts: prompts.iter().copied().map(prompt).collect(),
        cost_usd: 0.0,
        usage: Usage::default(),
        stages: Stages::default(),
    };
    event(seq, EventKind::TurnEnded, text, detail)
}

fn block(number: u64, kind: BlockKind, text: &str) -> LiveBlock {
    LiveBlock { block: number, kind, text: text.to_owned(), tool: None, parent: None }
}

fn started(turn: TurnId, number: u64, text: &str) -> Push {
    Push::Live(Live::BlockStarted { turn, block: block(number, BlockKind::Text, text) })
}

fn delta(block: u64, text: &str) -> Push {
    Push::Live(Live::Delta { block, text: text.to_owned() })
}

fn joined(turn: TurnId, number: u128) -> Push {
    Push::Live(Live::TurnJoined { turn, prompt: prompt(number) })
}

fn begins(turn: TurnId) -> Push {
    Push::Live(Live::TurnStarted { turn, origin: Origin::Prompt, prompts: Vec::new() })
}

fn snapshot(turn: Option<LiveTurn>, approvals: Vec<Approval>) -> Push {
    Push::Live(Live::Snapshot(Box::new(Snapshot {
        state: SessionState::Busy,
        turn,
        queue: Vec::new(),
        hold: None,
        approvals,
        status: None,
    })))
}

fn running(turn: TurnId, prompts: &[u128], blocks: Vec<LiveBlock>) -> Option<LiveTurn> {
    let prompts = prompts.iter().copied().map(prompt).collect();
    Some(LiveTurn { turn, origin: Origin::Prompt, started: Timestamp::UNIX_EPOCH, prompts, blocks })
}

fn changed(queue: &[u128], hold: Option<&str>) -> Push {
    let waiting = |number: &u128| QueuedPrompt {
        id: prompt(*number),
        text: String::new(),
        delivery: Delivery::Queue,
        status: PromptStatus::Queued,
        accepted: Timestamp::UNIX_EPOCH,
    };
    Push::Live(Live::Changed {
        state: SessionState::Busy,
        queue: queue.iter().map(waiting).collect(),
        hold: hold.map(str::to_owned),
        status: None,
    })
}

fn approval(id: ApprovalId) -> Approval {
    Approval {
        id,
        session: "work".to_owned(),
        kind: ApprovalKind::Tool,
        tool: "Bash".to_owned(),
        summary: "ls".to_owned(),
        session_id: SessionId(Uuid::nil()),
        asked: Timestamp::UNIX_EPOCH,
        input: serde_json::Value::Null,
        questions: Vec::new(),
        plan: None,
        rules: Vec::new(),
        rules_file: None,
    }
}

/// Everything that was to be done, and the reply as stdout has it.
fn play(view: &mut View, pushes: impl IntoIterator<Item = Push>) -> (String, Vec<Act>) {
    let mut stdout = String::new();
    let mut others = Vec::new();
    for act in pushes.into_iter().flat_map(|push| view.push(push)) {
        match act {
            Act::Reply(text) => stdout.push_str(&text),
            other => others.push(other),
        }
    }
    (stdout, others)
}

const DONE: Act = Act::End(Ending::Done);

#[test]
fn a_streamed_reply_is_printed_once_and_ends_with_one_newline() {
    let mut view = view();
    let pushes = [
        snapshot(None, Vec::new()),
        begins(3),
        joined(3, 1),
        started(3, 1, ""),
        delta(1, "Hel"),
        delta(1, "lo\n"),
        reply(11, 3, 1, "Hello\n"),
        ended(12, 3, Outcome::Done, &[1], ""),
    ];
    assert_eq!(play(&mut view, pushes), ("Hello\n".to_owned(), vec![DONE]));
    assert_eq!(view.last_seq(), 12);
}

#[test]
fn a_reply_that_was_never_live_is_printed_from_events() {
    let pushes = [
        reply(11, 3, 1, "first"),
        reply(12, 3, 2, "second"),
        ended(13, 3, Outcome::Done, &[1], ""),
        snapshot(None, Vec::new()),
    ];
    assert_eq!(play(&mut view(), pushes), ("first\n\nsecond\n".to_owned(), vec![DONE]));
}

#[test]
fn a_late_joiner_gets_what_was_said_so_far() {
    let blocks = vec![block(2, BlockKind::Text, "and th")];
    let pushes = [
        reply(11, 3, 1, "this"),
        snapshot(running(3, &[1], blocks), Vec::new()),
        delta(2, "at"),
        reply(12, 3, 2, "and that"),
        ended(13, 3, Outcome::Done, &[1], ""),
    ];
    assert_eq!(play(&mut view(), pushes), ("this\n\nand that\n".to_owned(), vec![DONE]));
}

#[test]
fn what_others_asked_is_not_printed() {
    let mut view = view();
    let blocks = vec![block(1, BlockKind::Text, "for some")];
    let pushes = [
        snapshot(running(3, &[9], blocks), Vec::new()),
        changed(&[1], None),
        delta(1, "body else"),
        reply(11, 3, 1, "for somebody else"),
        ended(12, 3, Outcome::Failed, &[9], "not ours"),
        begins(4),
        joined(4, 1),
        reply(13, 4, 2, "for me"),
        ended(14, 4, Outcome::Done, &[1], ""),
    ];
    let (stdout, acts) = play(&mut view, pushes);
    assert_eq!(stdout, "for me\n");
    assert_eq!(acts, [Act::Note("queued, number 1: a turn is running".to_owned()), DONE]);
}

#[test]
fn joining_a_running_turn_shows_it_from_there_on() {
    let pushes = [
        snapshot(running(3, &[9], vec![block(1, BlockKind::Text, "earlier")]), Vec::new()),
        reply(11, 3, 1, "earlier"),
        joined(3, 1),
        started(3, 2, "later"),
        reply(12, 3, 2, "later"),
        ended(13, 3, Outcome::Done, &[9, 1], ""),
    ];
    assert_eq!(play(&mut view(), pushes), ("later\n".to_owned(), vec![DONE]));
}

#[test]
fn a_lost_connection_prints_nothing_twice() {
    // (what the new connection brings, what it adds)
    let cases = [
        // The same host: the block goes on.
        (
            vec![
                snapshot(running(3, &[1], vec![block(1, BlockKind::Text, "Hello wo")]), Vec::new()),
                delta(1, "rld"),
                reply(11, 3, 1, "Hello world"),
                ended(12, 3, Outcome::Done, &[1], ""),
            ],
            " world\n",
        ),
        // Another host, other numbers, the orphan's reply recovered.
        (vec![reply(11, 5, 1, "Hello world"), ended(12, 5, Outcome::Done, &[1], "")], " world\n"),
        // It was complete already.
        (vec![reply(11, 5, 8, "Hello"), ended(12, 5, Outcome::Done, &[1], "")], "\n"),
        // The prompt ran again and Claude says something else.
        (vec![reply(11, 5, 1, "Good day"), ended(12, 5, Outcome::Done, &[1], "")], "\n\nGood day\n"),
    ];
    for (pushes, added) in cases {
        let mut view = view();
        let live =
            [snapshot(None, Vec::new()), begins(3), joined(3, 1), started(3, 1, ""), delta(1, "Hello")];
        assert_eq!(play(&mut view, live).0, "Hello");
        view.reconnected();
        assert_eq!(play(&mut view, pushes), (added.to_owned(), vec![DONE]));
    }
}

#[test]
fn events_that_come_again_are_not_printed_again() {
    let mut view = view();
    let turn = || [begins(3), joined(3, 1), reply(11, 3, 1, "once")];
    assert_eq!(play(&mut view, turn()).0, "once");
    view.reconnected();
    assert_eq!(play(&mut view, turn()).0, "");
}

#[test]
fn a_slow_reader_subscribes_again() {
    let mut view = view();
    assert_eq!(view.push(Push::Lagged), [Act::Resubscribe]);
    let closed = view.push(Push::Closed { reason: "the host ends".to_owned() });
    assert_eq!(closed, [Act::Reconnect("the host ends".to_owned())]);
}

#[test]
fn endings_say_why() {
    for (outcome, text, ending) in [
        (Outcome::Failed, "API Error: 529", Ending::Failed("API Error: 529".to_owned())),
        (Outcome::Interrupted, "", Ending::Interrupted("the turn was interrupted".to_owned())),
        (Outcome::Replaced, "", Ending::Interrupted("dropped for another prompt".to_owned())),
    ] {
        let acts = view().push(ended(11, 3, outcome, &[1], text));
        assert_eq!(acts, [Act::End(ending)]);
    }
}

#[test]
fn tools_are_told_once_with_their_errors() {
    let tool = LiveBlock { tool: Some("Bash".to_owned()), ..block(1, BlockKind::Tool, "ls -la") };
    let done = |block, result: Option<&str>, is_error| {
        let detail = Detail::Tool {
            turn: 3,
            block,
            name: "Bash".to_owned(),
            input: serde_json::Value::Null,
            result: result.map(str::to_owned),
            is_error,
            parent: None,
        };
        event(10 + block, EventKind::Tool, "Bash: ls -la", detail)
    };
    let mut view = view();
    let pushes = [
        begins(3),
        joined(3, 1),
        Push::Live(Live::BlockStarted { turn: 3, block: tool }),
        done(1, Some("total 0"), false),
        done(2, Some("no such file\nat all"), true),
        done(3, None, true),
    ];
    let notes = ["⚙ Bash: ls -la", "⚙ Bash: ls -la", "  ✗ no such file", "⚙ Bash: ls -la", "  ✗ cut off"];
    let notes: Vec<Act> = notes.into_iter().map(|note| Act::Note(note.to_owned())).collect();
    assert_eq!(play(&mut view, pushes), (String::new(), notes));
}

#[test]
fn thinking_is_shown_a_line_at_a_time_when_wanted() {
    let pushes = || {
        [
            begins(3),
            joined(3, 1),
            Push::Live(Live::BlockStarted { turn: 3, block: block(1, BlockKind::Thinking, "") }),
            delta(1, "let me "),
            delta(1, "see\nhm"),
        ]
    };
    assert_eq!(play(&mut view(), pushes()).1, []);
    let mut verbose = View::new(&accepted(PromptStatus::Queued), true, true);
    assert_eq!(play(&mut verbose, pushes()).1, [Act::Note("let me see".to_owned())]);
}

#[test]
fn approvals_are_asked_once_and_settled_by_whoever_is_first() {
    let asked = |seq, id| {
        event(seq, EventKind::ApprovalAsked, "", Detail::Asked { approval: Box::new(approval(id)) })
    };
    let answered = |seq, id| {
        let decision = Some(Decision::Deny { message: None });
        let detail = Detail::Answered { approval: id, decision, by: "telegram:ann".to_owned() };
        event(seq, EventKind::ApprovalAnswered, "", detail)
    };
    let mut view = view();
    // The past asks nobody; the snapshot says what is still open.
    assert_eq!(view.push(asked(11, 4)), []);
    assert_eq!(view.push(snapshot(None, vec![approval(4)])), [Act::Ask(Box::new(approval(4)))]);
    assert_eq!(view.push(asked(12, 5)), [Act::Ask(Box::new(approval(5)))]);
    let settled = Act::Settled {
        approval: 5,
        decision: Some(Decision::Deny { message: None }),
        by: "telegram:ann".to_owned(),
    };
    assert_eq!(view.push(answered(13, 5)), [settled]);
    assert_eq!(view.push(answered(14, 77)), []);
    view.push(Push::Lagged);
    let void = Act::Settled { approval: 4, decision: None, by: String::new() };
    assert_eq!(view.push(snapshot(None, Vec::new())), [void]);
    view.push(snapshot(None, vec![approval(6)]));
    view.reconnected();
    assert_eq!(view.push(snapshot(None, vec![approval(6)])), [Act::Ask(Box::new(approval(6)))]);
}

#[test]
fn a_prompt_that_leaves_the_queue_unclaimed_is_asked_about() {
    let mut view = view();
    view.push(changed(&[9, 1], None));
    assert_eq!(view.push(changed(&[9], None)), [Act::Check]);
    assert_eq!(view.accepted(&accepted(PromptStatus::Sent)), []);
    let taken_back = Ending::Interrupted("the prompt was taken back before it ran".to_owned());
    assert_eq!(view.accepted(&accepted(PromptStatus::Cancelled)), [Act::End(taken_back)]);
}

#[test]
fn a_held_queue_is_told_once() {
    let mut view = view();
    let words =
        "queued, number 1: the queue is held (stopped): claudebot session queue work --run or --clear";
    let note = Act::Note(words.to_owned());
    assert_eq!(view.push(changed(&[1], Some("stopped"))), [note]);
    assert_eq!(view.push(changed(&[1], Some("stopped"))), []);
}

#[test]
fn ctrl_c_stops_then_leaves() {
    let mut busy = view();
    play(&mut busy, [begins(3), joined(3, 1)]);
    assert_eq!(busy.interrupt(), [Act::StopTurn(Some(3))]);
    assert_eq!(busy.interrupt(), [Act::Detach]);

    let mut waiting = view();
    play(&mut waiting, [snapshot(running(3, &[9], Vec::new()), Vec::new())]);
    assert_eq!(waiting.interrupt(), [Act::TakeBack(prompt(1))]);
    assert_eq!(waiting.not_taken_back(), [], "the turn of somebody else is not ours to stop");
}

#[test]
fn a_turn_that_did_not_answer_as_expected_is_not_the_end() {
    let mut view = view();
    view.push(snapshot(running(1, &[1], vec![block(1, BlockKind::Text, "half")]), Vec::new()));
    let acts = view.push(ended(11, 1, Outcome::Done, &[], ""));
    assert!(acts.iter().all(|act| !matches!(act, Act::End(_))), "{acts:?}");
    view.push(begins(2));
    view.push(joined(2, 1));
    let acts = view.push(ended(12, 2, Outcome::Done, &[1], ""));
    assert!(acts.contains(&Act::End(Ending::Done)), "{acts:?}");
}

#[test]
fn without_a_person_a_held_queue_is_not_waited_for() {
    let mut view = View::new(&accepted(PromptStatus::Queued), false, false);
    let (_, acts) = play(&mut view, [snapshot(None, Vec::new()), changed(&[1], Some("stopped"))]);
    assert_eq!(acts.last(), Some(&Act::End(Ending::Held("the queue is held (stopped)".to_owned()))));
}
