//! Which messages are one prompt: a text that Telegram has cut at 4096, an album. Pure, with the clock of its caller.
//!
//! Only what looks like a part of more waits, and not for long; everything else goes on at once. What was put
//! together before a crash is put together the same way after it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::compose::answered;
use crate::telegram::db::{PromptSet, Why};
use crate::telegram::gate::Accepted;
use crate::telegram::update::Message;

/// The rest of a text or an album follows within this, if it can be received.
pub(super) const PATIENCE: Duration = Duration::from_millis(1200);
/// What cannot be received for so long is not waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// UTF-16 units. Clients cut at 4096, or a little before, where a line or word ends.
const LONG: usize = 4000;
/// Seconds between a part and the next.
const APART: i64 = 3;
/// More parts than this are no text that somebody has pasted.
const MOST: usize = 64;

/// A message, as a prompt or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) update: i64,
    pub(crate) message: Box<Message>,
    pub(crate) accepted: Accepted,
    /// Counts only with the part of its album that has the words.
    pub(crate) tentative: bool,
    /// What a person has said about it after it was kept.
    pub(crate) released: Option<Why>,
    /// It lay here when the bridge began: it may be what ended the one before.
    pub(crate) left_over: bool,
}

/// One prompt's messages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set {
    pub(crate) parts: Vec<Part>,
    /// It was stored as a set before.
    pub(crate) stored: bool,
}

impl Set {
    pub(crate) fn updates(&self) -> Vec<i64> {
        self.parts.iter().map(|part| part.update).collect()
    }

    /// Whether anybody meant the bot with it.
    pub(crate) fn is_meant(&self) -> bool {
        self.parts.iter().any(|part| !part.tentative)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Album(String),
    /// These updates, and no others.
    Stored(Arc<BTreeSet<i64>>),
}

#[derive(Debug)]
struct Open {
    user: i64,
    kind: Kind,
    parts: Vec<Part>,
    /// When the newest part came.
    newest: Instant,
    until: Instant,
}

impl Open {
    fn new(user: i64, kind: Kind, part: Part, now: Instant) -> Self {
        Self { user, kind, parts: vec![part], newest: now, until: now + PATIENCE }
    }

    fn add(&mut self, part: Part, now: Instant) {
        self.parts.push(part);
        self.newest = now;
        self.until = now + PATIENCE;
    }

    fn done(self) -> Set {
        Set { stored: matches!(self.kind, Kind::Stored(_)), parts: self.parts }
    }
}

/// Puts together what comes in one place.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    open: Vec<Open>,
    stored: HashMap<i64, Arc<BTreeSet<i64>>>,
}

impl Assembler {
    /// `sets`: what was put together before the bridge ended, and did not get through.
    pub(crate) fn new<'a>(sets: impl IntoIterator<Item = &'a PromptSet>) -> Self {
        let mut stored = HashMap::new();
        for set in sets {
            let updates: Arc<BTreeSet<i64>> = Arc::new(set.updates.iter().copied().collect());
            stored.extend(updates.iter().map(|id| (*id, Arc::clone(&updates))));
        }
        Self { open: Vec::new(), stored }
    }

    /// Takes a message in; gives what is complete now.
    pub(crate) fn take(&mut self, part: Part, now: Instant) -> Vec<Set> {
        let user = part.accepted.user;
        if let Some(updates) = self.stored.remove(&part.update) {
            return self.join_stored(part, updates, now);
        }
        if let Some(open) = self.open.iter_mut().find(|open| open.user == user && open.takes(&part)) {
            let more = matches!(open.kind, Kind::Album(_)) || is_long(&part.message);
            open.add(part, now);
            let is_done = !more || open.parts.len() >= MOST;
            return if is_done { self.flush_of(user) } else { Vec::new() };
        }
        let mut done = self.flush_of(user);
        let kind = match &part.message.media_group_id {
            Some(album) => Some(Kind::Album(album.clone())),
            None => is_long(&part.message).then_some(Kind::Text),
        };
        match kind {
            Some(kind) => self.open.push(Open::new(user, kind, part, now)),
            None => done.push(Set { parts: vec![part], stored: false }),
        }
        done
    }

    fn join_stored(&mut self, part: Part, updates: Arc<BTreeSet<i64>>, now: Instant) -> Vec<Set> {
        let kind = Kind::Stored(Arc::clone(&updates));
        let at = match self.open.iter().position(|open| open.kind == kind) {
            Some(at) => {
                self.open[at].add(part, now);
                at
            }
            None => {
                self.open.push(Open::new(part.accepted.user, kind, part, now));
                self.open.len() - 1
            }
        };
        if self.open[at].parts.len() < updates.len() { Vec::new() } else { vec![self.open.remove(at).done()] }
    }

    /// Whether a message that was not for the bot is the rest of one that was.
    pub(crate) fn continued(&self, user: i64, update: i64, message: &Message) -> Option<Accepted> {
        let before = self.stored.get(&update);
        let open = self.open.iter().find(|open| open.user == user && open.is_text(before))?;
        let first = open.parts.first()?;
        let text = message.text.clone()?;
        let accepted = Accepted { text, may_command: false, ..first.accepted.clone() };
        (before.is_some() || open.continues(message, &accepted)).then_some(accepted)
    }

    /// When something is complete although nothing comes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.open.iter().map(|open| open.until).min()
    }

    /// What is due now may not be complete: it could not all be received.
    pub(crate) fn postpone(&mut self, now: Instant) {
        for open in &mut self.open {
            if open.until <= now && now < open.newest + LONGEST {
                open.until = now + PATIENCE;
            }
        }
    }

    pub(crate) fn due(&mut self, now: Instant) -> Vec<Set> {
        self.remove(|open| open.until <= now)
    }

    /// Nothing more of what this user has begun will come.
    pub(crate) fn flush_of(&mut self, user: i64) -> Vec<Set> {
        self.remove(|open| open.user == user)
    }

    fn remove(&mut self, which: impl Fn(&Open) -> bool) -> Vec<Set> {
        let (done, open) = std::mem::take(&mut self.open).into_iter().partition(which);
        self.open = open;
        let done: Vec<Open> = done;
        done.into_iter().map(Open::done).collect()
    }
}

impl Open {
    /// `before`: what was put together before, the message among it.
    fn is_text(&self, before: Option<&Arc<BTreeSet<i64>>>) -> bool {
        match &self.kind {
            Kind::Text => before.is_none(),
            Kind::Album(_) => false,
            Kind::Stored(updates) => before == Some(updates),
        }
    }

    fn takes(&self, part: &Part) -> bool {
        match &self.kind {
            Kind::Album(album) => part.message.media_group_id.as_ref() == Some(album),
            Kind::Text => self.continues(&part.message, &part.accepted),
            Kind::Stored(_) => false,
        }
    }

    /// The client sends the parts of a text one right after the other, and only the first answers something.
    fn continues(&self, message: &Message, accepted: &Accepted) -> bool {
        let Some(last) = self.parts.last() else { return false };
        let follows = message.message_id > last.message.message_id
            && (0..=APART).contains(&(message.date - last.message.date));
        let alike = message.forward_origin == last.message.forward_origin
            && message.via_bot == last.message.via_bot
            && accepted.foreign == last.accepted.foreign;
        let is_text = message.text.is_some() && message.media_group_id.is_none();
        is_text && follows && alike && answered(message).is_none() && message.quote.is_none()
    }
}

fn is_long(message: &Message) -> bool {
    message.text.as_ref().is_some_and(|text| text.encode_utf16().count() >= LONG)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::telegram::db::PromptState;
    use crate::telegram::place::Place;
    use crate::telegram::testing::{accepted, message};

    /// The moment when the test began, and so many milliseconds later.
    struct Clock(Instant);

    impl Clock {
        fn at(&self, ms: u64) -> Instant {
            self.0 + Duration::from_millis(ms)
        }
    }

    fn clock() -> Clock {
        Clock(Instant::now())
    }

    fn part_of(user: i64, update: i64, more: Value) -> Part {
        let mut whole = json!({ "message_id": update });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let message = Box::new(message(whole));
        let accepted = accepted(user, &message);
        Part { update, message, accepted, tentative: false, released: None, left_over: false }
    }

    fn part(update: i64, more: Value) -> Part {
        part_of(7, update, more)
    }

    fn text(update: i64, text: &str) -> Part {
        part(update, json!({ "text": text }))
    }

    fn long(update: i64) -> Part {
        text(update, &"x".repeat(4090))
    }

    fn photo(update: i64, album: &str) -> Part {
        part(update, json!({ "photo": [{ "file_id": "p" }], "media_group_id": album }))
    }

    fn ids(sets: &[Set]) -> Vec<Vec<i64>> {
        sets.iter().map(Set::updates).collect()
    }

    #[test]
    fn an_ordinary_message_goes_on_at_once() {
        let (clock, mut assembler) = (clock(), Assembler::default());
        for part in [text(1, "hello"), text(2, ""), part(3, json!({ "photo": [{ "file_id": "p" }] }))] {
            let update = part.update;
            assert_eq!(ids(&assembler.take(part, clock.at(0))), [[update]]);
        }
        assert_eq!(assembler.deadline(), None);
    }

    #[test]
    fn a_text_that_was_cut_is_one_again() {
        let (clock, mut assembler) = (clock(), Assembler::default());
        assert!(assembler.take(long(1), clock.at(0)).is_empty());
        assert!(assembler.take(long(2), clock.at(300)).is_empty());
        assert_eq!(assembler.deadline(), Some(clock.at(1500)));
        assert_eq!(ids(&assembler.take(text(3, "the end"), clock.at(900))), [[1, 2, 3]]);
        assert_eq!(assembler.deadline(), None);
        // Exactly as long as a part, and nothing follows.
        assert!(assembler.take(long(4), clock.at(2000)).is_empty());
        assert!(assembler.due(clock.at(3199)).is_empty());
        assert_eq!(ids(&assembler.due(clock.at(3200))), [[4]]);
    }

    #[test]
    fn what_could_not_be_received_is_waited_for_but_not_for_ever() {
        let (clock, mut assembler) = (clock(), Assembler::default());
        assembler.take(long(1), clock.at(0));
        assembler.postpone(clock.at(1199));
        assert_eq!(assembler.deadline(), Some(clock.at(1200)), "nothing is late yet");
        assembler.postpone(clock.at(1200));
        assert!(assembler.due(clock.at(2399)).is_empty());
        assert_eq!(ids(&assembler.take(text(2, "the end"), clock.at(2399))), [[1, 2]]);
        assembler.take(long(3), clock.at(3000));
        assembler.postpone(clock.at(63_000));
        assert_eq!(ids(&assembler.due(clock.at(63_000))), [[3]]);
    }

    #[test]
    fn what_is_no_rest_of_a_text_is_not_added_to_it() {
        let others = [
            part(2, json!({ "text": "x", "date": 10 })),
            part(2, json!({ "text": "x", "reply_to_message": { "message_id": 1 } })),
            part(2, json!({ "text": "x", "forward_origin": { "type": "user" } })),
            part(2, json!({ "text": "x", "via_bot": { "id": 9, "is_bot": true } })),
            part(2, json!({ "caption": "x", "photo": [{ "file_id": "p" }] })),
            part(0, json!({ "text": "x" })),
        ];
        for other in others {
            let (clock, mut assembler) = (clock(), Assembler::default());
            assembler.take(long(1), clock.at(0));
            let update = other.update;
            assert_eq!(ids(&assembler.take(other, clock.at(100))), [[1], [update]]);
        }
    }

    #[test]
    fn an_album_is_one_prompt() {
        let (clock, mut assembler) = (clock(), Assembler::default());
        assert!(assembler.take(photo(1, "a"), clock.at(0)).is_empty());
        assert!(assembler.take(photo(2, "a"), clock.at(600)).is_empty());
        assert!(assembler.due(clock.at(1700)).is_empty(), "each part begins the wait anew");
        assert_eq!(ids(&assembler.take(photo(3, "b"), clock.at(1750))), [[1, 2]]);
        assert_eq!(ids(&assembler.take(text(4, "and?"), clock.at(1760))), [vec![3], vec![4]]);
    }

    #[test]
    fn people_do_not_disturb_each_other() {
        let (clock, mut assembler) = (clock(), Assembler::default());
        assembler.take(photo(1, "a"), clock.at(0));
        assert_eq!(ids(&assembler.take(part_of(8, 2, json!({ "text": "hi" })), clock.at(1))), [[2]]);
        assert!(assembler.take(photo(3, "a"), clock.at(2)).is_empty());
        assert_eq!(ids(&assembler.due(clock.at(1202))), [[1, 3]]);
    }

    #[test]
    fn a_silent_part_counts_with_its_album_only() {
        let (clock, mut assembler) = (clock(), Assembler::default());
        let silent = |update, album| Part { tentative: true, ..photo(update, album) };
        assembler.take(silent(1, "a"), clock.at(0));
        assembler.take(photo(2, "a"), clock.at(1));
        let sets = assembler.take(silent(3, "b"), clock.at(2));
        assert_eq!((ids(&sets), sets[0].is_meant()), (vec![vec![1, 2]], true));
        let sets = assembler.due(clock.at(1202));
        assert_eq!((ids(&sets), sets[0].is_meant()), (vec![vec![3]], false));
    }

    #[test]
    fn in_a_group_the_rest_of_a_text_need_not_name_the_bot() {
        let (clock, mut assembler) = (clock(), Assembler::default());
        let rest = message(json!({ "message_id": 2, "text": "the rest" }));
        assert_eq!(assembler.continued(7, 2, &rest), None);
        assembler.take(long(1), clock.at(0));
        assert_eq!(assembler.continued(8, 2, &rest), None);
        let accepted = assembler.continued(7, 2, &rest).unwrap();
        assert_eq!((accepted.text.as_str(), accepted.may_command), ("the rest", false));
    }

    fn stored() -> PromptSet {
        PromptSet {
            key: "tg:42:1".to_owned(),
            updates: vec![1, 2],
            place: Place::chat(7),
            user: 7,
            reply_to: 1,
            session: None,
            prompt: None,
            state: PromptState::Gathering,
            at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_rest_of_a_text_is_known_after_a_crash() {
        let (clock, mut assembler) = (clock(), Assembler::new([&stored()]));
        assembler.take(long(1), clock.at(0));
        let rest = |update: i64| message(json!({ "message_id": update, "text": "the rest" }));
        assert_eq!(assembler.continued(7, 3, &rest(3)), None, "it was not a part of it");
        let accepted = assembler.continued(7, 2, &rest(2)).unwrap();
        let part = Part { accepted, ..text(2, "the rest") };
        assert_eq!(ids(&assembler.take(part, clock.at(1))), [[1, 2]]);
    }

    #[test]
    fn what_was_put_together_before_a_crash_is_so_again() {
        let (clock, mut assembler) = (clock(), Assembler::new([&stored()]));
        assert!(assembler.take(photo(1, "a"), clock.at(0)).is_empty());
        let sets = assembler.take(photo(2, "a"), clock.at(0));
        assert_eq!((ids(&sets), sets[0].stored), (vec![vec![1, 2]], true));
        // A part that had come too late is a prompt of its own, as it would have been.
        assembler.take(photo(3, "a"), clock.at(0));
        let sets = assembler.due(clock.at(1200));
        assert_eq!((ids(&sets), sets[0].stored), (vec![vec![3]], false));
    }
}
