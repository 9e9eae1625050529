//! The stand-in checked on itself, over HTTP as a bot uses it.

mod chats;
mod faults;
mod teloxide;
mod texts;
mod updates;

use serde_json::Value;

use super::{BotApi, Chat, User};

fn start() -> (BotApi, User, Chat) {
    let api = BotApi::start().expect("loopback is there");
    let anna = api.user("Anna");
    let chat = api.private(&anna);
    (api, anna, chat)
}

/// The result of a call that is to succeed.
fn done(api: &BotApi, method: &str, parameters: &Value) -> Value {
    let answer = api.call(method, parameters);
    assert_eq!((answer.status, answer.description().as_str()), (200, ""), "{method} {parameters}");
    answer.result()
}

/// Telegram's words for a call that is to be refused.
fn refused(api: &BotApi, method: &str, parameters: &Value) -> String {
    let answer = api.call(method, parameters);
    let body = answer.json();
    assert_eq!((&body["ok"], body["error_code"].as_u64()), (&Value::Bool(false), Some(answer.status.into())));
    answer.description()
}
