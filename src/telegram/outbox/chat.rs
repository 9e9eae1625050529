//! What waits for one chat, and from when on each of it may go. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Budget, Weight, Window, pace};
use super::{LiveKey, LiveView, priority};
use crate::telegram::place::Place;

/// The sign lasts five seconds.
const TYPING: Duration = Duration::from_secs(4);

const FIRST_TROUBLE: Duration = Duration::from_secs(1);
const LONGEST_TROUBLE: Duration = Duration::from_secs(300);

/// The row that is next in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) row: i64,
    pub(super) priority: u8,
}

/// Calls fail without anybody's fault: the next try waits twice as long as the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trouble {
    until: Instant,
    wait: Duration,
    /// Telegram was not reached, so whatever reaches it ends this.
    is_network: bool,
}

/// A live message.
#[derive(Debug)]
struct Live {
    key: LiveKey,
    /// None: it is not there yet.
    message: Option<i64>,
    /// What it says, as far as is known.
    shown: Option<LiveView>,
    /// What it is to say, and since when.
    wanted: Option<(LiveView, Instant)>,
    edits: u32,
}

#[derive(Debug)]
pub(super) struct Chat {
    id: i64,
    budget: Budget,
    /// Telegram wants none of it before this.
    held: Option<Instant>,
    trouble: Option<Trouble>,
    /// A call is under way whose end is waited for.
    calling: bool,
    /// Something has arrived that the disk does not know yet. Until it does, the next row would be that one again.
    owing: bool,
    head: Option<Head>,
    live: Vec<Live>,
    /// When the live messages were touched last.
    touched: Option<Instant>,
    /// Where something is being done, and when to say so again.
    typing: BTreeMap<Place, Instant>,
    calling_typing: bool,
}

impl Chat {
    pub(super) fn new(id: i64) -> Self {
        Self {
            id,
            budget: Budget::of(id),
            held: None,
            trouble: None,
            calling: false,
            owing: false,
            head: None,
            live: Vec::new(),
            touched: None,
            typing: BTreeMap::new(),
            calling_typing: false,
        }
    }

    /// Not before this, whatever it is.
    fn open(&self, now: Instant) -> Instant {
        now.max(self.held.unwrap_or(now)).max(self.trouble.map_or(now, |trouble| trouble.until))
    }

    fn affordable(&self, now: Instant, all: &Window, weight: Weight) -> Instant {
        self.open(now).max(self.budget.ready(weight).max(all.ready(weight)).unwrap_or(now))
    }

    /// When the next row may go, if there is one.
    pub(super) fn row_at(&self, now: Instant, all: &Window) -> Option<(Instant, Head)> {
        let head = self.head.filter(|_| !self.calling && !self.owing)?;
        // What is only mirrored leaves room for what is asked of a person meanwhile.
        let weight = if head.priority < priority::MIRROR { Weight::Full } else { Weight::Fresh };
        Some((self.affordable(now, all, weight), head))
    }

    /// When a live message may be touched, if one is to be: the one that waited longest. Rows go first.
    pub(super) fn live_at(&self, now: Instant, all: &Window) -> Option<(Instant, LiveKey)> {
        if self.calling || self.head.is_some() {
            return None;
        }
        let waiting = self.live.iter().filter_map(|live| Some((live.wanted.as_ref()?.1, live)));
        let (_, live) = waiting.min_by_key(|(since, _)| *since)?;
        let rested = self.touched.filter(|_| live.message.is_some()).map(|at| at + pace(self.id, live.edits));
        Some((self.affordable(now, all, Weight::Fresh).max(rested.unwrap_or(now)), live.key))
    }

    /// When to say the next time that something is being done.
    pub(super) fn typing_at(&self, now: Instant, all: &Window) -> Option<(Instant, Place)> {
        if self.calling_typing {
            return None;
        }
        let (place, due) = self.typing.iter().min_by_key(|(_, due)| **due)?;
        Some((self.open(now).max(*due).max(all.ready(Weight::Fresh).unwrap_or(now)), *place))
    }

    pub(super) const fn set_head(&mut self, head: Option<Head>) {
        self.head = head;
    }

    pub(super) const fn begin_call(&mut self) {
        self.calling = true;
    }

    /// A file begins to go, which may take a while: it keeps nothing else waiting.
    pub(super) fn begin_upload(&mut self, now: Instant) {
        self.budget.note(now);
    }

    pub(super) fn end_call(&mut self, counts: bool, now: Instant) {
        self.calling = false;
        if counts {
            self.budget.note(now);
        }
    }

    pub(super) const fn set_owing(&mut self, owing: bool) {
        self.owing = owing;
    }

    fn find(&mut self, key: LiveKey) -> Option<&mut Live> {
        self.live.iter_mut().find(|live| live.key == key)
    }

    pub(super) fn knows(&self, key: LiveKey) -> bool {
        self.live.iter().any(|live| live.key == key)
    }

    /// A live message that begins, or that another run began.
    pub(super) fn add_live(&mut self, key: LiveKey, message: Option<i64>) {
        self.live.push(Live { key, message, shown: None, wanted: None, edits: 0 });
    }

    pub(super) fn show(&mut self, key: LiveKey, view: LiveView, now: Instant) {
        if let Some(live) = self.find(key) {
            let since = live.wanted.take().map_or(now, |(_, since)| since);
            live.wanted = (live.shown.as_ref() != Some(&view)).then_some((view, since));
        }
    }

    pub(super) fn forget(&mut self, key: LiveKey) {
        self.live.retain(|live| live.key != key);
    }

    /// What to show now, and in which message.
    pub(super) fn begin_live(&mut self, key: LiveKey, now: Instant) -> Option<(Option<i64>, LiveView)> {
        let live = self.find(key)?;
        let (view, _) = live.wanted.take()?;
        live.shown = Some(view.clone());
        live.edits += u32::from(live.message.is_some());
        let message = live.message;
        self.touched = Some(now);
        self.begin_call();
        Some((message, view))
    }

    /// It is there. The buttons that it came with.
    pub(super) fn live_sent(&mut self, key: LiveKey, message: i64) -> Vec<String> {
        let Some(live) = self.find(key) else { return Vec::new() };
        live.message = Some(message);
        live.shown.as_ref().map(|view| view.buttons.tokens()).unwrap_or_default()
    }

    /// It is not known what it says now; what it was to say is still wanted, as long as there is nothing newer.
    pub(super) fn live_failed(&mut self, key: LiveKey, now: Instant, change: impl FnOnce(&mut LiveView)) {
        if let Some(live) = self.find(key)
            && let Some(mut view) = live.shown.take()
            && live.wanted.is_none()
        {
            change(&mut view);
            live.wanted = Some((view, now));
        }
    }

    pub(super) fn set_typing(&mut self, place: Place, on: bool, now: Instant) {
        if on {
            self.typing.entry(place).or_insert(now);
        } else {
            self.typing.remove(&place);
        }
    }

    pub(super) fn begin_typing(&mut self, place: Place, now: Instant) {
        self.calling_typing = true;
        if let Some(due) = self.typing.get_mut(&place) {
            *due = now + TYPING;
        }
    }

    pub(super) const fn end_typing(&mut self) {
        self.calling_typing = false;
    }

    pub(super) fn hold(&mut self, until: Instant) {
        self.held = self.held.max(Some(until));
    }

    pub(super) fn trouble(&mut self, now: Instant, is_network: bool) {
        let wait = self.trouble.map_or(FIRST_TROUBLE, |former| (former.wait * 2).min(LONGEST_TROUBLE));
        self.trouble = Some(Trouble { until: now + wait, wait, is_network });
    }

    pub(super) const fn works(&mut self) {
        self.trouble = None;
    }

    /// Telegram is reached again, or a person did something: no need to wait any longer for that.
    pub(super) fn reached(&mut self) {
        self.trouble = self.trouble.filter(|trouble| !trouble.is_network);
    }

    /// Nothing of it helps any more.
    pub(super) fn drop_fresh(&mut self) {
        self.live.clear();
        self.typing.clear();
    }
}
