//! Model, permission mode and persona: of a live session, and of the next wake.

use super::desk::{Desk, WORK};
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::messages_api::{ApiRequest, Purpose};

/// The request that asked for this prompt's answer.
fn asked(desk: &Desk, prompt: &str) -> ApiRequest {
    let fits = |request: &ApiRequest| request.purpose == Purpose::Turn && request.prompt() == Some(prompt);
    desk.api.wait_for(fits, PATIENCE)
}

/// A change reaches the live process at once, and the next one too.
pub(super) fn model_and_mode_of_a_live_session(release: Release) {
    let desk = Desk::new(release);
    desk.send("one");
    let claude = desk.claude();
    let before = asked(&desk, "one").model;
    desk.wire().set(WORK, "model", Some("haiku"));
    desk.send("two");
    assert_eq!(desk.claude(), claude);
    let after = asked(&desk, "two").model;
    assert!(after.contains("haiku") && after != before, "{before} {after}");

    let file = desk.home.project().join("made.txt");
    desk.wire().set(WORK, "permission_mode", Some("acceptEdits"));
    desk.send(&format!("write {}", file.display()));
    assert!(file.is_file());
    assert_eq!(desk.events("approval_asked").len(), 0);
    assert_eq!(desk.claude(), claude);

    desk.done(&["session", "sleep", "work"]);
    std::fs::remove_file(&file).unwrap_or_else(|error| panic!("{error}"));
    desk.send("three");
    assert_eq!(asked(&desk, "three").model, after);
    desk.send(&format!("write {}", file.display()));
    assert!(file.is_file());

    // Back to the persona's.
    desk.wire().set(WORK, "model", None);
    desk.wire().set(WORK, "permission_mode", None);
    desk.send("four");
    assert_eq!(asked(&desk, "four").model, before);
    let mut send = desk.sending(&format!("write {}", desk.home.project().join("more.txt").display()));
    send.expect_stderr("claudebot approve 1", PATIENCE);
    desk.done(&["deny", "1"]);
    send.wait(PATIENCE).expect_code(0);
    let refused = desk.wire().call(serde_json::json!({
        "type": "session_set", "session": { "name": WORK }, "key": "colour", "value": "red",
    }));
    assert!(refused.is_err_and(|error| error.to_string().contains("permission_mode")));
}

/// The persona's prompt is in Claude's system prompt; a changed one is from the next wake on.
pub(super) fn a_changed_persona(release: Release) {
    const FILE: &str = ".config/claudebot/personas/pilot.toml";
    let desk = Desk::prepared(release, |home| {
        home.write(FILE, "prompt = \"You are the pilot.\"\nmodel = \"sonnet\"\n");
    });
    desk.done(&["session", "new", "flight", "--persona", "pilot", "--switch"]);
    desk.send("one");
    let first = asked(&desk, "one");
    assert!(first.system().contains("You are the pilot."));
    assert!(first.model.contains("sonnet"), "{}", first.model);

    desk.home.write(FILE, "prompt = \"You are the navigator.\"\nmodel = \"haiku\"\n");
    desk.send("two");
    assert!(asked(&desk, "two").system().contains("You are the pilot."));
    desk.done(&["session", "sleep", "flight"]);
    desk.send("three");
    let third = asked(&desk, "three");
    assert!(third.system().contains("You are the navigator."), "the next wake has the old prompt");
    assert!(!third.system().contains("You are the pilot."));
    assert!(third.model.contains("haiku"), "{}", third.model);
    assert_eq!(desk.send("recall"), "I remember: one | two | three");
}
