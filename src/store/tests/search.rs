//! Finding what was said in the logs.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{Home, accepted, made, said, search, session};
use crate::error::Kind;
use crate::model::{Event, EventKind, NewEvent, SessionId};
use crate::sqlite::columns::{Id, now};
use crate::store::{Db, Mode};

fn names(db: &Db, query: &str) -> Vec<String> {
    let found = search(db, query, 100).unwrap_or_else(|error| panic!("{query}: {error}"));
    found.into_iter().map(|found| format!("{} {}", found.name, found.seq)).collect()
}

#[test]
fn search_finds_words_phrases_and_beginnings() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    accepted(&mut db, id, "Why is the café closed today?");
    db.append(id, &[said("The server closed the connection"), said("deployment done")]).unwrap();
    let tool = NewEvent { kind: EventKind::Tool, ..said("closed tool") };
    db.append(id, &[tool]).unwrap();
    let seqs = |query: &str| -> Vec<u64> {
        let mut seqs: Vec<u64> = search(&db, query, 10).unwrap().iter().map(|hit| hit.seq).collect();
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
    let hit = search(&db, "cafe", 10).unwrap().remove(0);
    assert_eq!(
        (hit.snippet.bracketed().text.as_str(), hit.kind, hit.name.as_str()),
        ("Why is the [café] closed today?", EventKind::Prompt, "work")
    );
    assert_eq!(search(&db, "closed", 1).unwrap().len(), 1);
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
        search(&db, query, 5).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
    assert_eq!(search(&db, "a-b", 5).unwrap().len(), 1);
    assert_eq!(search(&db, "-", 5).unwrap_err().kind, Kind::Usage);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_search_is_a_syntax_error(query in ".{0,40}") {
        let db = Db::in_memory();
        if let Err(error) = search(&db, &query, 5) {
            prop_assert_eq!(error.kind, Kind::Usage, "{}", error);
        }
    }

    /// What is in the index is found by the words that are in a text, whatever is in it.
    #[test]
    fn the_index_finds_what_matching_finds(text in "\\PC{1,60}") {
        let mut db = Db::in_memory();
        let id = made(&mut db, "work");
        db.append(id, &[said(&text)]).unwrap();
        let words = crate::search::words::list(&text);
        for word in words.iter().take(20) {
            prop_assert_eq!(search(&db, &format!("\"{word}\""), 5).unwrap().len(), 1, "{}", word);
        }
        if !words.is_empty() {
            let phrase = format!("\"{}\"", text.replace('"', " "));
            prop_assert_eq!(search(&db, &phrase, 5).unwrap().len(), 1);
        }
    }
}

#[test]
fn scripts_without_spaces_are_found_by_any_part() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    db.append(id, &[said("今日は東京の天気がとても良い"), said("대한민국 서울"), said("สวัสดีครับ")]).unwrap();
    for (query, seq) in [("東京", 1), ("天気が", 1), ("민국", 2), ("สวัสดี", 3), ("今日 良い", 1)]
    {
        let found = search(&db, query, 5).unwrap();
        assert_eq!(found.iter().map(|found| found.seq).collect::<Vec<_>>(), [seq], "{query}");
    }
    assert!(search(&db, "京東", 5).unwrap().is_empty());
}

#[test]
fn filters_narrow_by_what_sessions_are_now() {
    let mut db = Db::in_memory();
    let mut web = session("web");
    web.dir = "/home/me/web/shop".into();
    web.persona = "plan".to_owned();
    web.tags = vec!["work".to_owned()];
    db.create_session(&web).unwrap();
    let mut home = session("home");
    home.dir = "/home/me".into();
    home.tags = Vec::new();
    db.create_session(&home).unwrap();
    accepted(&mut db, web.id, "nginx one");
    db.append(web.id, &[said("nginx two")]).unwrap();
    accepted(&mut db, home.id, "nginx three");
    for (query, wanted) in [
        ("nginx", &["home 1", "web 1", "web 2"][..]),
        ("nginx session:web", &["web 1", "web 2"]),
        ("nginx -session:web", &["home 1"]),
        ("nginx session:we*", &["web 1", "web 2"]),
        ("nginx session:nobody", &[]),
        ("nginx dir:~", &["home 1", "web 1", "web 2"]),
        ("nginx dir:~/web", &["web 1", "web 2"]),
        ("nginx dir:shop role:prompt", &["web 1"]),
        ("nginx tag:work role:reply", &["web 2"]),
        ("nginx persona:plan -two", &["web 1"]),
        ("nginx -role:prompt", &["web 2"]),
    ] {
        let mut found = names(&db, query);
        found.sort();
        assert_eq!(found, wanted, "{query}");
    }
    let id = format!("nginx session:{}", &home.id.to_string()[..8]);
    assert_eq!(names(&db, &id), ["home 1"]);
    db.set_tags(home.id, &["work".to_owned()]).unwrap();
    assert_eq!(names(&db, "three tag:work"), ["home 1"]);
}

#[test]
fn filters_narrow_among_many_sessions() {
    let mut db = Db::in_memory();
    db.atomically(|db| {
        for number in 0..500 {
            let mut one = session(&format!("s{number}"));
            one.tags = vec![if number % 2 == 0 { "even" } else { "odd" }.to_owned()];
            db.create_session(&one)?;
            db.append(one.id, &[said("nginx")])?;
        }
        Ok(())
    })
    .unwrap();
    let found = names(&db, "nginx tag:even");
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|name| name[1..name.len() - 2].parse::<u32>().unwrap() % 2 == 0), "{found:?}");
    assert_eq!(names(&db, "nginx -session:s1 session:s1*").len(), 100);
    assert_eq!(names(&db, "nginx -session:s*"), [] as [&str; 0]);
    assert_eq!(names(&db, "nginx session:s7"), ["s7 1"]);
}

#[test]
fn time_narrows_in_every_part_of_the_feed() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let days = |days: i64| now() - SignedDuration::from_hours(24 * days);
    for age in (0..40).rev() {
        db.append_at(id, &[said(&format!("nginx {age}"))], days(age)).unwrap();
    }
    let brought = made(&mut db, "brought");
    let event = |seq, at: Timestamp| Event {
        seq,
        at,
        kind: EventKind::Reply,
        text: "nginx brought in".to_owned(),
        prompt_id: None,
        detail: None,
    };
    db.import_events(brought, [Ok(event(1, days(30))), Ok(event(2, days(2)))]).unwrap();
    assert_eq!(search(&db, "nginx since:90d", 100).unwrap().len(), 42);
    assert_eq!(search(&db, "nginx since:10d session:work", 100).unwrap().len(), 10);
    assert_eq!(names(&db, "nginx since:3d session:brought"), ["brought 2"]);
    assert_eq!(search(&db, "nginx since:1h", 100).unwrap().len(), 1);
}

#[test]
fn of_what_was_brought_in_the_newest_words_are_found() {
    let mut db = Db::in_memory();
    let [long, short] = ["long", "short"].map(|name| made(&mut db, name));
    let event = |seq, hours: i64| Event {
        seq,
        at: now() - SignedDuration::from_mins(60 * hours - 30),
        kind: EventKind::Reply,
        text: "the nginx".to_owned(),
        prompt_id: None,
        detail: None,
    };
    db.import_events(short, (1..=50).map(|seq| Ok(event(seq, 9000)))).unwrap();
    db.import_events(long, (1..=600).map(|seq| Ok(event(seq, 601 - seq as i64)))).unwrap();
    assert_eq!(names(&db, "nginx since:2h session:long").len(), 2);
    assert_eq!(names(&db, "nginx since:2h"), ["long 600", "long 599"]);
    assert_eq!(names(&db, "nginx")[0], "long 600");
    assert_eq!(names(&db, "nginx session:short").len(), 50);
}

#[test]
fn what_fits_and_is_new_comes_first() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let long_ago = now() - SignedDuration::from_hours(24 * 200);
    db.append_at(id, &[said("nginx reload")], long_ago).unwrap();
    let far = format!("nginx {} reload", "and more ".repeat(200));
    db.append(id, &[said(&far), said("to reload nginx"), said("nginx reload")]).unwrap();
    let seqs: Vec<u64> = search(&db, "nginx reload", 10).unwrap().iter().map(|found| found.seq).collect();
    assert_eq!(seqs, [4, 3, 1, 2]);
}

/// Of a word that is everywhere the newest places are ranked, and an archived session's are told as such.
#[test]
fn words_that_are_everywhere_are_found_where_they_were_said_last() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let many: Vec<NewEvent> = (0..2000).map(|number| said(&format!("the {number}"))).collect();
    db.append(id, &many).unwrap();
    let found = search(&db, "the", 5).unwrap();
    assert!(found.len() == 5 && found.iter().all(|found| found.seq > 1700));
    assert_eq!(search(&db, "the 3", 5).unwrap()[0].seq, 4);
    db.mark_archived(id, std::path::Path::new("/a.tar.gz")).unwrap();
    assert_eq!(search(&db, "the", 1).unwrap()[0].archive.as_deref(), Some(std::path::Path::new("/a.tar.gz")));
}

fn holds(home: &Home, word: &str) -> bool {
    let bytes = std::fs::read(home.file()).unwrap();
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[test]
fn a_former_index_is_made_anew_with_all_that_was_said() {
    let home = Home::new();
    let conn = Connection::open(home.file()).unwrap();
    for step in [include_str!("../migrations/0001.sql"), include_str!("../migrations/0002.sql")] {
        conn.execute_batch(step).unwrap();
    }
    conn.execute_batch("PRAGMA application_id = 0x636c6274; PRAGMA user_version = 2").unwrap();
    let (work, other) = (SessionId::random(), SessionId::random());
    for (id, name) in [(work, "work"), (other, "other")] {
        conn.execute(
            "INSERT INTO session (id, name, agent, persona, dir, managed, tags, pinned, created, last_active, \
             cost_usd, state) VALUES (?1, ?2, 'demo', 'default', '/tmp', 0, '[]', 0, 0, 0, 0, 'asleep')",
            params![Id(id.0), name],
        )
        .unwrap();
    }
    let mut insert =
        conn.prepare("INSERT INTO event (session, seq, at, kind, text) VALUES (?1, ?2, 0, ?3, ?4)").unwrap();
    for (seq, kind, text) in
        [(1, "prompt", "in 東京 zanzibar"), (2, "tool", "zanzibar"), (3, "reply", "the zanzibar café")]
    {
        insert.execute(params![Id(work.0), seq, kind, text]).unwrap();
    }
    insert.execute(params![Id(other.0), 1, "reply", "palaver"]).unwrap();
    drop(insert);
    drop(conn);

    assert_eq!(Db::open(&home.file(), Mode::ReadOnly).map(drop).unwrap_err().kind, Kind::Failed);
    let mut db = home.open();
    let mut found = names(&db, "zanzibar");
    found.sort();
    assert_eq!(found, ["work 1", "work 3"]);
    assert_eq!(names(&db, "東京"), ["work 1"]);
    assert_eq!(names(&db, "cafe session:work role:reply"), ["work 3"]);
    db.append(other, &[said("news of zanzibar")]).unwrap();
    assert_eq!(names(&home.read(), "zanzibar session:other"), ["other 2"]);
    // Nothing of the former index stays in the file either.
    assert!(holds(&home, "zanzibar"));
    db.delete_session(work).unwrap();
    db.delete_session(other).unwrap();
    db.conn.execute("INSERT INTO said (said, rank) VALUES ('integrity-check', 1)", []).unwrap();
    drop(db);
    assert!(!holds(&home, "zanzibar") && !holds(&home, "palaver"));
}

#[test]
fn conversations_of_ours_are_known() {
    let mut db = Db::in_memory();
    let id = made(&mut db, "work");
    let (first, second, foreign) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    db.set_conversation(id, first).unwrap();
    db.set_conversation(id, second).unwrap();
    assert_eq!(db.ours(&[first, foreign, second]).unwrap(), [first, second].into());
}
