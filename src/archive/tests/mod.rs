//! The room's behaviour at its boundary: files in, an archive, files out.

mod events;
mod failing;
mod hostile;
mod listing;
mod placing;
mod projects;
mod roundtrip;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};
use uuid::Uuid;

use super::{Packed, Packing, Progress, Restored};
use crate::error::Result;
use crate::model::{Agent, Event, EventKind, Session, SessionId, SessionState};

const CONVERSATION: Uuid = Uuid::from_u128(0x0a0a_0b0b_0c0c_4d0d_8e0e_0f0f_0f0f_0f0f);

fn session(dir: &Path) -> Session {
    Session {
        id: SessionId(Uuid::from_u128(7)),
        name: "work".into(),
        agent: Agent::Claude,
        persona: "default".into(),
        dir: dir.into(),
        managed: true,
        tags: vec!["a".into(), "ü \"b\"".into()],
        pinned: true,
        model: Some("opus".into()),
        effort: None,
        permission_mode: None,
        created: at(1),
        last_active: at(2),
        cost_usd: 0.125,
        state: SessionState::Asleep,
        conversation: Some(CONVERSATION),
        hold: None,
        archive: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn events(count: u64) -> Vec<Event> {
    let event = |seq| Event {
        seq,
        at: at(0),
        kind: EventKind::Reply,
        text: format!("line {seq}\nüber"),
        prompt_id: None,
        detail: None,
    };
    (1..=count).map(event).collect()
}

/// A session's surroundings: a workspace, Claude's files, and a place for archives.
struct House {
    root: PathBuf,
    /// Removes it in the end.
    _guard: Option<tempfile::TempDir>,
    session: Session,
    events: Vec<Event>,
}

impl House {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut house = Self::at(root.path());
        house._guard = Some(root);
        fs::create_dir_all(house.workspace().join("src/empty")).unwrap();
        fs::write(house.workspace().join("src/main.rs"), "fn main() {}\n").unwrap();
        fs::write(house.workspace().join("nothing"), "").unwrap();
        let project = house.claude().join("projects/-old");
        fs::create_dir_all(project.join(format!("{CONVERSATION}/subagents"))).unwrap();
        fs::write(project.join(format!("{CONVERSATION}.jsonl")), "{\"said\":1}\n").unwrap();
        fs::write(project.join(format!("{CONVERSATION}/subagents/a.jsonl")), "{}\n").unwrap();
        fs::create_dir(house.archives()).unwrap();
        house
    }

    /// One that somebody else built.
    fn at(root: &Path) -> Self {
        Self { root: root.into(), _guard: None, session: session(&root.join("home")), events: events(3) }
    }

    fn workspace(&self) -> PathBuf {
        self.root.join("home")
    }

    fn claude(&self) -> PathBuf {
        self.root.join("claude")
    }

    fn archives(&self) -> PathBuf {
        self.root.join("archives")
    }

    fn conversation_files(&self) -> Vec<(PathBuf, PathBuf)> {
        let project = self.claude().join("projects/-old");
        let file = |name: String| (self.claude(), project.join(name));
        vec![file(format!("{CONVERSATION}.jsonl")), file(CONVERSATION.to_string())]
    }

    fn pack(&self) -> Result<Packed> {
        self.pack_with(&mut |_| {}, &AtomicBool::new(false))
    }

    fn pack_with(&self, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<Packed> {
        let files = self.conversation_files();
        let workspace = self.workspace();
        let packing = Packing {
            session: &self.session,
            events: &mut self.events.iter().cloned().map(Ok),
            conversations: &[],
            conversation_files: &files,
            inbox: None,
            workspace: Some(&workspace),
            all_files: true,
            leave_out: true,
            now: at(9),
        };
        super::pack(packing, &self.archives(), progress, cancel)
    }
}

fn verify(archive: &Path) -> Result<()> {
    super::verify(archive, &mut |_| {}, &AtomicBool::new(false))
}

fn restore(archive: &Path, into: &Path) -> Result<Restored> {
    super::restore(archive, into, &mut |_| {}, &AtomicBool::new(false))
}

/// What one path is, as far as an archive keeps it.
#[derive(Debug, Clone, PartialEq)]
struct Thing {
    mode: u32,
    mtime: (i64, i64),
    content: Content,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Dir,
    File(Vec<u8>),
    Link(PathBuf),
}

/// Everything below (and with) a directory, by relative path.
fn picture(root: &Path) -> BTreeMap<Vec<u8>, Thing> {
    let mut things = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Content::Dir
        } else if metadata.is_symlink() {
            Content::Link(fs::read_link(&path).unwrap())
        } else if metadata.is_file() {
            Content::File(fs::read(&path).unwrap())
        } else {
            continue;
        };
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
        let mtime = (metadata.mtime(), metadata.mtime_nsec());
        things.insert(name, Thing { mode: metadata.mode() & 0o7777, mtime, content });
    }
    things
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn set_mtime(path: &Path, secs: i64, nanos: i64) {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: secs, tv_nsec: nanos },
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}
