//! The usual commands with nothing wrong: on a terminal of 80 columns, in pipes, and as JSON.

use serde_json::Value;

use super::Shell;
use crate::support::PATIENCE;

/// No colours, so that a snapshot can be read.
fn plain() -> Shell {
    let mut shell = Shell::new();
    shell.home.set("NO_COLOR", "1");
    shell
}

#[test]
fn sessions() {
    let mut shell = plain();
    shell.on_terminal(&["session", "list"]).expect_code(0);
    shell.run(&["session", "list", "--json"]).expect_code(0);
    shell.on_terminal(&["session", "new", "work", "--agent", "demo", "--tag", "home", "--tag", "urgent"]);
    shell.on_terminal(&[
        "session",
        "new",
        "garden",
        "--agent",
        "demo",
        "--scratch",
        "--persona",
        "planner",
        "--switch",
    ]);
    let deep = shell.home.mkdir("project/a-directory-with-a-long-name/and-another-one-below-it/and-one-more");
    shell
        .run_in(&deep, &["session", "new", "a-session-whose-name-is-rather-long-too", "--agent", "demo"])
        .expect_code(0);
    shell.on_terminal(&["session", "list"]).expect_code(0);
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["session", "list", "--tag", "home"]).expect_code(0);
    shell.run(&["session", "list", "--tag", "none"]).expect_code(0);
    shell.on_terminal(&["session", "show", "work"]).expect_code(0);
    shell.on_terminal(&["session", "switch", "work"]).expect_code(0);
    shell.run(&["session", "switch"]).expect_code(0);
    shell.run(&["session", "rename", "work", "desk"]).expect_code(0);
    shell.run(&["session", "tag", "desk", "office", "--remove", "home"]);
    shell.run(&["session", "tag", "desk"]).expect_code(0);
    shell.run(&["session", "pin", "desk"]).expect_code(0);
    shell.run(&["session", "stop", "desk"]).expect_code(0);
    shell.run(&["session", "sleep", "desk"]).expect_code(0);
    shell.run(&["session", "queue", "desk", "--run"]);
    shell.on_terminal(&["session", "show"]).expect_code(0);
    shell.run(&["session", "delete", "garden", "--yes"]).expect_code(0);
    assert!(shell.home.host().is_some(), "only deleting takes a host");
    shell.matches("everyday_sessions");
}

#[test]
fn a_talk() {
    let mut shell = plain();
    shell.run(&["session", "new", "work", "--agent", "demo", "--switch"]).expect_code(0);
    shell.run(&["send", "echo", "several", "words"]).expect_code(0);
    shell.pipe("echo 'echo piped'", "echo piped\n", &["send", "-"]).expect_code(0);
    shell.home.write("project/notes.txt", "some notes");
    shell.run(&["send", "--file", "notes.txt", "echo with a file"]).expect_code(0);
    shell.on_terminal(&["send", "echo on a terminal"]).expect_code(0);
    shell.run(&["send", "--verbose", "think"]).expect_code(0);
    shell.run(&["send", "fail"]).expect_code(1);
    shell.on_terminal(&["log"]).expect_code(0);
    shell.run(&["log", "--since", "16"]).expect_code(0);
    shell.on_terminal(&["search", "echo"]).expect_code(0);
    shell.run(&["search", "nothing like it"]).expect_code(0);
    shell.on_terminal(&["status"]).expect_code(0);
    shell.run(&["status", "--short"]).expect_code(0);
    shell.run(&["approvals"]).expect_code(0);
    shell.on_terminal(&["session", "list"]).expect_code(0);
    shell.run(&["session", "archive", "work"]).expect_code(0);
    shell.on_terminal(&["session", "list", "--archived"]).expect_code(0);
    shell.run(&["archive", "verify", "--all"]).expect_code(0);
    shell.run(&["session", "restore", "work"]).expect_code(0);
    shell.run(&["session", "list", "--all"]).expect_code(0);
    shell.run(&["host", "restart"]).expect_code(0);
    shell.run(&["host", "stop"]).expect_code(0);
    shell.run(&["host", "stop"]).expect_code(0);
    shell.run(&["host", "status"]).expect_code(5);
    shell.matches("everyday_talk");
}

/// What is not in a snapshot because it differs each time.
#[test]
fn figures() {
    let shell = plain();
    shell.home.run(&["session", "new", "work", "--agent", "demo", "--switch"]).expect_code(0);
    let none = shell.home.run(&["stats"]).expect_code(0);
    assert_eq!(none.stderr, "no turn was measured yet\n");
    shell.home.run(&["send", "echo one"]).expect_code(0);
    shell.home.run(&["send", "echo two"]).expect_code(0);
    let stats = shell.home.run(&["stats"]).expect_code(0).stdout;
    let heads: Vec<_> = stats.lines().map(|line| line.split("  ").next().unwrap_or_default()).collect();
    let stages = ["accepted→written", "written→first text", "first text→result", "total"];
    assert_eq!(heads, [&["STAGE"], &stages[..], &stages].concat(), "{stats}");
    let status = shell.home.run(&["host", "status"]).expect_code(0).stdout;
    assert!(status.contains("running (background)") && status.contains("1 live, 0 busy"), "{status}");
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    let archives = shell.home.pty(&["archive", "list"], 80, 24).wait(PATIENCE).expect_code(0).stdout;
    assert!(archives.lines().all(|line| line.trim_end().chars().count() <= 80), "{archives}");
    assert!(archives.contains("work") && archives.contains(".tar.gz"), "{archives}");
}

#[test]
fn the_house() {
    let mut shell = plain();
    shell.on_terminal(&["persona", "list"]).expect_code(0);
    shell.run(&["persona", "show", "planner"]).expect_code(0);
    shell.run(&["persona", "check"]).expect_code(0);
    shell.home.write_config("[host]\nmax_live = 7\n\n[projects]\nlab = \"/srv/lab\"\n[telegram]\ntoken = \"123456:SECRET-TOKEN\"\n");
    shell.home.set("CLAUDEBOT_HOST_DRAIN", "5m");
    let shown = shell.on_terminal(&["config", "show"]).expect_code(0).stdout;
    assert!(!shown.contains("SECRET"), "{shown}");
    shell.run(&["config", "show", "--json", "--set", "host.linger=1h"]).expect_code(0);
    shell.run(&["config", "path"]).expect_code(0);
    shell.run(&["config", "check"]).expect_code(0);
    // Nobody is to be asked about a bot here.
    shell.home.write_config("[host]\nmax_live = 7\n\n[projects]\nlab = \"/srv/lab\"\n");
    shell.on_terminal(&["doctor"]);
    shell.matches("everyday_house");
}

/// Without a terminal the demo plays by itself, in a home that is gone afterwards.
#[test]
fn the_demo() {
    let mut shell = plain();
    shell.run(&["demo"]).expect_code(0);
    assert!(!shell.home.data_dir().exists(), "the demo wrote into the real home");
    shell.matches("everyday_demo");
}

/// The fields that are promised, and nothing else on stdout.
#[test]
fn json_shapes() {
    let shell = plain();
    let made = shell.home.run(&["session", "new", "work", "--agent", "demo", "--switch", "--json"]).json();
    const SESSION: [&str; 8] = ["id", "name", "state", "persona", "dir", "current", "tags", "last_active"];
    has(&made, &SESSION);
    has(&made, &["cost_usd"]);
    let sent = shell.home.run(&["send", "--json", "echo hello"]).expect_code(0);
    assert_eq!(sent.stderr, "");
    let lines = ndjson(&sent.stdout);
    assert_eq!(lines[0]["type"], "accepted");
    has(&lines[0], &["session", "name", "prompt", "status", "seq"]);
    assert!(lines.iter().any(|line| line["type"] == "delta"), "{}", sent.stdout);
    assert_eq!(lines.last().map(|line| &line["kind"]), Some(&Value::from("turn_ended")));
    let kept = shell.home.run(&["send", "--json", "--no-wait", "list files"]).json();
    assert_eq!(kept["type"], "accepted");
    let mut follow = shell.home.spawn(&["log", "--follow", "--json"]);
    follow.expect_stdout("approval_asked", PATIENCE);
    let asked = shell.home.run(&["approvals", "--json"]).json();
    has(&asked[0], &["id", "session", "kind", "tool", "summary"]);
    let status = shell.home.run(&["status", "--json"]).json();
    has(&status, &["sessions", "approvals", "host"]);
    assert_eq!(status["sessions"][0]["state"], "waiting");
    shell.home.run(&["approve", "work"]).expect_code(0);
    follow.expect_stdout("turn_ended", PATIENCE);
    drop(follow);
    let log = ndjson(&shell.home.run(&["log", "--json"]).stdout);
    for (number, event) in log.iter().enumerate() {
        has(event, &["seq", "at", "kind", "text", "prompt_id"]);
        assert_eq!(event["seq"], number + 1);
    }
    let kinds: Vec<_> = log.iter().filter_map(|event| event["kind"].as_str()).collect();
    for kind in ["prompt", "reply", "tool", "approval_asked", "approval_answered", "turn_ended"] {
        assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
    }
    let hits = shell.home.run(&["search", "--json", "hello"]).json();
    has(&hits[0], &["session", "name", "seq", "at", "kind", "snippet"]);
    has(&shell.home.run(&["stats", "--json"]).json(), &["turns", "stages"]);
    has(
        &shell.home.run(&["host", "status", "--json"]).json(),
        &["pid", "version", "protocol", "started", "socket", "live", "busy"],
    );
    has(
        &shell.home.run(&["persona", "list", "--json"]).json()[0],
        &["name", "origin", "description", "model", "error"],
    );
    has(
        &shell.home.run(&["persona", "show", "planner", "--json"]).json(),
        &["name", "description", "prompt"],
    );
    has(&shell.home.run(&["config", "show", "--json"]).json()[0], &["key", "value", "origin"]);
    let archived = shell.home.run(&["session", "archive", "work", "--json"]).json();
    has(&archived, &["session", "file", "bytes"]);
    has(
        &shell.home.run(&["archive", "list", "--json"]).json()[0],
        &["file", "name", "session", "bytes", "created", "error"],
    );
    assert_eq!(ndjson(&shell.home.run(&["archive", "verify", "work", "--json"]).stdout)[0]["ok"], true);
    has(&shell.home.run(&["session", "list", "--archived", "--json"]).json()[0], &SESSION);
    has(&shell.home.run(&["session", "restore", "work", "--json"]).json(), &SESSION);
    let error = shell.home.run(&["session", "show", "nope", "--json"]).expect_code(3);
    assert_eq!(error.stdout, "", "an error is talk, not data");
}

#[track_caller]
fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no `{field}` in {value}");
    }
}

#[track_caller]
fn ndjson(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}
