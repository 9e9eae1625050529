//! Permissions, questions and plans: asked on a terminal, answered from anywhere, by the first one only.

use rustix::process::Signal;

use super::desk::{Desk, parsed};
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::process::{Output, Running};

pub(super) fn allowed_once_then_denied(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.sending("bash mkdir made && echo done");
    send.expect_stderr("claudebot approve 1", PATIENCE);
    assert_eq!(desk.state(), "waiting");
    let waiting = desk.run(&["approvals", "--json"]).expect_code(0).json();
    assert_eq!(waiting[0]["tool"], "Bash");
    assert_eq!(waiting[0]["input"]["command"], "mkdir made && echo done");
    assert!(!desk.home.project().join("made").exists());
    desk.done(&["approve", "1"]);
    assert_eq!(send.wait(PATIENCE).expect_code(0).stdout, "Running it. \n\nResult: done\n");
    assert!(desk.home.project().join("made").is_dir());

    // Allowing once is allowing once; a session with one approval is name enough.
    let mut send = desk.sending("bash mkdir more");
    send.expect_stderr("claudebot approve 2", PATIENCE);
    desk.done(&["deny", "work", "--message", "Keep it."]);
    let reply = send.wait(PATIENCE).expect_code(0).stdout;
    assert!(reply.ends_with("Result: Keep it.\n"), "{reply}");
    assert!(!desk.home.project().join("more").exists());
    assert_eq!(
        desk.brief(),
        [
            "prompt bash mkdir made && echo done",
            "reply Running it. ",
            "asked Bash: mkdir made && echo done",
            "answered allowed by shell",
            "tool Bash: mkdir made && echo done",
            "reply Result: done",
            "ended done 1",
            "prompt bash mkdir more",
            "reply Running it. ",
            "asked Bash: mkdir more",
            "answered denied by shell: Keep it.",
            "tool Bash: mkdir more",
            "reply Result: Keep it.",
            "ended done 1",
        ]
    );
    desk.run(&["approve", "work"]).expect_code(3);
    desk.run(&["approve", "99"]).expect_code(3);
}

/// Sends a prompt whose tool asks, and approves it in this way.
#[track_caller]
fn asked(desk: &Desk, text: &str, answer: &[&str]) {
    let mut send = desk.sending(text);
    send.expect_stderr("claudebot approve", PATIENCE);
    let mut approve = vec!["approve", "work"];
    approve.extend(answer);
    desk.done(&approve);
    send.wait(PATIENCE).expect_code(0);
}

/// Sends a prompt whose tool makes the directory `made` again, and must not ask.
#[track_caller]
fn remade(desk: &Desk, text: &str) {
    let made = desk.home.project().join("made");
    std::fs::remove_dir(&made).unwrap_or_else(|error| panic!("it was not made: {error}"));
    desk.send(text);
    assert!(made.is_dir());
}

/// It stands in the project's own settings.
pub(super) fn allowed_always(release: Release) {
    let desk = Desk::new(release);
    let rules = desk.home.project().join(".claude/settings.local.json");
    asked(&desk, "bash mkdir -p made", &["--always"]);
    let waited = desk.events("approval_asked").pop().unwrap_or_default();
    assert_eq!(waited["detail"]["approval"]["rules_file"], *rules.to_string_lossy());
    let written = std::fs::read_to_string(&rules).unwrap_or_else(|error| panic!("no rule was kept: {error}"));
    assert!(parsed(&written)["permissions"]["allow"].to_string().contains("mkdir"), "{written}");
    desk.done(&["session", "sleep", "work"]);
    remade(&desk, "bash mkdir -p made");
    assert_eq!(desk.events("approval_asked").len(), 1);
}

/// It is kept by claudebot, over a sleep, until it is taken back; nothing stands in the project.
pub(super) fn allowed_for_the_session(release: Release) {
    let desk = Desk::new(release);
    asked(&desk, "bash mkdir made", &["--session"]);
    remade(&desk, "bash mkdir made && echo once more");
    desk.done(&["session", "sleep", "work"]);
    remade(&desk, "bash mkdir made && echo after a sleep");
    assert!(!desk.home.project().join(".claude").exists());
    let kept = desk.run(&["session", "rules", "work", "--json"]).expect_code(0).json();
    assert_eq!((&kept[0]["rule"], &kept[0]["by"]), (&"Bash(mkdir made *)".into(), &"shell".into()));

    desk.done(&["session", "rules", "work", "--revoke", "Bash(mkdir made *)"]);
    desk.wait_without_claude();
    asked(&desk, "bash mkdir made", &[]);
    assert_eq!(desk.events("approval_asked").len(), 2);
}

/// A command that the agent chose must not allow more than itself, whatever stands in it; nor may a mode be taken
/// over that was suggested with it.
pub(super) fn a_kept_rule_allows_nothing_else(release: Release) {
    let desk = Desk::new(release);
    let sly = r#"bash touch ") Bash (""#;
    for answer in [["approve", "work", "--session"].as_slice(), &[]] {
        let mut send = desk.sending(sly);
        if !answer.is_empty() {
            send.expect_stderr("claudebot approve", PATIENCE);
            desk.done(answer);
        }
        send.wait(PATIENCE).expect_code(0);
        desk.done(&["session", "sleep", "work"]);
    }
    let kept = desk.run(&["session", "rules", "work", "--json"]).expect_code(0).json();
    assert_eq!(kept[0]["rule"], r#"Bash(touch "\) Bash \(")"#);
    assert_eq!(desk.events("approval_asked").len(), 1, "the command itself is allowed");
    for other in ["bash mkdir made", "write made.txt"] {
        let mut send = desk.sending(other);
        send.expect_stderr("claudebot approve", PATIENCE);
        desk.done(&["deny", "work"]);
        send.wait(PATIENCE).expect_code(0);
    }
}

/// Asked on one terminal, answered on another: the first sees by whom, the loser is told who was first.
pub(super) fn answered_on_another_terminal(release: Release) {
    let desk = Desk::new(release);
    let mut terminal = desk.terminal("bash mkdir made");
    terminal.expect("Bash asks for permission (approval 1)", PATIENCE);
    terminal.expect("then Enter › ", PATIENCE);
    desk.done(&["approve", "1"]);
    terminal.expect("approval 1: allowed by shell", PATIENCE);
    terminal.expect("Result: ", PATIENCE);
    terminal.wait(PATIENCE).expect_code(0);
    lost(&desk.run(&["deny", "1"]), "allowed by shell");
    assert_eq!(desk.events("approval_answered").len(), 1);
    assert!(desk.home.project().join("made").is_dir());
}

/// The terminal's own answer counts, and comes too late likewise.
pub(super) fn the_terminal_wins_or_loses(release: Release) {
    let desk = Desk::new(release);
    let mut terminal = desk.terminal("bash mkdir made");
    terminal.expect("then Enter › ", PATIENCE);
    terminal.send("y\r");
    terminal.expect("Result: ", PATIENCE);
    terminal.wait(PATIENCE).expect_code(0);
    lost(&desk.run(&["deny", "1"]), "allowed by shell");

    // Stopped while another one answers, it has the typed line and the news at the same time.
    let mut terminal = desk.terminal("bash mkdir more");
    terminal.expect("then Enter › ", PATIENCE);
    terminal.signal(Signal::STOP);
    desk.done(&["approve", "2"]);
    terminal.send("n\r");
    terminal.signal(Signal::CONT);
    terminal.expect("allowed by shell", PATIENCE);
    terminal.wait(PATIENCE).expect_code(0);
    assert!(desk.home.project().join("more").is_dir(), "the late no has counted");
    assert_eq!(desk.events("approval_answered").len(), 2);
}

/// However close they are, one answer counts and the other one is told so.
pub(super) fn two_answers_at_once(release: Release) {
    const ROUNDS: usize = 4;
    let desk = Desk::new(release);
    for round in 1..=ROUNDS {
        let mut send = desk.sending(&format!("bash mkdir made{round}"));
        send.expect_stderr("claudebot approve", PATIENCE);
        let id = round.to_string();
        let approve = desk.home.spawn(&["approve", &id]);
        let deny = desk.home.spawn(&["deny", &id]);
        let [approve, deny] = [approve, deny].map(|mut answer: Running| answer.wait(PATIENCE));
        send.wait(PATIENCE).expect_code(0);
        let made = desk.home.project().join(format!("made{round}")).is_dir();
        let (won, late, by) =
            if made { (approve, deny, "allowed by shell") } else { (deny, approve, "denied by shell") };
        won.expect_code(0);
        lost(&late, by);
    }
    assert_eq!(desk.events("approval_answered").len(), ROUNDS);
}

#[track_caller]
fn lost(output: &Output, by: &str) {
    let told = output.stderr.contains("was already answered") && output.stderr.contains(by);
    assert!(output.code == 1 && told, "{output:?}");
}

pub(super) fn question(release: Release) {
    let desk = Desk::new(release);
    let mut send = desk.sending("ask");
    send.expect_stderr("claudebot approve 1 --answer", PATIENCE);
    let refused = desk.run(&["approve", "1"]).expect_code(2);
    assert!(refused.stderr.contains("Which colour?") && refused.stderr.contains("Blue"), "{refused:?}");
    desk.done(&["approve", "1", "--answer", "Which colour?=blue"]);
    let reply = send.wait(PATIENCE).expect_code(0).stdout;
    assert!(reply.contains(r#""Which colour?"="Blue""#), "{reply}");

    let mut terminal = desk.terminal("ask");
    terminal.expect("Which colour?", PATIENCE);
    terminal.expect("2) Blue", PATIENCE);
    terminal.expect("(- declines), then Enter › ", PATIENCE);
    terminal.send("7\r");
    terminal.expect("7 is not one of 1 to 2", PATIENCE);
    terminal.send("1\r");
    terminal.expect(r#""Which colour?"="Red""#, PATIENCE);
    terminal.wait(PATIENCE).expect_code(0);

    let mut terminal = desk.terminal("ask");
    terminal.expect("(- declines), then Enter › ", PATIENCE);
    terminal.send("Green, please\r");
    terminal.expect(r#""Which colour?"="Green, please""#, PATIENCE);
    terminal.wait(PATIENCE).expect_code(0);
}

pub(super) fn plan(release: Release) {
    let desk = Desk::prepared(release, |home| {
        home.write(".config/claudebot/personas/default.toml", "permission_mode = \"plan\"\n");
    });
    let mut terminal = desk.terminal("plan");
    terminal.expect("a plan to agree to", PATIENCE);
    terminal.expect("1. Do it", PATIENCE);
    terminal.expect("2. Check it", PATIENCE);
    terminal.expect("then Enter › ", PATIENCE);
    terminal.send("r\r");
    terminal.expect("why, or what instead? › ", PATIENCE);
    terminal.send("Check first.\r");
    terminal.expect("Result: Check first.", PATIENCE);
    terminal.wait(PATIENCE).expect_code(0);

    let mut send = desk.sending("plan");
    send.expect_stderr("a yes to the plan", PATIENCE);
    send.expect_stderr("claudebot approve 2", PATIENCE);
    desk.done(&["approve", "2"]);
    let reply = send.wait(PATIENCE).expect_code(0).stdout;
    assert!(reply.contains("User has approved"), "{reply}");
}
