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
        // Nothing overtakes it, for it is the chat that waits.
        house.put(A, 1, &message("urgent"));
        house.outbox.order(Order::Typing { place: A, on: true });
        house.show(key(1, SessionId::random()), "live");
        pass(50_000).await;
        assert_eq!(house.phone.seen().len(), 0);
        // The calendar stands still here, so it waits the whole time again.
        pass(10_200).await;
        assert_eq!(house.phone.words(), ["send🔔 1 urgent", "send🔔 1 a"]);
        // What was only fresh brings the same about.
        house.phone.rule(|call| {
            let is_fresh = matches!(call, Call::Typing(_));
            is_fresh.then_some(ApiError::RetryAfter(Duration::from_secs(60)))
        });
        house.outbox.order(Order::Typing { place: B, on: true });
        pass(1000).await;
        house.phone.seen();
        let house = house.killed().await;
        house.say(B, "b");
        pass(50_000).await;
        assert_eq!(house.phone.seen().len(), 0);
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

/// While nothing arrives it is not given up. What alone is never answered while others are is there by all appearances.
#[test]
fn what_may_have_arrived_is_sent_again_and_not_for_ever() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| (chat(call) == 1 && is_send(call)).then(|| network(true)));
        house.say(A, "a");
        house.say(A, "b");
        pass(600_000).await;
        let words = house.phone.words();
        assert!(words.len() > 5 && words.iter().all(|words| words == "✗ send🔔 1 a"), "{words:?}");
        assert_eq!(house.open_rows(1), 2);
        for sign in 0..8 {
            house.say(B, &sign.to_string());
            pass(2000).await;
        }
        let words = house.phone.words();
        let tries = |of: &str| words.iter().filter(|words| words.ends_with(of)).count();
        assert_eq!((tries("1 a"), tries("1 b")), (4, 5), "{words:?}");
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
fn trouble_inside_telegram_is_waited_out() {
    run(async {
        let house = House::new();
        let trouble = || ApiError::Server { status: 502 };
        house.phone.refuse(is_send, [trouble(), trouble(), trouble()]);
        house.say(A, "a");
        house.say(A, "b");
        pass(9_000).await;
        let words = [["✗ send🔔 1 a"; 3].as_slice(), &["send🔔 1 a", "send🔔 1 b"]].concat();
        assert_eq!(house.phone.words(), words);
        // So it is where the answer was lost after it took effect: an edit may be made twice.
        let row = house.say(A, "c");
        pass(2000).await;
        house.phone.seen();
        house.phone.refuse(|call| matches!(call, Call::Edit(_)), vec![network(true); 6]);
        let (rich, buttons) = (Rich::plain("d"), Keyboard::default());
        house.put(A, priority::ANSWER, &Payload::Edit { message: Target::Row(row), rich, buttons });
        pass(120_000).await;
        let words = house.phone.words();
        assert_eq!((words.len(), words[6].as_str()), (7, "edit 1/102 d"));
    });
}

/// A connection that is only half there: its call ends when its time is up.
#[test]
fn a_call_that_hangs_keeps_no_other_chat_waiting() {
    run(async {
        let house = House::new();
        house.phone.slow(|call| chat(call) == 1, Duration::from_secs(30));
        house.phone.refuse(|call| chat(call) == 1, [network(true)]);
        house.say(A, "a");
        house.say(A, "b");
        pass(100).await;
        for number in 0..3 {
            house.say(B, &number.to_string());
        }
        house.outbox.order(Order::Answer { callback: "q".to_owned(), text: None, alert: false });
        pass(1000).await;
        assert_eq!(house.phone.words(), ["answer q", "send🔔 2 0", "send🔔 2 1", "send🔔 2 2"]);
        pass(100_000).await;
        assert_eq!(house.phone.words(), ["✗ send🔔 1 a", "send🔔 1 a", "send🔔 1 b"]);
    });
}

/// Whatever shows how a turn goes meets the same troubles as what must arrive, and is as careful with them.
#[test]
fn what_is_only_fresh_obeys_too() {
    // How often it is tried there, and whether others go on.
    for (error, tries, goes_on) in [
        (ApiError::RetryAfter(Duration::from_secs(600)), 1, true),
        // The sign that something is done is asked for anew.
        (ApiError::Blocked("no".to_owned()), 2, true),
        // Less and less often, each time with the sign: it may know the token again.
        (ApiError::Unauthorized, 13, true),
    ] {
        run(async {
            let house = House::new();
            let told = error.clone();
            house.phone.rule(move |call| (chat(call) == 1).then(|| told.clone()));
            let session = SessionId::random();
            house.show(key(1, session), "live");
            pass(200).await;
            house.outbox.order(Order::Typing { place: A, on: true });
            house.show(key(1, session), "more");
            pass(500_000).await;
            house.say(B, "b");
            pass(1000).await;
            let seen = house.phone.seen();
            let there = seen.iter().filter(|seen| chat(&seen.call) == 1).count();
            assert_eq!((there, seen.len() > there), (tries, goes_on), "{error}: {seen:?}");
        });
    }
    run(async {
        let house = House::new();
        house.phone.rule(|call| (chat(call) == -1).then_some(ApiError::Migrated(-2)));
        house.put(Place::chat(-1), priority::MIRROR, &message("a"));
        house.outbox.order(Order::Typing { place: Place::chat(-1), on: true });
        pass(60_000).await;
        let seen = house.phone.seen();
        assert_eq!(seen.iter().filter(|seen| chat(&seen.call) == -1 && !seen.taken).count(), 2, "{seen:?}");
        assert_eq!(house.open_rows(-1), 0);
    });
    run(async {
        let house = House::new();
        let session = SessionId::random();
        house.show(key(1, session), "live");
        pass(3000).await;
        let trouble = ApiError::Server { status: 500 };
        house.phone.refuse(|call| matches!(call, Call::Edit(_)), [trouble.clone(), trouble]);
        house.show(key(1, session), "more");
        pass(20_000).await;
        let edit = "edit 1/100 more";
        let words = house.phone.words();
        assert_eq!(words, ["send 1 live", "✗ edit 1/100 more", "✗ edit 1/100 more", edit]);
    });
}

#[test]
fn what_the_disk_does_not_take_is_not_sent_twice() {
    run(async {
        let house = House::new();
        house.say(A, "a");
        house.say(A, "b");
        // It is on its way; the disk is full just when it has arrived.
        pass(60).await;
        house.db.set_read_only(true);
        pass(60).await;
        house.db.set_read_only(false);
        pass(4000).await;
        assert_eq!(house.phone.words(), ["send🔔 1 a"]);
        pass(4000).await;
        assert_eq!(house.phone.words(), ["send🔔 1 b"]);
        assert_eq!(house.open_rows(1), 0);
        // Nor begun, if that cannot be noted.
        house.say(A, "c");
        house.db.set_read_only(true);
        pass(60_000).await;
        assert_eq!(house.phone.seen().len(), 0);
        house.db.set_read_only(false);
        pass(60_000).await;
        assert_eq!(house.phone.words(), ["send🔔 1 c"]);
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
fn an_answer_to_a_press_is_given_again_while_somebody_looks() {
    run(async {
        let house = House::new();
        let press = || Order::Answer { callback: "q".to_owned(), text: None, alert: false };
        house.phone.refuse(
            |call| matches!(call, Call::Answer(_)),
            [network(true), ApiError::Server { status: 502 }, ApiError::RetryAfter(Duration::from_secs(5))],
        );
        house.outbox.order(press());
        pass(9_000).await;
        assert_eq!(house.phone.words(), ["✗ answer q", "✗ answer q", "✗ answer q", "answer q"]);
        // Too old, or too much to wait for: that is that.
        for error in [ApiError::QueryTooOld, ApiError::RetryAfter(Duration::from_secs(60))] {
            house.phone.refuse(|call| matches!(call, Call::Answer(_)), [error]);
            house.outbox.order(press());
            pass(100_000).await;
            assert_eq!(house.phone.words(), ["✗ answer q"]);
        }
        house.phone.rule(|_| Some(network(false)));
        house.outbox.order(press());
        pass(600_000).await;
        assert_eq!(house.phone.words(), ["✗ answer q"; 5]);
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
        house.phone.refuse(|_| true, [ApiError::Local("it is gone".to_owned())]);
        house.put(A, priority::MIRROR, &file(FileContent::Path("/nowhere/x.bin".into())));
        pass(2000).await;
        assert_eq!(house.phone.words(), ["✗ upload 1 x.bin", "send 1 x.bin cannot be sent: it"]);
        assert_eq!(house.open_rows(1), 0);
        // Refused as what it is and with its formatting, and without too.
        house.phone.rule(|call| {
            matches!(call, Call::Upload { .. }).then(|| ApiError::Refused("no files here".to_owned()))
        });
        house.put(A, priority::MIRROR, &file(FileContent::Text("x".to_owned())));
        pass(5000).await;
        let upload = "✗ upload 1 x.bin";
        assert_eq!(house.phone.words(), [upload, upload, "send 1 x.bin cannot be sent: Te"]);
    });
}

#[test]
fn refused_formatting_costs_a_file_its_captions_formatting_alone() {
    run(async {
        let house = House::new();
        house.phone.rule(|call| match call {
            Call::Upload { file, .. } if !file.caption.entities.is_empty() => {
                Some(ApiError::BadEntities("no".to_owned()))
            }
            _ => None,
        });
        let mut caption = Rich::default();
        caption.push("work", Style::Bold);
        let file = Payload::File(FileOut {
            name: "x.bin".to_owned(),
            content: FileContent::Text("x".to_owned()),
            caption,
            ring: false,
            reply_to: None,
            buttons: Keyboard::default(),
            note: note(),
        });
        house.put(A, priority::MIRROR, &file);
        pass(5000).await;
        assert_eq!(house.phone.words(), ["✗ upload 1 x.bin", "upload 1 x.bin"]);
    });
}

#[test]
fn a_long_upload_does_not_keep_urgent_things_waiting() {
    run(async {
        let house = House::new();
        house.phone.slow(|call| matches!(call, Call::Upload { .. }), Duration::from_secs(60));
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
        (ApiError::Server { status: 500 }, send(), Tries { failures: 4, ..plain }, later(false)),
        (ApiError::Server { status: 500 }, send(), Tries { failures: 5, ..plain }, Verdict::Skip),
        (ApiError::Server { status: 500 }, edit(true), Tries { failures: 5, ..plain }, Verdict::NoLive),
        (ApiError::Unauthorized, send(), doubtful, later(true)),
        (refused.clone(), send(), fresh, Verdict::Plain),
        (refused.clone(), send(), plain, Verdict::Skip),
        (refused, edit(true), plain, Verdict::NoLive),
        (ApiError::ThreadNotFound, send(), fresh, Verdict::Plain),
        (ApiError::TooLarge, send(), plain, Verdict::Skip),
        (ApiError::Conflict(String::new()), send(), fresh, later(false)),
        (ApiError::ThreadNotFound, Step::Topic { closed: true }, fresh, Verdict::Skip),
        (ApiError::MessageGone, Step::Delete { message: 1 }, fresh, Verdict::Done),
        (ApiError::MessageGone, Step::React { message: 1, emoji: None }, fresh, Verdict::Done),
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
