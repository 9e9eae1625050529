//! The end of a host: turns end or are cut off as asked, what waits runs in the next host, clients hear of it.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::client::Client;
use crate::support::PATIENCE;
use crate::support::home::Home;
use crate::support::process::Running;

/// A home with a session, and a host in the foreground that the test holds.
fn served() -> (Home, Running) {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let host = serve(&home);
    (home, host)
}

fn serve(home: &Home) -> Running {
    let mut host = home.spawn(&["host", "run"]);
    host.expect_stderr("ready", PATIENCE);
    host
}

fn stop(client: &mut Client, when: &str) {
    client.ask(&json!({ "type": "host_stop", "when": when })).expect("it will end");
}

fn outcomes(home: &Home) -> Vec<(String, String)> {
    let log = home.run(&["log", "work", "--json"]).expect_code(0).stdout;
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let ended = events.filter(|event| event["kind"] == "turn_ended");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ended.map(|event| (word(&event["detail"]["outcome"]), word(&event["text"]))).collect()
}

/// Waits until so many turns have ended in the next host.
fn until_ended(home: &Home, count: usize) -> Running {
    let host = serve(home);
    let mut client = Client::connect(home);
    client.subscribe("work", 0);
    for _ in 0..count {
        client.event("turn_ended");
    }
    host
}

#[test]
fn a_running_turn_ends_and_what_waits_runs_in_the_next_host() {
    let (home, mut host) = served();
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "words 200 5");
    client.until(|push| push["live"]["type"] == "delta");
    client.send("work", "echo later");
    stop(&mut client, "when_idle");
    // A draining host still serves, and takes prompts for the next one.
    let accepted = client.send("work", "echo latest");
    assert_eq!(accepted["status"], "queued");
    client.event("turn_ended");
    while client.hear().is_some() {}
    host.wait(PATIENCE).expect_code(0);
    assert_eq!(outcomes(&home), [("done".to_owned(), String::new())]);
    let mut next = until_ended(&home, 3);
    next.signal(Signal::TERM);
    next.wait(PATIENCE).expect_code(0);
    assert_eq!(outcomes(&home).len(), 3);
    let log = home.run(&["log", "work", "--json"]).stdout;
    assert!(!log.contains("held"), "{log}");
}

#[test]
fn a_turn_that_waits_for_a_person_is_cut_off() {
    let (home, mut host) = served();
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "run");
    let approval = client.event("approval_asked")["detail"]["approval"]["id"].clone();
    client.send("work", "echo later");
    host.signal(Signal::TERM);
    assert_eq!(client.event("approval_answered")["detail"]["decision"], Value::Null);
    assert_eq!(client.event("turn_ended")["text"], "stopped: the host ended");
    host.wait(PATIENCE).expect_code(0);
    let mut next = until_ended(&home, 2);
    let mut client = Client::connect(&home);
    let allow = json!({ "decision": "allow", "scope": "once" });
    let stale = json!({ "type": "answer", "approval": approval, "decision": allow, "by": "desk" });
    client.ask(&stale).expect_err("nobody waits for it");
    next.signal(Signal::TERM);
    next.wait(PATIENCE).expect_code(0);
    assert_eq!(outcomes(&home)[1].0, "done");
}

/// A question that comes during the drain would keep the host for good.
#[test]
fn a_question_that_comes_during_the_drain_ends_the_turn() {
    let (home, mut host) = served();
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "words 100 5\nrun");
    client.until(|push| push["live"]["type"] == "delta");
    host.signal(Signal::TERM);
    client.event("turn_ended");
    host.wait(PATIENCE).expect_code(0);
}

#[test]
fn a_second_signal_ends_at_once() {
    let (home, mut host) = served();
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "slow 300");
    client.until(|push| push["live"]["type"] == "turn_joined");
    client.send("work", "echo later");
    host.signal(Signal::TERM);
    client.ask(&json!({ "type": "host_status" })).expect("it drains");
    host.signal(Signal::TERM);
    assert_eq!(client.event("turn_ended")["detail"]["outcome"], "interrupted");
    host.wait(PATIENCE).expect_code(0);
    let mut next = until_ended(&home, 2);
    next.signal(Signal::TERM);
    next.wait(PATIENCE).expect_code(0);
    assert_eq!(outcomes(&home)[1].0, "done", "what waited ran, and was not held");
}

/// A host whose SIGHUP is what `env` makes of it, whatever the tests were started with.
fn serve_with(home: &Home, hangup: &str) -> Running {
    let mut env = home.program("env");
    env.args([hangup, env!("CARGO_BIN_EXE_claudebot"), "host", "run"]);
    let mut host = Running::spawn(env);
    host.expect_stderr("ready", PATIENCE);
    host
}

#[test]
fn a_closed_terminal_cuts_off_no_turn() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let mut host = serve_with(&home, "--default-signal=HUP");
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "words 100 5");
    client.until(|push| push["live"]["type"] == "delta");
    host.signal(Signal::HUP);
    client.event("turn_ended");
    host.wait(PATIENCE).expect_code(0);
    assert_eq!(outcomes(&home)[0].0, "done");
}

#[test]
fn under_nohup_it_outlives_its_terminal() {
    let home = Home::new();
    let mut host = serve_with(&home, "--ignore-signal=HUP");
    host.signal(Signal::HUP);
    assert_eq!(home.run(&["host", "status", "--json"]).expect_code(0).json()["draining"], false);
    host.signal(Signal::TERM);
    host.wait(PATIENCE).expect_code(0);
}

/// A `send` that waits does not notice the change but for a line.
#[test]
fn a_client_goes_over_to_the_next_host() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let mut first = home.spawn(&["send", "-s", "work", "words 200 5"]);
    first.expect_stdout("w5", PATIENCE);
    let mut second = home.spawn(&["send", "-s", "work", "echo later"]);
    second.expect_stderr("queued", PATIENCE);
    home.run(&["host", "restart"]).expect_code(0);
    assert!(first.wait(PATIENCE).expect_code(0).stdout.ends_with("w199\n"));
    assert_eq!(second.wait(PATIENCE).expect_code(0).stdout, "later\n");
    assert_eq!(outcomes(&home).len(), 2);
}
