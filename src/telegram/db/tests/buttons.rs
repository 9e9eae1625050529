//! Buttons are pressed once, by the right one, under their own message.

use std::collections::HashSet;
use std::sync::Barrier;

use serde_json::json;

use super::*;
use crate::model::SessionId;
use crate::telegram::db::{Button, NewButton, Press, Taken};

const PRESS: Press = Press { chat: -1_001, message: 5, user: 7, update: 1 };

fn new(session: SessionId) -> NewButton {
    NewButton {
        place: TOPIC,
        user: None,
        session: Some(session),
        request: Some("r".to_owned()),
        input_hash: Some("abc".to_owned()),
        epoch: "1".to_owned(),
        action: json!({ "allow": true }),
    }
}

fn add(db: &Db, button: &NewButton) -> String {
    db.write(|t| t.add_button(button, at(0))).unwrap()
}

fn take(db: &Db, token: &str, press: Press) -> Taken {
    db.write(|t| t.take_button(token, press, at(1))).unwrap()
}

#[test]
fn a_token_is_short_plain_and_never_the_same() {
    let db = db();
    let button = new(SessionId::random());
    let tokens: HashSet<String> = (0..200).map(|_| add(&db, &button)).collect();
    assert_eq!(tokens.len(), 200);
    for token in tokens {
        assert_eq!(token.len(), 22);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{token}");
    }
}

#[test]
fn a_button_works_once() {
    let db = db();
    let session = SessionId::random();
    let token = add(&db, &new(session));
    db.write(|t| t.place_buttons(std::slice::from_ref(&token), 5)).unwrap();
    let wanted = Button {
        place: TOPIC,
        message: Some(5),
        session: Some(session),
        request: Some("r".to_owned()),
        input_hash: Some("abc".to_owned()),
        epoch: "1".to_owned(),
        action: json!({ "allow": true }),
        made: at(0),
    };
    assert_eq!(take(&db, &token, PRESS), Taken::Button(wanted.clone()));
    // Handled again after a crash it is still the same press; another one comes too late.
    assert_eq!(take(&db, &token, PRESS), Taken::Button(wanted.clone()));
    assert_eq!(take(&db, &token, Press { update: 2, ..PRESS }), Taken::Used);
    db.write(|t| t.give_back_button(&token)).unwrap();
    assert_eq!(take(&db, &token, Press { update: 3, ..PRESS }), Taken::Button(wanted.clone()));
    db.write(|t| t.give_back_button(&token)).unwrap();
    assert_eq!(take(&db, &token, PRESS), Taken::Button(wanted));
}

#[test]
fn a_press_from_elsewhere_uses_nothing_up() {
    let db = db();
    let token = add(&db, &NewButton { user: Some(7), ..new(SessionId::random()) });
    // Not yet known to be under any message: the right person in the right chat may be that quick.
    assert_eq!(take(&db, &token, Press { chat: 1, ..PRESS }), Taken::Gone);
    db.write(|t| t.place_buttons(std::slice::from_ref(&token), 5)).unwrap();
    assert_eq!(take(&db, &token, Press { message: 6, ..PRESS }), Taken::Gone);
    assert_eq!(take(&db, &token, Press { user: 8, ..PRESS }), Taken::NotYours);
    assert_eq!(take(&db, &token[1..], PRESS), Taken::Gone);
    assert_eq!(take(&db, "", PRESS), Taken::Gone);
    assert!(matches!(take(&db, &token, PRESS), Taken::Button(_)));
    let quick = add(&db, &new(SessionId::random()));
    assert!(matches!(take(&db, &quick, PRESS), Taken::Button(_)));
}

#[test]
fn of_two_presses_at_once_one_counts() {
    let db = db();
    for _ in 0..20 {
        let token = add(&db, &new(SessionId::random()));
        let start = Barrier::new(2);
        let presses: Vec<Taken> = std::thread::scope(|scope| {
            let press = |user| {
                let (db, token, start) = (&db, &token, &start);
                scope.spawn(move || {
                    start.wait();
                    take(db, token, Press { user, update: user, ..PRESS })
                })
            };
            let both = [press(7), press(8)];
            both.into_iter().map(|press| press.join().unwrap()).collect()
        });
        let counted = presses.iter().filter(|taken| matches!(taken, Taken::Button(_))).count();
        assert_eq!((counted, presses.contains(&Taken::Used)), (1, true), "{presses:?}");
    }
}

#[test]
fn what_is_settled_takes_its_buttons_along() {
    let db = db();
    let session = SessionId::random();
    let other = add(&db, &NewButton { request: Some("other".to_owned()), ..new(session) });
    let (yes, no, unsent) = (add(&db, &new(session)), add(&db, &new(session)), add(&db, &new(session)));
    db.write(|t| t.place_buttons(&[yes.clone(), no.clone()], 5)).unwrap();
    assert_eq!(db.read(|t| t.open_requests(session)).unwrap(), ["other", "r"]);
    assert_eq!(db.write(|t| t.void_request(session, "r", at(1))).unwrap(), [(TOPIC, 5)]);
    assert_eq!(db.write(|t| t.void_request(session, "r", at(1))).unwrap(), []);
    for token in [yes, no, unsent] {
        assert_eq!(take(&db, &token, PRESS), Taken::Used);
    }
    assert_eq!(db.read(|t| t.open_requests(session)).unwrap(), ["other"]);
    assert_eq!(db.read(|t| t.open_requests(SessionId::random())).unwrap(), [""; 0]);
    assert!(matches!(take(&db, &other, PRESS), Taken::Button(_)));
}

#[test]
fn a_message_that_shows_others_takes_its_buttons_along() {
    let db = db();
    let session = SessionId::random();
    let (old, elsewhere, home) = (
        add(&db, &new(session)),
        add(&db, &new(session)),
        add(&db, &NewButton { place: HOME, ..new(session) }),
    );
    db.write(|t| {
        t.place_buttons(std::slice::from_ref(&old), 5)?;
        t.place_buttons(std::slice::from_ref(&elsewhere), 6)?;
        t.void_message(TOPIC.chat, 5, at(1))
    })
    .unwrap();
    assert_eq!(take(&db, &old, PRESS), Taken::Used);
    db.write(|t| t.void_request_in(TOPIC, "r", at(1))).unwrap();
    assert_eq!(take(&db, &elsewhere, Press { message: 6, ..PRESS }), Taken::Used);
    assert!(matches!(take(&db, &home, PRESS), Taken::Button(_)));
}
