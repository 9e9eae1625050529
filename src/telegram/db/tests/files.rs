//! Files that are new, foreign, broken, of another version, or in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use super::super::open::FORMAT;
use super::super::{Db, Tables};

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("telegram.db")
    }

    fn open(&self) -> Db {
        Db::open(&self.file()).unwrap()
    }
}

fn refused(home: &Home) -> crate::error::Error {
    Db::open(&home.file()).map(drop).unwrap_err()
}

#[test]
fn a_new_file_is_private_durable_and_kept() {
    let home = Home::new();
    let db = home.open();
    db.write(|t| t.set_feed_cursor(u64::MAX)).unwrap();
    let pragma = |name: &str| {
        db.lock().conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((pragma("synchronous"), pragma("fullfsync")), (2, 1));
    for file in fs::read_dir(home.0.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    drop(db);
    assert_eq!(home.open().read(Tables::feed_cursor).unwrap(), Some(u64::MAX));
    fs::set_permissions(home.file(), fs::Permissions::from_mode(0o644)).unwrap();
    drop(home.open());
    assert_eq!(fs::metadata(home.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_in_use_is_nobody_elses() {
    let home = Home::new();
    let first = home.open();
    let second = Db::open_within(&home.file(), Duration::ZERO).map(drop).unwrap_err();
    assert!(second.message.contains("another program holds the bridge's database"), "{second}");
    drop(first);
    drop(home.open());
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    for garbage in [&b"not a database at all, but long enough to look like one"[..], b"xy"] {
        let home = Home::new();
        fs::write(home.file(), garbage).unwrap();
        let error = refused(&home);
        assert!(error.message.contains("telegram.db is not a database"), "{error}");
        assert!(error.hint.unwrap().contains("move it aside"));
        assert_eq!(fs::read(home.file()).unwrap(), garbage);
    }
    let home = Home::new();
    Connection::open(home.file()).unwrap().execute_batch("CREATE TABLE bookmarks (url)").unwrap();
    assert!(refused(&home).message.contains("another program"));
    let home = Home::new();
    fs::create_dir(home.file()).unwrap();
    assert!(refused(&home).message.contains("is a directory"));
}

#[test]
fn a_newer_file_is_refused_with_both_versions() {
    let home = Home::new();
    drop(home.open());
    Connection::open(home.file()).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let error = refused(&home);
    let words = format!("newer claudebot (format 7, this one knows {})", FORMAT.version());
    assert!(error.message.contains(&words), "{error}");
}

#[test]
fn what_waited_in_a_file_of_the_first_format_still_does() {
    let home = Home::new();
    let conn = Connection::open(home.file()).unwrap();
    conn.execute_batch(FORMAT.migrations[0]).unwrap();
    conn.pragma_update(None, "application_id", FORMAT.application_id).unwrap();
    conn.pragma_update(None, "user_version", 1).unwrap();
    conn.execute_batch(
        "INSERT INTO outgoing (chat, thread, priority, payload, state, not_before, at) \
         VALUES (7, 0, 1, '{}', 'waiting', 5, 0); \
         INSERT INTO shown_approval (approval, chat, thread, outgoing, at) VALUES (12, 7, 0, 1, 0)",
    )
    .unwrap();
    drop(conn);
    let db = home.open();
    let row = db.read(|t| t.next_outgoing(7, &[])).unwrap().unwrap();
    let shown = db.read(|t| t.shown_approvals(12)).unwrap();
    assert_eq!((row.id, shown[0].outgoing, shown[0].session), (1, 1, None));
}

#[test]
fn a_full_disk_is_said_and_nothing_is_half_stored() {
    let home = Home::new();
    let db = home.open();
    let pages: i64 = db.lock().conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    db.lock().conn.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let error = db
        .write(|t| {
            t.set_feed_cursor(7)?;
            t.poison_update(1, "")?;
            for id in 0..10_000 {
                t.note_hint(id, super::at(0))?;
            }
            Ok(())
        })
        .unwrap_err();
    assert!(error.message.starts_with("the disk is full"), "{error}");
    assert_eq!(db.read(Tables::feed_cursor).unwrap(), None);
}
