//! What was allowed for a session: kept over a sleep, shown, and taken back.

use super::Shell;
use crate::support::PATIENCE;

/// Runs the tool that the demo agent asks for, with an answer if it asks.
fn list(shell: &mut Shell, answer: &[&str]) {
    let mut send = shell.home.spawn(&["send", "list files"]);
    if !answer.is_empty() {
        send.expect_stderr("claudebot approve", PATIENCE);
        shell.run(answer).expect_code(0);
    }
    let output = send.wait(PATIENCE).expect_code(0);
    shell.record("claudebot send 'list files'", &output);
}

#[test]
fn kept_until_taken_back() {
    let mut shell = Shell::with_session();
    shell.run(&["session", "rules", "work"]).expect_code(0);
    list(&mut shell, &["approve", "work", "--session"]);
    shell.run(&["session", "sleep", "work"]).expect_code(0);
    list(&mut shell, &[]);
    shell.run(&["session", "rules", "work"]).expect_code(0);
    shell.run(&["session", "rules", "work", "--json"]).expect_code(0);
    shell.run(&["session", "rules", "work", "--revoke", "Bash"]).expect_code(3);
    // The idle process is ended for it.
    shell.run(&["session", "rules", "work", "--revoke", "Bash(ls -p)"]).expect_code(0);
    list(&mut shell, &["approve", "work"]);
    shell.run(&["session", "rules", "work", "--clear"]).expect_code(0);
    shell.run(&["session", "rules", "work"]).expect_code(0);
    shell.run(&["session", "rules", "nope"]).expect_code(3);
    shell.run(&["log", "--audit"]).expect_code(0);
    shell.matches("rules_kept_until_taken_back");
}

/// A turn that runs goes on with what it has; then its process ends, and the next one asks.
#[test]
fn taken_back_from_a_busy_session() {
    let mut shell = Shell::with_session();
    list(&mut shell, &["approve", "work", "--session"]);
    let mut send = shell.home.spawn(&["send", "words 2000 5"]);
    send.expect_stdout(" ", PATIENCE);
    let revoked = shell.home.run(&["session", "rules", "work", "--clear", "--json"]).expect_code(0).json();
    assert_eq!((&revoked["rules"][0], &revoked["live"]), (&"Bash(ls -p)".into(), &true.into()));
    let state = shell.home.run(&["session", "show", "work", "--json"]).expect_code(0).json();
    assert_eq!(state["state"], "busy");
    shell.home.run(&["session", "stop", "work"]).expect_code(0);
    send.wait(PATIENCE).expect_code(6);
    list(&mut shell, &["approve", "work"]);
}

/// Without a host the store is enough.
#[test]
fn taken_back_without_a_host() {
    let mut shell = Shell::with_session();
    list(&mut shell, &["approve", "work", "--session"]);
    shell.home.run(&["host", "stop"]).expect_code(0);
    let revoked = shell.home.run(&["session", "rules", "work", "--clear", "--json"]).expect_code(0).json();
    assert_eq!(revoked["live"], false);
    assert!(shell.home.host().is_none());
    list(&mut shell, &["approve", "work"]);
}
