//! A session in a terminal of its own: interactive `claude` is handed the conversation, and what was said there is the
//! session's when it ends.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::desk::{Desk, text};
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::process::Terminal;

fn desk(release: Release) -> Desk {
    Desk::prepared(release, |home| home.settle_claude())
}

/// Hands the session over and waits until `claude` can be typed into.
#[track_caller]
fn sit_down(desk: &Desk, release: Release) -> Terminal {
    let mut terminal = desk.home.pty(&["session", "handover", "work"], 100, 40);
    expect_ready(&mut terminal, release);
    terminal
}

#[track_caller]
fn expect_ready(terminal: &mut Terminal, release: Release) {
    terminal.expect(
        match release {
            Release::Newest => "(shift+tab",
            Release::Older => "shortcuts",
        },
        PATIENCE,
    );
}

/// Types a word; it is entered once it is seen, as a person would.
#[track_caller]
fn enter(terminal: &mut Terminal, word: &str) {
    terminal.send(word);
    terminal.expect(word, PATIENCE);
    terminal.send("\r");
}

/// Says a word there and waits for the answer, and until Claude has stored it.
#[track_caller]
fn say(desk: &Desk, terminal: &mut Terminal, word: &str) {
    enter(terminal, word);
    desk.api.wait_for(|request| request.prompt() == Some(word), PATIENCE);
    desk.wait_written(&format!("Echo: {word}"));
}

#[track_caller]
fn leave(terminal: &mut Terminal) {
    enter(terminal, "/exit");
    terminal.wait(PATIENCE).expect_code(0);
}

/// Until the session is this, as its views say.
#[expect(clippy::disallowed_methods, reason = "nothing tells when a session without a host has changed")]
#[track_caller]
fn wait_until(desk: &Desk, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = desk.show();
        if is(&shown) {
            return shown;
        }
        assert!(Instant::now() < deadline, "never {what}: {shown}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Until the process leads another conversation than this, by its own note.
#[track_caller]
fn wait_led(desk: &Desk, terminal: &Terminal, before: &str) {
    let note = desk.home.path().join(format!(".claude/sessions/{}.json", terminal.pid()));
    let led =
        || serde_json::from_slice::<Value>(&std::fs::read(&note).unwrap_or_default()).unwrap_or_default();
    wait_until(desk, "cleared", |_| led()["sessionId"].as_str().is_some_and(|id| id != before));
}

#[track_caller]
fn wait_back(desk: &Desk) {
    wait_until(desk, "back", |shown| shown["lent"].is_null() && shown["state"] != "handed_over");
}

fn kill_host(desk: &Desk) {
    let pid = desk.home.host().map(|host| host.pid);
    let host = desk.home.leftovers().into_iter().find(|found| Some(found.pid) == pid);
    let host = host.unwrap_or_else(|| panic!("no host is up"));
    host.signal(Signal::KILL);
    assert!(host.wait_gone(PATIENCE));
}

pub(super) fn said_there_and_taken_back(release: Release) {
    let desk = desk(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let mut terminal = sit_down(&desk, release);
    assert!(desk.claudes().is_empty(), "no process of ours is beside it");
    let shown = desk.show();
    assert_eq!((&shown["state"], &shown["lent"]["pid"]), (&"handed_over".into(), &terminal.pid().into()));
    let list = desk.done(&["session", "list"]);
    assert!(list.contains("handed over pts/"), "{list}");

    let queued = desk.post(&["meanwhile"]);
    assert!(
        queued.stderr.contains("handed over to a terminal; runs when it comes back"),
        "{}",
        queued.stderr
    );
    for refused in [["session", "archive", "work"], ["session", "delete", "work"]] {
        let refused =
            desk.run(&[&refused[..], if refused[1] == "delete" { &["--yes"] } else { &[] }].concat());
        assert!(refused.expect_code(1).stderr.contains("claudebot session take-back work"));
    }
    let mut second = desk.home.pty(&["session", "handover", "work"], 80, 24);
    assert!(second.wait(PATIENCE).expect_code(1).stdout.contains("is handed over to claude on pts/"));

    say(&desk, &mut terminal, "inside");
    assert!(desk.claudes().is_empty());
    leave(&mut terminal);
    wait_back(&desk);
    assert_eq!(desk.send("what did I say?"), "I remember: hello | inside | meanwhile");
    let log = desk.brief();
    let wanted =
        ["notice handed_over", "prompt meanwhile", "prompt inside", "reply Echo: inside", "ended done 1"];
    let begin = log.iter().position(|line| line == wanted[0]).unwrap_or_else(|| panic!("{log:?}"));
    assert_eq!(log[begin..begin + wanted.len()], wanted, "{log:?}");
    // The parting may be stored, too.
    assert!(log[begin + wanted.len()..].iter().any(|line| line == "notice came_back"), "{log:?}");
}

/// What was cleared is forgotten, here as there.
pub(super) fn cleared_there(release: Release) {
    let desk = desk(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let before = text(&desk.show(), "conversation");
    let mut terminal = sit_down(&desk, release);
    say(&desk, &mut terminal, "inside");
    enter(&mut terminal, "/clear");
    wait_until(&desk, "cleared", |shown| shown["conversation"] != before.as_str());
    say(&desk, &mut terminal, "afresh");
    leave(&mut terminal);
    wait_back(&desk);
    assert_eq!(desk.send("what did I say?"), "I remember: afresh");
    let log = desk.brief();
    for line in
        ["prompt inside", "reply Echo: inside", "prompt /clear", "prompt afresh", "reply Echo: afresh"]
    {
        assert_eq!(log.iter().filter(|found| *found == line).count(), 1, "{line}: {log:?}");
    }
}

/// Whichever host comes next watches the same process, and takes back what was said in it.
pub(super) fn hosts_come_and_go(release: Release) {
    let desk = desk(release);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let mut terminal = sit_down(&desk, release);
    kill_host(&desk);
    say(&desk, &mut terminal, "inside");
    assert_eq!(desk.state(), "handed_over");
    // This brings the next host up, which must start nothing beside it.
    desk.post(&["meanwhile"]);
    assert_eq!((desk.state().as_str(), desk.claudes().len()), ("handed_over", 0));
    terminal.signal(Signal::KILL);
    terminal.wait(PATIENCE);
    wait_back(&desk);
    assert_eq!(desk.send("what did I say?"), "I remember: hello | inside | meanwhile");

    // It also ends while no host is up.
    let mut terminal = sit_down(&desk, release);
    kill_host(&desk);
    let before = text(&desk.show(), "conversation");
    enter(&mut terminal, "/clear");
    wait_led(&desk, &terminal, &before);
    say(&desk, &mut terminal, "afresh");
    leave(&mut terminal);
    assert_eq!(desk.state(), "handed_over");
    assert_eq!(desk.send("recall"), "I remember: afresh");
}

pub(super) fn its_terminal_is_lost(release: Release) {
    let desk = desk(release);
    let refused = desk.run(&["session", "take-back", "work"]).expect_code(1);
    assert!(refused.stderr.contains("is not handed over"), "{}", refused.stderr);
    assert_eq!(desk.send("hello"), "Echo: hello");
    let mut terminal = sit_down(&desk, release);
    say(&desk, &mut terminal, "inside");
    terminal.signal(Signal::STOP);
    desk.done(&["session", "take-back", "work"]);
    terminal.wait(PATIENCE);
    assert_eq!(desk.send("what did I say?"), "I remember: hello | inside");
    // Somebody closes the window.
    let mut terminal = sit_down(&desk, release);
    terminal.signal(Signal::HUP);
    terminal.wait(PATIENCE);
    wait_back(&desk);
    assert_eq!(desk.send("after"), "Echo: after");
}

/// A session that nothing was said in begins there.
pub(super) fn begun_there(release: Release) {
    let desk = desk(release);
    let mut terminal = sit_down(&desk, release);
    say(&desk, &mut terminal, "inside");
    leave(&mut terminal);
    wait_back(&desk);
    assert_eq!(desk.send("what did I say?"), "I remember: inside");
    // Without a word nothing is begun, and nothing is lost.
    let mut terminal = sit_down(&desk, release);
    leave(&mut terminal);
    wait_back(&desk);
    assert_eq!(desk.send("recall"), "I remember: inside | what did I say?");
}

/// A turn is not cut off: it is waited for, and what waits behind it stays waiting.
pub(super) fn after_a_turn(release: Release) {
    let desk = desk(release);
    let mut send = desk.hold("door");
    let mut refused = desk.home.pty(&["session", "handover", "work"], 80, 24);
    assert!(refused.wait(PATIENCE).expect_code(1).stdout.contains("is busy"));
    // Whoever gives it up leaves nothing behind.
    let mut impatient = desk.home.pty(&["session", "handover", "work", "--wait"], 80, 24);
    impatient.expect("waits for the end", PATIENCE);
    impatient.send("\x03");
    impatient.wait(PATIENCE);
    // The host hears of it a moment later.
    refused_with(&desk, "is busy");
    let mut terminal = desk.home.pty(&["session", "handover", "work", "--wait"], 100, 40);
    refused_with(&desk, "about to be handed over");
    desk.post(&["meanwhile"]);
    desk.api.release("door");
    assert_eq!(send.wait(PATIENCE).expect_code(0).stdout, "Holding door\n");
    expect_ready(&mut terminal, release);
    assert_eq!(desk.state(), "handed_over");
    assert_eq!(desk.api.prompts(), ["hold door"]);
    leave(&mut terminal);
    wait_back(&desk);
    assert!(desk.send("recall").ends_with("hold door | meanwhile"));
}

/// Asks for the session until the host refuses it with these words.
#[track_caller]
fn refused_with(desk: &Desk, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut asked = desk.home.pty(&["session", "handover", "work"], 100, 24);
        let said = asked.wait(PATIENCE).expect_code(1).stdout;
        if said.contains(words) {
            return;
        }
        assert!(Instant::now() < deadline, "{said}");
    }
}

/// It is the shell's own job: suspended and brought back as any other.
pub(super) fn suspended_and_brought_back(release: Release) {
    let desk = desk(release);
    let mut shell = desk.home.program("/bin/bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "ready> ");
    let mut shell = Terminal::spawn(shell, 100, 40);
    shell.expect("ready> ", PATIENCE);
    shell.send(&format!("{} session handover work\r", env!("CARGO_BIN_EXE_claudebot")));
    expect_ready(&mut shell, release);
    shell.send("\x1a");
    shell.expect("Stopped", PATIENCE);
    shell.expect("ready> ", PATIENCE);
    assert_eq!(desk.state(), "handed_over");
    shell.send("fg\r");
    expect_ready(&mut shell, release);
    say(&desk, &mut shell, "inside");
    enter(&mut shell, "/exit");
    shell.expect("ready> ", PATIENCE);
    shell.send("exit\r");
    shell.wait(PATIENCE).expect_code(0);
    wait_back(&desk);
    assert_eq!(desk.send("what did I say?"), "I remember: inside");
}
