//! Fetching and acknowledging.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Answer, BotApi, Outcome};
use super::{done, refused, start};

fn poll(api: &BotApi, parameters: &Value) -> Vec<Value> {
    done(api, "getUpdates", parameters).as_array().expect("a list of updates").clone()
}

fn texts(updates: &[Value]) -> Vec<&str> {
    updates.iter().filter_map(|update| update["message"]["text"].as_str()).collect()
}

fn id(update: &Value) -> i64 {
    update["update_id"].as_i64().expect("an update has an id")
}

#[test]
fn updates_stay_until_the_offset_passes_them() {
    let (api, anna, chat) = start();
    for text in ["one", "two", "three"] {
        chat.say(&anna, text);
    }
    let all = poll(&api, &Value::Null);
    assert_eq!(texts(&all), ["one", "two", "three"]);
    assert_eq!(texts(&poll(&api, &json!({ "limit": 2 }))), ["one", "two"]);
    assert_eq!(api.unread(), 3);
    assert_eq!(texts(&poll(&api, &json!({ "offset": id(&all[1]) }))), ["two", "three"]);
    assert_eq!(texts(&poll(&api, &json!({ "offset": 0 }))), ["two", "three"]);
    assert_eq!(texts(&poll(&api, &json!({ "offset": -1 }))), ["three"]);
    assert_eq!(api.unread(), 1);
    assert!(poll(&api, &json!({ "offset": id(&all[2]) + 1 })).is_empty());
    assert_eq!(api.unread(), 0);
}

#[test]
fn ids_may_start_anew_and_old_updates_are_forgotten() {
    let (api, anna, chat) = start();
    chat.say(&anna, "one");
    let offset = id(&poll(&api, &Value::Null)[0]) + 1;
    assert!(poll(&api, &json!({ "offset": offset })).is_empty());
    api.set_next_update_id(5);
    chat.say(&anna, "two");
    assert_eq!(id(&poll(&api, &json!({ "offset": offset }))[0]), 5, "an offset of another time means all");
    api.advance(Duration::from_secs(24 * 60 * 60));
    assert!(poll(&api, &Value::Null).is_empty());
}

#[test]
fn a_long_poll_ends_when_something_comes() {
    let (api, anna, chat) = start();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll(&api, &json!({ "timeout": 50 })));
        api.wait_for_call(|call| call.method == "getUpdates" && call.outcome == Outcome::Open);
        let at = chat.say(&anna, "hello");
        let updates = waiting.join().expect("the poll ended");
        assert_eq!(updates[0]["message"]["message_id"], at);
        assert_eq!(updates[0]["message"]["from"]["first_name"], "Anna");
        let next = json!({ "offset": id(&updates[0]) + 1, "timeout": 50 });
        let api = &api;
        let waiting = scope.spawn(move || poll(api, &next));
        chat.say(&anna, "again");
        assert_eq!(waiting.join().expect("it ended")[0]["message"]["text"], "again");
    });
}

#[test]
fn a_second_poll_ends_the_first() {
    let (api, anna, chat) = start();
    let long = json!({ "timeout": 50 });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.call("getUpdates", &long));
        api.wait_for(|calls| (calls.len() == 1 && calls[0].outcome == Outcome::Open).then_some(()));
        api.wait_read();
        let second = scope.spawn(|| api.call("GETUPDATES", &long));
        let first: Answer = first.join().expect("it was answered");
        assert_eq!(first.status, 409);
        assert!(first.description().starts_with("Conflict: terminated by other getUpdates request"));
        api.set_webhook(Some("https://example.com"));
        assert!(second.join().expect("answered").description().contains("terminated by setWebhook request"));
    });
    let words = refused(&api, "getUpdates", &Value::Null);
    assert!(words.starts_with("Conflict: can't use getUpdates method while webhook is active"), "{words}");
    assert_eq!(done(&api, "getWebhookInfo", &Value::Null)["url"], "https://example.com");
    chat.say(&anna, "kept");
    assert_eq!(done(&api, "getWebhookInfo", &Value::Null)["pending_update_count"], 1);
    assert_eq!(done(&api, "deleteWebhook", &Value::Null), true);
    assert_eq!(texts(&poll(&api, &Value::Null)), ["kept"]);
    done(&api, "setWebhook", &json!({ "url": "https://example.com", "drop_pending_updates": true }));
    assert_eq!(api.unread(), 0);
    api.set_webhook(None);
}

#[test]
fn a_bot_hears_what_it_asked_for() {
    let (api, anna, chat) = start();
    let message = chat.say(&anna, "hello");
    assert_eq!(poll(&api, &Value::Null).len(), 1);
    chat.react(message, &anna, "👍");
    assert_eq!(api.unread(), 1, "reactions are sent on request only");
    assert_eq!(poll(&api, &json!({ "offset": -1, "allowed_updates": ["message_reaction"] })).len(), 1);
    chat.react(message, &anna, "👍");
    assert_eq!(api.push_update("message", json!({})), None);
    let updates = poll(&api, &Value::Null);
    assert_eq!(updates[1]["message_reaction"]["new_reaction"][0]["emoji"], "👍");
    assert_eq!(poll(&api, &json!({ "allowed_updates": [] })).len(), 2);
    assert!(api.push_update("a_kind_to_come", json!({ "odd": true })).is_some());
    let newest = poll(&api, &json!({ "offset": -1 }));
    assert_eq!(newest[0]["a_kind_to_come"], json!({ "odd": true }));
}

#[test]
fn wait_read_waits_for_a_poll_behind_everything() {
    let (api, anna, chat) = start();
    chat.say(&anna, "hello");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let next = id(&poll(&api, &Value::Null)[0]) + 1;
            api.call("getUpdates", &json!({ "offset": next, "timeout": 50 }));
        });
        api.wait_read();
        assert_eq!(api.unread(), 0);
        chat.say(&anna, "so that the poll ends");
    });
}
