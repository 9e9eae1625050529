//! Letting people in: the bridge asks and passes on, the terminal decides.

use serde_json::{Value, json};

use super::client::Client;
use crate::support::home::Home;

fn code(answer: Result<Value, Value>) -> String {
    answer.expect("a code")["code"].as_str().expect("a text").to_owned()
}

/// A code like `code`, and another.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('2') { "3" } else { "2" };
    format!("{}{last}", &code[..code.len() - 1])
}

#[test]
fn a_stranger_shows_a_code_and_is_let_in() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo a host is up"]).expect_code(0);
    let mut bridge = Client::connect_as("telegram", &home);
    let ask = json!({ "type": "pair_ask", "user": 7, "name": "Eve" });
    let shown = code(bridge.ask(&ask));
    assert_eq!(code(bridge.ask(&ask)), shown);
    let refused = bridge.ask(&json!({ "type": "pair", "code": shown })).expect_err("only the terminal may");
    assert_eq!(refused["kind"], "denied");
    assert_eq!(
        bridge.ask(&json!({ "type": "access" })).expect("nobody"),
        json!({ "users": [], "chats": [] })
    );

    let paired = home.run(&["pair", &shown, "--json"]).expect_code(0).json();
    assert_eq!(paired, json!({ "user": 7, "name": "Eve" }));
    let access = bridge.ask(&json!({ "type": "access" })).expect("somebody");
    assert_eq!((&access["users"][0]["id"], &access["users"][0]["origin"]), (&json!(7), &json!("pair")));
    bridge.ask(&json!({ "type": "audit_note", "what": "greeted", "subject": "Eve" })).expect("noted");
    let audit = home.run(&["log", "--audit", "--json"]).expect_code(0).stdout;
    let audit: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> = audit.iter().map(|entry| (&entry["who"], &entry["what"], &entry["subject"])).collect();
    assert_eq!(
        told[told.len() - 2..],
        [
            (&json!("cli"), &json!("paired"), &json!("Eve (7)")),
            (&json!("telegram"), &json!("greeted"), &json!("Eve")),
        ]
    );
}

/// A wrong code is refused and remembered, by the host and without one.
#[test]
fn wrong_codes_count_wherever_they_are_tried() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo a host is up"]).expect_code(0);
    let shown = code(
        Client::connect_as("telegram", &home).ask(&json!({ "type": "pair_ask", "user": 7, "name": "Eve" })),
    );
    let wrong = other_than(&shown);
    for _ in 0..3 {
        home.run(&["pair", &wrong]).expect_code(3);
    }
    home.run(&["host", "stop", "--now"]).expect_code(0);
    home.run(&["pair", &wrong]).expect_code(3);
    let last = home.run(&["pair", &wrong]).expect_code(3);
    assert!(last.stderr.contains("all open pairing codes are void"), "{last:?}");
    home.run(&["pair", &shown]).expect_code(3);
    assert!(home.host().is_none(), "none is needed");
}

#[test]
fn an_invitation_is_taken_up_from_outside_and_confirmed_inside() {
    let home = Home::new();
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
    home.run(&["send", "-s", "work", "echo a host is up"]).expect_code(0);
    let mut setup = Client::connect(&home);
    let mut bridge = Client::connect_as("telegram", &home);
    let invitation = code(setup.ask(&json!({ "type": "pair_invite" })));
    let invited = json!({ "type": "pair_invited", "code": invitation });
    assert_eq!(setup.ask(&invited).expect("open")["claimed"], Value::Null);
    let claim = |user: i64| json!({ "type": "pair_claim", "code": invitation, "user": user, "name": "Eve" });
    let claimed = bridge.ask(&claim(7)).expect("the first one gets it");
    assert_eq!(claimed["claimed"], json!({ "user": 7, "name": "Eve" }));
    assert_eq!(bridge.ask(&claim(8)).expect_err("the second one does not")["kind"], "conflict");
    assert_eq!(setup.ask(&invited).expect("open"), claimed);
    let paired = setup.ask(&json!({ "type": "pair", "code": invitation })).expect("let in");
    assert_eq!(paired, json!({ "user": 7, "name": "Eve" }));
    assert_eq!(setup.ask(&invited).expect_err("used up")["kind"], "not_found");
}
