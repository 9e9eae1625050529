//! Approvals that are unknown, answered already, or answered in a way that does not fit.

use super::Shell;
use crate::support::PATIENCE;
use crate::support::process::Running;

/// A send that waits for an approval (or an answer) in the session `work`.
fn asking(shell: &Shell, prompt: &str) -> Running {
    let mut send = shell.home.spawn(&["send", prompt]);
    send.expect_stderr("claudebot approve", PATIENCE);
    send
}

#[test]
fn nothing_waits() {
    let mut shell = Shell::with_session();
    shell.run(&["approvals"]).expect_code(0);
    shell.run(&["approve", "77"]).expect_code(3);
    shell.run(&["deny", "77"]).expect_code(3);
    shell.run(&["approve", "work"]).expect_code(3);
    shell.run(&["approve", "nope"]).expect_code(3);
    shell.run(&["approve", "-1"]).expect_code(2);
    shell.run(&["approve", "18446744073709551616"]).expect_code(3);
    shell.matches("answers_nothing_waits");
}

#[test]
fn answered_twice() {
    let mut shell = Shell::with_session();
    let mut send = asking(&shell, "list files");
    shell.run(&["approvals"]).expect_code(0);
    shell.run(&["status"]).expect_code(0);
    shell.run(&["status", "--short"]).expect_code(0);
    shell.run(&["approve", "1", "--answer", "yes"]).expect_code(2);
    shell.run(&["deny", "1", "--message", "not now \u{1b}[31m"]).expect_code(0);
    let output = send.wait(PATIENCE).expect_code(0);
    shell.record("claudebot send 'list files'", &output);
    shell.run(&["approve", "1"]).expect_code(1);
    shell.run(&["deny", "work"]).expect_code(3);
    shell.run(&["log"]).expect_code(0);
    shell.matches("answers_twice");
}

/// Nobody has to agree to what was cut.
#[test]
fn shown_whole() {
    let mut shell = Shell::with_session();
    let mut send = asking(&shell, "list files");
    shell.run(&["approvals", "1"]).expect_code(0);
    shell.run(&["approvals", "--full"]).expect_code(0);
    shell.run(&["approvals", "2"]).expect_code(3);
    shell.run(&["session", "rename", "work", "office"]).expect_code(0);
    shell.run(&["approvals"]).expect_code(0);
    let said = shell.on_terminal(&["approve", "1"]).expect_code(0).stdout;
    assert!(said.contains("asks for permission"), "{said}");
    send.wait(PATIENCE).expect_code(0);
    shell.matches("answers_shown_whole");
}

#[test]
fn of_the_wrong_kind() {
    let mut shell = Shell::with_session();
    let mut send = asking(&shell, "ask me");
    shell.run(&["approve", "1"]).expect_code(2);
    shell.run(&["approve", "1", "--session"]).expect_code(2);
    shell.run(&["approve", "1", "--answer", "mauve"]).expect_code(2);
    shell.run(&["approve", "1", "--answer", "a", "--always"]).expect_code(2);
    shell.run(&["approvals"]).expect_code(0);
    shell.run(&["deny", "1"]).expect_code(0);
    let output = send.wait(PATIENCE).expect_code(0);
    shell.record("claudebot send 'ask me'", &output);
    shell.matches("answers_wrong_kind");
}

/// What an agent runs must not say yes to what it wants itself.
#[test]
fn from_inside_a_session() {
    let shell = Shell::with_session();
    let mut send = asking(&shell, "list files");
    let inside = |arguments: &[&str]| {
        let mut command = shell.home.command(arguments);
        command.env("CLAUDEBOT_SESSION", "work");
        Running::spawn(command).wait(PATIENCE)
    };
    for arguments in [["approve", "1"], ["deny", "1"]] {
        let refused = inside(&arguments).expect_code(6).stderr;
        assert!(refused.contains("an approval cannot be answered from inside session work"), "{refused}");
    }
    inside(&["send", "-s", "work", "--no-wait", "echo asked from inside"]).expect_code(0);
    shell.home.run(&["approve", "1"]).expect_code(0);
    send.wait(PATIENCE).expect_code(0);
}

/// Of two answers at once, one counts and the other is told who was first.
#[test]
fn a_race() {
    let shell = Shell::with_session();
    let mut send = asking(&shell, "list files");
    let mut both = [shell.home.spawn(&["approve", "1"]), shell.home.spawn(&["deny", "1"])];
    let mut codes: Vec<_> = both.iter_mut().map(|one| one.wait(PATIENCE).code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1]);
    send.wait(PATIENCE).expect_code(0);
}

/// What was asked is void once the turn is stopped.
#[test]
fn after_a_stop() {
    let mut shell = Shell::with_session();
    let mut send = asking(&shell, "list files");
    shell.run(&["session", "stop", "work"]).expect_code(0);
    send.wait(PATIENCE).expect_code(6);
    shell.run(&["approve", "1"]).expect_code(1);
    shell.matches("answers_after_a_stop");
}

/// What was asked is void once the host was killed, and a second host says so.
#[test]
fn after_a_kill() {
    let mut shell = Shell::with_session();
    let mut send = shell.home.spawn(&["send", "--no-wait", "list files"]);
    send.wait(PATIENCE).expect_code(0);
    let mut follow = shell.home.spawn(&["log", "--follow"]);
    follow.expect_stdout("?", PATIENCE);
    shell.home.kill_everything();
    follow.wait(PATIENCE);
    shell.run(&["approve", "1"]).expect_code(1);
    shell.matches("answers_after_a_kill");
}
