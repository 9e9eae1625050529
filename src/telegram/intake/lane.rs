//! One place's updates, one after the other: who may, what belongs together, and what it is.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::assemble::{Assembler, PATIENCE, Part, Set};
use super::door::Author;
use super::work::{Ids, Job, Worker};
use super::{Name, Note, Row, Shared, is_urgent, patiently, said};
use crate::telegram::db::{Incoming, PromptSet, Why};
use crate::telegram::gate::{Accepted, Gate, Reason, decide};
use crate::telegram::poll::PollState;
use crate::telegram::talk::Talk;
use crate::telegram::update::{Callback, Message, Update, UpdateKind};

/// `/stop` waits so long for what was said before it.
const MANNERS: Duration = Duration::from_secs(1);
/// Rows among which the rest of something is looked for.
const MOST: u32 = 16;

pub(super) struct Lane {
    worker: Worker,
    rows: mpsc::Receiver<Row>,
    assembler: Assembler,
    late: Vec<(Talk, Set)>,
    late_until: Option<Instant>,
    /// The position of the newest row that was given.
    newest: i64,
    /// Positions of what was kept and let go on, as far as it has come by.
    let_go: HashSet<i64>,
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
        name: Name,
        rows: mpsc::Receiver<Row>,
        done: watch::Sender<u64>,
        sets: &[PromptSet],
    ) -> Self {
        let here = sets.iter().filter(|set| set.place == name.place);
        let assembler = Assembler::new(here);
        let worker = Worker::new(shared, name, done);
        let (late, let_go) = (Vec::new(), HashSet::new());
        Self { worker, rows, assembler, late, late_until: None, newest: 0, let_go }
    }

    pub(super) async fn run(mut self) {
        loop {
            let next = self.next().await;
            if self.worker.shared.ends() {
                // The rest is for the next start.
                return;
            }
            match next {
                Next::Row(row) => self.row(*row).await,
                Next::Due => self.due().await,
                Next::Over => return,
            }
            if self.rows.is_empty() && self.deadline().is_none() {
                let note = Note::Idle { name: self.worker.name, done: self.worker.done() };
                // Nobody listens any more: the end is near.
                self.worker.shared.notes.send(note).ok();
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
        if self.may_have_missed_some() {
            self.assembler.postpone(now);
        }
        for set in self.assembler.due(now) {
            self.set(set).await;
        }
        if self.late_until.is_some_and(|until| until <= now) {
            self.late_until = None;
            self.ask_about_late().await;
        }
    }

    /// Whether the rest of something may be on its way here: Telegram was not heard all the time, or it lies in the
    /// file and was not given yet.
    fn may_have_missed_some(&self) -> bool {
        let shared = &self.worker.shared;
        let hears = match &*shared.poll.borrow() {
            PollState::Receiving { since } => {
                Timestamp::now().duration_since(*since).unsigned_abs() >= PATIENCE
            }
            PollState::Starting | PollState::Trouble { .. } => false,
            PollState::Ended => true,
        };
        let Name { place, .. } = self.worker.name;
        let unread = || shared.bridge.db.read(|tables| tables.new_updates_in(place, self.newest, MOST));
        let is_more = |(_, row): (i64, Incoming)| !is_urgent(&Update::read(row.id, &row.raw));
        !hears || unread().is_ok_and(|rows| rows.into_iter().any(is_more))
    }

    async fn row(&mut self, row: Row) {
        self.newest = self.newest.max(row.position);
        self.worker.at(&[row.id], None);
        if let Some((mut earlier, count)) = row.behind.clone() {
            // What was said before it should be there to be stopped, and what was picked be current; but a download
            // may take its time.
            timeout(MANNERS, earlier.wait_for(|done| *done >= count)).await.ok();
        }
        if row.released.is_none() {
            self.let_others_before(&row).await;
        } else if !self.let_go.insert(row.position) {
            return self.worker.met_again();
        }
        self.take(row).await;
    }

    /// What was kept and let go on was said before anything that waits here still, though it lies behind that in the
    /// file. It comes by once more when it is given.
    async fn let_others_before(&mut self, row: &Row) {
        let Name { place, fast } = self.worker.name;
        if fast {
            return;
        }
        let shared = Arc::clone(&self.worker.shared);
        let read = || Ok(shared.bridge.db.read(|tables| tables.released_updates(place))?);
        for (position, earlier) in patiently(&shared, read).await.unwrap_or_default() {
            if shared.ends() || !self.let_go.insert(position) {
                continue;
            }
            let (id, released, left_over) = (earlier.id, earlier.released, row.left_over);
            let update = Update::read(id, &earlier.raw);
            self.worker.not_given(id);
            self.worker.at(&[id], None);
            self.take(Row { id, position, released, left_over, update, behind: None }).await;
        }
        self.worker.at(&[row.id], None);
    }

    async fn take(&mut self, row: Row) {
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
                self.worker.work(ids, &Job::Service(message, accepted)).await;
            }
            UpdateKind::Message(message) => {
                let Row { id: update, released, left_over, .. } = row;
                self.part(Part { update, message, accepted, tentative, released, left_over }).await;
            }
            UpdateKind::Edited(message) => self.edited(ids, row.id, message, accepted).await,
            UpdateKind::Callback(callback) => self.press(ids, row.id, callback, accepted).await,
            UpdateKind::Membership(membership) => {
                self.worker.work(ids, &Job::Standing(membership, accepted)).await;
            }
            UpdateKind::Unknown { .. } | UpdateKind::Malformed { .. } => {
                self.worker.work(ids, &Job::Pass).await;
            }
        }
    }

    /// Decides; before somebody is refused, the host is asked whether that is still right.
    async fn gate(&self, row: &Row) -> Gate {
        let bridge = &self.worker.shared.bridge;
        let gate = decide(&bridge.access(), &bridge.bot, &row.update);
        let is_refused =
            matches!(gate, Gate::Hint(_) | Gate::Ignore(Reason::Stranger | Reason::ChatNotAllowed));
        if is_refused && self.worker.shared.door.look_again(bridge).await {
            return decide(&bridge.access(), &bridge.bot, &row.update);
        }
        gate
    }

    async fn refused(&mut self, row: Row, gate: Gate, ids: Ids) {
        let author = Author::of(&row.update, self.worker.name.place.chat);
        let job = match (gate, row.update.kind) {
            (Gate::Ignore(Reason::NotAddressed), UpdateKind::Message(message)) => {
                let user = message.from.as_ref().map_or(0, |from| from.id);
                if let Some(accepted) = self.assembler.continued(user, row.id, &message) {
                    let Row { id: update, released, left_over, .. } = row;
                    let part = Part { update, message, accepted, tentative: false, released, left_over };
                    return self.part(part).await;
                }
                Job::Pass
            }
            (Gate::Ignore(reason), UpdateKind::Callback(callback)) => Job::Foreign(callback, reason, author),
            (Gate::Ignore(reason), _) => Job::Refused(reason, author),
            (Gate::Hint(hint), _) => Job::Hint(hint),
            (Gate::Moved { from, to }, _) => Job::Moved { from, to },
            (Gate::Accept(_) | Gate::WithAlbum(_), _) => Job::Pass,
        };
        self.worker.work(ids, &job).await;
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
        if self.late_until.take().is_some() {
            self.ask_about_late().await;
        }
        let Some(talk) = self.talk(update, &message, &accepted).await else { return };
        self.worker.work(ids, &Job::Edited(Box::new(talk), message, accepted)).await;
    }

    async fn press(&mut self, ids: Ids, update: i64, callback: Box<Callback>, accepted: Accepted) {
        let Some(pressed) = &callback.message else { return self.worker.work(ids, &Job::Pass).await };
        let shared = Arc::clone(&self.worker.shared);
        let bridge = &shared.bridge;
        let topic = || Ok(bridge.db.read(|tables| tables.topic_at(accepted.place))?);
        let Some(topic) = patiently(&shared, topic).await else { return };
        let now = Timestamp::now();
        let talk = Talk {
            bridge: Arc::clone(bridge),
            place: accepted.place,
            private: accepted.private,
            forum: bridge.bot.has_topics_in(&pressed.chat),
            user: accepted.user,
            name: accepted.name,
            update,
            message: pressed.message_id,
            date: now,
            now,
            answers: None,
            topic,
        };
        self.worker.work(ids, &Job::Press(Box::new(talk), callback)).await;
    }

    /// What one or several messages have become.
    async fn set(&mut self, set: Set) {
        let Some(first) = set.parts.first() else { return };
        let ids = Ids {
            updates: set.updates(),
            left_over: set.parts.iter().any(|part| part.left_over),
            place: Some(first.accepted.place),
        };
        self.worker.at(&ids.updates, ids.place);
        if !set.is_meant() {
            return self.worker.work(ids, &Job::Pass).await;
        }
        // Whether it still counts, so late, is asked once; which session it is for is another question.
        let is_asked = first.released == Some(Why::Late);
        let Some(talk) = self.talk(first.update, &first.message, &first.accepted).await else { return };
        if !is_asked && talk.is_late() && said::is_prompt(&set) {
            self.late.push((talk, set));
            self.late_until = Some(Instant::now() + PATIENCE);
            return;
        }
        self.worker.work(ids, &Job::Said(Box::new(talk), Box::new(set))).await;
    }

    /// None: the bridge ends.
    async fn talk(&self, update: i64, message: &Message, accepted: &Accepted) -> Option<Talk> {
        let shared = &self.worker.shared;
        patiently(shared, || said::talk(&shared.bridge, update, message, accepted)).await
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
        self.worker.work(ids, &Job::Late(talk, sets)).await;
    }
}
