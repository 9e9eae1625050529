//! Bringing an archived session back. An archive may be anybody's: of one that this store does not know, nothing
//! is believed that could lead out of the places that a person chose.

use std::path::{Path, PathBuf};

use super::journal::{Goes, Journal, Noted, end_left};
use super::{Job, notice};
use crate::archive::{self, Manifest, Restored};
use crate::error::{Error, Kind, Result};
use crate::host::shared::Shared;
use crate::host::short;
use crate::ipc::Response;
use crate::model::{Event, NewEvent, RESTORED, Session, SessionId, SessionState};
use crate::paths::Paths;
use crate::store::{Db, check_name};

/// The modes that allow nothing which a person was not asked about. Any other is a person's own choice.
const NARROW: [&str; 2] = ["default", "plan"];
/// Directories of one name that may exist before another name is asked for.
const TRIES: u32 = 100;

/// What a restored session will be.
pub(super) struct Plan {
    session: Session,
    /// This store has no row of it.
    foreign: bool,
    /// The packed working directory is placed.
    workspace: bool,
    /// The permission mode that the archive asked for and does not get.
    refused_mode: Option<String>,
}

impl Job {
    /// Brings an archived session back, asleep, under its old or a new name and in its old or a new directory.
    pub(super) async fn restore(
        &self,
        archive: PathBuf,
        dir: Option<PathBuf>,
        name: Option<String>,
    ) -> Result<Response> {
        let file = archive.clone();
        let manifest = super::blocking(move || archive::read_manifest(&file)).await?;
        let id = manifest.session.id;
        let claim = self.shared.claim(id, "restored")?;
        end_left(&self.shared, id).await?;
        let known = self.known(id).await?;
        if self.shared.has_actor(id) {
            // Somebody asked it something while it was archived.
            drop(claim.close(true).await?);
        }
        let shared = self.shared.clone();
        let file = archive.clone();
        let planning = move || {
            known.as_ref().map_or(Ok(()), |known| refuse_another(known, &file, &manifest))?;
            Ok((plan(&shared, &manifest, known, dir, name)?, manifest))
        };
        let (plan, manifest) = super::blocking(planning).await?;
        let name = plan.session.name.clone();
        self.shared.store.read(move |db| db.refuse_taken_name(&name)).await?;
        let notes = plan.notes(&manifest);
        let unpacked = self.unpack(archive, manifest, plan).await;
        // It is stored as a whole, or taken back by now.
        Journal::clear(self.shared.paths.data_dir(), id)?;
        unpacked?;
        self.shared.feed_moved();
        let listed = self.shared.store.read(move |db| db.listed(id)).await?;
        Ok(Response::Restored { session: self.shared.view(listed), notes })
    }

    /// The row of an archived session of this store.
    async fn known(&self, id: SessionId) -> Result<Option<Session>> {
        match self.shared.store.read(move |db| db.session(id)).await {
            Ok(row) if row.state == SessionState::Archived => Ok(Some(row)),
            Ok(row) => {
                Err(Error::conflict(format!("the session of this archive is here already: {}", row.name))
                    .hint("archive or delete that one first"))
            }
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn unpack(&self, archive: PathBuf, manifest: Manifest, plan: Plan) -> Result<()> {
        let (shared, who) = (self.shared.clone(), self.who.clone());
        let handle = tokio::runtime::Handle::current();
        let mut progress = self.progress(&plan.session.name);
        let inbox = self.inbox(plan.session.id);
        self.work(move |cancel| {
            let staging = staging(&shared, plan.workspace, &plan.session)?;
            let mut restored = archive::restore(&archive, &staging, &mut progress, cancel)?;
            if restored.manifest != manifest {
                return Err(Error::failed("the archive was changed while it was read").hint("try again"));
            }
            let places = Places {
                dir: plan.workspace.then_some(&plan.session.dir),
                config_dir: &shared.config_dir(plan.session.agent),
                inbox: &inbox,
            };
            let goes = if plan.foreign { Goes::UnlessThere } else { Goes::UnlessRestored };
            place(&mut restored, &plan.session, goes, places, shared.paths.data_dir())?;
            let events = restored.events()?;
            let stored = shared.store.run(move |db| bring_back(db, &who, &plan, &manifest, events));
            handle.block_on(stored)?;
            restored.keep();
            Ok(())
        })
        .await
    }
}

impl Plan {
    /// What a person should know of it.
    fn notes(&self, manifest: &Manifest) -> Vec<String> {
        let stays = manifest.counts.workspace.is_some() && !self.workspace;
        let words = format!(
            "{} is there and was left as it is; the packed directory comes elsewhere with --dir",
            self.session.dir.display()
        );
        stays.then_some(words).into_iter().collect()
    }
}

/// Where the parts of a session lie.
pub(super) struct Places<'a> {
    /// None: its working directory is not placed.
    pub(super) dir: Option<&'a PathBuf>,
    pub(super) config_dir: &'a Path,
    pub(super) inbox: &'a Path,
}

/// Places an unpacked session's files, and notes that before: a host that is killed now leaves nothing behind.
pub(super) fn place(
    restored: &mut Restored,
    session: &Session,
    goes: Goes,
    places: Places<'_>,
    data_dir: &Path,
) -> Result<()> {
    let Places { dir, config_dir, inbox } = places;
    let new = |path| Noted { path, whole: None };
    let mut files = Vec::new();
    if let (Some(dir), Some(whole)) = (dir, restored.workspace_identity()?) {
        files.extend(Restored::places_above(dir).into_iter().map(new));
        files.push(Noted { path: dir.clone(), whole: Some(whole) });
    }
    files.extend(restored.places(config_dir, &session.dir, inbox)?.into_iter().map(new));
    Journal { session: session.id, goes, files }.write(data_dir)?;
    if let Some(dir) = dir {
        restored.place_workspace(dir)?;
    }
    restored.place_conversation(config_dir, &session.dir)?;
    restored.place_inbox(inbox)
}

/// An older archive of a session would put its old conversation under its newer log.
fn refuse_another(known: &Session, file: &Path, manifest: &Manifest) -> Result<()> {
    let Some(own) = known.archive.as_deref().filter(|own| *own != file) else { return Ok(()) };
    match archive::read_manifest(own) {
        Ok(newest) if newest != *manifest => Err(Error::conflict(format!(
            "this is not the archive that session {} was put into last: that is {}",
            known.name,
            own.display()
        ))
        .hint("restore that one; if you do want this one, move the other file away first")),
        _ => Ok(()),
    }
}

/// Where the archive is unpacked aside: as near as can be to where its directory is to lie.
fn staging(shared: &Shared, workspace: bool, session: &Session) -> Result<PathBuf> {
    let root = &shared.config.session.root;
    Paths::create_private(root)?;
    // What is missing above it is made once all of the archive was verified.
    let near = session.dir.ancestors().skip(1).find(|above| above.is_dir());
    Ok(near.filter(|_| workspace).unwrap_or(root).to_owned())
}

pub(super) fn plan(
    shared: &Shared,
    manifest: &Manifest,
    known: Option<Session>,
    dir: Option<PathBuf>,
    name: Option<String>,
) -> Result<Plan> {
    let foreign = known.is_none();
    let mut session = known.unwrap_or_else(|| manifest.session.clone());
    session.name = name.unwrap_or(session.name);
    check_name(&session.name)?;
    let workspace;
    (session.dir, session.managed, workspace) = choose_place(shared, manifest, &session, dir, foreign)?;
    let refused_mode = session.permission_mode.take_if(|mode| foreign && !NARROW.contains(&mode.as_str()));
    session.state = SessionState::Asleep;
    session.hold = None;
    session.archive = None;
    Ok(Plan { session, foreign, workspace, refused_mode })
}

/// The working directory, whether it is ours to remove one day (only where we choose it ourselves), and whether the
/// packed one is placed there.
fn choose_place(
    shared: &Shared,
    manifest: &Manifest,
    session: &Session,
    dir: Option<PathBuf>,
    foreign: bool,
) -> Result<(PathBuf, bool, bool)> {
    let packed = manifest.counts.workspace.is_some();
    let given = dir.is_some();
    let (dir, managed) = match dir {
        Some(dir) => (dir, false),
        None if packed && session.managed => (free_dir(&shared.config.session.root, &session.name)?, true),
        None if packed && foreign => {
            return Err(Error::usage("the archive brings a directory along and is not of this machine")
                .hint("say where it is to lie: --dir"));
        }
        None if foreign && short::is_wide(&session.dir, &shared.paths) => {
            let dir = session.dir.display();
            return Err(Error::usage(format!(
                "the archive asks for {dir}, which holds far more than one project"
            ))
            .hint("say where it is to work: --dir"));
        }
        None => (session.dir.clone(), false),
    };
    if !dir.is_absolute() {
        return Err(Error::usage(format!("the directory {} is not absolute", dir.display()))
            .hint("choose another one with --dir"));
    }
    if !packed && !dir.is_dir() {
        let message = format!("the session's directory is gone: {}", dir.display());
        return Err(Error::new(Kind::NotFound, message).hint("choose another one with --dir"));
    }
    // The project of a session that comes back to it is the newer one.
    let stays = packed && !managed && !given && dir.is_dir() && archive::refuse_full(&dir).is_err();
    if packed && !stays {
        archive::refuse_full(&dir)?;
    }
    Ok((dir, managed, packed && !stays))
}

/// A place below `root` where nothing is.
fn free_dir(root: &Path, name: &str) -> Result<PathBuf> {
    let places = (1..=TRIES).map(|n| root.join(if n == 1 { name.to_owned() } else { format!("{name}-{n}") }));
    let mut free = places.filter(|place| std::fs::symlink_metadata(place).is_err());
    free.next().ok_or_else(|| {
        Error::conflict(format!("{} and {TRIES} like it exist already", root.join(name).display()))
            .hint("choose another name with --name, or a place with --dir")
    })
}

/// The rows: an archived session of this store is made present again, one from elsewhere is taken in.
pub(super) fn bring_back(
    db: &mut Db,
    who: &str,
    plan: &Plan,
    manifest: &Manifest,
    events: impl Iterator<Item = Result<Event>>,
) -> Result<()> {
    let session = &plan.session;
    if plan.foreign {
        db.create_session(session)?;
        let last = session.conversation;
        for conversation in manifest.conversations.iter().copied().filter(|id| Some(*id) != last).chain(last)
        {
            db.set_conversation(session.id, conversation)?;
        }
        db.import_events(session.id, events)?;
    } else {
        db.mark_restored(session.id, &session.name, &session.dir, session.managed)?;
        db.append(session.id, &[notice(RESTORED, "restored from its archive".to_owned())])?;
    }
    if let Some(mode) = &plan.refused_mode {
        db.append(session.id, &[not_taken_over(mode)])?;
    }
    db.audit(who, "session_restored", &session.name)
}

fn not_taken_over(mode: &str) -> NewEvent {
    notice("warning", format!("the permission mode {mode} of the archive was not taken over"))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::config::Config;
    use crate::host::shared::About;
    use crate::model::Agent;
    use crate::paths::Env;
    use crate::store::{Mode, Store};

    pub(in crate::host::long) fn house(home: &Path) -> Arc<Shared> {
        let env = Env::from_pairs([("HOME", home.to_str().unwrap())]);
        let paths = Paths::resolve(&env).unwrap();
        let config = Config::defaults(&paths);
        Paths::create_private(paths.data_dir()).unwrap();
        let store = Store::start(Db::open(&paths.database(), Mode::ReadWrite).unwrap()).unwrap();
        let about = About { started: jiff::Timestamp::now(), socket: PathBuf::new(), mode: "foreground" };
        Shared::new(store, paths, config, env, PathBuf::new(), about)
    }

    pub(in crate::host::long) fn manifest(name: &str, dir: &Path, packed: bool) -> Manifest {
        let now = jiff::Timestamp::now();
        let session = Session {
            id: SessionId::random(),
            name: name.to_owned(),
            agent: Agent::Demo,
            persona: "default".to_owned(),
            dir: dir.to_owned(),
            managed: true,
            tags: Vec::new(),
            pinned: false,
            model: None,
            effort: None,
            permission_mode: Some("auto".to_owned()),
            created: now,
            last_active: now,
            cost_usd: 0.0,
            state: SessionState::Archived,
            conversation: Some(Uuid::new_v4()),
            hold: Some("stopped".to_owned()),
            archive: None,
        };
        let mut manifest = Manifest {
            format: 1,
            claudebot: "0".to_owned(),
            created: now,
            host_os: "linux".to_owned(),
            original_dir: dir.to_owned(),
            managed: true,
            conversations: Vec::new(),
            counts: Default::default(),
            session,
            left_out: Vec::new(),
            ignored: Vec::new(),
        };
        manifest.counts.workspace = packed.then(Default::default);
        manifest
    }

    #[tokio::test]
    async fn a_strangers_archive_chooses_no_place_and_no_mode() {
        let home = tempfile::tempdir().unwrap();
        let shared = house(home.path());
        let root = shared.config.session.root.clone();
        let plan = |manifest: &Manifest, dir: Option<&Path>| {
            plan(&shared, manifest, None, dir.map(Path::to_owned), None)
        };

        let escape = manifest("../../etc", home.path(), true);
        assert_eq!(plan(&escape, None).err().unwrap().kind, Kind::Usage);

        // A directory that claims to be claudebot's own lies where claudebot's own lie.
        let ours = manifest("work", &home.path().join("precious"), true);
        let taken = plan(&ours, None).unwrap();
        assert_eq!((taken.session.dir, taken.session.managed), (root.join("work"), true));
        assert_eq!((taken.session.permission_mode, taken.session.hold), (None, None));
        assert_eq!(taken.refused_mode.as_deref(), Some("auto"));
        std::fs::create_dir_all(root.join("work")).unwrap();
        assert_eq!(plan(&ours, None).unwrap().session.dir, root.join("work-2"));

        // What a person chose is never ours to remove.
        let place = home.path().join("chosen");
        let chosen = plan(&ours, Some(&place)).unwrap().session;
        assert_eq!((chosen.dir, chosen.managed), (place, false));
        assert_eq!(plan(&ours, Some(home.path())).err().unwrap().kind, Kind::Conflict, "it is not empty");
        let project = home.path().join("project");
        std::fs::create_dir(&project).unwrap();
        let bare = plan(&manifest("work", &project, false), None).unwrap().session;
        assert!(!bare.managed);

        // Nobody means to hand everything to an agent that somebody else has talked to.
        let roundabout = project.join("..");
        for wide in [home.path(), &roundabout, Path::new("/")] {
            let error = plan(&manifest("work", wide, false), None).err().unwrap();
            assert_eq!(error.hint.as_deref(), Some("say where it is to work: --dir"));
            assert!(plan(&manifest("work", wide, false), Some(&project)).is_ok());
        }

        let mut project = manifest("work", &home.path().join(".config/autostart"), true);
        project.session.managed = false;
        assert_eq!(plan(&project, None).err().unwrap().hint.unwrap(), "say where it is to lie: --dir");
    }

    #[tokio::test]
    async fn of_a_stranger_only_modes_that_ask_are_taken_over() {
        let home = tempfile::tempdir().unwrap();
        let shared = house(home.path());
        let mode = |mode: &str| {
            let mut manifest = manifest("work", home.path(), true);
            manifest.session.permission_mode = Some(mode.to_owned());
            plan(&shared, &manifest, None, None, None).unwrap().session.permission_mode
        };
        for wide in ["auto", "acceptEdits", "dontAsk", "bypassPermissions", "whatever comes next"] {
            assert_eq!(mode(wide), None, "{wide}");
        }
        for narrow in ["default", "plan"] {
            assert_eq!(mode(narrow).as_deref(), Some(narrow));
        }
    }

    #[tokio::test]
    async fn what_this_store_knows_of_its_own_session_counts() {
        let home = tempfile::tempdir().unwrap();
        let shared = house(home.path());
        let manifest = manifest("work", home.path(), false);
        let known = Session { managed: false, name: "mine".to_owned(), ..manifest.session.clone() };
        let plan = plan(&shared, &manifest, Some(known), None, None).unwrap();
        assert_eq!(plan.session.name, "mine");
        assert_eq!(plan.session.permission_mode.as_deref(), Some("auto"));
        assert!(!plan.foreign && plan.refused_mode.is_none() && !plan.session.managed);
    }
}
