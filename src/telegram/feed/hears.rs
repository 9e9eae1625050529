//! Which place hears what of an event. Pure.
//!
//! Who asked hears of everything that came of it. A person's inbox hears of what waits for them, or went wrong, in
//! any session. Where the session is shown anyway, its replies are shown too, silently. What is muted is silent
//! where it asked, and nothing elsewhere.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::facts::{Asker, Facts, is_news};
use super::words;
use crate::model::{
    Approval, ApprovalId, Detail, Event, EventKind, Origin, Outcome, PromptId, Stages, TurnId,
};
use crate::telegram::action::Action;
use crate::telegram::approvals;
use crate::telegram::db::MessageKind;
use crate::telegram::outbox::{
    FileContent, FileOut, Final, Keyboard, Message, Note, Payload, Target, priority,
};
use crate::telegram::place::Place;
use crate::telegram::render::Rich;

/// Something to be said in a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heard {
    pub(super) place: Place,
    pub(super) priority: u8,
    pub(super) key: Option<String>,
    pub(super) say: Say,
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made, stored and gone: never kept in numbers")]
pub(super) enum Say {
    /// With a button below it.
    Payload(Payload, Option<Action>),
    Ask {
        approval: Box<Approval>,
        ring: bool,
    },
    Settle {
        approval: ApprovalId,
        message: Target,
        words: String,
    },
}

pub(super) fn hears(facts: &Facts, event: &Event) -> Vec<Heard> {
    let is_news = is_news(event, facts.now);
    match (event.kind, &event.detail) {
        (EventKind::Prompt, _) if is_news => prompt(facts, event),
        (EventKind::TurnEnded, Some(Detail::Turn { turn, origin, outcome, stages, .. })) => {
            let took = took(*stages, facts.turn.began, event.at);
            let ended = Ended { turn: *turn, origin: *origin, outcome: *outcome, took, event, is_news };
            ended.hears(facts)
        }
        (EventKind::ApprovalAsked, Some(Detail::Asked { approval })) if facts.is_pending => {
            asked(facts, approval)
        }
        (EventKind::ApprovalAnswered, Some(Detail::Answered { approval, .. })) => {
            settled(facts, *approval, &event.text)
        }
        (EventKind::Notice, Some(Detail::Notice { code })) if is_news => notice(facts, code, &event.text),
        (EventKind::Notice, Some(Detail::File { path, name, caption, .. })) => {
            file(facts, path, name, caption.as_deref())
        }
        _ => Vec::new(),
    }
}

/// From the agent's first sign of work to the end, in milliseconds.
fn took(stages: Stages, began: Option<Timestamp>, ended: Timestamp) -> u64 {
    match (stages.first_text_us, stages.result_us) {
        (first, Some(result)) => (first.unwrap_or(0) + result) / 1000,
        _ => began.map_or(0, |began| u64::try_from(ended.duration_since(began).as_millis()).unwrap_or(0)),
    }
}

fn plain(place: Place, priority: u8, payload: Payload) -> Heard {
    Heard { place, priority, key: None, say: Say::Payload(payload, None) }
}

/// A prompt from elsewhere, where everything is shown.
fn prompt(facts: &Facts, event: &Event) -> Vec<Heard> {
    if !facts.asked.is_empty() {
        return Vec::new();
    }
    let places = facts.mirrors.iter().filter(|place| !facts.is_muted(**place));
    let heard = places.map(|place| {
        let rich = words::prompt(facts, *place, &event.text);
        let note = Note { kind: MessageKind::Notice, session: Some(facts.session), prompt: event.prompt_id };
        plain(*place, priority::MIRROR, message(rich, false, None, note))
    });
    heard.collect()
}

const fn message(rich: Rich, ring: bool, reply_to: Option<i64>, note: Note) -> Payload {
    Payload::Message(Message { rich, ring, reply_to, buttons: Keyboard(Vec::new()), note })
}

/// The end of a turn.
struct Ended<'e> {
    turn: TurnId,
    origin: Origin,
    outcome: Outcome,
    took: u64,
    event: &'e Event,
    is_news: bool,
}

impl Ended<'_> {
    fn hears(&self, facts: &Facts) -> Vec<Heard> {
        let mut heard: Vec<Heard> = Vec::new();
        for asker in &facts.asked {
            let ring = !facts.is_muted(asker.place) && self.rings_for(facts, asker);
            heard.push(self.end(facts, asker.place, Some(asker), ring, priority::FINAL));
        }
        if self.is_news {
            self.unasked(facts, &mut heard);
            self.mirrored(facts, &mut heard);
        }
        // Whatever showed it while it ran must not go on showing it.
        for place in &facts.shown {
            if !hears_already(&heard, *place) {
                heard.push(self.end(facts, *place, None, false, priority::MIRROR));
            }
        }
        if self.is_news && self.is_trouble() {
            for place in &facts.inboxes {
                if !hears_already(&heard, *place) && !facts.is_muted(*place) {
                    heard.push(self.trouble(facts, *place));
                }
            }
        }
        heard
    }

    /// It rings for whoever has waited long enough to have looked away.
    fn rings_for(&self, facts: &Facts, asker: &Asker) -> bool {
        let waited = Duration::try_from(self.event.at.duration_since(asker.at)).unwrap_or_default();
        let waited = waited.max(Duration::from_millis(self.took));
        self.is_trouble() || (!self.is_stopped() && waited >= facts.ring_after)
    }

    /// Something that a person may have to do something about.
    fn is_trouble(&self) -> bool {
        match self.outcome {
            Outcome::Failed => true,
            Outcome::Interrupted => !self.is_stopped(),
            Outcome::Done | Outcome::Replaced => false,
        }
    }

    /// A person wanted it to end.
    fn is_stopped(&self) -> bool {
        match self.outcome {
            Outcome::Interrupted => words::is_stop(&self.event.text),
            Outcome::Replaced => true,
            Outcome::Done | Outcome::Failed => false,
        }
    }

    /// Claude began by itself: whoever asked last is told, else whoever watches, else everybody.
    fn unasked(&self, facts: &Facts, heard: &mut Vec<Heard>) {
        if self.origin != Origin::Claude || !facts.asked.is_empty() || !self.says_something(facts) {
            return;
        }
        let last = facts.last.filter(|last| !facts.is_muted(last.place));
        let places = match &last {
            Some(last) => std::slice::from_ref(&last.place),
            None if facts.mirrors.is_empty() => &facts.inboxes[..],
            None => &facts.mirrors[..],
        };
        for place in places.iter().filter(|place| !facts.is_muted(**place)) {
            heard.push(self.end(facts, *place, None, true, priority::FINAL));
        }
    }

    fn mirrored(&self, facts: &Facts, heard: &mut Vec<Heard>) {
        if !self.says_something(facts) {
            return;
        }
        for place in facts.mirrors.iter().filter(|place| !facts.is_muted(**place)) {
            if !hears_already(heard, *place) {
                let ring = self.is_trouble() && facts.inboxes.contains(place);
                heard.push(self.end(facts, *place, None, ring, priority::MIRROR));
            }
        }
    }

    fn says_something(&self, facts: &Facts) -> bool {
        self.is_trouble() || !facts.turn.reply().trim().is_empty()
    }

    fn end(&self, facts: &Facts, place: Place, asker: Option<&Asker>, ring: bool, priority: u8) -> Heard {
        let last = Final {
            session: facts.session,
            turn: self.turn,
            prompt: asker.and_then(|asker| asker.prompt),
            heading: words::heading(facts, place),
            markdown: facts.turn.reply(),
            footer: words::footer(facts, self.outcome, &self.event.text, ring),
            ring,
            reply_to: asker.map(|asker| asker.reply_to),
            took_ms: self.took,
            tools: facts.turn.tools,
            buttons: Keyboard::default(),
        };
        let say = Say::Payload(Payload::Final(last), self.action(facts));
        Heard { place, priority, key: None, say }
    }

    fn action(&self, facts: &Facts) -> Option<Action> {
        let goes_on = self.outcome == Outcome::Interrupted && self.origin == Origin::Prompt;
        goes_on.then_some(Action::Continue { session: facts.session })
    }

    fn trouble(&self, facts: &Facts, place: Place) -> Heard {
        let rich = words::trouble(facts, place, self.outcome, &self.event.text);
        let note = note(facts, MessageKind::Notice, self.event.prompt_id);
        let say = Say::Payload(message(rich, true, None, note), self.action(facts));
        Heard { place, priority: priority::FINAL, key: None, say }
    }
}

fn hears_already(heard: &[Heard], place: Place) -> bool {
    heard.iter().any(|heard| heard.place == place)
}

const fn note(facts: &Facts, kind: MessageKind, prompt: Option<PromptId>) -> Note {
    Note { kind, session: Some(facts.session), prompt }
}

/// Whoever has something open in the session, then the session's own topics, then every inbox; muted places only
/// if they asked.
fn who_is_needed(facts: &Facts) -> Vec<(Place, bool)> {
    let mut places: Vec<(Place, bool)> = Vec::new();
    for asker in &facts.open {
        places.push((asker.place, !facts.is_muted(asker.place)));
    }
    for place in facts.topics.iter().chain(&facts.inboxes) {
        if !facts.is_muted(*place) && places.iter().all(|(other, _)| other != place) {
            places.push((*place, true));
        }
    }
    places
}

/// Wherever it is not asked already.
fn asked(facts: &Facts, approval: &Approval) -> Vec<Heard> {
    let places = who_is_needed(facts).into_iter();
    let is_shown = |place| {
        facts.approval.iter().any(|shown| shown.place == place && shown.session == Some(facts.session))
    };
    let places = places.filter(|(place, _)| !is_shown(*place));
    let heard = places.map(|(place, ring)| Heard {
        place,
        priority: priority::APPROVAL,
        key: Some(approvals::key(approval.id, place)),
        say: Say::Ask { approval: Box::new(approval.clone()), ring },
    });
    heard.collect()
}

/// Everything that asks says that it is settled. What still waits to be sent is replaced by that, and so never sent.
fn settled(facts: &Facts, approval: ApprovalId, words: &str) -> Vec<Heard> {
    let heard = facts.approval.iter().map(|asked| Heard {
        place: asked.place,
        priority: priority::SETTLED,
        key: Some(approvals::key(approval, asked.place)),
        say: Say::Settle {
            approval,
            message: asked.message.map_or(Target::Row(asked.outgoing), Target::Id),
            words: words.to_owned(),
        },
    });
    heard.collect()
}

fn notice(facts: &Facts, code: &str, text: &str) -> Vec<Heard> {
    let Some(loud) = words::is_loud(code) else { return Vec::new() };
    let asked: Vec<(Place, bool)> =
        facts.open.iter().map(|asker| (asker.place, !facts.is_muted(asker.place))).collect();
    let inboxes = facts.inboxes.iter().filter(|place| !facts.is_muted(**place));
    let places = if asked.is_empty() { inboxes.map(|place| (*place, true)).collect() } else { asked };
    let heard = places.into_iter().map(|(place, may_ring)| Heard {
        place,
        priority: if loud { priority::FINAL } else { priority::MIRROR },
        // The same trouble in many sessions is one trouble.
        key: Some(format!("notice:{code}:{}:{}", place.thread.unwrap_or(0), words::about(facts, code))),
        say: Say::Payload(
            message(
                words::notice(facts, place, text),
                loud && may_ring,
                None,
                note(facts, MessageKind::Notice, None),
            ),
            None,
        ),
    });
    heard.collect()
}

/// A file goes to whoever asked for what the agent was doing.
fn file(facts: &Facts, path: &Path, name: &str, caption: Option<&str>) -> Vec<Heard> {
    let last: Vec<Asker> = facts.last.into_iter().collect();
    let askers = [&facts.asked, &facts.open, &last].into_iter().find(|askers| !askers.is_empty());
    let heard = askers.into_iter().flatten().map(|asker| {
        let file = FileOut {
            name: name.to_owned(),
            content: FileContent::Path(path.to_owned()),
            caption: words::caption(facts, asker.place, caption),
            ring: false,
            reply_to: Some(asker.reply_to),
            buttons: Keyboard::default(),
            note: note(facts, MessageKind::File, asker.prompt),
        };
        plain(asker.place, priority::MIRROR, Payload::File(file))
    });
    heard.collect()
}
