//! One place's updates, one after the other, each until it is done, kept, or set aside.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::assemble::{Assembler, PATIENCE, Part, Set};
use super::{Note, Row, Shared, chats, prompt, said};
use crate::telegram::db::{Fault, PromptSet};
use crate::telegram::effects::{Effect, Say};
use crate::telegram::gate::{Accepted, Gate, Hint, Reason, decide};
use crate::telegram::host::{Outcome, Trouble};
use crate::telegram::outbox::Order;
use crate::telegram::place::Place;
use crate::telegram::press;
use crate::telegram::talk::Talk;
use crate::telegram::update::{Callback, Membership, Message, UpdateKind};
use crate::telegram::view::View;
use crate::telegram::words;

/// An update that fails so often is set aside.
const TRIES: u32 = 3;
/// Between tries, and while the host does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// `/stop` waits so long for what was said before it.
const MANNERS: Duration = Duration::from_secs(1);

/// What is to be done for some updates.
enum Job {
    /// Nothing.
    Pass,
    Said(Box<Talk>, Box<Set>),
    Late(Box<Talk>, Vec<Set>),
    Edited(Box<Talk>, Box<Message>, Accepted),
    Service(Box<Message>, Accepted),
    Standing(Box<Membership>, Accepted),
    Press(Box<Talk>, Box<Callback>),
    /// A press by somebody who may not even try.
    Foreign(Box<Callback>, Reason),
    Hint(Hint),
    Refused(Reason, i64),
    Moved {
        from: i64,
        to: i64,
    },
}

/// Updates that are done together.
struct Ids {
    updates: Vec<i64>,
    /// They lay here when the bridge began: one of them may be what ended the one before.
    left_over: bool,
    place: Option<Place>,
}

pub(super) struct Lane {
    shared: Arc<Shared>,
    rows: mpsc::Receiver<Row>,
    assembler: Assembler,
    late: Vec<(Talk, Set)>,
    late_until: Option<Instant>,
    /// How many of its rows are done.
    done: watch::Sender<u64>,
    name: super::Name,
}

enum Next {
    Row(Box<Row>),
    /// Something is complete although nothing came.
    Due,
    Over,
}

impl Lane {
    pub(super) fn new(
        shared: Arc<Shared>,
        name: super::Name,
        rows: mpsc::Receiver<Row>,
        done: watch::Sender<u64>,
        sets: &[PromptSet],
    ) -> Self {
        let here = sets.iter().filter(|set| set.place == name.place);
        let assembler = Assembler::new(here);
        Self { shared, rows, assembler, late: Vec::new(), late_until: None, done, name }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Row(row) => self.row(*row).await,
                Next::Due => self.due().await,
                Next::Over => return,
            }
            if self.rows.is_empty() && self.deadline().is_none() {
                let note = Note::Idle { name: self.name, done: *self.done.borrow() };
                // Nobody listens any more: the end is near.
                self.shared.notes.send(note).ok();
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [self.assembler.deadline(), self.late_until].into_iter().flatten().min()
    }

    async fn next(&mut self) -> Next {
        let row = match self.deadline() {
            Some(deadline) => match timeout_at(deadline, self.rows.recv()).await {
                Ok(row) => row,
                Err(_) => return Next::Due,
            },
            None => self.rows.recv().await,
        };
        row.map_or(Next::Over, |row| Next::Row(Box::new(row)))
    }

    async fn due(&mut self) {
        let now = Instant::now();
        for set in self.assembler.due(now) {
            self.set(set).await;
        }
        if self.late_until.is_some_and(|until| until <= now) {
            self.late_until = None;
            self.ask_about_late().await;
        }
    }

    async fn row(&mut self, row: Row) {
        if let Some((mut earlier, count)) = row.behind.clone() {
            // What was said before it should be there to be stopped; but a download may take its time.
            timeout(MANNERS, earlier.wait_for(|done| *done >= count)).await.ok();
        }
        let gate = self.gate(&row).await;
        let ids = Ids { updates: vec![row.id], left_over: row.left_over, place: None };
        let (accepted, tentative) = match gate {
            Gate::Accept(accepted) => (accepted, false),
            Gate::WithAlbum(accepted) => (accepted, true),
            other => return self.refused(row, other, ids).await,
        };
        let ids = Ids { place: Some(accepted.place), ..ids };
        match row.update.kind {
            UpdateKind::Message(message) if message.is_service() => {
                self.work(ids, &Job::Service(message, accepted)).await;
            }
            UpdateKind::Message(message) => {
                let Row { id: update, released, left_over, .. } = row;
                self.part(Part { update, message, accepted, tentative, released, left_over }).await;
            }
            UpdateKind::Edited(message) => self.edited(ids, row.id, message, accepted).await,
            UpdateKind::Callback(callback) => self.press(ids, row.id, callback, accepted).await,
            UpdateKind::Membership(membership) => {
                self.work(ids, &Job::Standing(membership, accepted)).await;
            }
            UpdateKind::Reaction(_) | UpdateKind::Unknown { .. } | UpdateKind::Malformed { .. } => {
                self.work(ids, &Job::Pass).await;
            }
        }
    }

    /// Decides; before somebody is refused, the host is asked whether that is still right.
    async fn gate(&self, row: &Row) -> Gate {
        let bridge = &self.shared.bridge;
        let gate = decide(&bridge.access(), &bridge.bot, &row.update);
        let is_refused =
            matches!(gate, Gate::Hint(_) | Gate::Ignore(Reason::Stranger | Reason::ChatNotAllowed));
        if is_refused && self.shared.door.look_again(bridge).await {
            return decide(&bridge.access(), &bridge.bot, &row.update);
        }
        gate
    }

    async fn refused(&mut self, row: Row, gate: Gate, ids: Ids) {
        let job = match (gate, row.update.kind) {
            (Gate::Ignore(Reason::NotAddressed), UpdateKind::Message(message)) => {
                let user = message.from.as_ref().map_or(0, |from| from.id);
                if let Some(accepted) = self.assembler.continued(user, &message) {
                    let Row { id: update, released, left_over, .. } = row;
                    let part = Part { update, message, accepted, tentative: false, released, left_over };
                    return self.part(part).await;
                }
                Job::Pass
            }
            (Gate::Ignore(reason), UpdateKind::Callback(callback)) => Job::Foreign(callback, reason),
            (Gate::Ignore(reason), _) => Job::Refused(reason, self.name.place.chat),
            (Gate::Hint(hint), _) => Job::Hint(hint),
            (Gate::Moved { from, to }, _) => Job::Moved { from, to },
            (Gate::Accept(_) | Gate::WithAlbum(_), _) => Job::Pass,
        };
        self.work(ids, &job).await;
    }

    async fn part(&mut self, part: Part) {
        for set in self.assembler.take(part, Instant::now()) {
            self.set(set).await;
        }
    }

    async fn edited(&mut self, ids: Ids, update: i64, message: Box<Message>, accepted: Accepted) {
        // It may be of what is being put together.
        for set in self.assembler.flush_of(accepted.user) {
            self.set(set).await;
        }
        match said::talk(&self.shared.bridge, update, &message, &accepted) {
            Ok(talk) => self.work(ids, &Job::Edited(Box::new(talk), message, accepted)).await,
            Err(trouble) => self.give_up(&ids, &trouble),
        }
    }

    async fn press(&mut self, ids: Ids, update: i64, callback: Box<Callback>, accepted: Accepted) {
        let bridge = &self.shared.bridge;
        let Some(pressed) = &callback.message else { return self.work(ids, &Job::Pass).await };
        let topic = match bridge.db.read(|tables| tables.topic_at(accepted.place)) {
            Ok(topic) => topic,
            Err(error) => return self.give_up(&ids, &error.into()),
        };
        let now = Timestamp::now();
        let talk = Talk {
            bridge: Arc::clone(bridge),
            place: accepted.place,
            private: accepted.private,
            forum: pressed.chat.is_forum,
            user: accepted.user,
            name: accepted.name,
            update,
            message: pressed.message_id,
            date: now,
            now,
            answers: None,
            topic,
        };
        self.work(ids, &Job::Press(Box::new(talk), callback)).await;
    }

    /// What one or several messages have become.
    async fn set(&mut self, set: Set) {
        let Some(first) = set.parts.first() else { return };
        let ids = Ids {
            updates: set.updates(),
            left_over: set.parts.iter().any(|part| part.left_over),
            place: Some(first.accepted.place),
        };
        if !set.is_meant() {
            return self.work(ids, &Job::Pass).await;
        }
        let released = first.released;
        let talk = match said::talk(&self.shared.bridge, first.update, &first.message, &first.accepted) {
            Ok(talk) => talk,
            Err(trouble) => return self.give_up(&ids, &trouble),
        };
        if !released && talk.is_late() && said::is_prompt(&set) {
            self.late.push((talk, set));
            self.late_until = Some(Instant::now() + PATIENCE);
            return;
        }
        self.work(ids, &Job::Said(Box::new(talk), Box::new(set))).await;
    }

    /// One question for all of them.
    async fn ask_about_late(&mut self) {
        let late = std::mem::take(&mut self.late);
        let Some((oldest, _)) = late.first() else { return };
        let talk = Box::new(oldest.clone());
        let sets: Vec<Set> = late.into_iter().map(|(_, set)| set).collect();
        let ids = Ids {
            updates: sets.iter().flat_map(Set::updates).collect(),
            left_over: false,
            place: Some(talk.place),
        };
        self.work(ids, &Job::Late(talk, sets)).await;
    }

    /// Until it is done, set aside, or the bridge ends: then it is for the next one.
    async fn work(&mut self, ids: Ids, job: &Job) {
        self.shared.under_way.begin(self.name, &ids.updates);
        let mut tries = 0;
        if ids.left_over {
            tries = self.begin(&ids);
        }
        loop {
            if tries > TRIES {
                self.set_aside(&ids, "it has ended the bridge again and again");
                break;
            }
            let trouble = match self.once(&ids, job).await {
                Ok(()) => break,
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Ending => {}
                Trouble::Refused(error) => {
                    let place = ids.place.unwrap_or(self.name.place);
                    let say = Say::new(place, words::refusal(&error)).into();
                    if self.finish(&ids, vec![say]).is_ok() {
                        break;
                    }
                }
                Trouble::Failed(error) => {
                    tries = self.begin(&ids).max(tries + 1);
                    tracing::warn!("Telegram: the updates {:?} fail ({tries}): {error}", ids.updates);
                    if tries >= TRIES {
                        self.set_aside(&ids, &error.message);
                        break;
                    }
                }
            }
            sleep(PAUSE).await;
        }
        self.shared.under_way.end(self.name);
        let count = u64::try_from(ids.updates.len()).unwrap_or(u64::MAX);
        self.done.send_modify(|done| *done += count);
    }

    /// How often they were begun.
    fn begin(&self, ids: &Ids) -> u32 {
        let begun = self.shared.bridge.db.write(|tables| {
            let tries: Result<Vec<u32>, Fault> =
                ids.updates.iter().map(|id| tables.begin_update(*id)).collect();
            Ok(tries?.into_iter().max().unwrap_or(0))
        });
        begun.unwrap_or(0)
    }

    async fn once(&mut self, ids: &Ids, job: &Job) -> Outcome<()> {
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
            Job::Foreign(callback, reason) => {
                shared.door.refused(bridge, reason, callback.from.id).await;
                self.answer(&callback.id, Some("This is not for you.".to_owned()), true);
                Vec::new()
            }
            Job::Hint(hint) => shared.door.hint(bridge, hint, Timestamp::now()).await?,
            Job::Refused(reason, id) => {
                shared.door.refused(bridge, reason, *id).await;
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
        self.finish(ids, done.effects)?;
        self.answer(&callback.id, Some(done.toast).filter(|toast| !toast.is_empty()), done.alert);
        if let Some(session) = done.watch {
            prompt::watch(talk, session);
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

    /// It cannot be handled; whoever said it should know.
    fn set_aside(&self, ids: &Ids, why: &str) {
        tracing::error!("Telegram: the updates {:?} are set aside: {why}", ids.updates);
        let say = ids.place.map(|place| {
            let words = words::sentence(&format!("this cannot be handled: {}", words::line(why, 300)));
            Effect::from(Say::new(place, View::plain(format!("✗ {words}"))))
        });
        let stored = super::store_with(&self.shared, say.into_iter().collect(), |tables| {
            ids.updates.iter().try_for_each(|id| tables.poison_update(*id, why))
        });
        if let Err(trouble) = stored {
            tracing::error!("Telegram: they cannot even be set aside: {trouble:?}");
        }
    }

    /// Our own file cannot be read: the update stays where it is, for the next start.
    fn give_up(&self, ids: &Ids, trouble: &Trouble) {
        tracing::error!("Telegram: the updates {:?} wait for the next start: {trouble:?}", ids.updates);
        let count = u64::try_from(ids.updates.len()).unwrap_or(u64::MAX);
        self.done.send_modify(|done| *done += count);
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
