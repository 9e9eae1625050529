//! What may be sent, and what is refused.

use serde_json::{Value, json};

use super::{done, refused, start};

/// A message to Anna with one entity or more.
fn marked(chat: i64, text: &str, entities: &[(&str, i64, i64)]) -> Value {
    let entities: Vec<_> = entities
        .iter()
        .map(|(kind, offset, length)| json!({ "type": kind, "offset": offset, "length": length }))
        .collect();
    json!({ "chat_id": chat, "text": text, "entities": entities })
}

#[test]
fn texts_have_a_length() {
    let (api, _, chat) = start();
    let send = |text: &str| refused(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": text }));
    assert_eq!(send(""), "Bad Request: message text is empty");
    assert_eq!(send(" \n\t "), "Bad Request: text must be non-empty");
    assert_eq!(send(&"a".repeat(4097)), "Bad Request: message is too long");
    assert_eq!(send(&"😀".repeat(2049)), "Bad Request: message is too long", "UTF-16 units count");
    done(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": "😀".repeat(2048) }));
    done(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": format!("{}   ", "a".repeat(4096)) }));
    let words =
        refused(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": "a", "parse_mode": "HTML" }));
    assert!(words.contains("no parse_mode"), "{words}");
    let words = refused(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": "a", "entites": [] }));
    assert!(words.contains("no parameter entites of sendMessage"), "{words}");
}

#[test]
fn entities_are_within_the_text() {
    let (api, _, chat) = start();
    let send = |text: &str, entities: &[(&str, i64, i64)]| {
        let words = refused(&api, "sendMessage", &marked(chat.id(), text, entities));
        words.strip_prefix("Bad Request: ").expect("a bad request").to_owned()
    };
    assert_eq!(
        send("abc", &[("bold", 1, 3)]),
        "entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 4"
    );
    assert_eq!(send("abc", &[("bold", 4, 1)]), "entity begins after the end of the text at UTF-16 offset 4");
    assert_eq!(
        send("a😀b", &[("bold", 2, 2)]),
        "entity begins in a middle of a UTF-16 symbol at byte offset 5"
    );
    assert_eq!(
        send("a😀b", &[("bold", 0, 2)]),
        "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 5"
    );
    assert_eq!(send("abc", &[("bold", 1, 0)]), "receive an entity with incorrect length 0");
    assert_eq!(send("abc", &[("bold", -1, 2)]), "receive an entity with incorrect offset -1");
    assert_eq!(send("abc", &[("loud", 0, 1)]), "can't parse MessageEntity: Unsupported type specified");
    assert_eq!(send(&"a".repeat(300), &[("bold", 0, 1); 101]), "ENTITIES_TOO_LONG");
    let link = json!([{ "type": "text_link", "offset": 0, "length": 1, "url": "http://localhost:80/" }]);
    assert_eq!(
        refused(&api, "sendMessage", &json!({ "chat_id": chat.id(), "text": "abc", "entities": link })),
        "Bad Request: entity URL 'http://localhost:80/' is invalid: Wrong HTTP URL"
    );
}

#[test]
fn entities_nest_or_stay_apart() {
    let (api, _, chat) = start();
    for wrong in [
        &[("bold", 0, 3), ("italic", 2, 3)][..],
        &[("pre", 0, 5), ("bold", 1, 2)],
        &[("bold", 0, 5), ("code", 1, 2)],
        &[("blockquote", 0, 5), ("expandable_blockquote", 1, 2)],
    ] {
        let words = refused(&api, "sendMessage", &marked(chat.id(), "a text", wrong));
        assert!(words.starts_with("Bad Request: can't parse entities: "), "{wrong:?}: {words}");
    }
    for right in [
        &[("bold", 0, 5), ("italic", 0, 5), ("underline", 1, 2)][..],
        &[("blockquote", 0, 5), ("code", 1, 2), ("bold", 3, 2)],
        &[("bold", 0, 2), ("code", 2, 2)],
    ] {
        let sent = done(&api, "sendMessage", &marked(chat.id(), "a text", right));
        assert_eq!(sent["entities"].as_array().map(Vec::len), Some(right.len()));
    }
}

#[test]
fn entities_move_with_the_white_space_that_goes() {
    let (api, _, chat) = start();
    done(&api, "sendMessage", &marked(chat.id(), "  \r\n a\tb c  ", &[("bold", 5, 3), ("code", 8, 3)]));
    let seen = chat.wait_for_text("a");
    assert_eq!(seen.text, "a b c");
    assert_eq!(seen.marked("bold"), ["a b"]);
    assert_eq!(seen.marked("code"), [" c"]);
    assert_eq!((seen.entities[0].offset, seen.entities[0].length), (0, 3));
    assert_eq!((&seen.entities[0].url, &seen.entities[0].language), (&None, &None));
}

#[test]
fn keyboards_have_sizes() {
    let (api, _, chat) = start();
    let send = |row: Value| {
        let markup = json!({ "inline_keyboard": row });
        let message = json!({ "chat_id": chat.id(), "text": "a", "reply_markup": markup });
        api.call("sendMessage", &message).description()
    };
    let button = |data: &str| json!({ "text": "b", "callback_data": data });
    let unreadable = "Bad Request: can't parse inline keyboard button: ";
    assert_eq!(send(json!([[button(&"a".repeat(64))]])), "");
    assert_eq!(send(json!([[button(&"a".repeat(65))]])), "Bad Request: BUTTON_DATA_INVALID");
    assert_eq!(send(json!([[button(&"ä".repeat(33))]])), "Bad Request: BUTTON_DATA_INVALID", "bytes count");
    assert!(send(json!([[button("")]])).starts_with(unreadable));
    assert!(send(json!([[{ "callback_data": "a" }]])).starts_with(unreadable));
    assert!(send(json!([button("a")])).contains("must be an Array of Arrays"));
    assert_eq!(send(json!([vec![button("a"); 9]])), "Bad Request: reply markup is too long");
    assert_eq!(send(json!(vec![vec![button("a")]; 100])), "");
    assert_eq!(send(json!(vec![vec![button("a")]; 101])), "Bad Request: reply markup is too long");
    let local = json!([[{ "text": "b", "url": "http://localhost" }]]);
    assert!(send(local).contains("inline keyboard button URL 'http://localhost' is invalid"));
    assert_eq!(send(json!([[{ "text": "b", "url": "https://example.com" }]])), "");
    let last = chat.messages().pop().expect("it was sent");
    assert_eq!(last.buttons[0][0].url.as_deref(), Some("https://example.com"));
}

#[test]
fn commands_have_limits() {
    let (api, ..) = start();
    let set = |name: &str, description: &str| {
        let commands = json!([{ "command": name, "description": description }]);
        api.call("setMyCommands", &json!({ "commands": commands })).description()
    };
    assert_eq!(set("stop", "Stops the turn"), "");
    assert_eq!(done(&api, "getMyCommands", &Value::Null)[0]["command"], "stop");
    assert_eq!(set("Stop", "a"), "Bad Request: BOT_COMMAND_INVALID");
    assert_eq!(set("stop", " "), "Bad Request: command description must be non-empty");
    assert!(set(&"a".repeat(33), "a").contains("must not exceed 32"));
    assert!(set("a", &"a".repeat(257)).contains("must not exceed 256"));
    let many = json!({ "commands": vec![json!({ "command": "a", "description": "b" }); 101] });
    assert_eq!(refused(&api, "setMyCommands", &many), "Bad Request: BOT_COMMANDS_TOO_MUCH");
    let scope = json!({ "scope": { "type": "all_group_chats" } });
    assert_eq!(done(&api, "getMyCommands", &scope), json!([]));
    assert_eq!(done(&api, "deleteMyCommands", &Value::Null), true);
    assert_eq!(done(&api, "getMyCommands", &Value::Null), json!([]));
}

#[test]
fn parameters_come_in_any_form() {
    let (api, _, chat) = start();
    let token = api.token();
    let query = format!("/bot{token}/sendmessage?chat_id={}&text=one+%26%201", chat.id());
    assert_eq!(api.request(&query, "", b"").result()["text"], "one & 1");
    let form = format!("chat_id={}&text=12&disable_notification=true", chat.id());
    let target = format!("/bot{token}/SendMessage");
    let sent = api.request(&target, "application/x-www-form-urlencoded", form.as_bytes());
    assert_eq!(sent.result()["text"], "12");
    assert!(chat.messages()[1].silent && !chat.messages()[0].silent);
    let nested = json!({ "chat_id": chat.id().to_string(), "text": "a", "entities": "[{\"type\":\"bold\",\"offset\":0,\"length\":1}]" });
    assert_eq!(done(&api, "sendMessage", &nested)["entities"][0]["type"], "bold");
    assert_eq!(api.request("/botwrong:token/getMe", "", b"").status, 401);
    assert_eq!(api.request("/elsewhere", "", b"").status, 404);
    assert_eq!(api.request(&target, "application/json", b"{").status, 400);
    assert_eq!(refused(&api, "sendTelegram", &Value::Null), "Not Found: method not found");
    assert_eq!(api.calls().last().expect("it was noted").method, "sendTelegram");
}
