//! Failures that pass: too many requests, trouble inside Telegram, connections that break before, in and after the
//! answer. What was to be done is done all the same, soon, once, and by few calls.

use super::room::Room;
use crate::support::bot_api::seen::Seen;
use crate::support::bot_api::{Call, Fault, Media, Outcome};

const ALL: [Fault; 6] = [
    Fault::TooMany(1),
    Fault::Server(500),
    Fault::Server(502),
    Fault::Cut,
    Fault::LoseAnswer,
    Fault::HalfAnswer,
];

/// Whether the call took effect though nobody was told.
const fn is_done(fault: &Fault) -> bool {
    matches!(fault, Fault::LoseAnswer | Fault::HalfAnswer)
}

/// Nobody repeats a call oftener than it takes, and nothing goes to a chat before Telegram wants it.
#[track_caller]
fn are_few(calls: &[Call], most: usize, fault: &Fault) {
    assert!(calls.len() <= most, "{fault:?}: {calls:#?}");
    if let Fault::TooMany(seconds) = fault {
        let failed = calls.iter().position(|call| !call.took_effect()).expect("one has failed");
        let next = calls[failed + 1..].iter().find(|call| call.chat == calls[failed].chat);
        let waited = next.map(|next| next.at - calls[failed].at);
        assert!(waited.is_none_or(|nanos| nanos >= seconds * 1_000_000_000), "{waited:?}");
    }
}

/// With each failure once; what was refused at last was done already.
fn each(method: &str, most: usize, mut act: impl FnMut(&Room, &Fault, &str)) {
    let mut room = Room::new();
    for fault in ALL {
        let calls = room.with(method, &fault, |word| act(&room, &fault, word));
        are_few(&calls, most, &fault);
    }
    room.desk.stop();
    let refused = room.desk.bot.refused();
    assert!(refused.iter().all(|call| call.method == method), "{refused:#?}");
}

fn showing(room: &Room, word: &str) -> Vec<Seen> {
    let seen = room.desk.chat.bot_messages().into_iter();
    seen.filter(|seen| seen.text.contains(word) && seen.button("Stop").is_none()).collect()
}

#[test]
fn send_message() {
    each("sendMessage", 4, |room, fault, word| {
        room.desk.say(&format!("echo {word}"));
        room.desk.chat.wait_for_message(|seen| seen.text.contains(word) && seen.button("Stop").is_none());
        // Bob is answered before one that may have come twice is looked for.
        let most = if is_done(fault) { 2 } else { 1 };
        assert!(showing(room, word).len() <= most, "{fault:?}: {:?}", showing(room, word));
    });
}

/// The live message of a turn, or its end.
#[test]
fn edit_message_text() {
    each("editMessageText", 5, |room, fault, _| {
        let asked = room.desk.say("words 80 50");
        room.desk.chat.wait_for_message(|seen| {
            seen.reply_to == Some(asked) && seen.text.ends_with("w79") && seen.labels().is_empty()
        });
        let answers = room.desk.chat.bot_messages();
        let answers = answers.iter().filter(|seen| seen.reply_to == Some(asked)).count();
        assert_eq!(answers, 1, "{fault:?}");
    });
}

/// What a pressed button makes of its message.
#[test]
fn edit_message_text_after_a_press() {
    each("editMessageText", 2, |room, _, word| {
        room.desk.say(&format!("/new {word}"));
        let asked = room.desk.wait(word);
        room.desk.chat.tap(asked.id, "Cancel", &room.desk.owner);
        room.desk.chat.wait_for_message(|seen| seen.id == asked.id && seen.text == "Cancelled.");
    });
}

#[test]
fn answer_callback_query() {
    each("answerCallbackQuery", 2, |room, _, word| {
        room.desk.say(&format!("/new {word}"));
        let asked = room.desk.wait(word);
        let query = room.desk.chat.tap(asked.id, "Cancel", &room.desk.owner);
        assert_eq!(room.desk.bot.wait_for_answer(&query).0, "Cancelled.");
    });
}

/// A message waits behind a turn: what says so comes, and goes.
fn waits_and_runs(room: &Room, word: &str) {
    room.desk.say("slow 2");
    let second = room.desk.say(&format!("echo {word}"));
    room.desk.until("the reply", || (!showing(room, word).is_empty()).then_some(()));
    room.desk.until("the end of what said that it waits", || {
        let seen = room.desk.chat.messages();
        let is_marked = seen.iter().any(|seen| seen.id == second && seen.reaction.is_some());
        (!is_marked && seen.iter().all(|seen| seen.button("Take back").is_none())).then_some(())
    });
}

#[test]
fn set_message_reaction() {
    each("setMessageReaction", 4, |room, _, word| waits_and_runs(room, word));
}

#[test]
fn delete_message() {
    each("deleteMessage", 3, |room, _, word| waits_and_runs(room, word));
}

#[test]
fn send_chat_action() {
    each("sendChatAction", 4, |room, _, word| {
        room.desk.say(&format!("echo {word}"));
        room.desk.wait(word);
    });
}

/// A reply that is too long for messages.
#[test]
fn send_document() {
    each("sendDocument", 2, |room, fault, _| {
        let asked = room.desk.say("words 6000 0");
        let documents = || {
            let seen = room.desk.chat.bot_messages().into_iter();
            seen.filter(|seen| seen.id > asked && seen.file.is_some()).count()
        };
        room.desk.until("the document", || (documents() > 0).then_some(()));
        assert!(documents() <= if is_done(fault) { 2 } else { 1 });
    });
}

fn reads_a_file(room: &Room, _: &Fault, word: &str) {
    let file = Media::document("notes.txt", b"all is well");
    room.desk.chat.message(&room.desk.owner).file(file).text(&format!("echo {word}")).send();
    room.desk.wait(&format!("{word}\n[file 1: document-1.txt, 11 B, called \"notes.txt\" by its sender]"));
}

#[test]
fn get_file() {
    each("getFile", 2, reads_a_file);
}

#[test]
fn download() {
    each("download", 2, reads_a_file);
}

#[test]
fn get_updates() {
    each("getUpdates", 20, |room, _, word| {
        // One of them ends the poll that waits, the other comes by the one that fails.
        room.desk.say(&format!("echo {word}1"));
        room.desk.say(&format!("echo {word}2"));
        for number in 1..=2 {
            room.desk.wait(&format!("{word}{number}"));
        }
    });
}

/// How often this was done.
fn done(room: &Room, method: &str) -> usize {
    room.desk.bot.calls_of(method).iter().filter(|call| call.took_effect()).count()
}

/// A session that is packed away closes its topic, and opens it when it is back.
fn comes_and_goes(room: &Room) {
    let (closed, opened) = (done(room, "closeForumTopic"), done(room, "reopenForumTopic"));
    let archived = room.desk.home.run(&["session", "archive", "there", "--json"]).expect_code(0).json();
    room.desk.until("a closed topic", || (done(room, "closeForumTopic") > closed).then_some(()));
    room.desk.home.run(&["session", "restore", archived["file"].as_str().expect("a file")]).expect_code(0);
    room.desk.until("an open topic", || (done(room, "reopenForumTopic") > opened).then_some(()));
}

#[test]
fn close_forum_topic() {
    each("closeForumTopic", 2, |room, _, _| {
        room.move_in();
        comes_and_goes(room);
    });
}

#[test]
fn reopen_forum_topic() {
    each("reopenForumTopic", 2, |room, _, _| {
        room.move_in();
        comes_and_goes(room);
    });
}

#[test]
fn edit_forum_topic() {
    each("editForumTopic", 2, |room, _, word| {
        room.move_in();
        room.say_there(&format!("/rename {word}"));
        room.wait_there(word);
        let named = || room.forum.topics().into_iter().find(|(topic, _)| *topic == room.topic);
        room.desk.until("its name", || named().filter(|(_, name)| name == word));
        room.desk.home.run(&["session", "rename", word, "there"]).expect_code(0);
    });
}

/// Whoever presses is told that it came to nothing, and may press again.
#[test]
fn create_forum_topic() {
    let room = Room::new();
    let (owner, bot) = (&room.desk.owner, room.desk.bot.bot_username());
    for fault in ALL {
        let calls = room.with("createForumTopic", &fault, |word| {
            room.forum.say(owner, &format!("/new@{bot} {word}"));
            let made = room.forum.wait_for_message(|seen| seen.text.contains(word));
            room.forum.tap(made.id, "Scratch", owner);
            room.forum.wait_for_message(|seen| seen.id == made.id && seen.button("Open a topic").is_some());
            let press = || room.desk.bot.wait_for_answer(&room.forum.tap(made.id, "Open a topic", owner));
            let (told, is_alert) = press();
            assert!(is_alert && told.contains("cannot be opened"), "{fault:?}: {told}");
            assert_eq!(press().0, "Opened.");
            room.forum.wait_for_text(&format!("Here you talk to {word}."));
        });
        assert_eq!(calls.len(), 2, "{fault:?}: {calls:#?}");
    }
}

/// What is called at the start, before anybody is served.
#[test]
fn get_me_and_set_my_commands() {
    for method in ["getMe", "setMyCommands"] {
        for fault in ALL {
            let mut room = Room::closed();
            room.desk.bot.fail_next(1, method, fault.clone());
            room.desk.start();
            room.desk.say("/session work");
            room.desk.wait("work");
            let is_done = || {
                room.desk
                    .bot
                    .calls_of(method)
                    .last()
                    .is_some_and(|call| matches!(call.outcome, Outcome::Done(_)))
            };
            room.desk.until(method, || is_done().then_some(()));
            are_few(&room.desk.bot.calls_of(method), 2, &fault);
        }
    }
}
