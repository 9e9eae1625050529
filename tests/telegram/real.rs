//! The main paths with the real CLI on the scripted API.

use super::desk::Desk;
use crate::support::PATIENCE;
use crate::support::bot_api::Media;
use crate::support::claude::Release;
use crate::support::home::Home;

/// A reply streams, the second turn knows the first, and the shell is in the same conversation.
fn one_conversation_from_chat_and_shell(release: Release) {
    let desk = Desk::real(release);
    desk.say("words 60 40");
    let live = desk.wait("w3");
    let whole = desk.wait("w59");
    assert_eq!(whole.id, live.id);
    desk.say("recall");
    desk.wait("I remember: words 60 40");
    let shell = desk.home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert_eq!(shell, "I remember: words 60 40 | recall\n");
    desk.wait("I remember: words 60 40 | recall");
}

fn a_command_is_approved_in_the_chat(release: Release) {
    let desk = Desk::real(release);
    desk.say("bash echo made > made.txt");
    let asked = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    assert!(asked.text.contains("echo made > made.txt"), "{asked}");
    desk.chat.tap(asked.id, "Allow once", &desk.owner);
    desk.wait("Result:");
    assert!(desk.home.project().join("made.txt").exists());
    desk.say("bash echo never > never.txt");
    let asked = desk.chat.wait_for_message(|seen| seen.id != asked.id && seen.button("Deny").is_some());
    desk.chat.tap(asked.id, "Deny", &desk.owner);
    desk.until("the end", || (desk.ended() == 2).then_some(()));
    assert!(!desk.home.project().join("never.txt").exists());
}

fn a_turn_is_stopped_in_the_chat(release: Release) {
    let desk = Desk::real(release);
    desk.say("hold never");
    desk.wait("Holding");
    desk.say("/stop");
    desk.until("the end", || (desk.ended() == 1).then_some(()));
    desk.say("hello");
    desk.wait("Echo: hello");
}

/// What is sent from the phone while the session is at a terminal waits, and is answered when it comes back.
fn a_prompt_while_it_is_handed_over(release: Release) {
    let desk = Desk::real(release);
    desk.home.settle_claude();
    desk.say("hello");
    desk.wait("Echo: hello");
    let mut terminal = desk.home.pty(&["session", "handover", "work", "--wait"], 100, 40);
    terminal.expect("(shift+tab", PATIENCE);
    desk.wait("handed over to claude on pts/");
    desk.say("meanwhile");
    desk.wait("handed over to a terminal; runs when it comes back");
    desk.home.run(&["session", "take-back", "work"]).expect_code(0);
    terminal.wait(PATIENCE);
    desk.wait("back from the terminal");
    desk.wait("Echo: meanwhile");
}

/// A picture comes in, and a file goes out.
fn a_picture_in_and_a_file_out(release: Release) {
    let desk = Desk::real(release);
    // One pixel.
    let picture = [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00,
        0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0x00, 0x05,
        0x00, 0x01, 0xff, 0x89, 0x99, 0x3d, 0x1d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42,
        0x60, 0x82,
    ];
    desk.chat.message(&desk.owner).file(Media::photo(&picture)).text("what is this?").send();
    desk.wait("what is this?");
    desk.home.write("project/report.txt", "all is well");
    desk.say(r#"tool mcp__claudebot__send_file {"path":"report.txt","caption":"the report"}"#);
    let file = desk.chat.wait_for_message(|seen| seen.by_bot && seen.file.is_some());
    assert_eq!(file.file.expect("a file").bytes.as_ref(), b"all is well");
}

/// From the token to a restored session, all of it on the phone, with the desk in the same conversation.
fn a_day_on_the_phone(release: Release) {
    let (model, home) = Home::with_claude(release);
    let mut desk = Desk::without_session(home, Some(model));
    desk.home.unset("CLAUDEBOT_TELEGRAM_TOKEN");
    desk.home.unset("CLAUDEBOT_TELEGRAM_ALLOWED_USERS");
    let project = desk.home.project().display().to_string();
    desk.home.write_config(&format!("[projects]\nhere = {project:?}\n"));
    desk.set_up();
    desk.start();

    desk.say("/new lab");
    let offer = desk.chat.wait_for_message(|seen| seen.labels().iter().any(|label| label.contains("here")));
    let here = offer.labels().into_iter().find(|label| label.contains("here")).expect("a button").to_owned();
    desk.chat.tap(offer.id, &here, &desk.owner);
    desk.tap("Switch");
    desk.say("words 40 30");
    let live = desk.wait("w3");
    assert_eq!(desk.wait("w39").id, live.id);
    let shell = desk.home.run(&["send", "-s", "lab", "hello from the desk"]).expect_code(0).stdout;
    assert_eq!(shell, "Echo: hello from the desk\n");
    desk.wait("Echo: hello from the desk");

    desk.say("bash echo made > made.txt");
    desk.tap("Allow once");
    desk.until("the file", || desk.home.project().join("made.txt").exists().then_some(()));
    desk.say("ask");
    let question = desk.chat.wait_for_message(|seen| seen.text.contains("Which colour?"));
    let colour = question.labels()[0].to_owned();
    desk.chat.tap(question.id, &colour, &desk.owner);
    desk.chat.wait_for_message(|seen| seen.text.contains("Result:") && seen.text.contains(&colour));
    desk.say("hold never");
    desk.wait("Holding");
    desk.say("/stop");
    desk.wait("stopped");

    desk.say("/archive lab");
    desk.tap("Archive");
    desk.until("the archive", || {
        let shown = desk.home.run(&["session", "show", "lab", "--json"]).expect_code(0).json();
        (shown["state"] == "archived").then_some(())
    });
    desk.tap("Restore");
    desk.until("the session", || {
        let shown = desk.home.run(&["session", "show", "lab", "--json"]).expect_code(0).json();
        (shown["state"] != "archived").then_some(())
    });
    desk.say("/session lab");
    desk.say("recall");
    let recalled = desk.wait("I remember:");
    assert!(recalled.text.contains("hello from the desk"), "{recalled}");
}

/// Everything that was said meanwhile is answered, once and in order.
fn what_was_said_while_nobody_served(release: Release) {
    let mut desk = Desk::real(release);
    desk.say("first");
    desk.wait("Echo: first");
    desk.stop();
    for text in ["second", "third"] {
        desk.say(text);
    }
    desk.start();
    desk.wait("Echo: third");
    for text in ["first", "second", "third"] {
        assert_eq!((desk.prompts("work", text), desk.count(&format!("Echo: {text}"))), (1, 1), "{text}");
    }
}

mod real_330 {
    use super::*;

    #[test]
    fn a_day_on_the_phone() {
        super::a_day_on_the_phone(Release::Newest);
    }

    #[test]
    fn what_was_said_while_nobody_served() {
        super::what_was_said_while_nobody_served(Release::Newest);
    }

    #[test]
    fn one_conversation_from_chat_and_shell() {
        super::one_conversation_from_chat_and_shell(Release::Newest);
    }

    #[test]
    fn a_command_is_approved_in_the_chat() {
        super::a_command_is_approved_in_the_chat(Release::Newest);
    }

    #[test]
    fn a_turn_is_stopped_in_the_chat() {
        super::a_turn_is_stopped_in_the_chat(Release::Newest);
    }

    #[test]
    fn a_prompt_while_it_is_handed_over() {
        super::a_prompt_while_it_is_handed_over(Release::Newest);
    }

    #[test]
    fn a_picture_in_and_a_file_out() {
        super::a_picture_in_and_a_file_out(Release::Newest);
    }
}
