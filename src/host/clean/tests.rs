//! Which archives may go, and what is left of their sessions. The rest is tested through the command.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::host::short::{self, ShortCtx};
use crate::ipc::{NewSession, Request, Response};
use crate::model::{Agent, Channel, Event};
use crate::paths::Env;

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
    let named: Vec<_> = found.iter().map(|one| (&one.path, one.session.as_deref(), one.of)).collect();
    assert_eq!(named, [(&file, Some("old"), Some(old))]);
    assert!(found[0].bytes > 0 && taken.is_file() && elsewhere.is_file());

    assert_eq!(give_up_archive(&mut house.db, "cli", old, &taken), Ok(false), "another file is its own");
    assert_eq!(give_up_archive(&mut house.db, "cli", old, &file), Ok(true));
    let session = house.db.session(old).unwrap();
    assert_eq!((session.state, session.archive), (SessionState::Archived, None));
    let events = house.db.events(old, 0, 10).unwrap();
    assert!(events.last().is_some_and(|last| last.text.contains("kept long enough")), "{events:?}");
    // Killed before the file went: nothing points to it any more, so it stays, and can be restored.
    assert_eq!(give_up_archive(&mut house.db, "cli", old, &file), Ok(false));
    assert_eq!(house.found(31), []);
    assert!(archive::read_manifest(&file).is_ok());
}

#[test]
fn what_is_gone_already_is_removed() {
    let house = House::new();
    assert_eq!(remove(&house.paths.data_dir().join("nothing")), Ok(()));
    let dir = house.paths.data_dir().join("dir");
    fs::create_dir_all(dir.join("below")).unwrap();
    let target = house.paths.data_dir().join("target");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, dir.join("link")).unwrap();
    std::os::unix::fs::symlink(&target, house.paths.data_dir().join("beside")).unwrap();
    assert_eq!(remove(&dir), Ok(()));
    assert_eq!(remove(&house.paths.data_dir().join("beside")), Ok(()));
    assert!(!dir.exists() && target.is_dir());
}
