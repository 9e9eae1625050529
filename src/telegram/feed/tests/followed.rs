use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::model::{ApprovalKind, CONTINUES, Delivery};
use crate::telegram::bridge::Bridge;
use crate::telegram::db::{MessageKind, Noted, Outgoing, PromptSet, PromptState, Tables, TopicRow};
use crate::telegram::live::Live;
use crate::telegram::outbox::{Final, Order, Payload, Target, priority};
use crate::telegram::test_host::{Host, ask, bridge, comes, run, soon};
use crate::telegram::testing::approval;

struct House {
    bridge: Arc<Bridge>,
    orders: UnboundedReceiver<Order>,
    live: Live,
    wished: UnboundedReceiver<SessionId>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl House {
    fn new((bridge, orders): (Arc<Bridge>, UnboundedReceiver<Order>)) -> Self {
        let (live, wished) = Live::new(bridge.outbox.clone());
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(super::super::run(Arc::clone(&bridge), live.clone(), stop.subscribe()));
        Self { bridge, orders, live, wished, stop, task }
    }

    fn restart(&mut self) {
        self.task.abort();
        let run = super::super::run(Arc::clone(&self.bridge), self.live.clone(), self.stop.subscribe());
        self.task = tokio::spawn(run);
    }

    /// Waits until it is noted how far the feed was read.
    async fn noted(&self, cursor: u64) {
        soon(async {
            while self.bridge.db.read(Tables::feed_cursor).unwrap() != Some(cursor) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// The next row of the next chat that is woken.
    async fn next(&mut self) -> (Outgoing, Payload) {
        loop {
            if let Order::Wake(chat) = soon(self.orders.recv()).await.unwrap() {
                let row = self.bridge.db.read(|tables| tables.next_outgoing(chat, &[])).unwrap().unwrap();
                self.bridge.db.write(|tables| tables.outgoing_sent(row.id, Some(row.id + 500))).unwrap();
                let payload = serde_json::from_value(row.payload.clone()).unwrap();
                return (row, payload);
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.bridge.db.read(Tables::chats_with_outgoing).unwrap().is_empty()
    }
}

fn end(host: &Host, session: SessionId, prompts: Vec<PromptId>) {
    let first = prompts.first().copied();
    let detail = turn(Origin::Prompt, Outcome::Done, prompts);
    host.append(session, EventKind::TurnEnded, "", first, detail);
}

fn reply(host: &Host, session: SessionId, text: &str) {
    let detail = Detail::Reply { turn: 3, block: 1, parent: None };
    host.append(session, EventKind::Reply, text, None, detail);
}

fn last(payload: &Payload) -> &Final {
    let Payload::Final(last) = payload else { panic!("{payload:?}") };
    last
}

#[test]
fn a_reply_is_told_once_over_restarts() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        reply(&host, session, "before the first start");
        end(&host, session, Vec::new());
        let mut house = House::new(bridge(&host, &[1], |_| {}));
        house.noted(2).await;
        let prompt = ask(&house.bridge, ANNA, session, 50);
        reply(&host, session, "Hello.");
        end(&host, session, vec![prompt]);
        let (row, payload) = house.next().await;
        assert_eq!((row.place, last(&payload).markdown.as_str()), (ANNA, "Hello."));
        assert_eq!((last(&payload).reply_to, last(&payload).prompt), (Some(50), Some(prompt)));
        assert!(house.bridge.db.read(|tables| tables.accepted_in(session)).unwrap().is_empty());
        house.noted(4).await;
        // While the bridge is away, a turn ends.
        house.task.abort();
        let prompt = ask(&house.bridge, ANNA, session, 60);
        reply(&host, session, "Again.");
        end(&host, session, vec![prompt]);
        house.restart();
        let (_, payload) = house.next().await;
        assert_eq!((last(&payload).markdown.as_str(), last(&payload).reply_to), ("Again.", Some(60)));
        assert!(house.is_quiet());
        // So it does while the connection is lost.
        host.hang_up();
        let prompt = ask(&house.bridge, ANNA, session, 70);
        end(&host, session, vec![prompt]);
        let (_, payload) = house.next().await;
        assert_eq!((last(&payload).markdown.as_str(), last(&payload).reply_to), ("", Some(70)));
        assert!(house.is_quiet());
    });
}

#[test]
fn whoever_was_let_out_hears_no_more() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let house = House::new(bridge(&host, &[1], |_| {}));
        house.noted(0).await;
        let prompt = ask(&house.bridge, Place::chat(9), session, 50);
        end(&host, session, vec![prompt]);
        house.noted(1).await;
        assert!(house.is_quiet());
        // Nor does the last one.
        house.bridge.set_access(Default::default());
        let prompt = ask(&house.bridge, ANNA, session, 60);
        end(&host, session, vec![prompt]);
        house.noted(2).await;
        assert!(house.is_quiet());
    });
}

/// What says that a prompt waits says so, unless the press below it says something itself.
#[test]
fn what_is_taken_back_elsewhere_waits_nowhere() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let mut house = House::new(bridge(&host, &[1], |_| {}));
        house.noted(0).await;
        let mut number = 0;
        for is_pressed in [false, true] {
            number += 1;
            let prompt = ask(&house.bridge, ANNA, session, 50 + number);
            let notice = Noted {
                place: ANNA,
                id: 60 + number,
                kind: MessageKind::Queued,
                session: Some(session),
                prompt: Some(prompt),
                at: Timestamp::now(),
            };
            house.bridge.db.write(|tables| tables.note_message(&notice)).unwrap();
            if is_pressed {
                house.bridge.db.write(|tables| tables.end_queued_notice(1, notice.id)).unwrap();
            }
            let detail = Detail::Notice { code: "taken_back".to_owned() };
            host.append(session, EventKind::Notice, "Taken back", Some(prompt), detail);
            let (_, mut payload) = house.next().await;
            if !is_pressed {
                let Payload::Edit { message, rich, buttons } = payload else { panic!("{payload:?}") };
                assert_eq!((message, rich.text.as_str()), (Target::Id(notice.id), "Taken back."));
                assert!(buttons.tokens().is_empty());
                let row = house.bridge.db.read(|tables| tables.next_outgoing(1, &[])).unwrap().unwrap();
                house.bridge.db.write(|tables| tables.outgoing_sent(row.id, None)).unwrap();
                payload = serde_json::from_value(row.payload).unwrap();
            }
            assert_eq!(payload, Payload::React { message: 50 + number, emoji: None });
            assert!(house.is_quiet());
        }
    });
}

/// The agent was quicker, or the disk refused to note it, or a kill came between.
#[test]
fn a_reply_finds_whoever_asked_though_that_was_not_noted() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let mut house = House::new(bridge(&host, &[1], |_| {}));
        house.noted(0).await;
        comes(&house.bridge, ANNA.chat, 7, 50);
        let prompt = host.prompt("tg:42:7");
        reply(&host, session, "Quick.");
        end(&host, session, vec![prompt]);
        let (row, payload) = house.next().await;
        assert_eq!((row.place, row.priority), (ANNA, priority::FINAL));
        assert_eq!((last(&payload).markdown.as_str(), last(&payload).reply_to), ("Quick.", Some(50)));
        // It is noted after all: nothing more is expected of it.
        let set = PromptSet {
            key: "tg:42:7".to_owned(),
            updates: vec![7],
            place: ANNA,
            user: 1,
            reply_to: 50,
            session: Some(session),
            prompt: Some(prompt),
            state: PromptState::Accepted,
            at: Timestamp::now(),
        };
        house.bridge.db.write(|tables| tables.put_prompt(&set)).unwrap();
        assert!(house.bridge.db.read(|tables| tables.accepted_in(session)).unwrap().is_empty());
        // What went another way belongs where it was said first.
        let prompt = host.prompt("tg:42:7:now");
        end(&host, session, vec![prompt]);
        assert_eq!(last(&house.next().await.1).reply_to, Some(50));
        // A press belongs to what is above it.
        let press = serde_json::json!({ "update_id": 8, "callback_query": { "id": "q", "data": "t",
            "from": { "id": 1, "is_bot": false },
            "message": { "message_id": 60, "chat": { "id": 1, "type": "private" } } } });
        house.bridge.db.write(|tables| tables.store_updates(&[press], Timestamp::now())).unwrap();
        end(&host, session, vec![host.prompt("tg:42:8")]);
        assert_eq!(last(&house.next().await.1).reply_to, Some(60));
        // Another bot's, or the shell's.
        end(&host, session, vec![host.prompt("tg:43:7"), host.prompt("cli:7")]);
        house.noted(host.feed_head()).await;
        assert!(house.is_quiet());
    });
}

#[test]
fn what_is_gone_on_with_unasked_is_for_whoever_asked_first() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let mut house = House::new(bridge(&host, &[1], |_| {}));
        house.noted(0).await;
        comes(&house.bridge, ANNA.chat, 7, 60);
        let noted = ask(&house.bridge, ANNA, session, 50);
        for (cut_off, message) in [(noted, 50), (host.prompt("tg:42:7"), 60)] {
            let stopped = turn(Origin::Prompt, Outcome::Interrupted, vec![cut_off]);
            host.append(session, EventKind::TurnEnded, "the host ended", Some(cut_off), stopped);
            assert_eq!(last(&house.next().await.1).reply_to, Some(message));
            let goes_on = host.prompt(&format!("{CONTINUES}{cut_off}"));
            let detail = serde_json::json!({ "type": "asked", "approval": { "id": message, "session": "work",
                "kind": "tool", "tool": "Bash", "summary": "ls", "session_id": session,
                "asked": Timestamp::now(), "input": {} } });
            let detail = serde_json::from_value(detail).unwrap();
            host.append(session, EventKind::ApprovalAsked, "Bash: ls", Some(goes_on), detail);
            assert!(matches!(house.next().await.1, Payload::Message(_)));
            let open = house.bridge.db.read(|tables| tables.accepted_in(session)).unwrap();
            assert_eq!(open.iter().map(|set| set.reply_to).collect::<Vec<_>>(), [message]);
            reply(&host, session, "Here it is.");
            end(&host, session, vec![goes_on]);
            let (row, payload) = house.next().await;
            assert_eq!((row.place, row.priority), (ANNA, priority::FINAL));
            assert_eq!((last(&payload).reply_to, last(&payload).prompt), (Some(message), Some(goes_on)));
            assert!(house.bridge.db.read(|tables| tables.accepted_in(session)).unwrap().is_empty());
        }
    });
}

#[test]
fn what_waits_for_a_person_is_shown_at_the_start_however_old_it_is() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let mut request = approval(12, ApprovalKind::Tool);
        request.session_id = session;
        request.asked = Timestamp::now() - SignedDuration::from_hours(30);
        host.waits(vec![request]);
        let mut house = House::new(bridge(&host, &[1], |_| {}));
        let (row, payload) = house.next().await;
        let Payload::Message(message) = payload else { panic!("{payload:?}") };
        assert!(message.ring && row.key.as_deref() == Some("approval:12:0"));
        // Not once more at the next one.
        house.noted(0).await;
        house.restart();
        let prompt = ask(&house.bridge, ANNA, session, 50);
        end(&host, session, vec![prompt]);
        assert_eq!(last(&house.next().await.1).reply_to, Some(50));
        assert!(house.is_quiet());
    });
}

#[test]
fn mirrors_are_where_the_session_is_current_or_at_home() {
    run(async {
        let host = Host::start().await;
        let (session, other) = (host.session("work"), host.session("other"));
        let mut house = House::new(bridge(&host, &[1, 2], |_| {}));
        house.noted(0).await;
        host.make_current(ANNA, session);
        host.make_current(BORIS, other);
        let topic = TopicRow { place: TOPIC, session, name: "work".to_owned(), closed: false };
        house.bridge.db.write(|tables| tables.put_topic(&topic)).unwrap();
        reply(&host, session, "From the desk.");
        end(&host, session, vec![PromptId::random()]);
        let told = [house.next().await, house.next().await];
        let mut places: Vec<_> = told
            .iter()
            .map(|(row, payload)| (row.place, last(payload).ring, last(payload).heading.text.clone()))
            .collect();
        places.sort();
        assert_eq!(places, [(TOPIC, false, String::new()), (ANNA, false, "work\n".to_owned())]);
        assert!(house.is_quiet());
    });
}

#[test]
fn an_approval_is_asked_and_settled_in_its_messages() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let mut house = House::new(bridge(&host, &[1], |_| {}));
        house.noted(0).await;
        let asked = |id| {
            let json = serde_json::json!({
                "type": "asked", "approval": { "id": id, "session": "work", "kind": "tool", "tool": "Bash",
                "summary": "ls", "session_id": session, "asked": Timestamp::now(), "input": {} },
            });
            serde_json::from_value::<Detail>(json).unwrap()
        };
        let answered = |approval| Detail::Answered { approval, decision: None, by: "shell".to_owned() };
        host.append(session, EventKind::ApprovalAsked, "Bash: ls", None, asked(12));
        let (row, payload) = house.next().await;
        let Payload::Message(message) = payload else { panic!("{payload:?}") };
        assert!(message.ring);
        host.append(session, EventKind::ApprovalAnswered, "allowed by shell", None, answered(12));
        let (_, payload) = house.next().await;
        let Payload::Edit { message, .. } = payload else { panic!("{payload:?}") };
        assert_eq!(message, Target::Id(row.id + 500));
        // One that was never sent is replaced by what changes it, which then has nothing to change.
        house.task.abort();
        host.append(session, EventKind::ApprovalAsked, "Bash: ls", None, asked(13));
        host.append(session, EventKind::ApprovalAnswered, "allowed by shell", None, answered(13));
        house.restart();
        house.noted(4).await;
        let rows = house.bridge.db.read(|tables| tables.next_outgoing(1, &[])).unwrap().unwrap();
        let payload: Payload = serde_json::from_value(rows.payload).unwrap();
        let Payload::Edit { message, .. } = payload else { panic!("{payload:?}") };
        assert_eq!(message, Target::Row(rows.id));
    });
}

#[test]
fn at_the_end_everything_that_happened_is_told() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let mut house = House::new(bridge(&host, &[1], |_| {}));
        house.noted(0).await;
        for number in 0..20 {
            let prompt = ask(&house.bridge, ANNA, session, number);
            end(&host, session, vec![prompt]);
        }
        house.stop.send_replace(true);
        soon(&mut house.task).await.unwrap();
        assert_eq!(house.bridge.db.read(Tables::feed_cursor).unwrap(), Some(host.feed_head()));
        for number in 0..20 {
            assert_eq!(last(&house.next().await.1).reply_to, Some(number));
        }
    });
}

#[test]
fn a_host_with_another_past_is_followed_from_its_present() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        end(&host, session, Vec::new());
        let parts = bridge(&host, &[1], |_| {});
        parts.0.db.write(|tables| tables.set_feed_cursor(5000)).unwrap();
        let mut house = House::new(parts);
        house.noted(1).await;
        let prompt = ask(&house.bridge, ANNA, session, 50);
        end(&host, session, vec![prompt]);
        assert_eq!(last(&house.next().await.1).reply_to, Some(50));
    });
}

#[test]
fn where_everything_is_shown_a_session_is_followed_as_soon_as_it_works() {
    run(async {
        let host = Host::start().await;
        let session = host.session("work");
        let mut house = House::new(bridge(&host, &[1], |config| config.mirror = "all".to_owned()));
        house.noted(0).await;
        host.make_current(ANNA, session);
        let detail = Detail::Prompt { delivery: Delivery::Queue, attachments: Vec::new() };
        host.append(session, EventKind::Prompt, "What now?", Some(PromptId::random()), detail);
        assert_eq!(soon(house.wished.recv()).await, Some(session));
        let (_, payload) = house.next().await;
        let Payload::Message(message) = payload else { panic!("{payload:?}") };
        assert!(!message.ring && message.rich.text.contains("What now?"));
    });
}
