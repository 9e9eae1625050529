//! Who is let in, and who is not.

use super::desk::{A_WHILE, Desk};
use crate::support::bot_api::Origin;

/// A code for the owner's terminal, once; nothing else.
#[test]
fn a_stranger_is_told_once_how_to_be_let_in() {
    let desk = Desk::new();
    let eve = desk.bot.user("Eve");
    let chat = desk.bot.private(&eve);
    chat.say(&eve, "echo hello");
    let hint = chat.wait_for_text("claudebot pair");
    chat.say(&eve, "echo more");
    chat.say(&eve, "/session work");
    desk.bot.wait_read();
    desk.say("echo marker");
    desk.wait("marker");
    assert_eq!(chat.bot_messages().len(), 1);
    assert_eq!(desk.prompts("work", "echo hello") + desk.prompts("work", "echo more"), 0);

    let code = hint.text.split_whitespace().skip_while(|word| *word != "pair").nth(1).expect("a code");
    desk.home.run(&["pair", code.trim_matches(|letter: char| !letter.is_alphanumeric())]).expect_code(0);
    // The host is asked again at most once a second.
    desk.until("an answer", || {
        chat.say(&eve, "/session work");
        (chat.bot_messages().len() > 1).then_some(())
    });
    chat.wait_for_text("work");
    let audit = desk.home.run(&["log", "--audit"]).expect_code(0).stdout;
    assert!(audit.contains("Eve"), "{audit}");
}

/// Whatever a stranger does: nothing reaches a session, and no call is made for it but the one hint.
#[test]
fn nothing_of_a_stranger_reaches_claude() {
    let desk = Desk::new();
    let eve = desk.bot.user("Eve");
    let (private, group) = (desk.bot.private(&eve), desk.bot.group("Somewhere", &[eve, desk.owner]));
    private.message(&eve).text("echo forwarded").forwarded_from(Origin::User(desk.owner)).send();
    private.say(&eve, "/start");
    group.say(&eve, &format!("@{} echo in a group", desk.bot.bot_username()));
    group.say(&desk.owner, &format!("@{} echo in a group that is not let in", desk.bot.bot_username()));
    desk.say("list files");
    let asked = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    let data = asked.button("Allow once").expect("a button").data.clone();
    private.tap_stale(asked.id, &data, &eve);
    desk.chat.tap_stale(asked.id, &data, &eve);
    desk.bot.push_update(
        "channel_post",
        serde_json::json!({ "message_id": 1, "date": 0,
        "chat": { "id": -100_777, "type": "channel", "title": "c" }, "text": "echo posted" }),
    );
    desk.bot.push_update("something_new", serde_json::json!({ "what": "ever" }));
    desk.bot.wait_read();
    std::thread::park_timeout(A_WHILE);
    let log = desk.log("work");
    assert_eq!(log.iter().filter(|event| event["kind"] == "prompt").count(), 1, "{log:?}");
    assert!(log.iter().all(|event| event["kind"] != "approval_answered"), "{log:?}");
    desk.chat.tap(asked.id, "Deny", &desk.owner);
    desk.chat.wait_for_message(|seen| seen.id == asked.id && seen.labels().is_empty());
}
