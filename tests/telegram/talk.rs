//! Prompts and replies.

use super::desk::Desk;
use crate::support::bot_api::{Fault, Media};
use crate::support::home::Home;

#[test]
fn a_message_is_answered_and_both_sides_see_it() {
    let desk = Desk::new();
    let asked = desk.say("echo hello");
    let reply = desk.wait("hello");
    assert_eq!(reply.reply_to, Some(asked));
    assert_eq!(
        desk.home.run(&["send", "-s", "work", "what did I say?"]).expect_code(0).stdout.lines().next(),
        Some("You said:")
    );
    // Asked elsewhere, it is shown here too, and does not ring.
    let mirrored = desk.wait("You said:");
    assert!(mirrored.silent, "{mirrored}");
    assert_eq!(desk.prompts("work", "echo hello"), 1);
}

/// A live message grows, and becomes the reply.
#[test]
fn a_reply_streams() {
    let desk = Desk::new();
    desk.say("words 120 40");
    let live = desk.wait("w5");
    assert!(live.silent && live.labels().contains(&"Stop"), "{live}");
    let whole = desk.wait("w119");
    assert_eq!(whole.id, live.id, "the reply takes the live message's place");
    assert!(whole.labels().is_empty());
    assert!(whole.edits > 1 && whole.edits < 20, "{}", whole.edits);
    assert!(whole.text.contains("w0 w1"));
}

#[test]
fn stop_ends_the_turn() {
    let desk = Desk::new();
    desk.say("words 1000 50");
    desk.wait("w3");
    desk.tap("Stop");
    desk.wait("stopped");
    desk.say("words 1000 50");
    desk.chat.wait_for_message(|seen| seen.button("Stop").is_some() && seen.text.contains("w3"));
    desk.say("/stop");
    desk.until("the end", || (desk.ended() == 2).then_some(()));
    desk.say("/stop");
    desk.wait("othing runs");
}

/// What comes while a turn runs waits, and can be hurried, changed and taken back.
#[test]
fn a_message_during_a_turn_waits() {
    let desk = Desk::new();
    desk.say("words 160 50");
    desk.wait("w2");
    desk.say("echo later");
    let waits = desk.chat.wait_for_message(|seen| seen.button("Take back").is_some());
    assert!(waits.labels().contains(&"Now") && waits.labels().contains(&"Instead"), "{waits}");
    desk.say("echo never");
    let other = desk.chat.wait_for_message(|seen| seen.id != waits.id && seen.button("Take back").is_some());
    desk.chat.tap(other.id, "Take back", &desk.owner);
    desk.wait("w159");
    desk.wait("later");
    assert_eq!(
        desk.log("work").iter().filter(|event| event["kind"] == "reply" && event["text"] == "never").count(),
        0
    );
}

#[test]
fn an_edited_message_changes_what_waits() {
    let desk = Desk::new();
    desk.say("words 60 50");
    desk.wait("w2");
    let message = desk.say("echo wrong");
    desk.chat.wait_for_message(|seen| seen.button("Take back").is_some());
    desk.chat.edit(message, "echo right");
    desk.wait("right");
}

/// Telegram's own limit splits what is long; claudebot puts it together again.
#[test]
fn a_long_text_in_two_messages_is_one_prompt() {
    let desk = Desk::new();
    let (first, second) = (format!("echo {}", "x".repeat(4091)), "y".repeat(50));
    desk.say(&first);
    desk.say(&second);
    desk.wait("yyy");
    let prompts: Vec<_> = desk.log("work").into_iter().filter(|event| event["kind"] == "prompt").collect();
    assert_eq!(prompts.len(), 1);
    assert!(prompts[0]["text"].as_str().is_some_and(|text| text.contains("xx") && text.contains("yy")));
}

/// Only the first part names the bot.
#[test]
fn a_long_text_in_a_group_is_one_prompt_too() {
    let mut desk = Desk::without_session(Home::new(), None);
    let group = desk.bot.supergroup("Team", &[desk.owner]);
    group.make_bot_administrator(&desk.owner);
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_CHATS", group.id().to_string());
    desk.session("work");
    desk.start();
    let bot = format!("@{}", desk.bot.bot_username());
    group.say(&desk.owner, &format!("/session{bot} work"));
    group.wait_for_text("→ work");
    let first = format!("{bot} echo ");
    let first = format!("{first}{}", "x".repeat(4096 - first.len()));
    group.say(&desk.owner, &first);
    group.say(&desk.owner, &"y".repeat(50));
    // Nobody has called for this.
    group.say(&desk.owner, "and among us?");
    group.wait_for_text("yyy");
    let prompts: Vec<_> = desk.log("work").into_iter().filter(|event| event["kind"] == "prompt").collect();
    assert_eq!(prompts.len(), 1, "{prompts:?}");
    let text = prompts[0]["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("echo xx") && text.ends_with(&format!("x{}", "y".repeat(50))), "{text}");
    assert!(!text.contains("among"), "{text}");
}

/// In a private chat with topics a new session may have one of its own.
#[test]
fn a_private_chat_has_topics() {
    let mut desk = Desk::without_session(Home::new(), None);
    desk.bot.set_private_topics(true);
    desk.start();
    desk.say("/new idea");
    desk.tap("Scratch");
    desk.tap("Open a topic");
    let here = desk.wait("Here you talk to idea");
    assert!(here.thread.is_some(), "{here}");
}

#[test]
fn an_album_is_one_prompt_with_its_pictures() {
    let desk = Desk::new();
    let picture = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3];
    desk.chat.album(&desk.owner, "echo look", &[Media::photo(&picture), Media::photo(&picture)]);
    desk.wait("look");
    let prompts: Vec<_> = desk.log("work").into_iter().filter(|event| event["kind"] == "prompt").collect();
    assert_eq!(prompts.len(), 1);
    assert_eq!(prompts[0]["detail"]["attachments"].as_array().map(Vec::len), Some(2), "{prompts:?}");
}

/// A long reply is split well; a Bot API that loses answers or is overloaded for a while does not lose it.
#[test]
fn a_long_reply_arrives_whole() {
    let desk = Desk::new();
    desk.bot.fail_next(1, "sendMessage", Fault::TooMany(1));
    desk.bot.fail_next(1, "editMessageText", Fault::Server(502));
    desk.say("words 3000 0");
    desk.wait("w2999");
    let text: String = desk.chat.bot_messages().iter().map(|seen| seen.text.clone() + " ").collect();
    for word in ["w0", "w1500", "w2998"] {
        assert!(text.split_whitespace().any(|said| said == word), "{word}");
    }
}
