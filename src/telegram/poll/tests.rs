//! The loop against a server that answers as it is told to.

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::telegram::api::test_server::{Reply, SECRET, Server, run};

/// A loop that runs, and what is around it.
struct Rig {
    server: Server,
    db: Arc<Db>,
    wake: watch::Receiver<u64>,
    state: watch::Receiver<PollState>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<()>>,
}

impl Rig {
    async fn start(db: Db) -> Self {
        let server = Server::start().await;
        let db = Arc::new(db);
        let (waker, wake) = watch::channel(0);
        let (sender, state) = watch::channel(PollState::Starting);
        let (stop, stopped) = oneshot::channel();
        let times = PollTimes { hold: Duration::from_secs(50), first_wait: Duration::from_millis(1) };
        let poller = Poller { api: server.api(), db: Arc::clone(&db), wake: waker, state: sender, times };
        let running = tokio::spawn(poller.run(async { stopped.await.unwrap() }));
        Self { server, db, wake, state, stop: Some(stop), running }
    }

    /// The next poll's offset and timeout.
    async fn polled(&mut self) -> (Option<i64>, u64) {
        let seen = self.server.seen().await;
        assert_eq!(seen.method(), "getUpdates");
        let body = seen.json();
        assert_eq!(body["limit"], 100);
        assert_eq!(body["allowed_updates"], json!(ALLOWED));
        (body["offset"].as_i64(), body["timeout"].as_u64().unwrap())
    }

    async fn reaches(&mut self, wanted: impl Fn(&PollState) -> bool) -> PollState {
        let waiting = self.state.wait_for(wanted);
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("in time").unwrap().clone()
    }

    /// Ends the loop, and tells how it went and whether it asked for anything more.
    async fn stop(mut self) -> (Result<()>, bool) {
        self.stop.take().unwrap().send(()).unwrap();
        let ended =
            tokio::time::timeout(Duration::from_secs(20), self.running).await.expect("in time").unwrap();
        (ended, self.server.is_quiet())
    }

    fn stored(&self) -> Vec<i64> {
        let updates = self.db.read(|tables| tables.new_updates(0, 100)).unwrap();
        updates.iter().map(|(_, update)| update.id).collect()
    }
}

fn db() -> Db {
    let db = Db::in_memory();
    db.write(|tables| tables.adopt(42)).unwrap();
    db
}

fn update(id: i64) -> Value {
    json!({ "update_id": id, "message": { "message_id": 1, "chat": { "id": 7 }, "text": "hello" } })
}

#[test]
fn what_came_is_stored_before_it_is_confirmed() {
    run(async {
        let mut rig = Rig::start(db()).await;
        assert_eq!(rig.polled().await, (None, 0));
        rig.server.reply(Reply::ok(json!([update(10), update(11)])));
        // Telegram is told with this one, so by now both have to be there.
        assert_eq!(rig.polled().await, (Some(12), 50));
        assert_eq!(rig.stored(), [10, 11]);
        rig.wake.changed().await.unwrap();
        rig.reaches(|state| matches!(state, PollState::Receiving { .. })).await;
        rig.server.reply(Reply::ok(json!([update(12)])));
        assert_eq!(rig.polled().await, (Some(13), 50));
        assert_eq!(rig.stored(), [10, 11, 12]);
        let (ended, quiet) = rig.stop().await;
        assert!(ended.is_ok() && quiet);
    });
}

#[test]
fn it_goes_on_where_it_was_unless_that_was_too_long_ago() {
    let stored = |days: i64| {
        let db = db();
        let then = Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
        db.write(|tables| tables.store_updates(&[update(30)], then)).unwrap();
        db
    };
    run(async {
        let mut rig = Rig::start(stored(5)).await;
        assert_eq!(rig.polled().await, (Some(31), 0));
        rig.stop().await.0.unwrap();
        let mut rig = Rig::start(stored(7)).await;
        assert_eq!(rig.polled().await, (None, 0));
        rig.server.reply(Reply::ok(json!([update(4)])));
        assert_eq!(rig.polled().await, (Some(5), 50));
        assert_eq!(rig.stored(), [30, 4]);
    });
}

#[test]
fn an_end_in_the_middle_of_a_poll_is_at_once_and_confirms_nothing() {
    run(async {
        let mut rig = Rig::start(db()).await;
        rig.polled().await;
        let state = rig.state.clone();
        let (ended, quiet) = rig.stop().await;
        assert!(ended.is_ok() && quiet);
        assert_eq!(*state.borrow(), PollState::Ended);
    });
}

#[test]
fn a_token_is_tried_again_whichever_way_it_was_refused() {
    run(async {
        let mut rig = Rig::start(db()).await;
        for (code, words) in [(401, "Unauthorized"), (404, "Not Found")] {
            rig.polled().await;
            rig.server.reply(Reply::error(code, words));
            let refused = "Telegram does not know the bot's token";
            let is_refused = |state: &PollState| matches!(state, PollState::Trouble { error, .. } if error.message == refused);
            rig.reaches(is_refused).await;
            rig.polled().await;
            rig.server.reply(Reply::ok(json!([])));
            rig.reaches(|state| matches!(state, PollState::Receiving { .. })).await;
            // The long one, which is let go of.
            rig.polled().await;
            rig.server.reply(Reply::Cut);
        }
    });
}

#[test]
fn a_webhook_in_the_way_is_named_and_left_alone() {
    run(async {
        let mut rig = Rig::start(db()).await;
        let conflict = "Conflict: can't use getUpdates method while webhook is active";
        rig.polled().await;
        rig.server.reply(Reply::error(409, conflict));
        assert_eq!(rig.server.seen().await.method(), "getWebhookInfo");
        rig.server
            .reply(Reply::ok(json!({ "url": "https://bots.example/secret", "pending_update_count": 3 })));
        let PollState::Trouble { error, .. } = rig.reaches(|s| matches!(s, PollState::Trouble { .. })).await
        else {
            panic!()
        };
        assert_eq!(
            error.message,
            "a webhook is set for this bot, so Telegram sends everything to https://bots.example"
        );
        // It is asked about once, and polled for as long as it takes.
        rig.polled().await;
        rig.server.reply(Reply::error(409, conflict));
        rig.polled().await;
        rig.server.reply(Reply::ok(json!([])));
        rig.reaches(|state| matches!(state, PollState::Receiving { .. })).await;
        assert_eq!(rig.polled().await, (None, 50));
    });
}

#[test]
fn a_second_poller_is_named() {
    run(async {
        let mut rig = Rig::start(db()).await;
        rig.polled().await;
        rig.server.reply(Reply::error(409, "Conflict: terminated by other getUpdates request"));
        assert_eq!(rig.server.seen().await.method(), "getWebhookInfo");
        rig.server.reply(Reply::ok(json!({ "url": "" })));
        let PollState::Trouble { error, .. } = rig.reaches(|s| matches!(s, PollState::Trouble { .. })).await
        else {
            panic!()
        };
        assert!(error.message.starts_with("another program receives this bot's updates"), "{error}");
        assert!(error.hint.unwrap().contains("give each its own bot"));
    });
}

#[test]
fn trouble_passes_and_nothing_is_skipped() {
    run(async {
        let mut rig = Rig::start(db()).await;
        rig.polled().await;
        rig.server.reply(Reply::ok(json!([update(10)])));
        for reply in [
            Reply::Cut,
            Reply::Half(json!({ "ok": true, "result": [update(11)] }).to_string()),
            Reply::error(502, "Bad Gateway"),
            Reply::Text(200, "what?".to_owned()),
            Reply::error(400, "Bad Request: hm"),
        ] {
            assert_eq!(rig.polled().await.0, Some(11), "{reply:?}");
            rig.server.reply(reply);
            let state = rig.reaches(|state| matches!(state, PollState::Trouble { .. })).await;
            assert!(!format!("{state:?}").contains(SECRET));
        }
        assert_eq!(rig.polled().await, (Some(11), 0));
        rig.server.reply(Reply::ok(json!([update(11)])));
        rig.reaches(|state| matches!(state, PollState::Receiving { .. })).await;
        assert_eq!(rig.polled().await, (Some(12), 50));
        assert_eq!(rig.stored(), [10, 11]);
    });
}

#[test]
fn what_cannot_be_stored_is_not_confirmed() {
    run(async {
        let mut rig = Rig::start(db()).await;
        rig.db.set_read_only(true);
        assert_eq!(rig.polled().await.0, None);
        rig.server.reply(Reply::ok(json!([update(10)])));
        let PollState::Trouble { error, .. } = rig.reaches(|s| matches!(s, PollState::Trouble { .. })).await
        else {
            panic!()
        };
        assert!(error.message.contains("database"), "{error}");
        assert_eq!(rig.polled().await, (None, 0));
        rig.db.set_read_only(false);
        rig.server.reply(Reply::ok(json!([update(10)])));
        assert_eq!(rig.polled().await.0, Some(11));
        assert_eq!(rig.stored(), [10]);
    });
}
