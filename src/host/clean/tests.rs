//! Which archives may go, and what is left of their sessions. The rest is tested through the command.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::host::shared::About;
use crate::host::short::{self, ShortCtx};
use crate::ipc::{NewSession, Request, Response};
use crate::model::{Agent, Channel, Event};
use crate::paths::Env;
use crate::store::Store;

struct House {
    _home: tempfile::TempDir,
    paths: Paths,
    config: Config,
    db: Db,
}

impl House {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(&Env::from_pairs([("HOME", home.path())])).unwrap();
        let config = Config::defaults(&paths);
        fs::create_dir_all(&config.archive.dir).unwrap();
        Self { _home: home, paths, config, db: Db::in_memory() }
    }

    /// An archived session, and its file.
    fn archived(&mut self, name: &str) -> (SessionId, PathBuf) {
        let config = || Ok(self.config.clone());
        let channel = Channel::local();
        let ctx = ShortCtx { paths: &self.paths, config: &config, who: "cli", channel: &channel, live: None };
        let new = NewSession {
            name: name.to_owned(),
            persona: None,
            dir: None,
            agent: Agent::Demo,
            model: None,
            tags: Vec::new(),
            switch: None,
            allow_wide_dir: false,
        };
        let made = short::answer(&mut self.db, &ctx, &Request::SessionNew(new));
        let Some(Ok(Response::Session(view))) = made else { panic!("{made:?}") };
        let session = self.db.session(view.id).unwrap();
        let mut events = std::iter::empty::<Result<Event>>();
        let packing = archive::Packing {
            session: &session,
            events: &mut events,
            conversations: &[],
            conversation_files: &[],
            inbox: None,
            workspace: None,
            all_files: false,
            leave_out: false,
            now: Timestamp::now(),
        };
        let packed =
            archive::pack(packing, &self.config.archive.dir, &mut |_| {}, &AtomicBool::new(false)).unwrap();
        self.db.mark_archived(view.id, &packed.file).unwrap();
        (view.id, packed.file)
    }

    fn found(&self, days: i64) -> Vec<Unneeded> {
        let now = Timestamp::now();
        find(&self.db, &self.paths, &self.config, now, now + SignedDuration::from_hours(24 * days)).unwrap()
    }

    /// Archives that no session uses, with the names of their sessions.
    fn unused(&self, days: i64) -> Vec<(PathBuf, String)> {
        let unused = self.found(days).into_iter().filter(|one| one.kind == UnneededKind::UnusedArchive);
        unused.map(|one| (one.path, one.session.unwrap_or_default())).collect()
    }
}

#[test]
fn archives_go_only_after_their_time_and_only_where_both_sides_agree() {
    let mut house = House::new();
    let (old, file) = house.archived("old");
    let (_, moved) = house.archived("moved");
    let (stranger, taken) = house.archived("stranger");
    assert_eq!(house.found(5000), [], "for ever is the default");
    house.config.archive.keep = "30d".to_owned();
    // It lies elsewhere by now; the other's row names a file that is not its own.
    let elsewhere = house.paths.data_dir().join("moved.tar.gz");
    fs::rename(&moved, &elsewhere).unwrap();
    house.db.mark_archived(stranger, &file).unwrap();
    assert_eq!(house.found(29), []);
    let found = house.found(31);
    let named: Vec<_> = found.iter().map(|one| (&one.path, one.session.as_deref(), one.archive_of)).collect();
    assert_eq!(named, [(&file, Some("old"), Some(old))]);
    assert!(found[0].bytes > 0 && taken.is_file() && elsewhere.is_file());

    assert_eq!(give_up_archive(&mut house.db, "cli", old, &taken), Ok(false), "another file is its own");
    assert_eq!(give_up_archive(&mut house.db, "cli", old, &file), Ok(true));
    let session = house.db.session(old).unwrap();
    assert_eq!((session.state, session.archive), (SessionState::Archived, None));
    let events = house.db.events(old, 0, 10).unwrap();
    assert!(events.last().is_some_and(|last| last.text.contains("kept long enough")), "{events:?}");
    // Killed before the file went: nothing points to it any more, and the next time goes on.
    assert_eq!(give_up_archive(&mut house.db, "cli", old, &file), Ok(false));
    assert_eq!(house.unused(31), []);
    house.db.mark_archived(stranger, &taken).unwrap();
    assert_eq!(house.unused(31), [(file.clone(), "old".to_owned())]);
    assert!(archive::read_manifest(&file).is_ok());
}

#[test]
fn archives_to_which_no_session_leads_go_after_their_time() {
    let mut house = House::new();
    let (restored, of_restored) = house.archived("restored");
    let (deleted, of_deleted) = house.archived("deleted");
    let (again, first) = house.archived("again");
    let (moved, of_moved) = house.archived("moved");
    let (linked, of_linked) = house.archived("linked");
    let dir = house.config.archive.dir.clone();
    let session = house.db.session(restored).unwrap();
    house.db.mark_restored(restored, "restored", &session.dir, false).unwrap();
    let session = house.db.session(deleted).unwrap();
    short::delete_rows(&mut house.db, "cli", &session).unwrap();
    // Killed between the name of one and its row; the next came through.
    let second = dir.join("again-2.tar.gz");
    fs::copy(&first, &second).unwrap();
    house.db.mark_archived(again, &second).unwrap();
    // Somebody has moved the archives, and the row tells where they were.
    house.db.mark_archived(moved, Path::new("/elsewhere/moved.tar.gz")).unwrap();
    // By another way it is the same file.
    let by_link = house.paths.data_dir().join("by-link");
    std::os::unix::fs::symlink(&dir, &by_link).unwrap();
    house.db.mark_archived(linked, &by_link.join(of_linked.file_name().unwrap())).unwrap();
    fs::write(dir.join("notes.tar.gz"), "not ours").unwrap();
    std::os::unix::fs::symlink(&of_deleted, dir.join("link.tar.gz")).unwrap();
    fs::create_dir(dir.join("below")).unwrap();
    fs::copy(&of_deleted, dir.join("below/deep.tar.gz")).unwrap();

    assert_eq!(house.unused(5000), [], "for ever is the default");
    house.config.archive.keep = "30d".to_owned();
    assert_eq!(house.unused(29), []);
    let mut expected = vec![
        (of_restored.clone(), "restored".to_owned()),
        (of_deleted, "deleted".to_owned()),
        (first, "again".to_owned()),
    ];
    expected.sort();
    let found = house.found(31);
    assert_eq!(house.unused(31), expected);

    // Archived in it again since it was shown.
    house.db.mark_archived(restored, &of_restored).unwrap();
    let of = |path: &Path| found.iter().find(|item| item.path == path).unwrap().clone();
    assert_eq!(free_alone(&mut house.db, "cli", &of(&of_restored)), Ok(false));
    assert_eq!(free_alone(&mut house.db, "cli", &of(&expected[0].0)), Ok(true));
    assert!(of_restored.is_file() && of_moved.is_file() && of_linked.is_file() && !expected[0].0.exists());
}

#[test]
fn what_was_sent_stays_while_its_session_is_used_or_its_prompt_may_come() {
    let mut house = House::new();
    let (id, _) = house.archived("work");
    let now = Timestamp::now();
    let hours = SignedDuration::from_hours;
    let sent = house.paths.session_dir(&id.to_string()).join("inbox").join(Uuid::new_v4().to_string());
    fs::create_dir_all(&sent).unwrap();
    let download = house.paths.telegram_downloads().join("photo.jpg");
    fs::create_dir_all(download.parent().unwrap()).unwrap();
    fs::write(&download, "photo").unwrap();
    let find = |before, now| {
        let found = find(&house.db, &house.paths, &house.config, before, now).unwrap();
        found.into_iter().map(|item| item.path).collect::<Vec<_>>()
    };
    let (soon, later) = (now + hours(1), now + hours(25));
    assert_eq!(find(soon, soon), [""; 0].map(PathBuf::from), "under way, for all that anybody knows");
    let mut both = vec![sent.clone(), download.clone()];
    both.sort();
    assert_eq!(find(later, later), both);
    assert_eq!(find(soon, later), both);
    // Come long ago, and of a session that is used.
    let then = SystemTime::from(now - hours(24 * 40));
    for path in [&sent, &download] {
        fs::File::open(path).unwrap().set_modified(then).unwrap();
    }
    assert_eq!(find(now - hours(24 * 30), now), [download]);
}

#[tokio::test]
async fn what_somebody_else_has_in_hand_is_left_to_them_and_what_was_not_shown_stays() {
    let home = tempfile::tempdir().unwrap();
    let env = Env::from_pairs([("HOME", home.path())]);
    let paths = Paths::resolve(&env).unwrap();
    let (config, store) = (Config::defaults(&paths), Store::start(Db::in_memory()).unwrap());
    let about = About { started: Timestamp::now(), socket: PathBuf::new(), mode: "foreground" };
    let shared = Shared::new(store, paths, config, env, PathBuf::new(), about);
    let id = SessionId::random();
    let item = |name: &str| {
        let path = shared.paths.session_dir(&id.to_string()).join("inbox").join(name);
        fs::create_dir_all(&path).unwrap();
        Unneeded { kind: UnneededKind::Inbox, path, bytes: 0, session: None, archive_of: None }
    };
    let one = item(&Uuid::from_u128(1).to_string());
    let other = item(&Uuid::from_u128(2).to_string());
    let claim = shared.claim(id, "archived").unwrap();
    let nothing = (Vec::new(), Vec::new());
    assert_eq!(free(&shared, "cli", vec![one.clone()]).await, Ok(nothing));
    assert!(one.path.exists());
    drop(claim);
    let mut found = vec![one.clone(), other.clone()];
    keep_shown(&mut found, Some(std::slice::from_ref(&one.path)));
    assert_eq!(free(&shared, "cli", found).await, Ok((vec![one.clone()], Vec::new())));
    assert!(!one.path.exists() && other.path.exists());
    assert!(shared.claim(id, "archived").is_ok(), "it was given back");
}

#[test]
fn what_is_gone_already_is_removed() {
    let house = House::new();
    let remove = |path: &Path| {
        let path = path.to_owned();
        remove(&Unneeded { kind: UnneededKind::Log, path, bytes: 0, session: None, archive_of: None })
    };
    assert_eq!(remove(&house.paths.data_dir().join("nothing")), Ok(true));
    let dir = house.paths.data_dir().join("dir");
    fs::create_dir_all(dir.join("below")).unwrap();
    let target = house.paths.data_dir().join("target");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, dir.join("link")).unwrap();
    std::os::unix::fs::symlink(&target, house.paths.data_dir().join("beside")).unwrap();
    assert_eq!(remove(&dir), Ok(true));
    assert_eq!(remove(&house.paths.data_dir().join("beside")), Ok(true));
    assert!(!dir.exists() && target.is_dir());
}
