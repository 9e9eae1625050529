//! Many chats at once, against Telegram's limits.

use super::super::call::Call;
use super::phone::{Seen, chat};
use super::*;

/// Twenty chats, each with a turn that streams for a minute and then ends; every third is a group.
#[test]
fn twenty_chats_stream_at_once_and_no_end_waits() {
    run(async {
        let db = Db::in_memory();
        db.write(|tables| tables.adopt(42)).unwrap();
        let phone = Phone::limited();
        let house = House::on(Arc::new(db), phone);
        let session = SessionId::random();
        let chats: Vec<i64> = (1..=20).map(|number| if number % 3 == 0 { -number } else { number }).collect();
        for &chat in &chats {
            house.outbox.order(Order::Typing { place: Place::chat(chat), on: true });
        }
        for step in 0..240 {
            for &chat in &chats {
                house.show(key(chat, session), &format!("view {step}"));
            }
            pass(250).await;
        }
        let streamed = house.phone.seen();
        let refused = streamed.iter().filter(|seen| !seen.taken).count();
        assert_eq!(refused, 0);
        let ended = 60_000;
        for &chat in &chats {
            house.put(Place::chat(chat), priority::FINAL, &Payload::Final(last(session, true, "done")));
        }
        pass(10_000).await;
        let finals = house.phone.seen();
        assert!(finals.iter().all(|seen| seen.taken));
        let mut slowest_final = 0;
        let mut widest = (0, 0);
        for &id in &chats {
            let of_chat = |seen: &&Seen| chat(&seen.call) == id && !matches!(seen.call, Call::Typing(_));
            let times: Vec<u64> = streamed.iter().filter(of_chat).map(|seen| seen.at).collect();
            let gaps = times.windows(2).map(|two| two[1] - two[0]);
            let widest = if id < 0 { &mut widest.1 } else { &mut widest.0 };
            *widest = gaps.max().unwrap().max(*widest);
            let last = finals.iter().filter(of_chat).find(|seen| matches!(seen.call, Call::Send(_)));
            slowest_final = slowest_final.max(last.unwrap().at - ended);
        }
        println!("widest gap between edits: private {} ms, group {} ms", widest.0, widest.1);
        println!("slowest end of a turn: {slowest_final} ms; calls while streaming: {}", streamed.len());
        // The ideal: 3.5 s in a private chat after the first edits, 4.5 s in a group; an end goes at once.
        assert!(widest.0 <= 7_000 && widest.1 <= 9_000, "{widest:?}");
        assert!(slowest_final <= 2_000, "{slowest_final}");
    });
}
