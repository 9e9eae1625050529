use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::*;
use crate::model::{Detail, EventKind, LiveTurn, Outcome, SessionId, SessionState, Snapshot, Stages, Usage};
use crate::telegram::bridge::Bridge;
use crate::telegram::db::{LiveRow, NewOutgoing, PromptState};
use crate::telegram::live::Live as Handle;
use crate::telegram::outbox::{LiveKey, LiveView, Order, Payload, Target};
use crate::telegram::place::Place;
use crate::telegram::test_host::{Host, ask, bridge, comes, run, snapshot, soon};

const ANNA: Place = Place::chat(1);
const BORIS: Place = Place::chat(2);

struct House {
    host: Host,
    bridge: Arc<Bridge>,
    orders: UnboundedReceiver<Order>,
    live: Handle,
    stop: watch::Sender<bool>,
}

impl House {
    async fn new(mirror: &str) -> Self {
        let host = Host::start().await;
        let (bridge, orders) = bridge(&host, &[1, 2], |config| config.mirror = mirror.to_owned());
        let (live, wished) = Handle::new(bridge.outbox.clone());
        let stop = watch::Sender::new(false);
        tokio::spawn(crate::telegram::live::run(Arc::clone(&bridge), live.clone(), wished, stop.subscribe()));
        Self { host, bridge, orders, live, stop }
    }

    async fn watched(&self, session: SessionId) {
        self.live.watch(session);
        soon(async {
            while self.host.watchers(session) == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// The next view.
    async fn shown(&mut self) -> (LiveKey, LiveView) {
        loop {
            if let Order::Show { key, view } = soon(self.orders.recv()).await.unwrap() {
                return (key, *view);
            }
        }
    }

    async fn typing(&mut self) -> (Place, bool) {
        loop {
            if let Order::Typing { place, on } = soon(self.orders.recv()).await.unwrap() {
                return (place, on);
            }
        }
    }

    fn changed(&self, session: SessionId, state: SessionState, queue: &[PromptId]) {
        let waiting = |id: &PromptId| crate::model::QueuedPrompt {
            id: *id,
            text: String::new(),
            delivery: crate::model::Delivery::Queue,
            status: crate::model::PromptStatus::Queued,
            accepted: jiff::Timestamp::UNIX_EPOCH,
        };
        let queue = queue.iter().map(waiting).collect();
        self.host.live(session, &Live::Changed { state, queue, hold: None, status: None });
    }
}

fn ended(host: &Host, session: SessionId, prompt: PromptId) {
    let detail = Detail::Turn {
        turn: 3,
        origin: Origin::Prompt,
        outcome: Outcome::Done,
        prompts: vec![prompt],
        cost_usd: 0.0,
        usage: Usage::default(),
        stages: Stages::default(),
    };
    host.append(session, EventKind::TurnEnded, "", Some(prompt), detail);
}

#[test]
fn a_turn_is_shown_where_it_was_asked_until_it_is_over() {
    run(async {
        let mut house = House::new("replies").await;
        let session = house.host.session("work");
        house.host.make_current(BORIS, session);
        let prompt = ask(&house.bridge, ANNA, session, 50);
        house.host.present(session, snapshot(SessionState::Busy));
        house.watched(session).await;
        assert_eq!(house.typing().await, (ANNA, true));
        house.host.live(session, &begins(3, vec![prompt]));
        house.host.live(session, &started(3, 1, BlockKind::Text, ""));
        house.host.live(session, &delta(1, "Hello"));
        let (key, view) = house.shown().await;
        assert_eq!(key, LiveKey { place: ANNA, session, turn: 3 });
        assert_eq!(view.rich.text, "work\nHello\n\n⏳");
        assert_eq!((view.reply_to, view.note.prompt), (Some(50), Some(prompt)));
        let first = view.buttons.0[0][0].press.token.clone();
        house.host.live(session, &delta(1, ", you"));
        let (_, view) = house.shown().await;
        assert_eq!(view.rich.text, "work\nHello, you\n\n⏳");
        assert_eq!(view.buttons.tokens(), [first]);
        ended(&house.host, session, prompt);
        house.bridge.db.write(|tables| tables.close_prompt("tg:42:50", PromptState::Ended)).unwrap();
        house.changed(session, SessionState::Idle, &[]);
        let mut left = Vec::new();
        while left.len() < 2 {
            match soon(house.orders.recv()).await.unwrap() {
                Order::Forget(forgotten) => left.push(forgotten == key),
                Order::Typing { place, on: false } => left.push(place == ANNA),
                Order::Show { view, .. } => assert!(view.rich.text.contains("you")),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(left, [true, true]);
        house.stop.send_replace(true);
    });
}

/// The feed may be behind: what an earlier turn has come to stands above what begins now.
#[test]
fn a_turn_is_shown_below_the_end_of_the_one_before() {
    run(async {
        let mut house = House::new("off").await;
        let session = house.host.session("work");
        let [first, second, third] = [1, 2, 3].map(|message| ask(&house.bridge, ANNA, session, message));
        house.watched(session).await;
        house.changed(session, SessionState::Busy, &[third]);
        house.host.live(session, &begins(4, vec![second]));
        house.host.live(session, &started(4, 1, BlockKind::Text, ""));
        house.host.live(session, &delta(1, "Hello"));
        let early = tokio::time::timeout(Duration::from_millis(300), house.shown()).await;
        assert!(early.is_err(), "{early:?}: the end of {first} is not told yet");
        house.bridge.db.write(|tables| tables.close_prompt("tg:42:1", PromptState::Ended)).unwrap();
        let told = Instant::now();
        let (key, view) = house.shown().await;
        assert_eq!((key.turn, view.reply_to), (4, Some(2)));
        // At once, and not when the next view would have been due.
        assert!(told.elapsed() < Duration::from_millis(500), "{:?}", told.elapsed());
        house.stop.send_replace(true);
    });
}

#[test]
fn it_types_only_where_something_is_being_done() {
    run(async {
        let mut house = House::new("off").await;
        let session = house.host.session("work");
        let (first, second) = (ask(&house.bridge, ANNA, session, 1), ask(&house.bridge, BORIS, session, 2));
        let running = LiveTurn {
            turn: 3,
            origin: Origin::Prompt,
            started: jiff::Timestamp::now(),
            prompts: vec![first],
            blocks: Vec::new(),
        };
        let waiting = snapshot(SessionState::Busy);
        house.host.present(session, Snapshot { turn: Some(running), ..waiting });
        house.watched(session).await;
        house.changed(session, SessionState::Busy, &[second]);
        // Boris's waits behind Anna's: whatever typed there before ends.
        while house.typing().await != (BORIS, false) {}
        house.changed(session, SessionState::Waiting, &[second]);
        while house.typing().await != (ANNA, false) {}
        house.changed(session, SessionState::Busy, &[second]);
        while house.typing().await != (ANNA, true) {}
    });
}

#[test]
fn a_turn_that_runs_already_is_joined_with_all_it_did() {
    run(async {
        let mut house = House::new("off").await;
        let session = house.host.session("work");
        let prompt = ask(&house.bridge, ANNA, session, 1);
        let detail = Detail::Reply { turn: 3, block: 1, parent: None };
        house.host.append(session, EventKind::Reply, "So far.", None, detail);
        let turn = LiveTurn {
            turn: 3,
            origin: Origin::Prompt,
            started: jiff::Timestamp::now(),
            prompts: vec![prompt],
            blocks: vec![block(2, BlockKind::Text, "And")],
        };
        house.host.present(session, Snapshot { turn: Some(turn), ..snapshot(SessionState::Busy) });
        house.watched(session).await;
        let (_, view) = house.shown().await;
        assert_eq!(view.rich.text, "work\nSo far.\n\nAnd\n\n⏳");
        // A host that hangs up is followed again, and nothing is shown twice.
        house.host.hang_up();
        let (_, view) = house.shown().await;
        assert_eq!(view.rich.text, "work\nSo far.\n\nAnd\n\n⏳");
    });
}

#[test]
fn with_all_mirrored_it_is_shown_where_the_session_is_current() {
    run(async {
        let mut house = House::new("all").await;
        let session = house.host.session("work");
        house.host.make_current(BORIS, session);
        house.watched(session).await;
        house.host.live(session, &begins(3, vec![PromptId::random()]));
        house.host.live(session, &started(3, 1, BlockKind::Text, "Hello"));
        let (key, view) = house.shown().await;
        assert_eq!((key.place, view.reply_to), (BORIS, None));
    });
}

/// The agent may be faster than the disk: its first text waits for nothing else.
#[test]
fn a_turn_is_shown_where_it_was_asked_though_that_is_not_noted_yet() {
    run(async {
        let mut house = House::new("off").await;
        let session = house.host.session("work");
        house.watched(session).await;
        comes(&house.bridge, ANNA.chat, 7, 50);
        let prompt = house.host.prompt("tg:42:7");
        house.host.live(session, &begins(3, vec![prompt]));
        house.host.live(session, &started(3, 1, BlockKind::Text, "Hello"));
        let (key, view) = house.shown().await;
        assert_eq!((key.place, view.rich.text.as_str()), (ANNA, "work\nHello\n\n⏳"));
        assert_eq!((view.reply_to, view.note.prompt), (Some(50), Some(prompt)));
    });
}

#[test]
fn what_a_former_run_showed_ends_at_the_start_unless_its_end_is_to_come() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let (bridge, mut orders) = bridge(&host, &[1, 2, 3, 4], |_| {});
        let [awaited, told, over] = [1, 3, 4].map(|chat| {
            let prompt = Some(ask(&bridge, Place::chat(chat), session, 50 + chat));
            LiveRow { place: Place::chat(chat), session, turn: 3, prompt, message: 70 + chat }
        });
        let looks_on = LiveRow { place: BORIS, prompt: None, message: 72, ..awaited };
        let waits =
            NewOutgoing { place: told.place, priority: 1, key: None, payload: serde_json::Value::Null };
        let now = jiff::Timestamp::now();
        bridge
            .db
            .write(|tables| {
                [awaited, told, over, looks_on].iter().try_for_each(|live| tables.put_live(live, now))?;
                tables.close_prompt("tg:42:53", PromptState::Ended)?;
                tables.close_prompt("tg:42:54", PromptState::Ended)?;
                tables.enqueue(&waits, now)
            })
            .unwrap();
        let (handle, wished) = Handle::new(bridge.outbox.clone());
        let stop = watch::Sender::new(false);
        tokio::spawn(crate::telegram::live::run(Arc::clone(&bridge), handle, wished, stop.subscribe()));
        while !matches!(soon(orders.recv()).await.unwrap(), Order::Wake(4)) {}
        for (chat, id) in [(2, 72), (4, 74)] {
            let row = bridge.db.read(|tables| tables.next_outgoing(chat, &[])).unwrap().unwrap();
            let payload = serde_json::from_value(row.payload).unwrap();
            let Payload::Edit { message, rich, buttons } = payload else { panic!("{payload:?}") };
            let words = "work\n⏹ claudebot was started anew meanwhile";
            assert_eq!((message, rich.text.as_str()), (Target::Id(id), words));
            assert!(buttons.tokens().is_empty());
        }
        assert_eq!(bridge.db.read(|tables| tables.live_rows(None)).unwrap(), [awaited, told]);
        assert_eq!(bridge.db.read(|tables| tables.next_outgoing(1, &[])).unwrap(), None);
    });
}

#[test]
fn a_session_that_is_deleted_meanwhile_says_so_at_once() {
    run(async {
        let mut house = House::new("off").await;
        let session = house.host.session("work");
        ask(&house.bridge, ANNA, session, 50);
        house.watched(session).await;
        house.host.delete(session);
        while !matches!(soon(house.orders.recv()).await.unwrap(), Order::Wake(1)) {}
        let row = house.bridge.db.read(|tables| tables.next_outgoing(1, &[])).unwrap().unwrap();
        let Payload::Message(message) = serde_json::from_value(row.payload).unwrap() else { panic!() };
        assert_eq!(message.reply_to, Some(50));
        assert!(message.rich.text.contains("deleted"));
    });
}
