//! Hosts that end, updates that fail, rows that a former bridge has left.

use serde_json::json;

use crate::error::Error;
use crate::ipc::Response;
use crate::model::{SessionState, SessionView};
use crate::telegram::action::Begun;
use crate::telegram::api::test_server::Reply;
use crate::telegram::db::{PromptSet, PromptState};
use crate::telegram::place::Place;
use crate::telegram::testing::{Rig, session};

#[tokio::test]
async fn what_an_ending_host_has_not_taken_is_for_the_next_start() {
    let mut rig = Rig::new().await;
    rig.settles().await;
    rig.host.end().await;
    rig.says("are you there?");
    rig.stop().await;
    assert_eq!(rig.open(), 1);
    rig.host.serve();
    rig.start();
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["are you there?"]);
    assert_eq!(rig.host.scene().prompts[0].0, "tg:42:2");
}

#[tokio::test]
async fn after_a_crash_the_same_message_is_the_same_prompt() {
    let mut rig = Rig::still().await;
    rig.says("once");
    let set = PromptSet {
        key: "tg:42:2".to_owned(),
        updates: vec![2, 3],
        place: Place::chat(7),
        user: 7,
        reply_to: 102,
        session: None,
        prompt: None,
        state: PromptState::Gathering,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    rig.bridge.db.write(|t| t.put_prompt(&set)).unwrap();
    let parts: Vec<_> = (0..3)
        .map(|n| {
            (
                "message",
                rig.message(
                    json!({ "caption": format!("part {n}"), "media_group_id": "a", "message_id": 102 + n }),
                ),
            )
        })
        .collect();
    rig.come(parts);
    // The host had them all before the crash.
    let work = crate::telegram::testing::id_of("work");
    let queue = crate::model::Delivery::Queue;
    for (key, text) in [("tg:42:1", "once"), ("tg:42:2", "part 0\npart 1")] {
        let id = crate::model::PromptId::random();
        rig.host.scene().prompts.push((key.to_owned(), id, work, text.to_owned(), queue));
    }
    rig.start();
    for _ in 0..3 {
        rig.works().await;
    }
    rig.settles().await;
    // What came too late for the set is not lost with it.
    assert_eq!(rig.host.scene().texts(), ["once", "part 0\npart 1", "part 2"]);
    assert_eq!(rig.open(), 0);
    let stored = rig.bridge.db.read(|t| t.prompt_set("tg:42:2")).unwrap().unwrap();
    assert_eq!((stored.state, stored.updates), (PromptState::Accepted, vec![2, 3]));
}

/// The host has made the session, and nobody here knows that any more.
#[tokio::test]
async fn after_a_crash_a_message_goes_on_with_the_session_that_it_has_made() {
    let mut rig = Rig::still().await;
    rig.says("/new fix: look at it");
    let (since, begun) = (jiff::Timestamp::now(), Begun::Make { name: "fix".to_owned() });
    rig.bridge.db.write(|t| t.note_begun(1, &begun.stored().unwrap(), since)).unwrap();
    let made = |created| SessionView { created, ..session("fix", SessionState::Asleep) };
    let taken = || Err(Error::conflict("there is a session named fix already"));
    rig.host.scene().sessions.push(made(since));
    rig.host.scene().scripted.push(("session_new", taken()));
    rig.start();
    rig.hears("Made fix").await;
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["look at it"]);
    // Another message with this name is refused: it has made nothing.
    rig.host.scene().scripted.push(("session_new", taken()));
    rig.says("/new fix: and this");
    rig.hears("There is a session named fix already").await;
    assert_eq!(rig.host.scene().texts(), ["look at it"]);
}

/// The rest of a text does not name the bot.
#[tokio::test]
async fn after_a_crash_a_text_in_a_group_is_whole_again() {
    let mut rig = Rig::still().await;
    let group = Place::chat(-1001);
    rig.host.scene().current.insert(group.channel(), crate::telegram::testing::id_of("lab"));
    let set = PromptSet {
        key: "tg:42:1".to_owned(),
        updates: vec![1, 2],
        place: group,
        user: 7,
        reply_to: 101,
        session: None,
        prompt: None,
        state: PromptState::Gathering,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    rig.bridge.db.write(|t| t.put_prompt(&set)).unwrap();
    let chat = json!({ "id": -1001, "type": "supergroup" });
    let first = rig.message(json!({ "chat": chat, "text": format!("@my_bot {}", "x".repeat(4088)),
        "entities": [{ "type": "mention", "offset": 0, "length": 7 }] }));
    let rest = rig.message(json!({ "chat": chat, "message_id": 102, "text": "the rest" }));
    rig.come([("message", first), ("message", rest)]);
    rig.start();
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), [format!("{}the rest", "x".repeat(4088))]);
    assert_eq!(rig.host.scene().prompts[0].0, "tg:42:1");
}

#[tokio::test]
async fn an_update_that_fails_again_and_again_is_set_aside_with_words() {
    let mut rig = Rig::new().await;
    for _ in 0..3 {
        rig.host.scene().scripted.push(("send", Ok(Response::Done)));
    }
    rig.says("cursed");
    rig.says("blessed");
    let told = rig.hears("This cannot be handled").await;
    assert_eq!(told.chat, 7);
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["blessed"]);
    assert_eq!(rig.poisoned(), 1);
}

#[tokio::test]
async fn a_failure_that_passes_is_no_failure() {
    let mut rig = Rig::new().await;
    rig.host.scene().scripted.push(("send", Ok(Response::Done)));
    rig.says("again");
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["again"]);
    rig.settles().await;
    assert_eq!(rig.poisoned(), 0);
}

#[tokio::test]
async fn an_update_that_ends_the_bridge_each_time_is_found_out() {
    let mut rig = Rig::still().await;
    rig.says("deadly");
    for _ in 0..3 {
        rig.bridge.db.write(|t| t.begin_update(1)).unwrap();
    }
    rig.says("harmless");
    rig.start();
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["harmless"]);
    assert_eq!(rig.poisoned(), 1);
}

#[tokio::test]
async fn a_lane_that_falls_over_takes_only_its_update_along() {
    let mut rig = Rig::new().await;
    rig.personas_break.store(true, std::sync::atomic::Ordering::Relaxed);
    rig.says("/persona");
    rig.says("still here");
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["still here"]);
    assert_eq!(rig.poisoned(), 1);
}

#[tokio::test]
async fn a_flood_is_handled_in_order_and_holds_nobody_else_up() {
    let mut rig = Rig::still().await;
    let flood: Vec<_> = (0..300)
        .map(|n| ("message", rig.message(json!({ "text": format!("{n}"), "message_id": 1000 + n }))))
        .collect();
    rig.come(flood);
    rig.start();
    for _ in 0..300 {
        rig.works().await;
    }
    let wanted: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    assert_eq!(rig.host.scene().texts(), wanted);
    rig.settles().await;
    assert_eq!(rig.open(), 0);
}

#[tokio::test]
async fn a_file_is_fetched_handed_over_and_forgotten() {
    let mut rig = Rig::new().await;
    rig.telegram.reply(Reply::ok(json!({ "file_id": "d", "file_size": 3, "file_path": "documents/a" })));
    rig.telegram.reply(Reply::Bytes(b"abc".to_vec()));
    rig.sends(json!({ "caption": "read it", "document": { "file_id": "d", "file_name": "../r.txt", "file_size": 3 } }));
    rig.works().await;
    let text = "read it\n[file 1: document-1.txt, 3 B, called \"../r.txt\" by its sender]";
    assert_eq!(rig.host.scene().texts(), [text]);
    let sent = rig.host.scene().asked.iter().find_map(|asked| match asked {
        crate::ipc::Request::Send(sent) => Some(sent.attachments.clone()),
        _ => None,
    });
    let file = sent.unwrap().remove(0);
    assert_eq!(file, rig.bridge.downloads.join("1/document-1.txt"));
    rig.settles().await;
    assert!(!file.exists() && !rig.bridge.downloads.join("1").exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_fetched_is_told() {
    let mut rig = Rig::new().await;
    rig.telegram.reply(Reply::error(400, "Bad Request: wrong file_id"));
    rig.sends(json!({ "photo": [{ "file_id": "p" }] }));
    rig.hears("The photo cannot be fetched").await;
    assert_eq!(rig.host.scene().said(), []);
}

/// Telegram's trouble is waited out, as often as it takes for a while; only what lasts is told.
#[tokio::test]
async fn a_file_is_asked_for_until_telegram_gives_it() {
    let mut rig = Rig::new().await;
    let file = || Reply::ok(json!({ "file_id": "d", "file_size": 3, "file_path": "documents/a" }));
    let trouble = || [Reply::error(500, "Internal Server Error"), Reply::Cut];
    trouble().into_iter().for_each(|reply| rig.telegram.reply(reply));
    for reply in trouble() {
        rig.telegram.reply(file());
        rig.telegram.reply(reply);
    }
    rig.telegram.reply(file());
    rig.telegram.reply(Reply::Half("abc".to_owned()));
    rig.telegram.reply(file());
    rig.telegram.reply(Reply::Bytes(b"abc".to_vec()));
    rig.sends(json!({ "caption": "read it", "document": { "file_id": "d", "file_size": 3 } }));
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), ["read it\n[file 1: document-1, 3 B]"]);
    // Longer than anybody would wait.
    rig.telegram.reply(Reply::Text(
        429,
        json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 900",
                "parameters": { "retry_after": 900 } })
        .to_string(),
    ));
    rig.sends(json!({ "photo": [{ "file_id": "p" }] }));
    rig.hears("The photo cannot be fetched").await;
}

#[tokio::test]
async fn a_refusal_of_the_host_is_told_in_its_words() {
    let mut rig = Rig::new().await;
    let full = Error::failed("the disk is full: no prompt can be stored").hint("free some space");
    rig.host.scene().scripted.push(("send", Err(full)));
    rig.says("hello");
    let told = rig.hears("The disk is full").await;
    assert!(told.text().ends_with("_Free some space._"), "{}", told.text());
    rig.settles().await;
    assert_eq!(rig.open(), 0);
}
