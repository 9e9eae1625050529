//! Names, selection, settings and deletion of sessions.

use std::path::Path;
use std::time::Instant;

use uuid::Uuid;

use super::{Home, accepted, made, said, search, session};
use crate::error::Kind;
use crate::model::{Channel, SessionId, SessionState};
use crate::sqlite::columns::Id;
use crate::store::{Child, Db, Filter, Override, Wanted, check_name};

#[test]
fn a_session_is_read_back_as_it_was_written() {
    let mut db = Db::in_memory();
    let mut session = session("work");
    session.conversation = Some(Uuid::new_v4());
    db.create_session(&session).unwrap();
    assert_eq!(db.session(session.id).unwrap(), session);
    assert_eq!(db.conversations(session.id).unwrap(), [session.conversation.unwrap()]);
}

#[test]
fn names_that_cannot_be_typed_or_are_misleading_are_refused() {
    let long = "x".repeat(65);
    let id = Uuid::new_v4().to_string();
    for bad in ["", "a b", "a/b", "a\\b", "-a", ".a", "a\tb", "a\u{7}", "a\u{202e}b", "a\u{200b}", &long, &id]
    {
        assert_eq!(check_name(bad).unwrap_err().kind, Kind::Usage, "{bad:?}");
    }
    for good in ["a", "work-2", "прод", "x.y", "deadbeef", &"ä".repeat(64)] {
        check_name(good).unwrap();
    }
}

#[test]
fn names_are_unique_among_present_sessions() {
    let mut db = Db::in_memory();
    let first = made(&mut db, "work");
    let second = made(&mut db, "play");
    assert_eq!(db.create_session(&session("work")).unwrap_err().kind, Kind::Conflict);
    assert_eq!(db.rename_session(second, "work").unwrap_err().kind, Kind::Conflict);
    db.rename_session(first, "work").unwrap();
    db.mark_archived(first, Path::new("/a.tar.gz")).unwrap();
    db.rename_session(second, "work").unwrap();
    let error = db.mark_restored(first, "work", Path::new("/d"), true).unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    db.mark_restored(first, "work2", Path::new("/d"), true).unwrap();
    assert_eq!(db.session(first).unwrap().state, SessionState::Asleep);
}

fn found(db: &Db, name: &str) -> Result<String, (Kind, Vec<String>)> {
    db.find(Wanted::Name(name)).map(|session| session.name).map_err(|error| (error.kind, error.candidates))
}

#[test]
fn a_session_is_found_by_name_then_id_then_unique_prefix() {
    let mut db = Db::in_memory();
    let work = made(&mut db, "work");
    made(&mut db, "workshop");
    made(&mut db, "planner");
    assert_eq!(found(&db, "work").unwrap(), "work");
    assert_eq!(found(&db, "works").unwrap(), "workshop");
    assert_eq!(found(&db, "p").unwrap(), "planner");
    assert_eq!(found(&db, &work.to_string()).unwrap(), "work");
    assert_eq!(found(&db, &work.to_string()[..13]).unwrap(), "work");
    assert_eq!(found(&db, &work.to_string()[..3]).unwrap_err().0, Kind::NotFound, "too little of an id");
    let (kind, mut candidates) = found(&db, "wor").unwrap_err();
    candidates.sort();
    assert_eq!((kind, candidates), (Kind::Ambiguous, vec!["work".to_owned(), "workshop".to_owned()]));
    assert_eq!(found(&db, "planer").unwrap_err(), (Kind::NotFound, vec!["planner".to_owned()]));
    assert_eq!(found(&db, "").unwrap_err().0, Kind::NotFound);
}

#[test]
fn an_exact_selector_takes_no_prefix() {
    let mut db = Db::in_memory();
    let work = made(&mut db, "work");
    let id = work.to_string();
    assert_eq!(db.find(Wanted::Exact("work")).unwrap().id, work);
    assert_eq!(db.find(Wanted::Exact(&id)).unwrap().id, work);
    let error = db.find(Wanted::Exact("wor")).unwrap_err();
    assert_eq!((error.kind, error.candidates), (Kind::NotFound, vec!["work".to_owned()]));
    assert!(error.hint.unwrap().contains("whole name"));
}

#[test]
fn archived_sessions_are_found_after_present_ones() {
    let mut db = Db::in_memory();
    let old = made(&mut db, "work");
    db.mark_archived(old, Path::new("/a.tar.gz")).unwrap();
    assert_eq!(db.find(Wanted::Name("work")).unwrap().id, old);
    assert_eq!(db.find(Wanted::Name("wo")).unwrap().id, old);
    let new = made(&mut db, "work");
    assert_eq!(db.find(Wanted::Name("work")).unwrap().id, new);
    db.mark_archived(new, Path::new("/b.tar.gz")).unwrap();
    assert_eq!(found(&db, "work").unwrap_err().0, Kind::Ambiguous);
}

#[test]
fn the_current_session_of_a_channel_ends_with_the_session() {
    let mut db = Db::in_memory();
    let (local, chat) = (Channel::local(), Channel("tg:1".to_owned()));
    let error = db.find(Wanted::Current(&local)).unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.hint.unwrap().contains("session new"));
    let (work, play) = (made(&mut db, "work"), made(&mut db, "play"));
    db.set_current(&local, work).unwrap();
    db.set_current(&chat, work).unwrap();
    db.set_current(&chat, play).unwrap();
    assert_eq!(db.find(Wanted::Current(&local)).unwrap().id, work);
    assert_eq!(db.current(&chat).unwrap(), Some(play));
    db.mark_archived(work, Path::new("/a.tar.gz")).unwrap();
    db.delete_session(play).unwrap();
    assert_eq!((db.current(&local).unwrap(), db.current(&chat).unwrap()), (None, None));
}

#[test]
fn settings_change_and_go_back() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    db.set_override(id, Override::Effort, Some("high")).unwrap();
    db.set_override(id, Override::Model, None).unwrap();
    db.set_tags(id, &["x".to_owned()]).unwrap();
    db.set_pinned(id, false).unwrap();
    db.set_hold(id, Some("stopped")).unwrap();
    db.set_state(id, SessionState::Busy).unwrap();
    let session = db.session(id).unwrap();
    assert_eq!((session.effort.as_deref(), session.model, session.pinned), (Some("high"), None, false));
    assert_eq!((session.tags, session.hold.as_deref()), (vec!["x".to_owned()], Some("stopped")));
    assert_eq!(session.state, SessionState::Asleep, "a live state does not outlive the host");
    assert_eq!(db.set_pinned(SessionId::random(), true).unwrap_err().kind, Kind::NotFound);
}

#[test]
fn conversations_are_remembered_in_order() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let ids = [Uuid::new_v4(), Uuid::new_v4()];
    for conversation in ids {
        db.set_conversation(id, conversation).unwrap();
    }
    assert_eq!(db.conversations(id).unwrap(), ids);
    assert_eq!(db.session(id).unwrap().conversation, Some(ids[1]));
}

#[test]
fn cost_counts_a_running_total_once() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    // Grows, a free turn, grows, begins at 0 again, grows.
    let added: Vec<f64> = [0.5, 0.5, 0.75, 0.25, 0.5].map(|total| db.add_cost(id, total).unwrap()).to_vec();
    assert_eq!(added, [0.5, 0.0, 0.25, 0.25, 0.25]);
    assert!((db.session(id).unwrap().cost_usd - 1.25).abs() < 1e-9);
}

#[test]
fn a_log_is_deleted_in_pieces_from_its_end() {
    let mut db = Db::in_memory();
    let (long, other) = (made(&mut db, "long"), made(&mut db, "other"));
    let numbered: Vec<_> = (1..=450).map(|seq| said(&format!("word{seq}"))).collect();
    db.append(long, &numbered).unwrap();
    db.append(other, &[said("word450")]).unwrap();
    let mut heads = Vec::new();
    while db.delete_last_events(long).unwrap() {
        heads.push(db.head(long).unwrap());
        assert_eq!(search(&db, "word450", 10).unwrap().len(), 1);
        assert_eq!(db.events(long, 0, 1000).unwrap().len() as u64, db.head(long).unwrap());
    }
    assert_eq!(heads, [250, 50, 0]);
    assert_eq!(db.head(other).unwrap(), 1);
}

#[test]
fn deleting_leaves_nothing_behind() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let other = made(&mut db, "other");
    let secret = "zanzibar";
    accepted(&mut db, id, secret);
    accepted(&mut db, other, "palaver");
    db.append(id, &[said(secret)]).unwrap();
    db.set_conversation(id, Uuid::new_v4()).unwrap();
    db.set_current(&Channel::local(), id).unwrap();
    db.record_child(&Child { session: id, pid: 1, start: 2, conversation: Uuid::new_v4() }).unwrap();
    db.delete_session(id).unwrap();
    assert_eq!(db.delete_session(id).unwrap_err().kind, Kind::NotFound);
    for table in ["session", "conversation", "channel", "event", "prompt", "turn", "approval", "child"] {
        let column = if table == "session" { "id" } else { "session" };
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
        let left: i64 = db.conn.query_row(&sql, [Id(id.0)], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(search(&db, secret, 10).unwrap(), []);
    assert_eq!(search(&db, "palaver", 10).unwrap().len(), 1);
    db.conn.execute("INSERT INTO said (said, rank) VALUES ('integrity-check', 1)", []).unwrap();
    drop(db);
    let bytes = std::fs::read(home.file()).unwrap();
    assert!(
        !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
        "still in the file's pages"
    );
}

#[test]
fn the_list_has_what_waits_and_filters() {
    let mut db = Db::in_memory();
    let (work, old) = (made(&mut db, "work"), made(&mut db, "old"));
    accepted(&mut db, work, "one");
    let two = accepted(&mut db, work, "two");
    db.cancel(two).unwrap();
    db.mark_archived(old, Path::new("/a.tar.gz")).unwrap();
    let names = |filter, tag| {
        let listed = db.sessions(filter, tag).unwrap();
        listed.into_iter().map(|row| (row.session.name, row.queued)).collect::<Vec<_>>()
    };
    assert_eq!(names(Filter::Present, None), [("work".to_owned(), 1)]);
    assert_eq!(names(Filter::Archived, None), [("old".to_owned(), 0)]);
    assert_eq!(names(Filter::All, Some("ä b")).len(), 2);
    assert_eq!(names(Filter::All, Some("b")), []);
    assert_eq!(db.listed(work).unwrap().queued, 1);
    assert_eq!(db.names("w", 10).unwrap(), ["work"]);
}

#[test]
fn ten_thousand_sessions_are_listed() {
    let home = Home::new();
    let mut db = home.open();
    db.atomically(|db| {
        for number in 0..10_000 {
            db.create_session(&session(&format!("session-{number}")))?;
        }
        Ok(())
    })
    .unwrap();
    drop(db);
    let begun = Instant::now();
    let db = home.read();
    let opened = begun.elapsed();
    let listed = db.sessions(Filter::Present, None).unwrap();
    println!("opened in {opened:?}, listed 10,000 in {:?}", begun.elapsed() - opened);
    assert_eq!(listed.len(), 10_000);
}
