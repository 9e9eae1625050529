//! Prompts that come while a turn runs: queued, now, instead; during text and during a tool.

use super::desk::Desk;
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::process::Running;

/// A turn whose Bash runs until `file` is there.
#[track_caller]
fn tool_until(desk: &Desk, file: &str) -> Running {
    let mut watch = desk.watch_awake();
    let send = desk.sending(&format!("bash {}", desk.until_exists(file)));
    watch.until(|push| push["live"]["type"] == "block_started" && push["live"]["tool"] == "Bash");
    send
}

#[track_caller]
fn reply(mut send: Running) -> String {
    send.wait(PATIENCE).expect_code(0).stdout
}

#[track_caller]
fn dropped(mut send: Running) {
    let output = send.wait(PATIENCE).expect_code(6);
    assert!(output.stderr.contains("dropped for another prompt"), "{output:?}");
}

/// What is queued runs in order, each as a turn of its own.
pub(super) fn queued(release: Release) {
    let desk = Desk::trusting(release);
    let first = desk.hold("door");
    let mut second = desk.sending("second");
    second.expect_stderr("queued, number 1", PATIENCE);
    let mut third = desk.sending("third");
    third.expect_stderr("queued, number 2", PATIENCE);
    assert_eq!(desk.show()["queued"], 2);
    desk.api.release("door");
    assert_eq!([first, second, third].map(reply), ["Holding door\n", "Echo: second\n", "Echo: third\n"]);

    let tool = tool_until(&desk, "go");
    desk.post(&["fourth"]);
    let mut fifth = desk.sending("fifth");
    fifth.expect_stderr("queued, number 2", PATIENCE);
    desk.home.write("go", "");
    let (tool, fifth) = (reply(tool), reply(fifth));
    assert!(tool.contains("Result: ") && !tool.contains("and:"), "{tool}");
    assert_eq!(fifth, "Echo: fifth\n");
    let log: Vec<_> = desk.brief().into_iter().filter(|line| !line.contains("until")).collect();
    assert_eq!(
        log,
        [
            "prompt hold door",
            "prompt second",
            "prompt third",
            "reply Holding door",
            "ended done 1",
            "reply Echo: second",
            "ended done 1",
            "reply Echo: third",
            "ended done 1",
            "reply Running it. ",
            "prompt fourth",
            "prompt fifth",
            "reply Result: (Bash completed with no output)",
            "ended done 1",
            "reply Echo: fourth",
            "ended done 1",
            "reply Echo: fifth",
            "ended done 1",
        ]
    );
}

/// During a text, what is sent now is Claude's next turn, before what was queued.
pub(super) fn now_during_text(release: Release) {
    let desk = Desk::new(release);
    let first = desk.hold("door");
    desk.post(&["queued"]);
    let mut now = desk.home.spawn(&["send", "--now", "at once"]);
    now.expect_stderr("→ work", PATIENCE);
    let mut too = desk.home.spawn(&["send", "--now", "this too"]);
    too.expect_stderr("→ work", PATIENCE);
    let mut watch = desk.watch();
    desk.api.release("door");
    assert_eq!([first, now, too].map(reply), ["Holding door\n", "Echo: at once\n", "Echo: this too\n"]);
    watch.until(|push| push["event"]["text"] == "Echo: queued");
    watch.event("turn_ended");
    assert_eq!(
        desk.brief(),
        [
            "prompt hold door",
            "prompt queued",
            "prompt at once",
            "prompt this too",
            "reply Holding door",
            "ended done 1",
            "reply Echo: at once",
            "ended done 1",
            "reply Echo: this too",
            "ended done 1",
            "reply Echo: queued",
            "ended done 1",
        ]
    );
}

/// During a tool, Claude reads it with the tool's result: one turn answers both.
pub(super) fn now_during_a_tool(release: Release) {
    let desk = Desk::trusting(release);
    let tool = tool_until(&desk, "go");
    let mut now = desk.home.spawn(&["send", "--now", "look here"]);
    now.expect_stderr("→ work", PATIENCE);
    desk.post(&["later"]);
    let mut watch = desk.watch();
    desk.home.write("go", "");
    let (tool, now) = (reply(tool), reply(now));
    assert!(tool.ends_with("| and: look here\n"), "{tool}");
    assert!(now.ends_with("| and: look here\n") && !now.contains("Running it"), "{now}");
    watch.until(|push| push["event"]["text"] == "Echo: later");
    watch.event("turn_ended");
    let log: Vec<_> = desk.brief().into_iter().filter(|line| !line.contains("until")).collect();
    assert_eq!(
        log[3..],
        [
            "reply Running it. ",
            "prompt look here",
            "prompt later",
            "reply Result: (Bash completed with no output) | and: look here",
            "ended done 2",
            "reply Echo: later",
            "ended done 1",
        ]
    );
}

/// What runs is dropped for it, be it text or a tool; what waits stays.
pub(super) fn instead(release: Release) {
    let desk = Desk::trusting(release);
    let first = desk.hold("never");
    desk.post(&["queued"]);
    let instead = desk.home.spawn(&["send", "--instead", "do this"]);
    assert_eq!(reply(instead), "Echo: do this\n");
    dropped(first);

    let mut watch = desk.watch();
    desk.home.spawn(&["send", "fence"]).wait(PATIENCE).expect_code(0);
    watch.event("turn_ended");
    let tool = tool_until(&desk, "never");
    let instead = desk.home.spawn(&["send", "--instead", "rather this"]);
    assert_eq!(reply(instead), "Echo: rather this\n");
    dropped(tool);
    let log: Vec<_> = desk
        .brief()
        .into_iter()
        .filter(|line| !line.starts_with("prompt") && !line.contains("until"))
        .collect();
    assert_eq!(
        log,
        [
            "reply Holding ",
            "ended replaced 1",
            "reply Echo: do this",
            "ended done 1",
            "reply Echo: queued",
            "ended done 1",
            "reply Echo: fence",
            "ended done 1",
            "reply Running it. ",
            "ended replaced 1",
            "reply Echo: rather this",
            "ended done 1",
        ]
    );
}

/// It does not wait for the tool that what was sent now waits for; that runs afterwards.
pub(super) fn instead_of_what_was_sent_now(release: Release) {
    let desk = Desk::trusting(release);
    let tool = tool_until(&desk, "never");
    let mut now = desk.home.spawn(&["send", "--now", "look here"]);
    now.expect_stderr("→ work", PATIENCE);
    let instead = desk.home.spawn(&["send", "--instead", "rather this"]);
    assert_eq!(reply(instead), "Echo: rather this\n");
    dropped(tool);
    assert_eq!(reply(now), "Echo: look here\n");
    let ends: Vec<_> = desk.brief().into_iter().filter(|line| line.starts_with("ended")).collect();
    assert_eq!(ends, ["ended done 1", "ended replaced 1", "ended done 1", "ended done 1"]);
}

/// Where nothing runs, all three are the same.
pub(super) fn anything_while_idle(release: Release) {
    let desk = Desk::new(release);
    assert_eq!(desk.done(&["send", "--now", "one"]), "Echo: one\n");
    assert_eq!(desk.done(&["send", "--instead", "two"]), "Echo: two\n");
    assert_eq!(
        desk.brief(),
        ["prompt one", "reply Echo: one", "ended done 1", "prompt two", "reply Echo: two", "ended done 1"]
    );
}
