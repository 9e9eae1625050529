//! Houses there and back, and houses that are damaged, cut, or made to harm.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tar::{EntryType, Header};
use uuid::Uuid;

use super::super::Packing;
use super::super::checksums::{Hasher, append_line};
use super::super::meter::Progress;
use super::super::stream::Reader;
use super::{Contents, Depth, House, Item, Machine, Packer, file_of};
use crate::error::{Error, Kind, Result};
use crate::model::{Agent, Bindings, Event, EventKind, MovedSession, Session, SessionId, SessionState};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn session(number: u128, name: &str) -> Session {
    Session {
        id: SessionId(Uuid::from_u128(number)),
        name: name.into(),
        agent: Agent::Demo,
        persona: "default".into(),
        dir: "/home/a/x".into(),
        managed: true,
        tags: Vec::new(),
        pinned: false,
        model: None,
        effort: None,
        permission_mode: None,
        created: at(0),
        last_active: at(1),
        cost_usd: 0.5,
        state: SessionState::Asleep,
        conversation: None,
        hold: None,
        archive: None,
    }
}

fn event(seq: u64, text: &str) -> Event {
    Event { seq, at: at(0), kind: EventKind::Reply, text: text.into(), prompt_id: None, detail: None }
}

const NAMES: [&str; 3] = ["work", "größer/../:x", "..."];

fn contents() -> Contents {
    let item = |(number, name): (usize, &&str)| Item {
        id: SessionId(Uuid::from_u128(number as u128)),
        name: (*name).to_owned(),
        file: file_of(number, name),
        archived: false,
    };
    let machine = Machine { os: "linux".into(), home: "/home/a".into(), data_dir: "/home/a/d".into() };
    Contents::new(machine, (1..).zip(&NAMES).map(item).collect(), at(7))
}

fn quiet(_: Progress) {}

/// Packs a house of three sessions, a configuration and two personas.
fn pack(root: &Path, cancel: &AtomicBool) -> Result<PathBuf> {
    let target = root.join("house.tar");
    let workspace = root.join("workspace");
    fs::create_dir_all(&workspace).unwrap();
    fs::write(workspace.join("a"), "content").unwrap();
    let contents = contents();
    let mut packer = Packer::begin(&target, &contents)?;
    packer.config("[log]\nlevel = \"info\"\n")?;
    packer.persona("a", "prompt = \"a\"\n")?;
    packer.persona("b", "prompt = \"b\"\n")?;
    let mut bindings = Bindings::default();
    for (number, item) in (1..).zip(&contents.sessions) {
        let session = session(number, &item.name);
        let log = [event(1, "one"), event(2, &item.name)];
        let packing = Packing {
            session: &session,
            events: &mut log.into_iter().map(Ok),
            conversations: &[],
            conversation_files: &[],
            inbox: None,
            workspace: Some(&workspace),
            all_files: true,
            leave_out: true,
            now: at(8),
        };
        let packed = packer.aside(packing, &mut quiet, cancel)?;
        packer.session(&item.file, &packed, cancel)?;
        bindings.sessions.push(MovedSession {
            session,
            cost_seen: 0.25,
            rules: Vec::new(),
            prompts: Vec::new(),
        });
    }
    packer.finish(&bindings, &mut quiet, cancel).map(|done| done.file)
}

fn open(file: &Path) -> Result<House> {
    House::open(file, Depth::Archives, &mut quiet, &AtomicBool::new(false))
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn there_and_back() {
    let root = tempfile::tempdir().unwrap();
    let file = pack(root.path(), &AtomicBool::new(false)).unwrap();
    assert_eq!(names_in(root.path()), ["house.tar", "workspace"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let house = open(&file).unwrap();
    assert_eq!(house.contents, contents());
    assert_eq!(house.config.as_deref(), Some("[log]\nlevel = \"info\"\n"));
    let personas: Vec<_> = house.personas.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(personas, ["a", "b"]);
    for (index, name) in NAMES.iter().enumerate() {
        assert_eq!(house.manifest(index).unwrap().session.name, *name);
        let restored = house.restore(index, root.path(), &mut quiet, &AtomicBool::new(false)).unwrap();
        let last = restored.events().unwrap().last().unwrap().unwrap();
        assert_eq!((last.seq, last.text.as_str()), (2, *name));
        let copy = root.path().join(format!("copy-{index}.tar.gz"));
        let events = house.copy_archive(index, &copy, &AtomicBool::new(false)).unwrap();
        assert_eq!(events.count(), 2);
        super::super::verify(&copy, &mut quiet, &AtomicBool::new(false)).unwrap();
    }
    let again = pack(root.path(), &AtomicBool::new(false)).unwrap_err();
    assert_eq!(again.kind, Kind::Conflict);
}

#[test]
fn cancelled_nothing_is_left() {
    let root = tempfile::tempdir().unwrap();
    let error = pack(root.path(), &AtomicBool::new(true)).unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert_eq!(names_in(root.path()), ["workspace"]);
}

/// One entry as somebody else might write it.
#[derive(Clone)]
struct Forged {
    name: Vec<u8>,
    kind: EntryType,
    content: Vec<u8>,
}

fn forged(name: &str, content: &str) -> Forged {
    Forged { name: name.into(), kind: EntryType::Regular, content: content.into() }
}

/// The entries of a good house, without the checksums.
fn entries(file: &Path) -> Vec<Forged> {
    let mut reader = Reader::new(fs::File::open(file).unwrap());
    let mut entries = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        let mut content = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = reader.read(&mut buffer).unwrap();
            if read == 0 {
                break;
            }
            content.extend_from_slice(&buffer[..read]);
        }
        entries.push(Forged { name: entry.name, kind: EntryType::Regular, content });
    }
    assert_eq!(entries.pop().unwrap().name, b"checksums");
    entries
}

fn tar(entries: &[Forged]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..entry.name.len()].copy_from_slice(&entry.name);
        header.set_entry_type(entry.kind);
        header.set_mode(0o777);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(entry.content.len() as u64);
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(&entry.content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn sums(entries: &[Forged]) -> Forged {
    let mut lines = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryType::Regular) {
        let mut hasher = Hasher::default();
        hasher.update(&entry.content);
        append_line(&mut lines, &hasher.finish(), &entry.name);
    }
    Forged { content: lines, ..forged("checksums", "") }
}

fn refused(root: &Path, bytes: &[u8]) -> Error {
    let file = root.join("forged.tar");
    fs::write(&file, bytes).unwrap();
    open(&file).err().unwrap_or_else(|| panic!("it was taken"))
}

type Change = fn(&mut Vec<Forged>);

/// What is wrong with each, though its checksums are right.
const HOSTILE: &[(&str, Change)] = &[
    ("leads upwards", |all| all.push(forged("config/../../.bashrc", "x"))),
    ("is absolute", |all| all.push(forged("/etc/passwd", "x"))),
    ("no place in a house", |all| all.push(forged("readme", "x"))),
    ("no place in a house", |all| all.push(forged("config/telegram-token", "x"))),
    ("no place in a house", |all| all.push(forged("personas/sub/a.toml", "x"))),
    ("no place in a house", |all| all.push(forged("personas/.hidden.toml", "x"))),
    ("no place in a house", |all| all.insert(4, forged("sessions/0009-more.tar.gz", "x"))),
    ("there twice", |all| all.insert(2, all[1].clone())),
    ("out of order", |all| all.swap(1, 2)),
    ("no place in a house", |all| all.swap(4, 5)),
    ("is missing: the session", |all| {
        let bindings = all.pop().unwrap();
        all.insert(4, bindings);
    }),
    ("no house of claudebot", |all| all.swap(0, 1)),
    ("no house of claudebot", Vec::clear),
    ("plain file", |all| {
        all[2].kind = EntryType::Symlink;
        all[2].content.clear();
    }),
    ("hard link", |all| all[2].kind = EntryType::Link),
    ("plain file", |all| {
        all[2].kind = EntryType::Directory;
        all[2].content.clear();
    }),
    ("device", |all| all[2].kind = EntryType::Char),
    ("too large", |all| all[1].content = vec![b'#'; (1 << 20) + 1]),
    ("is missing: the session", |all| drop(all.drain(6..))),
    ("is missing: the session", |all| drop(all.remove(6))),
    ("is missing: the bindings", |all| drop(all.pop())),
    ("is not text", |all| all[1].content = vec![0xff]),
    ("another session", |all| all[4].content = all[5].content.clone()),
    ("sessions/0001-work.tar.gz", |all| all[4].content.truncate(200)),
    ("no gzip file", |all| all[4].content = vec![b'x'; 3000]),
    ("bindings.json", |all| all[7].content = b"{}".to_vec()),
    ("not those of house.toml", |all| {
        all[7].content = br#"{"sessions":[],"channels":[],"access":[]}"#.to_vec();
    }),
    ("upgrade claudebot", |all| replace(&mut all[0], "format = 1", "format = 99")),
    ("no format 0", |all| replace(&mut all[0], "format = 1", "format = 0")),
    ("house.toml", |all| replace(&mut all[0], "format = 1", "format = \"x\"")),
    ("house.toml", |all| replace(&mut all[0], "sessions/0001", "sessions/0007")),
    ("house.toml", |all| replace(&mut all[0], "sessions/0001-work", "sessions/0001-a/b")),
    ("leads upwards", |all| replace(&mut all[0], "sessions/0001-work", "sessions/0001-/../x")),
    ("there twice", |all| replace(&mut all[0], "0000000002", "0000000001")),
];

fn replace(entry: &mut Forged, what: &str, with: &str) {
    let text = String::from_utf8(entry.content.clone()).unwrap();
    assert!(text.contains(what), "{text}");
    entry.content = text.replacen(what, with, 1).into_bytes();
}

#[test]
fn hostile_houses_are_refused_with_their_reason() {
    let root = tempfile::tempdir().unwrap();
    let good = entries(&pack(root.path(), &AtomicBool::new(false)).unwrap());
    let mut whole = good.clone();
    whole.push(sums(&good));
    fs::write(root.path().join("same.tar"), tar(&whole)).unwrap();
    open(&root.path().join("same.tar")).unwrap();
    let mut wrong = Vec::new();
    for (number, (reason, change)) in HOSTILE.iter().enumerate() {
        let mut all = good.clone();
        change(&mut all);
        all.push(sums(&all));
        let error = refused(root.path(), &tar(&all));
        let words = format!("{} {}", error.message, error.hint.unwrap_or_default());
        if !words.contains(reason) || !words.contains("forged.tar") {
            wrong.push(format!("{number}: {words} instead of {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_checksums_do_not_say_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let good = entries(&pack(root.path(), &AtomicBool::new(false)).unwrap());
    let sums = sums(&good);
    let with = |change: &dyn Fn(&mut Vec<Forged>)| {
        let mut all = good.clone();
        all.push(sums.clone());
        change(&mut all);
        refused(root.path(), &tar(&all)).message
    };
    assert!(with(&|all| all[1].content.push(b'#')).contains("does not match its checksum"));
    assert!(with(&|all| drop(all.remove(2))).contains("has a checksum but is missing"));
    assert!(with(&|all| drop(all.pop())).contains("is missing: the checksums"));
    assert!(with(&|all| all.push(forged("late", "x"))).contains("follows the checksums"));
    let first_line = sums.content.iter().position(|b| *b == b'\n').unwrap() + 1;
    assert!(with(&|all| all[8].content.truncate(first_line)).contains("not among the checksums"));
    assert!(with(&|all| all[8].content.truncate(100)).contains("cut off"));
    assert!(with(&|all| all[8].content = b"nonsense\n".to_vec()).contains("malformed"));
}

#[test]
fn cut_or_damaged_anywhere_it_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let whole = fs::read(pack(root.path(), &AtomicBool::new(false)).unwrap()).unwrap();
    for twentieth in 0..20 {
        refused(root.path(), &whole[..whole.len() * twentieth / 20]);
    }
    // The end mark alone may be cut, and padding be anything that is zero.
    let end = whole.len() - 1024;
    for at in (0..end).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let file = root.path().join("forged.tar");
        fs::write(&file, &bytes).unwrap();
        if let Ok(house) = open(&file) {
            // In what nobody reads (owners, padding), nothing else is changed by it.
            assert_eq!(house.digest, open(&root.path().join("house.tar")).unwrap().digest, "{at}");
        }
    }
    let mut gzipped = whole;
    gzipped[..2].copy_from_slice(&[0x1f, 0x8b]);
    assert!(refused(root.path(), &gzipped).hint.unwrap().contains("session restore"));
}
