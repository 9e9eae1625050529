//! What came in, handled in order: every place has a lane of its own, and a second one for buttons and `/stop`, so
//! that a download keeps nobody waiting but those behind it.
//!
//! | part | what it is for |
//! |---|---|
//! | [`lane`] | one place's updates, one after the other |
//! | [`work`] | what each leads to, until it is done or set aside |
//! | [`assemble`] | which messages are one prompt |
//! | [`compose`] | a prompt's words |
//! | [`said`] | command, awaited answer, or prompt; edits |
//! | [`prompt`] | a prompt on its way to the host |
//! | [`door`] | who is let in, and what the others are told |
//! | [`chats`] | topics, the bot's standing, groups that move |
//!
//! An update ends in the transaction that stores what came of it. What a host that is about to end has not taken is
//! left for the next start.

mod assemble;
mod chats;
mod compose;
mod door;
mod lane;
mod prompt;
mod said;
#[cfg(test)]
mod tests;
mod work;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::bridge::Bridge;
use super::db::{Fault, Incoming, PromptSet, PromptState, Tables, Why};
use super::effects::{self, After, Effect, Say};
use super::host::{Outcome, Trouble};
use super::media;
use super::place::Place;
use super::poll::PollState;
use super::update::{Update, UpdateKind};
use super::view::View;
use super::words;
use crate::error::Result;
use door::Door;
pub(crate) use door::learn;
use lane::Lane;

/// Rows that are read at a time.
const BATCH: u32 = 100;
/// Rows that a lane holds; the rest stays in the file until it has room.
const ROOM: usize = 64;
/// Before the file or the host is tried again; twice as long each time.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 1000 });
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What is under way at the end has so long.
const LAST: Duration = Duration::from_secs(2);
/// How often somebody new is looked for while nothing comes in.
const LOOK: Duration = Duration::from_secs(60);
/// Likewise, soon after a stranger was given a code.
const LOOK_SOON: Duration = Duration::from_secs(5);
/// A code lasts so long.
const SOON: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// A lane: of a place, and whether it is the one for what must not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    place: Place,
    fast: bool,
}

/// An update on its way through a lane.
#[derive(Debug)]
struct Row {
    id: i64,
    position: i64,
    released: Option<Why>,
    left_over: bool,
    update: Update,
    /// What was said before it in the other lane: how many rows that one has done, and how many it had got.
    behind: Option<(watch::Receiver<u64>, u64)>,
}

/// What lanes tell the one who feeds them.
#[derive(Debug)]
enum Note {
    /// A lane has nothing to do, after so many rows.
    Idle { name: Name, done: u64 },
    /// There are new rows, by what was done here.
    Rows,
}

struct Shared {
    bridge: Arc<Bridge>,
    /// Unbounded: as long as nobody reads them, no lane gets anything to take note of.
    notes: mpsc::UnboundedSender<Note>,
    door: Door,
    /// How receiving goes.
    poll: watch::Receiver<PollState>,
    under_way: UnderWay,
    /// Nothing more is to be begun.
    ends: AtomicBool,
}

impl Shared {
    fn ends(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }
}

/// Which updates each lane is at: if it falls over, they are why.
#[derive(Debug, Default)]
struct UnderWay(Mutex<HashMap<Name, At>>);

/// What a lane is at.
#[derive(Debug, Default)]
struct At {
    updates: Vec<i64>,
    /// Where somebody who is let in said them.
    place: Option<Place>,
}

impl UnderWay {
    fn begin(&self, name: Name, updates: &[i64], place: Option<Place>) {
        let at = At { updates: updates.to_vec(), place };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, at);
    }

    fn end(&self, name: Name) -> At {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&name).unwrap_or_default()
    }
}

/// Stores what came of something.
fn store(bridge: &Bridge, effects: Vec<Effect>) -> Outcome<After> {
    let now = Timestamp::now();
    let after = bridge.db.write(|tables| effects::carry_out(tables, &bridge.epoch, effects, now))?;
    after.chats.iter().for_each(|chat| bridge.outbox.wake(*chat));
    Ok(after)
}

/// Likewise, and what else belongs to the same transaction.
fn store_with(
    shared: &Shared,
    effects: Vec<Effect>,
    more: impl FnOnce(&Tables) -> Result<(), Fault>,
) -> Outcome<()> {
    let Shared { bridge, notes, .. } = shared;
    let now = Timestamp::now();
    let after = bridge.db.write(|tables| {
        let after = effects::carry_out(tables, &bridge.epoch, effects, now)?;
        more(tables)?;
        Ok(after)
    })?;
    after.chats.iter().for_each(|chat| bridge.outbox.wake(*chat));
    if after.released {
        notes.send(Note::Rows).ok();
    }
    Ok(())
}

/// Sets updates aside that cannot be handled; whoever said them should know.
fn set_aside(shared: &Shared, updates: &[i64], place: Option<Place>, why: &str) -> Outcome<()> {
    let say = place.map(|place| {
        let words = words::sentence(&format!("this cannot be handled: {}", words::line(why, 300)));
        Effect::from(Say::new(place, View::plain(format!("✗ {words}"))))
    });
    store_with(shared, say.into_iter().collect(), |tables| {
        updates.iter().try_for_each(|id| tables.poison_update(*id, why))
    })
}

/// Does what only our own file can refuse, again and again until it is done. None: the bridge ends first.
async fn patiently<T>(shared: &Shared, work: impl Fn() -> Outcome<T> + Send) -> Option<T> {
    let mut pause = PAUSE;
    loop {
        match work() {
            Ok(done) => return Some(done),
            Err(trouble) => tracing::error!("Telegram: updates have to wait for the file: {trouble:?}"),
        }
        if shared.ends() {
            return None;
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Handles what is in the file and what comes, until told to stop: `wake` counts what the poller has stored.
pub(crate) async fn run(
    bridge: Arc<Bridge>,
    mut wake: watch::Receiver<u64>,
    poll: watch::Receiver<PollState>,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let mut stop = pin!(stop);
    let (notes, mut heard) = mpsc::unbounded_channel();
    media::clean_up(&bridge.downloads);
    let mut feeder = Feeder::new(Arc::new(Shared {
        bridge,
        notes,
        door: Door::default(),
        poll,
        under_way: UnderWay::default(),
        ends: AtomicBool::new(false),
    }))?;
    let (mut receives, mut again, mut pause) = (true, Some(Duration::ZERO), PAUSE);
    loop {
        let look = again.unwrap_or_else(|| feeder.until_next_look());
        tokio::select! {
            biased;
            () = &mut stop => break,
            // Without a poller nothing will come any more, but what is here goes on.
            changed = wake.changed(), if receives => receives = changed.is_ok(),
            Some(note) = heard.recv() => feeder.hear(note),
            Some(ended) = feeder.lanes.join_next_with_id(), if !feeder.lanes.is_empty() => feeder.ended(ended),
            () = sleep(look) => {}
        }
        let fed = tokio::select! {
            biased;
            () = &mut stop => break,
            fed = feeder.feed() => fed,
        };
        again = match fed {
            Ok(()) => {
                pause = PAUSE;
                None
            }
            Err(trouble) => {
                if !matches!(trouble, Trouble::Ending) {
                    tracing::warn!("Telegram: updates have to wait: {trouble:?}");
                }
                let wait = pause;
                pause = LONGEST_PAUSE.min(pause * 2);
                Some(wait)
            }
        };
    }
    feeder.end().await;
    Ok(())
}

/// A lane, as its feeder sees it.
struct Feed {
    rows: mpsc::Sender<Row>,
    done: watch::Receiver<u64>,
    /// How many rows it has got, and the last one's position.
    given: u64,
    last: i64,
    /// It had no room: more of its rows are in the file only.
    behind: bool,
}

/// Reads rows and gives each to its lane.
struct Feeder {
    shared: Arc<Shared>,
    feeds: HashMap<Name, Feed>,
    lanes: JoinSet<()>,
    names: HashMap<tokio::task::Id, Name>,
    /// Every row up to here was read.
    read: i64,
    /// Rows up to here lay in the file at the start.
    left_over: i64,
    /// Sets that a former bridge has put together and not got through.
    sets: Vec<PromptSet>,
    /// What lanes have fallen over, until that is stored. Nothing is given to them before: they would meet it again.
    fallen: Vec<(Name, At)>,
    /// Lanes that have rows in the file, after this position, which there was no room for.
    behind: Vec<(Name, i64)>,
}

impl Feeder {
    fn new(shared: Arc<Shared>) -> Result<Self> {
        let (sets, left_over) = shared.bridge.db.read(|tables| {
            let mut sets = tables.open_prompt_sets()?;
            sets.retain(|set| set.state == PromptState::Gathering);
            Ok((sets, tables.last_position()?))
        })?;
        let (feeds, names) = (HashMap::new(), HashMap::new());
        let (lanes, fallen, behind) = (JoinSet::new(), Vec::new(), Vec::new());
        Ok(Self { shared, feeds, lanes, names, read: 0, left_over, sets, fallen, behind })
    }

    /// When somebody new is looked for next.
    fn until_next_look(&self) -> Duration {
        let since = |at| Timestamp::now().duration_since(at);
        let hinted = self.shared.bridge.db.read(|tables| Ok(tables.last_hint()?.map(since)));
        let is_soon = hinted.is_ok_and(|since| since.is_some_and(|since| since < SOON));
        if is_soon { LOOK_SOON } else { LOOK }
    }

    /// Gives out everything that is new.
    async fn feed(&mut self) -> Outcome<()> {
        let bridge = Arc::clone(&self.shared.bridge);
        self.set_aside_fallen()?;
        let refreshed = self.shared.door.refresh(&bridge).await;
        if !self.shared.door.is_known() {
            // Everybody would be a stranger.
            return refreshed;
        }
        self.catch_up()?;
        loop {
            let rows = bridge.db.read(|tables| tables.new_updates(self.read, BATCH))?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            self.read = *last;
            for (position, row) in rows {
                self.give(position, row);
            }
        }
    }

    fn give(&mut self, position: i64, row: Incoming) {
        let update = Update::read(row.id, &row.raw);
        let Some(place) = row.place else {
            return self.pass_over(&update);
        };
        let name = Name { place, fast: is_urgent(&update) };
        let behind = self.other(name);
        let left_over = position <= self.left_over;
        let row = Row { id: row.id, position, released: row.released, left_over, update, behind };
        let feed = match self.feeds.get_mut(&name) {
            Some(feed) => feed,
            None => self.open(name),
        };
        // While it is behind, the file gives it its rows in order.
        if feed.behind || position <= feed.last {
            return;
        }
        match feed.rows.try_send(row) {
            Ok(()) => {
                feed.given += 1;
                feed.last = position;
            }
            Err(_) => feed.behind = true,
        }
    }

    /// What came before it in the other lane of its place.
    fn other(&self, name: Name) -> Option<(watch::Receiver<u64>, u64)> {
        let feed = self.feeds.get(&Name { fast: !name.fast, ..name })?;
        Some((feed.done.clone(), feed.given))
    }

    fn open(&mut self, name: Name) -> &mut Feed {
        let (rows, inbox) = mpsc::channel(ROOM);
        let (count, done) = watch::channel(0);
        let lane = Lane::new(Arc::clone(&self.shared), name, inbox, count, &self.sets);
        let task = self.lanes.spawn(lane.run());
        self.names.insert(task.id(), name);
        self.feeds.entry(name).insert_entry(Feed { rows, done, given: 0, last: 0, behind: false }).into_mut()
    }

    /// It did not happen in any chat.
    fn pass_over(&self, update: &Update) {
        let done = match &update.kind {
            UpdateKind::Malformed { kind, reason } => {
                tracing::warn!("Telegram: an update of the kind {kind} cannot be read: {reason}");
                // Kept for whoever wants to know what it was.
                self.shared.bridge.db.write(|tables| tables.poison_update(update.id, reason))
            }
            _ => self.shared.bridge.db.write(|tables| tables.finish_update(update.id)),
        };
        if let Err(error) = done {
            tracing::warn!("Telegram: the update {} stays: {error}", update.id);
        }
    }

    fn hear(&mut self, note: Note) {
        let Note::Idle { name, done } = note else { return };
        let Some(feed) = self.feeds.get_mut(&name) else { return };
        if feed.given != done {
            return;
        }
        if !feed.behind {
            // Without its sender the lane ends.
            self.feeds.remove(&name);
            return;
        }
        feed.behind = false;
        self.behind.push((name, feed.last));
    }

    /// Gives rows that there was no room for, until there is none again.
    fn catch_up(&mut self) -> Outcome<()> {
        while let Some((name, after)) = self.behind.last().copied() {
            self.catch_up_with(name, after)?;
            self.behind.pop();
        }
        Ok(())
    }

    fn catch_up_with(&mut self, name: Name, mut after: i64) -> Outcome<()> {
        let Name { place, .. } = name;
        while !self.feeds.get(&name).is_some_and(|feed| feed.behind) {
            let rows = self.shared.bridge.db.read(|tables| tables.new_updates_in(place, after, BATCH))?;
            // What was not read yet comes by itself.
            let rows = rows.into_iter().take_while(|(position, _)| *position <= self.read);
            let rows: Vec<_> = rows.collect();
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            for (position, row) in rows {
                self.give(position, row);
            }
        }
        Ok(())
    }

    /// What is under way may still be done: a pressed button, above all, that is taken already.
    async fn end(mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        self.feeds.clear();
        let ended = async { while self.lanes.join_next().await.is_some() {} };
        tokio::time::timeout(LAST, ended).await.ok();
    }

    /// A lane has ended: as it should, or it fell over. Then what it was at is why, and the rest goes on.
    fn ended(&mut self, ended: Result<(tokio::task::Id, ()), tokio::task::JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let Some(name) = self.names.remove(&id) else { return };
        let at = self.shared.under_way.end(name);
        let Err(error) = ended else { return };
        tracing::error!("Telegram: the updates {:?} of {} are set aside: {error}", at.updates, name.place);
        if let Some(feed) = self.feeds.get_mut(&name) {
            feed.behind = true;
        }
        self.fallen.push((name, at));
    }

    fn set_aside_fallen(&mut self) -> Outcome<()> {
        while let Some((name, at)) = self.fallen.last() {
            let name = *name;
            set_aside(&self.shared, &at.updates, at.place, "a bug of claudebot keeps it from that")?;
            self.fallen.pop();
            self.feeds.remove(&name);
            self.behind.push((name, 0));
        }
        Ok(())
    }
}

/// Buttons, and `/stop`, overtake what is slow.
fn is_urgent(update: &Update) -> bool {
    match &update.kind {
        UpdateKind::Callback(_) => true,
        UpdateKind::Message(message) => message.text.as_deref().is_some_and(is_stop),
        _ => false,
    }
}

fn is_stop(text: &str) -> bool {
    let word = text.split_whitespace().find(|word| !word.starts_with('@')).unwrap_or_default();
    word.split('@').next().is_some_and(|command| command.eq_ignore_ascii_case("/stop"))
}
