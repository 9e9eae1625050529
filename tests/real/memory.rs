//! Streaming, warm turns, and what is remembered after every way a process can end.

use crate::support::PATIENCE;
use crate::support::claude::Release;

use super::desk::Desk;

pub(super) fn streams_while_the_api_holds(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.hold("door");
    assert!(send.is_running());
    assert_eq!(send.stdout(), "Holding ");
    // A second terminal sees what was said so far, and what comes, as it comes.
    let mut late = desk.watch();
    let snapshot = late.until(|push| push["live"]["type"] == "snapshot");
    assert_eq!(snapshot["live"]["turn"]["blocks"][0]["text"], "Holding ", "{snapshot}");
    desk.api.release("door");
    late.until(|push| push["live"]["type"] == "delta" && push["live"]["text"] == "door");
    assert_eq!(late.event("reply")["text"], "Holding door");
    assert_eq!(send.wait(PATIENCE).expect_code(0).stdout, "Holding door\n");
    assert_eq!(desk.brief(), ["prompt hold door", "reply Holding door", "ended done 1"]);
}

/// One process for several turns; another one that knows all of them after sleep, `host stop` and SIGKILL.
pub(super) fn remembers_over_every_kind_of_end(release: Release) {
    let desk = Desk::new(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let first = desk.claude();
    assert_eq!(desk.last_turn()["stages"]["cold"], true);
    assert_eq!(desk.send("what did I say?"), "I remember: hello");
    assert_eq!(desk.claude(), first, "the second turn has the first one's process");
    assert_eq!(desk.last_turn()["stages"]["cold"], false);
    let conversation = desk.show()["conversation"].clone();

    desk.done(&["session", "sleep", "work"]);
    assert!(first.wait_gone(PATIENCE));
    assert_eq!(desk.state(), "asleep");
    assert_eq!(desk.send("recall"), "I remember: hello | what did I say?");
    assert_ne!(desk.claude(), first);

    desk.done(&["host", "stop"]);
    assert!(desk.home.wait_empty(PATIENCE).is_empty());
    assert_eq!(desk.send("recall"), "I remember: hello | what did I say? | recall");

    desk.wait_stored("I remember: hello | what did I say? | recall");
    desk.home.kill_everything();
    assert_eq!(desk.send("recall"), "I remember: hello | what did I say? | recall | recall");
    assert_eq!(desk.show()["conversation"], conversation);
    assert_eq!(desk.api.prompts(), ["hello", "what did I say?", "recall", "recall", "recall"]);
    let ends: Vec<_> = desk.brief().into_iter().filter(|line| line.starts_with("ended")).collect();
    assert_eq!(ends, ["ended done 1"; 5]);
}
