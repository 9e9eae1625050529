//! Turns as they are shown: while they run, when they end well or badly, and over restarts.

use super::desk::Desk;
use crate::support::bot_api::Limits;
use crate::support::home::Home;

/// With these settings, and a session `work` that is current.
#[track_caller]
fn desk(settings: &[(&str, &str)]) -> Desk {
    let mut home = Home::new();
    for (name, value) in settings {
        home.set(name, *value);
    }
    let mut desk = Desk::without_session(home, None);
    desk.session("work");
    desk.start();
    desk.say("/session work");
    desk.wait("work");
    desk
}

#[test]
fn the_end_of_a_long_turn_rings_and_leaves_a_line() {
    let desk = desk(&[("CLAUDEBOT_TELEGRAM_RING_AFTER", "1s")]);
    desk.say("words 60 50");
    let live = desk.wait("w5");
    let whole = desk.wait("w59");
    assert!(!whole.silent && whole.id != live.id, "{whole}");
    let left = desk.chat.wait_for_message(|seen| seen.id == live.id && seen.text.contains('✓'));
    assert!(left.labels().is_empty() && !left.text.contains("w5"), "{left}");
}

#[test]
fn tools_are_shown_while_they_run_and_counted_at_the_end() {
    let desk = desk(&[]);
    desk.say("slow 3");
    let live = desk.wait("⚙");
    let whole = desk.wait("seconds have passed");
    assert_eq!(whole.id, live.id);
    assert!(whole.text.ends_with("1 tool") && !whole.text.contains('⚙'), "{whole}");
}

#[test]
fn where_everything_is_mirrored_the_desk_is_seen_at_work() {
    let desk = desk(&[("CLAUDEBOT_TELEGRAM_MIRROR", "all")]);
    let mut send = desk.home.spawn(&["send", "-s", "work", "words 60 50"]);
    let asked = desk.wait("words 60 50");
    let live = desk.wait("w5");
    assert!(asked.silent && live.silent && live.button("Stop").is_some(), "{live}");
    send.wait(crate::support::PATIENCE).expect_code(0);
    assert_eq!(desk.wait("w59").id, live.id);
}

#[test]
fn where_nothing_is_mirrored_only_trouble_is_told() {
    let desk = desk(&[("CLAUDEBOT_TELEGRAM_MIRROR", "off")]);
    desk.home.run(&["send", "-s", "work", "echo hello"]).expect_code(0);
    desk.home.run(&["send", "-s", "work", "fail"]).expect_code(1);
    let told = desk.wait("✗");
    assert!(!told.silent, "{told}");
    assert_eq!(desk.count("hello"), 0);
}

#[test]
fn what_claude_begins_comes_to_whoever_asked_last() {
    let desk = desk(&[]);
    desk.say("background 1");
    desk.wait("speak up by myself");
    let told = desk.wait("Nobody asked");
    assert!(!told.silent, "{told}");
}

#[test]
fn a_failure_rings_though_it_came_at_once() {
    let desk = desk(&[]);
    let asked = desk.say("fail");
    let told = desk.wait("✗");
    assert!(!told.silent && told.reply_to == Some(asked), "{told}");
}

#[test]
fn what_a_kill_cut_off_is_told_in_its_message_and_can_be_gone_on_with() {
    let mut desk = desk(&[]);
    desk.say("words 400 50");
    let live = desk.wait("w5");
    desk.kill();
    desk.start();
    // Whatever became of the turn, what showed it shows it no more.
    let after = desk.chat.wait_for_message(|seen| seen.id == live.id && seen.button("Stop").is_none());
    let told =
        desk.chat.wait_for_message(|seen| seen.button("Continue").is_some() || seen.text.contains("w399"));
    assert!(told.id >= after.id, "{told}");
    desk.bot.wait_for(|_| (desk.prompts("work", "words 400 50") == 1).then_some(()));
}

#[test]
fn what_the_end_cuts_off_is_told_before_it() {
    let mut desk = desk(&[]);
    desk.say("list files");
    let asked = desk.chat.wait_for_message(|seen| !seen.silent && seen.text.contains("ls"));
    desk.stop();
    let seen = desk.chat.bot_messages();
    let told = seen.iter().find(|seen| seen.button("Continue").is_some());
    assert!(told.is_some_and(|told| told.text.contains("the host ended")), "{seen:#?}");
    let settled = seen.iter().find(|seen| seen.id == asked.id).map(|seen| seen.text.clone());
    assert!(settled.is_some_and(|text| text.to_lowercase().contains("no longer needed")), "{seen:#?}");
}

#[test]
fn the_last_words_are_said_though_the_end_is_near() {
    let mut desk = desk(&[]);
    desk.say("words 40 50");
    desk.wait("w5");
    desk.stop();
    assert!(desk.chat.bot_messages().iter().any(|seen| seen.text.contains("w39")));
}

/// Much is said in a short time, and none of it too soon for Telegram.
#[test]
fn a_long_reply_and_many_short_ones_keep_to_the_limits() {
    let desk = desk(&[]);
    desk.bot.set_limits(Some(Limits::default()));
    desk.say("words 2500 4");
    desk.wait("w2499");
    for number in 0..6 {
        desk.say(&format!("echo said {number}"));
    }
    for number in 0..6 {
        desk.wait(&format!("said {number}"));
    }
    desk.assert_nothing_refused();
}

/// What says that a message waits goes as soon as it waits no more.
#[test]
fn nothing_says_that_a_message_waits_once_it_runs() {
    let mut desk = Desk::new();
    desk.say("slow 3");
    desk.wait("while");
    let second = desk.say("echo second");
    desk.chat.wait_for_message(|seen| seen.button("Take back").is_some());
    desk.wait("second");
    desk.until("the end of what said so", || {
        let seen = desk.chat.messages();
        let marked = seen.iter().any(|seen| seen.id == second && seen.reaction.is_some());
        (!marked && seen.iter().all(|seen| seen.button("Take back").is_none())).then_some(())
    });
    desk.stop();
    desk.assert_nothing_refused();
}

/// Dropped at the desk, it waits in the chat no more.
#[test]
fn what_is_dropped_at_the_desk_waits_nowhere() {
    let desk = Desk::new();
    desk.say("words 200 50");
    desk.wait("w2");
    let waits = desk.say("echo never");
    let notice = desk.chat.wait_for_message(|seen| seen.button("Take back").is_some());
    let marked = |desk: &Desk| {
        desk.chat.messages().into_iter().any(|seen| seen.id == waits && seen.reaction.is_some())
    };
    desk.until("a mark", || marked(&desk).then_some(()));
    desk.home.run(&["session", "queue", "work", "--clear"]).expect_code(0);
    let told = desk.chat.wait_for_message(|seen| seen.id == notice.id && seen.labels().is_empty());
    assert_eq!(told.text, "Taken back.");
    desk.until("no mark", || (!marked(&desk)).then_some(()));
}

/// Whoever picks a session hears that its agent cannot be started, and whoever asks it hears so again, each time once.
#[test]
fn whoever_asks_a_session_that_cannot_start_is_told() {
    let mut desk = Desk::without_session(Home::new(), None);
    desk.home.set("CLAUDEBOT_CLAUDE_PATH", "/nowhere/claude");
    desk.home.run(&["session", "new", "work", "--scratch"]).expect_code(0);
    desk.start();
    let told = |desk: &Desk| {
        let seen = desk.chat.bot_messages();
        seen.into_iter().filter(|seen| seen.text.contains("/nowhere/claude")).collect::<Vec<_>>()
    };
    desk.say("/session work");
    desk.until("words", || (!told(&desk).is_empty()).then_some(()));
    desk.say("hello");
    desk.until("words again", || (told(&desk).len() > 1).then_some(()));
    desk.say("/status");
    desk.wait("claudebot 0");
    let told = told(&desk);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told.iter().all(|seen| !seen.silent && seen.text.starts_with("work")), "{told:#?}");
}

/// `host.on_interrupted = "continue"`: whoever waits for what a crash cut off gets what became of it.
#[test]
fn what_is_gone_on_with_unasked_comes_to_whoever_asked() {
    let desk = desk(&[("CLAUDEBOT_HOST_ON_INTERRUPTED", "continue"), ("CLAUDEBOT_TELEGRAM_MIRROR", "off")]);
    let asked = desk.say("crash!");
    let told = desk.chat.wait_for_message(|seen| seen.text.contains("demo agent"));
    assert_eq!(told.reply_to, Some(asked), "{told}");
}

/// Nothing is left to be pressed, and whoever asked does not wait for ever.
#[test]
fn a_session_that_is_deleted_at_the_desk_waits_nowhere() {
    let desk = Desk::new();
    desk.say("list files");
    desk.chat.wait_for_message(|seen| seen.button("Stop").is_some());
    let asked = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    desk.home.run(&["session", "delete", "work", "--yes"]).expect_code(0);
    desk.chat.wait_for_message(|seen| seen.id == asked.id && seen.labels().is_empty());
    desk.until("the end of what runs", || {
        desk.chat.messages().iter().all(|seen| seen.button("Stop").is_none()).then_some(())
    });
}
