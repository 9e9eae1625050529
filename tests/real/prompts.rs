//! What can be sent, and how it is watched.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

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

/// A small PNG, whatever it is called.
fn picture(desk: &Desk, name: &str) -> Vec<u8> {
    let png = BASE64
        .decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4AWNoaGgAAAMEAYFZUG5DAAAAAElFTkSuQmCC",
        )
        .unwrap_or_default();
    desk.home.write(format!("project/{name}"), &png);
    png
}

/// The pictures that the model was shown with its newest prompt.
fn pictures(desk: &Desk) -> Vec<Value> {
    let request = desk.api.requests().pop().map(|request| request.body()).unwrap_or_default();
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let last = messages.iter().rfind(|message| message.to_string().contains("[attached file: "));
    let blocks = last.and_then(|message| message["content"].as_array().cloned()).unwrap_or_default();
    blocks.into_iter().filter(|block| block["type"] == "image").collect()
}

/// Claude sees them, and is told where they are; a slash command stays one.
pub(super) fn pictures_are_shown(release: Release) {
    let desk = Desk::new(release);
    let png = picture(&desk, "screenshot");
    desk.home.write("project/notes.png", "no picture at all");
    let reply = desk.done(&["send", "--file", "screenshot", "--file", "notes.png", "look at it"]);
    assert!(
        reply.starts_with("Echo: look at it\n[attached file: ") && reply.contains("notes.png]"),
        "{reply}"
    );
    let shown = pictures(&desk);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0]["source"]["media_type"], "image/png");
    assert_eq!(shown[0]["source"]["data"], BASE64.encode(png));
    let asked = desk.api.prompts();
    let report = desk.done(&["send", "--file", "screenshot", "/context"]);
    assert!(report.contains("Context Usage") && desk.api.prompts() == asked, "{report}");
}

/// With a picture, too, what a killed host's child said is found and told, once; and nothing runs twice.
pub(super) fn pictures_survive_a_kill(release: Release) {
    let desk = Desk::new(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    picture(&desk, "screenshot");
    let mut send = desk.home.spawn(&["send", "--file", "screenshot", "hold door"]);
    desk.api.wait_held("door", PATIENCE);
    let host = desk.home.host().map(|host| host.pid);
    let host = desk.home.leftovers().into_iter().find(|found| Some(found.pid) == host);
    host.unwrap_or_else(|| panic!("no host is up")).signal(rustix::process::Signal::KILL);
    send.expect_stderr("connecting again", PATIENCE);
    desk.api.release("door");
    assert_eq!(send.wait(PATIENCE).expect_code(0).stdout, "Holding door\n");
    // The next process has the picture from the stored conversation, and does not run its prompt again.
    assert_eq!(desk.send("again"), "Echo: again");
    assert_eq!(pictures(&desk).len(), 1);
    assert_eq!(desk.events("turn_ended").len(), 3);
    let asked = desk
        .api
        .requests()
        .into_iter()
        .filter(|request| request.prompt().is_some_and(|prompt| prompt.starts_with("hold door")));
    assert_eq!(asked.count(), 1);
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
