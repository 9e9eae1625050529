//! What must arrive does so once, in order, also over a restart.

use super::super::call::Call;
use super::phone::words;
use super::*;
use crate::telegram::api::ApiError;
use crate::telegram::api::methods::ReplyTo;
use crate::telegram::db::{NewButton, Press as Pressed, Taken};

const A: Place = Place::chat(1);
const B: Place = Place::chat(2);

/// So many paragraphs that so many messages are needed.
fn long(pieces: usize) -> String {
    (0..pieces).map(|number| format!("{number} {}\n\n", "word ".repeat(700))).collect()
}

#[test]
fn a_row_becomes_a_message_and_is_known_by_it() {
    run(async {
        let house = House::new();
        let topic = Place { chat: -5, thread: Some(7) };
        let button = NewButton {
            place: topic,
            user: None,
            session: None,
            request: None,
            input_hash: None,
            epoch: "e".to_owned(),
            action: serde_json::json!({}),
        };
        let token = house.db.write(|tables| tables.add_button(&button, Timestamp::now())).unwrap();
        let session = SessionId::random();
        let row = house.put(
            topic,
            priority::ANSWER,
            &Payload::Message(Message {
                rich: Rich::plain("words"),
                ring: true,
                reply_to: Some(3),
                buttons: super::token(&token),
                note: Note { kind: MessageKind::Approval, session: Some(session), prompt: None },
            }),
        );
        pass(200).await;
        let seen = house.phone.seen();
        assert_eq!(seen.iter().map(|seen| words(&seen.call)).collect::<Vec<_>>(), ["send🔔 -5:7 words"]);
        let Call::Send(call) = &seen[0].call else { panic!() };
        assert_eq!(call.reply_parameters, Some(ReplyTo::message(3)));
        assert!(call.reply_markup.is_some());
        house
            .db
            .read(|tables| {
                assert_eq!(tables.message_of_outgoing(row)?, Some(100));
                let noted = tables.message(-5, 100)?.unwrap();
                assert_eq!(
                    (noted.place, noted.session, noted.kind),
                    (topic, Some(session), MessageKind::Approval)
                );
                let press = Pressed { chat: -5, message: 99, user: 1, update: 1 };
                assert_eq!(tables.take_button(&token, press, Timestamp::now())?, Taken::Gone);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn the_most_urgent_goes_first_and_pieces_stay_together() {
    run(async {
        let house = House::new();
        house.put(A, priority::MIRROR, &message(&long(2)));
        house.put(A, priority::MIRROR, &message("mirrored"));
        house.say(B, "elsewhere");
        pass(60).await;
        // The first piece is on its way.
        house.say(A, "answer");
        pass(5000).await;
        assert_eq!(
            house.phone.words(),
            [
                "send🔔 2 elsewhere",
                "send🔔 1 0 word word word word wo",
                "send 1 1 word word word word wo",
                "send🔔 1 answer",
                "send🔔 1 mirrored"
            ]
        );
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn a_kill_in_the_middle_repeats_at_most_what_was_in_the_air() {
    run(async {
        let house = House::new();
        house.put(A, priority::FINAL, &message(&long(4)));
        // The first two are there, the third has arrived but its answer has not.
        pass(270).await;
        let house = house.killed().await;
        pass(20_000).await;
        assert_eq!(
            house.phone.words(),
            [
                "send🔔 1 0 word word word word wo",
                "send 1 1 word word word word wo",
                "send 1 2 word word word word wo",
                "send 1 2 word word word word wo",
                "send 1 3 word word word word wo"
            ]
        );
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn whenever_it_is_killed_everything_arrives_in_order_and_at_most_twice() {
    for kill in (0..4200).step_by(60) {
        run(async {
            let house = House::new();
            let session = SessionId::random();
            house.show(key(1, session), "working");
            pass(150).await;
            house.put(A, priority::FINAL, &Payload::Final(last(session, true, &long(3))));
            house.say(A, "answer");
            pass(kill).await;
            let house = house.killed().await;
            pass(20_000).await;
            assert_eq!(house.open_rows(1), 0, "killed after {kill} ms");
            let mut words = house.phone.words();
            let all = words.len();
            words.dedup();
            assert!(all <= words.len() + 1, "killed after {kill} ms: {words:?}");
            assert_eq!(
                words,
                [
                    "send 1 working",
                    "send🔔 1 answer",
                    "send🔔 1 0 word word word word wo",
                    "send 1 1 word word word word wo",
                    "send 1 2 word word word word wo",
                    "edit 1/100 ✓ 4m12s · 14 tools",
                ],
                "killed after {kill} ms"
            );
        });
    }
}

#[test]
fn rows_of_an_earlier_run_are_sent_at_the_start() {
    run(async {
        let house = House::new();
        house.phone.rule(|_| Some(ApiError::Network { maybe_done: false, why: String::new() }));
        house.say(A, "one");
        house.say(B, "two");
        pass(2000).await;
        house.phone.seen();
        let house = house.killed().await;
        house.phone.rule(|_| None);
        // The calendar of these tests is a little ahead after a restart.
        pass(3000).await;
        assert_eq!(house.phone.words(), ["send🔔 1 one", "send🔔 2 two"]);
    });
}

#[test]
fn an_edit_finds_the_message_of_its_row() {
    run(async {
        let house = House::new();
        let row = house.say(A, "asked");
        let edit =
            |message| Payload::Edit { message, rich: Rich::plain("settled"), buttons: Keyboard::default() };
        house.put(A, priority::APPROVAL, &edit(Target::Row(row)));
        pass(500).await;
        house.put(A, priority::APPROVAL, &edit(Target::Id(33)));
        house.put(A, priority::APPROVAL, &Payload::Delete { message: 33 });
        house.put(A, priority::APPROVAL, &Payload::React { message: 34, emoji: Some("👍".to_owned()) });
        // What was never sent cannot be changed.
        house.put(A, priority::APPROVAL, &edit(Target::Row(9999)));
        pass(5000).await;
        assert_eq!(
            house.phone.words(),
            ["send🔔 1 asked", "edit 1/100 settled", "edit 1/33 settled", "delete 1/33", "react 1/34"]
        );
        assert_eq!(house.open_rows(1), 0);
    });
}

#[test]
fn at_the_end_what_must_arrive_still_goes_and_nothing_else() {
    run(async {
        let house = House::new();
        let session = SessionId::random();
        for number in 0..5 {
            house.say(A, &number.to_string());
        }
        house.outbox.order(Order::Typing { place: A, on: true });
        house.show(key(2, session), "live");
        house.phone.rule(|call| match call {
            Call::Send(call) if call.chat_id == 3 => Some(ApiError::RetryAfter(Duration::from_secs(99))),
            _ => None,
        });
        house.say(Place::chat(3), "waits");
        house.stop.send_replace(true);
        let begun = tokio::time::Instant::now();
        house.task.await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        let words = house.phone.words();
        assert_eq!(words.iter().filter(|words| words.starts_with("send🔔 1")).count(), 5, "{words:?}");
        assert_eq!(words.len(), 6, "{words:?}");
    });
}

#[test]
fn an_end_that_takes_too_long_is_not_waited_for() {
    run(async {
        let house = House::new();
        for number in 0..50 {
            house.say(A, &number.to_string());
        }
        house.stop.send_replace(true);
        let begun = tokio::time::Instant::now();
        house.task.await.unwrap();
        assert!(begun.elapsed() <= Duration::from_secs(10));
        let sent = house.phone.words().len();
        assert!((10..14).contains(&sent), "{sent}");
    });
}

#[test]
fn answers_to_presses_do_not_wait() {
    run(async {
        let house = House::new();
        for number in 0..20 {
            house.say(A, &number.to_string());
        }
        pass(3000).await;
        house.phone.seen();
        let answer = Order::Answer { callback: "q".to_owned(), text: Some("Done".to_owned()), alert: false };
        house.outbox.order(answer);
        pass(60).await;
        assert_eq!(house.phone.words()[0], "answer q");
    });
}
