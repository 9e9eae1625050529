//! What is on the screens, what has arrived in part, and who asked.

use serde_json::json;

use super::outgoing::new;
use super::*;
use crate::model::{PromptId, SessionId};
use crate::telegram::db::{LiveRow, PromptSet, PromptState, ShownApproval};

#[test]
fn a_running_turn_is_found_by_its_number_or_its_prompt() {
    let db = db();
    let (session, prompt) = (SessionId::random(), PromptId::random());
    let live = LiveRow { place: TOPIC, session, turn: 3, prompt: Some(prompt), message: 70 };
    db.write(|t| {
        t.put_live(&live, at(0))?;
        t.put_live(&LiveRow { place: HOME, prompt: None, message: 71, ..live }, at(0))?;
        t.put_live(&LiveRow { turn: 2, message: 69, ..live }, at(0))
    })
    .unwrap();
    let message = |place, turn, prompt| db.read(|t| t.live_message(place, session, turn, prompt)).unwrap();
    assert_eq!(message(TOPIC, 3, None), Some(70));
    assert_eq!(message(HOME, 3, None), Some(71));
    // A host that recovered the turn gave it another number.
    assert_eq!(message(TOPIC, 4, Some(prompt)), Some(70));
    assert_eq!(message(HOME, 4, None), None);
    assert_eq!(db.read(|t| t.live_places(session, 3)).unwrap(), [HOME, TOPIC]);
    db.write(|t| t.end_live(TOPIC.chat, 70)).unwrap();
    assert_eq!(message(TOPIC, 3, None), None);
    assert_eq!(db.read(|t| t.live_places(session, 3)).unwrap(), [HOME]);
}

#[test]
fn an_approval_is_found_in_the_messages_that_ask() {
    let db = db();
    let session = SessionId::random();
    let row = db
        .write(|t| {
            let row = t.enqueue(&new(HOME, 1, None, "asks"), at(0))?;
            t.put_shown_approval(12, session, HOME, row, at(0))?;
            t.put_shown_approval(12, session, TOPIC, row + 1, at(0))?;
            Ok(row)
        })
        .unwrap();
    let shown = |place, outgoing, message| ShownApproval {
        approval: 12,
        session: Some(session),
        place,
        outgoing,
        message,
    };
    let asked = || db.read(|t| t.shown_approvals(12)).unwrap();
    assert_eq!(asked(), [shown(HOME, row, None), shown(TOPIC, row + 1, None)]);
    // It is known longer than the row is.
    db.write(|t| t.outgoing_sent(row, Some(80))).unwrap();
    db.write(|t| t.prune(day(3))).unwrap();
    assert_eq!(db.read(|t| t.message_of_outgoing(row)).unwrap(), None);
    assert_eq!(asked()[0], shown(HOME, row, Some(80)));
    assert_eq!(db.read(|t| t.shown_approvals_of(session)).unwrap(), asked());
    assert_eq!(db.read(|t| t.shown_approvals_of(SessionId::random())).unwrap(), []);
    // Only what is not there yet can be asked somewhere else, and nowhere twice.
    let unsent = |place| db.read(|t| t.unsent_approvals_in(place)).unwrap();
    assert_eq!((unsent(HOME), unsent(TOPIC)), (Vec::new(), vec![shown(TOPIC, row + 1, None)]));
    db.write(|t| t.move_shown_approval(12, TOPIC, HOME)).unwrap();
    assert_eq!(asked(), [shown(HOME, row, Some(80))]);
    db.write(|t| t.move_shown_approval(12, HOME, TOPIC)).unwrap();
    assert_eq!(asked(), [shown(TOPIC, row, Some(80))]);
    db.write(|t| t.forget_shown_approvals(12)).unwrap();
    assert_eq!(asked(), []);
}

#[test]
fn what_has_arrived_in_part_is_finished_first_and_not_replaced() {
    let db = db();
    let put = |priority, key, text| db.write(|t| t.enqueue(&new(HOME, priority, key, text), at(0))).unwrap();
    let next = || db.read(|t| t.next_outgoing(HOME.chat, &[])).unwrap().unwrap();
    let long = put(9, Some("k"), "long");
    db.write(|t| t.begin_outgoing(long)).unwrap();
    db.write(|t| t.advance_outgoing(long, 2)).unwrap();
    let newer = put(1, Some("k"), "newer");
    assert_eq!((next().id, next().progress), (long, 2));
    db.write(|t| t.put_off_outgoing(long, "wait")).unwrap();
    assert_eq!((next().id, next().progress), (long, 2));
    db.write(|t| t.outgoing_sent(long, None)).unwrap();
    assert_eq!((next().id, next().progress), (newer, 0));
    // What takes the place of one that waits in the middle begins at its own beginning.
    db.write(|t| t.begin_outgoing(newer)).unwrap();
    db.write(|t| t.advance_outgoing(newer, 1)).unwrap();
    db.write(|t| t.put_off_outgoing(newer, "wait")).unwrap();
    assert_eq!(put(1, Some("k"), "newest"), newer);
    assert_eq!((next().progress, next().payload), (0, json!({ "text": "newest" })));
}

#[test]
fn a_chat_waits_no_longer_than_telegram_wants() {
    let db = db();
    let wait = std::time::Duration::from_secs(60);
    db.write(|t| t.hold_chat(7, wait, at(100))).unwrap();
    let held = |second| db.read(|t| t.held_chats(at(second))).unwrap();
    assert_eq!(held(100), [(7, wait)]);
    assert_eq!(held(150), [(7, std::time::Duration::from_secs(10))]);
    assert_eq!(held(160), []);
    // The calendar was set back.
    assert_eq!(held(0), [(7, wait)]);
    db.write(|t| t.hold_chat(7, wait / 2, at(130))).unwrap();
    assert_eq!(held(130), [(7, wait / 2)]);
}

#[test]
fn a_prompt_that_has_ended_does_not_begin_again() {
    let db = db();
    let session = SessionId::random();
    let set = |state| PromptSet {
        key: "tg:42:1".to_owned(),
        updates: vec![1],
        place: HOME,
        user: 1,
        reply_to: 1,
        session: Some(session),
        prompt: Some(PromptId::random()),
        state,
        at: at(0),
    };
    let state = || db.read(|t| t.prompt_set("tg:42:1")).unwrap().unwrap().state;
    for next in [PromptState::Gathering, PromptState::Refused, PromptState::Accepted, PromptState::Ended] {
        db.write(|t| t.put_prompt(&set(next))).unwrap();
        assert_eq!(state(), next);
    }
    db.write(|t| t.put_prompt(&set(PromptState::Accepted))).unwrap();
    assert_eq!(state(), PromptState::Ended);
}

#[test]
fn a_session_knows_who_asked_it() {
    let db = db();
    let session = SessionId::random();
    let set = |key: &str, place, state, second| PromptSet {
        key: key.to_owned(),
        updates: Vec::new(),
        place,
        user: 1,
        reply_to: 1,
        session: Some(session),
        prompt: Some(PromptId::random()),
        state,
        at: at(second),
    };
    let sets = [
        set("a", HOME, PromptState::Ended, 1),
        set("b", TOPIC, PromptState::Accepted, 3),
        set("c", HOME, PromptState::Accepted, 2),
        set("d", HOME, PromptState::Refused, 9),
        PromptSet { session: None, ..set("e", HOME, PromptState::Gathering, 9) },
    ];
    db.write(|t| sets.iter().try_for_each(|set| t.put_prompt(set))).unwrap();
    let keys = |sets: Vec<PromptSet>| sets.into_iter().map(|set| set.key).collect::<Vec<_>>();
    assert_eq!(keys(db.read(|t| t.accepted_in(session)).unwrap()), ["c", "b"]);
    assert_eq!(db.read(|t| t.last_asked(session)).unwrap().unwrap().key, "b");
    assert_eq!(db.read(|t| t.places_of(session)).unwrap(), [HOME, TOPIC]);
    assert_eq!(db.read(|t| t.last_asked(SessionId::random())).unwrap(), None);
}
