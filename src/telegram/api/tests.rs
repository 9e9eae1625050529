//! The client against a server that answers well, badly, late or not at all.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;
use teloxide_core::types::{InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity};

use super::answers::{Done, RemoteFile, Sent};
use super::methods::{
    AnswerCallbackQuery, GetMe, GetUpdates, Reaction, ReplyTo, SendMessage, SetMessageReaction, no_preview,
};
use super::test_server::{Reply, SECRET, Server, run};
use super::*;
use crate::error::Error;

fn message() -> SendMessage {
    SendMessage {
        chat_id: -100_123,
        message_thread_id: Some(7),
        text: "bold".to_owned(),
        entities: vec![MessageEntity::bold(0, 4)],
        link_preview_options: Some(no_preview()),
        disable_notification: true,
        reply_parameters: Some(ReplyTo::message(5)),
        reply_markup: Some(InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Yes", "token")]])),
    }
}

/// The outcome of one call that is answered so.
fn answered(reply: Reply) -> Result<Sent, ApiError> {
    run(async {
        let server = Server::start().await;
        server.reply(reply);
        server.api().call(&message()).await
    })
}

#[test]
fn a_call_goes_out_as_telegram_wants_it() {
    run(async {
        let mut server = Server::start().await;
        server.reply(Reply::ok(json!({ "message_id": 9, "something": { "new": true } })));
        assert_eq!(server.api().call(&message()).await, Ok(Sent { message_id: 9 }));
        let seen = server.seen().await;
        assert!(
            seen.head.starts_with(&format!("POST /bot42:{SECRET}/sendMessage HTTP/1.1\r\n")),
            "{}",
            seen.head
        );
        let wanted = json!({
            "chat_id": -100_123,
            "message_thread_id": 7,
            "text": "bold",
            "entities": [{ "type": "bold", "offset": 0, "length": 4 }],
            "link_preview_options": { "is_disabled": true },
            "disable_notification": true,
            "reply_parameters": { "message_id": 5, "allow_sending_without_reply": true },
            "reply_markup": { "inline_keyboard": [[{ "text": "Yes", "callback_data": "token" }]] },
        });
        assert_eq!(seen.json(), wanted);
        assert_eq!(serde_json::from_value::<SendMessage>(wanted).unwrap(), message());
    });
}

#[test]
fn what_is_not_set_is_not_sent() {
    run(async {
        let mut server = Server::start().await;
        let api = server.api();
        server.reply(Reply::ok(json!(true)));
        let answer = AnswerCallbackQuery { callback_query_id: "q".to_owned(), ..Default::default() };
        assert_eq!(api.call(&answer).await, Ok(Done));
        assert_eq!(server.seen().await.json(), json!({ "callback_query_id": "q" }));
        server.reply(Reply::ok(json!(true)));
        let reaction = Reaction::Emoji { emoji: "👀".to_owned() };
        let react = SetMessageReaction { chat_id: 1, message_id: 2, reaction: vec![reaction] };
        assert_eq!(api.call(&react).await, Ok(Done));
        assert_eq!(
            server.seen().await.json(),
            json!({ "chat_id": 1, "message_id": 2, "reaction": [{ "type": "emoji", "emoji": "👀" }] })
        );
        server.reply(Reply::ok(json!([{ "update_id": 1, "hologram": {} }])));
        let poll = GetUpdates { offset: None, limit: 100, timeout: 1, allowed_updates: &["message"] };
        assert_eq!(api.poll(&poll).await.unwrap(), [json!({ "update_id": 1, "hologram": {} })]);
        assert_eq!(
            server.seen().await.json(),
            json!({ "limit": 100, "timeout": 1, "allowed_updates": ["message"] })
        );
    });
}

#[test]
fn the_librarys_own_payloads_can_be_called_too() {
    use teloxide_core::payloads::PinChatMessage;
    use teloxide_core::types::{ChatId, MessageId};
    run(async {
        let mut server = Server::start().await;
        server.reply(Reply::ok(json!(true)));
        let pin = PinChatMessage::new(ChatId(1), MessageId(2));
        assert!(server.api().call(&pin).await.is_ok());
        assert_eq!(server.seen().await.json(), json!({ "chat_id": 1, "message_id": 2 }));
    });
}

#[test]
fn a_server_of_ones_own_may_lie_deeper() {
    run(async {
        let mut server = Server::start().await;
        for base in ["/tg/api", "/tg/api/"] {
            server.reply(Reply::ok(json!({ "id": 42, "username": "a_bot", "is_bot": true })));
            let api = Api::new(Server::token(), &format!("{}{base}", server.url)).unwrap();
            let me = api.call(&GetMe {}).await.unwrap();
            assert_eq!((me.id, me.username.as_str(), me.has_topics_enabled), (42, "a_bot", false));
            let head = server.seen().await.head;
            assert!(head.starts_with(&format!("POST /tg/api/bot42:{SECRET}/getMe HTTP")), "{head}");
        }
    });
    assert!(Api::new(Server::token(), "https://api.telegram.org").is_ok());
    for address in ["localhost:80", "file:///x", "mailto:x", "https://", ""] {
        let error = Api::new(Server::token(), address).unwrap_err();
        assert!(error.message.starts_with("`telegram.api_url` is no usable address"), "{error}");
    }
}

#[test]
fn refusals_keep_their_parameters_whatever_comes_with_them() {
    let refusal = |parameters| {
        let body = json!({ "ok": false, "error_code": 400, "description": "x", "parameters": parameters });
        answered(Reply::Text(400, body.to_string())).unwrap_err()
    };
    let wait = ApiError::RetryAfter(Duration::from_secs(31));
    assert_eq!(refusal(json!({ "retry_after": 31, "something_new": [1] })), wait);
    assert_eq!(refusal(json!({ "migrate_to_chat_id": -100_777 })), ApiError::Migrated(-100_777));
    assert_eq!(refusal(json!({ "something_new": 1 })), ApiError::Refused("x".to_owned()));
    assert_eq!(answered(Reply::error(401, "Unauthorized")), Err(ApiError::Unauthorized));
}

#[test]
fn trouble_of_the_server_is_told_at_once() {
    // The library would sleep ten seconds here, and forget the status.
    let begun = std::time::Instant::now();
    let html = "<html><head><title>502 Bad Gateway</title></head></html>";
    assert_eq!(answered(Reply::Text(502, html.to_owned())), Err(ApiError::Server { status: 502 }));
    assert_eq!(answered(Reply::error(500, "Internal Server Error")), Err(ApiError::Server { status: 500 }));
    assert_eq!(answered(Reply::Text(413, "<html>".to_owned())), Err(ApiError::TooLarge));
    assert!(begun.elapsed() < Duration::from_secs(9));
}

/// A proxy, a hotel's login page: nothing that Telegram said, so nothing that ends a message.
#[test]
fn what_answers_in_telegrams_place_refuses_nothing() {
    for status in [200, 301, 302, 400, 401, 403, 404, 405, 407, 409] {
        for body in ["", "hello", "<html><h1>404 Not Found</h1></html>", "[1]"] {
            let error = answered(Reply::Text(status, body.to_owned())).unwrap_err();
            let why = format!("something else answers in its place (HTTP {status})");
            assert_eq!(error, ApiError::Network { maybe_done: false, why }, "{status} {body}");
        }
    }
    for body in [r#"{"error":"no such site"}"#, r#"{"ok":"perhaps"}"#] {
        let error = answered(Reply::Text(404, body.to_owned())).unwrap_err();
        assert!(matches!(error, ApiError::Network { maybe_done: false, .. }), "{body}: {error}");
    }
    let wait = ApiError::RetryAfter(Duration::from_secs(5));
    assert_eq!(answered(Reply::Text(429, "<html>".to_owned())), Err(wait));
}

#[test]
fn an_answer_that_cannot_be_read_says_where_and_not_what() {
    for (reply, words) in [
        (Reply::Text(200, r#"{"ok":tr"#.to_owned()), "HTTP 200, at byte 8 of line 1"),
        (Reply::ok(json!({ "text": "hello" })), "the result is not what was expected, at byte 16 of line 1"),
        (
            Reply::Text(200, r#"{"ok":true}"#.to_owned()),
            "the result is not what was expected, at byte 4 of line 1",
        ),
    ] {
        let error = answered(reply).unwrap_err();
        assert_eq!(error, ApiError::Garbled(words.to_owned()));
        assert!(error.is_maybe_done());
    }
}

#[test]
fn a_lost_connection_says_whether_it_may_have_been_done() {
    let nobody = run(async {
        let server = Server::start().await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop((server, listener));
        Api::new(Server::token(), &url).unwrap().call(&message()).await.unwrap_err()
    });
    assert!(
        matches!(&nobody, ApiError::Network { maybe_done: false, why } if why.contains("refused")),
        "{nobody}"
    );
    for reply in [Reply::Cut, Reply::Half(json!({ "ok": true, "result": { "message_id": 9 } }).to_string())] {
        let error = answered(reply).unwrap_err();
        assert!(matches!(error, ApiError::Network { maybe_done: true, .. }), "{error}");
    }
    let done = json!({ "ok": true, "result": { "message_id": 9 } }).to_string();
    for reply in [None, Some(Reply::Stall(done))] {
        let late = run(async {
            let server = Server::start().await;
            reply.into_iter().for_each(|reply| server.reply(reply));
            server.api().call_within(&message(), Duration::from_millis(100)).await.unwrap_err()
        });
        let why = "it did not answer in time".to_owned();
        assert_eq!(late, ApiError::Network { maybe_done: true, why });
    }
}

#[test]
fn the_token_is_in_no_text() {
    let echo = format!("no method bot42:{SECRET}/x, nor {SECRET}");
    let mut errors = vec![
        answered(Reply::error(400, &echo)).unwrap_err(),
        answered(Reply::error(403, &echo)).unwrap_err(),
        answered(Reply::error(409, &echo)).unwrap_err(),
        answered(Reply::error(404, &echo)).unwrap_err(),
        answered(Reply::Text(200, echo.clone())).unwrap_err(),
        answered(Reply::ok(json!(echo))).unwrap_err(),
        answered(Reply::Cut).unwrap_err(),
        answered(Reply::Half(echo.clone())).unwrap_err(),
    ];
    run(async {
        let api = Api::new(Server::token(), "http://127.0.0.1:1").unwrap();
        errors.push(api.call(&message()).await.unwrap_err());
        let root = tempfile::tempdir().unwrap();
        let file = RemoteFile { file_id: String::new(), file_size: None, file_path: Some("a".to_owned()) };
        errors.push(api.download(&file, &root.path().join("a"), 10).await.unwrap_err());
        let upload = Upload::new(FileKind::Photo, 1, "a".to_owned(), Content::Bytes(vec![0]));
        errors.push(api.upload(upload).await.unwrap_err());
        assert_eq!(format!("{api:?} {}", api.token()), "Api(Token(42:…)) 42:…");
        assert!(!format!("{api:#?}").contains(SECRET));
    });
    for error in errors {
        let text = format!("{error} {error:?} {:?}", Error::from(error.clone()));
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn a_document_goes_out_with_all_that_belongs_to_it() {
    run(async {
        let mut server = Server::start().await;
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        std::fs::write(&path, "the content").unwrap();
        let content = Content::File { file: std::fs::File::open(&path).unwrap(), bytes: 11 };
        let upload = Upload {
            message_thread_id: Some(3),
            caption: "here".to_owned(),
            caption_entities: vec![MessageEntity::bold(0, 4)],
            disable_notification: true,
            reply_parameters: Some(ReplyTo::message(8)),
            ..Upload::new(FileKind::Document, 5, "a \"b\"\r\n.txt".to_owned(), content)
        };
        server.reply(Reply::ok(json!({ "message_id": 1 })));
        assert_eq!(server.api().upload(upload).await, Ok(Sent { message_id: 1 }));
        let seen = server.seen().await;
        assert_eq!(seen.method(), "sendDocument");
        let body = String::from_utf8(seen.body).unwrap();
        for part in [
            "name=\"chat_id\"\r\n\r\n5\r\n",
            "name=\"message_thread_id\"\r\n\r\n3\r\n",
            "name=\"caption\"\r\n\r\nhere\r\n",
            "name=\"caption_entities\"\r\n\r\n[{\"type\":\"bold\",\"offset\":0,\"length\":4}]\r\n",
            "name=\"disable_notification\"\r\n\r\ntrue\r\n",
            "name=\"reply_parameters\"\r\n\r\n{\"message_id\":8,\"allow_sending_without_reply\":true}\r\n",
            "name=\"document\"; filename=",
            "\r\n\r\nthe content\r\n",
        ] {
            assert!(body.contains(part), "{part} is not in {body}");
        }
        // A name cannot end its line and begin a header.
        assert!(!body.contains("\r\n.txt"), "{body}");
        let photo = Upload::new(FileKind::Photo, 5, "p.png".to_owned(), Content::Bytes(b"png".to_vec()));
        server.reply(Reply::error(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"));
        let refused = "Bad Request: PHOTO_INVALID_DIMENSIONS".to_owned();
        assert_eq!(server.api().upload(photo).await, Err(ApiError::Refused(refused)));
        assert_eq!(server.seen().await.method(), "sendPhoto");
    });
}

fn remote(path: &str, size: Option<u64>) -> RemoteFile {
    RemoteFile { file_id: "f".to_owned(), file_size: size, file_path: Some(path.to_owned()) }
}

#[test]
fn a_file_is_fetched_to_a_private_place() {
    run(async {
        let mut server = Server::start().await;
        let root = tempfile::tempdir().unwrap();
        let to = root.path().join("f");
        server.reply(Reply::Bytes(vec![7; 100_000]));
        assert_eq!(
            server.api().download(&remote("documents/a b.txt", None), &to, 100_000).await,
            Ok(100_000)
        );
        let head = server.seen().await.head;
        assert!(head.starts_with(&format!("GET /file/bot42:{SECRET}/documents/a%20b.txt HTTP")), "{head}");
        assert_eq!(std::fs::read(&to).unwrap(), vec![7; 100_000]);
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        // What lies there already is not overwritten, and not removed either.
        let again = server.api().download(&remote("a", None), &to, 100_000).await.unwrap_err();
        assert!(matches!(again, ApiError::Local(_)), "{again}");
        assert!(to.exists() && server.is_quiet());
    });
}

#[test]
fn a_file_that_does_not_come_whole_leaves_nothing() {
    run(async {
        let mut server = Server::start().await;
        let root = tempfile::tempdir().unwrap();
        let to = root.path().join("f");
        let api = server.api();
        server.reply(Reply::Bytes(vec![7; 100_000]));
        assert_eq!(api.download(&remote("a", None), &to, 99_999).await, Err(ApiError::TooLarge));
        server.reply(Reply::Half("x".repeat(1000)));
        assert!(matches!(api.download(&remote("a", None), &to, 9999).await, Err(ApiError::Network { .. })));
        server.reply(Reply::error(404, "Not Found"));
        assert!(matches!(api.download(&remote("a", None), &to, 9999).await, Err(ApiError::Refused(_))));
        for _ in 0..3 {
            server.seen().await;
        }
        // These need no call to be refused.
        assert_eq!(api.download(&remote("a", Some(10_000)), &to, 9999).await, Err(ApiError::TooLarge));
        for path in ["", "../x", "a/../../x", "/etc/passwd", "a//b", "."] {
            let refused = api.download(&remote(path, None), &to, 9999).await;
            assert!(matches!(refused, Err(ApiError::Refused(_))), "{path}");
        }
        assert!(server.is_quiet());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    });
}
