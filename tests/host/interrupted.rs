//! `host.on_interrupted`: what a crash cut off is gone on with once, if that is wanted.

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
