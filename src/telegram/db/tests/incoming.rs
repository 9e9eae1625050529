//! Updates and the prompts that are made of them.

use serde_json::{Value, json};

use super::*;
use crate::model::{PromptId, SessionId};
use crate::telegram::db::{Adopted, Cursor, Incoming, PromptSet, PromptState, Why};

fn message(id: i64, chat: i64) -> Value {
    json!({ "update_id": id, "message": { "message_id": 1, "chat": { "id": chat }, "text": format!("of {id}") } })
}

fn waiting(db: &Db) -> Vec<i64> {
    db.read(|t| t.new_updates(0, 100)).unwrap().iter().map(|(_, update)| update.id).collect()
}

#[test]
fn a_batch_is_stored_once_and_the_cursor_moves_behind_it() {
    let db = db();
    assert_eq!(db.read(Tables::cursor).unwrap(), Cursor::default());
    let batch = [message(10, 1), message(11, 2), json!({ "update_id": 12, "hologram": {} })];
    let stored = db.write(|t| t.store_updates(&batch, at(5))).unwrap();
    assert_eq!((stored.new, stored.unnumbered), (3, 0));
    assert_eq!(stored.cursor, Cursor { next: Some(13), last_update: Some(at(5)) });
    // Telegram gives again what it was not told is stored.
    let again = db.write(|t| t.store_updates(&[message(12, 9), message(13, 1)], at(6))).unwrap();
    assert_eq!((again.new, again.cursor.next), (1, Some(14)));
    let updates = db.read(|t| t.new_updates(0, 100)).unwrap();
    let (position, first) = &updates[0];
    let wanted = Incoming {
        id: 10,
        at: at(5),
        place: Some(Place::chat(1)),
        tries: 0,
        released: None,
        raw: message(10, 1),
    };
    assert_eq!(*first, wanted);
    assert_eq!((updates[2].1.place, &updates[2].1.raw), (None, &batch[2]));
    let rest: Vec<_> =
        db.read(|t| t.new_updates(*position, 2)).unwrap().iter().map(|(_, update)| update.id).collect();
    assert_eq!(rest, [11, 12]);
}

#[test]
fn what_has_no_number_is_counted_and_holds_nobody_up() {
    let db = db();
    let stored = db.write(|t| t.store_updates(&[json!({}), message(4, 1), json!(7)], at(0))).unwrap();
    assert_eq!((stored.new, stored.unnumbered, stored.cursor.next), (1, 2, Some(5)));
    let stored = db.write(|t| t.store_updates(&[json!({})], at(1))).unwrap();
    assert_eq!((stored.new, stored.cursor), (0, Cursor { next: Some(5), last_update: Some(at(0)) }));
}

#[test]
fn numbers_that_begin_anew_keep_the_order_of_arrival() {
    let db = db();
    db.write(|t| t.store_updates(&[message(900_000, 1)], at(0))).unwrap();
    let stored = db.write(|t| t.store_updates(&[message(5, 1), message(6, 1)], day(8))).unwrap();
    assert_eq!(stored.cursor.next, Some(7));
    assert_eq!(waiting(&db), [900_000, 5, 6]);
}

#[test]
fn what_is_done_or_poisoned_waits_no_more_and_is_not_taken_again() {
    let db = db();
    db.write(|t| t.store_updates(&[message(1, 1), message(2, 1), message(3, 1)], at(0))).unwrap();
    db.write(|t| {
        assert_eq!((t.begin_update(1)?, t.begin_update(2)?, t.begin_update(2)?), (1, 1, 2));
        t.finish_update(1)?;
        t.poison_update(2, "it is broken")?;
        assert_eq!((t.begin_update(1)?, t.begin_update(2)?, t.begin_update(99)?), (0, 0, 0));
        Ok(())
    })
    .unwrap();
    assert_eq!(waiting(&db), [3]);
    assert_eq!(db.read(Tables::poisoned_updates).unwrap(), 1);
    let again = db.write(|t| t.store_updates(&[message(1, 1), message(2, 1)], at(1))).unwrap();
    assert_eq!(again.new, 0);
    // What was said is gone, what could not be handled is kept to be looked at.
    let raw = |id: i64| -> String {
        db.lock()
            .conn
            .query_row("SELECT raw FROM incoming WHERE update_id = ?1", [id], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(raw(1), "");
    assert!(raw(2).contains("of 2"));
}

#[test]
fn a_transaction_that_fails_leaves_nothing() {
    let db = db();
    let failed = db.write(|t| {
        t.store_updates(&[message(1, 1)], at(0))?;
        Err::<(), _>(crate::error::Error::failed("something else").into())
    });
    assert_eq!(failed.unwrap_err().message, "something else");
    assert_eq!(waiting(&db), [0; 0]);
    assert_eq!(db.read(Tables::cursor).unwrap(), Cursor::default());
}

#[test]
fn another_bot_begins_anew() {
    let db = Db::in_memory();
    assert_eq!(db.write(|t| t.adopt(42)).unwrap(), Adopted::New);
    db.write(|t| {
        t.store_updates(&[message(1, 1)], at(0))?;
        t.set_feed_cursor(7)?;
        t.enqueue(&outgoing::new(HOME, 1, None, "x"), at(0))
    })
    .unwrap();
    assert_eq!(db.write(|t| t.adopt(42)).unwrap(), Adopted::Same);
    assert_eq!(waiting(&db), [1]);
    assert_eq!(db.write(|t| t.adopt(43)).unwrap(), Adopted::Other { former: 42, unsent: 1 });
    assert_eq!(waiting(&db), [0; 0]);
    assert_eq!(db.read(Tables::cursor).unwrap(), Cursor::default());
    assert_eq!(db.read(Tables::chats_with_outgoing).unwrap(), [0; 0]);
    // That is between the host and this file.
    assert_eq!(db.read(Tables::feed_cursor).unwrap(), Some(7));
    assert_eq!(db.write(|t| t.adopt(43)).unwrap(), Adopted::Same);
}

fn set(key: &str) -> PromptSet {
    PromptSet {
        key: key.to_owned(),
        updates: vec![1, 2],
        place: TOPIC,
        user: 7,
        reply_to: 99,
        session: None,
        prompt: None,
        state: PromptState::Gathering,
        at: at(0),
    }
}

#[test]
fn a_prompt_is_found_by_its_key_and_by_the_hosts_id() {
    let db = db();
    let (session, prompt) = (SessionId::random(), PromptId::random());
    db.write(|t| t.put_prompt(&set("tg:42:1"))).unwrap();
    let longer = PromptSet { updates: vec![1, 2, 3], ..set("tg:42:1") };
    db.write(|t| t.put_prompt(&longer)).unwrap();
    assert_eq!(db.read(|t| t.prompt_set("tg:42:1")).unwrap(), Some(longer.clone()));
    assert_eq!(db.read(|t| t.prompt_set("tg:42:2")).unwrap(), None);
    db.write(|t| t.prompt_accepted("tg:42:1", session, prompt)).unwrap();
    let accepted =
        PromptSet { session: Some(session), prompt: Some(prompt), state: PromptState::Accepted, ..longer };
    assert_eq!(db.read(|t| t.prompt_set_of(prompt)).unwrap(), Some(accepted.clone()));
    db.write(|t| t.put_prompt(&PromptSet { at: at(1), ..set("tg:42:0") })).unwrap();
    let open = db.read(Tables::open_prompt_sets).unwrap();
    assert_eq!(open.iter().map(|set| set.key.as_str()).collect::<Vec<_>>(), ["tg:42:1", "tg:42:0"]);
    db.write(|t| {
        t.close_prompt("tg:42:1", PromptState::Ended)?;
        t.close_prompt("tg:42:0", PromptState::Refused)?;
        // An answer that comes late brings nothing back.
        t.prompt_accepted("tg:42:0", session, prompt)
    })
    .unwrap();
    assert_eq!(db.read(Tables::open_prompt_sets).unwrap(), []);
    assert_eq!(db.read(|t| t.prompt_set_of(prompt)).unwrap().unwrap().key, "tg:42:1");
}

#[test]
fn what_waits_for_a_word_is_kept_whole_and_goes_on_behind_the_rest() {
    let db = db();
    db.write(|t| t.store_updates(&[message(1, 1), message(2, 1), message(3, 2), message(4, 1)], at(0)))
        .unwrap();
    let at_one = Place::chat(1);
    db.write(|t| {
        t.begin_update(1)?;
        [1, 3].into_iter().try_for_each(|id| t.keep_update(id, Why::Session))?;
        t.keep_update(4, Why::Late)
    })
    .unwrap();
    assert_eq!(waiting(&db), [2]);
    assert_eq!(db.read(|t| t.kept_updates(at_one, Why::Session)).unwrap(), 1);
    // Telegram may send it again meanwhile.
    assert_eq!(db.write(|t| t.store_updates(&[message(1, 1)], at(1))).unwrap().new, 0);
    assert_eq!(db.write(|t| t.release_updates(at_one, Why::Session)).unwrap(), 1);
    assert_eq!(waiting(&db), [2, 1]);
    let updates = db.read(|t| t.new_updates(4, 9)).unwrap();
    let (_, released) = &updates[0];
    assert!(released.released == Some(Why::Session) && released.tries == 0 && released.at == at(0));
    assert_eq!(db.read(|t| t.released_updates(at_one)).unwrap(), updates);
    assert_eq!(released.raw, message(1, 1));
    assert_eq!(db.write(|t| t.drop_kept(at_one, Why::Late)).unwrap(), 1);
    assert_eq!(db.write(|t| t.release_updates(at_one, Why::Late)).unwrap(), 0);
    assert_eq!(db.read(|t| t.kept_updates(Place::chat(2), Why::Session)).unwrap(), 1);
}

#[test]
fn one_places_updates_can_be_read_alone() {
    let db = db();
    db.write(|t| t.store_updates(&[message(1, 1), message(2, 2), message(3, 1)], at(0))).unwrap();
    let of = |after, limit| -> Vec<i64> {
        let rows = db.read(|t| t.new_updates_in(Place::chat(1), after, limit)).unwrap();
        rows.iter().map(|(_, update)| update.id).collect()
    };
    assert_eq!((of(0, 9), of(1, 9), of(0, 1)), (vec![1, 3], vec![3], vec![1]));
}
