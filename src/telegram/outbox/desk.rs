//! What is to be begun next, among all chats. Pure: it is told what came in and how calls ended, and never waits.
//!
//! In each chat one call is under way at a time, so that the order is kept. Between chats what must arrive goes
//! first, the most urgent of it before the rest; then the live messages, the one that waited longest; typing last.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

use super::budget::{ALL, Window};
use super::chat::{Chat, Head};
use super::{LiveKey, LiveView};
use crate::telegram::place::Place;

/// So many turns are remembered that have ended, lest a late view of one begins a new message.
const ENDED: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The next row of a chat.
    Row(i64),
    Live(LiveKey),
    Typing(Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Start(Start),
    At(Instant),
    /// Nothing waits, or all that waits does so for an answer.
    Nothing,
}

/// The lowest goes first: rows by how urgent and how old they are, then what waited longest.
type Rank = (u8, u8, i64, Instant);

#[derive(Debug)]
pub(super) struct Desk {
    chats: BTreeMap<i64, Chat>,
    all: Window,
    ended: VecDeque<LiveKey>,
    /// How often there was a sign that Telegram is reached.
    signs: u64,
    /// Only what must arrive goes any more.
    closing: bool,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self { chats: BTreeMap::new(), all: ALL, ended: VecDeque::new(), signs: 0, closing: false }
    }

    pub(super) fn chat(&mut self, id: i64) -> &mut Chat {
        self.chats.entry(id).or_insert_with(|| Chat::new(id))
    }

    pub(super) fn next(&self, now: Instant) -> Next {
        let mut best: Option<(Rank, Start)> = None;
        let mut soonest: Option<Instant> = None;
        let mut consider = |at: Instant, rank: Rank, start: Start| {
            if at > now {
                soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
            } else if best.is_none_or(|(other, _)| rank < other) {
                best = Some((rank, start));
            }
        };
        for (id, chat) in &self.chats {
            if let Some((at, head)) = chat.row_at(now, &self.all) {
                consider(at, (0, head.priority, head.row, at), Start::Row(*id));
            }
            if self.closing {
                continue;
            }
            if let Some((at, key)) = chat.live_at(now, &self.all) {
                consider(at, (1, 0, 0, at), Start::Live(key));
            }
            if let Some((at, place)) = chat.typing_at(now, &self.all) {
                consider(at, (2, 0, 0, at), Start::Typing(place));
            }
        }
        match (best, soonest) {
            (Some((_, start)), _) => Next::Start(start),
            (None, Some(at)) => Next::At(at),
            (None, None) => Next::Nothing,
        }
    }

    /// A call goes out.
    pub(super) fn called(&mut self, now: Instant) {
        self.all.note(now);
    }

    pub(super) fn line(&mut self, chat: i64, head: Option<Head>) {
        self.chat(chat).set_head(head);
    }

    /// Whether a view of this turn has to be told first which message shows it already.
    pub(super) fn is_new(&self, key: LiveKey) -> bool {
        !self.has_ended(key) && self.chats.get(&key.place.chat).is_none_or(|chat| !chat.knows(key))
    }

    fn has_ended(&self, key: LiveKey) -> bool {
        self.ended.contains(&key)
    }

    pub(super) fn show(&mut self, key: LiveKey, view: LiveView, now: Instant) {
        if !self.has_ended(key) {
            self.chat(key.place.chat).show(key, view, now);
        }
    }

    /// Something takes the live message over; whatever else comes of the turn is late.
    pub(super) fn end_live(&mut self, key: LiveKey) {
        self.chat(key.place.chat).forget(key);
        if !self.has_ended(key) {
            if self.ended.len() == ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(key);
        }
    }

    /// A message or an edit was taken.
    pub(super) fn works(&mut self, chat: i64) {
        self.chat(chat).works();
        self.reached();
    }

    /// Whoever failed only because Telegram was not reached may try again.
    pub(super) fn reached(&mut self) {
        self.signs += 1;
        self.chats.values_mut().for_each(Chat::reached);
    }

    pub(super) const fn signs(&self) -> u64 {
        self.signs
    }

    pub(super) fn close(&mut self) {
        self.closing = true;
        self.chats.values_mut().for_each(Chat::drop_fresh);
    }
}
