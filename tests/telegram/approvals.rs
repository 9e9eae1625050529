//! What waits for a person, as buttons.

use super::desk::Desk;

#[test]
fn a_command_is_allowed_in_the_chat() {
    let desk = Desk::new();
    desk.say("list files");
    let asked = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    assert!(!asked.silent, "it rings");
    assert!(asked.labels().contains(&"Deny"), "{asked}");
    desk.chat.tap(asked.id, "Allow once", &desk.owner);
    let settled = desk.chat.wait_for_message(|seen| seen.id == asked.id && seen.labels().is_empty());
    assert!(settled.text.to_lowercase().contains("allowed"), "{settled}");
    desk.until("the end", || (desk.ended() > 0).then_some(()));
}

#[test]
fn answered_at_the_desk_the_buttons_go() {
    let desk = Desk::new();
    desk.say("list files");
    let asked = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    desk.home.run(&["deny", "1", "--message", "not now"]).expect_code(0);
    let settled = desk.chat.wait_for_message(|seen| seen.id == asked.id && seen.labels().is_empty());
    assert!(settled.text.contains("shell"), "{settled}");
    // Whoever presses what is no longer there is told so.
    let data = asked.button("Allow once").expect("a button").data.clone();
    let query = desk.chat.tap_stale(asked.id, &data, &desk.owner);
    let (words, _) = desk.bot.wait_for_answer(&query);
    assert!(!words.is_empty());
}

/// One message shows what waits, so that nothing is left with buttons once it is answered elsewhere.
#[test]
fn asked_again_only_the_newer_message_is_to_be_answered() {
    let desk = Desk::new();
    desk.say("list files");
    let first = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    desk.say("/inbox");
    let again = desk.chat.wait_for_message(|seen| seen.id != first.id && seen.button("Deny").is_some());
    desk.chat.wait_for_message(|seen| seen.id == first.id && seen.labels().is_empty());
    desk.home.run(&["deny", "1"]).expect_code(0);
    let settled = desk.chat.wait_for_message(|seen| seen.id == again.id && seen.labels().is_empty());
    assert!(settled.text.contains("shell"), "{settled}");
    assert!(desk.chat.bot_messages().iter().all(|seen| seen.button("Deny").is_none()));
}

#[test]
fn a_press_counts_once() {
    let desk = Desk::new();
    desk.say("list files");
    let asked = desk.chat.wait_for_message(|seen| seen.button("Deny").is_some());
    let data = asked.button("Deny").expect("a button").data.clone();
    desk.chat.tap(asked.id, "Deny", &desk.owner);
    let query = desk.chat.tap_stale(asked.id, &data, &desk.owner);
    desk.bot.wait_for_answer(&query);
    desk.until("the end", || (desk.ended() > 0).then_some(()));
    let answers = desk.log("work").iter().filter(|event| event["kind"] == "approval_answered").count();
    assert_eq!(answers, 1);
}

#[test]
fn a_question_is_answered_by_its_options() {
    let desk = Desk::new();
    desk.say("ask me");
    let asked = desk.chat.wait_for_message(|seen| !seen.silent && !seen.labels().is_empty());
    let label = asked.labels()[0].to_owned();
    desk.chat.tap(asked.id, &label, &desk.owner);
    // The second one takes several: they are marked, then sent.
    let several = desk.chat.wait_for_message(|seen| seen.button("Done").is_some());
    let first = several.labels()[0].to_owned();
    desk.chat.tap(several.id, &first, &desk.owner);
    desk.chat.wait_for_message(|seen| seen.button("Done").is_some() && seen.labels()[0] != first);
    desk.tap("Done");
    desk.until("the end", || (desk.ended() > 0).then_some(()));
    let log = desk.log("work");
    let answered = log.iter().find(|event| event["kind"] == "approval_answered").expect("an answer");
    assert!(answered["text"].as_str().is_some_and(|text| text.contains(&label)), "{answered}");
}
