//! `search` over sessions and conversations that are none, and what is shown of a place.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use super::Shell;
use crate::support::home::Home;

/// Appends to a conversation of plain Claude Code, as it would.
fn plain(home: &Home, number: u32, said: &[(&str, &str)]) {
    let dir = home.mkdir(".claude/projects/-home-me-web");
    let file = dir.join(format!("{number:08x}-0000-4000-8000-000000000000.jsonl"));
    let mut file = OpenOptions::new().create(true).append(true).open(file).expect("it can be written");
    for (kind, text) in said {
        let line = serde_json::json!({
            "type": kind, "isSidechain": false, "cwd": home.path().join("web"),
            "message": { "role": kind, "content": [{ "type": "text", "text": text }] },
        });
        writeln!(file, "{line}").expect("it can be written");
    }
}

#[test]
fn sessions_and_conversations() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo the quick brown fox jumps over 東京"]).expect_code(0);
    plain(&shell.home, 1, &[("user", "why is the fox so quick?"), ("assistant", "A fox runs at 50 km/h.")]);
    shell.run(&["search", "fox"]).expect_code(0);
    shell.on_terminal(&["search", "fox", "role:prompt"]).expect_code(0);
    shell.run(&["search", "quick -jumps"]).expect_code(0);
    shell.run(&["search", "\"fox quick\""]).expect_code(0);
    shell.run(&["search", "fox dir:web role:reply"]).expect_code(0);
    shell.run(&["search", "京", "session:work", "role:prompt"]).expect_code(0);
    shell.run(&["search", "fox sesion:work"]).expect_code(2);
    shell.run(&["search", "fox since:lately"]).expect_code(2);
    shell.home.run(&["host", "stop"]).expect_code(0);
    plain(&shell.home, 1, &[("user", "and a badger?")]);
    shell.note("without a host");
    let hits = shell.home.run(&["search", "--json", "badger"]).expect_code(0).json();
    assert_eq!(hits[0]["snippet"], "and a [badger]?");
    assert_eq!(hits[0]["marks"], serde_json::json!([[6, 14]]));
    assert_eq!(hits[0]["conversation"], "00000001-0000-4000-8000-000000000000");
    assert_eq!(hits[0]["title"], "why is the fox so quick?");
    shell.run(&["search", "badger"]).expect_code(0);
    shell.matches("searches_sessions_and_conversations");
}

#[test]
fn the_place_of_a_result() {
    let mut shell = Shell::with_session();
    for word in ["one", "two", "three", "four"] {
        shell.home.run(&["send", &format!("echo {word}")]).expect_code(0);
    }
    shell.run(&["log", "work", "--around", "5", "-n", "1"]).expect_code(0);
    shell.run(&["log", "work", "--around", "1", "-n", "1"]).expect_code(0);
    shell.run(&["log", "work", "--around", "99"]).expect_code(3);
    shell.run(&["log", "work", "--around", "0"]).expect_code(3);
    let lines = shell.home.run(&["log", "work", "--around", "5", "-n", "2", "--json"]).expect_code(0).stdout;
    let seqs: Vec<&str> = lines.lines().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(seqs, ["{\"seq\":3", "{\"seq\":4", "{\"seq\":5", "{\"seq\":6", "{\"seq\":7"]);
    shell.run(&["log", "work", "--around", "5", "--follow"]).expect_code(2);
    shell.matches("searches_the_place_of_a_result");
}

/// Also in archives that no session here knows of.
#[test]
fn inside_archives() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo a fox and a badger"]).expect_code(0);
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    shell.home.run(&["session", "delete", "work", "--yes"]);
    shell.run(&["archive", "search", "fox"]).expect_code(0);
    shell.run(&["archive", "search", "fox role:prompt", "work"]).expect_code(0);
    shell.run(&["archive", "search", "fox session:other"]).expect_code(0);
    shell.home.write(".data/claudebot/sessions_archive/zebra.tar.gz", "no archive at all");
    shell.run(&["archive", "search", "badger", "-n", "1"]).expect_code(1);
    shell.run(&["archive", "search", "\"\""]).expect_code(2);
    let hits = shell.home.run(&["archive", "search", "fox", "work", "--json"]).expect_code(0).json();
    assert_eq!(hits.as_array().map(Vec::len), Some(2));
    assert_eq!(hits[0]["name"], "work");
    shell.matches("searches_inside_archives");
}

/// Whatever had been read by then, the next search finds everything, once.
#[test]
fn killed_while_it_reads() {
    let home = Home::new();
    let padding = "word ".repeat(400);
    for number in 0..60 {
        let texts: Vec<String> = (0..100).map(|line| format!("nginx{line} {padding}")).collect();
        let said: Vec<(&str, &str)> = texts.iter().map(|text| ("user", text.as_str())).collect();
        plain(&home, number, &said);
    }
    let index = home.data_dir().join("conversations.db-wal");
    for bytes in [1, 1 << 20, 8 << 20] {
        let mut search = home.spawn(&["search", "--json", "nginx7"]);
        while std::fs::metadata(&index).map_or(0, |file| file.len()) < bytes && search.is_running() {
            std::thread::yield_now();
        }
        if search.is_running() {
            search.signal(rustix::process::Signal::KILL);
        }
        search.wait(Duration::from_secs(30));
    }
    let hits = home.run(&["search", "--json", "-n", "1000", "nginx7"]).expect_code(0).json();
    assert_eq!(hits.as_array().map(Vec::len), Some(60));
}

/// It is told of only while it is damaged, and the next search makes it anew.
#[test]
fn a_damaged_index() {
    let home = Home::new();
    plain(&home, 1, &[("user", "a badger")]);
    let found = || home.run(&["search", "--json", "badger"]).expect_code(0).json().as_array().map(Vec::len);
    let doctor = || {
        let findings = home.run(&["doctor", "--json"]).json();
        let about = findings
            .as_array()
            .and_then(|all| all.iter().find(|one| one["check"] == "conversations").cloned());
        about.map(|finding| finding["status"].as_str().map(str::to_owned))
    };
    assert_eq!((found(), doctor()), (Some(1), None));
    let index = home.data_dir().join("conversations.db");
    home.write(&index, "garbage ".repeat(2000));
    assert_eq!(doctor(), Some(Some("warn".to_owned())));
    // Also by one who only wants to see something.
    let shown = home.run(&["search", "badger"]).expect_code(0);
    assert!(shown.stdout.contains("a [badger]"), "{shown:?}");
    assert_eq!((found(), doctor()), (Some(1), None));
}
