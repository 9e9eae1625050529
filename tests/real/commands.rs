//! Slash commands, and what the API refuses.

use super::desk::Desk;
use crate::support::PATIENCE;
use crate::support::claude::Release;

/// Another conversation, whose id is kept: it is the one that is resumed.
pub(super) fn clear(release: Release) {
    let desk = Desk::new(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let before = desk.show()["conversation"].clone();
    desk.send("/clear");
    assert_eq!(desk.send("recall"), "I remember nothing");
    let after = desk.show()["conversation"].clone();
    assert!(after.is_string() && after != before, "{before} {after}");
    assert!(desk.brief().contains(&"notice conversation_reset".to_owned()), "{:?}", desk.brief());

    desk.done(&["session", "sleep", "work"]);
    assert_eq!(desk.send("recall"), "I remember: recall");
    assert_eq!(desk.show()["conversation"], after);
    assert_eq!(desk.events("prompt").len(), 4);
    assert_eq!(desk.events("turn_ended").len(), 4);
}

/// Their answers are replies like any other, though nothing is asked of the API.
pub(super) fn answered_by_claude_code_itself(release: Release) {
    let desk = Desk::new(release);
    desk.send("hello");
    let context = desk.send("/context");
    assert!(context.contains("Context Usage"), "{context}");
    assert_eq!(desk.brief().last().map(String::as_str), Some("ended done 1"));
    assert_eq!(desk.api.prompts(), ["hello"]);
    // The older release knows by itself that there is no such command, the newer one lets the model say so.
    let unknown = desk.send("/nonsense");
    assert!(["Unknown command: /nonsense", "Echo: /nonsense"].contains(&unknown.as_str()), "{unknown}");
    assert_eq!(
        desk.brief()[6..],
        ["prompt /nonsense".to_owned(), format!("reply {unknown}"), "ended done 1".to_owned()]
    );
}

/// A front end can offer them with their descriptions.
pub(super) fn listed(release: Release) {
    let desk = Desk::new(release);
    desk.home.write(
        "project/.claude/commands/deploy.md",
        "---\nargument-hint: \"[place]\"\n---\nDeploy it to $1.\n",
    );
    desk.send("hello");
    let request = serde_json::json!({ "type": "agent_commands", "session": { "name": "work" } });
    let answer = desk.wire().call(request).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer["type"], "commands");
    let commands = answer["data"].as_array().cloned().unwrap_or_default();
    let found = |name: &str| commands.iter().find(|command| command["name"] == name).cloned();
    let compact = found("compact").unwrap_or_else(|| panic!("{commands:?}"));
    assert!(compact["description"].as_str().is_some_and(|words| !words.is_empty()), "{compact}");
    let deploy = found("deploy").unwrap_or_else(|| panic!("{commands:?}"));
    assert_eq!(deploy["argument_hint"], "[place]");
    assert!(deploy["description"].as_str().is_some_and(|words| words.contains("Deploy it")), "{deploy}");
}

/// The log says where Claude's memory became a summary.
pub(super) fn compact(release: Release) {
    let desk = Desk::new(release);
    desk.send("hello");
    desk.send("hello again");
    desk.run(&["send", "/compact"]).expect_code(0);
    assert_eq!(desk.send("still there"), "Echo: still there");
    assert!(desk.brief().contains(&"notice compacted".to_owned()), "{:?}", desk.brief());
    assert_eq!(desk.api.prompts(), ["hello", "hello again", "still there"]);
}

/// An error of the API ends the turn, not the session.
pub(super) fn api_errors(release: Release) {
    let desk = Desk::new(release);
    let refused = desk.run(&["send", "error 400"]).expect_code(1);
    assert!(refused.stderr.contains("400"), "{refused:?}");
    assert_eq!(refused.stdout, "");
    assert_eq!(desk.last_turn()["outcome"], "failed");
    let overloaded = desk.run(&["send", "error 529"]).expect_code(1);
    assert!(overloaded.stderr.contains("529") || overloaded.stderr.contains("verloaded"), "{overloaded:?}");

    let mut flaky = desk.sending("error 529 2");
    flaky.expect_stderr("trying again (1/", PATIENCE);
    flaky.expect_stderr("trying again (2/", PATIENCE);
    assert_eq!(flaky.wait(PATIENCE).expect_code(0).stdout, "Recovered\n");
    assert_eq!(desk.send("hello"), "Echo: hello");
    let ends: Vec<_> = desk.brief().into_iter().filter(|line| line.starts_with("ended")).collect();
    assert_eq!(ends, ["ended failed 1", "ended failed 1", "ended done 1", "ended done 1"]);
}

/// A connection that breaks in the middle of a reply is tried again, as long as nobody stops it.
pub(super) fn a_cut_connection(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.sending("cut");
    send.expect_stdout("Cut ", PATIENCE);
    send.expect_stderr("trying again (2/", PATIENCE);
    desk.done(&["session", "stop", "work"]);
    send.wait(PATIENCE).expect_code(6);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let log = desk.brief();
    assert!(log.iter().filter(|line| line.starts_with("reply Cut")).count() <= 1, "{log:?}");
    assert_eq!(desk.events("turn_ended").len(), 2);
}

pub(super) fn not_logged_in(release: Release) {
    let desk = Desk::prepared(release, |home| home.unset("ANTHROPIC_API_KEY"));
    let refused = desk.run(&["send", "hello"]);
    assert_ne!(refused.code, 0);
    let words = &refused.stderr;
    assert!(words.contains("not logged in") && words.contains("ANTHROPIC_API_KEY"), "{refused:?}");
    assert!(desk.api.prompts().is_empty());
}
