//! Archive, restore and delete: nothing that a session has is lost on the way, and nothing comes to life in it.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::client::Client;
use crate::support::home::Home;

fn archive(home: &Home, name: &str) -> PathBuf {
    let done = home.run(&["session", "archive", name]).expect_code(0);
    PathBuf::from(done.stdout.lines().last().expect("a path"))
}

fn audit(home: &Home) -> Vec<String> {
    let log = home.run(&["log", "--audit", "--json"]).expect_code(0).stdout;
    let words =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["what"].as_str().map(str::to_owned);
    log.lines().filter_map(words).collect()
}

#[test]
fn a_session_comes_back_with_its_files_and_its_context() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let note = home.write("project/note.txt", "remember me");
    home.run(&["send", "-s", "work", "--file", note.to_str().expect("UTF-8"), "echo one"]).expect_code(0);
    let file = archive(&home, "work");
    assert!(file.is_file());
    assert!(!home.data_dir().join("sessions/work").exists());

    home.run(&["session", "restore", "work"]).expect_code(0);
    let log = home.run(&["log", "work", "--json"]).expect_code(0).stdout;
    let first: Value = serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
    let kept = first["detail"]["attachments"][0].as_str().expect("a path").to_owned();
    assert_eq!(std::fs::read_to_string(kept).expect("the file is still there"), "remember me");
    let recalled = home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo one"), "{recalled}");

    home.run(&["session", "delete", "work", "--yes"]).expect_code(0);
    assert_eq!(audit(&home), ["session_created", "session_archived", "session_restored", "session_deleted"]);

    // Taken in from elsewhere it is found again, but it is no news.
    let mut client = Client::connect(&home);
    let feed = client.post(&json!({ "type": "feed", "since": 0 }));
    client.answer(feed).expect("following");
    let path = file.to_str().expect("UTF-8");
    home.run(&["session", "restore", path]).expect_code(0);
    home.run(&["session", "new", "other", "--agent", "demo", "--scratch"]).expect_code(0);
    client.send("other", "echo two");
    let news = client.until(|push| push["feed"]["event"]["kind"] == "prompt");
    assert_eq!(news["feed"]["event"]["text"], "echo two");
    let found = home.run(&["search", "one"]).expect_code(0).stdout;
    assert!(found.contains("work"), "{found}");
}

/// A new session of the same name works where the archived one did.
#[test]
fn deleting_an_archived_session_leaves_its_successor_alone() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let shown = home.run(&["session", "show", "work", "--json"]).expect_code(0).json();
    let id = shown["id"].as_str().expect("an id");
    archive(&home, "work");
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let file = home.data_dir().join("sessions/work/precious.txt");
    std::fs::write(&file, "mine").expect("it is writable");
    let done = home.run(&["session", "delete", id, "--yes"]).expect_code(0);
    assert!(file.is_file(), "{done:?}");
}

#[test]
fn prompts_that_wait_are_not_archived_away() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo one"]).expect_code(0);
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "slow 60");
    client.until(|push| push["live"]["type"] == "turn_joined");
    client.send("work", "echo two");
    let busy = home.run(&["session", "archive", "work"]).expect_code(1);
    assert!(busy.stderr.contains("session work is busy"), "{}", busy.stderr);
    home.run(&["session", "stop", "work"]).expect_code(0);
    client.event("turn_ended");
    let waits = home.run(&["session", "archive", "work"]).expect_code(1);
    assert!(waits.stderr.contains("1 prompt waits in session work"), "{}", waits.stderr);

    home.run(&["session", "queue", "work", "--clear"]).expect_code(0);
    archive(&home, "work");
    let closed = client.until(|push| push["closed"].is_object());
    assert_eq!(closed["closed"]["reason"], "session work is archived");
}

#[test]
fn deleting_ends_what_runs() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo one"]).expect_code(0);
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "slow 60");
    client.until(|push| push["live"]["type"] == "turn_joined");
    home.run(&["session", "delete", "work", "--yes"]).expect_code(0);
    let closed = client.until(|push| push["closed"].is_object());
    assert_eq!(closed["closed"]["reason"], "session work is deleted");
    assert!(!home.data_dir().join("sessions/work").exists());
    home.run(&["session", "show", "work"]).expect_code(3);
}
