//! A conversation that is lent to an interactive `claude` in somebody's terminal.
//!
//! The process that asks becomes that `claude` itself: it is known before it begins, its terminal is its own, and no
//! process of ours stands between. The lease is stored with its pid and start time before it is granted, so whichever
//! host comes next watches the very same process. When that is gone, what it added to the conversation is read back
//! (`host::lease`), and what waited runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::prepare::{By, prepare, terminal_environment};
use super::{Actor, WRITE_AGAIN};
use crate::claude::command::Conversation;
use crate::claude::tree::{self, Identity};
use crate::claude::{files, holder};
use crate::error::{Error, Result};
use crate::host::lease;
use crate::host::long::blocking;
use crate::host::turn::{Input, Phase};
use crate::host::{Replier, Shared};
use crate::ipc::{Granted, Handover, Response};
use crate::model::{Agent, Detail, EventKind, HANDED_OVER, NewEvent, Rule, Session};
use crate::store::Lease;

/// How often the process is looked at. Nobody waits for it but what is queued.
const LOOK: Duration = Duration::from_millis(250);

/// So often what was said there is tried to be read; then the session comes back without.
const PATIENT: u32 = 30;

/// Somebody wants the conversation, as soon as nothing runs.
pub(super) struct Lending {
    asked: Handover,
    reply: Replier,
}

impl Lending {
    pub(super) fn refuse(self, error: Error) {
        self.reply.error(error);
    }
}

/// A lease, and word of its process.
pub(super) struct Watched {
    pub(super) lease: Lease,
    news: mpsc::Receiver<News>,
    /// It ended; the store has not taken that yet.
    over: bool,
    /// The session whose conversation the process went over to, which stays with that one.
    strayed: Option<String>,
    /// Where it went last is not known: it had ended before this host looked, it keeps no note, or the store did not
    /// take it.
    unseen: bool,
    /// How often its end could not be taken in.
    tries: u32,
}

pub(super) enum News {
    /// It leads this conversation now.
    Leads(Uuid),
    /// It has ended; whether it was seen to lead any conversation.
    Gone { seen: bool },
}

impl Watched {
    /// `leads` is the conversation that it led when it was last seen.
    pub(super) fn begin(shared: &Arc<Shared>, lease: Lease, mut leads: Option<Uuid>) -> Self {
        let (tell, news) = mpsc::channel(8);
        let process = Identity { pid: lease.pid, start: lease.start };
        let config_dir = shared.config_dir(Agent::Claude);
        tokio::spawn(async move {
            let mut seen = false;
            while tree::is_alive(&process) {
                let dir = config_dir.clone();
                let look = tokio::task::spawn_blocking(move || holder::led_by(&dir, &process));
                let now = look.await.ok().flatten();
                seen |= now.is_some();
                if let Some(id) = now.filter(|_| now != leads) {
                    leads = now;
                    if tell.send(News::Leads(id)).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    // The actor has ended; the next one watches for itself.
                    () = tell.closed() => return,
                }
            }
            tell.send(News::Gone { seen }).await.ok();
        });
        Self { lease, news, over: false, strayed: None, unseen: false, tries: 0 }
    }
}

/// The next word of the process that the conversation is lent to.
pub(super) async fn news(lent: &mut Option<Watched>) -> News {
    match lent {
        // A watcher that fell over says nothing more: looking again is all that is left.
        Some(watched) if !watched.over => watched.news.recv().await.unwrap_or(News::Gone { seen: false }),
        _ => std::future::pending().await,
    }
}

/// Until whoever wants the conversation has gone.
pub(super) async fn given_up(lending: &Option<Lending>) {
    match lending {
        Some(lending) => lending.reply.closed().await,
        None => std::future::pending().await,
    }
}

impl Actor {
    pub(super) async fn lend_to(&mut self, asked: Handover, reply: Replier) {
        match self.why_not_lend(asked.wait) {
            Some(error) => reply.error(error),
            None => {
                self.lending = Some(Lending { asked, reply });
                self.apply(Input::Lend).await;
            }
        }
    }

    fn why_not_lend(&self, waits: bool) -> Option<Error> {
        let name = &self.session.name;
        if self.session.agent == Agent::Demo {
            let message =
                format!("session {name} is answered by the demo agent, which has no terminal of its own");
            return Some(Error::usage(message).hint("a session with Claude Code can be handed over"));
        }
        if self.state.is_lent() {
            return Some(self.lent_already());
        }
        if self.lending.is_some() {
            return Some(Error::conflict(format!(
                "session {name} is about to be handed over to somebody else"
            )));
        }
        let works = !self.state.is_quiet() || self.orphan.is_some() || self.state.phase == Phase::Recovering;
        (works && !waits).then(|| {
            let doing = self.state.activity().unwrap_or_else(|| "a turn runs".to_owned());
            Error::conflict(format!("session {name} is busy: {doing}"))
                .hint(format!("wait for it with --wait, or stop it: claudebot session stop {name}"))
        })
    }

    pub(super) fn lent_already(&self) -> Error {
        let name = &self.session.name;
        let whom = self.lent.as_ref().map(|lent| lease::whom(&lent.lease)).unwrap_or_default();
        Error::conflict(format!("session {name} is handed over{whom}"))
            .hint(format!("leave claude there, or end it: claudebot session take-back {name}"))
    }

    /// Lends the conversation once nothing of ours has it.
    pub(super) async fn lend_next(&mut self) {
        if self.lending.is_none() {
            return;
        }
        if !self.state.is_lent() {
            if self.process.is_some() && self.state.phase == Phase::Ready && self.state.is_quiet() {
                self.apply(Input::Lend).await;
            }
            return;
        }
        let Some(Lending { asked, reply }) = self.lending.take() else { return };
        let granted = if reply.is_closed() {
            Err(Error::failed("nobody wants it any more"))
        } else if self.closing.is_some() {
            Err(Error::conflict(format!("session {} is taken by somebody else", self.session.name)))
        } else {
            self.lend(&asked).await
        };
        match granted {
            Ok(granted) => reply.ok(Response::Granted(granted)),
            Err(error) => {
                reply.error(error);
                self.apply(Input::TakenBack { next_turn: None }).await;
            }
        }
    }

    pub(super) async fn not_lent(&mut self) {
        self.lending = None;
        self.apply(Input::TakenBack { next_turn: None }).await;
    }

    async fn lend(&mut self, asked: &Handover) -> Result<Granted> {
        self.flush().await;
        let process = Identity::of(asked.pid)
            .ok_or_else(|| Error::usage(format!("there is no process {} to hand over to", asked.pid)))?;
        let conversation = match self.stored_conversation().await? {
            Some(id) => Conversation::Resume(id),
            // Its beginning is not known, so a recap would have nobody to read it: what was said stays in the log.
            None => Conversation::New(Uuid::new_v4()),
        };
        let (Conversation::New(id) | Conversation::Resume(id)) = conversation;
        let session = self.session.id;
        let rules = self.shared.store.read(move |db| db.session_rules(session)).await?;
        let (shared, row) = (Arc::clone(&self.shared), self.session.clone());
        let prepared = blocking(move || granted(&shared, &row, conversation, &rules));
        let (granted, bytes) = prepared.await?;
        let lease = Lease {
            session,
            pid: process.pid,
            start: process.start,
            since: Timestamp::now(),
            tty: asked.tty.clone(),
            conversation: id,
            bytes,
        };
        let notice = NewEvent {
            kind: EventKind::Notice,
            text: format!("handed over{}; what is sent meanwhile waits", lease::whom(&lease)),
            prompt_id: None,
            detail: Some(Detail::Notice { code: HANDED_OVER.to_owned() }),
        };
        let stored = lease.clone();
        let events = self.shared.store.run(move |db| db.lend(&stored, &notice)).await?;
        self.show(events);
        self.refresh().await;
        tracing::info!(session = %self.session.name, pid = lease.pid, "handed over");
        self.lent = Some(Watched::begin(&self.shared, lease, Some(id)));
        Ok(granted)
    }

    pub(super) async fn lent_news(&mut self, news: News) {
        match news {
            News::Leads(id) => self.leads(id).await,
            News::Gone { seen } => {
                if let Some(lent) = &mut self.lent {
                    lent.over = true;
                    lent.unseen |= !seen;
                }
                self.take_lent_back().await;
            }
        }
    }

    /// The process went over to another conversation (`/clear`, `/resume`), and so does the session; but not to one
    /// that is another session's.
    async fn leads(&mut self, conversation: Uuid) {
        let session = self.session.id;
        let stored = self.shared.store.run(move |db| {
            let owner = db.all_conversations()?.remove(&conversation);
            let own = db.conversations(session)?.contains(&conversation);
            if owner.is_none() || own {
                db.set_conversation(session, conversation)?;
            }
            Ok(owner.filter(|_| !own))
        });
        match stored.await {
            Ok(owner) => {
                if owner.is_none() {
                    self.session.conversation = Some(conversation);
                }
                if let Some(lent) = &mut self.lent {
                    lent.strayed = owner;
                }
            }
            // It is looked for when the process has ended.
            Err(error) => {
                tracing::warn!(session = %self.session.name, %error, "cannot store the conversation");
                if let Some(lent) = &mut self.lent {
                    lent.unseen = true;
                }
            }
        }
    }

    pub(super) async fn take_back_again(&mut self) {
        if self.lent.as_ref().is_some_and(|lent| lent.over) {
            self.take_lent_back().await;
        }
    }

    async fn take_lent_back(&mut self) {
        let Some(lent) = &mut self.lent else { return };
        lent.tries += 1;
        let over = lease::Over {
            lease: lent.lease.clone(),
            strayed: lent.strayed.clone(),
            unseen: lent.unseen,
            is_patient: lent.tries < PATIENT,
        };
        let (shared, name) = (Arc::clone(&self.shared), self.session.name.clone());
        match lease::read_back(&shared, over).await {
            Ok(events) => {
                tracing::info!(session = %name, "back from the terminal");
                self.lent = None;
                self.show(events);
                self.refresh().await;
                let id = self.session.id;
                let next_turn = self.shared.store.read(move |db| db.next_turn(id)).await.ok();
                self.apply(Input::TakenBack { next_turn }).await;
            }
            Err(error) => {
                tracing::error!(session = %name, %error, "cannot take the session back; it is tried again");
                self.troubled(&error);
                self.deadlines.write = Some(Instant::now() + WRITE_AGAIN);
            }
        }
    }
}

/// What the process is to become, and how long the conversation's file is now.
fn granted(
    shared: &Shared,
    session: &Session,
    conversation: Conversation,
    rules: &[Rule],
) -> Result<(Granted, u64)> {
    let config_dir = shared.config_dir(Agent::Claude);
    let (Conversation::New(id) | Conversation::Resume(id)) = conversation;
    if let Some(process) = holder::open_now(&config_dir).get(&id) {
        let message = format!(
            "the conversation of session {} is open in another process (pid {})",
            session.name, process.pid
        );
        return Err(Error::conflict(message).hint("end it there first"));
    }
    let launch = prepare(shared, session, conversation, rules, By::Terminal)?;
    let words = launch.interactive_argv().into_iter().map(|word| {
        word.into_string()
            .map_err(|word| Error::usage(format!("the argument {} is not UTF-8", word.display())))
    });
    let file = files::find(&config_dir, &id).ok().flatten();
    let bytes = file.and_then(|file| std::fs::metadata(file).ok()).map_or(0, |file| file.len());
    let granted = Granted {
        session: session.id,
        name: session.name.clone(),
        program: launch.program.clone(),
        args: words.collect::<Result<_>>()?,
        dir: launch.cwd.clone(),
        env: terminal_environment(shared, session)?,
    };
    Ok((granted, bytes))
}
