//! One session's subscription.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};

use super::turn::{Change, State};
use super::typing::Typing;
use super::view::{Verbosity, body, next_step, worth_at};
use crate::error::{Error, Kind, Result};
use crate::ipc::{Push, Request, Response, Selector};
use crate::model::{Live, PromptId, SessionId, SessionState, TurnId};
use crate::telegram::action::Action;
use crate::telegram::bridge::Bridge;
use crate::telegram::db::MessageKind;
use crate::telegram::effects::waits_no_more;
use crate::telegram::gone;
use crate::telegram::link::Following;
use crate::telegram::outbox::{Keyboard, LiveKey, LiveView, Note, Order};
use crate::telegram::place::Place;
use crate::telegram::render;
use crate::telegram::show;
use crate::telegram::turn_log::{self, TurnLog, unexpected};
use crate::telegram::view;

/// Views are made no oftener than this; how often one is sent, the outbox decides.
const BETWEEN_VIEWS: Duration = Duration::from_millis(700);

/// Whether the end of an earlier turn is told by now is looked for so often…
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// …and for so long.
const EARLIER: Duration = Duration::from_secs(5);

/// A session in which nothing of Telegram's is open is followed for so long.
const LINGER: Duration = Duration::from_secs(60);

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

enum End {
    /// Nothing is open here any more.
    Over,
    /// There is nothing to be open in.
    Gone,
    /// It is to be subscribed to anew.
    Again,
}

/// Until nothing is open in the session any more.
pub(super) async fn follow(bridge: Arc<Bridge>, typing: Arc<Typing>, session: SessionId) {
    let verbosity = Verbosity::from_word(&bridge.config.verbosity);
    let mut watcher = Watcher {
        bridge,
        typing,
        session,
        verbosity,
        name: String::new(),
        state: State::new(),
        shown_turn: None,
        shown: BTreeMap::new(),
        mirrors: Vec::new(),
        types: BTreeSet::new(),
        dirty: false,
        viewed: None,
        open_until: Instant::now() + LINGER,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        match watcher.subscribe().await {
            Ok(End::Over) => break,
            Ok(End::Gone) => {
                watcher.leave();
                if let Err(trouble) = gone::look_at(&watcher.bridge, session).await {
                    tracing::debug!(%session, ?trouble, "it is not known whether a session is gone");
                }
                break;
            }
            Ok(End::Again) => pause = FIRST_PAUSE,
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Denied) => {
                tracing::debug!(%session, %error, "a session cannot be followed");
                break;
            }
            Err(error) => {
                tracing::debug!(%session, %error, "a session is followed again in a moment");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                if Instant::now() >= watcher.open_until && !watcher.is_open() {
                    break;
                }
            }
        }
    }
    watcher.leave();
}

/// How a turn is shown in one place.
struct Shown {
    reply_to: Option<i64>,
    prompt: Option<PromptId>,
    /// Before the text, unless the place is the session's own.
    heading: bool,
    buttons: Keyboard,
    /// Until when the end of an earlier turn may still come, which is to stand above it.
    behind: Option<Instant>,
}

struct Watcher {
    bridge: Arc<Bridge>,
    typing: Arc<Typing>,
    session: SessionId,
    verbosity: Verbosity,
    name: String,
    state: State,
    /// Which turn is shown, and where.
    shown_turn: Option<TurnId>,
    shown: BTreeMap<Place, Shown>,
    /// Where it is shown though it was not asked there.
    mirrors: Vec<Place>,
    /// Where it types for this session.
    types: BTreeSet<Place>,
    /// Something changed since the last view.
    dirty: bool,
    viewed: Option<Instant>,
    /// When there is nothing to follow any more.
    open_until: Instant,
}

impl Watcher {
    async fn subscribe(&mut self) -> Result<End> {
        let selector = Selector::Exact(self.session.to_string());
        // What was before the present is in the log.
        let request = Request::Subscribe { session: selector, since: u64::MAX };
        let (mut following, head) = match self.bridge.link.follow(request).await? {
            (following, Response::Subscribed { session, head }) => {
                self.name = session.name;
                (following, head)
            }
            (_, other) => return Err(unexpected(&other)),
        };
        self.follow(&mut following, head).await
    }

    async fn follow(&mut self, following: &mut Following, head: u64) -> Result<End> {
        loop {
            let next_view = self.next_view();
            tokio::select! {
                push = following.next() => match push? {
                    Some(Push::Live(Live::Snapshot(snapshot))) => {
                        let so_far = match &snapshot.turn {
                            Some(_) => turn_log::read(&self.bridge.link, self.session, head + 1).await?,
                            None => TurnLog::default(),
                        };
                        self.state.begin(*snapshot, so_far, (Instant::now(), Timestamp::now()));
                        self.turn_began().await;
                    }
                    Some(push) => {
                        let began = self.running();
                        let change = self.state.apply(push, Instant::now());
                        if let Some(end) = self.changed(change, began).await {
                            return Ok(end);
                        }
                    }
                    None => return Err(Error::unavailable("the host has ended")),
                },
                () = at(next_view) => self.view(),
                () = sleep_until(self.open_until) => {
                    if !self.is_open() {
                        return Ok(End::Over);
                    }
                }
            }
        }
    }

    fn running(&self) -> Option<TurnId> {
        self.state.running.as_ref().map(|running| running.turn)
    }

    async fn changed(&mut self, change: Change, before: Option<TurnId>) -> Option<End> {
        match change {
            Change::Nothing => {}
            Change::View => self.dirty = true,
            Change::Places if self.running() != before => self.turn_began().await,
            Change::Places => self.places_changed().await,
            Change::Over => {
                self.forget();
                self.type_where_it_works();
                self.open_until = Instant::now() + LINGER;
            }
            Change::Again => return Some(End::Again),
            Change::Gone => return Some(End::Gone),
        }
        None
    }

    async fn turn_began(&mut self) {
        let running = self.running();
        if running != self.shown_turn {
            self.forget();
            self.shown_turn = running;
        }
        self.mirrors.clear();
        if self.state.running.is_some() && self.bridge.config.mirror == "all" {
            self.mirrors = match self.bridge.mirrors(self.session).await {
                Ok(mirrors) => mirrors,
                Err(error) => {
                    tracing::debug!(%error, "a turn is not mirrored while it runs");
                    Vec::new()
                }
            };
        }
        self.places_changed().await;
    }

    async fn places_changed(&mut self) {
        self.dirty = true;
        if let Err(error) = self.find_places().await {
            tracing::warn!(%error, "cannot find out where a turn is to be shown");
        }
        self.type_where_it_works();
        self.make_buttons();
        self.look_behind(Instant::now());
    }

    /// What an earlier turn has come to is told by the feed, which may be a little behind: after a start by all that
    /// ended meanwhile. What begins with this turn stands below it.
    fn look_behind(&mut self, now: Instant) {
        let Some(running) = self.state.running.as_ref().filter(|_| self.is_behind()) else { return };
        let open = match self.bridge.db.read(|tables| tables.accepted_in(self.session)) {
            Ok(open) => open,
            Err(error) => return tracing::warn!(%error, "cannot read what is still to be told"),
        };
        let has_ended =
            |prompt: &PromptId| !running.prompts.contains(prompt) && !self.state.queue.contains(prompt);
        let untold: Vec<_> = open.iter().filter(|set| set.prompt.as_ref().is_some_and(has_ended)).collect();
        for (place, shown) in &mut self.shown {
            let is_earlier = |reply_to: i64| shown.reply_to.is_some_and(|own| reply_to < own);
            let is_untold = untold.iter().any(|set| set.place == *place && is_earlier(set.reply_to));
            shown.behind = shown.behind.filter(|until| is_untold && now < *until);
        }
    }

    fn is_behind(&self) -> bool {
        self.shown.values().any(|shown| shown.behind.is_some())
    }

    /// Before there is anything to show: then the first text need not wait for the disk.
    fn make_buttons(&mut self) {
        let Some(running) = &self.state.running else { return };
        for (place, shown) in &mut self.shown {
            if shown.buttons == Keyboard::default() {
                shown.buttons = stop_button(&self.bridge, *place, self.session, running.turn);
            }
        }
    }

    /// Adds whoever the turn is shown to from now on.
    async fn find_places(&mut self) -> Result<()> {
        let Some(running) = &self.state.running else { return Ok(()) };
        let (session, now) = (self.session, Timestamp::now());
        let mut sets = Vec::new();
        for prompt in &running.prompts {
            sets.extend(self.bridge.asked_by(session, *prompt).await?);
        }
        let (mutes, topics) =
            self.bridge.db.read(|tables| Ok((tables.mutes(now)?, tables.topics_of(session)?)))?;
        let heading = |place| !topics.iter().any(|topic| topic.place == place && !topic.closed);
        for set in sets.into_iter().filter(|set| self.bridge.may_hear(set.place)) {
            if !self.shown.contains_key(&set.place)
                && self.bridge.db.write(|tables| waits_no_more(tables, &set, now))?
            {
                self.bridge.outbox.wake(set.place.chat);
            }
            self.shown.entry(set.place).or_insert_with(|| Shown {
                reply_to: Some(set.reply_to),
                prompt: set.prompt,
                heading: heading(set.place),
                buttons: Keyboard::default(),
                behind: Some(Instant::now() + EARLIER),
            });
        }
        for place in &self.mirrors {
            if !mutes.iter().any(|mute| mute.hides(*place, session)) {
                self.shown.entry(*place).or_insert_with(|| Shown {
                    reply_to: None,
                    prompt: None,
                    heading: heading(*place),
                    buttons: Keyboard::default(),
                    behind: None,
                });
            }
        }
        Ok(())
    }

    fn next_view(&self) -> Option<Instant> {
        let running = self.state.running.as_ref().filter(|_| !self.shown.is_empty())?;
        let now = Instant::now();
        let is_behind = self.is_behind();
        let due = if self.dirty || is_behind { now } else { next_step(running, now) };
        let at = due.max(worth_at(running));
        let rest = if is_behind { LOOK_AGAIN } else { BETWEEN_VIEWS };
        Some(self.viewed.map_or(at, |viewed| at.max(viewed + rest)))
    }

    fn view(&mut self) {
        let now = Instant::now();
        self.viewed = Some(now);
        self.make_buttons();
        // Whoever was let out meanwhile sees no more of it.
        let bridge = &self.bridge;
        self.shown.retain(|place, _| bridge.may_hear(*place));
        self.look_behind(now);
        let Some(running) = &self.state.running else { return };
        self.dirty = false;
        let (turn, session) = (running.turn, self.session);
        let body = body(&self.state, running, self.verbosity, now);
        for (place, shown) in self.shown.iter().filter(|(_, shown)| shown.behind.is_none()) {
            let mut rich = if shown.heading { show::heading(&self.name) } else { Default::default() };
            rich.append(&body);
            // One piece, without more formatting than a message may have.
            let rich = render::split(rich).into_iter().next().unwrap_or_default();
            let note = Note { kind: MessageKind::Live, session: Some(session), prompt: shown.prompt };
            let view = LiveView { rich, buttons: shown.buttons.clone(), reply_to: shown.reply_to, note };
            let key = LiveKey { place: *place, session, turn };
            self.bridge.outbox.order(Order::Show { key, view: Box::new(view) });
        }
    }

    /// A turn is over, and what showed it is left to its end.
    fn forget(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        if let Some(turn) = self.shown_turn.take() {
            for place in shown.into_keys() {
                let key = LiveKey { place, session: self.session, turn };
                self.bridge.outbox.order(Order::Forget(key));
            }
        }
        self.viewed = None;
    }

    /// It types where something is being done for somebody: not for what waits behind another turn, nor while a
    /// person has to decide.
    fn type_where_it_works(&mut self) {
        let sets = match self.bridge.db.read(|tables| tables.accepted_in(self.session)) {
            Ok(sets) => sets,
            Err(error) => return tracing::warn!(%error, "cannot read what is under way"),
        };
        let state = &self.state;
        let is_starting = state.running.is_none() && !state.is_held;
        let works = |prompt: Option<PromptId>| {
            let is_waiting = prompt.is_some_and(|prompt| state.queue.contains(&prompt));
            state.session == SessionState::Busy && (is_starting || !is_waiting)
        };
        let types: BTreeSet<Place> =
            sets.iter().filter(|set| works(set.prompt)).map(|set| set.place).collect();
        let asked: BTreeSet<Place> = sets.iter().map(|set| set.place).collect();
        for place in self.types.union(&asked).filter(|place| !types.contains(place)) {
            self.typing.end(*place, self.session);
        }
        for place in &types {
            self.typing.begin(*place, self.session);
        }
        self.types = types;
    }

    fn is_open(&mut self) -> bool {
        let open = self.bridge.db.read(|tables| tables.accepted_in(self.session));
        let is_open = self.state.running.is_some() || open.is_ok_and(|open| !open.is_empty());
        self.open_until = Instant::now() + LINGER;
        is_open
    }

    fn leave(&mut self) {
        for place in std::mem::take(&mut self.types) {
            self.typing.end(place, self.session);
        }
        self.forget();
    }
}

fn stop_button(bridge: &Bridge, place: Place, session: SessionId, turn: TurnId) -> Keyboard {
    let action = Action::Stop { session, turn: Some(turn) };
    let now = Timestamp::now();
    let made =
        bridge.db.write(|tables| view::alone(tables, &bridge.epoch, place, session, ("Stop", action), now));
    made.unwrap_or_else(|error| {
        tracing::warn!(%error, "a turn is shown without its button");
        Keyboard::default()
    })
}

async fn at(time: Option<Instant>) {
    match time {
        // A timer would take its millisecond.
        Some(time) if time <= Instant::now() => {}
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
