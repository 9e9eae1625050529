//! A database that cannot be read, a disk that takes no more, directories that are none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::Shell;
use super::shell::run_script;
use crate::support::PATIENCE;
use crate::support::process::Running;

/// Every command that reads or writes the database.
const COMMANDS: &[&[&str]] = &[
    &["session", "list"],
    &["session", "show"],
    &["session", "new", "x", "--agent", "demo"],
    &["session", "switch", "work"],
    &["session", "rename", "work", "x"],
    &["session", "tag", "work", "x"],
    &["session", "pin", "work"],
    &["session", "stop", "work"],
    &["session", "sleep", "work"],
    &["session", "queue", "work", "--run"],
    &["session", "rules", "work"],
    &["session", "rules", "work", "--clear"],
    &["session", "delete", "work", "--yes"],
    &["session", "archive", "work"],
    &["send", "hello"],
    &["send", "--no-wait", "hello"],
    &["log"],
    &["log", "--follow"],
    &["search", "hello"],
    &["status"],
    &["status", "--short"],
    &["approvals"],
    &["approve", "1"],
    &["deny", "1"],
    &["pair", "--list"],
    &["pair", "K7WD2MXP"],
    &["stats"],
    &["host", "run"],
    &["host", "restart"],
    &["doctor"],
];

fn database(shell: &Shell) -> PathBuf {
    shell.home.data_dir().join("claudebot.db")
}

/// Every command fails with the same words, and leaves the file as it is.
#[track_caller]
fn every_command_says(shell: &Shell, words: &str) {
    let before = std::fs::read(database(shell)).ok();
    for command in COMMANDS {
        let output = shell.home.run(command).expect_code(1);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains(words), "{command:?}: {said}");
    }
    assert_eq!(std::fs::read(database(shell)).ok(), before, "the file was touched");
    assert!(shell.home.host().is_none());
}

#[test]
fn a_database_that_is_none() {
    let mut shell = Shell::with_session();
    std::fs::write(database(&shell), [0xa5; 30_000]).expect("it is writable");
    every_command_says(&shell, "is not a database, or is damaged");
    shell.run(&["session", "list"]).expect_code(1);
    shell.run(&["send", "hello"]).expect_code(1);
    shell.run(&["host", "status"]).expect_code(5);
    shell.run(&["config", "check"]).expect_code(0);
    shell.matches("files_no_database");
}

#[test]
fn a_database_cut_short() {
    let mut shell = Shell::with_session();
    let file = database(&shell);
    let whole = std::fs::read(&file).expect("it is readable");
    std::fs::write(&file, &whole[..6_000]).expect("it is writable");
    shell.run(&["session", "list"]).expect_code(1);
    shell.run(&["session", "new", "x", "--agent", "demo"]).expect_code(1);
    shell.run(&["send", "hello"]).expect_code(1);
    shell.note("put back");
    std::fs::write(&file, whole).expect("it is writable");
    shell.run(&["session", "list"]).expect_code(0);
    shell.matches("files_database_cut_short");
}

/// Damage in the middle, which many commands never come across, is found by whoever looks for it.
#[test]
fn a_damaged_database() {
    let mut shell = Shell::with_session();
    let file = database(&shell);
    let conn = Connection::open(&file).expect("it opens");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("it is moved into the file");
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'prompt'";
    let page: i64 = conn.query_row(sql, [], |row| row.get(0)).expect("there is such a table");
    conn.close().expect("it closes");
    let mut bytes = std::fs::read(&file).expect("it is readable");
    let at = usize::try_from(page - 1).expect("a small number") * 4096;
    bytes[at..at + 64].fill(0xa5);
    std::fs::write(&file, &bytes).expect("it is writable");
    let said = shell.run(&["doctor"]).expect_code(1).stdout;
    assert!(said.contains("✗ database"), "{said}");
    std::fs::write(&file, "").expect("it is writable");
    let said = shell.run(&["doctor"]).stdout;
    assert!(said.contains("claudebot.db is empty"), "{said}");
}

/// Where no file can grow, what is stored can still be read, also without a host.
#[test]
fn no_place_to_write() {
    let shell = Shell::with_session();
    shell.home.run(&["send", "echo kept"]).expect_code(0);
    shell.home.run(&["host", "stop"]).expect_code(0);
    let script = "trap '' XFSZ; ulimit -f 0; claudebot session list && claudebot log";
    let output = run_script(&shell.home, script).expect_code(0);
    assert!(output.stdout.contains("◆ kept"), "{}", output.stdout);
}

#[test]
fn a_newer_database() {
    let mut shell = Shell::with_session();
    let conn = Connection::open(database(&shell)).expect("it opens");
    conn.pragma_update(None, "user_version", 99).expect("it is writable");
    conn.close().expect("it closes");
    every_command_says(&shell, "is of a newer claudebot (format 99");
    shell.run(&["session", "list"]).expect_code(1);
    shell.run(&["send", "hello"]).expect_code(1);
    shell.matches("files_newer_database");
}

#[test]
fn somebody_elses_database() {
    let mut shell = Shell::new();
    shell.home.mkdir(".data/claudebot");
    let conn = Connection::open(database(&shell)).expect("it opens");
    conn.execute_batch("CREATE TABLE recipes (name TEXT)").expect("it is writable");
    conn.close().expect("it closes");
    every_command_says(&shell, "is a database of another program");
    shell.run(&["session", "list"]).expect_code(1);
    shell.matches("files_foreign_database");
}

/// Another program holds it: said after some seconds, and nothing is lost.
#[test]
fn a_locked_database() {
    let mut shell = Shell::with_session();
    let conn = Connection::open(database(&shell)).expect("it opens");
    conn.execute_batch("BEGIN EXCLUSIVE").expect("it can be locked");
    shell.run(&["session", "new", "x", "--agent", "demo"]).expect_code(5);
    conn.execute_batch("ROLLBACK").expect("it can be unlocked");
    shell.run(&["session", "new", "x", "--agent", "demo"]).expect_code(0);
    shell.matches("files_locked_database");
}

#[test]
fn directories_and_files_in_the_way() {
    let mut shell = Shell::new();
    let file = database(&shell);
    std::fs::create_dir_all(&file).expect("it can be made");
    shell.note("the database is a directory");
    shell.run(&["session", "list"]).expect_code(1);
    shell.run(&["session", "new", "work", "--agent", "demo"]).expect_code(1);
    shell.run(&["send", "hello"]).expect_code(1);
    std::fs::remove_dir_all(shell.home.data_dir()).expect("it can be removed");
    shell.note("the data directory is a file");
    shell.home.write(".data/claudebot", "");
    shell.run(&["session", "list"]).expect_code(1);
    shell.run(&["session", "new", "work", "--agent", "demo"]).expect_code(1);
    shell.run(&["send", "hello"]).expect_code(1);
    shell.run(&["doctor"]).expect_code(1);
    std::fs::remove_file(shell.home.data_dir()).expect("it can be removed");
    shell.note("the state directory is a file");
    std::fs::remove_dir_all(shell.home.state_dir()).ok();
    shell.home.write(".state/claudebot", "");
    shell.run(&["session", "new", "work", "--agent", "demo", "--switch"]);
    shell.run(&["send", "hello"]).expect_code(1);
    std::fs::remove_file(shell.home.state_dir()).expect("it can be removed");
    shell.note("the host's lock is a directory");
    std::fs::remove_file(shell.home.data_dir().join("host.lock")).ok();
    std::fs::create_dir_all(shell.home.data_dir().join("host.lock")).expect("it can be made");
    shell.run(&["session", "list"]);
    shell.run(&["send", "hello"]).expect_code(1);
    shell.matches("files_in_the_way");
}

/// A file system that takes nothing: not a mode of 0500, which does not hold root up.
#[test]
fn a_place_that_cannot_be_written() {
    let mut shell = Shell::new();
    shell.home.set("XDG_DATA_HOME", "/proc");
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["session", "new", "work", "--agent", "demo"]).expect_code(1);
    shell.run(&["send", "hello"]);
    shell.run(&["doctor"]).expect_code(1);
    let data = shell.home.path().join(".data");
    shell.home.set("XDG_DATA_HOME", data);
    shell.home.set("XDG_STATE_HOME", "/proc");
    shell.run(&["session", "new", "work", "--agent", "demo", "--switch"]).expect_code(0);
    shell.run(&["send", "hello"]).expect_code(1);
    shell.matches("files_cannot_be_written");
}

/// The relative and the empty.
#[test]
fn no_home() {
    let mut shell = Shell::new();
    let home = shell.home.path().to_owned();
    shell.home.set("HOME", "relative");
    shell.run(&["session", "list"]).expect_code(2);
    shell.home.set("HOME", &home);
    shell.home.set("CLAUDE_CONFIG_DIR", "relative");
    shell.run(&["session", "list"]).expect_code(2);
    shell.matches("files_no_home");
}

/// A host that may write no file beyond this size, as on a disk that is full.
fn full(shell: &Shell, blocks: u32) -> Running {
    let mut command = shell.home.program("/bin/sh");
    let program = Path::new(env!("CARGO_BIN_EXE_claudebot"));
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {} host run", program.display());
    command.args(["-c", &script]);
    let mut host = Running::spawn(command);
    host.expect_stderr("ready", PATIENCE);
    host
}

/// Prompts are refused with words once there is no room; what was accepted before is kept, and all of it is there
/// again when there is room.
#[test]
fn a_full_disk() {
    let shell = Shell::with_session();
    let mut host = full(&shell, 512);
    let mut accepted = Vec::new();
    let refused = loop {
        let text = format!("echo number {}", accepted.len());
        let output = shell.home.run(&["send", "--no-wait", &text]);
        if output.code != 0 {
            break output;
        }
        accepted.push(text);
        assert!(accepted.len() < 500, "the disk does not fill up");
    };
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
    let listed = shell.home.run(&["session", "list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    host.signal(rustix::process::Signal::KILL);
    host.wait(PATIENCE);

    shell.home.run(&["send", "echo room again"]).expect_code(0);
    let log = shell.home.run(&["log"]).expect_code(0).stdout;
    for text in &accepted {
        let line = format!("› {text}\n");
        assert_eq!(log.matches(&line).count(), 1, "{text}: {log}");
    }
    let all = shell.home.run(&["session", "show", "--json"]).json();
    assert_eq!(all["queued"], 0, "{all}");
}

/// No room for the archive: the session stays as it is, and no piece of an archive is left.
#[test]
fn no_room_for_an_archive() {
    let shell = Shell::new();
    shell.home.run(&["session", "new", "work", "--agent", "demo", "--scratch", "--switch"]).expect_code(0);
    let dir = shell.home.data_dir().join("sessions/work");
    let mut noise = 1_u64;
    let mut next = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.to_le_bytes()[7]
    };
    shell.home.write(dir.join("large.bin"), (0..2_000_000).map(|_| next()).collect::<Vec<_>>());
    let mut host = full(&shell, 1_024);
    shell.home.run(&["send", "echo remember me"]).expect_code(0);
    let output = shell.home.run(&["session", "archive", "work"]).expect_code(1);
    assert!(output.stderr.contains("cannot write"), "{}", output.stderr);
    assert_eq!(shell.home.run(&["send", "recall"]).expect_code(0).stdout, "I remember: echo remember me\n");
    let archives = shell.home.data_dir().join("sessions_archive");
    let left =
        std::fs::read_dir(&archives).map(|found| found.flatten().map(|one| one.path()).collect::<Vec<_>>());
    assert_eq!(left.unwrap_or_default(), Vec::<PathBuf>::new());
    shell.home.run(&["host", "stop"]).expect_code(0);
    host.wait(PATIENCE).expect_code(0);
}

/// The disk fills up while a turn runs: whoever waits for it is told why nothing comes.
#[test]
fn a_disk_that_fills_up_during_a_turn() {
    let shell = Shell::with_session();
    let mut host = full(&shell, 512);
    let mut send = shell.home.spawn(&["send", "words 90000 0"]);
    send.expect_stderr("it is tried again", Duration::from_secs(30));
    send.signal(rustix::process::Signal::INT);
    send.signal(rustix::process::Signal::INT);
    host.signal(rustix::process::Signal::KILL);
    host.wait(PATIENCE);
    send.wait(PATIENCE);
    let log = run_script(&shell.home, "claudebot log --json | tail -n 1");
    assert_eq!(log.code, 0);
}
