//! One thing after the other that updates lead to, each until it is done, kept, or set aside.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::sleep;

use super::assemble::Set;
use super::door::Author;
use super::{Name, PAUSE, Shared, chats, patiently, prompt, said, set_aside};
use crate::telegram::db::Fault;
use crate::telegram::effects::{Effect, Say};
use crate::telegram::gate::{Accepted, Hint, Reason};
use crate::telegram::host::{Outcome, Trouble};
use crate::telegram::outbox::Order;
use crate::telegram::place::Place;
use crate::telegram::press;
use crate::telegram::talk::Talk;
use crate::telegram::update::{Callback, Membership, Message};
use crate::telegram::words;

/// An update that fails so often is set aside.
const TRIES: u32 = 3;

/// What is to be done for some updates.
pub(super) enum Job {
    /// Nothing.
    Pass,
    Said(Box<Talk>, Box<Set>),
    Late(Box<Talk>, Vec<Set>),
    Edited(Box<Talk>, Box<Message>, Accepted),
    Service(Box<Message>, Accepted),
    Standing(Box<Membership>, Accepted),
    Press(Box<Talk>, Box<Callback>),
    /// A press by somebody who may not even try.
    Foreign(Box<Callback>, Reason, Author),
    Hint(Hint),
    Refused(Reason, Author),
    Moved {
        from: i64,
        to: i64,
    },
}

/// Updates that are done together.
pub(super) struct Ids {
    pub(super) updates: Vec<i64>,
    /// They lay here when the bridge began: one of them may be what ended the one before.
    pub(super) left_over: bool,
    pub(super) place: Option<Place>,
}

/// Does what a lane gives it.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) name: Name,
    /// How many updates are done, of those that the lane was given.
    done: watch::Sender<u64>,
    not_given: HashSet<i64>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, name: Name, done: watch::Sender<u64>) -> Self {
        Self { shared, name, done, not_given: HashSet::new() }
    }

    /// If the lane falls over now, these are why.
    pub(super) fn at(&self, updates: &[i64], place: Option<Place>) {
        self.shared.under_way.begin(self.name, updates, place);
    }

    /// The lane has found it in the file.
    pub(super) fn not_given(&mut self, update: i64) {
        self.not_given.insert(update);
    }

    /// What was found in the file is given now, and taken already.
    pub(super) fn met_again(&self) {
        self.shared.under_way.end(self.name);
        self.done.send_modify(|done| *done += 1);
    }

    pub(super) fn done(&self) -> u64 {
        *self.done.borrow()
    }

    /// Until it is done, set aside, or the bridge ends: then it is for the next one.
    pub(super) async fn work(&mut self, ids: Ids, job: &Job) {
        self.at(&ids.updates, ids.place);
        let mut tries = 0;
        if ids.left_over {
            tries = self.begin(&ids).unwrap_or(0);
        }
        loop {
            if tries > TRIES {
                self.set_aside(&ids, "it has ended the bridge again and again").await;
                break;
            }
            let trouble = match self.once(&ids, job).await {
                Ok(()) => break,
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Ending => {}
                Trouble::Refused(error) => {
                    // Where nobody is let in, nobody is told.
                    let say = ids.place.map(|place| Say::new(place, words::refusal(&error)).into());
                    if self.finish(&ids, say.into_iter().collect()).is_ok() {
                        break;
                    }
                }
                Trouble::Failed(error) => {
                    // Where nothing can be stored, the updates are not to blame: they wait until it can.
                    if let Some(begun) = self.begin(&ids) {
                        tries = begun.max(tries + 1);
                    }
                    tracing::warn!("Telegram: the updates {:?} fail ({tries}): {error}", ids.updates);
                    if tries >= TRIES {
                        self.set_aside(&ids, &error.message).await;
                        break;
                    }
                }
            }
            if self.shared.ends() {
                return;
            }
            sleep(PAUSE).await;
        }
        self.shared.under_way.end(self.name);
        let given = ids.updates.iter().filter(|id| !self.not_given.remove(id)).count();
        self.done.send_modify(|done| *done += u64::try_from(given).unwrap_or(u64::MAX));
    }

    /// How often they were begun, if that can be stored.
    fn begin(&self, ids: &Ids) -> Option<u32> {
        let begun = self.shared.bridge.db.write(|tables| {
            let tries: Result<Vec<u32>, Fault> =
                ids.updates.iter().map(|id| tables.begin_update(*id)).collect();
            Ok(tries?.into_iter().max().unwrap_or(0))
        });
        begun.ok()
    }

    async fn once(&self, ids: &Ids, job: &Job) -> Outcome<()> {
        let shared = Arc::clone(&self.shared);
        let bridge = &shared.bridge;
        let effects = match job {
            Job::Pass => Vec::new(),
            Job::Said(talk, set) => match said::handle(talk, set).await {
                Err(Trouble::Refused(error)) => vec![talk.say(words::refusal(&error)).into()],
                done => done?,
            },
            Job::Late(talk, sets) => said::late(talk, sets)?,
            Job::Edited(talk, message, accepted) => said::edited(talk, message, accepted.clone()).await?,
            Job::Service(message, accepted) => chats::service(bridge, message, accepted)?,
            Job::Standing(membership, accepted) => chats::standing(membership, accepted),
            Job::Press(talk, callback) => return self.pressed(ids, talk, callback).await,
            Job::Foreign(callback, reason, author) => {
                shared.door.refused(bridge, reason, author).await;
                self.answer(&callback.id, Some("This is not for you.".to_owned()), true);
                Vec::new()
            }
            Job::Hint(hint) => shared.door.hint(bridge, hint, Timestamp::now()).await?,
            Job::Refused(reason, author) => {
                shared.door.refused(bridge, reason, author).await;
                Vec::new()
            }
            Job::Moved { from, to } => {
                shared.door.note(bridge, "group_moved", *from, &format!("{from} to {to}")).await;
                chats::moved(bridge, *from, *to)
            }
        };
        self.finish(ids, effects)
    }

    async fn pressed(&self, ids: &Ids, talk: &Talk, callback: &Callback) -> Outcome<()> {
        let done = press::handle(talk, callback).await?;
        if done.is_odd {
            let who = format!("{} ({})", talk.name, talk.user);
            self.shared.door.note(&talk.bridge, "button_refused", talk.user, &who).await;
        }
        let asks = done.effects.iter().any(|effect| matches!(effect, Effect::Prompt { .. }));
        self.finish(ids, done.effects)?;
        self.answer(&callback.id, Some(done.toast).filter(|toast| !toast.is_empty()), done.alert);
        if let Some(session) = done.watch {
            prompt::watch(talk, session);
        }
        // Only where something was asked for there is an end of it that ends this.
        if asks {
            prompt::typing(talk, true);
        }
        if let Some(long) = done.long {
            // It may take minutes, and nobody else here waits for it.
            tokio::spawn(see_through(Arc::clone(&self.shared), talk.clone(), long));
        }
        Ok(())
    }

    fn answer(&self, callback: &str, text: Option<String>, alert: bool) {
        let callback = callback.to_owned();
        self.shared.bridge.outbox.order(Order::Answer { callback, text, alert });
    }

    /// Stores what came of it, and that it is done, in one.
    fn finish(&self, ids: &Ids, effects: Vec<Effect>) -> Outcome<()> {
        let kept: Vec<i64> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Keep { updates, .. } => Some(updates.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let done = ids.updates.iter().filter(|id| !kept.contains(id));
        super::store_with(&self.shared, effects, |tables| {
            done.clone().try_for_each(|id| tables.finish_update(*id))
        })
    }

    async fn set_aside(&self, ids: &Ids, why: &str) {
        tracing::error!("Telegram: the updates {:?} are set aside: {why}", ids.updates);
        patiently(&self.shared, || set_aside(&self.shared, &ids.updates, ids.place, why)).await;
    }
}

async fn see_through(shared: Arc<Shared>, talk: Talk, long: press::Long) {
    let stored = match press::long(&talk, long).await {
        Ok(effects) => super::store_with(&shared, effects, |_| Ok(())),
        Err(trouble) => Err(trouble),
    };
    if let Err(trouble) = stored {
        tracing::warn!("Telegram: what came of it cannot be said: {trouble:?}");
    }
}
