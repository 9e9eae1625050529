use std::path::Path;

use super::*;
use crate::search::{Query, Surroundings};

fn state(name: &str, read: u64) -> FileState {
    FileState {
        path: format!("/p/{name}.jsonl").into(),
        conversation: Uuid::from_u128(u128::from(name.as_bytes()[0])),
        dir: Some(format!("/home/me/{name}").into()),
        size: read,
        changed: 1,
        inode: u64::MAX,
        read,
        tail: -7,
    }
}

fn said(offset: u64, text: &str, file: &FileState) -> Said {
    Said {
        offset,
        length: 10,
        kind: EventKind::Prompt,
        at: Timestamp::from_second(1_000_000).unwrap(),
        uuid: None,
        words: Said::words(text, file.conversation, EventKind::Prompt),
    }
}

fn found(plain: &Plain, query: &str) -> Vec<(String, u64)> {
    let now = Timestamp::now();
    let query = Query::parse(query, Surroundings { now, home: Path::new("/home/me"), dir: None }).unwrap();
    let places = plain.places(&query, 100, |_| false).unwrap();
    places.iter().map(|place| (place.path.display().to_string(), place.offset)).collect()
}

fn made() -> (tempfile::TempDir, PathBuf, Plain) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("conversations.db");
    let plain = Plain::create(&path).unwrap();
    (dir, path, plain)
}

fn progress(from: Option<u64>, file: FileState, texts: &[(u64, &str)]) -> Progress {
    let said = texts.iter().map(|(offset, text)| said(*offset, text, &file)).collect();
    Progress { from, file, said }
}

#[test]
fn what_was_read_is_found_and_noted() {
    let (_dir, path, mut plain) = made();
    plain.add(&[progress(None, state("a", 50), &[(0, "nginx one")])]).unwrap();
    plain.add(&[progress(Some(50), state("a", 90), &[(50, "nginx two"), (70, "東京")])]).unwrap();
    let reader = Plain::open(&path).unwrap().unwrap();
    assert_eq!(found(&reader, "nginx"), [("/p/a.jsonl".to_owned(), 50), ("/p/a.jsonl".to_owned(), 0)]);
    assert_eq!(found(&reader, "東京").len(), 1);
    assert_eq!(found(&reader, "nginx dir:~/a").len(), 2);
    assert_eq!(found(&reader, "nginx dir:~/b").len(), 0);
    assert_eq!(found(&reader, "nginx since:1d").len(), 0);
    assert_eq!(reader.files().unwrap(), [state("a", 90)]);
    assert_eq!(reader.extent().unwrap(), Extent { conversations: 1, scanned: None });
    plain.set_scanned(Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(reader.extent().unwrap().scanned, Some(Timestamp::UNIX_EPOCH));
}

#[test]
fn of_two_who_read_the_same_only_one_counts() {
    let (_dir, path, mut one) = made();
    let mut other = Plain::create(&path).unwrap();
    one.add(&[progress(None, state("a", 50), &[(0, "nginx")])]).unwrap();
    let more = progress(Some(50), state("a", 90), &[(50, "nginx")]);
    one.add(std::slice::from_ref(&more)).unwrap();
    other.add(std::slice::from_ref(&more)).unwrap();
    assert_eq!(found(&other, "nginx").len(), 2);
    // Who begins anew takes out what was there.
    other.add(&[progress(None, state("a", 20), &[(0, "nginx")])]).unwrap();
    assert_eq!(found(&one, "nginx").len(), 1);
    one.add(&[more]).unwrap();
    assert_eq!(found(&one, "nginx").len(), 1);
    // Who goes on with what was dropped meanwhile adds nothing.
    other.drop_files(&["/p/a.jsonl".into()]).unwrap();
    one.add(&[progress(Some(20), state("a", 30), &[(20, "nginx")])]).unwrap();
    assert!(found(&one, "nginx").is_empty());
    assert_eq!(one.extent().unwrap().conversations, 0);
}

#[test]
fn what_is_dropped_leaves_the_file() {
    let (_dir, path, mut plain) = made();
    plain.add(&[progress(None, state("a", 50), &[(0, "zanzibar")])]).unwrap();
    plain.add(&[progress(None, state("b", 50), &[(0, "palaver")])]).unwrap();
    plain.drop_files(&["/p/a.jsonl".into()]).unwrap();
    assert!(found(&plain, "zanzibar").is_empty());
    drop(plain);
    let bytes = fs::read(&path).unwrap();
    let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(holds("palaver") && !holds("zanzibar"));
}

#[test]
fn copies_are_told_once() {
    let (_dir, _path, mut plain) = made();
    let same = Some(Uuid::from_u128(9));
    for name in ["a", "b"] {
        let mut progress = progress(None, state(name, 50), &[(0, "nginx")]);
        progress.said[0].uuid = same;
        plain.add(&[progress]).unwrap();
    }
    assert_eq!(found(&plain, "nginx"), [("/p/b.jsonl".to_owned(), 0)]);
    let now = Timestamp::now();
    let query = Query::parse("nginx", Surroundings { now, home: Path::new("/"), dir: None }).unwrap();
    let ours = state("b", 0).conversation;
    let places = plain.places(&query, 9, |id| id == ours).unwrap();
    assert_eq!(places[0].path, Path::new("/p/a.jsonl"), "what is ours hides no copy");
}

#[test]
fn a_file_that_is_no_index_is_told_from_one_of_somebody_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("conversations.db");
    assert!(Plain::open(&path).unwrap().is_none());
    fs::write(&path, "garbage ".repeat(1000)).unwrap();
    assert!(matches!(Plain::open(&path), Err(Trouble::Damaged(_))));
    assert!(matches!(Plain::create(&path), Err(Trouble::Damaged(_))));
    Plain::remove(&path).unwrap();
    Plain::remove(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks (url)").unwrap();
    assert!(matches!(Plain::open(&path), Err(Trouble::Other(_))));
    assert!(matches!(Plain::create(&path), Err(Trouble::Other(_))));
}
