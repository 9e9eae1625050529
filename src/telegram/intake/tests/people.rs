//! Who is heard, and what the others are told.

use serde_json::{Value, json};

use crate::error::Error;
use crate::ipc::{Request, Response};
use crate::telegram::outbox::Order;
use crate::telegram::testing::Rig;

fn by_eve(more: Value) -> Value {
    let mut message = json!({
        "from": { "id": 666, "is_bot": false, "first_name": "Eve" },
        "chat": { "id": 666, "type": "private" },
    });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

fn notes(rig: &Rig) -> Vec<(String, String)> {
    let asked = rig.host.scene().asked.clone();
    let note = |asked: Request| match asked {
        Request::AuditNote { what, subject } => Some((what, subject)),
        _ => None,
    };
    asked.into_iter().filter_map(note).collect()
}

#[tokio::test]
async fn a_stranger_gets_one_code_and_reaches_nobody() {
    let mut rig = Rig::new().await;
    for text in ["hello", "are you there?", "/new x: rm", "/stop"] {
        rig.sends(by_eve(json!({ "text": text })));
    }
    let hint = rig.hears("claudebot pair K7WD2MXP").await;
    assert_eq!(hint.chat, 666);
    // Another lane has nothing to do with Ann's, so that one is waited for by what it leaves open.
    rig.rests().await;
    assert_eq!(rig.seen(), []);
    assert_eq!(notes(&rig), [("stranger_refused".to_owned(), "Eve (666)".to_owned())]);
    let kinds = rig.host.scene().kinds();
    assert!(kinds.iter().all(|kind| kind == "audit_note" || kind == "pair_ask"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "pair_ask").count(), 1);
}

#[tokio::test]
async fn somebody_who_was_let_in_just_now_is_heard_and_greeted() {
    let mut rig = Rig::new().await;
    rig.settles().await;
    rig.host.scene().users.push(666);
    rig.sends(by_eve(json!({ "text": "/status" })));
    let seen = rig.hears("Here you talk to your Claude Code sessions").await;
    assert_eq!(seen.chat, 666);
    rig.hears("Here: no session").await;
}

#[tokio::test]
async fn an_invitation_is_taken_up() {
    let mut rig = Rig::new().await;
    let claimed = Ok(Response::Invited { claimed: None, expires: jiff::Timestamp::UNIX_EPOCH });
    rig.host.scene().scripted.push(("pair_claim", claimed));
    rig.sends(by_eve(json!({ "text": "/start K7WD2MXP" })));
    rig.hears("Confirm it in the terminal").await;
    // A wrong one is not told from none.
    rig.host.scene().scripted.push(("pair_claim", Err(Error::not_found("there is no such pairing code"))));
    rig.sends(by_eve(json!({ "text": "/start WRONG" })));
    let seen = rig.hears("I only answer people").await;
    assert!(!seen.text().contains("no such"));
}

#[tokio::test]
async fn a_group_that_is_not_allowed_is_told_to_the_one_who_asked_alone_and_once() {
    let mut rig = Rig::new().await;
    let there = json!({ "id": -1002, "type": "supergroup", "title": "The\nothers" });
    for _ in 0..2 {
        rig.sends(json!({ "text": "@my_bot hi", "entities": [{ "type": "mention", "offset": 0, "length": 7 }], "chat": there }));
    }
    rig.sends(json!({ "text": "talk among us", "chat": there }));
    let hint = rig.hears("claudebot pair --chat -1002").await;
    assert_eq!(hint.chat, 7);
    rig.rests().await;
    assert_eq!(rig.seen(), []);
    assert_eq!(notes(&rig), [("group_refused".to_owned(), "The others (-1002), by 7".to_owned())]);
}

#[tokio::test]
async fn channels_bots_and_odd_updates_lead_to_nothing() {
    let mut rig = Rig::new().await;
    rig.comes(
        "channel_post",
        json!({ "message_id": 1, "chat": { "id": -1009, "type": "channel" }, "text": "x" }),
    );
    rig.comes("hologram", json!({}));
    rig.comes("message", json!({ "text": 5 }));
    rig.sends(json!({ "text": "x", "from": { "id": 8, "is_bot": true, "first_name": "B" } }));
    rig.sends(
        json!({ "text": "x", "chat": { "id": -1001, "type": "supergroup" }, "sender_chat": { "id": -1001 } }),
    );
    rig.comes(
        "message_reaction",
        json!({ "chat": { "id": 7, "type": "private" }, "message_id": 1,
        "user": { "id": 7, "is_bot": false, "first_name": "Ann" }, "new_reaction": [] }),
    );
    rig.settles().await;
    rig.rests().await;
    assert_eq!(rig.seen(), []);
    assert_eq!(rig.host.scene().said(), []);
}

#[tokio::test]
async fn a_group_that_moves_takes_along_what_waits_and_says_what_to_do() {
    let mut rig = Rig::new().await;
    rig.sends(json!({ "chat": { "id": -1001, "type": "supergroup" }, "migrate_to_chat_id": -1005 }));
    let told = rig.hears("claudebot pair --chat -1005").await;
    assert_eq!(told.chat, 7);
    assert_eq!(notes(&rig)[0].0, "group_moved");
}

#[tokio::test]
async fn a_press_by_a_stranger_is_answered_and_does_nothing() {
    let mut rig = Rig::new().await;
    let mut pressed = crate::telegram::testing::pressed(666, 900, "token");
    pressed["message"]["chat"] = json!({ "id": -1001, "type": "supergroup" });
    rig.comes("callback_query", pressed);
    assert_eq!(rig.toast().await, "This is not for you.");
    assert_eq!(notes(&rig), [("stranger_refused".to_owned(), "Ann (666), in -1001".to_owned())]);
}

#[tokio::test]
async fn where_the_bot_is_blocked_nothing_waits_any_more() {
    let mut rig = Rig::new().await;
    rig.says("/help");
    assert!(matches!(rig.order().await, Order::Wake(7)));
    let ann = json!({ "id": 7, "is_bot": false, "first_name": "Ann" });
    rig.comes(
        "my_chat_member",
        json!({ "chat": { "id": 7, "type": "private" }, "from": ann,
        "new_chat_member": { "status": "kicked", "user": { "id": 42 } } }),
    );
    rig.rests().await;
    assert_eq!(rig.seen(), []);
}
