//! A session in one file: everything of Claude's is deleted, and another machine goes on with all it knew.

use std::path::{Path, PathBuf};

use crate::support::claude::Release;
use crate::support::home::Home;

use super::desk::{Desk, text};

/// Asks for nothing that these tests have done.
fn trusting(home: &Home) {
    home.write(
        ".config/claudebot/personas/default.toml",
        "allowed_tools = [\"Bash\", \"TaskCreate\", \"Agent\"]\n",
    );
}

#[track_caller]
fn archive(desk: &Desk, options: &[&str]) -> PathBuf {
    let done = desk.run(&[&["session", "archive", "work"], options].concat()).expect_code(0);
    PathBuf::from(done.stdout.trim())
}

/// Everything below a directory, by the name of the file.
fn files_below(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    files
}

/// The same machine, after everything that Claude had of it is gone.
pub(super) fn what_claude_has_lost_comes_back(release: Release) {
    let desk = Desk::new(release);
    desk.send("hello");
    archive(&desk, &[]);
    std::fs::remove_dir_all(desk.home.path().join(".claude")).unwrap_or_else(|error| panic!("{error}"));
    desk.done(&["session", "restore", "work"]);
    desk.done(&["session", "switch", "work"]);
    assert_eq!(desk.send("what did I say?"), "I remember: hello");
}

/// Another home, another name, another directory; with the project, the files that were sent and what lies beside the
/// conversation.
pub(super) fn another_machine_goes_on(release: Release) {
    let desk = Desk::prepared(release, |home| trusting(home));
    desk.home.write("project/src/main.rs", "fn main() {}\n");
    desk.home.write("project/.gitignore", "target\n");
    desk.home.write("project/target/big", "left out");
    let note = desk.home.write("note.txt", "remember me");
    desk.done(&["send", "--file", &note.display().to_string(), "hello"]);
    // Too much for the conversation: it goes into a file beside it.
    desk.send("bash seq 1 40000");
    if release == Release::Newest {
        desk.send(
            r#"tool TaskCreate {"subject": "do it", "description": "really", "activeForm": "doing it"}"#,
        );
    }
    let file = archive(&desk, &["--with-dir"]);
    let inside = desk.done(&["archive", "show", &file.display().to_string(), "--files"]);
    assert!(inside.contains("/tool-results/") && inside.contains("inbox/"), "{inside}");
    assert!(!inside.contains("workspace/target"), "{inside}");
    let left: Vec<_> = files_below(&desk.home.path().join(".claude/projects"));
    assert_eq!(left, [""; 0], "Claude's own is gone");

    let (api, other) = Home::with_claude(release);
    let carried = other.path().join("carried.tar.gz");
    std::fs::copy(&file, &carried).unwrap_or_else(|error| panic!("{error}"));
    drop(desk);
    let dir = other.path().join("elsewhere/project");
    std::fs::create_dir_all(other.path().join("elsewhere")).unwrap_or_else(|error| panic!("{error}"));
    let (carried, at) = (carried.display().to_string(), dir.display().to_string());
    other.run(&["session", "restore", &carried, "--dir", &at, "--name", "again"]).expect_code(0);
    let show = other.run(&["session", "show", "again", "--json"]).expect_code(0).json();
    assert_eq!((text(&show, "state"), text(&show, "dir")), ("asleep".to_owned(), at));
    assert_eq!(std::fs::read_to_string(dir.join("src/main.rs")).ok().as_deref(), Some("fn main() {}\n"));
    assert!(!dir.join("target").exists());
    let inbox = other.data_dir().join("sessions").join(text(&show, "id")).join("inbox");
    assert_eq!(files_below(&inbox), ["note.txt"]);
    let claude = files_below(&other.path().join(".claude"));
    assert!(claude.iter().any(|name| name.ends_with(".txt")), "the large result is there: {claude:?}");
    assert_eq!(
        claude.contains(&"1.json".to_owned()),
        release == Release::Newest,
        "so is the task: {claude:?}"
    );

    let reply = other.run(&["send", "-s", "again", "recall"]).expect_code(0).stdout;
    assert!(reply.contains("I remember: hello") && reply.contains("bash seq 1 40000"), "{reply}");
    assert_eq!(api.prompts(), ["recall"]);
    let found = other.run(&["search", "hello"]).expect_code(0).stdout;
    assert!(found.contains("again"), "{found}");
}
