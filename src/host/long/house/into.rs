//! Brings a house in: files first, then session after session, each as a whole or not at all, then people.
//!
//! What is here already is left alone, so that after a kill or a failure the same is simply asked again.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::maps::Maps;
use super::out::nobody;
use super::plan::{Coming, Here, Plan};
use crate::archive::Progress;
use crate::archive::house::{Depth, House};
use crate::error::{Error, Kind, Result};
use crate::host::long::journal::{Goes, Journal, Noted, end_left};
use crate::host::long::restore::{Places, place};
use crate::host::long::{Job, blocking, notice};
use crate::host::run::Belongings;
use crate::host::shared::Shared;
use crate::ipc::{ArrivedAs, HouseArrival, HouseIn, Response};
use crate::model::{ARCHIVED, Detail, Event, NewEvent, RESTORED};
use crate::paths::Paths;
use crate::store::Arriving;

/// Archives of one name that may exist before another house is asked for.
const TRIES: u32 = 1000;

impl Job {
    /// Says what the house would bring; if a person has agreed to it, brings it.
    pub(in crate::host::long) async fn house_in(&self, into: HouseIn) -> Result<Response> {
        let _only = self.shared.claim(nobody(), "moved already")?;
        let (file, depth) = (into.file.clone(), depth(&into));
        let (mut tell, what) = (self.telling(), format!("verifying {}", file.display()));
        let mut progress = move |Progress { done, total, .. }| tell(done, total, &what);
        let house = self.work(move |cancel| House::open(&file, depth, &mut progress, cancel)).await?;
        if into.agreed.as_ref().is_some_and(|agreed| *agreed != house.digest) {
            return Err(Error::conflict(format!(
                "{} is not what it was when you agreed to it",
                into.file.display()
            ))
            .hint("look at it again: claudebot move in"));
        }
        let here = self.shared.store.read(Here::read).await?;
        let (shared, asked) = (Arc::clone(&self.shared), into.clone());
        let (house, plan) = blocking(move || {
            let plan = Plan::make(&shared, &house, &asked, here)?;
            Ok((house, plan))
        })
        .await?;
        let mut arrival = plan.told(&house, &into);
        if into.agreed.is_some() {
            self.bring(house, plan, &mut arrival).await?;
        }
        Ok(Response::House(Box::new(arrival)))
    }

    async fn bring(&self, house: House, plan: Plan, arrival: &mut HouseArrival) -> Result<()> {
        let files = plan.files.clone();
        blocking(move || files.place()).await?;
        let bringing = Bringing {
            shared: Arc::clone(&self.shared),
            tell: Mutex::new(Box::new(self.telling())),
            runtime: tokio::runtime::Handle::current(),
            from: format!("{} ({})", house.contents.machine.home.display(), house.contents.machine.os),
            house,
            maps: plan.maps,
            root: plan.config.session.root.clone(),
            archives: plan.config.archive.dir.clone(),
            config_dirs: config_dirs(&self.shared, plan.config.claude.config_dir.as_deref()),
        };
        let sessions = plan.sessions;
        let brought = self.work(move |cancel| bringing.all(sessions, cancel)).await?;
        arrival.sessions = brought.into_iter().map(|coming| coming.told).collect();
        let (access, who) = (plan.access, self.who.clone());
        let count = arrival.sessions.len();
        let subject = format!("{}: {count} sessions", arrival.file.display());
        self.shared
            .store
            .run(move |db| {
                db.admit(&access)?;
                db.audit(&who, "house_moved_in", &subject)
            })
            .await?;
        self.shared.feed_moved();
        let belongings = self.shared.belongings.borrow().clone();
        hand_to_bridge(belongings, arrival).await;
        Ok(())
    }
}

/// A bridge that runs takes its settings itself; otherwise they are given back. By now everything else has come, so
/// that a refusal is worth a word, and no failure.
async fn hand_to_bridge(bridge: Option<Belongings>, arrival: &mut HouseArrival) {
    let Some(bridge) = bridge else { return };
    let Some(settings) = arrival.telegram.take() else { return };
    if let Err(error) = blocking(move || (bridge.take)(&settings)).await {
        arrival.notes.push(format!(
            "muted chats and topics are not taken over: {}; everything else has come: end `claudebot serve` and move \
             in again for these",
            error.message
        ));
    }
}

/// What a person has agreed to was looked through then; it only has to be the same.
fn depth(into: &HouseIn) -> Depth {
    if into.agreed.is_some() { Depth::Sums } else { Depth::Archives }
}

/// Where agents keep their conversations, once the configuration of the house is in force.
struct ConfigDirs {
    claude: PathBuf,
    demo: PathBuf,
}

fn config_dirs(shared: &Shared, configured: Option<&Path>) -> ConfigDirs {
    ConfigDirs { claude: shared.paths.claude_config_dir(configured), demo: shared.paths.demo_config_dir() }
}

/// Tells the client how far it is.
type Tell = Box<dyn FnMut(u64, u64, &str) + Send>;

struct Bringing {
    shared: Arc<Shared>,
    tell: Mutex<Tell>,
    runtime: tokio::runtime::Handle,
    /// Where it comes from, in words.
    from: String,
    house: House,
    maps: Maps,
    root: PathBuf,
    archives: PathBuf,
    config_dirs: ConfigDirs,
}

impl Bringing {
    /// One that cannot come does not keep the others from coming.
    fn all(self, mut sessions: Vec<Coming>, cancel: &AtomicBool) -> Result<Vec<Coming>> {
        Paths::create_private(&self.root)?;
        let total = sessions.len();
        for (number, coming) in (1..).zip(&mut sessions) {
            if coming.told.outcome == ArrivedAs::Here {
                continue;
            }
            let what = format!("bringing {} ({number} of {total})", coming.told.name);
            match self.one(coming, &what, cancel) {
                Ok(()) => {}
                Err(error) if error.kind == Kind::Denied => return Err(interrupted()),
                Err(error) => {
                    coming.told.outcome = ArrivedAs::Failed;
                    coming.told.error = Some(error);
                }
            }
        }
        Ok(sessions)
    }

    fn one(&self, coming: &mut Coming, what: &str, cancel: &AtomicBool) -> Result<()> {
        let _claim = self.shared.claim(coming.told.id, "moved in")?;
        self.runtime.block_on(end_left(&self.shared, coming.told.id))?;
        let done = match coming.told.outcome {
            ArrivedAs::Archived => self.archived(coming, what, cancel),
            _ => self.asleep(coming, what, cancel),
        };
        // Whatever it was, it is stored as a whole or taken back by now.
        Journal::clear(self.shared.paths.data_dir(), coming.told.id)?;
        done
    }

    fn asleep(&self, coming: &Coming, what: &str, cancel: &AtomicBool) -> Result<()> {
        let session = &coming.moved.session;
        let mut tell = |Progress { done, total, .. }| self.say(done, total, what);
        let mut restored = self.house.restore(coming.index, &self.root, &mut tell, cancel)?;
        let config_dir = match session.agent {
            crate::model::Agent::Claude => &self.config_dirs.claude,
            crate::model::Agent::Demo => &self.config_dirs.demo,
        };
        let inbox = self.shared.paths.session_dir(&session.id.to_string()).join("inbox");
        let places = Places { dir: coming.packed.then_some(&session.dir), config_dir, inbox: &inbox };
        place(&mut restored, session, Goes::UnlessThere, places, self.shared.paths.data_dir())?;
        let mut words = vec![notice(RESTORED, format!("moved here from {}", self.from))];
        if coming.told.missing {
            words.push(notice("warning", format!("its directory is missing: {}", session.dir.display())));
        }
        self.store(coming, restored.events()?, words)?;
        restored.keep();
        Ok(())
    }

    /// Its archive is what it is.
    fn archived(&self, coming: &mut Coming, what: &str, cancel: &AtomicBool) -> Result<()> {
        self.say(0, 0, what);
        Paths::create_shared(&self.archives)?;
        let wished = coming.moved.session.archive.clone();
        let file = free_file(&self.archives, wished.as_deref(), &coming.told.name)?;
        let files = vec![Noted { path: file.clone(), whole: None }];
        let journal = Journal { session: coming.told.id, goes: Goes::UnlessThere, files };
        journal.write(self.shared.paths.data_dir())?;
        let events = self.house.copy_archive(coming.index, &file, cancel)?;
        coming.moved.session.archive = Some(file.clone());
        let words = vec![notice(ARCHIVED, format!("moved here, archived in {}", file.display()))];
        let stored = self.store(coming, events, words);
        if stored.is_err() {
            std::fs::remove_file(&file).ok(); // what stays is taken for a forgotten archive
        }
        stored
    }

    fn say(&self, done: u64, total: u64, what: &str) {
        (self.tell.lock().unwrap_or_else(PoisonError::into_inner))(done, total, what);
    }

    /// The rows, all at once, with the log behind which these words stand.
    fn store(
        &self,
        coming: &Coming,
        events: impl Iterator<Item = Result<Event>> + Send + 'static,
        words: Vec<NewEvent>,
    ) -> Result<()> {
        let (moved, conversations) = (coming.moved.clone(), coming.conversations.clone());
        let (channels, maps) = (coming.channels.clone(), self.maps.clone());
        let events = Log { events, words: words.into_iter(), last: 0, maps };
        let stored = self.shared.store.run(move |db| {
            let conversations = &conversations;
            db.arrive(Arriving { moved: &moved, conversations, events, channels: &channels })
        });
        self.runtime.block_on(stored)
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Denied, "interrupted; what has come so far is whole")
        .hint("ask it again, and it goes on from there")
}

/// A name for an archive that nothing has: the one it had, if that is free.
fn free_file(dir: &Path, wished: Option<&Path>, name: &str) -> Result<PathBuf> {
    let wished = wished.and_then(Path::file_name).and_then(|name| name.to_str());
    let stem = wished.and_then(|name| name.strip_suffix(".tar.gz")).filter(|stem| !stem.starts_with('.'));
    let stem = stem.unwrap_or(name);
    let names =
        (1..=TRIES).map(|n| if n == 1 { format!("{stem}.tar.gz") } else { format!("{stem}-{n}.tar.gz") });
    let mut free = names.map(|name| dir.join(name)).filter(|path| std::fs::symlink_metadata(path).is_err());
    free.next()
        .ok_or_else(|| Error::conflict(format!("there are {TRIES} archives named like {name} already")))
}

/// A session's log as it is here: paths of its files lead to where they are now, and a last word says that it came.
struct Log<E> {
    events: E,
    words: std::vec::IntoIter<NewEvent>,
    last: u64,
    maps: Maps,
}

impl<E: Iterator<Item = Result<Event>>> Iterator for Log<E> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.events.next() {
            Some(Ok(mut event)) => {
                self.last = event.seq;
                self.lead_here(&mut event);
                Some(Ok(event))
            }
            Some(Err(error)) => Some(Err(error)),
            None => {
                let NewEvent { kind, text, prompt_id, detail } = self.words.next()?;
                self.last += 1;
                Some(Ok(Event { seq: self.last, at: jiff::Timestamp::now(), kind, text, prompt_id, detail }))
            }
        }
    }
}

impl<E> Log<E> {
    fn lead_here(&self, event: &mut Event) {
        match &mut event.detail {
            Some(Detail::Prompt { attachments, .. }) => {
                for file in attachments {
                    *file = self.maps.apply(Path::new(file)).display().to_string();
                }
            }
            Some(Detail::File { path, .. }) => *path = self.maps.apply(path),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arrival() -> HouseArrival {
        HouseArrival {
            file: PathBuf::from("/house.tar"),
            bytes: 1,
            digest: String::new(),
            created: jiff::Timestamp::now(),
            claudebot: "0".to_owned(),
            os: "linux".to_owned(),
            home: PathBuf::from("/home/there"),
            maps: Vec::new(),
            sessions: Vec::new(),
            config: None,
            personas: Vec::new(),
            access: Vec::new(),
            telegram: Some(json!({ "mutes": [] })),
            notes: Vec::new(),
        }
    }

    fn bridge(answer: Result<()>) -> Option<Belongings> {
        let answer = move |_: &serde_json::Value| answer.clone();
        Some(Belongings { give: Arc::new(|| Ok(json!(null))), take: Arc::new(answer) })
    }

    #[tokio::test]
    async fn what_a_bridge_refuses_is_told_and_undoes_nothing() {
        let mut arrived = arrival();
        hand_to_bridge(bridge(Err(Error::failed("disk full"))), &mut arrived).await;
        let [note] = arrived.notes.as_slice() else { panic!("{:?}", arrived.notes) };
        assert!(note.contains("not taken over: disk full") && note.contains("move in again"), "{note}");
        assert_eq!(arrived.telegram, None, "nobody else has the bridge's file");

        let mut arrived = arrival();
        hand_to_bridge(bridge(Ok(())), &mut arrived).await;
        assert_eq!((arrived.telegram, arrived.notes.len()), (None, 0));
        let mut arrived = arrival();
        hand_to_bridge(None, &mut arrived).await;
        assert!(arrived.telegram.is_some());
    }
}
