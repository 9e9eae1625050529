//! The agent against the recorded transcripts of 2.1.330: the same order of the same kinds of messages.
//!
//! `shapes/*.txt` are the transcripts' outputs, one kind a line, repeated deltas taken together. Where a recording goes
//! on with something that only its scripted API wanted, the shape ends before it.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::Agent;
use super::args::{Args, Start};
use super::conversation::Conversation;
use super::outside::{Input, Outside};

/// What must have been seen, since the step before, for a step's lines to be written.
#[derive(Clone, Copy)]
enum After {
    Nothing,
    Delta,
    Ask,
    Response,
    Results(usize),
}

type Lines = Box<dyn Fn(&Value) -> Vec<Value>>;

/// A script in place of stdin, a record in place of stdout, and a clock that jumps.
struct World<'a> {
    script: VecDeque<(After, Lines)>,
    /// Lines of the last step that are not read yet.
    unread: VecDeque<Value>,
    now: Duration,
    written: &'a mut Vec<Value>,
    /// How much of it the steps before have used up.
    seen: usize,
}

impl World<'_> {
    /// The output that the next step waits for.
    fn awaited(&self) -> Option<usize> {
        let (after, _) = self.script.front()?;
        let kind = |kind: &'static str| move |message: &Value| message["type"] == kind;
        let delta = |message: &Value| message["event"]["type"] == "content_block_delta";
        let position = |wanted: &dyn Fn(&Value) -> bool, nth: usize| {
            let found =
                self.written.iter().enumerate().skip(self.seen).filter(|(_, message)| wanted(message));
            found.map(|(index, _)| index).nth(nth)
        };
        match after {
            After::Nothing => Some(self.seen),
            After::Delta => position(&delta, 0),
            After::Ask => position(&kind("control_request"), 0),
            After::Response => position(&kind("control_response"), 0),
            After::Results(count) => position(&kind("result"), count - 1),
        }
    }
}

impl Outside for World<'_> {
    fn now(&self) -> Duration {
        self.now
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::try_from(self.now).unwrap()
    }

    fn input(&mut self, until: Option<Duration>) -> Option<Input> {
        if self.unread.is_empty()
            && let Some(index) = self.awaited()
            && let Some((after, lines)) = self.script.pop_front()
        {
            let message = self.written.get(index).cloned().unwrap_or_default();
            self.seen = if matches!(after, After::Nothing) { index } else { index + 1 };
            self.unread.extend(lines(&message));
        }
        match (self.unread.pop_front(), until) {
            (Some(line), _) => Some(Input::Line(line.to_string().into_bytes())),
            (None, Some(until)) => {
                self.now = self.now.max(until);
                None
            }
            (None, None) => Some(Input::End),
        }
    }

    fn write(&mut self, line: &[u8]) {
        self.written.push(serde_json::from_slice(line).unwrap());
    }
}

fn uuid(number: u8) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn prompt(number: u8, text: &str) -> Value {
    json!({"type": "user", "message": {"role": "user", "content": text}, "parent_tool_use_id": null, "uuid": uuid(number)})
}

fn with_priority(number: u8, text: &str, priority: &str) -> Value {
    let mut message = prompt(number, text);
    message["priority"] = json!(priority);
    message
}

fn control(id: &str, request: Value) -> Value {
    json!({"type": "control_request", "request_id": id, "request": request})
}

fn says(number: u8, text: &str) -> Lines {
    lines(vec![prompt(number, text)])
}

fn lines(lines: Vec<Value>) -> Lines {
    Box::new(move |_| lines.clone())
}

/// Answers the request that was seen, and perhaps writes more.
fn answers(response: Value, more: Vec<Value>) -> Lines {
    Box::new(move |asked| {
        let mut response = response.clone();
        if response["behavior"] == "allow" && response["updatedInput"].is_null() {
            response["updatedInput"] = asked["request"]["input"].clone();
        }
        let response = json!({"subtype": "success", "request_id": asked["request_id"], "response": response});
        let mut lines = vec![json!({"type": "control_response", "response": response})];
        lines.extend(more.clone());
        lines
    })
}

fn allow() -> Lines {
    answers(json!({"behavior": "allow"}), vec![])
}

fn initialize() -> (After, Lines) {
    (After::Nothing, lines(vec![control("req_1", json!({"subtype": "initialize"}))]))
}

struct Stage {
    home: tempfile::TempDir,
    id: Uuid,
}

impl Stage {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), id: Uuid::new_v4() }
    }

    /// Plays a script to a new process, and gives its exit code and all that it wrote.
    fn play(
        &self,
        start: fn(Uuid) -> Start,
        flags: &[&str],
        script: Vec<(After, Lines)>,
    ) -> (u8, Vec<Value>) {
        let args =
            Args { start: start(self.id), ..Args::parse(flags.iter().map(Into::into).collect()).unwrap() };
        let cwd = self.home.path().join("project");
        std::fs::create_dir_all(&cwd).unwrap();
        let conversation = Conversation::open(self.home.path(), cwd, args.start).unwrap().unwrap();
        let mut written = Vec::new();
        let world = World {
            script: script.into(),
            unread: VecDeque::new(),
            now: Duration::ZERO,
            written: &mut written,
            seen: 0,
        };
        let code = Agent::new(&args, conversation, world).run();
        (code, written)
    }

    fn entries(&self, id: &str) -> Vec<Value> {
        let mut projects = std::fs::read_dir(self.home.path().join("projects")).unwrap();
        let path = projects.next().unwrap().unwrap().path().join(format!("{id}.jsonl"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn play(flags: &[&str], script: Vec<(After, Lines)>) -> Vec<Value> {
    let script = std::iter::once(initialize()).chain(script).collect();
    let (code, written) = Stage::new().play(Start::New, flags, script);
    assert_eq!(code, 0);
    written
}

/// One word for what a message is.
fn shape(message: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let number = |uuid: &Value| text(uuid)[24..].trim_start_matches('0').to_owned();
    let content = &message["message"]["content"];
    match text(&message["type"]).as_str() {
        "command_lifecycle" => {
            format!("lifecycle {} {}", number(&message["command_uuid"]), text(&message["state"]))
        }
        "system" if message["subtype"] == "status" => format!("system status {}", text(&message["status"])),
        "system" => format!("system {}", text(&message["subtype"])),
        "user" if content.is_array() => {
            let error = if content[0]["is_error"] == true { " error" } else { "" };
            format!("user {}{error}", text(&content[0]["type"]))
        }
        "user" if message["isReplay"] == true && text(&message["uuid"]).starts_with("00000000") => {
            format!("replay {}", number(&message["uuid"]))
        }
        "user" => "user text".to_owned(),
        "assistant" => {
            let aborted = if message["aborted"] == true { " aborted" } else { "" };
            let synthetic = if message["message"]["model"] == "<synthetic>" { " synthetic" } else { "" };
            format!("assistant {}{aborted}{synthetic}", text(&content[0]["type"]))
        }
        "result" => {
            let outcome = if message["is_error"] == true { "error" } else { "ok" };
            format!("result {} {outcome} {}", text(&message["subtype"]), text(&message["terminal_reason"]))
        }
        "control_request" => format!("ask {}", text(&message["request"]["tool_name"])),
        "control_response" => format!("control_response {}", text(&message["response"]["subtype"])),
        "stream_event" => {
            let event = &message["event"];
            match text(&event["type"]).as_str() {
                "content_block_start" => format!("block_start {}", text(&event["content_block"]["type"])),
                "content_block_delta" => text(&event["delta"]["type"]),
                "message_delta" => format!("message_delta {}", text(&event["delta"]["stop_reason"])),
                other => other.to_owned(),
            }
        }
        other => other.to_owned(),
    }
}

fn shapes(messages: &[Value]) -> Vec<String> {
    let mut shapes: Vec<String> = messages.iter().map(shape).collect();
    shapes.dedup_by(|next, last| next == last && next.ends_with("_delta"));
    shapes
}

/// The recordings end with their last `result`; what a turn's prompts become follows after it.
fn assert_recorded(name: &str, messages: &[Value]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/shapes").join(format!("{name}.txt"));
    let recorded = std::fs::read_to_string(path).unwrap();
    let played = shapes(messages);
    let rest = played.len().min(recorded.lines().count());
    assert_eq!(played[..rest].join("\n"), recorded.trim_end(), "{name}");
    if name != "17-during-tool" {
        assert!(
            played[rest..].iter().all(|shape| shape.starts_with("lifecycle")),
            "{name}: {:?}",
            &played[rest..]
        );
    }
}

#[test]
fn two_turns() {
    let played =
        play(&[], vec![(After::Nothing, says(1, "echo hello there")), (After::Results(1), says(2, "long"))]);
    assert_recorded("01-two-turns", &played);
}

#[test]
fn a_permission_given_and_refused() {
    let deny = answers(json!({"behavior": "deny", "message": "Keep out."}), vec![]);
    let played = play(
        &[],
        vec![
            (After::Nothing, says(1, "list files")),
            (After::Ask, allow()),
            (After::Results(1), says(2, "run something")),
            (After::Ask, deny),
        ],
    );
    assert_recorded("02-permission", &played);
    let results: Vec<&Value> = played.iter().filter(|message| message["type"] == "result").collect();
    assert_eq!(results[0]["permission_denials"], json!([]));
    assert_eq!(results[1]["permission_denials"][0]["tool_name"], "Bash");
}

#[test]
fn a_question() {
    let chosen = json!({"behavior": "allow", "updatedInput": {"answers": {
        "Which colour do you like best?": "Blue", "Where will you reach your sessions from?": "Shell, Phone",
    }}});
    let played = play(&[], vec![(After::Nothing, says(1, "ask me")), (After::Ask, answers(chosen, vec![]))]);
    assert_recorded("03-question", &played);
    let result = played.iter().find(|message| message["type"] == "result").unwrap();
    assert!(result["result"].as_str().unwrap().contains("**Shell, Phone**"), "{result}");
}

#[test]
fn an_interrupt_of_a_text_and_of_an_approval() {
    let interrupt = |id: &str| lines(vec![control(id, json!({"subtype": "interrupt"}))]);
    let played = play(
        &[],
        vec![
            (After::Nothing, says(1, "words 60 50")),
            (After::Delta, interrupt("int_1")),
            (After::Results(1), says(2, "echo hello again")),
            (After::Results(1), says(3, "run")),
            (After::Ask, interrupt("int_2")),
        ],
    );
    assert_recorded("04-interrupt", &played);
}

#[test]
fn messages_while_a_text_streams_are_joined() {
    let played = play(
        &[],
        vec![
            (After::Nothing, says(1, "words 20 40")),
            (After::Delta, lines(vec![prompt(2, "echo second"), prompt(3, "echo third")])),
        ],
    );
    assert_recorded("05-while-busy", &played);
    let last = played.iter().rfind(|message| message["type"] == "result").unwrap();
    assert_eq!(last["result"], "second\n\nthird");
    assert_eq!(last["user_message_uuids"], json!([uuid(2), uuid(3)]));
}

#[test]
fn an_api_error() {
    assert_recorded("07-api-error", &play(&[], vec![(After::Nothing, says(2, "fail"))]));
}

#[test]
fn an_unknown_conversation() {
    let line = super::wire::unknown_conversation(Uuid::new_v4());
    assert_recorded("08-unknown-id", &[serde_json::from_slice(&line).unwrap()]);
}

#[test]
fn slash_commands() {
    let played = play(
        &[],
        vec![
            (After::Nothing, says(1, "echo hello you")),
            (After::Results(1), says(2, "/context")),
            (After::Results(1), says(3, "/cost")),
            (After::Results(1), says(4, "/compact")),
            (After::Results(1), says(5, "/nonexistent")),
        ],
    );
    assert_recorded("10-slash-commands", &played);
}

#[test]
fn a_plan() {
    let played =
        play(&["--permission-mode", "plan"], vec![(After::Nothing, says(1, "plan")), (After::Ask, allow())]);
    assert_recorded("12-plan", &played);
}

#[test]
fn a_thought() {
    assert_recorded("13-thinking", &play(&[], vec![(After::Nothing, says(1, "think"))]));
}

#[test]
fn a_background_task_begins_a_turn_even_after_stdin_ended() {
    let played = play(&[], vec![(After::Nothing, says(1, "background"))]);
    assert_recorded("16-background", &played);
    let last = played.iter().rfind(|message| message["type"] == "result").unwrap();
    assert_eq!(last["origin"]["kind"], "task-notification");
    assert!(last["user_message_uuids"].is_null());
}

#[test]
fn messages_during_a_tool_are_handed_over_in_the_same_turn() {
    let stage = Stage::new();
    let more = vec![prompt(2, "echo steer me"), prompt(3, "echo and me")];
    let script = vec![
        initialize(),
        (After::Nothing, says(1, "run")),
        (After::Ask, answers(json!({"behavior": "allow"}), more)),
    ];
    let (_, played) = stage.play(Start::New, &[], script);
    assert_recorded("17-during-tool", &played);
    let end: Vec<String> = shapes(&played).into_iter().rev().take(4).collect();
    assert_eq!(
        end,
        [
            "lifecycle 1 completed",
            "result success ok completed",
            "lifecycle 3 completed",
            "lifecycle 2 completed"
        ]
    );
    let entries = stage.entries(&stage.id.to_string());
    let sources: Vec<&Value> = entries.iter().map(|entry| &entry["attachment"]["source_uuid"]).collect();
    assert!(sources.contains(&&json!(uuid(2))) && sources.contains(&&json!(uuid(3))));
}

#[test]
fn clear_begins_another_conversation() {
    let stage = Stage::new();
    let script = vec![
        initialize(),
        (After::Nothing, says(1, "echo hello you")),
        (After::Results(1), says(2, "/clear")),
        (After::Results(1), says(3, "recall")),
    ];
    let (_, played) = stage.play(Start::New, &[], script);
    assert_recorded("18-clear", &played);
    let last = played.iter().rfind(|message| message["type"] == "result").unwrap();
    assert_eq!(last["result"], "I remember: ");
    let new = last["session_id"].as_str().unwrap();
    assert_ne!(new, stage.id.to_string());
    assert!(stage.entries(new).iter().any(|entry| entry["uuid"] == uuid(3)));
}

#[test]
fn priorities_and_taking_back() {
    let take_back = json!({"subtype": "cancel_async_message", "message_uuid": uuid(5)});
    let stop_all = json!({"subtype": "interrupt", "cancel_queued": true});
    let played = play(
        &[],
        vec![
            (After::Nothing, says(1, "words 30 40")),
            (After::Delta, lines(vec![with_priority(2, "echo instead of that", "now")])),
            (After::Results(2), says(3, "words 20 40")),
            (
                After::Delta,
                lines(vec![
                    with_priority(4, "echo afterwards now", "later"),
                    with_priority(5, "never mind", "later"),
                    control("req_2", take_back),
                ]),
            ),
            (After::Results(2), says(6, "words 20 40")),
            (After::Delta, lines(vec![prompt(7, "queued"), control("int_1", stop_all)])),
        ],
    );
    assert_recorded("19-priority", &played);
}

#[test]
fn a_prompt_with_priority_now_voids_an_approval_and_waits_for_a_tool() {
    let played = play(
        &[],
        vec![
            (After::Nothing, says(1, "run")),
            (After::Ask, lines(vec![with_priority(2, "slow 3", "now")])),
            (After::Results(1), lines(vec![with_priority(3, "echo later", "later")])),
        ],
    );
    let shapes = shapes(&played);
    let at = |wanted: &str| {
        shapes.iter().position(|shape| shape == wanted).unwrap_or_else(|| panic!("{wanted}: {shapes:#?}"))
    };
    assert!(at("control_cancel_request") < at("lifecycle 2 queued"));
    assert!(at("user tool_result error") < at("result success ok aborted_tools"));
    assert!(at("lifecycle 1 cancelled") < at("lifecycle 2 started"));
    assert!(at("lifecycle 2 completed") < at("lifecycle 3 started"), "later waits for the whole turn");
}

#[test]
fn the_end_of_stdin_answers_an_approval_with_no_and_finishes_the_turn() {
    let played = play(&[], vec![(After::Nothing, says(1, "run"))]);
    let shapes = shapes(&played);
    assert!(shapes.contains(&"user tool_result error".to_owned()));
    assert_eq!(shapes.last().unwrap(), "lifecycle 1 completed");
}

#[test]
fn a_held_prompt_is_echoed_and_not_run_again() {
    let stage = Stage::new();
    let script = vec![
        (After::Nothing, says(1, "echo once only")),
        (After::Results(1), says(1, "echo once only")),
        (After::Nothing, says(2, "crash")),
    ];
    let (code, played) = stage.play(Start::New, &[], script);
    assert_eq!(code, 3);
    assert_eq!(shapes(&played).iter().filter(|shape| *shape == "replay 1").count(), 2);
    assert_eq!(played.iter().filter(|message| message["type"] == "result").count(), 1);

    let again = vec![(After::Nothing, says(1, "echo once only")), (After::Nothing, says(2, "crash"))];
    let (code, played) = stage.play(Start::Resume, &[], again);
    let shapes = shapes(&played);
    assert_eq!(shapes[..2], ["replay 1", "lifecycle 1 completed"]);
    assert_eq!(code, 3, "a prompt that nothing had answered runs again");
    let stored = stage.entries(&stage.id.to_string());
    assert_eq!(stored.iter().filter(|entry| entry["uuid"] == uuid(2)).count(), 1, "but it is stored once");
}

#[test]
fn what_was_said_is_known_after_a_restart() {
    let stage = Stage::new();
    let first = vec![(After::Nothing, says(1, "echo one")), (After::Results(1), says(2, "echo two"))];
    stage.play(Start::New, &[], first);
    let (_, played) = stage.play(Start::Resume, &[], vec![(After::Nothing, says(3, "recall"))]);
    let result = played.iter().find(|message| message["type"] == "result").unwrap();
    assert_eq!(result["result"], "I remember: echo one | echo two");
    let entries = stage.entries(&stage.id.to_string());
    let chain: Vec<&Value> = entries.iter().filter(|entry| !entry["uuid"].is_null()).collect();
    for pair in chain.windows(2) {
        assert_eq!(pair[1]["parentUuid"], pair[0]["uuid"], "every entry hangs on the one before");
    }
    let reply = entries.iter().rfind(|entry| entry["type"] == "assistant").unwrap();
    assert_eq!(reply["message"]["stop_reason"], "end_turn");
}

#[test]
fn a_rule_allowed_for_good_is_not_asked_again_after_a_restart() {
    let stage = Stage::new();
    let for_good = json!({"behavior": "allow", "updatedPermissions": [{
        "type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": "ls -p"}], "behavior": "allow",
        "destination": "localSettings",
    }]});
    let script = vec![(After::Nothing, says(1, "run")), (After::Ask, answers(for_good, vec![]))];
    stage.play(Start::New, &[], script);
    let (_, played) = stage.play(Start::Resume, &[], vec![(After::Nothing, says(2, "run"))]);
    let shapes = shapes(&played);
    assert!(
        !shapes.contains(&"ask Bash".to_owned()) && shapes.contains(&"user tool_result".to_owned()),
        "{shapes:?}"
    );
}

#[test]
fn control_requests_are_answered() {
    let ask = |subtype: &str| (After::Nothing, lines(vec![control(subtype, json!({"subtype": subtype}))]));
    let known = [
        "set_model",
        "set_max_thinking_tokens",
        "get_context_usage",
        "get_session_cost",
        "get_usage",
        "get_settings",
        "mcp_status",
        "rename_session",
        "set_permission_mode",
        "cancel_async_message",
        "interrupt",
    ];
    let bypass = json!({"subtype": "set_permission_mode", "mode": "bypassPermissions"});
    let mut script: Vec<(After, Lines)> = known.iter().map(|subtype| ask(subtype)).collect();
    script.push((After::Response, lines(vec![control("bypass", bypass)])));
    script.push(ask("no_such_request"));
    let played = play(&[], script);
    let answer = |id: &str| {
        played.iter().find(|message| message["response"]["request_id"] == id).unwrap()["response"].clone()
    };
    for subtype in known {
        assert_eq!(answer(subtype)["subtype"], "success", "{subtype}");
    }
    assert_eq!(answer("bypass")["error_code"], "bypass_not_launched");
    assert_eq!(answer("no_such_request")["error_code"], "unsupported_request");
    assert_eq!(answer("cancel_async_message")["response"]["cancelled"], false);
}
