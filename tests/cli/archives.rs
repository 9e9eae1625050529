//! Archives that are none, sessions that are busy, and what is asked before something goes.

use std::path::PathBuf;

use super::Shell;
use crate::support::PATIENCE;

fn only_archive(shell: &Shell) -> PathBuf {
    let dir = shell.home.data_dir().join("sessions_archive");
    let mut files = std::fs::read_dir(&dir).expect("there are archives").flatten();
    files.next().expect("there is one").path()
}

/// Names of archives carry the date; two of one day are told apart.
#[test]
fn there_and_back() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo remember me"]).expect_code(0);
    shell.run(&["session", "archive", "work"]).expect_code(0);
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["session", "archive", "work"]).expect_code(1);
    shell.run(&["send", "-s", "work", "hello"]).expect_code(1);
    shell.run(&["session", "switch", "work"]).expect_code(1);
    shell.run(&["search", "remember"]).expect_code(0);
    shell.run(&["archive", "verify", "work"]).expect_code(0);
    shell.run(&["session", "restore", "work"]).expect_code(0);
    shell.run(&["session", "restore", "work"]).expect_code(1);
    let file = only_archive(&shell).display().to_string();
    shell.run(&["session", "restore", &file]).expect_code(1);
    shell.run(&["send", "-s", "work", "recall"]).expect_code(0);
    shell.matches("archives_there_and_back");
}

/// What goes with the directory and is not in the archive is lost, so that is asked for.
#[test]
fn what_an_archive_cannot_hold() {
    let mut shell = Shell::new();
    shell.home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let dir = shell.home.data_dir().join("sessions/work");
    std::os::unix::fs::symlink("/usr/bin/env", dir.join("out")).expect("a link");
    std::os::unix::fs::symlink("nothing", dir.join("inside")).expect("a link");
    shell.run(&["session", "archive", "work"]).expect_code(1);
    assert!(dir.join("out").is_symlink(), "nothing was removed");
    shell.run(&["session", "archive", "work", "--leave-out"]).expect_code(0);
    assert!(!dir.exists());
    shell.matches("archives_what_cannot_be_held");
}

/// A name is taken again while its first bearer is archived.
#[test]
fn a_name_that_is_used_again() {
    let mut shell = Shell::with_session();
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["session", "switch"]).expect_code(0);
    shell.home.run(&["session", "new", "work", "--agent", "demo"]).expect_code(0);
    shell.run(&["session", "restore", "work", "--name", "old"]).expect_code(0);
    shell.run(&["session", "restore", "work"]).expect_code(1);
    shell.matches("archives_name_used_again");
}

/// Its directory went another way: what was said is packed all the same, and of several no other is kept.
#[test]
fn a_directory_that_is_gone() {
    let mut shell = Shell::with_session();
    shell
        .home
        .run(&["session", "new", "scratch", "--agent", "demo", "--scratch", "--tag", "x"])
        .expect_code(0);
    shell.home.run(&["session", "new", "gone", "--agent", "demo", "--scratch", "--tag", "x"]).expect_code(0);
    shell.home.run(&["send", "-s", "gone", "echo remember me"]).expect_code(0);
    std::fs::remove_dir_all(shell.home.data_dir().join("sessions/gone")).expect("it was there");
    shell.run(&["session", "archive", "--tag", "x", "--dry-run"]).expect_code(0);
    shell.run(&["session", "archive", "--tag", "x", "--yes"]).expect_code(0);
    shell.run(&["session", "restore", "gone"]).expect_code(3);
    shell.run(&["session", "restore", "gone", "--dir", "."]).expect_code(0);
    shell.run(&["send", "-s", "gone", "recall"]).expect_code(0);
    // A project's directory has to be there where it was asked for.
    let project = shell.home.path().join("other");
    std::fs::create_dir(&project).expect("a new directory");
    shell
        .home
        .run(&["session", "new", "p", "--agent", "demo", "--dir", &project.display().to_string()])
        .expect_code(0);
    std::fs::remove_dir(&project).expect("it is empty");
    shell.run(&["session", "archive", "p", "--with-dir"]).expect_code(3);
    shell.run(&["session", "archive", "p", "work", "--with-dir", "--dry-run"]).expect_code(1);
    shell.run(&["session", "archive", "p"]).expect_code(0);
    shell.matches("archives_directory_gone");
}

/// A project stays where it is, so its session comes back to it; what was packed of it lies where it is asked for.
#[test]
fn a_project_that_is_still_there() {
    let mut shell = Shell::with_session();
    shell.home.write("project/file", "older");
    shell.home.run(&["session", "archive", "work", "--with-dir"]).expect_code(0);
    let file = shell.home.write("project/file", "newer");
    shell.run(&["session", "restore", "work"]).expect_code(0);
    assert_eq!(std::fs::read_to_string(&file).expect("it stays"), "newer");
    shell.home.run(&["session", "archive", "work", "--with-dir"]).expect_code(0);
    shell.run(&["session", "restore", "work", "--dir", "."]).expect_code(1);
    shell.run(&["session", "restore", "work", "--dir", "new/place"]).expect_code(0);
    let unpacked = file.parent().expect("a directory").join("new/place/file");
    assert_eq!(std::fs::read_to_string(unpacked).expect("it was packed"), "newer");
    shell.matches("archives_project_still_there");
}

/// What was said since would stand above what was said then.
#[test]
fn an_older_archive() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo first"]).expect_code(0);
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    let older = only_archive(&shell);
    let copy = shell.home.path().join("older.tar.gz");
    std::fs::rename(&older, &copy).expect("the archive");
    std::fs::copy(&copy, &older).expect("the archive");
    let copy = copy.display().to_string();
    shell.home.run(&["session", "restore", &copy]).expect_code(0);
    std::fs::remove_file(&older).expect("it was there");
    shell.home.run(&["send", "-s", "work", "echo second"]).expect_code(0);
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    shell.run(&["session", "restore", &copy]).expect_code(1);
    std::fs::remove_file(only_archive(&shell)).expect("it was there");
    shell.run(&["session", "restore", &copy]).expect_code(0);
    shell.matches("archives_older");
}

/// A directory of ours goes with its session, unless another one works in it.
#[test]
fn a_directory_that_others_use() {
    let shell = Shell::new();
    shell.home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    let dir = shell.home.data_dir().join("sessions/work");
    let path = dir.display().to_string();
    shell.home.run(&["session", "new", "guest", "--agent", "demo", "--dir", &path]).expect_code(0);
    let said = shell.home.run(&["session", "delete", "work", "--yes"]).expect_code(0).stderr;
    assert!(said.contains("stays: guest works there"), "{said}");
    assert!(dir.is_dir());
}

/// Whoever waits for a reply hears that the session is gone.
#[test]
fn deleted_in_the_middle() {
    let shell = Shell::with_session();
    let mut send = shell.home.spawn(&["send", "words 2000 10"]);
    send.expect_stdout("w3", PATIENCE);
    shell.home.run(&["session", "delete", "work", "--yes"]).expect_code(0);
    let output = send.wait(PATIENCE).expect_code(6);
    assert!(output.stderr.contains("the session is deleted"), "{}", output.stderr);
}

#[test]
fn no_archives() {
    let mut shell = Shell::with_session();
    let garbage = shell.home.write("project/garbage.tar.gz", [0x5a; 3000]);
    let empty = shell.home.write("project/empty.tar.gz", "");
    let (garbage, empty) = (garbage.display().to_string(), empty.display().to_string());
    shell.run(&["session", "restore", "/no/such/archive.tar.gz"]).expect_code(3);
    shell.run(&["session", "restore", "nope"]).expect_code(3);
    shell.run(&["session", "restore", "work"]).expect_code(1);
    shell.run(&["session", "restore", &garbage]).expect_code(1);
    shell.run(&["session", "restore", &empty]).expect_code(1);
    shell.run(&["session", "restore", "."]);
    shell.run(&["archive", "verify", &garbage]).expect_code(1);
    shell.run(&["archive", "verify", "nope"]).expect_code(1);
    shell.run(&["archive", "verify"]).expect_code(2);
    shell.run(&["session", "list"]).expect_code(0);
    shell.matches("archives_none");
}

/// Cut off at every tenth of its length: refused each time, and nothing is left behind.
#[test]
fn truncated() {
    let shell = Shell::new();
    shell.home.run(&["session", "new", "work", "--agent", "demo", "--scratch", "--switch"]).expect_code(0);
    shell.home.run(&["send", "echo remember me"]).expect_code(0);
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    let file = only_archive(&shell);
    let whole = std::fs::read(&file).expect("the archive is readable");
    for tenth in 1..10 {
        let cut = shell.home.write("project/cut.tar.gz", &whole[..whole.len() * tenth / 10]);
        let output = shell.home.run(&["session", "restore", &cut.display().to_string()]).expect_code(1);
        assert!(
            output.stderr.starts_with("error: ") && output.stderr.contains("cut.tar.gz"),
            "{}",
            output.stderr
        );
        shell.home.run(&["archive", "verify", &cut.display().to_string()]).expect_code(1);
    }
    let root = shell.home.data_dir().join("sessions");
    let left: Vec<_> = std::fs::read_dir(&root)
        .map(|found| found.flatten().map(|one| one.path()).collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
    shell.home.run(&["session", "restore", "work"]).expect_code(0);
    assert_eq!(shell.home.run(&["send", "-s", "work", "recall"]).stdout, "I remember: echo remember me\n");
}

/// The name went to another session meanwhile.
#[test]
fn a_name_that_is_taken() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo remember me"]).expect_code(0);
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    let file = only_archive(&shell).display().to_string();
    shell.run(&["session", "new", "work", "--agent", "demo"]);
    let taken =
        shell.home.run(&["session", "list", "--json"]).json().as_array().is_some_and(|all| !all.is_empty());
    if taken {
        shell.run(&["session", "restore", &file]).expect_code(1);
    }
    shell.run(&["session", "new", "other", "--agent", "demo"]).expect_code(0);
    shell.run(&["session", "restore", &file, "--name", "other"]).expect_code(1);
    shell.run(&["session", "restore", &file, "--name", "a/b"]).expect_code(2);
    shell.run(&["session", "restore", &file, "--dir", "/no/such/place"]).expect_code(3);
    shell.run(&["session", "restore", &file, "--name", "third"]).expect_code(0);
    shell.run(&["session", "list", "--json"]).expect_code(0);
    shell.matches("archives_name_taken");
}

#[test]
fn a_busy_session() {
    let mut shell = Shell::with_session();
    let mut send = shell.home.spawn(&["send", "words 200 10"]);
    send.expect_stdout("w3", PATIENCE);
    shell.run(&["session", "archive", "work"]).expect_code(1);
    shell.run(&["session", "sleep", "work"]).expect_code(1);
    send.wait(PATIENCE).expect_code(0);
    shell.run(&["session", "sleep", "work"]).expect_code(0);
    shell.matches("archives_busy");
}

/// Prompts that come while a session is packed are refused or answered, never accepted and left behind.
#[test]
fn prompts_during_an_archiving() {
    let shell = Shell::with_session();
    let mut answered = vec!["echo first".to_owned()];
    shell.home.run(&["send", "echo first"]).expect_code(0);
    for round in 0..4 {
        let prompts: Vec<_> = (0..3).map(|number| format!("echo {round}.{number}")).collect();
        let mut sends: Vec<_> =
            prompts.iter().map(|text| shell.home.spawn(&["send", "-s", "work", text])).collect();
        let archived = shell.home.run(&["session", "archive", "work"]).code == 0;
        for (send, text) in sends.iter_mut().zip(prompts) {
            let output = send.wait(PATIENCE);
            match output.code {
                0 => answered.push(text),
                code => assert_eq!(code, 1, "{}", output.stderr),
            }
        }
        if archived {
            shell.home.run(&["session", "restore", "work"]).expect_code(0);
        }
    }
    let mut said = shell.home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    said = said.replace("I remember: ", "");
    let mut remembered: Vec<_> = said.trim_end().split(" | ").collect();
    remembered.sort_unstable();
    answered.sort_unstable();
    assert_eq!(remembered, answered);
}

/// Where archives are kept is a file: nothing is removed before there is an archive.
#[test]
fn no_place_for_archives() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo remember me"]).expect_code(0);
    shell.home.write(".data/claudebot/sessions_archive", "in the way");
    shell.run(&["session", "archive", "work"]).expect_code(1);
    shell.run(&["archive", "list"]);
    shell.run(&["send", "recall"]).expect_code(0);
    shell.matches("archives_no_place");
}

#[test]
fn deleting_asks() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo remember me"]).expect_code(0);
    shell.pipe("echo y", "y\n", &["session", "delete", "work"]).expect_code(2);
    let mut terminal = shell.home.pty(&["session", "delete", "work"], 80, 24);
    terminal.expect("[y/N]", PATIENCE);
    terminal.send("\r");
    terminal.wait(PATIENCE).expect_code(6);
    let mut terminal = shell.home.pty(&["session", "delete", "work"], 80, 24);
    terminal.expect("[y/N]", PATIENCE);
    terminal.send("\x04");
    terminal.wait(PATIENCE).expect_code(6);
    shell.run(&["session", "delete", "work", "--yes"]).expect_code(0);
    shell.run(&["session", "delete", "work", "--yes"]).expect_code(3);
    assert!(shell.home.project().is_dir());
    shell.matches("archives_deleting");
}
