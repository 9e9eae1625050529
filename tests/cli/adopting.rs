//! Taking over conversations that were begun in plain `claude`: what is listed, chosen, refused.

use std::path::Path;

use super::Shell;
use crate::support::PATIENCE;

const FIRST: &str = "3f6a3950-cc79-4d48-bf64-70d084869a98";
const SECOND: &str = "3f6a3951-0000-4000-8000-000000000002";
const GONE: &str = "0b5e0000-0000-4000-8000-000000000003";

/// A conversation as Claude Code has stored it, begun in this directory of the home.
fn conversation(shell: &Shell, id: &str, dir: &str) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude/2.1.197/conversations");
    let text = std::fs::read_to_string(sample.join("interactive.jsonl")).expect("the sample can be read");
    let place = shell.home.path().join(dir);
    let text = text
        // A day that does not become longer ago with every day.
        .replace("2026-11-26T", "2099-11-26T")
        .replace("c4f929b7-281d-4f6b-9abf-613ab793dbb7", id)
        .replace("/home/me/project", &place.to_string_lossy())
        .replace("Scripted conversation", &format!("About {dir}"));
    shell.home.write(format!(".claude/projects/-{dir}/{id}.jsonl"), text);
}

fn shell() -> Shell {
    let shell = Shell::new();
    for (id, dir) in [(FIRST, "project"), (SECOND, "project"), (GONE, "gone")] {
        conversation(&shell, id, dir);
    }
    shell
}

#[test]
fn listed_and_taken_over() {
    let mut shell = shell();
    shell.run(&["session", "adopt", "--list"]).expect_code(0);
    shell.run(&["session", "adopt"]).expect_code(0);
    shell.run(&["session", "adopt", "--in", "."]).expect_code(0);
    shell.run(&["session", "adopt", "3f6a3950", "--name", "tls", "--tag", "old"]).expect_code(0);
    shell.run(&["session", "adopt", FIRST]).expect_code(1);
    shell.run(&["log", "tls"]).expect_code(0);
    shell.run(&["search", "second"]).expect_code(0);
    shell.run(&["session", "adopt", "--all"]).expect_code(0);
    shell.run(&["session", "adopt", "--list"]).expect_code(0);
    shell.run(&["session", "list"]).expect_code(0);
    shell.matches("adopting_listed_and_taken_over");
    let left = shell.home.run(&["session", "adopt", "--list", "--json"]).expect_code(0).json();
    assert_eq!(left[0]["id"], GONE);
    assert_eq!((&left[0]["prompts"], &left[0]["title"]), (&3.into(), &"About gone".into()), "{left}");
}

#[test]
fn a_directory_that_is_gone() {
    let mut shell = shell();
    shell.run(&["session", "adopt", "0b5e"]).expect_code(3);
    shell.run(&["session", "adopt", "0b5e", "--dir", "nowhere"]).expect_code(2);
    shell.run(&["session", "adopt", "0b5e", "--dir", "."]).expect_code(0);
    shell.run(&["session", "adopt", "--list"]).expect_code(0);
    shell.matches("adopting_directory_gone");
}

#[test]
fn what_cannot_be_meant() {
    let mut shell = shell();
    shell.run(&["session", "adopt", "3f6a"]).expect_code(4);
    shell.run(&["session", "adopt", "feed"]).expect_code(3);
    shell.run(&["session", "adopt", "00000000-0000-4000-8000-000000000000"]).expect_code(3);
    shell.run(&["session", "adopt", "3f6a3950", "--name", "two words"]).expect_code(2);
    shell.run(&["session", "adopt", "3f6a3950", "--persona", "nobody"]).expect_code(3);
    shell.run(&["session", "adopt", "--all", "--name", "one"]).expect_code(2);
    shell.run(&["session", "adopt", "--pick"]).expect_code(2);
    shell.run(&["session", "adopt", "--list", "--all"]).expect_code(2);
    shell.run(&["session", "list"]).expect_code(0);
    shell.matches("adopting_what_cannot_be_meant");
}

#[test]
fn picked_on_a_terminal() {
    let shell = shell();
    let mut terminal = shell.home.pty(&["session", "adopt"], 80, 24);
    let shown = terminal.expect("(Enter for none): ", PATIENCE);
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    terminal.send("2-3\r");
    let said = terminal.wait(PATIENCE).expect_code(0).stdout;
    assert_eq!(said.matches("adopted about-project").count(), 2, "{said}");
    let mut nothing = shell.home.pty(&["session", "adopt", "--pick"], 80, 24);
    nothing.expect("(Enter for none): ", PATIENCE);
    nothing.send("\r");
    nothing.wait(PATIENCE).expect_code(0);
    assert_eq!(shell.home.run(&["session", "list", "--json"]).json().as_array().map(Vec::len), Some(2));
}

/// A session must not look into what its person has said elsewhere.
#[test]
fn not_from_inside_a_session() {
    let shell = shell();
    for arguments in [&["session", "adopt", "--list"][..], &["session", "adopt", FIRST]] {
        let mut command = shell.home.command(arguments);
        command.env("CLAUDEBOT_SESSION", "work");
        let output = crate::support::process::Running::spawn(command).wait(PATIENCE).expect_code(6);
        assert!(output.stderr.contains("from inside session work"), "{}", output.stderr);
    }
}
