//! What a crash or a broken disk cut off: gone on with once, if that is wanted, and never begun anew on a guess.

use serde_json::Value;

use crate::support::home::Home;

fn prompts(home: &Home) -> Vec<String> {
    let log = home.run(&["log", "work", "--json"]).expect_code(0).stdout;
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let prompts = events.filter(|event| event["kind"] == "prompt");
    prompts.filter_map(|event| event["text"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_crash_is_gone_on_with_once() {
    let home = Home::new();
    home.write_config("[host]\non_interrupted = \"continue\"\n");
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "crash!"]).expect_code(6);
    let reply = home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert!(reply.contains("Continue where you were interrupted."), "{reply}");
    assert_eq!(prompts(&home), ["crash!", "Continue where you were interrupted.", "recall"]);
}

#[test]
fn by_default_a_person_is_asked() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "crash!"]).expect_code(6);
    home.run(&["send", "-s", "work", "echo on"]).expect_code(0);
    assert_eq!(prompts(&home), ["crash!", "echo on"]);
}

#[test]
fn a_conversation_that_cannot_be_seen_is_not_begun_anew() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo one"]).expect_code(0);
    home.run(&["session", "sleep", "work"]).expect_code(0);
    let projects = home.data_dir().join("demo-agent/projects");
    let aside = home.path().join("aside");
    std::fs::rename(&projects, &aside).expect("it is there");
    std::fs::write(&projects, "").expect("it is writable");
    let refused = home.run(&["session", "archive", "work"]).expect_code(1).stderr;
    assert!(refused.contains("cannot look for the session's conversation"), "{refused}");
    let refused = home.run(&["send", "-s", "work", "echo two"]).expect_code(5).stderr;
    assert!(refused.contains("cannot see whether the conversation is still there"), "{refused}");

    std::fs::remove_file(&projects).expect("it is ours");
    std::fs::rename(&aside, &projects).expect("nothing is there");
    let reply = home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert!(reply.contains("echo one") && reply.contains("echo two"), "{reply}");
}
