//! Whatever goes wrong on the way out: nothing is lost, nothing is said over and over, and nobody else waits for it.

use super::desk::Desk;
use crate::support::bot_api::{Fault, Outcome};

/// The answer is lost after the call took effect: a second time is better than none, and enough.
#[test]
fn what_was_sent_though_nobody_said_so_comes_twice_at_most() {
    let desk = Desk::new();
    for (number, fault) in
        [Fault::LoseAnswer, Fault::HalfAnswer, Fault::Cut, Fault::Server(502)].into_iter().enumerate()
    {
        desk.bot.fail_next(1, "sendMessage", fault);
        desk.say(&format!("echo hello {number}"));
        desk.wait(&format!("hello {number}"));
        desk.say(&format!("echo after {number}"));
        desk.wait(&format!("after {number}"));
        let count = desk.count(&format!("hello {number}"));
        assert!((1..=2).contains(&count), "{number}: {count}");
    }
}

#[test]
fn without_a_network_it_is_only_later() {
    let desk = Desk::new();
    desk.say("words 40 50");
    desk.wait("w5");
    desk.bot.go_down();
    desk.until("the end", || (desk.ended() > 0).then_some(()));
    desk.bot.come_back();
    desk.wait("w39");
}

/// Calls during a wait make it longer, whatever they are for.
#[test]
fn a_chat_that_has_to_wait_is_left_alone_and_the_others_are_not() {
    let mut desk = Desk::without_session(crate::support::home::Home::new(), None);
    let other = desk.bot.user("Bob");
    let their = desk.bot.private(&other);
    let allowed = format!("{},{}", desk.owner.id, other.id);
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_USERS", allowed);
    desk.home.set("CLAUDEBOT_TELEGRAM_MIRROR", "off");
    desk.session("work");
    desk.session("other");
    desk.start();
    desk.say("/session work");
    desk.wait("work");
    their.say(&other, "/session other");
    their.wait_for_text("other");
    desk.say("words 60 50");
    let live = desk.wait("w5");
    desk.bot.forget();
    desk.chat.fail_next(1, "editMessageText", Fault::TooMany(3));
    let chat = Some(desk.chat.id());
    let refused =
        desk.bot.wait_for_call(|call| call.chat == chat && call.outcome == Outcome::Faulted(Some(429)));
    their.say(&other, "echo hello");
    their.wait_for_text("hello");
    assert_eq!(desk.wait("w59").id, live.id);
    let too_soon = desk.bot.calls().into_iter().filter(|call| {
        let waited = call.at.saturating_sub(refused.at);
        call.chat == chat && (1..2_900_000_000).contains(&waited)
    });
    assert_eq!(too_soon.count(), 0, "{}", desk.bot.summary());
}

#[test]
fn whoever_blocks_the_bot_is_heard_again_afterwards() {
    let desk = Desk::new();
    desk.say("words 40 50");
    desk.wait("w5");
    desk.chat.block_bot(&desk.owner);
    desk.until("the end", || (desk.ended() > 0).then_some(()));
    desk.chat.unblock_bot(&desk.owner);
    desk.say("echo hello");
    desk.wait("hello");
    // What was refused was sent to somebody who did not want it.
    desk.bot.forget();
}
