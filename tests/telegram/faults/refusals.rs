//! What Telegram refuses for good, in its own words, each with its remedy: something else is sent, it is said, or it is
//! given up, and what comes after it goes on.

use super::room::Room;
use crate::support::bot_api::{Call, Fault, Media};

/// With this refusal once: so many calls of the method are made, and what is said afterwards is answered.
#[track_caller]
fn refused(
    room: &Room,
    method: &str,
    words: &'static str,
    calls: usize,
    act: impl FnOnce(&str),
) -> Vec<Call> {
    let made = room.with(method, &fault(words), act);
    assert_eq!(made.len(), calls, "{method}: {words}: {made:#?}");
    let word = room.word();
    room.desk.say(&format!("echo {word}"));
    room.desk.wait(&word);
    made
}

/// 403 has its own beginning.
fn fault(words: &'static str) -> Fault {
    match words.strip_prefix("Forbidden: ") {
        Some(words) => Fault::Forbidden(words),
        None => Fault::BadRequest(words),
    }
}

#[test]
fn formatting_that_is_refused_is_left_out() {
    let room = Room::new();
    for words in ["can't parse entities: Unsupported start tag", "ENTITY_BOUNDS_INVALID"] {
        let made = room.with("sendMessage", &fault(words), |word| {
            room.desk.say(&format!("/search {word}"));
            room.desk.wait(word);
        });
        assert_eq!((made.len(), made[1].payload["entities"].as_array()), (2, None), "{words}: {made:#?}");
    }
}

/// Where nothing arrives, it is tried once, and again when there is something new.
#[test]
fn a_chat_that_takes_nothing_is_given_up_until_there_is_something_new() {
    let room = Room::new();
    for words in [
        "chat not found",
        "PEER_ID_INVALID",
        "not enough rights to send text messages to the chat",
        "Forbidden: bot was blocked by the user",
        "Forbidden: user is deactivated",
    ] {
        let (desk, word) = (&room.desk, room.word());
        desk.chat.fail_next(usize::MAX, "sendMessage", fault(words));
        let about = || {
            let calls = desk.bot.calls_of("sendMessage").into_iter();
            calls.filter(|call| call.text("text").contains(&word)).count()
        };
        let ended = desk.ended();
        desk.say(&format!("echo {word}"));
        desk.until("a call", || (about() > 0 && desk.ended() > ended).then_some(()));
        room.serves_bob();
        // What shows the turn, and its end.
        assert!(about() <= 2, "{words}: {}", desk.bot.summary());
        desk.bot.heal();
        let word = room.word();
        desk.say(&format!("echo {word}"));
        desk.wait(&word);
    }
}

#[test]
fn a_message_to_edit_that_is_gone_is_a_new_one() {
    let room = Room::new();
    for words in ["message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID"] {
        room.with("editMessageText", &fault(words), |_| {
            let asked = room.desk.say("words 80 50");
            let is_whole = |text: &str| text.ends_with("w79");
            room.desk.chat.wait_for_message(|seen| {
                seen.reply_to == Some(asked) && is_whole(&seen.text) && seen.labels().is_empty()
            });
        });
    }
}

#[test]
fn an_edit_that_changes_nothing_is_done() {
    let room = Room::new();
    let words =
        "message is not modified: specified new message content and reply markup are exactly the same";
    refused(&room, "editMessageText", words, 1, |word| {
        room.desk.say(&format!("/new {word}"));
        let asked = room.desk.wait(word);
        room.desk.chat.tap(asked.id, "Cancel", &room.desk.owner);
        room.desk.bot.wait_for_call(|call| call.method == "editMessageText" && call.ended.is_some());
    });
    room.desk.bot.forget();
}

/// What says that a message waits may be gone already, and so may the message.
#[test]
fn marks_and_notices_that_are_gone_are_left_alone() {
    let room = Room::new();
    for (method, words, most) in [
        ("deleteMessage", "message to delete not found", 1),
        ("deleteMessage", "message can't be deleted", 1),
        ("setMessageReaction", "message to react not found", 2),
        ("setMessageReaction", "REACTION_INVALID", 3),
        ("setMessageReaction", "MESSAGE_ID_INVALID", 2),
    ] {
        let made = room.with(method, &fault(words), |word| {
            let made = || room.desk.bot.calls_of(method).iter().filter(|call| call.ended.is_some()).count();
            let before = made();
            room.desk.say("slow 2");
            room.desk.say(&format!("echo {word}"));
            room.desk.chat.wait_for_message(|seen| seen.text.ends_with(word) && seen.labels().is_empty());
            room.desk.until(method, || (made() > before).then_some(()));
        });
        assert!(made.len() <= most, "{method} {words}: {made:#?}");
    }
}

#[test]
fn typing_that_is_refused_keeps_nothing_from_being_said() {
    let room = Room::new();
    for words in ["message thread not found", "CHAT_SEND_ACTION_FORBIDDEN"] {
        refused(&room, "sendChatAction", words, 1, |word| {
            room.desk.say(&format!("echo {word}"));
            room.desk.wait(word);
        });
    }
}

#[test]
fn a_press_of_long_ago_is_not_answered_again() {
    let room = Room::new();
    let words = "query is too old and response timeout expired or query ID is invalid";
    refused(&room, "answerCallbackQuery", words, 1, |word| {
        room.desk.say(&format!("/new {word}"));
        let asked = room.desk.wait(word);
        room.desk.chat.tap(asked.id, "Cancel", &room.desk.owner);
        room.desk.chat.wait_for_message(|seen| seen.id == asked.id && seen.text == "Cancelled.");
        room.desk.bot.wait_for_call(|call| call.method == "answerCallbackQuery" && call.ended.is_some());
    });
}

#[test]
fn a_file_that_telegram_does_not_give_is_told() {
    let room = Room::new();
    for (method, words, told) in [
        ("getFile", "file is too big", "notes.txt is too large"),
        ("getFile", "wrong file_id or the file is temporarily unavailable", "notes.txt cannot be fetched"),
        ("download", "wrong file path", "notes.txt cannot be fetched"),
    ] {
        let before = room.desk.chat.bot_messages().len();
        refused(&room, method, words, 1, |word| {
            let file = Media::document("notes.txt", b"all is well");
            room.desk.chat.message(&room.desk.owner).file(file).text(&format!("echo {word}")).send();
            room.desk.until(words, || {
                let seen = room.desk.chat.bot_messages();
                seen[before..].iter().any(|seen| seen.text.contains(told)).then_some(())
            });
        });
    }
}

#[test]
fn a_document_that_is_refused_is_told() {
    let room = Room::new();
    room.desk.bot.fail_next(2, "sendDocument", fault("not enough rights to send documents to the chat"));
    room.desk.say("words 6000 0");
    room.desk.wait("reply.md cannot be sent");
    assert_eq!(room.desk.bot.calls_of("sendDocument").len(), 2);
    room.desk.say("echo on");
    room.desk.wait("on");
}

/// In a topic that is closed to the bot nothing may be said, nor may anything there be answered.
#[test]
fn what_a_closed_topic_does_not_take_is_said_in_the_chat() {
    let room = Room::new();
    room.move_in();
    // No administrator any more.
    room.forum.unblock_bot(&room.desk.owner);
    room.forum.close_topic(&room.desk.owner, room.topic);
    room.say_there("echo hello");
    let told = room.forum.wait_for_message(|seen| seen.text.contains("hello"));
    assert_eq!(told.thread, None, "{told}");
    // The typing sign, and what was to be said there.
    room.desk.bot.forget();
}

/// Without the right to change topics sessions come and go all the same.
#[test]
fn topics_that_may_not_be_changed_keep_nothing_from_being_done() {
    let room = Room::new();
    room.move_in();
    let no_rights = "not enough rights to manage topics";
    for (method, words) in [
        ("editForumTopic", no_rights),
        ("editForumTopic", "TOPIC_NOT_MODIFIED"),
        ("closeForumTopic", no_rights),
        ("closeForumTopic", "TOPIC_NOT_MODIFIED"),
        ("closeForumTopic", "TOPIC_ID_INVALID"),
        ("reopenForumTopic", no_rights),
        ("reopenForumTopic", "TOPIC_NOT_MODIFIED"),
    ] {
        let made = room.with(method, &fault(words), |word| {
            let since = room.desk.bot.calls_of(method).len();
            if method == "editForumTopic" {
                room.say_there(&format!("/rename {word}"));
                room.wait_there(word);
                room.desk.home.run(&["session", "rename", word, "there"]).expect_code(0);
            } else {
                let archived = room.desk.home.run(&["session", "archive", "there", "--json"]).expect_code(0);
                let file = archived.json()["file"].as_str().expect("a file").to_owned();
                let ended = |method: &str| {
                    let calls = room.desk.bot.calls_of(method);
                    calls.iter().filter(|call| call.ended.is_some()).count()
                };
                let closed = "closeForumTopic";
                if method == closed {
                    room.desk.until(closed, || (ended(closed) > since).then_some(()));
                }
                room.desk.home.run(&["session", "restore", &file]).expect_code(0);
                room.desk.until(method, || (ended(method) > since).then_some(()));
            }
        });
        assert_eq!(made.len(), 1, "{method}: {words}: {made:#?}");
        let said = room.word();
        room.say_there(&format!("echo {said}"));
        room.forum.wait_for_message(|seen| seen.text.ends_with(&said) && seen.button("Stop").is_none());
    }
    room.desk.bot.forget();
}

#[test]
fn a_topic_that_may_not_be_opened_is_told() {
    let room = Room::new();
    let (owner, bot) = (&room.desk.owner, room.desk.bot.bot_username());
    refused(&room, "createForumTopic", "not enough rights to create a topic", 1, |word| {
        room.forum.say(owner, &format!("/new@{bot} {word}"));
        let made = room.forum.wait_for_message(|seen| seen.text.contains(word));
        room.forum.tap(made.id, "Scratch", owner);
        room.forum.wait_for_message(|seen| seen.id == made.id && seen.button("Open a topic").is_some());
        let query = room.forum.tap(made.id, "Open a topic", owner);
        let (told, is_alert) = room.desk.bot.wait_for_answer(&query);
        assert!(is_alert && told.contains("not enough rights"), "{told}");
    });
}

/// The menu is an extra: without it everything else works.
#[test]
fn a_menu_that_is_refused_is_not_tried_again() {
    let mut room = Room::closed();
    room.desk.bot.fail_next(1, "setMyCommands", fault("BOT_COMMAND_INVALID"));
    room.desk.start();
    room.desk.say("/session work");
    room.desk.wait("work");
    room.desk.say("echo hello");
    room.desk.wait("hello");
    assert_eq!(room.desk.bot.calls_of("setMyCommands").len(), 1);
}
