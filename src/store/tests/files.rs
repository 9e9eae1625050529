//! Files that are new, foreign, broken, of another version, or that cannot be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;

use super::{Home, made, said};
use crate::store::open::FORMAT;
use crate::store::{Db, Filter, Mode};

#[test]
fn a_new_file_is_private_and_kept() {
    let home = Home::new();
    let id = made(&mut home.open(), "work");
    let mode = fs::metadata(home.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(home.open().session(id).unwrap().name, "work");
    assert_eq!(home.read().session(id).unwrap().name, "work");
}

#[test]
fn an_exposed_file_is_made_private() {
    let home = Home::new();
    drop(home.open());
    fs::set_permissions(home.file(), fs::Permissions::from_mode(0o644)).unwrap();
    drop(home.open());
    assert_eq!(fs::metadata(home.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn commits_wait_for_the_disk() {
    let home = Home::new();
    let db = home.open();
    let pragma =
        |name: &str| db.conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pragma("synchronous"), pragma("fullfsync"), pragma("foreign_keys")), (2, 1, 1));
    let mode: String = db.conn.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn reading_what_is_not_there_finds_nothing_and_makes_nothing() {
    let home = Home::new();
    assert_eq!(home.read().sessions(Filter::All, None).unwrap(), []);
    assert!(!home.file().exists());
}

#[test]
fn what_is_only_just_being_made_reads_as_empty() {
    let home = Home::new();
    let conn = Connection::open(home.file()).unwrap();
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    assert!(fs::metadata(home.file()).unwrap().len() > 0);
    assert_eq!(home.read().sessions(Filter::All, None).unwrap(), []);
}

#[test]
fn readers_read_while_a_writer_has_it_open() {
    let home = Home::new();
    let mut writer = home.open();
    let id = made(&mut writer, "work");
    let reader = home.read();
    writer.append(id, &[said("hello")]).unwrap();
    assert_eq!(reader.head(id).unwrap(), 1);
}

#[test]
fn readers_cannot_write() {
    let home = Home::new();
    let id = made(&mut home.open(), "work");
    let error = home.read().append(id, &[said("hello")]).unwrap_err();
    assert!(error.message.contains("read-only"), "{error}");
}

#[test]
fn garbage_is_refused_and_left_alone() {
    for garbage in [&b"not a database at all, but long enough to look like one"[..], &[0; 4096], b"xy"] {
        let home = Home::new();
        fs::write(home.file(), garbage).unwrap();
        for mode in [Mode::ReadWrite, Mode::ReadOnly] {
            let Err(error) = Db::open(&home.file(), mode) else { panic!("{mode:?} took {garbage:?}") };
            assert!(error.message.contains("claudebot.db"), "{error}");
            assert!(error.hint.unwrap().contains("move it aside"));
        }
        assert_eq!(fs::read(home.file()).unwrap(), garbage);
    }
}

#[test]
fn a_truncated_file_is_refused_and_left_alone() {
    let home = Home::new();
    made(&mut home.open(), "work");
    let whole = fs::read(home.file()).unwrap();
    let half = &whole[..whole.len() / 2];
    fs::write(home.file(), half).unwrap();
    let opened = Db::open(&home.file(), Mode::ReadWrite).and_then(|db| db.sessions(Filter::All, None));
    assert!(opened.unwrap_err().message.contains("damaged"));
    assert_eq!(fs::read(home.file()).unwrap(), half);
}

#[test]
fn a_newer_file_is_refused_with_both_versions() {
    let home = Home::new();
    drop(home.open());
    assert!(!Db::is_older(&home.file()));
    Connection::open(home.file()).unwrap().pragma_update(None, "user_version", 7).unwrap();
    for mode in [Mode::ReadWrite, Mode::ReadOnly] {
        let error = Db::open(&home.file(), mode).map(drop).unwrap_err();
        let versions = format!("newer claudebot (format 7, this one knows {})", FORMAT.version());
        assert!(error.message.contains(&versions), "{error}");
        assert!(error.hint.unwrap().contains("upgrade claudebot"));
    }
}

/// Only a writer changes a file; whoever reads says what to do.
#[test]
fn an_older_file_is_upgraded_with_all_that_it_holds() {
    let home = Home::new();
    let conn = Connection::open(home.file()).unwrap();
    conn.execute_batch(include_str!("../migrations/0001.sql")).unwrap();
    conn.execute_batch("PRAGMA application_id = 0x636c6274; PRAGMA user_version = 1").unwrap();
    conn.execute_batch("INSERT INTO access VALUES ('user', 7, 'eve', 0)").unwrap();
    drop(conn);
    assert!(Db::is_older(&home.file()));
    let error = Db::open(&home.file(), Mode::ReadOnly).map(drop).unwrap_err();
    let versions = format!("of an older claudebot (format 1, this one reads {})", FORMAT.version());
    assert!(error.message.contains(&versions), "{error}");
    assert_eq!(home.open().allowed().unwrap().len(), 1);
    assert!(!Db::is_older(&home.file()));
    assert_eq!(home.read().pairing("22222222").unwrap(), None);
}

#[test]
fn another_programs_database_is_refused() {
    let home = Home::new();
    Connection::open(home.file()).unwrap().execute_batch("CREATE TABLE bookmarks (url)").unwrap();
    for mode in [Mode::ReadWrite, Mode::ReadOnly] {
        let error = Db::open(&home.file(), mode).map(drop).unwrap_err();
        assert!(error.message.contains("another program"), "{error}");
    }
}

#[test]
fn what_sqlite_cannot_create_beside_the_file_is_said() {
    let home = Home::new();
    drop(home.open());
    // A link to nowhere in its place fails for root too, as a read-only data directory does for others.
    std::os::unix::fs::symlink("nowhere", home.dir.path().join("claudebot.db-shm")).unwrap();
    assert!(home.read().allowed().unwrap().is_empty(), "everything is in the file itself");
    fs::write(home.dir.path().join("claudebot.db-wal"), "what is not in the file").unwrap();
    let error = Db::open(&home.file(), Mode::ReadOnly).map(drop).unwrap_err();
    assert!(error.message.contains("cannot open the session database"), "{error}");
    assert!(error.hint.unwrap().contains("writable data directory"));
}

#[test]
fn a_missing_directory_is_said() {
    let home = Home::new();
    let error = Db::open(&home.dir.path().join("no/claudebot.db"), Mode::ReadWrite).map(drop).unwrap_err();
    assert!(error.message.contains("No such file"), "{error}");
}

#[test]
fn a_full_disk_is_said_and_what_was_stored_stays() {
    let home = Home::new();
    let mut db = home.open();
    let id = made(&mut db, "work");
    let pages: i64 = db.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    db.conn.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let error = db.append(id, &[said("small"), said(&"large ".repeat(100_000))]).unwrap_err();
    assert_eq!(error.message, "the disk is full: nothing was stored");
    assert_eq!(db.head(id).unwrap(), 0);
    db.append(id, &[said("small")]).unwrap();
    assert_eq!(db.head(id).unwrap(), 1);
}
