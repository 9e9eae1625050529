//! `host.max_live`: who gets a process, who makes room, and who waits.

use serde_json::json;

use super::client::Client;
use crate::support::home::Home;

/// One place, and a host that is up.
fn crowded() -> (Home, Client) {
    let home = Home::new();
    home.write_config("[host]\nmax_live = 1\n");
    for name in ["one", "two"] {
        home.run(&["session", "new", name, "--agent", "demo", "--scratch"]).expect_code(0);
    }
    home.run(&["send", "-s", "one", "echo begin"]).expect_code(0);
    let client = Client::connect(&home);
    (home, client)
}

#[test]
fn an_idle_session_makes_room() {
    let (home, mut client) = crowded();
    client.subscribe("one", 0);
    assert_eq!(home.run(&["send", "-s", "two", "echo hello"]).expect_code(0).stdout, "hello\n");
    client.until(|push| push["live"]["state"] == "asleep");
    assert_eq!(home.run(&["send", "-s", "one", "recall"]).expect_code(0).stdout, "I remember: echo begin\n");
}

#[test]
fn a_prompt_waits_for_a_busy_session_and_says_so() {
    let (_home, mut client) = crowded();
    client.subscribe("one", 0);
    client.send("one", "words 200 5");
    client.until(|push| push["live"]["type"] == "delta");
    let two = client.subscribe("two", 0);
    client.send("two", "echo hello");
    let why = client
        .until(|push| push["live"]["status"].as_str().is_some_and(|why| why.contains("waiting for a place")));
    assert_eq!(why["live"]["queue"][0]["text"], "echo hello");
    let (mut ended, mut said) = (false, false);
    while !said {
        let frame = client.hear().expect("open");
        ended |= frame["push"]["id"] != two && frame["push"]["push"]["event"]["kind"] == "turn_ended";
        said = frame["push"]["push"]["event"]["text"] == "hello";
    }
    assert!(ended, "the busy one was not disturbed");
}

#[test]
fn a_pinned_session_keeps_its_place() {
    let (home, mut client) = crowded();
    home.run(&["session", "pin", "one"]).expect_code(0);
    client.subscribe("two", 0);
    client.send("two", "echo hello");
    client
        .until(|push| push["live"]["status"].as_str().is_some_and(|why| why.contains("waiting for a place")));
    // Giving it up lets the other one in.
    client
        .ask(&json!({ "type": "session_pin", "session": { "exact": "one" }, "pinned": false }))
        .expect("unpinned");
    client.until(|push| push["event"]["text"] == "hello");
}
