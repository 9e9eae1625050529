//! Which session a message goes to.

use super::desk::Desk;
use crate::support::home::Home;

#[test]
fn without_a_current_session_the_message_is_kept_until_one_is_picked() {
    let mut desk = Desk::without_session(Home::new(), None);
    desk.session("one");
    desk.start();
    desk.say("echo hello");
    let asked = desk.chat.wait_for_message(|seen| seen.labels().iter().any(|label| label.contains("one")));
    let label = asked.labels().into_iter().find(|label| label.contains("one")).expect("a button").to_owned();
    desk.chat.tap(asked.id, &label, &desk.owner);
    desk.wait("hello");
    assert_eq!(desk.prompts("one", "echo hello"), 1);
    desk.say("echo again");
    desk.wait("again");
}

#[test]
fn an_answer_to_a_message_goes_to_its_session() {
    let desk = Desk::new();
    desk.session("other");
    desk.say("echo from work");
    let from_work = desk.wait("from work");
    desk.say("/session other");
    desk.wait("other");
    desk.say("echo from other");
    desk.wait("from other");
    desk.chat.message(&desk.owner).text("echo to work").reply_to(from_work.id).send();
    desk.wait("to work");
    assert_eq!((desk.prompts("work", "echo to work"), desk.prompts("other", "echo to work")), (1, 0));
    desk.say("echo still other");
    desk.wait("still other");
    assert_eq!(desk.prompts("other", "echo still other"), 1);
}

#[test]
fn commands_answer() {
    let desk = Desk::new();
    for (command, says) in [
        ("/help", "/session"),
        ("/status", "work"),
        ("/session", "work"),
        ("/inbox", "othing waits"),
        ("/search hello", "othing"),
        ("/search sesion:work hello", "session:"),
        ("/search since:lately hello", "lately"),
        ("/history", "work"),
        ("/rules", "rule"),
        ("/persona", "default"),
        ("/session nosuch", "nosuch"),
        ("/rename work", "work"),
    ] {
        let before = desk.chat.bot_messages().len();
        desk.say(command);
        desk.chat.wait_for_message(|seen| seen.text.contains(says));
        desk.until(command, || (desk.chat.bot_messages().len() > before).then_some(()));
    }
}

/// What was said in a session leads there; a conversation that is none is told with the way to it.
#[test]
fn what_was_said_is_found() {
    let desk = Desk::new();
    desk.session("other");
    let dir = desk.home.mkdir(".claude/projects/-web");
    let id = "00000001-0000-4000-8000-000000000000";
    let line = serde_json::json!({
        "type": "user", "cwd": "/web", "message": { "role": "user", "content": "a zanzibar in plain words" },
    });
    desk.home.write(dir.join(format!("{id}.jsonl")), format!("{line}\n"));
    desk.say("echo zanzibar");
    desk.wait("zanzibar");
    let adopt = format!("claudebot session adopt {id}");
    // The conversation is read after the first answer.
    desk.until("the conversation is found", || {
        let before = desk.chat.bot_messages().len();
        desk.say("/search zanzibar");
        desk.until("an answer", || (desk.chat.bot_messages().len() > before).then_some(()));
        desk.chat.bot_messages().iter().any(|seen| seen.text.contains(&adopt)).then_some(())
    });
    let found = desk.chat.wait_for_message(|seen| seen.text.contains(&adopt));
    assert!(found.text.contains("/web") && found.text.contains("work, prompt"), "{}", found.text);
    assert!(found.labels().contains(&"work"), "{:?}", found.labels());
    desk.say("/search zanzibar role:prompt -plain session:work");
    desk.chat.wait_for_message(|seen| {
        seen.text.starts_with("zanzibar role:prompt") && !seen.text.contains(&adopt)
    });
}

#[test]
fn a_topic_is_a_place_of_its_own() {
    let mut desk = Desk::without_session(Home::new(), None);
    let group = desk.bot.forum("Team", &[desk.owner]);
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_CHATS", group.id().to_string());
    desk.session("one");
    desk.session("two");
    desk.start();
    let bot = format!("@{}", desk.bot.bot_username());
    for name in ["one", "two"] {
        let topic = group.topic(&desk.owner, name);
        group.message(&desk.owner).text(&format!("/session{bot} {name}")).in_topic(topic).send();
        group.wait_for_message(|seen| seen.thread == Some(topic) && seen.text.contains(name));
        group.message(&desk.owner).text(&format!("{bot} echo in {name}")).in_topic(topic).send();
        group
            .wait_for_message(|seen| seen.thread == Some(topic) && seen.text.contains(&format!("in {name}")));
        assert_eq!(desk.prompts(name, &format!("echo in {name}")), 1);
    }
}

/// The topic of a session that is packed away is closed, wherever that was asked for, and opened with it again. One
/// that a person has removed takes nothing with it.
#[test]
fn a_topic_goes_with_its_session() {
    let mut desk = Desk::without_session(Home::new(), None);
    let group = desk.bot.forum("Team", &[desk.owner]);
    group.make_bot_administrator(&desk.owner);
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_CHATS", group.id().to_string());
    desk.session("one");
    desk.start();
    let topic = group.topic(&desk.owner, "one");
    let say = |text: &str| group.message(&desk.owner).text(text).in_topic(topic).send();
    let bot = format!("@{}", desk.bot.bot_username());
    say(&format!("/session{bot} one"));
    group.wait_for_message(|seen| seen.thread == Some(topic) && seen.text.contains("one"));
    say(&format!("{bot} echo before"));
    group.wait_for_text("before");

    let archived = desk.home.run(&["session", "archive", "one", "--json"]).expect_code(0).json();
    desk.bot.wait_for_call(|call| call.method == "closeForumTopic" && call.took_effect());
    desk.home.run(&["session", "restore", archived["file"].as_str().expect("a file")]).expect_code(0);
    desk.bot.wait_for_call(|call| call.method == "reopenForumTopic" && call.took_effect());
    say(&format!("{bot} recall"));
    group.wait_for_message(|seen| seen.thread == Some(topic) && seen.text.contains("echo before"));

    say(&format!("{bot} words 100 40"));
    group.wait_for_text("w1");
    group.delete_topic(topic);
    let after = group.wait_for_message(|seen| seen.thread.is_none() && seen.text.contains("w99"));
    assert!(after.text.starts_with("one"), "{after}");
    // What was refused was meant for the topic.
    desk.bot.forget();
}
