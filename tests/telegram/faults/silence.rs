//! Calls that get no answer at all, as when the network is gone in the middle of one.

use super::room::Room;
use crate::support::bot_api::Fault;

/// A message that hangs keeps one chat waiting, and comes once the call is given up. So does a poll.
#[test]
fn half_open_connections() {
    let room = Room::new();
    let desk = &room.desk;
    desk.chat.fail_next(1, "sendMessage", Fault::Hold("message"));
    desk.say("echo hello");
    desk.bot.wait_held("message");
    desk.bot.fail_next(1, "getUpdates", Fault::Server(502));
    desk.bot.fail_next(1, "getUpdates", Fault::Hold("poll"));
    room.serves_bob();
    desk.bot.wait_held("poll");
    desk.say("echo later");
    // What hung may have arrived when its connection ended.
    for word in ["hello", "later"] {
        desk.chat.wait_for_message(|seen| seen.text.contains(word) && seen.button("Stop").is_none());
        assert_eq!(desk.prompts("work", &format!("echo {word}")), 1);
    }
    room.serves_bob();
    let calls = desk.bot.calls_of("sendMessage");
    let own =
        calls.iter().filter(|call| call.chat == Some(desk.chat.id()) && call.text("text").contains("hello"));
    assert!(own.count() <= 2, "{}", desk.bot.summary());
}

/// The network is gone for a while, for everything.
#[test]
fn no_network() {
    let room = Room::new();
    let desk = &room.desk;
    desk.say("words 60 50");
    desk.wait("w5");
    desk.bot.go_down();
    desk.until("the end of the turn", || (desk.ended() == 1).then_some(()));
    let calls = desk.bot.calls().len();
    desk.say("echo meanwhile");
    desk.bot.come_back();
    desk.wait("w59");
    desk.wait("meanwhile");
    room.serves_bob();
    assert!(desk.bot.calls().len() < calls + 40, "{}", desk.bot.summary());
}
