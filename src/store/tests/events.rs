//! The log's numbers, and finding what was said.

use proptest::prelude::*;

use super::{accepted, made, said};
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
    assert_eq!(db.search("hello", 10).unwrap().len(), 2);
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

    #[test]
    fn no_search_is_a_syntax_error(query in ".{0,40}") {
        let db = Db::in_memory();
        if let Err(error) = db.search(&query, 5) {
            prop_assert_eq!(error.kind, Kind::Usage, "{}", error);
        }
    }
}

#[test]
fn search_finds_words_phrases_and_beginnings() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    accepted(&mut db, id, "Why is the café closed today?");
    db.append(id, &[said("The server closed the connection"), said("deployment done")]).unwrap();
    let tool = NewEvent { kind: EventKind::Tool, ..said("closed tool") };
    db.append(id, &[tool]).unwrap();
    let seqs = |query: &str| {
        let mut seqs: Vec<_> = db.search(query, 10).unwrap().iter().map(|hit| hit.seq).collect();
        seqs.sort_unstable();
        seqs
    };
    assert_eq!(seqs("closed"), [1, 2], "prompts and replies, not tools");
    assert_eq!(seqs("CAFE"), [1]);
    assert_eq!(seqs("closed server"), [2]);
    assert_eq!(seqs("\"closed the\""), [2]);
    assert!(seqs("\"the closed\"").is_empty());
    assert!(seqs("deploy").is_empty());
    assert_eq!(seqs("deploy*"), [3]);
    let hit = db.search("cafe", 10).unwrap().remove(0);
    assert_eq!(
        (hit.snippet.as_str(), hit.kind, hit.name.as_str()),
        ("Why is the [café] closed today?", EventKind::Prompt, "work")
    );
    assert_eq!(db.search("closed", 1).unwrap().len(), 1);
}

#[test]
fn search_syntax_is_only_words() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    db.append(id, &[said("NEAR and OR are words: a-b \"quoted\" x:y")]).unwrap();
    for query in [
        "NEAR OR",
        "a-b",
        "x:y",
        "\"quoted",
        "and\" or",
        "(near)",
        "{near}",
        "^near",
        "n*ear near",
        "near\0or",
    ] {
        db.search(query, 5).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
    assert_eq!(db.search("a-b", 5).unwrap().len(), 1);
    assert_eq!(db.search("-", 5).unwrap_err().kind, Kind::Usage);
}
