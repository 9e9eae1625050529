//! The log's numbers.

use proptest::prelude::*;

use super::{made, said, search};
use crate::error::Kind;
use crate::model::{Detail, EventKind, NewEvent, Origin, Outcome, PromptId, SessionId, Stages, Usage};
use crate::store::Db;

#[test]
fn events_are_read_back_as_they_were_appended() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let turn = Detail::Turn {
        turn: 9,
        origin: Origin::Claude,
        outcome: Outcome::Failed,
        prompts: vec![PromptId::random()],
        cost_usd: 0.25,
        usage: Usage::default(),
        stages: Stages { cold: true, ..Stages::default() },
    };
    let ended = NewEvent {
        kind: EventKind::TurnEnded,
        text: "it failed".to_owned(),
        prompt_id: Some(PromptId::random()),
        detail: Some(turn),
    };
    let appended = db.append(id, &[said("hello"), ended]).unwrap();
    let events: Vec<_> = appended.iter().map(|fed| fed.event.clone()).collect();
    assert_eq!(db.events(id, 0, 10).unwrap(), events);
    assert_eq!(db.events(id, 1, 10).unwrap(), events[1..]);
    assert_eq!(db.events(id, 0, 1).unwrap(), events[..1]);
    assert_eq!(db.events(id, u64::MAX, 10).unwrap(), []);
    assert_eq!(db.feed(0, 10).unwrap(), appended);
    assert_eq!(db.feed_head().unwrap(), appended[1].feed);

    let copy = made(&mut db, "copy");
    db.import_events(copy, events.iter().cloned().map(Ok)).unwrap();
    assert_eq!(db.events(copy, 0, 10).unwrap(), events);
    assert_eq!(db.next_turn(copy).unwrap(), 10, "turn ids go on after the imported ones");
    assert_eq!(db.feed(0, 10).unwrap(), appended, "a restored log is no news");
    assert_eq!(search(&db, "hello", 10).unwrap().len(), 2);
    assert!(db.append(copy, &[said("on")]).unwrap()[0].feed > appended[1].feed);
}

#[test]
fn large_events_come_in_pages() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    db.append(id, &vec![said(&"x".repeat(5 << 20)); 3]).unwrap();
    let pages: Vec<usize> = [0, 2, 3].map(|since| db.events(id, since, 100).unwrap().len()).to_vec();
    assert_eq!(pages, [2, 1, 0]);
    assert_eq!(db.feed(0, 100).unwrap().len(), 2);
}

#[test]
fn an_unknown_session_has_no_log() {
    let mut db = Db::in_memory();
    assert_eq!(db.append(SessionId::random(), &[said("x")]).unwrap_err().kind, Kind::NotFound);
    assert_eq!(db.head(SessionId::random()).unwrap_err().kind, Kind::NotFound);
}

#[test]
fn the_feed_never_repeats_a_cursor_even_after_a_deletion() {
    let mut db = Db::in_memory();
    let first = made(&mut db, "first");
    let last = db.append(first, &[said("a"), said("b")]).unwrap().pop().unwrap().feed;
    db.delete_session(first).unwrap();
    let second = made(&mut db, "second");
    let next = db.append(second, &[said("c")]).unwrap().pop().unwrap();
    assert!(next.feed > last);
    assert_eq!(db.feed(last, 10).unwrap(), [next]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn seq_has_no_gaps_however_sessions_interleave(
        steps in prop::collection::vec((0..3_usize, 1..4_usize, any::<bool>()), 1..40)
    ) {
        let mut db = Db::in_memory();
        let sessions = ["a", "b", "c"].map(|name| made(&mut db, name));
        for (which, count, fails) in steps {
            let events = vec![said("x"); count];
            let outcome = db.atomically(|db| {
                db.append(sessions[which], &events)?;
                if fails { Err(crate::error::Error::failed("no")) } else { Ok(()) }
            });
            prop_assert_eq!(outcome.is_err(), fails);
        }
        for id in sessions {
            let seqs: Vec<u64> = db.events(id, 0, 1000).unwrap().iter().map(|event| event.seq).collect();
            prop_assert_eq!(seqs, (1..=db.head(id).unwrap()).collect::<Vec<_>>());
        }
    }
}
