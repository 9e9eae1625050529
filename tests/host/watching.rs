//! Subscriptions: every event once and in order, whenever and however far behind one joins.

use serde_json::{Value, json};

use super::client::Client;
use crate::support::home::Home;

fn session(home: &Home) {
    home.run(&["session", "new", "work", "--agent", "demo", "--scratch"]).expect_code(0);
}

/// All events until the snapshot, by number.
fn replay(client: &mut Client) -> Vec<u64> {
    let mut seen = Vec::new();
    client.until(|push| {
        assert_ne!(*push, json!("lagged"));
        seen.extend(push["event"]["seq"].as_u64());
        push["live"]["type"] == "snapshot"
    });
    seen
}

/// Far behind, and with more bytes than a connection's queue holds.
#[test]
fn a_long_log_is_replayed_whole_and_then_followed() {
    let home = Home::new();
    session(&home);
    home.run(&["send", "-s", "work", "echo begin"]).expect_code(0);
    let mut sender = Client::connect(&home);
    let mut head = 0;
    for n in 0..600 {
        let text = format!("later {n} {}", if n % 100 == 0 { "x".repeat(1 << 20) } else { String::new() });
        if n == 0 {
            sender
                .ask(&json!({ "type": "session_stop", "session": { "exact": "work" }, "turn": null }))
                .expect("ok");
            sender.send("work", "slow 60");
        }
        head = sender.send("work", &text)["seq"].as_u64().expect("a number");
    }
    let mut late = Client::connect(&home);
    late.subscribe("work", 0);
    let seen = replay(&mut late);
    assert_eq!(seen.first(), Some(&1));
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap or a repetition");
    assert!(seen.last() >= Some(&head));
    sender.ask(&json!({ "type": "queue_clear", "session": { "exact": "work" } })).expect("cleared");
    let next = late.until(|push| push["event"].is_object());
    assert_eq!(next["event"]["seq"].as_u64(), seen.last().map(|last| last + 1));
}

/// Joins while a reply streams: what the snapshot has and what comes after make the whole.
#[test]
fn a_late_joiner_sees_the_whole_reply() {
    let home = Home::new();
    session(&home);
    home.run(&["send", "-s", "work", "echo begin"]).expect_code(0);
    let mut first = Client::connect(&home);
    first.subscribe("work", 0);
    first.send("work", "words 300 2");
    first.until(|push| push["live"]["type"] == "delta");
    let mut joiners: Vec<Client> = (0..3).map(|_| Client::connect(&home)).collect();
    for late in &mut joiners {
        late.subscribe("work", 0);
    }
    for late in &mut joiners {
        let mut text = String::new();
        let mut seq = 0;
        let reply = late.until(|push| {
            if let Some(blocks) = push["live"]["turn"]["blocks"].as_array() {
                text = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            }
            if push["live"]["type"] == "delta" {
                text.push_str(push["live"]["text"].as_str().unwrap_or_default());
            }
            if let Some(next) = push["event"]["seq"].as_u64() {
                assert_eq!(next, seq + 1);
                seq = next;
            }
            push["event"]["kind"] == "reply"
                && push["event"]["text"].as_str().is_some_and(|t| t.starts_with("w0"))
        });
        assert_eq!(Value::from(text), reply["event"]["text"]);
    }
}

/// A subscriber of a sleeping session hears of its waking and of all that follows.
#[test]
fn a_sleeping_session_is_watched_awake() {
    let home = Home::new();
    session(&home);
    home.run(&["send", "-s", "work", "echo one"]).expect_code(0);
    home.run(&["session", "sleep", "work"]).expect_code(0);
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.until(|push| push["live"]["type"] == "snapshot" && push["live"]["state"] == "asleep");
    client.send("work", "echo two");
    assert_eq!(client.event("prompt")["text"], "echo two");
    client.until(|push| push["live"]["type"] == "delta");
    assert_eq!(client.event("reply")["text"], "two");
    client.event("turn_ended");
}

/// What is done to a waiting prompt is an event that reaches those who watch and the feed.
#[test]
fn what_is_done_to_the_queue_is_told() {
    let home = Home::new();
    session(&home);
    home.run(&["send", "-s", "work", "echo begin"]).expect_code(0);
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "slow 60");
    client.until(|push| push["live"]["type"] == "turn_joined");
    let prompt = client.send("work", "echo waits")["prompt"].clone();
    let feed = client.post(&json!({ "type": "feed", "since": null }));
    client.answer(feed).expect("following");
    client.ask(&json!({ "type": "prompt_edit", "prompt": prompt, "text": "echo changed" })).expect("changed");
    assert_eq!(client.event("notice")["text"], "echo changed");
    client.until(|push| push["feed"]["event"]["text"] == "echo changed");
    client.ask(&json!({ "type": "prompt_take_back", "prompt": prompt })).expect("taken back");
    client.until(|push| push["event"]["detail"]["code"] == "taken_back");
    client.until(|push| push["feed"]["event"]["detail"]["code"] == "taken_back");
}

/// The loser of a race is told who was first, and the audit names the winner.
#[test]
fn an_approval_is_answered_once() {
    let home = Home::new();
    session(&home);
    home.run(&["send", "-s", "work", "echo begin"]).expect_code(0);
    let mut client = Client::connect(&home);
    client.subscribe("work", 0);
    client.send("work", "run");
    let approval = client.event("approval_asked")["detail"]["approval"]["id"].clone();
    let answer = |by: &str, decision: &str| {
        let decision = json!({ "decision": decision, "scope": "once" });
        json!({ "type": "answer", "approval": approval, "decision": decision, "by": by })
    };
    let (mut one, mut two) = (Client::connect(&home), Client::connect(&home));
    one.ask(&answer("desk", "allow")).expect("the first counts");
    let late = two.ask(&answer("phone", "deny")).expect_err("the second does not");
    assert!(late["message"].as_str().is_some_and(|words| words.contains("desk")), "{late}");
    client.event("turn_ended");
    let audit = home.run(&["log", "--audit", "--json"]).expect_code(0).stdout;
    let last: Value = serde_json::from_str(audit.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["who"], &last["what"]), (&json!("desk"), &json!("approved")));
}
