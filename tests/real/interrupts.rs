//! Ctrl-C in `send`, and a stop from elsewhere.

use rustix::process::Signal;

use super::desk::Desk;
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::messages_api::Outcome;

/// The first Ctrl-C ends the turn; the session stays usable and its process resident.
pub(super) fn ctrl_c_ends_the_turn(release: Release) {
    let desk = Desk::new(release);
    let mut terminal = desk.terminal("hold never");
    terminal.expect("Holding ", PATIENCE);
    let claude = desk.claude();
    terminal.send("\x03");
    terminal.expect("stopping", PATIENCE);
    terminal.wait(PATIENCE).expect_code(6);
    desk.api.wait_for(|request| request.outcome == Outcome::Broken, PATIENCE);
    assert_eq!(desk.brief(), ["prompt hold never", "reply Holding ", "ended interrupted 1"]);
    assert_eq!(desk.send("hello"), "Echo: hello");
    assert_eq!(desk.claude(), claude);

    // While a person is asked, too: then nobody is asked any more.
    let mut terminal = desk.terminal("bash mkdir made");
    terminal.expect("then Enter › ", PATIENCE);
    terminal.send("\x03");
    terminal.wait(PATIENCE).expect_code(6);
    assert_eq!(desk.run(&["approvals", "--json"]).expect_code(0).json(), serde_json::json!([]));
    let late = desk.run(&["approve", "1"]).expect_code(1);
    assert!(late.stderr.contains("no longer needed"), "{late:?}");
    assert!(!desk.home.project().join("made").exists());
    assert_eq!(desk.send("hello"), "Echo: hello");
}

/// The second Ctrl-C leaves a turn that does not end as asked.
pub(super) fn a_second_ctrl_c_detaches(release: Release) {
    let desk = Desk::new(release);
    let mut terminal = desk.terminal("hold never");
    terminal.expect("Holding ", PATIENCE);
    let claude = desk.claude();
    claude.signal(Signal::STOP);
    terminal.send("\x03");
    terminal.expect("Ctrl-C again leaves it running", PATIENCE);
    terminal.send("\x03");
    terminal.expect("it goes on without you", PATIENCE);
    terminal.wait(PATIENCE).expect_code(6);
    assert_eq!(desk.state(), "busy");
    let mut watch = desk.watch();
    claude.signal(Signal::CONT);
    assert_eq!(watch.event("turn_ended")["detail"]["outcome"], "interrupted");
}

/// A prompt that waits behind another one is taken back, and the other one goes on.
pub(super) fn ctrl_c_takes_a_waiting_prompt_back(release: Release) {
    let desk = Desk::new(release);
    let mut first = desk.hold("door");
    let mut terminal = desk.terminal("second");
    terminal.expect("queued", PATIENCE);
    terminal.send("\x03");
    terminal.expect("the prompt was taken back", PATIENCE);
    terminal.wait(PATIENCE).expect_code(6);
    desk.api.release("door");
    assert_eq!(first.wait(PATIENCE).expect_code(0).stdout, "Holding door\n");
    assert_eq!(desk.send("third"), "Echo: third");
    assert_eq!(desk.api.prompts(), ["hold door", "third"]);
}

/// A stop holds what waits until somebody says what is to become of it.
pub(super) fn a_stop_from_elsewhere_holds_the_queue(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.hold("never");
    let mut second = desk.terminal("second");
    second.expect("queued", PATIENCE);
    let stop = desk.run(&["session", "stop", "work"]).expect_code(0);
    assert!(stop.stderr.contains("stopped the turn; 1 prompt held"), "{stop:?}");
    let stopped = send.wait(PATIENCE).expect_code(6);
    assert_eq!(stopped.stdout, "Holding \n");
    second.expect("held", PATIENCE);
    let third = desk.post(&["third"]);
    assert!(third.stderr.contains("the queue is held (stopped)"), "{third:?}");
    let shown = desk.show();
    assert_eq!((&shown["hold"], &shown["queued"]), (&"stopped".into(), &2.into()), "{shown}");
    assert_eq!(desk.api.prompts(), ["hold never"]);

    let mut watch = desk.watch();
    desk.done(&["session", "queue", "work", "--run"]);
    second.expect("Echo: second", PATIENCE);
    second.wait(PATIENCE).expect_code(0);
    watch.event("turn_ended");
    watch.event("turn_ended");
    assert_eq!(desk.api.prompts(), ["hold never", "second", "third"]);
    assert_eq!(
        desk.brief()[5..],
        ["reply Echo: second", "ended done 1", "reply Echo: third", "ended done 1"]
    );
}

pub(super) fn a_held_queue_can_be_dropped(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.hold("never");
    let mut second = desk.terminal("second");
    second.expect("queued", PATIENCE);
    desk.done(&["session", "stop", "work"]);
    send.wait(PATIENCE).expect_code(6);
    desk.done(&["session", "queue", "work", "--clear"]);
    second.expect("taken back", PATIENCE);
    second.wait(PATIENCE).expect_code(6);
    let shown = desk.show();
    assert!(shown["hold"].is_null() && shown["queued"] == 0, "{shown}");
    assert_eq!(desk.send("third"), "Echo: third");
    assert_eq!(desk.api.prompts(), ["hold never", "third"]);
    let stop = desk.run(&["session", "stop", "work"]).expect_code(0);
    assert!(stop.stderr.contains("no turn was running"), "{stop:?}");
}
