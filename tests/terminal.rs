//! What a person at a terminal sees, and what happens when they change their mind there.

use crate::support::PATIENCE;
use crate::support::home::Home;
use crate::support::process::Terminal;

/// Where the person types.
const CURSOR: &str = "then Enter › ";

fn home() -> Home {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--switch"]).expect_code(0);
    home
}

fn asked(home: &Home) -> Terminal {
    let mut terminal = home.pty(&["send", "list files"], 80, 24);
    terminal.expect(CURSOR, PATIENCE);
    terminal
}

#[test]
fn a_wrong_key_is_asked_again_and_a_right_one_is_taken() {
    let home = home();
    let mut terminal = asked(&home);
    terminal.send("what\r");
    terminal.expect(CURSOR, PATIENCE);
    terminal.send("y\r");
    let said = terminal.wait(PATIENCE).expect_code(0).stdout;
    assert!(said.contains("This is in the working directory"), "{said}");
}

#[test]
fn ctrl_c_at_a_question_leaves_the_line_to_it() {
    let home = home();
    let mut terminal = asked(&home);
    terminal.send("\x03");
    let said = terminal.wait(PATIENCE).expect_code(6).stdout;
    assert!(said.contains("› ^C\r\n"), "{said:?}");
    assert!(!said.contains('✗'), "the agent's words about a stop of ours are no news: {said}");
}

#[test]
fn ctrl_d_leaves_the_question_to_other_terminals() {
    let home = home();
    let mut terminal = asked(&home);
    terminal.send("\x04");
    terminal.expect("claudebot approve 1", PATIENCE);
    home.run(&["approve", "work"]).expect_code(0);
    let said = terminal.wait(PATIENCE).expect_code(0).stdout;
    assert!(said.contains("approval 1: allowed by shell"), "{said}");
}

/// What else is said while a question waits stands on lines of its own, and the question is there again below.
#[test]
fn an_answer_from_elsewhere_ends_the_question() {
    let home = home();
    let mut terminal = asked(&home);
    home.run(&["deny", "1", "--message", "not now"]).expect_code(0);
    let said = terminal.wait(PATIENCE).expect_code(0).stdout;
    assert!(said.contains(&format!("{CURSOR}\r\n")), "{said:?}");
    assert!(said.contains("approval 1: denied: not now by shell"), "{said}");
    let late = home.run(&["approve", "1"]).expect_code(1);
    assert!(late.stderr.contains("already answered: denied"), "{}", late.stderr);
}

#[test]
fn our_own_words_are_not_broken_inside() {
    let mut home = home();
    home.set("NO_COLOR", "1");
    let said = home.pty(&["session", "new", "late", "--dir", "/"], 40, 24).wait(PATIENCE).stdout;
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    assert!(lines.len() > 3 && lines.iter().all(|line| line.chars().count() <= 40), "{lines:#?}");
}

/// Its turn cannot end before the command has, so the command must not wait for the turn.
#[test]
fn a_session_that_sends_to_itself_does_not_wait_for_itself() {
    let home = home();
    let mut busy = home.spawn(&["send", "list files"]);
    busy.expect_stderr("approve 1", PATIENCE);
    let id = home.run(&["session", "show", "--json"]).expect_code(0).json()["id"].clone();
    let mut inner = home.command(&["send", "hello from inside"]);
    inner.env("CLAUDEBOT_SESSION", id.as_str().unwrap());
    let inner = crate::support::process::Running::spawn(inner).wait(PATIENCE).expect_code(0);
    assert!(inner.stderr.contains("not waited for"), "{}", inner.stderr);
    home.run(&["approve", "1"]).expect_code(0);
    busy.wait(PATIENCE).expect_code(0);
    home.run(&["send", "recall"]).expect_code(0);
    let log = home.run(&["log"]).expect_code(0).stdout;
    assert!(log.contains("› hello from inside"), "{log}");
}

#[test]
fn words_and_stdin_make_one_prompt() {
    let home = home();
    home.run_with_stdin(&["send", "echo", "two", "-"], "lines\nof text\n").expect_code(0);
    let log = home.run(&["log"]).expect_code(0).stdout;
    assert!(log.contains("› echo two\n\n              lines\n              of text\n"), "{log}");
}

#[test]
fn the_status_counts_those_asleep_too() {
    let home = home();
    home.run(&["session", "new", "other", "--agent", "demo"]).expect_code(0);
    let status = home.run(&["status"]).expect_code(0).stdout;
    assert!(status.starts_with("0 waiting for you, 0 working, 2 sessions in all\n"), "{status}");
    assert_eq!(home.run(&["status", "--short"]).expect_code(0).stdout, "2\n");
}

/// In the demo the agent is heard also when nobody has asked, and what was typed meanwhile still counts.
#[test]
fn the_demo_speaks_up_by_itself() {
    let home = Home::new();
    let mut terminal = home.pty(&["demo"], 80, 24);
    terminal.expect("\n› ", PATIENCE);
    terminal.send("background 0.3\r");
    terminal.expect("It runs in the background", PATIENCE);
    terminal.expect("Nobody asked; I began this turn", PATIENCE);
    terminal.send("what did I say?\r");
    terminal.expect("- background 0.3", PATIENCE);
    terminal.expect("\n› ", PATIENCE);
    terminal.send("\x04");
    let said = terminal.wait(PATIENCE).expect_code(0).stdout;
    assert!(said.contains("claudebot session new NAME"), "{said}");
    assert!(!said.contains("→ demo"), "there is but one session: {said}");
}
