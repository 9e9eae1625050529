//! Refusals and failures: each costs as little as can be, and nobody else anything.

use super::super::call::Call;
use super::super::step::Step;
use super::super::verdict::{Tries, Verdict, verdict};
use super::phone::chat;
use super::*;
use crate::telegram::api::ApiError;
use crate::telegram::render::Style;

const A: Place = Place::chat(1);
const B: Place = Place::chat(2);

fn network(maybe_done: bool) -> ApiError {
    ApiError::Network { maybe_done, why: "gone".to_owned() }
}

const fn is_send(call: &Call) -> bool {
    matches!(call, Call::Send(_))
}

#[test]
fn a_chat_that_has_to_wait_keeps_no_other_waiting() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.phone.refuse(
            |call| matches!(call, Call::Send(call) if call.chat_id == 1),
            [ApiError::RetryAfter(Duration::from_secs(60))],
        );
        house.say(A, "a");
        pass(200).await;
        house.outbox.order(Order::Typing { place: A, on: true });
        house.show(key(1, session), "live");
        house.say(B, "b");
        pass(200).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 1 a", "send🔔 2 b"]);
        // Neither typing nor a live message goes there meanwhile; of the views only the last is left.
        house.show(key(1, session), "newer");
        pass(59_000).await;
        assert_eq!(house.phone.seen().len(), 0);
        pass(2_000).await;
        assert_eq!(house.phone.words(), ["send🔔 1 a", "send 1 newer"]);
    });
}

#[test]
fn a_wait_that_telegram_asked_for_outlives_a_restart() {
    run(async {
        let house = House::new();
        house.phone.refuse(is_send, [ApiError::RetryAfter(Duration::from_secs(60))]);
        house.say(A, "a");
        pass(200).await;
        house.phone.seen();
        let house = house.killed().await;
        pass(50_000).await;
        assert_eq!(house.phone.seen().len(), 0);
        // The calendar stands still here, so it waits the whole time again.
        pass(10_200).await;
        assert_eq!(house.phone.words(), ["send🔔 1 a"]);
    });
}

#[test]
fn without_a_network_the_tries_become_rare_and_end_when_it_is_back() {
    run(async {
        let house = House::new();
        house.phone.rule(|_| Some(network(false)));
        house.say(A, "a");
        pass(3_600_000).await;
        let tries = house.phone.seen();
        let pauses: Vec<u64> =
            tries.windows(2).map(|two| (two[1].at - two[0].at).div_ceil(1000) - 1).collect();
        assert_eq!(pauses[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert!(tries.len() < 25, "{}", tries.len());
        // Whatever reaches Telegram again ends the waiting.
        house.phone.rule(|_| None);
        house.say(B, "b");
        pass(400).await;
        assert_eq!(house.phone.words(), ["send🔔 2 b", "send🔔 1 a"]);
    });
}

#[test]
fn what_may_have_arrived_is_sent_again_and_not_for_ever() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| is_send(call).then(|| network(true)));
        house.say(A, "a");
        house.say(A, "b");
        pass(600_000).await;
        assert_eq!(house.phone.words(), [["✗ send🔔 1 a"; 4], ["✗ send🔔 1 b"; 4]].concat());
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn refused_formatting_costs_that_piece_its_formatting_alone() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| match call {
            Call::Send(call) if call.text.starts_with("bad") && !call.entities.is_empty() => {
                Some(ApiError::BadEntities("no".to_owned()))
            }
            _ => None,
        });
        let mut rich = Rich::plain("good");
        rich.push(&"\n\nx".repeat(1000), Style::Bold);
        rich.push("\n\nbad ", Style::Plain);
        rich.push(&"y ".repeat(1000), Style::Bold);
        house.put(
            A,
            priority::FINAL,
            &Payload::Message(Message {
                rich,
                ring: false,
                reply_to: None,
                buttons: Keyboard::default(),
                note: note(),
            }),
        );
        pass(10_000).await;
        let seen = house.phone.seen();
        let told: Vec<_> = seen
            .iter()
            .map(|seen| match &seen.call {
                Call::Send(call) => (seen.taken, !call.entities.is_empty(), call.text.starts_with("bad")),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [(true, true, false), (false, true, true), (true, false, true)]);
    });
}

#[test]
fn a_topic_that_is_gone_does_not_lose_the_message() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| match call {
            Call::Send(call) if call.message_thread_id.is_some() => Some(ApiError::ThreadNotFound),
            _ => None,
        });
        house.say(Place { chat: -5, thread: Some(7) }, "a");
        pass(1000).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 -5:7 a", "send🔔 -5 a"]);
    });
}

#[test]
fn a_chat_that_is_blocked_is_tried_once_for_all_that_waits() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| (chat(call) == 1).then(|| ApiError::Blocked("no".to_owned())));
        for number in 0..10 {
            house.say(A, &number.to_string());
        }
        house.outbox.order(Order::Typing { place: A, on: true });
        house.show(key(1, SessionId::random()), "live");
        house.say(B, "b");
        pass(60_000).await;
        let words = house.phone.words();
        assert_eq!(words, ["✗ send🔔 1 0", "send🔔 2 b"]);
        assert_eq!(house.open_rows(1), 0);
        // Unblocked: what is new goes.
        house.phone.rule(|_| None);
        house.say(A, "again");
        pass(200).await;
        assert_eq!(house.phone.words(), ["send🔔 1 again"]);
    });
}

#[test]
fn a_group_that_moved_gets_what_waited_for_it() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| (chat(call) == -1).then_some(ApiError::Migrated(-2)));
        house.say(Place::chat(-1), "a");
        house.say(Place::chat(-1), "b");
        pass(5000).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 -1 a", "send🔔 -2 a", "send🔔 -2 b"]);
    });
}

#[test]
fn a_token_that_is_refused_for_a_while_loses_nothing() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.phone.rule(|_| Some(ApiError::Unauthorized));
        house.say(A, "a");
        house.say(B, "b");
        pass(3_600_000).await;
        let tries = house.phone.seen().len();
        assert!((4..60).contains(&tries), "{tries}");
        house.phone.rule(|_| None);
        house.show(key(3, session), "live");
        pass(400).await;
        // Whatever reaches Telegram again ends the waiting.
        assert_eq!(house.phone.words(), ["send 3 live", "send🔔 1 a", "send🔔 2 b"]);
        // A single one costs a second.
        house.phone.refuse(is_send, [ApiError::Unauthorized]);
        house.say(A, "c");
        pass(1500).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 1 c", "send🔔 1 c"]);
    });
}

#[test]
fn a_file_that_cannot_go_is_told_in_words() {
    run(async {
        let house = House::new();
        let file = |content| {
            Payload::File(FileOut {
                name: "x.bin".to_owned(),
                content,
                caption: Rich::default(),
                ring: false,
                reply_to: None,
                buttons: Keyboard::default(),
                note: note(),
            })
        };
        house.phone.rule(|call| matches!(call, Call::Upload { .. }).then_some(ApiError::TooLarge));
        house.put(A, priority::MIRROR, &file(FileContent::Text("x".to_owned())));
        pass(2000).await;
        assert_eq!(house.phone.words(), ["✗ upload 1 x.bin", "send 1 x.bin cannot be sent: it"]);
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn a_long_upload_does_not_keep_urgent_things_waiting() {
    run(async {
        let house = House::new();
        house.phone.slow_uploads(Duration::from_secs(60));
        let file = |name: &str| {
            Payload::File(FileOut {
                name: name.to_owned(),
                content: FileContent::Text("x".to_owned()),
                caption: Rich::plain(&"long caption ".repeat(100)),
                ring: true,
                reply_to: None,
                buttons: Keyboard::default(),
                note: note(),
            })
        };
        house.put(A, priority::MIRROR, &file("x.bin"));
        pass(160).await;
        house.put(A, priority::FINAL, &file("y.bin"));
        pass(5000).await;
        house.say(A, "urgent");
        pass(5000).await;
        let caption = "send🔔 1 long caption long captio";
        assert_eq!(house.phone.words(), [caption, caption, "send🔔 1 urgent"]);
        pass(120_000).await;
        assert_eq!(house.phone.words(), ["upload 1 x.bin", "upload 1 y.bin"]);
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn each_error_has_its_remedy() {
    let send = || {
        let Payload::Message(message) = message("x") else { panic!() };
        Step::Send(message)
    };
    let edit = |is_live| Step::Edit {
        message: 1,
        rich: Rich::default(),
        buttons: Keyboard::default(),
        note: None,
        is_live,
    };
    let fresh = Tries::default();
    let plain = Tries { is_plain: true, ..fresh };
    let doubtful = Tries { doubts: 3, ..fresh };
    let later = |network| Verdict::Later { network };
    let refused = ApiError::Refused("no".to_owned());
    for (error, step, tries, wanted) in [
        (ApiError::NotModified, edit(false), fresh, Verdict::Done),
        (ApiError::MessageGone, edit(false), fresh, Verdict::Done),
        (ApiError::MessageGone, edit(true), fresh, Verdict::NoLive),
        (network(true), edit(true), doubtful, later(true)),
        (network(true), send(), fresh, later(true)),
        (network(true), send(), doubtful, Verdict::Done),
        (network(false), send(), doubtful, later(true)),
        (ApiError::Garbled(String::new()), send(), doubtful, Verdict::Done),
        (ApiError::Server { status: 500 }, send(), doubtful, later(false)),
        (ApiError::Server { status: 500 }, send(), Tries { failures: 5, ..fresh }, Verdict::Plain),
        (ApiError::Server { status: 500 }, send(), Tries { failures: 5, ..plain }, later(false)),
        (ApiError::Unauthorized, send(), doubtful, later(true)),
        (refused.clone(), send(), fresh, Verdict::Plain),
        (refused, send(), plain, Verdict::Skip),
        (ApiError::ThreadNotFound, send(), fresh, Verdict::Plain),
        (ApiError::TooLarge, send(), plain, Verdict::Skip),
    ] {
        assert_eq!(verdict(&error, &step, false, tries), wanted, "{error:?} {step:?} {tries:?}");
    }
}

#[test]
fn a_message_that_can_never_go_does_not_stop_the_others() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| match call {
            Call::Send(call) if call.text == "bad" => Some(ApiError::Refused("no".to_owned())),
            _ => None,
        });
        house.say(A, "bad");
        house.say(A, "good");
        pass(5000).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 1 bad", "✗ send🔔 1 bad", "send🔔 1 good"]);
        // Nor does a row that nobody can read.
        let broken =
            NewOutgoing { place: A, priority: 1, key: None, payload: serde_json::json!({ "type": "?" }) };
        house.db.write(|tables| tables.enqueue(&broken, Timestamp::now())).unwrap();
        house.say(A, "fine");
        pass(2000).await;
        assert_eq!(house.phone.words(), ["send🔔 1 fine"]);
        assert_eq!(house.open_rows(1), 0);
    });
}
