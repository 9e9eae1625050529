//! What can be sent, and how it is watched.

use super::desk::{Desk, brief, parsed, text};
use crate::support::PATIENCE;
use crate::support::claude::Release;

/// Claude is told where the file is; the copy stays when the original goes.
pub(super) fn attachments(release: Release) {
    let desk = Desk::new(release);
    let note = desk.home.write("project/notes, old.txt", "remember the milk\n");
    desk.done(&["send", "--file", "notes, old.txt", "read it"]);
    std::fs::remove_file(&note).unwrap_or_else(|error| panic!("{error}"));
    let prompt = desk.events("prompt").remove(0);
    let kept = text(&prompt["detail"]["attachments"].clone().take(), "").is_empty();
    assert!(kept);
    let copy = prompt["detail"]["attachments"][0].as_str().unwrap_or_default();
    let path = desk.home.data_dir().join("sessions").join(text(&desk.show(), "id"));
    let told = desk.api.prompts().remove(0);
    assert!(told.starts_with("read it") && told.contains("notes, old.txt"), "{told}");
    let told_path = told.split(['`', '\n', '"']).find(|word| word.starts_with('/')).unwrap_or_default();
    let content = std::fs::read_to_string(told_path).unwrap_or_else(|error| panic!("{told_path:?} of {told:?}: {error}"));
    assert_eq!(content, "remember the milk\n");
    assert!(told_path.starts_with(&*path.to_string_lossy()), "{told_path} is not below {}", path.display());
    assert!(copy.ends_with("notes, old.txt"), "{prompt}");
    let missing = desk.run(&["send", "--file", "none.txt", "read it"]).expect_code(2);
    assert!(missing.stderr.contains("none.txt"), "{missing:?}");
}

/// Megabytes either way, whole.
pub(super) fn large(release: Release) {
    const SIZE: usize = 3_000_000;
    let desk = Desk::new(release);
    let long = format!("{}z", "a line of a long prompt\n".repeat(SIZE / 24));
    let reply = desk.home.run_with_stdin(&["send", "-"], long.clone()).expect_code(0).stdout;
    assert!(reply == format!("Echo: {long}\n"), "{} bytes instead of {}", reply.len(), long.len() + 7);
    let reply = desk.done(&["send", &format!("big {SIZE}")]);
    assert_eq!(reply.trim_end().len(), desk.events("reply")[1]["text"].as_str().unwrap_or_default().trim_end().len());
    assert!(reply.len() >= SIZE - 1, "{}", reply.len());
    assert_eq!(desk.send("hello"), "Echo: hello");
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
    let events: Vec<_> = lines.iter().filter(|line| line["kind"].is_string() && line["seq"].is_u64()).collect();
    let kinds: Vec<_> = events.iter().map(|event| text(event, "kind")).collect();
    assert_eq!(kinds, ["reply", "tool", "reply", "turn_ended"], "{out}");
    assert!(events.iter().all(|event| event["prompt_id"] == accepted["prompt"]), "{out}");
    let deltas: String = lines.iter().filter(|line| line["type"] == "delta").map(|line| text(line, "text")).collect();
    assert_eq!(deltas, "Running it. Result: hi");
    let stored = desk.run(&["send", "--no-wait", "--json", "hello"]).expect_code(0).json();
    assert_eq!(stored["type"], "accepted");
}
