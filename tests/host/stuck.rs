//! A file that cannot be written to its end, as on a disk that does not answer: a named pipe that nobody reads.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::support::PATIENCE;
use crate::support::home::Home;

/// A session whose next start waits until somebody reads what is returned.
fn stuck_session(home: &Home, name: &str) -> PathBuf {
    home.write(".config/claudebot/personas/wordy.toml", "prompt = \"Be brief.\"\n");
    let new = ["session", "new", name, "--agent", "demo", "--scratch", "--persona", "wordy", "--json"];
    let id = home.run(&new).expect_code(0).json()["id"].as_str().expect("an id").to_owned();
    let pipe = home.mkdir(format!(".data/claudebot/sessions/{id}")).join("prompt.md");
    let made = home.program("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    pipe
}

fn read(pipe: &Path) {
    let mut prompt = String::new();
    std::fs::File::open(pipe).and_then(|mut pipe| pipe.read_to_string(&mut prompt)).expect("it is written");
    assert_eq!(prompt, "Be brief.");
}

#[test]
fn a_start_that_waits_for_a_disk_holds_up_nobody_else() {
    let home = Home::new();
    let pipe = stuck_session(&home, "stuck");
    home.run(&["session", "new", "other", "--agent", "demo", "--scratch"]).expect_code(0);
    let mut stuck = home.spawn(&["send", "-s", "stuck", "echo late"]);
    stuck.expect_stderr("stuck", PATIENCE);
    home.run(&["send", "-s", "other", "echo on time"]).expect_code(0);
    assert!(!stuck.stdout().contains("late"));
    read(&pipe);
    assert!(stuck.wait(PATIENCE).expect_code(0).stdout.contains("late"));
}

#[test]
fn a_start_that_comes_too_late_is_given_up_and_leaves_nothing_running() {
    let home = Home::new();
    let pipe = stuck_session(&home, "stuck");
    let refused = home.run(&["send", "-s", "stuck", "echo one"]).expect_code(5).stderr;
    assert!(refused.contains("a disk does not answer"), "{refused}");
    // Nothing is started beside the one that may yet come.
    let refused = home.run(&["send", "-s", "stuck", "echo two"]).expect_code(5).stderr;
    assert!(refused.contains("a disk does not answer"), "{refused}");

    let aside = home.path().join("aside");
    std::fs::hard_link(&pipe, &aside).expect("on one disk");
    std::fs::remove_file(&pipe).expect("it is there");
    read(&aside);
    let both = || home.run(&["send", "-s", "stuck", "recall"]);
    // The late process is being ended meanwhile.
    let mut tries = (0..20).map(|_| both()).skip_while(|tried| tried.code == 5);
    let reply = tries.next().expect("it starts").expect_code(0).stdout;
    assert!(reply.contains("echo one") && reply.contains("echo two"), "{reply}");
}
