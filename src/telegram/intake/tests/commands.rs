//! Commands, from the chat to the host and back.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::ipc::{Request, Response};
use crate::model::{ApprovalKind, SessionState};
use crate::telegram::api::test_server::Reply;
use crate::telegram::db::{MessageKind, Noted, TopicRow};
use crate::telegram::place::Place;
use crate::telegram::testing::{Rig, approval, id_of, session};

#[tokio::test]
async fn the_list_has_pages_and_switches() {
    let mut rig = Rig::new().await;
    let more = (0..17).map(|n| session(&format!("s{n:02}"), SessionState::Idle));
    rig.host.scene().sessions.extend(more);
    rig.says("/session");
    let first = rig.hears("19 sessions, page 1 of 3").await;
    assert_eq!(first.labels().len(), 9);
    rig.presses(7, 900, &first.button("Older ▶"));
    let second = rig.hears("page 2 of 3").await;
    assert_eq!(&second.labels()[8..], ["◀ Newer", "Older ▶"]);
    rig.presses(7, 900, &second.button("Older ▶"));
    let last = rig.hears("page 3 of 3").await;
    assert_eq!(last.labels(), ["s14", "s15", "s16", "◀ Newer"]);
    // What an earlier page showed is over.
    rig.presses(7, 900, &second.button("s07"));
    assert_eq!(rig.toast().await, "");
    while rig.toast().await != "This was pressed already, or is settled." {}
    rig.presses(7, 900, &last.button("s15"));
    assert_eq!(rig.toast().await, "→ s15");
    rig.hears("Id(900) → s15 (● idle)").await;
    rig.says("hello");
    rig.works().await;
    assert_eq!(rig.host.scene().said()[0].0, "s15");
}

#[tokio::test]
async fn a_name_need_not_be_exact() {
    let mut rig = Rig::new().await;
    for (typed, heard) in [("lab", "→ lab"), ("wo", "→ work"), ("lba", "→ lab"), ("wrk", "→ work")] {
        rig.says(&format!("/session {typed}"));
        rig.hears(heard).await;
    }
    rig.host.scene().sessions.push(session("label", SessionState::Idle));
    rig.says("/session lbl");
    rig.hears("→ label").await;
    rig.says("/session lb");
    let several = rig.hears("Did you mean one of these?").await;
    assert_eq!(several.labels(), ["label", "lab"]);
    rig.says("/session zzz");
    rig.hears("✗ No session is named").await;
}

#[tokio::test]
async fn a_stop_says_what_is_held() {
    let mut rig = Rig::new().await;
    rig.host.scene().scripted.push(("session_stop", Ok(Response::Stopped { turn: Some(3), held: 2 })));
    rig.says("/stop");
    let stopped = rig.hears("■ Stopped work. 2 prompts wait, held.").await;
    assert_eq!(stopped.labels(), ["Run", "Discard"]);
    rig.presses(7, 900, &stopped.button("Run"));
    rig.hears("Id(900) work: The prompt that waits is run.").await;
    rig.says("/stop");
    rig.hears("Nothing runs in work.").await;
    // A stop does not guess.
    rig.says("/stop wor");
    rig.hears("✗ No session is named").await;
}

#[tokio::test]
async fn the_inbox_shows_what_waits() {
    let mut rig = Rig::new().await;
    rig.says("/inbox");
    rig.hears("Nothing waits for you.").await;
    rig.host.scene().approvals.push(approval(12, ApprovalKind::Tool));
    rig.says("/inbox");
    let asked = rig.hears("Bash asks for permission").await;
    rig.presses(7, 900, &asked.button("Allow once"));
    assert_eq!(rig.toast().await, "Allowed by Ann.");
}

#[tokio::test]
async fn a_mute_holds_until_it_is_taken_back() {
    let mut rig = Rig::new().await;
    rig.says("/mute lab 2h");
    let muted = rig.hears("lab is muted here for 2h").await;
    let mutes = |rig: &Rig| rig.bridge.db.read(|t| t.mutes(jiff::Timestamp::now())).unwrap();
    assert_eq!(mutes(&rig)[0].session, Some(id_of("lab")));
    assert!(mutes(&rig)[0].until.is_some());
    rig.presses(7, 900, &muted.button("Unmute"));
    assert_eq!(rig.toast().await, "Heard again.");
    assert_eq!(mutes(&rig), []);
    rig.says("/mute all");
    rig.hears("Every session is muted here").await;
    rig.says("/mute off");
    rig.hears("Nothing is muted here any more.").await;
    assert_eq!(mutes(&rig), []);
}

#[tokio::test]
async fn an_archive_asks_and_says_what_came_of_it() {
    let mut rig = Rig::new().await;
    rig.says("/archive");
    let ask = rig.hears("Pack work away?").await;
    rig.presses(8, 900, &ask.button("Archive"));
    assert_eq!(rig.toast().await, "This is not for you.");
    rig.presses(7, 900, &ask.button("Archive"));
    rig.hears("Id(900) Archiving…").await;
    let done = rig.hears("▪ work is archived (2 KB).").await;
    assert!(done.text().ends_with("A socket could not be packed."));
    let archived = crate::model::SessionView {
        archive: Some("/archive/work.tar.gz".into()),
        ..session("work", SessionState::Archived)
    };
    rig.host.scene().scripted.push(("session_show", Ok(Response::Session(archived))));
    rig.presses(7, 900, &done.button("Restore"));
    rig.hears("work is back, in ~/work.").await;
    rig.says("/archive");
    let ask = rig.hears("Pack work away?").await;
    rig.presses(7, 900, &ask.button("Cancel"));
    rig.hears("Id(900) Cancelled.").await;
}

#[tokio::test]
async fn settings_are_changed_by_word_or_button_and_never_to_bypass() {
    let mut rig = Rig::new().await;
    rig.says("/model OPUS");
    rig.hears("work: model is opus now.").await;
    rig.says("/mode");
    let offer = rig.hears("Which mode for work?").await;
    rig.presses(7, 900, &offer.button("plan"));
    rig.hears("Id(900) work: mode is plan now.").await;
    for mode in ["bypassPermissions", "BYPASSPERMISSIONS"] {
        rig.says(&format!("/mode {mode}"));
        rig.hears("There is no mode bypassPermissions in Telegram").await;
    }
    let set: Vec<_> = rig
        .host
        .scene()
        .asked
        .iter()
        .filter_map(|asked| match asked {
            Request::SessionSet { key, value, .. } => Some((key.clone(), value.clone().unwrap())),
            _ => None,
        })
        .collect();
    let wanted = [("model", "opus"), ("permission_mode", "plan")];
    assert_eq!(set, wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

fn in_forum(rig: &Rig, text: &str, more: Value) -> Value {
    let mut message = rig.message(json!({
        "text": format!("@my_bot {text}"), "entities": [{ "type": "mention", "offset": 0, "length": 7 }],
        "chat": { "id": -1001, "type": "supergroup", "is_forum": true },
    }));
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

#[tokio::test]
async fn a_new_session_may_get_a_topic() {
    let mut rig = Rig::new().await;
    let message = in_forum(&rig, "/new", json!({}));
    rig.comes("message", message);
    let draft = rig.hears("**New session**").await;
    assert_eq!(draft.labels(), ["lab", "~/work", "~/lab", "Scratch", "default", "plan", "Cancel"]);
    let press = |rig: &mut Rig, data: &str| {
        let mut pressed = crate::telegram::testing::pressed(7, 900, data);
        pressed["message"]["chat"] = json!({ "id": -1001, "type": "supergroup", "is_forum": true });
        rig.comes("callback_query", pressed);
    };
    press(&mut rig, &draft.button("plan"));
    let draft = rig.hears("As plan: who plans").await;
    press(&mut rig, &draft.button("lab"));
    let made = rig.hears("Made lab-2 (default)").await;
    assert_eq!(made.labels(), ["Switch", "Open a topic"]);
    rig.telegram.reply(Reply::ok(json!({ "message_thread_id": 9, "name": "lab-2" })));
    press(&mut rig, &made.button("Open a topic"));
    let here = rig.hears("Here you talk to lab-2.").await;
    assert_eq!((here.chat, here.thread), (-1001, Some(9)));
    let place = Place { chat: -1001, thread: Some(9) };
    let topic = rig.bridge.db.read(|t| t.topic_at(place)).unwrap();
    let wanted = TopicRow { place, session: id_of("lab-2"), name: "lab-2".to_owned(), closed: false };
    assert_eq!(topic, Some(wanted));
    // There it is talked to without being picked, and another pick is the topic's.
    let in_topic = json!({ "message_thread_id": 9, "is_topic_message": true });
    let message = in_forum(&rig, "hello", in_topic.clone());
    rig.comes("message", message);
    rig.works().await;
    assert_eq!(rig.host.scene().said()[0].0, "lab-2");
    let message = in_forum(&rig, "/session work", in_topic.clone());
    rig.comes("message", message);
    rig.hears("→ work").await;
    let message = in_forum(&rig, "hello again", in_topic);
    rig.comes("message", message);
    rig.works().await;
    assert_eq!(rig.host.scene().said()[1].0, "work");
}

#[tokio::test]
async fn in_a_private_chat_with_topics_too() {
    let mut rig = Rig::still().await;
    Arc::get_mut(&mut rig.bridge).unwrap().bot.has_topics = true;
    rig.start();
    rig.says("/new fix: it");
    let made = rig.hears("Made fix").await;
    assert_eq!(made.labels(), ["Switch", "Open a topic"]);
    rig.telegram.reply(Reply::ok(json!({ "message_thread_id": 9, "name": "fix" })));
    rig.presses(7, 900, &made.button("Open a topic"));
    let here = rig.hears("Here you talk to fix.").await;
    assert_eq!((here.chat, here.thread), (7, Some(9)));
}

/// The topic goes by the session that it is, and not by one that is answered in it.
#[tokio::test]
async fn a_session_that_is_renamed_renames_its_own_topic() {
    let mut rig = Rig::new().await;
    let place = Place { chat: -1001, thread: Some(9) };
    let topic = TopicRow { place, session: id_of("lab"), name: "lab".to_owned(), closed: false };
    let noted = Noted {
        place,
        id: 50,
        kind: MessageKind::Reply,
        session: Some(id_of("work")),
        prompt: None,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    rig.bridge.db.write(|t| t.put_topic(&topic).and_then(|()| t.note_message(&noted))).unwrap();
    let in_topic = json!({ "message_thread_id": 9, "is_topic_message": true });
    let mut answer = in_topic.clone();
    answer["reply_to_message"] = json!({ "message_id": 50, "from": { "id": 42, "is_bot": true } });
    let message = in_forum(&rig, "/rename play", answer);
    rig.comes("message", message);
    rig.hears("work is play now").await;
    assert!(rig.telegram.is_quiet());
    // Picked for another session, it is that one's.
    let message = in_forum(&rig, "/session work", in_topic.clone());
    rig.comes("message", message);
    rig.hears("→ work").await;
    rig.telegram.reply(Reply::ok(json!(true)));
    let message = in_forum(&rig, "/rename both", in_topic);
    rig.comes("message", message);
    rig.hears("work is both now").await;
    assert_eq!(rig.telegram.seen().await.json()["name"], "both");
}

#[tokio::test]
async fn a_topic_that_is_closed_is_known_so_whatever_it_is_called() {
    let mut rig = Rig::new().await;
    let place = Place { chat: -1001, thread: Some(9) };
    let topic = TopicRow { place, session: id_of("lab"), name: "lab".to_owned(), closed: false };
    rig.bridge.db.write(|t| t.put_topic(&topic)).unwrap();
    let service = |rig: &mut Rig, more: Value| {
        let mut message = rig.message(json!({ "message_thread_id": 9, "is_topic_message": true,
            "chat": { "id": -1001, "type": "supergroup", "is_forum": true } }));
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rig.comes("message", message);
    };
    service(&mut rig, json!({ "forum_topic_edited": { "name": "the lab" } }));
    service(&mut rig, json!({ "forum_topic_closed": {} }));
    rig.rests().await;
    let known = |rig: &Rig| rig.bridge.db.read(|t| t.topic_at(place)).unwrap().unwrap();
    assert_eq!(known(&rig), TopicRow { closed: true, ..topic });
    service(&mut rig, json!({ "forum_topic_reopened": {} }));
    rig.rests().await;
    assert!(!known(&rig).closed);
}
