//! What can be sent, and how it is watched.

use std::path::Path;

use super::desk::{Desk, brief, parsed, text};
use crate::support::PATIENCE;
use crate::support::claude::Release;

/// Claude is told where the file is; the copy stays when the original goes.
pub(super) fn attachments(release: Release) {
    let desk = Desk::new(release);
    let note = desk.home.write("project/notes, old.txt", "remember the milk\n");
    desk.done(&["send", "--file", "notes, old.txt", "read it"]);
    std::fs::remove_file(&note).unwrap_or_else(|error| panic!("{error}"));
    let told = desk.api.prompts().remove(0);
    let file = told.strip_prefix("read it\n[attached file: ").and_then(|rest| rest.strip_suffix(']'));
    let file = Path::new(file.unwrap_or_else(|| panic!("{told:?}")));
    assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), "remember the milk\n", "{told}");
    assert!(file.starts_with(desk.home.data_dir().join("sessions").join(text(&desk.show(), "id"))), "{told}");
    assert_eq!(file.file_name(), note.file_name());
    assert_eq!(text(&desk.events("prompt")[0], "text"), "read it");
    let missing = desk.run(&["send", "--file", "none.txt", "read it"]).expect_code(2);
    assert!(missing.stderr.contains("none.txt"), "{missing:?}");
}

/// Megabytes either way, whole.
pub(super) fn large(release: Release) {
    const SIZE: usize = 2_500_000;
    let desk = Desk::new(release);
    let long = format!("words 2 0 {}z", "a line of a long prompt\n".repeat(SIZE / 24));
    let reply = desk.home.run_with_stdin(&["send", "-"], long.clone()).expect_code(0).stdout;
    assert_eq!(reply, "w0 w1\n");
    assert!(desk.api.prompts() == [long.as_str()], "the API was asked something else");
    assert!(desk.events("prompt")[0]["text"] == long, "the log has something else");

    desk.send("/clear");
    let reply = desk.done(&["send", &format!("big {SIZE}")]);
    let logged = text(&desk.events("reply").pop().unwrap_or_default(), "text");
    assert_eq!(logged.len(), SIZE);
    assert!(reply.trim_end() == logged.trim_end(), "{} bytes were printed", reply.len());
}

/// Each gets the answer to its own prompt.
pub(super) fn two_at_once(release: Release) {
    let desk = Desk::new(release);
    let mut sends = ["one", "two", "three"].map(|text| (desk.sending(text), text));
    for (send, text) in &mut sends {
        assert_eq!(send.wait(PATIENCE).expect_code(0).stdout, format!("Echo: {text}\n"));
    }
    let mut prompts = desk.api.prompts();
    prompts.sort();
    assert_eq!(prompts, ["one", "three", "two"]);
    assert_eq!(desk.events("turn_ended").len(), 3);
}

/// Stored, not waited for; followed on another terminal while it runs.
pub(super) fn followed_elsewhere(release: Release) {
    let desk = Desk::trusting(release);
    let posted = desk.post(&["bash echo working; ", &desk.until_exists("go")]);
    assert!(posted.stderr.contains("→ work") && posted.stderr.contains("log work --follow"), "{posted:?}");
    assert_eq!(posted.stdout, "");
    let mut follow = desk.home.spawn(&["log", "work", "--follow", "--json"]);
    let mut next = || parsed(&follow.next_line(PATIENCE).unwrap_or_else(|| panic!("the log ended")));
    assert_eq!(next()["kind"], "prompt");
    // The turn runs still: its tool waits for us.
    assert_eq!(brief(&next()), "reply Running it. ");
    desk.home.write("go", "");
    assert_eq!(next()["detail"]["result"], "working");
    assert_eq!(brief(&next()), "reply Result: working");
    assert_eq!(brief(&next()), "ended done 1");
    assert!(follow.is_running());
    // The host's end is no error; the log is kept.
    let elsewhere = desk.sending("hello");
    assert_eq!(brief(&parsed(&follow.next_line(PATIENCE).unwrap_or_default())), "prompt hello");
    drop(elsewhere);
}

/// The fields that are documented, one object a line.
pub(super) fn as_json(release: Release) {
    let desk = Desk::trusting(release);
    let out = desk.done(&["send", "--json", "bash echo hi"]);
    let lines: Vec<_> = out.lines().map(parsed).collect();
    let accepted = &lines[0];
    assert_eq!(accepted["type"], "accepted");
    for field in ["prompt", "session", "name", "status", "seq", "repeated"] {
        assert!(!accepted[field].is_null(), "{field}: {accepted}");
    }
    for line in &lines[1..] {
        if line["type"].is_string() {
            let live = text(line, "type");
            let known = ["snapshot", "turn_started", "turn_joined", "block_started", "delta", "changed"];
            assert!(known.contains(&live.as_str()), "{line}");
            continue;
        }
        for field in ["seq", "at", "kind", "text", "prompt_id", "detail"] {
            assert!(line.get(field).is_some(), "{field}: {line}");
        }
    }
    let events: Vec<_> =
        lines.iter().filter(|line| line["kind"].is_string() && line["seq"].is_u64()).collect();
    let kinds: Vec<_> = events.iter().map(|event| text(event, "kind")).collect();
    assert_eq!(kinds, ["reply", "tool", "reply", "turn_ended"], "{out}");
    assert!(events.iter().all(|event| event["prompt_id"] == accepted["prompt"]), "{out}");
    let deltas: String =
        lines.iter().filter(|line| line["type"] == "delta").map(|line| text(line, "text")).collect();
    assert_eq!(deltas, "Running it. Result: hi");
    let stored = desk.run(&["send", "--no-wait", "--json", "hello"]).expect_code(0).json();
    assert_eq!(stored["type"], "accepted");
}
