use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::model::{Session, SessionId, SessionState};
use crate::paths::Env;
use crate::search::{Query, Surroundings};

/// A home with conversations in it.
struct House {
    home: tempfile::TempDir,
    paths: Paths,
    config_dir: PathBuf,
}

impl House {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(&Env::from_pairs([("HOME", home.path())])).unwrap();
        let config_dir = paths.claude_config_dir(None);
        fs::create_dir_all(config_dir.join("projects/-p")).unwrap();
        Self { home, paths, config_dir }
    }

    fn file(&self, number: u128) -> PathBuf {
        self.config_dir.join(format!("projects/-p/{}.jsonl", Uuid::from_u128(number)))
    }

    /// Appends what was said, and returns the bytes.
    fn say(&self, number: u128, texts: &[&str]) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.file(number)).unwrap();
        for text in texts {
            file.write_all(line(text).as_bytes()).unwrap();
        }
    }

    fn look(&self) {
        refresh(&self.paths, &self.config_dir, &|| true).unwrap();
    }

    fn plain(&self) -> Plain {
        Plain::open(&self.paths.conversations_database()).unwrap().unwrap()
    }

    /// What is found, read from where it lies.
    fn found(&self, query: &str) -> Vec<String> {
        let around = Surroundings { now: Timestamp::now(), home: self.home.path(), dir: None };
        let query = Query::parse(query, around).unwrap();
        let places = self.plain().places(&query, 1000, |_| false).unwrap();
        let read = |place: &crate::store::plain::Place| said::read(&place.path, place.offset, place.length);
        let mut found: Vec<String> = places.iter().map(|place| read(place).unwrap().unwrap()).collect();
        found.sort();
        found
    }
}

fn line(text: &str) -> String {
    let line = json!({
        "type": "user", "uuid": Uuid::new_v4(), "timestamp": "2026-11-22T09:00:00Z", "cwd": "/home/me/web",
        "message": { "role": "user", "content": text },
    });
    format!("{line}\n")
}

#[test]
fn only_what_is_new_is_read() {
    let house = House::new();
    house.say(1, &["nginx one"]);
    house.say(2, &["nginx two"]);
    house.look();
    assert_eq!(house.found("nginx"), ["nginx one", "nginx two"]);
    let before = house.plain().files().unwrap();
    house.look();
    assert_eq!(house.plain().files().unwrap(), before);
    house.say(2, &["nginx three"]);
    house.look();
    assert_eq!(house.found("nginx"), ["nginx one", "nginx three", "nginx two"]);
    assert_eq!(house.found("nginx dir:web").len(), 3);
    assert!(house.plain().extent().unwrap().scanned.is_some());
}

#[test]
fn half_a_line_is_read_when_it_is_whole() {
    let house = House::new();
    house.say(1, &["nginx one"]);
    let whole = line("nginx two");
    let (first, second) = whole.split_at(40);
    let append = |bytes: &str| {
        let mut file = fs::OpenOptions::new().append(true).open(house.file(1)).unwrap();
        file.write_all(bytes.as_bytes()).unwrap();
    };
    append(first);
    house.look();
    assert_eq!(house.found("nginx"), ["nginx one"]);
    append(second);
    house.look();
    assert_eq!(house.found("nginx"), ["nginx one", "nginx two"]);
}

#[test]
fn what_was_written_anew_is_read_anew() {
    let house = House::new();
    house.say(1, &["nginx one", "nginx two"]);
    house.look();
    // Shorter, as after a rewind.
    fs::write(house.file(1), line("nginx three")).unwrap();
    house.look();
    assert_eq!(house.found("nginx"), ["nginx three"]);
    // Longer, in the same file: what was read stands there no more.
    fs::write(house.file(1), [line("nginx four"), line("nginx five"), line("apache")].concat()).unwrap();
    house.look();
    assert_eq!(house.found("nginx"), ["nginx five", "nginx four"]);
    // Another file under its name.
    let aside = house.config_dir.join("aside");
    fs::write(&aside, line("nginx six")).unwrap();
    fs::rename(aside, house.file(1)).unwrap();
    house.look();
    assert_eq!(house.found("nginx"), ["nginx six"]);
    fs::remove_file(house.file(1)).unwrap();
    house.look();
    assert_eq!(house.found("nginx"), [] as [&str; 0]);
    assert_eq!(house.plain().extent().unwrap().conversations, 0);
}

#[test]
fn what_is_ours_is_left_out_and_taken_out() {
    let house = House::new();
    house.say(1, &["nginx one"]);
    house.say(2, &["nginx two"]);
    house.look();
    Paths::create_private(house.paths.data_dir()).unwrap();
    let mut db = Db::open(&house.paths.database(), Mode::ReadWrite).unwrap();
    let session = Session {
        id: SessionId::random(),
        name: "work".to_owned(),
        agent: Agent::Claude,
        persona: "default".to_owned(),
        dir: "/home/me/web".into(),
        managed: false,
        tags: Vec::new(),
        pinned: false,
        model: None,
        effort: None,
        permission_mode: None,
        created: Timestamp::now(),
        last_active: Timestamp::now(),
        cost_usd: 0.0,
        state: SessionState::Asleep,
        conversation: Some(Uuid::from_u128(1)),
        hold: None,
        archive: None,
    };
    db.create_session(&session).unwrap();
    house.look();
    assert_eq!(house.found("nginx"), ["nginx two"]);
}

#[test]
fn nothing_is_made_where_there_is_nothing() {
    let house = House::new();
    house.look();
    assert!(!house.paths.data_dir().exists());
    fs::remove_dir_all(&house.config_dir).unwrap();
    house.look();
    assert!(!house.paths.data_dir().exists());
}

#[test]
fn a_damaged_index_is_made_anew() {
    let house = House::new();
    house.say(1, &["nginx one"]);
    house.look();
    let index = house.paths.conversations_database();
    let mut bytes = fs::read(&index).unwrap();
    bytes.iter_mut().skip(100).for_each(|byte| *byte = 0x5a);
    fs::write(&index, bytes).unwrap();
    house.look();
    assert_eq!(house.found("nginx"), ["nginx one"]);
}

/// Also in the middle of a large file: what was stored is not read again, and nothing is lost.
#[test]
fn who_is_stopped_goes_on_from_there() {
    let house = House::new();
    let long = "word ".repeat(20_000);
    let texts: Vec<String> = (0..120).map(|number| format!("nginx{number} {long}")).collect();
    house.say(1, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    house.say(2, &["nginx the last"]);
    let asked = AtomicU32::new(0);
    refresh(&house.paths, &house.config_dir, &|| asked.fetch_add(1, Ordering::Relaxed) < 5).unwrap();
    let files = house.plain().files().unwrap();
    let long = files.iter().find(|file| file.path == house.file(1)).unwrap();
    assert!(long.read > 0 && long.read < long.size, "{long:?}");
    assert_eq!(house.plain().extent().unwrap().scanned, None);
    house.look();
    assert_eq!(house.found("nginx*").len(), 121);
    assert_eq!(house.found("nginx119").len(), 1);
}

#[test]
fn two_at_a_time_find_everything_once() {
    let house = House::new();
    for number in 0..40 {
        house.say(number, &["nginx one", "nginx two"]);
    }
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| house.look());
        }
    });
    assert_eq!(house.found("nginx").len(), 80);
}
