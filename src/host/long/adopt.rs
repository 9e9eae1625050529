//! Taking over a conversation that was begun in plain `claude`. It goes on where it is, so Claude's own files are only
//! read; where it cannot (it is open elsewhere, or is to work in another directory), a copy goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Job, blocking, notice};
use crate::claude::copy::{self, Copy};
use crate::claude::files;
use crate::claude::history::{self, History, Overview};
use crate::claude::holder;
use crate::claude::project::project_name;
use crate::error::{Error, Kind, Result};
use crate::host::adopt;
use crate::host::shared::Shared;
use crate::host::short;
use crate::host::translate::history::{Dated, Retelling};
use crate::ipc::{Adopt, Push, Response};
use crate::model::{ADOPTED, Agent, Event, NewEvent, Session, SessionId, SessionState};
use crate::persona;
use crate::store::{Db, check_name};

/// Names that are taken before a person is asked for one.
const TRIES: u32 = 1000;

/// What is shorter is there before anybody has read how far it is.
const LONG: u64 = 4 << 20;

/// What the session will be, and where its history lies.
struct Plan {
    session: Session,
    /// Nobody chose the name: it gets a number where it is taken.
    name_is_made: bool,
    conversation: Uuid,
    file: PathBuf,
    bytes: u64,
    copy: Option<Copy>,
}

impl Job {
    pub(super) async fn adopt(&self, adopt: Adopt) -> Result<Response> {
        if let Some(name) = &adopt.name {
            self.shared.store.glance(|db| db.refuse_taken_name(name))?;
        }
        refuse_known(&self.shared.store.read(Db::all_conversations).await?, &adopt.conversation)?;
        let id = SessionId::random();
        // The host does not end in the middle of it.
        let claim = self.shared.claim(id, "adopted")?;
        let shared = Arc::clone(&self.shared);
        let plan = blocking(move || plan(&shared, id, &adopt)).await?;
        let stored = self.import(plan).await;
        drop(claim);
        stored?;
        self.shared.feed_moved();
        let listed = self.shared.store.read(move |db| db.listed(id)).await?;
        Ok(Response::Session(self.shared.view(listed)))
    }

    /// All of it is stored, or nothing.
    async fn import(&self, mut plan: Plan) -> Result<()> {
        let file = plan.copy.as_ref().map_or(&plan.file, Copy::file).clone();
        let history =
            blocking(move || History::open(&file).map_err(|e| Error::io("read", &file, &e))).await?;
        let who = self.who.clone();
        let shown = self.far(&plan);
        let copy = plan.copy.take();
        let stored = self.shared.store.run(move |db| store(db, &who, plan, history, shown)).await;
        match (&stored, copy) {
            (Ok(()), Some(copy)) => copy.keep(),
            // Removed from its disk before anybody hears of it.
            (Err(_), Some(copy)) => {
                let discard = move || {
                    drop(copy);
                    Ok(())
                };
                // What kept it from being stored is what is to be said.
                blocking(discard).await.ok();
            }
            (_, None) => {}
        }
        stored
    }

    /// Tells the client how far it is, where that takes long enough to be read.
    fn far(&self, plan: &Plan) -> impl FnMut(u64) + Send + 'static {
        let (reply, total) = (self.reply.clone(), plan.bytes);
        let what = format!("adopting {}", plan.session.name);
        let mut last = None;
        move |done| {
            let percent = done.saturating_mul(100).checked_div(total);
            if total >= LONG && last != percent {
                last = percent;
                // A client that is too slow misses a step, not the work.
                reply.push(&Push::Progress { done, total, what: what.clone() }).ok();
            }
        }
    }
}

fn refuse_known(known: &std::collections::HashMap<Uuid, String>, conversation: &Uuid) -> Result<()> {
    match known.get(conversation) {
        None => Ok(()),
        Some(name) => Err(Error::conflict(format!("this conversation is session {name} already"))
            .hint(format!("go on with it: claudebot send -s {name} \"…\""))),
    }
}

fn plan(shared: &Shared, id: SessionId, adopt: &Adopt) -> Result<Plan> {
    if let Some(name) = &adopt.name {
        check_name(name)?;
    }
    short::check_tags(&adopt.tags)?;
    let persona = adopt.persona.as_deref().unwrap_or(&shared.config.session.persona);
    let persona = persona::load(persona, &shared.paths)?.name;
    let config_dir = shared.config_dir(Agent::Claude);
    let found = overview(&config_dir, adopt.conversation)?;
    let (dir, elsewhere) = directory(adopt, &found)?;
    let copy = copied(&config_dir, adopt, &found, &dir, elsewhere)?;
    let now = Timestamp::now();
    let session = Session {
        id,
        name: adopt.name.clone().unwrap_or_else(|| adopt::name(found.title.as_deref(), &dir)),
        agent: Agent::Claude,
        persona,
        dir,
        managed: false,
        tags: short::distinct(&adopt.tags),
        pinned: false,
        model: None,
        effort: None,
        permission_mode: None,
        created: now,
        last_active: found.last.min(now),
        cost_usd: 0.0,
        state: SessionState::Asleep,
        conversation: Some(copy.as_ref().map_or(adopt.conversation, Copy::id)),
        hold: None,
        archive: None,
    };
    Ok(Plan {
        session,
        name_is_made: adopt.name.is_none(),
        conversation: adopt.conversation,
        file: found.file,
        bytes: found.bytes,
        copy,
    })
}

fn overview(config_dir: &Path, id: Uuid) -> Result<Overview> {
    let unreadable =
        |error: std::io::Error| Error::failed(format!("cannot read the conversation {id}: {error}"));
    let found = files::find(config_dir, &id).map_err(unreadable)?;
    let Some(file) = found else {
        let place = config_dir.join("projects");
        return Err(Error::not_found(format!("Claude has no conversation {id} in {}", place.display()))
            .hint("`claudebot session adopt --list` shows those that can be taken over"));
    };
    history::overview(id, &file).map_err(unreadable)?.ok_or_else(|| {
        Error::usage(format!("nobody has said anything in conversation {id}"))
            .hint("there is nothing to take over: claudebot session new NAME")
    })
}

/// Where it is to work, and whether that is another place than before.
fn directory(adopt: &Adopt, found: &Overview) -> Result<(PathBuf, bool)> {
    let real = |dir: &Path| std::fs::canonicalize(dir).ok().filter(|real| real.is_dir());
    let own = found.dir.as_deref().and_then(real);
    let Some(wanted) = &adopt.dir else {
        return own.map(|own| (own, false)).ok_or_else(|| {
            let message = match &found.dir {
                Some(dir) => format!("the directory of this conversation is gone: {}", dir.display()),
                None => "the conversation does not say where it was begun".to_owned(),
            };
            Error::not_found(message)
                .hint("choose where it is to go on: --dir DIR (a copy of it goes on there)")
        });
    };
    let dir = real(wanted)
        .filter(|dir| dir.is_absolute())
        .ok_or_else(|| Error::usage(format!("{} is not a directory", wanted.display())))?;
    let elsewhere = own.as_ref() != Some(&dir);
    Ok((dir, elsewhere))
}

/// A copy, where one is to go on. Two processes on one conversation would write into each other's words.
fn copied(
    config_dir: &Path,
    adopt: &Adopt,
    found: &Overview,
    dir: &Path,
    elsewhere: bool,
) -> Result<Option<Copy>> {
    if !adopt.fork && !elsewhere {
        return match holder::open_now(config_dir).get(&found.id) {
            None => Ok(None),
            Some(process) => {
                let message = format!("this conversation is open in another process (pid {})", process.pid);
                Err(Error::conflict(message).hint("end it there first, or take over a copy of it: --fork"))
            }
        };
    }
    let project = match found.file.parent() {
        Some(project) if !elsewhere => project.to_owned(),
        _ => config_dir.join("projects").join(project_name(dir)),
    };
    let copy = copy::make(&found.file, &project).map_err(|error| {
        Error::failed(format!("cannot copy the conversation to {}: {error}", project.display())).hint(
            "nothing was changed; see whether there is room, and whether that directory can be written to",
        )
    })?;
    Ok(Some(copy))
}

fn store(db: &mut Db, who: &str, plan: Plan, history: History, progress: impl FnMut(u64)) -> Result<()> {
    refuse_known(&db.all_conversations()?, &plan.conversation)?;
    let mut session = plan.session;
    if plan.name_is_made {
        session.name = free_name(db, &session.name)?;
    }
    db.create_session(&session)?;
    let mut retelling = Retelling::new(1, session.last_active);
    let events = Events::of(history, &mut retelling, &plan.file, progress);
    db.import_events(session.id, events)?;
    let prompts = retelling.prompts();
    if let Some(cost) = retelling.take_cost() {
        db.add_cost(session.id, cost)?;
    }
    let copy = if session.conversation == Some(plan.conversation) { "" } else { "a copy of " };
    let many = if prompts == 1 { "1 prompt".to_owned() } else { format!("{prompts} prompts") };
    let text = format!("taken over from Claude Code: {copy}conversation {}, {many}", plan.conversation);
    db.append(session.id, &[notice(ADOPTED, text)])?;
    db.audit(who, "session_adopted", &session.name)
}

/// The name, or with the first number that makes it free.
fn free_name(db: &Db, name: &str) -> Result<String> {
    let names = (1..=TRIES).map(|n| if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
    for name in names {
        match db.refuse_taken_name(&name) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind == Kind::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::conflict(format!("{name} and {TRIES} like it are taken")).hint("choose a name: --name"))
}

/// The events of a history, numbered. Only as much is in memory as one entry comes to.
struct Events<'r, P> {
    history: History,
    retelling: &'r mut Retelling,
    file: &'r Path,
    progress: P,
    ready: std::vec::IntoIter<Dated>,
    seq: u64,
    over: bool,
}

impl<'r, P: FnMut(u64)> Events<'r, P> {
    fn of(history: History, retelling: &'r mut Retelling, file: &'r Path, progress: P) -> Self {
        Self { history, retelling, file, progress, ready: Vec::new().into_iter(), seq: 0, over: false }
    }
}

impl<P: FnMut(u64)> Iterator for Events<'_, P> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((at, new)) = self.ready.next() {
                self.seq += 1;
                let NewEvent { kind, text, prompt_id, detail } = new;
                return Some(Ok(Event { seq: self.seq, at, kind, text, prompt_id, detail }));
            }
            if self.over {
                return None;
            }
            let dated = match self.history.next() {
                Some(Ok(entry)) => self.retelling.take(entry),
                Some(Err(error)) => return Some(Err(Error::io("read", self.file, &error))),
                None => {
                    self.over = true;
                    self.retelling.finish()
                }
            };
            (self.progress)(self.history.position());
            self.ready = dated.into_iter();
        }
    }
}
