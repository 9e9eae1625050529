//! What waits for a person, and what nobody waits for.

use serde_json::{Value, json};

use super::client::Client;
use crate::support::PATIENCE;
use crate::support::home::Home;

fn home_with(config: &str, sessions: &[&str]) -> (Home, Client) {
    let home = Home::new();
    home.write_config(config);
    for name in sessions {
        home.run(&["session", "new", name, "--agent", "demo", "--scratch"]).expect_code(0);
        home.run(&["send", "-s", name, "echo begin"]).expect_code(0);
    }
    let client = Client::connect(&home);
    (home, client)
}

#[track_caller]
fn asked(client: &mut Client, session: &str, prompt: &str) -> i64 {
    client.subscribe(session, 0);
    client.send(session, prompt);
    let event = client.event("approval_asked");
    event["detail"]["approval"]["id"].as_i64().expect("a number")
}

fn ids(home: &Home) -> Vec<i64> {
    let all: Vec<Value> =
        serde_json::from_str(&home.run(&["approvals", "--json"]).expect_code(0).stdout).expect("JSON");
    all.iter().filter_map(|approval| approval["id"].as_i64()).collect()
}

/// Each is answered by its number, in any order, and the other goes on waiting.
#[test]
fn two_approvals_at_once() {
    let (home, mut client) = home_with("", &["one", "two"]);
    let first = asked(&mut client, "one", "list files");
    let second = asked(&mut Client::connect(&home), "two", "list files");
    assert_eq!(ids(&home), [first, second]);
    home.run(&["approve", &second.to_string()]).expect_code(0);
    assert_eq!(ids(&home), [first]);
    let listed = home.run(&["session", "show", "one", "--json"]).expect_code(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&listed).expect("JSON")["state"], "waiting");
    home.run(&["deny", &first.to_string()]).expect_code(0);
    assert_eq!(client.event("turn_ended")["detail"]["outcome"], "done");
    home.run(&["approve", &first.to_string()]).expect_code(1);
}

/// Nobody could answer once the host is gone, so the drain is not waited for.
#[test]
fn a_host_that_ends_does_not_wait_for_an_answer() {
    let (home, mut client) = home_with("", &["work"]);
    asked(&mut client, "work", "list files");
    home.run(&["host", "stop"]).expect_code(0);
    assert!(home.wait_empty(PATIENCE).is_empty());
    let log = home.run(&["log", "work", "--json"]).expect_code(0).stdout;
    let last: Value = log.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("JSON");
    assert_eq!((&last["kind"], &last["detail"]["outcome"]), (&json!("turn_ended"), &json!("interrupted")));
}

#[test]
fn an_idle_process_is_put_to_sleep_in_time_and_a_pinned_one_is_not() {
    let (home, mut client) = home_with("[host]\nidle_timeout = \"300ms\"\n", &["work"]);
    client.subscribe("work", 0);
    client.until(|push| push["live"]["state"] == "asleep");
    home.run(&["session", "pin", "work"]).expect_code(0);
    assert_eq!(home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout, "I remember: echo begin\n");
    client.until(|push| push["live"]["state"] == "idle");
    // Another one's time is up after the pinned one's would have been.
    home.run(&["session", "new", "other", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "other", "echo hello"]).expect_code(0);
    let mut watching = Client::connect(&home);
    watching.subscribe("other", 0);
    watching.until(|push| push["live"]["state"] == "asleep");
    let shown = home.run(&["session", "show", "work", "--json"]).expect_code(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON")["state"], "idle");
}

/// A script is told that its prompt is held, instead of waiting for a person who may never come.
#[test]
fn a_held_queue_is_shown_and_not_waited_for() {
    let (home, mut client) = home_with("", &["work"]);
    client.subscribe("work", 0);
    client.send("work", "words 200 20");
    client.until(|push| push["live"]["type"] == "delta");
    client.send("work", "echo first");
    home.run(&["session", "stop", "work"]).expect_code(0);
    client.event("turn_ended");
    let held = home.run(&["send", "-s", "work", "echo second"]).expect_code(6);
    assert!(held.stderr.contains("the queue is held (stopped)"), "{}", held.stderr);
    let waits = home.run(&["session", "queue", "work"]).expect_code(0);
    let texts: Vec<_> = waits.stdout.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(texts, ["first", "second"]);
    assert!(waits.stderr.contains("--run or --clear"), "{}", waits.stderr);
    let json = home.run(&["session", "queue", "work", "--json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json[0]["text"], &json[1]["text"]), (&json!("echo first"), &json!("echo second")));
    home.run(&["session", "queue", "work", "--run"]).expect_code(0);
    client.until(|push| push["event"]["text"] == "second" && push["event"]["kind"] == "reply");
    assert_eq!(home.run(&["session", "queue", "work"]).expect_code(0).stdout, "");
}

/// Whoever has gone before the files were copied was told nothing, and asks again: here nothing of it stays.
#[test]
fn a_prompt_whose_sender_went_during_the_copy() {
    let (home, mut client) = home_with("", &["work"]);
    let file = home.write("project/large", vec![7; 32 << 20]);
    client.post(&json!({
        "type": "send", "session": { "exact": "work" }, "key": "test:gone", "text": "echo never",
        "attachments": [file], "delivery": "queue",
    }));
    drop(client);
    let id =
        home.run(&["session", "show", "work", "--json"]).json()["id"].as_str().expect("an id").to_owned();
    let inbox = home.data_dir().join("sessions").join(id).join("inbox");
    let deadline = std::time::Instant::now() + PATIENCE;
    // Made for the copies, and empty once they are removed.
    while std::fs::read_dir(&inbox).map_or(1, Iterator::count) > 0 {
        assert!(std::time::Instant::now() < deadline, "the copies stay");
        std::thread::yield_now();
    }
    let log = home.run(&["log", "work"]).expect_code(0).stdout;
    assert!(!log.contains("never"), "{log}");
}
