//! The host's handle: jobs together, failures apart.

use std::time::{Duration, Instant};

use super::{Home, made, prompt, said};
use crate::error::{Error, Kind};
use crate::model::PromptId;
use crate::store::{Db, Store};

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[test]
fn a_failing_job_takes_only_its_own_changes_with_it() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    let (first, second, third, fourth) = on_runtime(async {
        tokio::join!(
            store.run(move |db| db.append(id, &[said("one")])),
            store.run(move |db| {
                db.append(id, &[said("lost")])?;
                Err::<(), _>(Error::conflict("no"))
            }),
            store.run(move |db| {
                db.append(id, &[said("lost too")])?;
                if db.head(id)? > 0 {
                    panic!("a bug")
                }
                Ok(())
            }),
            store.run(move |db| db.append(id, &[said("two")])),
        )
    });
    assert_eq!(second.unwrap_err(), Error::conflict("no"));
    assert!(third.unwrap_err().message.contains("a bug in claudebot"));
    assert_eq!((first.unwrap()[0].event.seq, fourth.unwrap()[0].event.seq), (1, 2));
    let texts: Vec<_> = home.read().events(id, 0, 10).unwrap().into_iter().map(|event| event.text).collect();
    assert_eq!(texts, ["one", "two"]);
}

#[test]
fn a_job_that_undoes_the_batch_fails_all_of_it() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    let blocker = rusqlite::Connection::open(home.file()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let results = on_runtime(async {
        tokio::join!(
            // Keeps the thread waiting until the others have been handed in, so that they are one batch.
            store.run(move |_| Ok(())),
            store.run(move |db| db.append(id, &[said("one")])),
            store.run(move |db| Ok(db.conn.execute_batch("ROLLBACK")?)),
            store.run(move |db| db.append(id, &[said("two")])),
            async { blocker.execute_batch("ROLLBACK").unwrap() },
        )
    });
    let survivors = [results.1.is_ok(), results.3.is_ok()].into_iter().filter(|ok| *ok).count();
    assert!(results.2.is_err());
    assert_eq!(
        home.read().head(id).unwrap(),
        survivors as u64,
        "what was acknowledged is there, nothing else is"
    );
    on_runtime(store.run(move |db| db.append(id, &[said("three")]))).unwrap();
}

#[test]
fn a_long_read_holds_up_no_commit_and_sees_none() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    let (committed, commits) = std::sync::mpsc::channel();
    let (begun, begins) = tokio::sync::oneshot::channel();
    on_runtime(async {
        let long = store.read(move |db| {
            let before = db.head(id)?;
            begun.send(()).unwrap();
            let in_time = commits.recv_timeout(Duration::from_secs(30)).is_ok();
            Ok((before, in_time, db.head(id)?))
        });
        let commit = async {
            begins.await.unwrap();
            store.run(move |db| db.append(id, &[said("one")])).await.unwrap();
            committed.send(()).unwrap();
            assert_eq!(store.read(move |db| db.head(id)).await.unwrap(), 1);
        };
        // A panic takes nothing from those that come after it.
        let bug = store.read(|_| -> crate::error::Result<()> { panic!("a bug") });
        let (long, (), bug) = tokio::join!(long, commit, bug);
        assert_eq!(long.unwrap(), (0, true, 0));
        assert!(bug.unwrap_err().message.contains("a bug in claudebot"));
        let (last, ()) = tokio::join!(store.read(move |db| db.head(id)), store.close());
        assert_eq!(last.unwrap(), 1);
        assert_eq!(store.read(move |db| db.head(id)).await.unwrap_err().kind, Kind::Unavailable);
    });
    let log = home.file().with_extension("db-wal");
    assert!(!log.exists(), "{} is left", log.display());
}

#[test]
fn a_transaction_that_cannot_begin_answers_every_job() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    db.conn.busy_timeout(Duration::ZERO).unwrap();
    let store = Store::start(db).unwrap();
    let blocker = rusqlite::Connection::open(home.file()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (first, second, read) = on_runtime(async {
        tokio::join!(
            store.run(move |db| db.append(id, &[said("one")])),
            store.run(move |db| db.append(id, &[said("two")])),
            store.read(move |db| db.head(id)),
        )
    });
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert_eq!((error.kind, error.message.contains("another program")), (Kind::Unavailable, true));
    }
    assert_eq!(read.unwrap(), 0);
    blocker.execute_batch("ROLLBACK").unwrap();
    assert!(on_runtime(store.run(move |db| db.append(id, &[said("three")]))).is_ok());
}

#[test]
fn closing_finishes_what_came_before_and_refuses_what_comes_after() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    on_runtime(async {
        let (stored, ()) = tokio::join!(store.run(move |db| db.append(id, &[said("one")])), store.close());
        stored.unwrap();
        assert_eq!(store.run(move |db| db.head(id)).await.unwrap_err().kind, Kind::Unavailable);
        store.close().await;
    });
    assert_eq!(home.read().head(id).unwrap(), 1);
}

#[test]
fn a_glance_sees_what_is_committed_and_leaves_no_log_of_writes_behind() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    on_runtime(async {
        for seq in 1..=3 {
            store.run(move |db| db.append(id, &[said("more")])).await.unwrap();
            assert_eq!(store.glance(|db| db.head(id)).unwrap(), seq);
        }
        let lost = store.glance(|_| -> crate::error::Result<()> { panic!("a bug") }).unwrap_err();
        assert!(lost.message.contains("a bug in claudebot"));
        assert_eq!(store.glance(|db| db.head(id)).unwrap(), 3);
        store.close().await;
        assert_eq!(store.glance(|db| db.head(id)).unwrap_err().kind, Kind::Unavailable);
    });
    let log = home.file().with_extension("db-wal");
    assert!(!log.exists(), "{} is left", log.display());
}

#[test]
fn accepting_a_prompt_costs_about_one_commit() {
    const ROUNDS: u32 = 50;
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    let accept = move |db: &mut Db| {
        let key = PromptId::random().to_string();
        db.accept(&prompt(id, &key, "hello"), true).map(|taken| taken.seq)
    };
    on_runtime(async {
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            store.run(accept).await.unwrap();
        }
        let alone = begun.elapsed() / ROUNDS;
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            store.read(move |db| db.head(id)).await.unwrap();
        }
        println!("accept {alone:?}, read {:?}", begun.elapsed() / ROUNDS);
    });
    assert_eq!(home.read().head(id).unwrap(), u64::from(ROUNDS));
}

#[test]
fn what_is_wanted_soon_is_stored_and_undone_like_everything_else() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    on_runtime(async {
        for text in ["one", "two", "three"] {
            store.run_soon(move |db| db.append(id, &[said(text)])).await.unwrap();
            // Durable when it is answered, wherever it was committed.
            assert_eq!(home.read().events(id, 0, 10).unwrap().last().unwrap().text, text);
        }
        let failed = store.run_soon(move |db| {
            db.append(id, &[said("lost")])?;
            Err::<(), _>(Error::conflict("no"))
        });
        assert_eq!(failed.await.unwrap_err(), Error::conflict("no"));
        let (soon, other) = tokio::join!(
            store.run_soon(move |db| db.append(id, &[said("four")])),
            store.run(move |db| db.append(id, &[said("five")])),
        );
        assert_eq!((soon.unwrap()[0].event.seq, other.unwrap()[0].event.seq), (4, 5));
        store.close().await;
        let late = store.run_soon(move |db| db.append(id, &[said("six")])).await.unwrap_err();
        assert_eq!(late.kind, Kind::Unavailable);
    });
    assert_eq!(home.read().head(id).unwrap(), 5);
}

#[test]
fn another_program_that_writes_holds_up_only_the_thread() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let store = Store::start(db).unwrap();
    let blocker = rusqlite::Connection::open(home.file()).unwrap();
    on_runtime(async {
        // After these the disk is known to be quick.
        for _ in 0..3 {
            store.run_soon(move |db| db.append(id, &[said("more")])).await.unwrap();
        }
        blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (stored, ()) = tokio::join!(
            store.run_soon(move |db| db.append(id, &[said("last")])),
            // Only runs while the other one waits, and what the other one waits for is this.
            async { blocker.execute_batch("ROLLBACK").unwrap() },
        );
        assert_eq!(stored.unwrap()[0].event.seq, 4);
    });
}

#[test]
fn what_is_done_at_once_neither_waits_nor_tidies_up() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let blocker = rusqlite::Connection::open(home.file()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    assert!(db.atomically_at_once(|db| db.append(id, &[said("one")])).is_err());
    assert!(begun.elapsed() < Duration::from_secs(3));
    blocker.execute_batch("ROLLBACK").unwrap();

    let file_size = || std::fs::metadata(home.file()).unwrap().len();
    let before = file_size();
    let large = "x".repeat(20 << 20);
    let Ok(done) = db.atomically_at_once(|db| db.append(id, &[said(&large)])) else {
        panic!("nobody writes")
    };
    done.unwrap();
    assert_eq!(file_size(), before);
    // Another commit has the time.
    db.append(id, &[said("two")]).unwrap();
    assert!(file_size() > before);
    let patience: u32 = db.conn.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap();
    assert_eq!(patience, 5000);
}
