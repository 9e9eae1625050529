//! Calls as Telegram gets them.

use serde_json::json;

use super::super::call::Call;
use super::*;
use crate::telegram::api::ApiError;
use crate::telegram::api::test_server::{Reply, Server};

fn over_the_wire<T>(future: impl Future<Output = T>) -> T {
    crate::telegram::api::test_server::run(future)
}

#[test]
fn buttons_and_silence_arrive() {
    over_the_wire(async {
        let mut server = Server::start().await;
        server.reply(Reply::ok(json!({ "message_id": 9 })));
        let keys = vec![Key { label: "Stop".to_owned(), press: Press { token: "t".to_owned() } }];
        let message = Message {
            rich: Rich::plain("x"),
            ring: false,
            reply_to: Some(4),
            buttons: Keyboard(vec![keys, Vec::new()]),
            note: note(),
        };
        let call = Call::send(Place { chat: -1, thread: Some(2) }, message, false);
        assert_eq!(call.carry_out(&server.api()).await, Ok(Some(9)));
        assert_eq!(
            server.seen().await.json(),
            json!({
                "chat_id": -1,
                "message_thread_id": 2,
                "text": "x",
                "link_preview_options": { "is_disabled": true },
                "disable_notification": true,
                "reply_parameters": { "message_id": 4, "allow_sending_without_reply": true },
                "reply_markup": { "inline_keyboard": [[
                    { "text": "Stop", "callback_data": "t" },
                ]] },
            })
        );
    });
}

#[test]
fn pictures_go_as_pictures_and_files_are_looked_at_when_they_go() {
    over_the_wire(async {
        let mut server = Server::start().await;
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str, content: &str| {
            let path = root.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let call = |path: std::path::PathBuf, as_document| Call::Upload {
            place: Place::chat(1),
            file: FileOut {
                name: path.file_name().unwrap().to_str().unwrap().to_owned(),
                content: FileContent::Path(path),
                caption: Rich::default(),
                ring: false,
                reply_to: None,
                buttons: Keyboard::default(),
                note: note(),
            },
            as_document,
        };
        let picture = path("a.PNG", "png");
        for (path, as_document, method) in [
            (picture.clone(), false, "sendPhoto"),
            (picture.clone(), true, "sendDocument"),
            (path("a.txt", "text"), false, "sendDocument"),
        ] {
            server.reply(Reply::ok(json!({ "message_id": 9 })));
            assert_eq!(call(path, as_document).carry_out(&server.api()).await, Ok(Some(9)));
            assert_eq!(server.seen().await.method(), method);
        }
        // A link in the place of a file, or of a directory on the way to it.
        let (link, way) = (root.path().join("link.txt"), root.path().join("way"));
        std::os::unix::fs::symlink(&picture, &link).unwrap();
        std::os::unix::fs::symlink(root.path(), &way).unwrap();
        let behind = way.join("a.PNG");
        let (empty, none) = (path("empty.txt", ""), root.path().join("none.txt"));
        for path in [link, behind, empty, none, root.path().to_owned()] {
            let error = call(path.clone(), false).carry_out(&server.api()).await.unwrap_err();
            assert!(matches!(error, ApiError::Local(_)), "{path:?} {error}");
        }
        assert!(server.is_quiet());
    });
}

#[test]
fn the_whole_way() {
    over_the_wire(async {
        let mut server = Server::start().await;
        let db = Arc::new(Db::in_memory());
        db.write(|tables| tables.adopt(42)).unwrap();
        let (outbox, orders) = Outbox::new();
        let stop = watch::Sender::new(false);
        let (api, own, stopped) = (server.api(), Arc::clone(&db), stop.subscribe());
        let task = tokio::spawn(async move {
            let call = move |call: Call| {
                let api = api.clone();
                async move { call.carry_out(&api).await }
            };
            Carrier::new(&own, call).run(orders, stopped).await;
        });
        server.reply(Reply::error(400, "Bad Request: can't parse entities: no"));
        server.reply(Reply::ok(json!({ "message_id": 9 })));
        let payload = message("x").to_json().unwrap();
        let new = NewOutgoing { place: Place::chat(1), priority: 1, key: None, payload };
        let row = db.write(|tables| tables.enqueue(&new, Timestamp::now())).unwrap();
        outbox.wake(1);
        assert_eq!(server.seen().await.method(), "sendMessage");
        assert_eq!(server.seen().await.json()["text"], "x");
        stop.send_replace(true);
        task.await.unwrap();
        assert_eq!(db.read(|tables| tables.message_of_outgoing(row)).unwrap(), Some(9));
    });
}
