//! A host that is killed while a house moves in: sessions are whole or not there, and asked again all come.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::client::Client;
use crate::support::home::Home;

const SESSIONS: u32 = 6;

fn packed() -> (Home, String) {
    let there = Home::new();
    for number in 1..=SESSIONS {
        let name = format!("s{number}");
        there.run(&["session", "new", &name, "--agent", "demo", "--scratch"]).expect_code(0);
        let note = there.write(format!("note{number}.txt"), format!("note {number}"));
        let note = note.display().to_string();
        there.run(&["send", "-s", &name, "--file", &note, &format!("echo {number}")]).expect_code(0);
        there.write(format!(".data/claudebot/sessions/{name}/file"), vec![7; 200_000]);
    }
    there.run(&["session", "archive", "s4"]).expect_code(0);
    let file = there.path().join("house.tar").display().to_string();
    there.run(&["move", "out", &file]).expect_code(0);
    (there, file)
}

/// Everything below a directory but files that a host keeps for itself.
fn below(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.insert(path.strip_prefix(dir).unwrap_or(&path).display().to_string());
            }
        }
    }
    found
}

fn sessions(home: &Home) -> Vec<Value> {
    let listed = home.run(&["session", "list", "--all", "--json"]).expect_code(0).json();
    listed.as_array().expect("a list").clone()
}

/// What is there belongs to a session that is there, and of that all is there.
fn check(home: &Home) -> usize {
    // Starts a host, which takes back what the last one left.
    home.run(&["session", "new", "probe", "--agent", "demo"]);
    home.run(&["session", "sleep", "probe"]);
    home.run(&["send", "-s", "probe", "echo hello"]).expect_code(0);
    let listed = sessions(home);
    let data = below(&home.data_dir());
    let leftover: Vec<_> =
        data.iter().filter(|name| name.contains(".claudebot-") || name.contains("moving")).collect();
    assert!(leftover.is_empty(), "{leftover:?}");
    for number in 1..=SESSIONS {
        let name = format!("s{number}");
        let row = listed.iter().find(|session| session["name"] == json!(name));
        let has = |text: &str| data.iter().any(|path| path.starts_with(text));
        let archived = number == 4;
        assert_eq!(has(&format!("sessions/{name}/file")), row.is_some() && !archived, "{name}: {data:?}");
        assert!(!has(&format!("sessions/{name}-2")), "{name} came twice: {data:?}");
        let Some(row) = row else { continue };
        if archived {
            let file = row["archive"].as_str().expect("an archive");
            home.run(&["archive", "verify", file]).expect_code(0);
            continue;
        }
        let conversation = row["conversation"].as_str().expect("a conversation");
        assert!(data.iter().any(|path| path.ends_with(&format!("{conversation}.jsonl"))), "{data:?}");
        let log = home.run(&["log", &name, "--json"]).expect_code(0).stdout;
        let first: Value = serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
        let note = first["detail"]["attachments"][0].as_str().expect("a path");
        assert_eq!(std::fs::read_to_string(note).expect("it is there"), format!("note {number}"));
    }
    let archives = data.iter().filter(|path| path.starts_with("sessions_archive/")).count();
    assert_eq!(archives, usize::from(listed.iter().any(|session| session["name"] == "s4")), "{data:?}");
    let conversations =
        data.iter().filter(|path| path.starts_with("demo-agent/projects") && path.ends_with(".jsonl"));
    let living =
        listed.iter().filter(|session| session["conversation"].is_string() && session["state"] != "archived");
    assert_eq!(conversations.count(), living.count(), "{data:?}");
    listed.len() - 1
}

/// Brings it in, and kills the host once it has told so many steps. How many it told if it came to its end before.
fn bring(home: &Home, file: &str, steps: usize) -> Option<usize> {
    let preview = home.run(&["move", "in", file, "--dry-run", "--json"]).expect_code(0).json();
    let mut client = Client::connect(home);
    let host = home.host().expect("a host is up");
    client.post(&json!({ "type": "house_in", "file": file, "maps": [], "agreed": preview["digest"] }));
    let mut told = 0;
    while let Some(frame) = client.hear() {
        if frame["ok"].is_object() {
            return Some(told);
        }
        assert!(frame["error"].is_null(), "{frame}");
        told += 1;
        if told == steps {
            let pid = rustix::process::Pid::from_raw(i32::try_from(host.pid).expect("a pid")).expect("a pid");
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");
        }
    }
    None
}

#[test]
fn killed_at_any_step_it_goes_on() {
    const KILLS: usize = 10;
    let (_there, file) = packed();
    let all = bring(&Home::new(), &file, usize::MAX).expect("nobody kills it");
    let mut partial = 0;
    let mut here = Home::new();
    for kill in 1..=KILLS {
        // Every other time from the beginning; else on from where the last one was killed.
        if kill % 2 == 0 {
            here = Home::new();
        }
        let done = bring(&here, &file, all * kill / (KILLS + 1));
        here.kill_everything();
        let came = check(&here);
        assert!(done.is_none() || came == 6, "{came} came");
        partial += usize::from(came > 0 && came < 6);
        here.kill_everything();
    }
    assert!(partial > 0, "each kill came too early or too late");
    bring(&here, &file, usize::MAX).expect("nobody kills it");
    assert_eq!(check(&here), 6);
    for number in [1, 2, 3, 5, 6] {
        let recalled = here.run(&["send", "-s", &format!("s{number}"), "recall"]).expect_code(0).stdout;
        assert!(recalled.contains(&format!("echo {number}")), "{recalled}");
    }
}

/// A session that is packed sleeps, and goes on with what waits in it.
#[test]
fn what_is_busy_is_waited_for_and_goes_on() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo one"]).expect_code(0);
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "slow 2");
    client.until(|push| push["live"]["type"] == "turn_joined");
    let file = home.path().join("house.tar").display().to_string();
    let refused = home.run(&["move", "out", &file]).expect_code(1);
    assert!(refused.stderr.contains("session work is busy"), "{}", refused.stderr);
    client.send("work", "echo two");
    let packed = home.run(&["move", "out", &file, "--wait", "--json"]).expect_code(0).json();
    assert_eq!(packed["sessions"], 1);
    // What waited runs once it is packed, and was packed while it waited, or after it had run.
    let mut again = Client::connect(&home);
    again.subscribe("work", 0);
    again.until(|push| push["event"]["kind"] == "reply" && push["event"]["text"] == "two");
}

/// The file names it already by then.
#[test]
fn one_that_is_deleted_while_others_are_packed_is_named() {
    let home = Home::new();
    for name in ["work", "doomed"] {
        home.run(&["session", "new", name, "--agent", "demo", "--scratch"]).expect_code(0);
    }
    home.run(&["send", "-s", "work", "echo one"]).expect_code(0);
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "slow 60");
    client.until(|push| push["live"]["type"] == "turn_joined");
    let mut mover = Client::connect(&home);
    let file = home.path().join("house.tar");
    let out = mover.post(&json!({ "type": "house_out", "file": file, "wait": true, "telegram": null }));
    mover.until(|push| push["progress"]["what"].as_str().is_some_and(|what| what.starts_with("waiting for")));
    home.run(&["session", "delete", "doomed", "--yes"]).expect_code(0);
    home.run(&["session", "stop", "work"]).expect_code(0);
    let error = mover.answer(out).expect_err("it is refused");
    assert_eq!(error["message"], "session doomed was deleted while others were packed");
    assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("ask again")), "{error}");
    home.run(&["move", "out", &file.display().to_string(), "--wait"]).expect_code(0);
}

#[test]
fn only_a_person_at_a_terminal_moves_house() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo one"]).expect_code(0);
    let mut bridge = Client::connect_as("telegram", &home);
    for request in [
        json!({ "type": "house_out", "file": "/tmp/x.tar", "wait": false, "telegram": null }),
        json!({ "type": "house_in", "file": "/tmp/x.tar", "maps": [], "agreed": null }),
    ] {
        let error = bridge.ask(&request).expect_err("it is refused");
        assert_eq!(error["kind"], "denied", "{error}");
    }
}
