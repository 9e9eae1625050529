//! Kills at chosen moments. The demo agent and the real CLI go through the same wherever both can.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chance::{Chance, given, pause};
use super::client::{ask, named, prompt};
use super::rig::{Rig, id_in};
use crate::support::PATIENCE;

const NAME: &str = "s";

fn send(rig: &Rig, text: &str, delivery: &str) -> Uuid {
    rig.accepted(NAME, &format!("special:{}", Uuid::new_v4()), text, delivery)
}

fn replies(rig: &Rig) -> Vec<String> {
    let log = rig.log(NAME);
    let said = log.iter().filter(|event| event["kind"] == "reply");
    said.map(|event| event["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[track_caller]
fn expect(rig: &Rig, prompt: Uuid, outcome: &str) {
    let ended = rig.ended(NAME, prompt);
    assert_eq!(ended["outcome"], outcome, "{ended}\n{:#?}", rig.log(NAME));
}

/// Waits until the agent says something.
fn speaking(rig: &Rig) {
    rig.until(NAME, |push| {
        let blocks = push["live"]["turn"]["blocks"].as_array();
        push["live"]["type"] == "delta" || blocks.is_some_and(|blocks| !blocks.is_empty())
    });
}

/// Waits until a tool is at work: there is a process with this in its command, or the demo says so.
fn tooling(rig: &Rig, command: &str) {
    if rig.api.is_some() {
        process(rig, command);
    } else {
        rig.until(NAME, |push| push.to_string().contains("\"kind\":\"tool\""));
    }
}

#[track_caller]
fn process(rig: &Rig, command: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !rig.home.leftovers().iter().any(|found| found.command.contains(command)) {
        assert!(Instant::now() < deadline, "no {command} runs: {:?}", rig.home.leftovers());
        pause(Duration::from_millis(5));
    }
}

/// The id of the next thing that waits for an answer.
#[track_caller]
fn asked(rig: &Rig) -> Value {
    let asked = rig.until(NAME, |push| push["event"]["kind"] == "approval_asked");
    asked["event"]["detail"]["approval"]["id"].clone()
}

fn answer(rig: &Rig, approval: &Value) -> Result<Value, Value> {
    let decision = json!({ "decision": "allow", "scope": "once" });
    ask(&rig.home, &json!({ "type": "answer", "approval": approval, "decision": decision, "by": "test" }))
}

/// A tool that takes long; the real one has to be allowed.
fn begin_tool(rig: &Rig, seconds: u32) -> Uuid {
    let real = rig.api.is_some();
    let text = if real { format!("bash mkdir made && sleep {seconds}") } else { format!("slow {seconds}") };
    let prompt = send(rig, &text, "queue");
    if real {
        answer(rig, &asked(rig)).unwrap();
    }
    tooling(rig, &format!("sleep {seconds}"));
    prompt
}

fn the_agent_works_on_without_a_host(rig: Rig) {
    let first = send(&rig, "words 30 30", "queue");
    speaking(&rig);
    let agent = rig.agent();
    rig.kill_host();
    assert!(agent.is_alive(), "it works on");
    rig.start_host();
    let second = send(&rig, "words 3 0", "queue");
    expect(&rig, first, "done");
    assert!(!agent.is_alive(), "its conversation was read before its end");
    expect(&rig, second, "done");
    let whole: Vec<String> = (0..30).map(|word| format!("w{word}")).collect();
    assert_eq!(replies(&rig), [whole.join(" "), "w0 w1 w2".to_owned()]);
    rig.end();
}

/// The same, but it has finished before there is a new host.
fn the_agent_finished_without_a_host(rig: Rig) {
    let prompt = send(&rig, "words 10 30", "queue");
    speaking(&rig);
    let agent = rig.agent();
    rig.kill_host();
    assert!(agent.wait_gone(PATIENCE));
    rig.start_host();
    expect(&rig, prompt, "done");
    assert_eq!(replies(&rig), ["w0 w1 w2 w3 w4 w5 w6 w7 w8 w9"]);
    rig.end();
}

fn the_agent_is_killed_in_a_tool(rig: Rig) {
    let first = begin_tool(&rig, 300);
    rig.agent().signal(Signal::KILL);
    expect(&rig, first, "interrupted");
    let left = rig.home.leftovers();
    assert!(!left.iter().any(|found| found.command.contains("sleep 300")), "{left:?}");
    let second = send(&rig, "words 3 0", "queue");
    expect(&rig, second, "done");
    rig.end();
}

fn both_are_killed_in_a_tool(rig: Rig) {
    let first = begin_tool(&rig, 300);
    let second = send(&rig, "words 3 0", "queue");
    rig.kill_both(true);
    rig.start_host();
    expect(&rig, first, "interrupted");
    let left = rig.home.leftovers();
    assert!(!left.iter().any(|found| found.command.contains("sleep 300")), "{left:?}");
    expect(&rig, second, "done");
    assert_eq!(replies(&rig).last().map(String::as_str), Some("w0 w1 w2"));
    rig.end();
}

fn killed_while_it_starts(rig: Rig, most: Duration) {
    let mut chance = Chance::new(given("CLAUDEBOT_TEST_SEED", 3));
    for round in 0..4 {
        let prompt = send(&rig, "words 3 0", "queue");
        let agent = rig.agent();
        pause(chance.up_to(most));
        match round % 3 {
            0 => agent.signal(Signal::KILL),
            1 => {
                rig.kill_both(false);
                rig.start_host();
            }
            _ => {
                rig.kill_host();
                rig.start_host();
            }
        }
        let ended = rig.ended(NAME, prompt);
        // It may have been quick enough to begin.
        assert!(matches!(ended["outcome"].as_str(), Some("done" | "interrupted")), "{ended}");
        rig.ask(&json!({ "type": "session_sleep", "session": named(NAME), "force": true }));
        assert!(agent.wait_gone(PATIENCE));
        rig.until(NAME, |push| push["live"]["state"] == "asleep" || push["live"]["state"] == "crashed");
    }
    let prompt = send(&rig, "words 3 0", "queue");
    expect(&rig, prompt, "done");
    rig.end();
}

fn a_queued_prompt_outlives_both(rig: Rig) {
    let first = send(&rig, "words 200 50", "queue");
    speaking(&rig);
    let key = "special:queued";
    let second = rig.accepted(NAME, key, "words 3 0", "queue");
    rig.kill_both(false);
    rig.start_host();
    let again = rig.ask(&prompt(NAME, key, "words 3 0", "queue"));
    assert_eq!((&again["data"]["repeated"], id_in(&again["data"]["prompt"])), (&json!(true), second));
    expect(&rig, first, "interrupted");
    expect(&rig, second, "done");
    assert_eq!(replies(&rig).iter().filter(|reply| *reply == "w0 w1 w2").count(), 1);
    rig.end();
}

fn an_approval_dies_with_its_process(rig: Rig) {
    let text = if rig.api.is_some() { "bash mkdir made" } else { "run" };
    let with_host = |host: bool| {
        let prompt = send(&rig, text, "queue");
        rig.until(NAME, |push| push["live"]["state"] == "waiting");
        let pending = rig.ask(&json!({ "type": "approvals", "session": null }));
        let approval = pending["data"][0]["id"].clone();
        if host {
            rig.kill_both(true);
            rig.start_host();
        } else {
            rig.agent().signal(Signal::KILL);
        }
        expect(&rig, prompt, "interrupted");
        let error = answer(&rig, &approval).unwrap_err();
        assert_eq!(error["kind"], "conflict", "{error}");
        assert!(error["message"].as_str().unwrap().contains("no longer needed"), "{error}");
        let pending = rig.ask(&json!({ "type": "approvals", "session": null }));
        assert_eq!(pending["data"], json!([]));
    };
    with_host(false);
    with_host(true);
    let void = rig.log(NAME).into_iter().filter(|event| event["text"] == "no longer needed").count();
    assert_eq!(void, 2);
    rig.end();
}

/// What a stop took back from the agent runs when the queue is let run, though the agent has seen its uuid.
fn stopped_and_run_later(rig: Rig) {
    let first = send(&rig, "words 200 50", "queue");
    speaking(&rig);
    let text = if rig.api.is_some() { "hello again" } else { "echo Echo: hello again" };
    let second = send(&rig, text, "now");
    rig.ask(&json!({ "type": "session_stop", "session": named(NAME), "turn": null }));
    expect(&rig, first, "interrupted");
    rig.until(NAME, |push| {
        let queue = push["live"]["queue"].as_array();
        push["live"]["state"] == "idle" && queue.is_some_and(|queue| queue.len() == 1)
    });
    rig.ask(&json!({ "type": "queue_run", "session": named(NAME) }));
    expect(&rig, second, "done");
    assert_eq!(replies(&rig).last().map(String::as_str), Some("Echo: hello again"));
    // It is still the same process: nothing had to be started again for it.
    assert_eq!(rig.agents().len(), 1);
    rig.end();
}

/// The end of a host takes along what a former one left at work.
fn an_orphan_ends_with_the_next_host(rig: Rig) {
    begin_tool(&rig, 60);
    let agent = rig.agent();
    rig.kill_host();
    rig.start_host();
    assert!(agent.is_alive());
    rig.end();
    assert!(!agent.is_alive());
}

macro_rules! demo {
    ($($case:ident),+ $(,)?) => {
        $(
            #[test]
            fn $case() {
                super::$case(Rig::demo(&[NAME]));
            }
        )+
    };
}

mod demo {
    use super::*;

    demo!(
        the_agent_works_on_without_a_host,
        the_agent_finished_without_a_host,
        the_agent_is_killed_in_a_tool,
        both_are_killed_in_a_tool,
        a_queued_prompt_outlives_both,
        an_approval_dies_with_its_process,
        stopped_and_run_later,
        an_orphan_ends_with_the_next_host,
    );

    #[test]
    fn killed_while_it_starts() {
        super::killed_while_it_starts(Rig::demo(&[NAME]), Duration::from_millis(15));
    }
}

macro_rules! real {
    ($release:expr, $($case:ident),+ $(,)?) => {
        $(
            #[test]
            fn $case() {
                super::$case(Rig::real($release, &[NAME]));
            }
        )+
    };
}

mod real_330 {
    use super::*;
    use crate::support::claude::Release;

    real!(
        Release::Newest,
        the_agent_works_on_without_a_host,
        the_agent_finished_without_a_host,
        the_agent_is_killed_in_a_tool,
        both_are_killed_in_a_tool,
        a_queued_prompt_outlives_both,
        an_approval_dies_with_its_process,
        stopped_and_run_later,
        an_orphan_ends_with_the_next_host,
        a_conversation_that_cannot_be_resumed,
    );

    #[test]
    fn killed_while_it_starts() {
        super::killed_while_it_starts(Rig::real(Release::Newest, &[NAME]), Duration::from_millis(600));
    }
}

mod real_197 {
    use super::*;
    use crate::support::claude::Release;

    real!(
        Release::Older,
        the_agent_works_on_without_a_host,
        the_agent_is_killed_in_a_tool,
        both_are_killed_in_a_tool,
        a_queued_prompt_outlives_both,
        stopped_and_run_later,
        a_conversation_that_cannot_be_resumed,
    );
}

/// A kill just before the first prompt is stored leaves a file that the CLI neither resumes nor uses anew.
fn a_conversation_that_cannot_be_resumed(rig: Rig) {
    let first = send(&rig, "my name is Ada", "queue");
    expect(&rig, first, "done");
    rig.kill_both(true);
    let id =
        rig.db().query_row("SELECT conversation FROM session", [], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let id = Uuid::from_slice(&id).unwrap();
    let projects = std::fs::read_dir(rig.home.path().join(".claude/projects")).unwrap().flatten();
    let file =
        projects.map(|dir| dir.path().join(format!("{id}.jsonl"))).find(|file| file.is_file()).unwrap();
    let line = json!({ "type": "queue-operation", "operation": "enqueue", "sessionId": id, "content": "x" });
    std::fs::write(&file, format!("{line}\n")).unwrap();
    rig.start_host();
    let second = send(&rig, "hello", "queue");
    expect(&rig, second, "done");
    let last = replies(&rig).pop().unwrap();
    assert!(last.contains("my name is Ada") && last.contains("hello"), "{last}");
    rig.until(NAME, |push| push["event"]["detail"]["code"] == "recap");
    rig.end();
}
