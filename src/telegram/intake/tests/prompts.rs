//! Messages that become prompts, or do not.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use crate::error::Error;
use crate::ipc::Request;
use crate::model::{ApprovalKind, Decision, Delivery, SessionState};
use crate::telegram::api::test_server::Reply;
use crate::telegram::db::{MessageKind, Noted, PromptState, TopicRow};
use crate::telegram::intake::assemble::PATIENCE;
use crate::telegram::outbox::Order;
use crate::telegram::place::Place;
use crate::telegram::poll::PollState;
use crate::telegram::testing::{Rig, approval, id_of};

const QUEUE: Delivery = Delivery::Queue;

fn prompt(session: &str, text: &str) -> (String, String, Delivery) {
    (session.to_owned(), text.to_owned(), QUEUE)
}

#[tokio::test]
async fn a_text_goes_to_the_current_session_and_is_answered_by_nothing_but_typing() {
    let mut rig = Rig::new().await;
    let update = rig.says("hello");
    assert_eq!(rig.works().await, id_of("work"));
    assert!(matches!(rig.order().await, Order::Typing { on: true, .. }));
    assert_eq!(rig.host.scene().said(), [prompt("work", "hello")]);
    rig.settles().await;
    let key = format!("tg:42:{update}");
    let set = rig.bridge.db.read(|t| t.prompt_set(&key)).unwrap().unwrap();
    assert_eq!((set.state, set.reply_to, set.session), (PromptState::Accepted, 101, Some(id_of("work"))));
    let noted = rig.bridge.db.read(|t| t.message(7, 101)).unwrap().unwrap();
    assert_eq!((noted.kind, noted.prompt), (MessageKind::Prompt, set.prompt));
    assert_eq!(rig.open(), 0);
    // A prompt is one request: whatever else there is to know is asked behind it.
    assert_eq!(rig.host.scene().kinds()[0], "send");
}

#[tokio::test]
async fn an_answer_goes_to_the_session_that_is_answered() {
    let mut rig = Rig::new().await;
    let noted = |id, kind, session| Noted {
        place: Place::chat(7),
        id,
        kind,
        session,
        prompt: None,
        at: Timestamp::UNIX_EPOCH,
    };
    rig.bridge
        .db
        .write(|t| {
            t.note_message(&noted(50, MessageKind::Reply, Some(id_of("lab"))))?;
            t.note_message(&noted(51, MessageKind::Answer, None))
        })
        .unwrap();
    let ours = json!({ "id": 42, "is_bot": true, "first_name": "Bot" });
    for id in [50, 51, 52] {
        rig.sends(json!({ "text": "to you", "reply_to_message": { "message_id": id, "from": ours } }));
    }
    rig.settles().await;
    let wanted = [prompt("lab", "to you"), prompt("work", "to you"), prompt("work", "to you")];
    assert_eq!(rig.host.scene().said(), wanted);
}

#[tokio::test]
async fn a_topic_of_a_session_talks_to_it() {
    let mut rig = Rig::new().await;
    let place = Place { chat: -1001, thread: Some(4) };
    let topic = TopicRow { place, session: id_of("lab"), name: "lab".to_owned(), closed: false };
    rig.bridge.db.write(|t| t.put_topic(&topic)).unwrap();
    rig.sends(json!({
        "text": "@my_bot hello", "entities": [{ "type": "mention", "offset": 0, "length": 7 }],
        "chat": { "id": -1001, "type": "supergroup", "is_forum": true },
        "message_thread_id": 4, "is_topic_message": true,
        "reply_to_message": { "message_id": 4, "from": { "id": 42, "is_bot": true }, "forum_topic_created": {} },
    }));
    rig.works().await;
    assert_eq!(rig.host.scene().said(), [prompt("lab", "hello")]);
}

#[tokio::test]
async fn what_waits_behind_a_turn_is_said_and_can_go_another_way() {
    let mut rig = Rig::new().await;
    rig.host.scene().set("work", SessionState::Busy);
    rig.says("and then this");
    let seen = rig.said().await;
    assert_eq!(seen[0].text(), "react 101 Some(\"👀\")");
    assert_eq!(seen[1].text(), "Queued: a turn is running.");
    assert_eq!(seen[1].labels(), ["Now", "Instead", "Take back"]);
    let now = seen[1].button("Now");
    rig.presses(7, 900, &now);
    assert_eq!(rig.toast().await, "Said to what runs.");
    let said = rig.host.scene().said();
    assert_eq!(said, [("work".to_owned(), "and then this".to_owned(), Delivery::Now)]);
    let key = rig.host.scene().prompts[1].0.clone();
    assert_eq!(key, "tg:42:1:now");
    let Some(Request::Send(sent)) =
        rig.host.scene().asked.iter().rfind(|asked| matches!(asked, Request::Send(_))).cloned()
    else {
        panic!()
    };
    assert_eq!(sent.attachments, [std::path::PathBuf::from("/inbox/a.jpg")]);
    let state = |key: &str| rig.bridge.db.read(|t| t.prompt_set(key)).unwrap().unwrap().state;
    assert_eq!((state("tg:42:1"), state("tg:42:1:now")), (PromptState::Ended, PromptState::Accepted));
}

#[tokio::test]
async fn what_waits_can_be_taken_back() {
    let mut rig = Rig::new().await;
    rig.host.scene().set("work", SessionState::Busy);
    rig.says("never mind");
    let back = rig.hears("Queued").await.button("Take back");
    rig.presses(7, 900, &back);
    assert_eq!(rig.toast().await, "Taken back.");
    assert_eq!(rig.host.scene().said(), []);
    assert_eq!(rig.hears("Id(900)").await.text(), "Id(900) Taken back.");
}

/// What somebody else has withdrawn runs no more, whoever presses what; a press that a crash cut short goes on.
#[tokio::test]
async fn what_was_withdrawn_meanwhile_goes_no_other_way() {
    for is_handled_again in [false, true] {
        let mut rig = Rig::new().await;
        rig.host.scene().set("work", SessionState::Busy);
        rig.says("never mind");
        let now = rig.hears("Queued").await.button("Now");
        let press = crate::telegram::testing::pressed(7, 900, &now);
        let prompt = rig.host.scene().prompts[0].1;
        rig.host.scene().taken_back.push(prompt);
        if is_handled_again {
            let begun = crate::telegram::action::Begun::Deliver.stored().unwrap();
            rig.bridge.db.write(|t| t.note_begun(2, &begun, Timestamp::now())).unwrap();
        }
        assert_eq!(rig.comes("callback_query", press), 2);
        let (toast, said) = if is_handled_again {
            ("Said to what runs.", vec![("work".to_owned(), "never mind".to_owned(), Delivery::Now)])
        } else {
            ("Taken back already.", Vec::new())
        };
        assert_eq!(rig.toast().await, toast);
        assert_eq!(rig.host.scene().said(), said);
    }
}

#[tokio::test]
async fn a_text_may_answer_what_the_session_asks() {
    let mut rig = Rig::new().await;
    rig.host.scene().set("work", SessionState::Waiting);
    rig.host.scene().approvals.push(approval(12, ApprovalKind::Tool));
    rig.says("use git instead");
    let notice = rig.hears("waits for an answer").await;
    assert_eq!(notice.labels(), ["Deny with this", "Queue"]);
    rig.presses(7, 900, &notice.button("Deny with this"));
    assert_eq!(rig.toast().await, "Denied: use git instead by Ann.");
    assert_eq!(rig.host.scene().said(), [], "it is the answer, and no prompt any more");
    let answer = rig.host.scene().asked.iter().find_map(|asked| match asked {
        Request::Answer { approval, decision, by } => Some((*approval, decision.clone(), by.clone())),
        _ => None,
    });
    let deny = Decision::Deny { message: Some("use git instead".to_owned()) };
    assert_eq!(answer, Some((12, deny, "telegram:7 (Ann)".to_owned())));
}

#[tokio::test]
async fn all_of_a_text_and_as_it_is_by_now_is_the_answer() {
    let mut rig = Rig::new().await;
    rig.host.scene().set("work", SessionState::Waiting);
    rig.host.scene().approvals.push(approval(12, ApprovalKind::Tool));
    let long = "x".repeat(4096);
    let first = rig.message(json!({ "text": long }));
    let rest = rig.message(json!({ "text": "rest", "message_id": 102 }));
    rig.come([("message", first), ("message", rest)]);
    let press = rig.hears("waits for an answer").await.button("Deny with this");
    let press = crate::telegram::testing::pressed(7, 900, &press);
    let update = rig.comes("callback_query", press.clone());
    let toast = rig.toast().await;
    assert!(toast.starts_with("Denied: xxx"), "{toast}");
    let answered = rig.host.scene().answered.clone();
    assert_eq!(answered[0].1, Decision::Deny { message: Some(format!("{long}rest")) });
    // After a crash it is the same answer, and no prompt besides.
    rig.rests().await;
    rig.host.scene().taken_back.clear();
    rig.comes_again(update, "callback_query", press);
    assert_eq!(rig.toast().await, toast);
    assert_eq!(rig.host.scene().said(), []);
    // An edit counts.
    rig.host.scene().approvals.push(approval(13, ApprovalKind::Tool));
    let message = rig.message(json!({ "text": "no" }));
    rig.comes("message", message.clone());
    let press = rig.hears("waits for an answer").await.button("Deny with this");
    let mut edit = message;
    edit["text"] = json!("never");
    rig.comes("edited_message", edit);
    rig.hears("✍").await;
    rig.presses(7, 901, &press);
    rig.toast().await;
    let answered = rig.host.scene().answered.clone();
    assert_eq!(answered[1].1, Decision::Deny { message: Some("never".to_owned()) });
}

#[tokio::test]
async fn a_file_answers_nothing() {
    let mut rig = Rig::new().await;
    rig.host.scene().set("work", SessionState::Waiting);
    rig.host.scene().approvals.push(approval(12, ApprovalKind::Tool));
    rig.telegram.reply(Reply::ok(json!({ "file_id": "d", "file_size": 3, "file_path": "documents/a" })));
    rig.telegram.reply(Reply::Bytes(b"abc".to_vec()));
    rig.sends(json!({ "caption": "this one", "document": { "file_id": "d", "file_size": 3 } }));
    let notice = rig.hears("Queued").await;
    assert_eq!(notice.labels(), ["Now", "Instead", "Take back"]);
}

#[tokio::test]
async fn where_no_session_is_picked_the_message_is_kept_until_one_is() {
    let mut rig = Rig::new().await;
    rig.host.scene().current.clear();
    rig.says("first");
    rig.says("second");
    let ask = rig.hears("Which session is this for?").await;
    rig.settles().await;
    assert_eq!(rig.host.scene().said(), []);
    rig.presses(7, 900, &ask.button("lab"));
    assert_eq!(rig.toast().await, "→ lab");
    rig.works().await;
    rig.works().await;
    assert_eq!(rig.host.scene().said(), [prompt("lab", "first"), prompt("lab", "second")]);
    let keys: Vec<String> = rig.host.scene().prompts.iter().map(|prompt| prompt.0.clone()).collect();
    assert_eq!(keys, ["tg:42:1", "tg:42:2"]);
}

#[tokio::test]
async fn what_is_kept_says_what_an_edit_of_it_says() {
    let mut rig = Rig::new().await;
    rig.host.scene().current.clear();
    rig.says("frist");
    rig.says("second");
    let ask = rig.hears("Which session is this for?").await;
    let edit = |rig: &Rig, text: &str| rig.message(json!({ "message_id": 101, "text": text }));
    let right = edit(&rig, "first");
    rig.comes("edited_message", right);
    let command = edit(&rig, "/clear");
    rig.comes("edited_message", command);
    rig.hears("An edit cannot become a command").await;
    rig.presses(7, 900, &ask.button("lab"));
    rig.works().await;
    rig.works().await;
    assert_eq!(rig.host.scene().said(), [prompt("lab", "first"), prompt("lab", "second")]);
}

#[tokio::test]
async fn what_lay_too_long_can_be_edited_before_it_is_asked_about() {
    let mut rig = Rig::still().await;
    rig.sends(json!({ "text": "old", "date": 1000 }));
    let edit = rig.message(json!({ "message_id": 101, "text": "new", "date": 1000 }));
    rig.comes("edited_message", edit);
    rig.start();
    let asked = rig.hears("Run it?").await;
    rig.rests().await;
    rig.presses(7, 900, &asked.button("Run"));
    rig.works().await;
    assert_eq!(rig.host.scene().said(), [prompt("work", "new")]);
}

#[tokio::test]
async fn a_command_that_picks_lets_what_was_kept_go_on() {
    let mut rig = Rig::new().await;
    rig.host.scene().current.clear();
    rig.says("first");
    rig.hears("Which session").await;
    rig.says("/session la");
    rig.hears("→ lab").await;
    rig.works().await;
    assert_eq!(rig.host.scene().said(), [prompt("lab", "first")]);
}

#[tokio::test]
async fn what_lay_too_long_asks_once_and_a_command_does_not() {
    let mut rig = Rig::still().await;
    rig.sends(json!({ "text": "old", "date": 1000 }));
    rig.sends(json!({ "text": "/now older", "date": 900 }));
    rig.sends(json!({ "text": "/cost", "date": 900 }));
    rig.says("fresh");
    rig.start();
    rig.works().await;
    let ask = rig.hears("2 messages have waited here").await;
    assert_eq!(rig.host.scene().texts(), ["fresh"]);
    rig.presses(7, 900, &ask.button("Run"));
    rig.works().await;
    rig.works().await;
    let said = rig.host.scene().said();
    assert_eq!(said[1..], [prompt("work", "old"), ("work".to_owned(), "older".to_owned(), Delivery::Now)]);
    rig.settles().await;
    assert_eq!(rig.open(), 0);
}

#[tokio::test]
async fn what_lay_too_long_can_be_discarded() {
    let mut rig = Rig::still().await;
    rig.sends(json!({ "text": "old", "date": 1000 }));
    rig.start();
    let ask = rig.hears("1 message has waited here").await;
    rig.presses(7, 900, &ask.button("Discard"));
    assert_eq!(rig.toast().await, "Discarded.");
    rig.settles().await;
    assert_eq!((rig.host.scene().said(), rig.open()), (Vec::new(), 0));
}

#[tokio::test]
async fn a_long_text_and_an_album_are_one_prompt_each() {
    let mut rig = Rig::new().await;
    let long = "x".repeat(4096);
    let (first, rest) = (rig.message(json!({ "text": long })), json!({ "text": "rest", "message_id": 102 }));
    let rest = rig.message(rest);
    rig.come([("message", first), ("message", rest)]);
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), [format!("{long}rest")]);
    let set = rig.bridge.db.read(|t| t.prompt_set("tg:42:1")).unwrap().unwrap();
    assert_eq!(set.updates, [1, 2]);
    // Both messages are the prompt, so an answer to either finds its session.
    rig.settles().await;
    assert!(rig.bridge.db.read(|t| t.message(7, 102)).unwrap().is_some());
}

#[tokio::test]
async fn the_rest_of_a_text_is_waited_for_while_it_cannot_come() {
    let mut rig = Rig::new().await;
    let long = "x".repeat(4096);
    let parts = |rig: &Rig, number: i64| {
        let rest = json!({ "text": "rest", "message_id": number + 1 });
        (rig.message(json!({ "text": long, "message_id": number })), rig.message(rest))
    };
    // Telegram cannot be reached.
    let (first, rest) = parts(&rig, 101);
    rig.comes("message", first);
    let trouble = PollState::Trouble { error: Error::failed("no network"), since: Timestamp::now() };
    rig.poll.send_replace(trouble);
    tokio::time::sleep(PATIENCE * 2).await;
    rig.poll.send_replace(PollState::Receiving { since: Timestamp::now() });
    tokio::time::sleep(PATIENCE / 2).await;
    rig.comes("message", rest);
    rig.works().await;
    assert_eq!(rig.host.scene().texts(), [format!("{long}rest")]);
    rig.rests().await;
    // It has come, but is not given out yet.
    rig.poll.send_replace(PollState::Receiving { since: Timestamp::UNIX_EPOCH });
    let (first, rest) = parts(&rig, 201);
    rig.comes("message", first);
    tokio::time::sleep(PATIENCE / 2).await;
    rig.lie([("message", rest)]);
    tokio::time::sleep(PATIENCE * 2).await;
    assert_eq!(rig.host.scene().texts().len(), 1);
    rig.comes("message", rig.message(json!({ "text": "more" })));
    rig.works().await;
    assert_eq!(rig.host.scene().texts()[1], format!("{long}rest"));
}

#[tokio::test]
async fn in_a_group_an_album_counts_by_the_part_that_names_the_bot() {
    let mut rig = Rig::new().await;
    let channel = crate::model::Channel("tg:-1001".to_owned());
    rig.host.scene().current.insert(channel, id_of("work"));
    let video = |more: serde_json::Value| {
        let mut part = json!({ "media_group_id": "a", "chat": { "id": -1001, "type": "supergroup" },
            "video": { "file_id": "v", "file_size": 30_000_000, "file_name": "film.mp4" } });
        part.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        part
    };
    let named = video(json!({ "caption": "@my_bot look", "message_id": 102,
        "caption_entities": [{ "type": "mention", "offset": 0, "length": 7 }] }));
    let (silent, named) = (rig.message(video(json!({}))), rig.message(named));
    let alone = rig.message(video(json!({ "media_group_id": "b" })));
    rig.come([("message", silent), ("message", named), ("message", alone)]);
    // Both files were meant, and are too large, which is said once.
    let refusal = rig.hears("The file film.mp4 is 28.6 MB").await;
    assert_eq!(refusal.chat, -1001);
    rig.rests().await;
    assert_eq!((rig.open(), rig.host.scene().said().len()), (0, 0));
}

#[tokio::test]
async fn commands_of_ours_win_and_others_are_claudes() {
    let mut rig = Rig::new().await;
    for text in ["//stop", "/init", "/compact shortly", "/now quick"] {
        rig.says(text);
    }
    rig.sends(
        json!({ "text": "/clear", "forward_origin": { "type": "hidden_user", "sender_user_name": "Eve" } }),
    );
    rig.settles().await;
    let said = rig.host.scene().texts();
    assert_eq!(said[..4], ["/stop", "/init", "/compact shortly", "quick"]);
    assert!(said[4].starts_with("[forwarded from \"Eve\"") && said[4].ends_with("\n> /clear"), "{}", said[4]);
}

#[tokio::test]
async fn a_session_is_made_and_gets_its_text_at_once() {
    let mut rig = Rig::new().await;
    rig.says("/new fix: the bug\nnow");
    let made = rig.hears("Made fix (default)").await;
    assert_eq!(made.labels(), ["Switch"]);
    assert_eq!(rig.host.scene().said(), [prompt("fix", "the bug\nnow")]);
    assert_eq!(rig.host.scene().current.values().copied().collect::<Vec<_>>(), [id_of("work")]);
    rig.presses(7, 900, &made.button("Switch"));
    assert_eq!(rig.toast().await, "→ fix");
}

#[tokio::test]
async fn an_edit_changes_what_waits_and_nothing_else() {
    let mut rig = Rig::new().await;
    rig.host.scene().set("work", SessionState::Busy);
    rig.says("fix it");
    rig.hears("Queued").await;
    let edit = |text: &str| json!({ "message_id": 101, "text": text });
    let (edited, command, unknown) = (
        rig.message(edit("fix it well")),
        rig.message(edit("/clear")),
        rig.message(json!({ "message_id": 77, "text": "?" })),
    );
    rig.comes("edited_message", edited);
    rig.hears("react 101 Some(\"✍\")").await;
    assert_eq!(rig.host.scene().texts(), ["fix it well"]);
    rig.comes("edited_message", command);
    rig.hears("An edit cannot become a command").await;
    rig.comes("edited_message", unknown);
    rig.host.scene().scripted.push(("prompt_edit", Err(Error::conflict("it was sent"))));
    let late = rig.message(edit("too late"));
    rig.comes("edited_message", late);
    rig.hears("Claude has begun with it already").await;
    assert_eq!(rig.host.scene().texts(), ["fix it well"]);
}

/// What else they are made of is not known here any more.
#[tokio::test]
async fn an_edit_takes_nothing_from_an_album_or_a_voice() {
    let mut rig = Rig::still().await;
    Arc::get_mut(&mut rig.bridge).unwrap().config.transcribe = Some("echo heard; :".to_owned());
    rig.start();
    rig.host.scene().set("work", SessionState::Busy);
    let file = |rig: &Rig| {
        rig.telegram.reply(Reply::ok(json!({ "file_id": "d", "file_size": 3, "file_path": "documents/a" })));
        rig.telegram.reply(Reply::Bytes(b"abc".to_vec()));
    };
    let photo = |caption: &str| json!({ "caption": caption, "media_group_id": "a", "photo": [{ "file_id": "p" }], "message_id": 101 });
    file(&rig);
    file(&rig);
    let first = rig.message(photo("look"));
    let second = json!({ "media_group_id": "a", "photo": [{ "file_id": "p" }], "message_id": 102 });
    let second = rig.message(second);
    rig.come([("message", first), ("message", second)]);
    rig.hears("Queued").await;
    file(&rig);
    let voice = |caption: &str| json!({ "caption": caption, "voice": { "file_id": "v" }, "message_id": 103 });
    rig.sends(voice("listen"));
    rig.hears("Queued").await;
    let before = rig.host.scene().texts();
    assert!(before[0].contains("photo-2") && before[1].contains("heard"), "{before:?}");
    let (album, voice) = (rig.message(photo("look!")), rig.message(voice("listen!")));
    rig.comes("edited_message", album);
    rig.hears("An album cannot be edited").await;
    rig.comes("edited_message", voice);
    rig.hears("A voice message cannot be edited").await;
    assert_eq!(rig.host.scene().texts(), before);
}

#[tokio::test]
async fn what_is_done_in_a_chat_is_not_answered() {
    let mut rig = Rig::new().await;
    rig.sends(json!({ "pinned_message": { "message_id": 3, "date": 0, "chat": { "id": 7 }, "text": "x" } }));
    rig.sends(json!({ "message_auto_delete_timer_changed": { "message_auto_delete_time": 86_400 } }));
    rig.sends(
        json!({ "forum_topic_edited": { "name": "x" }, "message_thread_id": 4, "is_topic_message": true }),
    );
    rig.sends(json!({ "chat": { "id": -1001, "type": "supergroup" }, "new_chat_title": "x" }));
    rig.rests().await;
    assert_eq!((rig.seen(), rig.open()), (Vec::new(), 0));
}

#[tokio::test]
async fn odd_messages_are_answered_honestly() {
    let mut rig = Rig::new().await;
    for body in [
        json!({ "sticker": { "file_id": "s" } }),
        json!({ "text": "\u{7}\u{8}" }),
        json!({ "text": "  \n " }),
    ] {
        rig.sends(body);
        rig.hears("There is nothing in this that I can pass on").await;
    }
    rig.sends(json!({ "voice": { "file_id": "v", "duration": 3 } }));
    rig.hears("Voice messages cannot be heard here").await;
    rig.says("😀");
    rig.says(&"y".repeat(3999));
    rig.works().await;
    rig.works().await;
    assert_eq!(rig.host.scene().texts()[0], "😀");
}

#[tokio::test]
async fn a_stop_stays_behind_what_was_said_before_it() {
    let mut rig = Rig::new().await;
    let (text, stop) =
        (rig.message(json!({ "text": "do it" })), rig.message(json!({ "text": "/stop", "message_id": 102 })));
    rig.come([("message", text), ("message", stop)]);
    rig.hears("Nothing runs in work").await;
    let kinds = rig.host.scene().kinds();
    let at = |wanted: &str| kinds.iter().position(|kind| kind == wanted);
    assert!(at("send") < at("session_stop"), "{kinds:?}");
}
