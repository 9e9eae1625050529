//! `telegram setup` on a terminal: the token unseen, the first person let in.

use super::desk::Desk;
use crate::support::bot_api::Fault;
use crate::support::home::Home;

#[test]
fn from_the_token_to_the_first_person() {
    let mut desk = Desk::without_session(Home::new(), None);
    desk.home.unset("CLAUDEBOT_TELEGRAM_TOKEN");
    desk.home.unset("CLAUDEBOT_TELEGRAM_ALLOWED_USERS");
    desk.set_up();
    // The token that was kept is the one that is served.
    desk.session("work");
    desk.start();
    desk.say("/session work");
    desk.wait("work");
    let status = desk.home.run(&["telegram", "status", "--json"]).expect_code(0).json();
    assert_eq!(status["username"], desk.bot.bot_username());
}

/// `serve` was there first: it takes up the token that is kept, without being started anew, and says whose it is.
#[test]
fn beside_a_bridge_that_has_no_bot_yet() {
    let mut desk = Desk::without_session(Home::new(), None);
    desk.home.unset("CLAUDEBOT_TELEGRAM_TOKEN");
    desk.home.unset("CLAUDEBOT_TELEGRAM_ALLOWED_USERS");
    desk.serve = Some(desk.home.spawn(&["serve"]));
    desk.until("the host", || desk.home.host());
    desk.set_up();
    desk.bot.wait_read();
    desk.session("work");
    desk.say("/session work");
    desk.wait("work");
    let status = desk.home.run(&["host", "status", "--json"]).expect_code(0).json();
    assert_eq!(status["bot"]["username"], desk.bot.bot_username());
}

/// Telegram does not know the token for a moment, as it happens to it: what was said then is answered afterwards.
#[test]
fn a_token_that_is_refused_for_a_while() {
    let mut desk = Desk::without_session(Home::new(), None);
    desk.session("work");
    desk.bot.fail_next(2, "getMe", Fault::Unauthorized);
    desk.start();
    desk.say("/session work");
    desk.wait("work");
    for method in ["getUpdates", "sendMessage"] {
        desk.bot.fail_next(2, method, Fault::Unauthorized);
        desk.say(&format!("echo {method} works again"));
        desk.wait(&format!("{method} works again"));
        assert_eq!(desk.prompts("work", &format!("echo {method} works again")), 1);
    }
}

/// The bridge is begun anew with the token that the file holds by now. What was asked before can still be answered.
#[test]
fn another_token_and_back_again() {
    let mut desk = Desk::without_session(Home::new(), None);
    let file = desk.home.write("token", desk.bot.token());
    desk.home.unset("CLAUDEBOT_TELEGRAM_TOKEN");
    desk.home.set("CLAUDEBOT_TELEGRAM_TOKEN_FILE", &file);
    desk.session("work");
    desk.start();
    desk.say("/session work");
    desk.say("list files");
    let asked = desk.chat.wait_for_message(|seen| seen.button("Allow once").is_some());
    let serves = |desk: &Desk| {
        let status = desk.home.run(&["host", "status", "--json"]).expect_code(0).json();
        !status["bot"].is_null()
    };
    std::fs::write(&file, "7000000001:AAOfABotThatIsNotThereAnyMore-0123456789").expect("it is written");
    desk.until("no bot", || (!serves(&desk)).then_some(()));
    std::fs::write(&file, desk.bot.token()).expect("it is written");
    desk.until("the bot", || serves(&desk).then_some(()));
    desk.chat.tap(asked.id, "Allow once", &desk.owner);
    let settled = desk.chat.wait_for_message(|seen| seen.id == asked.id && seen.labels().is_empty());
    assert!(settled.text.contains("Allowed by"), "{settled}");
    desk.stop();
    let refused = desk.bot.refused();
    assert!(refused.iter().all(|call| call.method == "getMe"), "{refused:?}");
}

/// Without a terminal: the token comes from stdin, and nobody is let in.
#[test]
fn a_token_from_a_pipe() {
    let mut desk = Desk::without_session(Home::new(), None);
    desk.home.unset("CLAUDEBOT_TELEGRAM_TOKEN");
    desk.home.run_with_stdin(&["telegram", "setup"], "no token\n").expect_code(2);
    desk.home.run_with_stdin(&["telegram", "setup"], format!("{}\n", desk.bot.token())).expect_code(0);
    let kept = desk.home.config_dir().join("telegram-token");
    assert_eq!(std::fs::read_to_string(kept).expect("it is kept").trim(), desk.bot.token());
    desk.home.run(&["doctor"]);
}
