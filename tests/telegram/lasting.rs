//! Nothing is lost, whatever ends.

use super::desk::Desk;
use crate::support::bot_api::Fault;

#[test]
fn what_was_said_while_nobody_served_is_answered_later() {
    let mut desk = Desk::new();
    desk.say("echo first");
    desk.wait("first");
    desk.stop();
    for text in ["echo second", "echo third"] {
        desk.say(text);
    }
    desk.start();
    desk.wait("second");
    desk.wait("third");
    for text in ["echo first", "echo second", "echo third"] {
        assert_eq!(desk.prompts("work", text), 1, "{text}");
    }
}

#[test]
fn a_reply_that_was_not_delivered_is_delivered_later() {
    let mut desk = Desk::new();
    desk.bot.fail_next(usize::MAX, "sendMessage", Fault::Server(500));
    desk.say("echo hello");
    desk.until("the end", || (desk.ended() > 0).then_some(()));
    desk.kill();
    desk.bot.heal();
    desk.start();
    desk.wait("hello");
    assert_eq!(desk.count("hello"), 1);
}

/// A hotel's network that wants to be logged in to first, a proxy that has lost its way.
#[test]
fn what_something_else_answers_in_telegrams_place_loses_nothing() {
    let desk = Desk::new();
    for (number, (status, body)) in
        [(404, "<html>Not Found</html>"), (200, "<html>Log in</html>"), (400, "")].into_iter().enumerate()
    {
        desk.bot.fail_next(2, "sendMessage", Fault::Answer(status, body));
        desk.say(&format!("echo hello {number}"));
        desk.wait(&format!("hello {number}"));
        assert_eq!(desk.count(&format!("hello {number}")), 1);
    }
}

#[test]
fn a_killed_bridge_answers_each_message_once() {
    let mut desk = Desk::new();
    for round in 0..6 {
        let texts: Vec<_> = (0..4).map(|n| format!("echo r{round}n{n}")).collect();
        for (n, text) in texts.iter().enumerate() {
            desk.say(text);
            if n == round % 4 {
                desk.kill();
                desk.start();
            }
        }
        for text in &texts {
            let said = text.trim_start_matches("echo ");
            desk.wait(said);
            assert_eq!(desk.prompts("work", text), 1, "{text}");
            assert!((1..=2).contains(&desk.count(said)), "{said}: {}", desk.count(said));
        }
    }
}

/// The bridge takes over from a host in the background, and what runs there ends well.
#[test]
fn serve_takes_over_from_the_background() {
    let mut desk = Desk::without_session(crate::support::home::Home::new(), None);
    desk.session("work");
    let mut send = desk.home.spawn(&["send", "-s", "work", "words 40 50"]);
    send.expect_stdout("w3", crate::support::PATIENCE);
    desk.start();
    let said = send.wait(crate::support::PATIENCE).expect_code(0).stdout;
    assert!(said.ends_with("w39\n"), "{said}");
    let status = desk.home.run(&["host", "status", "--json"]).expect_code(0).json();
    assert_eq!(status["mode"], "serve");
    // A second one is refused with words.
    let second = desk.home.run(&["serve"]).expect_code(1);
    assert!(second.stderr.contains("already"), "{}", second.stderr);
}

#[test]
fn without_a_token_the_shell_is_served() {
    let mut desk = Desk::without_session(crate::support::home::Home::new(), None);
    desk.home.unset("CLAUDEBOT_TELEGRAM_TOKEN");
    desk.session("work");
    // On a terminal, where the log is seen.
    let mut serve = desk.home.pty(&["serve"], 100, 30);
    serve.expect("telegram setup", crate::support::PATIENCE);
    assert_eq!(desk.home.run(&["send", "-s", "work", "echo hello"]).expect_code(0).stdout, "hello\n");
    serve.send("\x03");
    serve.wait(crate::support::PATIENCE).expect_code(0);
}
