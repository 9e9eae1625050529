//! Files that Claude sends.

use super::desk::{Desk, text};
use crate::support::claude::Release;

/// Without being asked, in the middle of its turn, into the log and onto every screen.
pub(super) fn sent_by_claude(release: Release) {
    let desk = Desk::new(release);
    let report = desk.home.write("project/report.txt", "all well");
    let mut watch = desk.watch_awake();
    let use_it = r#"tool mcp__claudebot__send_file {"path": "report.txt", "caption": "As asked"}"#;
    let sent = desk.run(&["send", use_it]).expect_code(0);
    assert_eq!(sent.stdout, "Result: report.txt (8 bytes) was handed to the user.\n");
    let shown = format!("! sent the file report.txt: As asked\n  {} (8 B)\n", report.display());
    assert!(sent.stderr.contains(&shown), "{sent:?}");

    let event = watch.event("notice");
    assert_eq!(
        event["detail"],
        serde_json::json!({
            "type": "file", "path": report, "name": "report.txt", "caption": "As asked", "bytes": 8,
        })
    );
    let log = desk.log();
    let position = |kind: &str| log.iter().rposition(|event| event["kind"] == kind);
    assert!(position("notice") < position("tool"), "it is in the log before the tool's result: {log:?}");
    let prompt = desk.events("prompt").pop().unwrap_or_default();
    assert_eq!(event["prompt_id"], prompt["prompt_id"]);
    assert!(desk.events("approval_asked").is_empty());
    assert!(desk.done(&["log"]).contains("! sent the file report.txt: As asked"));
    // The model knows of it from the beginning, without searching.
    let request = desk.api.requests().into_iter().find(|request| request.prompt() == Some(use_it));
    let tools = request.map(|request| request.body()["tools"].clone()).unwrap_or_default();
    let names: Vec<_> = tools.as_array().into_iter().flatten().map(|tool| text(tool, "name")).collect();
    assert!(names.contains(&"mcp__claudebot__send_file".to_owned()), "{names:?}");
}

/// What lies elsewhere stays there, and Claude is told.
pub(super) fn what_lies_outside_is_not_sent(release: Release) {
    let desk = Desk::prepared(release, |home| {
        home.write(".config/claudebot/personas/default.toml", "permission_mode = \"plan\"\n");
    });
    desk.home.write("secret.txt", "hidden");
    std::os::unix::fs::symlink(desk.home.path().join("secret.txt"), desk.home.project().join("link"))
        .unwrap_or_else(|error| panic!("{error}"));
    for path in ["../secret.txt", "link", "none.txt"] {
        let reply = desk.send(&format!(r#"tool mcp__claudebot__send_file {{"path": "{path}"}}"#));
        let told = ["outside of this session's directories", "No such file"];
        assert!(told.iter().any(|words| reply.contains(words)), "{reply}");
    }
    assert!(desk.events("notice").is_empty());
    // A prompt's own file lies in the inbox. Also while Claude only plans, nobody is asked.
    desk.done(&["send", "--file", "../secret.txt", "keep it"]);
    let inbox = desk.events("prompt").pop().unwrap_or_default()["detail"]["attachments"][0].clone();
    desk.send(&format!(r#"tool mcp__claudebot__send_file {{"path": {inbox}}}"#));
    assert_eq!(desk.events("notice").pop().unwrap_or_default()["detail"]["path"], inbox);
    assert!(desk.events("approval_asked").is_empty());
}

/// The next process has the tool too, and may send from what the persona added.
pub(super) fn sent_after_a_sleep(release: Release) {
    let desk = Desk::prepared(release, |home| {
        let added = home.mkdir("added");
        home.write("added/plan.md", "# Plan\n");
        let persona = format!("add_dirs = [\"{}\"]\n", added.display());
        home.write(".config/claudebot/personas/default.toml", persona);
    });
    let plan = desk.home.path().join("added/plan.md");
    let use_it = format!(r#"tool mcp__claudebot__send_file {{"path": "{}"}}"#, plan.display());
    for count in 1..=2 {
        desk.send(&use_it);
        assert_eq!(desk.events("notice").len(), count);
        desk.done(&["session", "sleep", "work"]);
        desk.wait_without_claude();
    }
}
