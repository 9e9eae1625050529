//! What Claude Code's own clean-up leaves of old conversations.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::desk::{Desk, text};
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::process::Running;

/// The session's conversation, made as old as that.
fn aged(desk: &Desk, days: u64) -> PathBuf {
    let name = format!("{}.jsonl", text(&desk.show(), "conversation"));
    let projects = std::fs::read_dir(desk.home.path().join(".claude/projects")).unwrap();
    let found = projects.flatten().map(|project| project.path().join(&name)).find(|file| file.exists());
    let file = found.unwrap_or_else(|| panic!("{name} is nowhere"));
    let at = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    File::options().append(true).open(&file).unwrap().set_modified(at).unwrap();
    file
}

#[expect(clippy::disallowed_methods, reason = "nothing else tells that Claude has cleaned up")]
#[track_caller]
fn wait_until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "it never {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The day's clean-up is to be done again.
fn another_day(desk: &Desk) -> PathBuf {
    let mark = desk.home.path().join(".claude/.last-cleanup");
    if mark.exists() {
        std::fs::remove_file(&mark).unwrap();
    }
    mark
}

fn retention(desk: &Desk) -> Value {
    let findings = desk.run(&["doctor", "--json"]).json();
    let found = findings.as_array().and_then(|all| all.iter().find(|one| one["check"] == "retention"));
    found.cloned().unwrap_or_else(|| panic!("{findings}"))
}

/// Starts a plain `claude`, which cleans up, and ends it when `is_done`.
fn plain_claude(desk: &Desk, is_done: impl Fn() -> bool) {
    let mut claude = desk.home.program(desk.home.path().join("bin/claude"));
    claude.args(["-p", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json"]);
    let mut claude = Running::spawn(claude);
    let prompt = json!({"type": "user", "message": {"role": "user", "content": "hello"}});
    claude.send(format!("{prompt}\n"));
    wait_until("cleaned up", is_done);
    claude.close_stdin();
    claude.wait(PATIENCE).expect_code(0);
}

/// A process of ours keeps what is old; any other deletes it, which is warned of and can be helped.
pub(super) fn old_conversations(release: Release) {
    let desk = Desk::new(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    desk.done(&["session", "sleep", "work"]);
    desk.wait_without_claude();
    let file = aged(&desk, 40);
    let mark = another_day(&desk);
    desk.done(&["session", "new", "other"]);
    desk.done(&["send", "-s", "other", "hello"]);
    wait_until("cleaned up", || mark.exists());
    desk.done(&["host", "stop"]);
    assert!(file.exists(), "a process of ours has deleted a conversation");

    let found = retention(&desk);
    assert_eq!(found["status"], "warn", "{found}");
    assert!(text(&found, "message").contains("work (any day now)"), "{found}");
    assert!(text(&found, "hint").contains("3650 in ~/.claude/settings.json, line 1"), "{found}");
    desk.run(&["doctor", "--fix"]).expect_code(2);
    desk.run(&["doctor", "--fix", "--yes"]).expect_code(0);
    let settings: &Path = &desk.home.path().join(".claude/settings.json");
    assert_eq!(std::fs::read_to_string(settings).unwrap(), "{\n  \"cleanupPeriodDays\": 3650\n}\n");
    assert_eq!(retention(&desk)["status"], "ok");

    another_day(&desk);
    plain_claude(&desk, || mark.exists());
    assert!(file.exists(), "the setting has no effect");
    std::fs::remove_file(settings).unwrap();
    another_day(&desk);
    plain_claude(&desk, || !file.exists());
}
