use serde_json::{Value, json};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;

use super::*;
use crate::error::Kind;
use crate::host::outbox::{SharedPush, Unsubscribed};
use crate::ipc::{HostFrame, PROTOCOL, Push, Response, StopWhen};
use crate::model::Live;

/// The client's end of a served connection, line by line, and the supervisor's end of its requests.
struct Scene {
    reader: FrameReader<OwnedReadHalf>,
    writer: FrameWriter<OwnedWriteHalf>,
    requests: mpsc::Receiver<Inbound>,
    serving: JoinHandle<()>,
}

fn hello(protocol: u32) -> Hello {
    Hello { claudebot: "0.0.1".to_owned(), protocol, client: "cli".to_owned(), inside: None }
}

impl Scene {
    fn new() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (sender, requests) = mpsc::channel(16);
        let serving = tokio::spawn(serve(theirs, sender));
        let (read, write) = ours.into_split();
        Self { reader: FrameReader::new(read), writer: FrameWriter::new(write), requests, serving }
    }

    async fn greeted(hello: Hello) -> Self {
        let mut scene = Self::new();
        scene.say(&json!(hello).to_string()).await;
        assert_eq!(scene.hear::<Welcome>().await.protocol, PROTOCOL);
        scene
    }

    async fn say(&mut self, line: &str) {
        self.writer.push_parts(&[line.as_bytes()]);
        self.writer.flush().await.unwrap();
    }

    async fn hear<T: serde::de::DeserializeOwned>(&mut self) -> T {
        self.reader.frame().await.unwrap().expect("the connection is open")
    }

    async fn hear_error(&mut self) -> (u64, Error) {
        match self.hear().await {
            HostFrame::Error { id, error } => (id, error),
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&mut self, id: u64) -> Inbound {
        self.say(&format!(r#"{{"id":{id},"request":{{"type":"host_status"}}}}"#)).await;
        self.requests.recv().await.unwrap()
    }

    async fn assert_alive(&mut self) {
        let inbound = self.ask(77).await;
        assert_eq!((inbound.id, &inbound.request), (77, &Request::HostStatus));
        inbound.reply.ok(Response::Done);
        assert_eq!(self.hear::<HostFrame>().await, HostFrame::Ok { id: 77, response: Response::Done });
    }

    /// The next frame after those that a reader who was too slow still gets.
    async fn hear_past(&mut self, passed: &HostFrame) -> (usize, HostFrame) {
        for n in 0.. {
            let frame = self.hear::<HostFrame>().await;
            if frame != *passed {
                return (n, frame);
            }
        }
        unreachable!()
    }
}

fn delta(text: &str) -> Push {
    Push::Live(Live::Delta { block: 3, text: text.to_owned() })
}

#[tokio::test]
async fn requests_reach_the_supervisor_and_answers_the_client() {
    for protocol in [PROTOCOL, PROTOCOL - 1] {
        let mut scene = Scene::greeted(hello(protocol)).await;
        scene.assert_alive().await;
        let inbound = scene.ask(2).await;
        assert_eq!(inbound.client.protocol, protocol);
        inbound.reply.error(Error::not_found("no such session"));
        assert_eq!(scene.hear_error().await, (2, Error::not_found("no such session")));
    }
}

#[tokio::test]
async fn another_release_may_only_ask_the_host_to_go() {
    for protocol in [PROTOCOL - 2, PROTOCOL + 1] {
        let mut scene = Scene::new();
        scene.say(&json!(hello(protocol)).to_string()).await;
        let refused = scene.hear::<Welcome>().await.error.unwrap();

        scene.say(r#"{"id":5,"request":{"type":"host_status"}}"#).await;
        assert_eq!(scene.hear_error().await, (5, refused));

        scene.say(std::str::from_utf8(FROZEN_STOP).unwrap()).await;
        let inbound = scene.requests.recv().await.unwrap();
        assert_eq!(inbound.request, Request::HostStop { when: StopWhen::WhenIdle });
        inbound.reply.ok(Response::Done);
        assert_eq!(scene.hear::<HostFrame>().await, HostFrame::Ok { id: 1, response: Response::Done });
        assert!(!scene.serving.is_finished(), "the client waits for the end of the connection");
    }
}

#[tokio::test]
async fn a_greeting_that_is_none_is_answered() {
    let mut scene = Scene::new();
    scene.say("GET / HTTP/1.1").await;
    let error = scene.hear::<Welcome>().await.error.unwrap();
    assert!(error.message.contains("GET / HTTP"), "{error}");
    assert!(scene.reader.line().await.unwrap().is_none());
}

#[tokio::test]
async fn garbage_is_answered_and_the_connection_goes_on() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    for (line, id, words) in [
        ("garbage", 0, "garbage"),
        ("[1,2]", 0, "[1,2]"),
        (r#"{"id":4}"#, 4, "missing field `request`"),
        (r#"{"id":5,"request":{"type":"dance"}}"#, 5, "this host knows no request `dance`"),
        (
            r#"{"id":6,"request":{"type":"log","limit":1}}"#,
            6,
            "the request `log` is malformed: missing field",
        ),
        (r#"{"id":7,"request":{"type":"queue_run","session":{"dance":1}}}"#, 7, "the request `queue_run` is"),
        (r#"{"id":-8,"request":{"type":"host_status"}}"#, 0, "invalid value"),
    ] {
        scene.say(line).await;
        let (of, error) = scene.hear_error().await;
        assert_eq!((of, error.kind), (id, Kind::Usage), "{line}");
        assert!(error.message.contains(words), "{line}: {error}");
    }
    scene.assert_alive().await;
}

#[tokio::test]
async fn local_requests_are_refused_from_elsewhere() {
    let bridge = Hello { client: "telegram".to_owned(), ..hello(PROTOCOL) };
    let inside = Hello { inside: Some("work".to_owned()), ..hello(PROTOCOL) };
    let newer_inside = Hello { protocol: PROTOCOL + 1, ..inside.clone() };
    for (hello, words) in
        [(bridge, "from telegram"), (inside, "from inside session work"), (newer_inside, "session work")]
    {
        let newer = hello.protocol > PROTOCOL;
        let mut scene = Scene::greeted(hello).await;
        scene.say(std::str::from_utf8(FROZEN_STOP).unwrap()).await;
        let (id, error) = scene.hear_error().await;
        assert_eq!((id, error.kind), (1, Kind::Denied));
        assert!(error.message.contains(words), "{error}");
        for request in [
            r#"{"type":"pair","code":"K7WD2MXP"}"#,
            r#"{"type":"pair_invite"}"#,
            r#"{"type":"pair_invited","code":"K7WD2MXP"}"#,
            r#"{"type":"unpair","user":7}"#,
            r#"{"type":"allow_chat","chat":-7,"name":""}"#,
            r#"{"type":"forbid_chat","chat":-7}"#,
        ] {
            scene.say(&format!(r#"{{"id":2,"request":{request}}}"#)).await;
            let (id, error) = scene.hear_error().await;
            // A release that is not served may ask nothing else at all.
            let kind = if newer { Kind::Unavailable } else { Kind::Denied };
            assert_eq!((id, error.kind), (2, kind), "{request}");
        }
        assert!(scene.requests.is_empty());
    }
}

#[tokio::test]
async fn a_session_allows_itself_nothing() {
    let answer = r#"{"type":"answer","approval":1,"decision":{"decision":"deny"},"by":"x"}"#;
    let set =
        |key| format!(r#"{{"type":"session_set","session":{{"name":"work"}},"key":"{key}","value":"auto"}}"#);
    let asked = [
        (answer.to_owned(), Some("an approval cannot be answered from inside session work")),
        (set("permission_mode"), Some("the permission mode cannot be changed from inside session work")),
        (set("effort"), None),
    ];
    for (request, refused) in asked {
        let line = format!(r#"{{"id":1,"request":{request}}}"#);
        let mut scene = Scene::greeted(Hello { inside: Some("work".to_owned()), ..hello(PROTOCOL) }).await;
        scene.say(&line).await;
        match refused {
            Some(words) => {
                let (_, error) = scene.hear_error().await;
                assert_eq!((error.kind, error.message.as_str()), (Kind::Denied, words));
                assert!(scene.requests.is_empty());
            }
            None => drop(scene.requests.recv().await.expect("it is handed on")),
        }
        let bridge = Hello { client: "telegram".to_owned(), ..hello(PROTOCOL) };
        let mut scene = Scene::greeted(bridge).await;
        scene.say(&line).await;
        scene.requests.recv().await.expect("a person asks it there");
    }
}

#[tokio::test]
async fn a_spliced_push_is_what_serde_would_write() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let reply = scene.ask(12).await.reply;
    for push in [delta("ä\n\"x\""), Push::Lagged, Push::Closed { reason: "deleted".to_owned() }] {
        reply.push(&push).unwrap();
        let line: Value = serde_json::from_slice(scene.reader.line().await.unwrap().unwrap()).unwrap();
        assert_eq!(line, serde_json::to_value(HostFrame::Push { id: 12, push }).unwrap());
    }
}

#[tokio::test]
async fn a_shared_push_reaches_each_subscription_under_its_own_id() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let subscribers = [scene.ask(1).await.reply, scene.ask(2).await.reply];
    let push = SharedPush::new(&delta("x")).unwrap();
    for subscriber in &subscribers {
        subscriber.push_shared(&push).unwrap();
    }
    for id in [1, 2] {
        assert_eq!(scene.hear::<HostFrame>().await, HostFrame::Push { id, push: delta("x") });
    }
}

#[tokio::test]
async fn a_slow_reader_is_told_that_it_lagged_and_still_gets_its_answers() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let (slow, other) = (scene.ask(1).await.reply, scene.ask(2).await.reply);
    let big = SharedPush::new(&delta(&"x".repeat(1 << 20))).unwrap();
    let mut sent = 0;
    while slow.push_shared(&big).is_ok() {
        sent += 1;
        tokio::task::yield_now().await;
    }
    assert!((2..20).contains(&sent), "bounded by size, not only by number: {sent}");
    assert_eq!(slow.push(&delta("more")), Err(Unsubscribed::Lagged));
    other.ok(Response::Done);

    let passed = HostFrame::Push { id: 1, push: delta(&"x".repeat(1 << 20)) };
    let (arrived, next) = scene.hear_past(&passed).await;
    assert_eq!(arrived, sent);
    assert_eq!(next, HostFrame::Push { id: 1, push: Push::Lagged });
    assert_eq!(scene.hear::<HostFrame>().await, HostFrame::Ok { id: 2, response: Response::Done });
    assert_eq!(slow.push(&delta("more")), Err(Unsubscribed::Lagged), "for good, until it subscribes again");
    slow.ok(Response::Done);
    scene.hear::<HostFrame>().await;
    scene.assert_alive().await;
}

#[tokio::test]
async fn a_replay_waits_for_its_reader_and_makes_nobody_lag() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let (replaying, live) = (scene.ask(1).await.reply, scene.ask(2).await.reply);
    let replay = tokio::spawn(async move {
        for n in 0..5000 {
            replaying.push_paced(&delta(&format!("{n} {}", "y".repeat(300)))).await.unwrap();
        }
        replaying.ok(Response::Done);
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!replay.is_finished());
    live.push(&delta("now")).unwrap();
    let (mut replayed, mut lived) = (0, 0);
    loop {
        match scene.hear().await {
            HostFrame::Push { id: 1, push: Push::Live(Live::Delta { text, .. }) } => {
                assert!(text.starts_with(&format!("{replayed} ")));
                replayed += 1;
            }
            HostFrame::Push { id: 2, .. } => lived += 1,
            HostFrame::Ok { id: 1, .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((replayed, lived), (5000, 1));
    replay.await.unwrap();
}

#[tokio::test]
async fn subscriptions_end_with_their_connection() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let reply = scene.ask(1).await.reply;
    assert!(!reply.is_closed());
    drop((scene.reader, scene.writer));
    reply.closed().await;
    assert!(reply.is_closed());
    assert_eq!(reply.push(&delta("x")), Err(Unsubscribed::Closed));
    assert_eq!(reply.push_paced(&delta("x")).await, Err(Unsubscribed::Closed));
    reply.ok(Response::Done);
    scene.serving.await.unwrap();
}

#[tokio::test]
async fn what_was_answered_is_delivered_before_the_end() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let inbound = scene.ask(1).await;
    inbound.reply.ok(Response::Said("bye".to_owned()));
    drop(inbound);
    drop(std::mem::replace(&mut scene.requests, mpsc::channel(1).1));
    let said = HostFrame::Ok { id: 1, response: Response::Said("bye".to_owned()) };
    assert_eq!(scene.hear::<HostFrame>().await, said);
    assert!(scene.reader.line().await.unwrap().is_none());
    scene.serving.await.unwrap();
}

#[tokio::test]
async fn a_request_dropped_unanswered_ends_the_connection() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let (first, second) = (scene.ask(1).await, scene.ask(2).await);
    first.reply.ok(Response::Done);
    drop(second);
    assert_eq!(scene.hear::<HostFrame>().await, HostFrame::Ok { id: 1, response: Response::Done });
    assert!(scene.reader.line().await.unwrap().is_none());
}

#[tokio::test]
async fn answers_that_nobody_waits_for_do_not_pile_up() {
    let mut scene = Scene::greeted(hello(PROTOCOL)).await;
    let mut under_way = Vec::new();
    for id in 0..UNDER_WAY as u64 {
        under_way.push(scene.ask(id).await);
    }
    scene.say(r#"{"id":999,"request":{"type":"host_status"}}"#).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(scene.requests.is_empty());
    under_way.pop().unwrap().reply.ok(Response::Done);
    assert_eq!(scene.requests.recv().await.unwrap().id, 999);
    // Unanswered ones hang up when dropped; the order does not matter here.
    drop(under_way);
}
