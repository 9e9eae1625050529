//! Conversations that were begun in plain `claude`, and go on here.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::desk::{brief, parsed, text};
use crate::support::PATIENCE;
use crate::support::claude::Release;
use crate::support::home::Home;
use crate::support::messages_api::MessagesApi;
use crate::support::process::Running;

/// A home in which somebody has used plain `claude` alone.
fn begun(release: Release) -> (MessagesApi, Home) {
    let (api, home) = Home::with_claude(release);
    for (arguments, wanted) in
        [(&["-p", "hello"][..], "Echo: hello"), (&["-p", "-c", "bash echo hi"], "Result: hi")]
    {
        let mut claude = home.program(home.path().join("bin/claude"));
        claude.args(arguments).args(["--allowedTools", "Bash"]);
        assert_eq!(Running::spawn(claude).wait(PATIENCE).expect_code(0).stdout.trim_end(), wanted);
    }
    (api, home)
}

#[track_caller]
fn adoptable(home: &Home) -> Value {
    home.run(&["session", "adopt", "--list", "--json"]).expect_code(0).json()
}

/// Every file of Claude's conversations with its content.
fn files(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let mut waiting = vec![home.path().join(".claude/projects")];
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
        } else {
            files.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

fn log(home: &Home, session: &str) -> Vec<String> {
    let out = home.run(&["log", session, "--json"]).expect_code(0).stdout;
    out.lines().map(|line| brief(&parsed(line))).collect()
}

pub(super) fn goes_on_where_it_was(release: Release) {
    let (_api, home) = begun(release);
    let before = files(&home);
    let listed = adoptable(&home);
    let [one] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&one["title"], &one["prompts"]), (&"hello".into(), &2.into()));
    assert_eq!(Path::new(&text(one, "dir")), home.project());

    let id = text(one, "id");
    let session = home.run(&["session", "adopt", &id, "--json"]).expect_code(0).json();
    assert_eq!((text(&session, "name"), text(&session, "conversation")), ("project".to_owned(), id));
    assert!(files(&home) == before, "Claude's files were touched");
    assert_eq!(adoptable(&home), json!([]));
    assert_eq!(
        log(&home, "project"),
        [
            "prompt hello",
            "reply Echo: hello",
            "ended done 1",
            "prompt bash echo hi",
            "reply Running it. ",
            "tool Bash: echo hi",
            "reply Result: hi",
            "ended done 1",
            "notice adopted",
        ]
    );
    let said = home.run(&["send", "-s", "project", "what did I say?"]).expect_code(0).stdout;
    assert_eq!(said, "I remember: hello | bash echo hi\n");
    assert_eq!(adoptable(&home), json!([]), "a conversation of ours is never offered");
}

/// A `claude` of somebody's own that has said something in a conversation and stays in it.
fn opened(home: &Home, id: &str) -> Running {
    let mut claude = home.program(home.path().join("bin/claude"));
    claude.args(["-p", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json"]);
    claude.args(["--resume", id]);
    let mut claude = Running::spawn(claude);
    let prompt = json!({"type": "user", "message": {"role": "user", "content": "still here"}});
    claude.send(format!("{prompt}\n"));
    claude.expect_stdout("\"type\":\"result\"", PATIENCE);
    claude
}

pub(super) fn open_elsewhere(release: Release) {
    let (_api, home) = begun(release);
    let id = text(&adoptable(&home)[0], "id");
    let mut claude = opened(&home, &id);

    assert_eq!(adoptable(&home)[0]["open"], claude.pid());
    let refused = home.run(&["session", "adopt", &id]).expect_code(1);
    assert!(refused.stderr.contains("open in another process") && refused.stderr.contains("--fork"));
    assert_eq!(home.run(&["session", "list", "--json"]).json(), json!([]));

    let before = files(&home);
    home.run(&["session", "adopt", &id, "--fork", "--name", "copy"]).expect_code(0);
    let said = home.run(&["send", "-s", "copy", "what did I say?"]).expect_code(0).stdout;
    assert_eq!(said, "I remember: hello | bash echo hi | still here\n");
    let after = files(&home);
    assert!(before.iter().all(|file| after.contains(file)), "the original was touched");

    claude.close_stdin();
    claude.wait(PATIENCE).expect_code(0);
    home.run(&["session", "adopt", &id, "--name", "original"]).expect_code(0);
    // Opened once more, now that it is a session's: what is sent waits until it is not.
    let mut claude = opened(&home, &id);
    let refused = home.run(&["send", "-s", "original", "recall"]).expect_code(5).stderr;
    assert!(
        refused.contains("open in another process") && refused.contains("the prompt is kept"),
        "{refused}"
    );
    claude.close_stdin();
    claude.wait(PATIENCE).expect_code(0);
    home.run(&["session", "queue", "original", "--clear"]).expect_code(0);
    let said = home.run(&["send", "-s", "original", "recall"]).expect_code(0).stdout;
    assert_eq!(said, "I remember: hello | bash echo hi | still here | still here\n");
}

/// Older releases look for a conversation in the working directory's own place alone.
pub(super) fn goes_on_elsewhere(release: Release) {
    let (_api, home) = begun(release);
    let id = text(&adoptable(&home)[0], "id");
    std::fs::remove_dir_all(home.project()).unwrap();
    let other = home.mkdir("other");
    let refused = home.run_in(&other, &["session", "adopt", &id]).expect_code(3);
    assert!(refused.stderr.contains("is gone") && refused.stderr.contains("--dir"), "{}", refused.stderr);
    home.run_in(&other, &["session", "adopt", &id, "--dir", "."]).expect_code(0);
    let said = home.run_in(&other, &["send", "-s", "other", "what did I say?"]).expect_code(0).stdout;
    assert_eq!(said, "I remember: hello | bash echo hi\n");
    home.mkdir("project");
}
