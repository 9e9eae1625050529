//! What must arrive waits in order, is replaced by what is newer, and is not lost.

use serde_json::json;

use super::*;
use crate::telegram::db::{NewOutgoing, Outgoing};

pub(super) fn new(place: Place, priority: u8, key: Option<&str>, text: &str) -> NewOutgoing {
    NewOutgoing { place, priority, key: key.map(str::to_owned), payload: json!({ "text": text }) }
}

fn put(db: &Db, priority: u8, key: Option<&str>, text: &str) -> i64 {
    db.write(|t| t.enqueue(&new(HOME, priority, key, text), at(0))).unwrap()
}

fn next(db: &Db) -> Option<Outgoing> {
    db.read(|t| t.next_outgoing(HOME.chat, &[])).unwrap()
}

fn text(row: &Outgoing) -> &str {
    row.payload["text"].as_str().unwrap()
}

/// Sends everything, and tells in which order.
fn drain(db: &Db) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(row) = next(db) {
        db.write(|t| t.outgoing_sent(row.id, None)).unwrap();
        sent.push(text(&row).to_owned());
    }
    sent
}

#[test]
fn the_most_urgent_goes_first_and_among_equals_the_oldest() {
    let db = db();
    for (priority, words) in [(2, "c"), (1, "a"), (2, "d"), (1, "b"), (9, "e")] {
        put(&db, priority, None, words);
    }
    db.write(|t| t.enqueue(&new(Place::chat(5), 0, None, "other"), at(0))).unwrap();
    assert_eq!(db.read(Tables::chats_with_outgoing).unwrap(), [HOME.chat, 5]);
    assert_eq!(drain(&db), ["a", "b", "c", "d", "e"]);
    assert_eq!(db.read(Tables::chats_with_outgoing).unwrap(), [5]);
}

#[test]
fn a_newer_one_with_the_same_key_takes_the_place_of_what_waits() {
    let db = db();
    let first = put(&db, 3, Some("k"), "old");
    put(&db, 3, None, "behind");
    assert_eq!(put(&db, 2, Some("k"), "new"), first);
    let elsewhere = db.write(|t| t.enqueue(&new(Place::chat(5), 1, Some("k"), "x"), at(0))).unwrap();
    assert_ne!(elsewhere, first);
    let row = next(&db).unwrap();
    assert_eq!((row.id, row.priority, text(&row)), (first, 2, "new"));
    assert_eq!(drain(&db), ["new", "behind"]);
}

#[test]
fn what_is_being_sent_is_not_replaced_but_superseded() {
    let db = db();
    let first = put(&db, 1, Some("k"), "old");
    db.write(|t| t.begin_outgoing(first)).unwrap();
    let second = put(&db, 1, Some("k"), "new");
    assert_ne!(second, first);
    db.write(|t| t.put_off_outgoing(first, "the network is gone")).unwrap();
    assert_eq!(drain(&db), ["new"]);
    // With nothing newer it waits again, and says what happened to it.
    let third = put(&db, 1, Some("k"), "third");
    db.write(|t| t.begin_outgoing(third)).unwrap();
    db.write(|t| t.put_off_outgoing(third, "the network is gone")).unwrap();
    let row = next(&db).unwrap();
    assert_eq!(row.id, third);
    assert_eq!(put(&db, 1, Some("k"), "fourth"), third);
}

#[test]
fn nothing_overtakes_what_was_put_off() {
    let db = db();
    let first = put(&db, 1, None, "part 1");
    put(&db, 1, None, "part 2");
    db.write(|t| t.begin_outgoing(first)).unwrap();
    db.write(|t| t.put_off_outgoing(first, "wait")).unwrap();
    assert_eq!(drain(&db), ["part 1", "part 2"]);
}

#[test]
fn what_a_crash_cut_off_is_there_again() {
    let db = db();
    let id = put(&db, 1, None, "once?");
    db.write(|t| t.begin_outgoing(id)).unwrap();
    let row = next(&db).unwrap();
    assert_eq!((row.id, row.place, row.at), (id, HOME, at(0)));
    db.write(|t| t.outgoing_sent(id, Some(77))).unwrap();
    assert_eq!(next(&db), None);
    assert_eq!(db.read(|t| t.message_of_outgoing(id)).unwrap(), Some(77));
    assert_eq!(db.read(|t| t.message_of_outgoing(id + 1)).unwrap(), None);
}

#[test]
fn what_cannot_arrive_leaves_the_line() {
    let db = db();
    let first = put(&db, 1, Some("k"), "a");
    put(&db, 1, None, "b");
    put(&db, 1, None, "c");
    db.write(|t| t.fail_outgoing(first, "refused")).unwrap();
    assert_eq!(text(&next(&db).unwrap()), "b");
    assert_eq!(db.write(|t| t.fail_chat(HOME.chat, "blocked")).unwrap(), 2);
    assert_eq!(next(&db), None);
    // A key of one that failed is free.
    assert_ne!(put(&db, 1, Some("k"), "d"), first);
}

#[test]
fn a_row_may_be_changed_on_its_way() {
    let db = db();
    let id = db.write(|t| t.enqueue(&new(TOPIC, 1, None, "x"), at(0))).unwrap();
    db.write(|t| t.begin_outgoing(id)).unwrap();
    db.write(|t| t.change_outgoing(id, HOME, &json!({ "text": "plain" }))).unwrap();
    let row = next(&db).unwrap();
    assert_eq!((row.place, text(&row)), (HOME, "plain"));
}
