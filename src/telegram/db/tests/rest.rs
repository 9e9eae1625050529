//! Messages, notes, a group that moves, and what is forgotten.

use serde_json::json;

use super::outgoing::new;
use super::*;
use crate::model::{PromptId, SessionId};
use crate::telegram::db::{
    Expectation, MessageKind, Mute, NewButton, NewOutgoing, Noted, Press, PromptSet, PromptState, Taken,
    TopicRow, Why,
};

fn noted(id: i64, kind: MessageKind) -> Noted {
    Noted { place: TOPIC, id, kind, session: Some(SessionId::random()), prompt: None, at: at(0) }
}

#[test]
fn a_message_finds_what_it_belongs_to() {
    let db = db();
    let prompt = PromptId::random();
    let said = Noted { prompt: Some(prompt), ..noted(1, MessageKind::Prompt) };
    let live = Noted { prompt: Some(prompt), ..noted(2, MessageKind::Live) };
    db.write(|t| {
        t.note_message(&live)?;
        t.note_message(&said)?;
        t.note_message(&Noted { session: None, ..noted(3, MessageKind::Notice) })
    })
    .unwrap();
    assert_eq!(db.read(|t| t.message(HOME.chat, 1)).unwrap(), Some(said.clone()));
    assert_eq!(db.read(|t| t.message(1, 1)).unwrap(), None);
    assert_eq!(db.read(|t| t.messages_of(prompt)).unwrap(), [said, live.clone()]);
    let done = Noted { kind: MessageKind::Reply, ..live };
    db.write(|t| t.note_message(&done)).unwrap();
    assert_eq!(db.read(|t| t.message(HOME.chat, 2)).unwrap(), Some(done));
    db.write(|t| t.forget_message(HOME.chat, 2)).unwrap();
    assert_eq!(db.read(|t| t.message(HOME.chat, 2)).unwrap(), None);
}

#[test]
fn mutes_hold_until_they_end() {
    let db = db();
    let session = SessionId::random();
    let all = Mute { place: HOME, session: None, until: None };
    let one = Mute { place: TOPIC, session: Some(session), until: Some(at(10)) };
    db.write(|t| t.mute(&Mute { until: Some(at(5)), ..all.clone() })).unwrap();
    db.write(|t| t.mute(&all)).unwrap();
    db.write(|t| t.mute(&one)).unwrap();
    assert_eq!(db.read(|t| t.mutes(at(9))).unwrap(), [all.clone(), one]);
    assert_eq!(db.read(|t| t.mutes(at(10))).unwrap(), [all]);
    assert!(!db.write(|t| t.unmute(TOPIC, None)).unwrap());
    assert!(db.write(|t| t.unmute(HOME, None)).unwrap());
    assert!(db.write(|t| t.unmute(TOPIC, Some(session))).unwrap());
    assert_eq!(db.read(|t| t.mutes(at(0))).unwrap(), []);
}

#[test]
fn topics_belong_to_sessions() {
    let db = db();
    let session = SessionId::random();
    let topic = TopicRow { place: TOPIC, session, name: "work".to_owned(), closed: false };
    db.write(|t| t.put_topic(&topic)).unwrap();
    let closed = TopicRow { closed: true, ..topic };
    db.write(|t| t.put_topic(&closed)).unwrap();
    assert_eq!(db.read(|t| t.topic_at(TOPIC)).unwrap(), Some(closed.clone()));
    assert_eq!(db.read(|t| t.topic_at(HOME)).unwrap(), None);
    assert_eq!(db.read(|t| t.topics_of(session)).unwrap(), [closed]);
    db.write(|t| t.forget_topic(TOPIC)).unwrap();
    assert_eq!(db.read(|t| t.topics_of(session)).unwrap(), []);
}

#[test]
fn the_feed_goes_on_where_its_rows_were_stored() {
    let db = db();
    assert_eq!(db.read(Tables::feed_cursor).unwrap(), None);
    let failed = db.write(|t| {
        t.enqueue(&new(HOME, 1, None, "x"), at(0))?;
        t.set_feed_cursor(8)?;
        Err::<(), _>(crate::error::Error::failed("no").into())
    });
    assert!(failed.is_err());
    assert_eq!(db.read(Tables::feed_cursor).unwrap(), None);
    assert_eq!(db.read(|t| t.next_outgoing(HOME.chat, &[])).unwrap(), None);
    db.write(|t| t.set_feed_cursor(8)).unwrap();
    db.write(|t| t.set_feed_cursor(9)).unwrap();
    assert_eq!(db.read(Tables::feed_cursor).unwrap(), Some(9));
}

#[test]
fn who_was_told_is_known() {
    let db = db();
    assert_eq!(db.read(|t| t.hinted(666)).unwrap(), None);
    for seconds in [0, 5] {
        db.write(|t| t.note_hint(666, at(seconds))).unwrap();
        assert_eq!(db.read(|t| t.hinted(666)).unwrap(), Some(at(seconds)));
    }
    assert_eq!(db.read(|t| t.hinted(-100_666)).unwrap(), None);
}

#[test]
fn a_persons_next_text_is_for_one_thing_at_a_time() {
    let db = db();
    let expectation = |request: &str| Expectation {
        place: TOPIC,
        user: 7,
        request: Some(request.to_owned()),
        action: json!({ "reason": request }),
    };
    let expected = |place, user, seconds| db.read(|t| t.expected(place, user, at(seconds))).unwrap();
    db.write(|t| t.expect(&expectation("1"), at(0))).unwrap();
    db.write(|t| t.expect(&expectation("2"), at(1))).unwrap();
    assert_eq!(expected(TOPIC, 7, 2), Some(json!({ "reason": "2" })));
    assert_eq!((expected(TOPIC, 8, 2), expected(HOME, 7, 2), expected(TOPIC, 7, 3602)), (None, None, None));
    db.write(|t| t.expect_nothing_for(TOPIC, "1")).unwrap();
    assert!(expected(TOPIC, 7, 2).is_some());
    db.write(|t| t.expect_nothing_for(TOPIC, "2")).unwrap();
    assert_eq!(expected(TOPIC, 7, 2), None);
    db.write(|t| t.expect(&expectation("1"), at(0))).unwrap();
    db.write(|t| t.expect_no_more(TOPIC, 7)).unwrap();
    assert_eq!(expected(TOPIC, 7, 2), None);
}

#[test]
fn what_was_asked_is_known_where_it_was_shown() {
    let db = db();
    db.write(|t| t.put_asked(TOPIC, "12", &json!({ "text": "ls" }), at(0))).unwrap();
    assert_eq!(db.read(|t| t.asked(TOPIC, "12")).unwrap(), Some(json!({ "text": "ls" })));
    assert_eq!(db.read(|t| t.asked(HOME, "12")).unwrap(), None);
}

fn prompt(key: &str, state: PromptState) -> PromptSet {
    PromptSet {
        key: key.to_owned(),
        updates: Vec::new(),
        place: HOME,
        user: 7,
        reply_to: 1,
        session: None,
        prompt: None,
        state,
        at: at(0),
    }
}

fn button() -> NewButton {
    NewButton {
        place: HOME,
        user: None,
        session: None,
        request: None,
        input_hash: None,
        epoch: String::new(),
        action: json!(null),
    }
}

#[test]
fn a_group_that_moves_takes_along_what_waits() {
    let db = db();
    let to = -1_077;
    let token = db
        .write(|t| {
            t.enqueue(&new(HOME, 1, Some("k"), "there"), at(0))?;
            t.enqueue(&new(Place::chat(to), 1, Some("k"), "here"), at(0))?;
            let of_old = |payload| NewOutgoing { place: HOME, priority: 1, key: None, payload };
            t.enqueue(&of_old(json!({ "type": "message", "reply_to": 5, "text": "answers" })), at(0))?;
            t.enqueue(&of_old(json!({ "type": "edit", "message": { "id": 5 } })), at(0))?;
            t.enqueue(&of_old(json!({ "type": "edit", "message": { "row": 1 } })), at(0))?;
            t.enqueue(&of_old(json!({ "type": "react", "message": 5 })), at(0))?;
            t.put_prompt(&prompt("p", PromptState::Accepted))?;
            t.note_message(&noted(1, MessageKind::Reply))?;
            t.mute(&Mute { place: HOME, session: None, until: None })?;
            t.add_button(&button(), at(0))
        })
        .unwrap();
    db.write(|t| t.move_chat(HOME.chat, to)).unwrap();
    assert_eq!(db.read(Tables::chats_with_outgoing).unwrap(), [to]);
    let moved = db.read(|t| t.prompt_set("p")).unwrap().unwrap();
    assert_eq!((moved.place, moved.reply_to), (Place::chat(to), 0));
    let mut waits = Vec::new();
    while let Some(row) = db.read(|t| t.next_outgoing(to, &[])).unwrap() {
        waits.push(row.payload);
        db.write(|t| t.outgoing_sent(row.id, None)).unwrap();
    }
    // What was to be done to its messages is not done to others.
    let wanted =
        [json!({ "type": "message", "text": "answers" }), json!({ "type": "edit", "message": { "row": 1 } })];
    assert_eq!(waits[2..], wanted);
    assert_eq!(db.read(|t| t.message(HOME.chat, 1)).unwrap(), None);
    assert_eq!(db.read(|t| t.mutes(at(0))).unwrap()[0].place, Place::chat(to));
    let press = Press { chat: to, message: 1, user: 7, update: 1 };
    assert_eq!(db.write(|t| t.take_button(&token, press, at(0))).unwrap(), Taken::Gone);
}

#[test]
fn what_is_old_is_forgotten_and_what_waits_is_not() {
    let db = db();
    let raw = |id: i64| json!({ "update_id": id, "x": {} });
    let token = db
        .write(|t| {
            t.store_updates(&[raw(1), raw(2), raw(3), raw(4)], at(0))?;
            t.finish_update(1)?;
            t.poison_update(2, "")?;
            t.keep_update(4, Why::Session)?;
            for (key, state) in [
                ("open", PromptState::Accepted),
                ("ended", PromptState::Ended),
                ("partly", PromptState::Gathering),
            ] {
                t.put_prompt(&prompt(key, state))?;
            }
            let sent = t.enqueue(&new(HOME, 1, None, "sent"), at(0))?;
            t.outgoing_sent(sent, None)?;
            t.enqueue(&new(HOME, 1, None, "waits"), at(0))?;
            t.note_message(&noted(1, MessageKind::Reply))?;
            t.mute(&Mute { place: HOME, session: None, until: Some(at(5)) })?;
            t.mute(&Mute { place: TOPIC, session: None, until: None })?;
            t.note_hint(666, at(0))?;
            t.put_asked(HOME, "12", &json!({}), at(0))?;
            t.expect(&Expectation { place: HOME, user: 7, request: None, action: json!({}) }, at(0))?;
            t.add_button(&button(), at(0))
        })
        .unwrap();
    let prune = |days| db.write(|t| t.prune(day(days))).unwrap();
    assert_eq!(prune(0), 0);
    // The finished update, what was sent, the mute that ended, what nobody said.
    assert_eq!(prune(3), 4);
    // The poisoned update, the prompt that ended, the hint.
    assert_eq!(prune(31), 3);
    let press = Press { chat: HOME.chat, message: 1, user: 7, update: 1 };
    assert!(matches!(db.write(|t| t.take_button(&token, press, day(50))).unwrap(), Taken::Button(_)));
    // The button, and what was asked.
    assert_eq!(prune(89), 2);
    // What nobody has picked a session for, and what was not put together.
    assert_eq!(prune(91), 2);
    // The message.
    assert_eq!(prune(181), 1);
    assert_eq!(prune(364), 0);
    assert_eq!(db.read(Tables::open_prompt_sets).unwrap()[0].key, "open");
    assert_eq!(prune(9999), 1);
    assert_eq!(db.read(|t| t.new_updates(0, 9)).unwrap()[0].1.id, 3);
    assert_eq!(db.read(|t| t.next_outgoing(HOME.chat, &[])).unwrap().unwrap().payload["text"], "waits");
    assert_eq!(db.read(Tables::open_prompt_sets).unwrap(), []);
}
