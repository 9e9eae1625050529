//! Processes that end in the middle of a turn: the agent, the host, both.

use rustix::process::Signal;
use serde_json::json;

use super::desk::Desk;
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::tree::Found;

fn host(desk: &Desk) -> Found {
    let pid = desk.home.host().map(|host| host.pid);
    let host = desk.home.leftovers().into_iter().find(|found| Some(found.pid) == pid);
    host.unwrap_or_else(|| panic!("no host is up"))
}

/// The turn is told to be cut off; the next prompt starts another process, which knows what was said.
pub(super) fn a_killed_child(release: Release) {
    let desk = Desk::new(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    desk.wait_stored("Echo: hello");
    let mut send = desk.hold("never");
    let claude = desk.claude();
    claude.signal(Signal::KILL);
    let output = send.wait(PATIENCE).expect_code(6);
    assert!(output.stderr.contains("Claude Code") && output.stderr.contains("cut off"), "{output:?}");
    assert_eq!(desk.state(), "crashed");
    let recalled = desk.send("recall");
    assert!(recalled.starts_with("I remember: hello"), "{recalled}");
    assert_ne!(desk.claude(), claude);
    let log = desk.brief();
    assert_eq!(
        log[3..7],
        ["prompt hold never", "notice crashed", "reply Holding ", "ended interrupted 1"],
        "{log:?}"
    );
    assert_eq!(desk.events("turn_ended").len(), 3);

    // While nothing runs, nobody is told before the next prompt, which just works.
    let claude = desk.claude();
    let mut watch = desk.watch();
    claude.signal(Signal::KILL);
    watch.state("crashed");
    assert_eq!(desk.send("hello again"), "Echo: hello again");
}

/// The child of a killed host works on; the next host waits for it and takes its reply, once.
pub(super) fn a_killed_host_whose_child_works_on(release: Release) {
    let desk = Desk::new(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let mut send = desk.hold("door");
    let (claude, killed) = (desk.claude(), host(&desk));
    killed.signal(Signal::KILL);
    assert!(killed.wait_gone(PATIENCE));
    send.expect_stderr("connecting again", PATIENCE);
    let mut late = desk.sending("late");
    desk.api.release("door");
    assert_eq!(send.wait(PATIENCE).expect_code(0).stdout, "Holding door\n");
    assert_eq!(late.wait(PATIENCE).expect_code(0).stdout, "Echo: late\n");
    assert!(!claude.is_alive());
    assert_ne!(host(&desk), killed);
    assert_eq!(desk.api.prompts(), ["hello", "hold door", "late"]);
    let log = desk.brief();
    for line in ["reply Holding door", "prompt hold door", "reply Echo: late"] {
        assert_eq!(log.iter().filter(|found| *found == line).count(), 1, "{log:?}");
    }
    assert_eq!(desk.events("turn_ended").len(), 3, "{log:?}");
}

/// Everything at once in the middle of a tool: an honest end, and a session that goes on.
pub(super) fn everything_killed_in_a_turn(release: Release) {
    let desk = Desk::trusting(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let mut watch = desk.watch();
    let text = format!("bash {}", desk.until_exists("never"));
    desk.post(&[&text]);
    desk.post(&["waits"]);
    watch.until(|push| push["live"]["type"] == "block_started" && push["live"]["tool"] == "Bash");
    desk.home.kill_everything();
    let recalled = desk.send("recall");
    assert!(recalled.contains("hello"), "{recalled}");
    assert_eq!(desk.api.prompts().iter().filter(|prompt| **prompt == text).count(), 1);
    assert_eq!(desk.api.prompts().iter().filter(|prompt| *prompt == "waits").count(), 1);
    let ends: Vec<_> = desk.brief().into_iter().filter(|line| line.starts_with("ended")).collect();
    assert_eq!(
        ends,
        ["ended done 1", "ended interrupted 1", "ended done 1", "ended done 1"],
        "{:?}",
        desk.brief()
    );
}

/// A host that is asked to stop lets the turn end; what waits is the next host's.
pub(super) fn a_host_stopped_in_a_turn(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.hold("door");
    desk.post(&["waits"]);
    let killed = host(&desk);
    desk.wire()
        .call(json!({ "type": "host_stop", "when": "when_idle" }))
        .unwrap_or_else(|error| panic!("it does not stop: {error}"));
    assert!(send.is_running());
    desk.api.release("door");
    assert_eq!(send.wait(PATIENCE).expect_code(0).stdout, "Holding door\n");
    assert!(killed.wait_gone(PATIENCE));
    assert_eq!(desk.send("after"), "Echo: after");
    assert_eq!(desk.api.prompts(), ["hold door", "waits", "after"]);

    // At once: the turn is cut off, and its `send` says so.
    let mut send = desk.hold("never");
    desk.done(&["host", "stop", "--now"]);
    assert!(desk.claudes().is_empty());
    send.wait(PATIENCE).expect_code(6);
    assert_eq!(desk.last_turn()["outcome"], "interrupted");
    assert!(desk.send("recall").starts_with("I remember: hold door | waits | after"));
}

/// A person lets Claude go on with what was cut off.
pub(super) fn continued_after_an_interruption(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.hold("never");
    desk.done(&["session", "stop", "work"]);
    send.wait(PATIENCE).expect_code(6);
    let mut watch = desk.watch();
    desk.done(&["session", "queue", "work", "--continue"]);
    assert_eq!(watch.event("reply")["text"], "Echo: Continue where you were interrupted.");
    watch.event("turn_ended");
    assert_eq!(desk.send("recall"), "I remember: hold never | Continue where you were interrupted.");
}

/// Where Claude's own record is gone, it is told what was said last.
pub(super) fn a_lost_conversation(release: Release) {
    let desk = Desk::new(release);
    desk.send("hello");
    let before = desk.show()["conversation"].clone();
    desk.done(&["session", "sleep", "work"]);
    desk.wait_without_claude();
    let projects = desk.home.path().join(".claude/projects");
    std::fs::remove_dir_all(&projects).unwrap_or_else(|error| panic!("{}: {error}", projects.display()));
    let reply = desk.send("and now?");
    assert!(reply.contains("User: hello") && reply.contains("Assistant: Echo: hello"), "{reply}");
    assert!(reply.ends_with("and now?"), "{reply}");
    assert_ne!(desk.show()["conversation"], before);
    assert_eq!(desk.brief()[3..5], ["prompt and now?", "notice recap"]);
    assert!(desk.send("recall").ends_with("and now?"), "the recap is given once");
}
