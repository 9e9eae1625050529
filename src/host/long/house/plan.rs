//! What a house would bring: decided from what is here, before anything is changed.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::files::Files;
use super::maps::Maps;
use crate::archive::Manifest;
use crate::archive::house::House;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::host::shared::Shared;
use crate::ipc::{Arrived, ArrivedAs, HouseArrival, HouseIn};
use crate::model::{Admitted, Channel, MOVED, MovedSession, Session, SessionId, SessionState};
use crate::store::{Db, Filter, check_name};

/// Names and directories of one kind that may be taken before it is given up.
const TRIES: u32 = 1000;
/// The longest name that a session may have.
const NAME_CHARS: usize = 64;

/// Everything that was decided.
pub(super) struct Plan {
    pub(super) files: Files,
    pub(super) maps: Maps,
    /// In force once the files are placed.
    pub(super) config: Config,
    pub(super) sessions: Vec<Coming>,
    pub(super) access: Vec<Admitted>,
}

/// A session of the house.
pub(super) struct Coming {
    /// Its place in the house.
    pub(super) index: usize,
    pub(super) told: Arrived,
    /// As it will be stored.
    pub(super) moved: MovedSession,
    pub(super) conversations: Vec<uuid::Uuid>,
    pub(super) channels: Vec<Channel>,
    /// Its directory comes along, and goes to `dir`.
    pub(super) packed: bool,
}

/// What is here of what a house may bring.
pub(super) struct Here {
    sessions: HashMap<SessionId, Session>,
    names: HashSet<String>,
    access: Vec<Admitted>,
}

impl Here {
    pub(super) fn read(db: &Db) -> Result<Self> {
        let all = db.sessions_as(Filter::All, None, |listed| listed.session)?;
        let present = all.iter().filter(|session| session.state != SessionState::Archived);
        let names = present.map(|session| session.name.clone()).collect();
        let sessions = all.into_iter().map(|session| (session.id, session)).collect();
        Ok(Self { sessions, names, access: db.admitted()? })
    }
}

impl Plan {
    pub(super) fn make(shared: &Shared, house: &House, into: &HouseIn, mut here: Here) -> Result<Self> {
        let machine = &house.contents.machine;
        let mut maps = Maps::new(&into.maps, &machine.home, shared.paths.home());
        maps.add(&machine.data_dir, shared.paths.data_dir());
        let files = Files::plan(house, &maps, &shared.paths, &shared.env)?;
        let config = files.config(&shared.paths, &shared.env)?;
        let manifests: Vec<_> =
            (0..house.contents.sessions.len()).map(|index| house.manifest(index)).collect::<Result<_>>()?;
        // Others may work in directories that claudebot made: those have to be known first.
        let mut taken = HashSet::new();
        let mut own = HashMap::new();
        for (index, manifest) in manifests.iter().enumerate() {
            let session = &house.bindings.sessions[index].session;
            if let Some(known) = here.sessions.get(&session.id) {
                maps.add(&session.dir, &known.dir);
            } else if comes_with_directory(session, manifest) {
                check_name(&session.name)?;
                let dir = free_dir(&config.session.root, &session.name, &mut taken)?;
                maps.add(&session.dir, &dir);
                own.insert(index, dir);
            }
        }
        let sessions = manifests
            .into_iter()
            .enumerate()
            .map(|(index, manifest)| {
                let coming = (index, manifest, own.remove(&index));
                Coming::decide(shared, house, &config, &maps, coming, &mut here)
            })
            .collect::<Result<_>>()?;
        let known: HashSet<_> = here.access.iter().map(|one| (one.kind as u8, one.id)).collect();
        let mut access = house.bindings.access.clone();
        access.retain(|one| !known.contains(&(one.kind as u8, one.id)));
        Ok(Self { files, maps, config, sessions, access })
    }

    pub(super) fn told(&self, house: &House, into: &HouseIn) -> HouseArrival {
        let (config, personas) = self.files.told();
        let contents = &house.contents;
        let mut notes = self.files.notes.clone();
        let used = |old: &Path| {
            let dirs = house.bindings.sessions.iter().map(|moved| &moved.session.dir);
            let texts = house.config.iter().chain(house.personas.iter().map(|(_, text)| text));
            dirs.chain([&contents.machine.home, &contents.machine.data_dir]).any(|dir| dir.starts_with(old))
                || texts.into_iter().any(|text| text.contains(&*old.to_string_lossy()))
        };
        notes.extend(
            into.maps
                .iter()
                .filter(|(old, _)| !used(old))
                .map(|(old, new)| format!("--map {}={} fits nothing", old.display(), new.display())),
        );
        HouseArrival {
            file: into.file.clone(),
            bytes: house.bytes,
            digest: house.digest.clone(),
            created: contents.created,
            claudebot: contents.claudebot.clone(),
            os: contents.machine.os.clone(),
            home: contents.machine.home.clone(),
            maps: self.maps.pairs(),
            sessions: self.sessions.iter().map(|coming| coming.told.clone()).collect(),
            config,
            personas,
            access: self.access.clone(),
            telegram: house.bindings.telegram.clone(),
            notes,
        }
    }
}

impl Coming {
    fn decide(
        shared: &Shared,
        house: &House,
        config: &Config,
        maps: &Maps,
        (index, manifest, own): (usize, Manifest, Option<PathBuf>),
        here: &mut Here,
    ) -> Result<Self> {
        let mut moved = house.bindings.sessions[index].clone();
        let was = moved.session.name.clone();
        check_name(&was)?;
        let archived = moved.session.state == SessionState::Archived;
        let outcome = match (here.sessions.get(&moved.session.id), archived) {
            (Some(known), _) => {
                moved.session.name.clone_from(&known.name);
                moved.session.dir.clone_from(&known.dir);
                ArrivedAs::Here
            }
            (None, true) => ArrivedAs::Archived,
            (None, false) => {
                moved.session.name = free_name(&was, &mut here.names)?;
                ArrivedAs::Asleep
            }
        };
        let packed = own.is_some();
        if outcome != ArrivedAs::Here {
            moved.session.dir = own.unwrap_or_else(|| maps.apply(&moved.session.dir));
            // What is not brought along is not ours to remove, but for what the archive brings one day.
            moved.session.managed = packed || (archived && moved.session.managed);
            if !moved.session.dir.is_absolute() {
                return Err(Error::failed(format!("the session {was} works in no absolute directory")));
            }
            settle_row(shared, config, maps, &mut moved);
        }
        let session = &moved.session;
        let missing = outcome == ArrivedAs::Asleep && !packed && !session.dir.is_dir();
        let channels = house.bindings.channels.iter();
        let told = Arrived {
            id: session.id,
            name: session.name.clone(),
            was: (session.name != was).then_some(was),
            outcome,
            dir: session.dir.clone(),
            missing,
            permission_mode: session.permission_mode.clone(),
            rules: moved.rules.iter().map(|rule| rule.rule.clone()).collect(),
            prompts: moved.prompts.len() as u64,
            files: manifest.counts.inbox.map_or(0, |inbox| inbox.files),
            error: None,
        };
        let channels = channels
            .filter(|(_, current)| *current == session.id)
            .map(|(channel, _)| channel.clone())
            .collect();
        let conversations = manifest.conversations;
        Ok(Self { index, told, moved, conversations, channels, packed })
    }
}

/// What of the row is another one here.
fn settle_row(shared: &Shared, config: &Config, maps: &Maps, moved: &mut MovedSession) {
    let session = &mut moved.session;
    if session.state == SessionState::Archived {
        let name = session.archive.as_deref().and_then(Path::file_name);
        session.archive = name.map(|name| config.archive.dir.join(name));
        session.hold = None;
    } else {
        session.state = SessionState::Asleep;
        session.archive = None;
        session.hold = (!moved.prompts.is_empty()).then(|| MOVED.to_owned());
    }
    let inbox = shared.paths.session_dir(&session.id.to_string());
    for waiting in &mut moved.prompts {
        for file in &mut waiting.prompt.attachments {
            *file = maps.apply(file);
            // A file that is shown to an agent lies in the session's own inbox, and nowhere else.
            if !file.starts_with(&inbox) {
                *file = inbox.join("inbox").join(file.file_name().unwrap_or_default());
            }
        }
    }
}

/// Claudebot made it, and it was there when the session was packed.
fn comes_with_directory(session: &Session, manifest: &Manifest) -> bool {
    session.managed && session.state != SessionState::Archived && manifest.counts.workspace.is_some()
}

fn free_dir(root: &Path, name: &str, taken: &mut HashSet<PathBuf>) -> Result<PathBuf> {
    for number in 1..=TRIES {
        let dir = root.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
        if std::fs::symlink_metadata(&dir).is_err() && taken.insert(dir.clone()) {
            return Ok(dir);
        }
    }
    Err(Error::conflict(format!("{} and {TRIES} like it exist already", root.join(name).display()))
        .hint("remove those that are not needed"))
}

fn free_name(name: &str, names: &mut HashSet<String>) -> Result<String> {
    for number in 1..=TRIES {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let room = NAME_CHARS.saturating_sub(suffix.len());
        let other: String = name.chars().take(room).chain(suffix.chars()).collect();
        if names.insert(other.clone()) {
            return Ok(other);
        }
    }
    Err(Error::conflict(format!("there are {TRIES} sessions named like {name} already")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_counted_on_within_its_length() {
        let mut names = HashSet::from(["work".to_owned(), "work-2".to_owned()]);
        assert_eq!(free_name("work", &mut names).unwrap(), "work-3");
        assert_eq!(free_name("work", &mut names).unwrap(), "work-4");
        let long = "ä".repeat(64);
        assert_eq!(free_name(&long, &mut names).unwrap(), long);
        let second = free_name(&long, &mut names).unwrap();
        assert!(check_name(&second).is_ok() && second.ends_with("ä-2"), "{second}");
    }
}
