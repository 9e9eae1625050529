//! What an update leads to in the bridge's own file: carried out in the one transaction that also ends the update,
//! so that after a crash either all of it is there or the update is handled again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::approvals;
use super::db::{
    Expectation, Fault, MessageKind, Mute, NewOutgoing, Noted, PromptSet, PromptState, Tables, TopicRow, Why,
};
use super::outbox::{Keyboard, Message, Note, Payload, Target, priority};
use super::place::Place;
use super::render::Rich;
use super::view::{Owner, View};
use crate::model::{Approval, PromptId, SessionId};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Say(Box<Say>),
    /// A message of ours says something else from now on.
    Edit {
        place: Place,
        message: i64,
        view: Box<View>,
        owner: Owner,
    },
    React {
        place: Place,
        message: i64,
        /// None takes it away.
        emoji: Option<&'static str>,
    },
    /// Ready as it is.
    Send {
        place: Place,
        payload: Box<Payload>,
    },
    /// A request is shown (again).
    Ask {
        place: Place,
        approval: Box<Approval>,
    },
    /// A request is settled; this message showed it.
    Settled {
        place: Place,
        message: i64,
        approval: i64,
        words: String,
    },
    /// The host has taken a prompt, made of these messages.
    Prompt {
        set: Box<PromptSet>,
        messages: Vec<i64>,
    },
    PromptOver {
        key: String,
        state: PromptState,
    },
    Mute(Mute),
    Unmute {
        place: Place,
        session: Option<SessionId>,
    },
    Topic(TopicRow),
    Expect(Expectation),
    ExpectNoMore {
        place: Place,
        user: i64,
    },
    /// These updates wait for a word instead of being done.
    Keep {
        updates: Vec<i64>,
        why: Why,
    },
    /// A message says that a prompt waits, after all.
    StillWaits {
        place: Place,
        message: i64,
    },
    /// What is kept says what an edit of it says.
    Change {
        update: i64,
        edit: i64,
    },
    Release {
        place: Place,
        why: Why,
    },
    Drop {
        place: Place,
        why: Why,
    },
    /// Somebody was told how to be let in.
    Hinted {
        id: i64,
    },
    /// A group has got another number.
    Move {
        from: i64,
        to: i64,
    },
    /// A button may be pressed again.
    GiveBack {
        token: String,
    },
    /// Nothing more can arrive there.
    GiveUp {
        chat: i64,
    },
}

/// A new message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Say {
    pub(crate) place: Place,
    pub(crate) view: View,
    pub(crate) owner: Owner,
    pub(crate) reply_to: Option<i64>,
    pub(crate) kind: MessageKind,
    pub(crate) prompt: Option<PromptId>,
    /// A newer one with the same key takes the place of one that waits.
    pub(crate) key: Option<String>,
    pub(crate) ring: bool,
}

impl Say {
    pub(crate) fn new(place: Place, view: View) -> Self {
        Self {
            place,
            view,
            owner: Owner::default(),
            reply_to: None,
            kind: MessageKind::Answer,
            prompt: None,
            key: None,
            ring: false,
        }
    }

    pub(crate) const fn replying(mut self, message: i64) -> Self {
        self.reply_to = Some(message);
        self
    }

    pub(crate) fn about(mut self, session: SessionId) -> Self {
        self.owner.session = Some(session);
        self
    }

    /// Only this person may press its buttons.
    pub(crate) fn only_for(mut self, user: i64) -> Self {
        self.owner.user = Some(user);
        self
    }
}

impl From<Say> for Effect {
    fn from(say: Say) -> Self {
        Self::Say(Box::new(say))
    }
}

/// What is to be done once the transaction is done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct After {
    /// Chats that have something to send.
    pub(crate) chats: BTreeSet<i64>,
    /// Updates go on that were kept.
    pub(crate) released: bool,
}

pub(crate) fn carry_out(
    tables: &Tables,
    epoch: &str,
    effects: Vec<Effect>,
    now: Timestamp,
) -> Result<After, Fault> {
    let mut doing = Doing { tables, epoch, now, after: After::default(), is_over: false };
    effects.into_iter().try_for_each(|effect| doing.one(effect))?;
    Ok(doing.after)
}

/// The key of what says that a prompt waits.
pub(crate) fn queued_key(prompt: PromptId) -> String {
    format!("queued:{prompt}")
}

fn reaction_key(message: i64) -> String {
    format!("react:{message}")
}

/// The prompt waits no more: what says so goes, and so does the mark on the person's message. Whether there is
/// something to be sent for it.
pub(crate) fn waits_no_more(tables: &Tables, set: &PromptSet, now: Timestamp) -> Result<bool, Fault> {
    let Some(prompt) = set.prompt else { return Ok(false) };
    let unsent = tables.withdraw(set.place.chat, &queued_key(prompt))?;
    let notices = tables.queued_notices(prompt)?;
    if notices.is_empty() && !unsent {
        return Ok(false);
    }
    for Noted { place, id: message, .. } in notices {
        tables.void_message(place.chat, message, now)?;
        tables.end_queued_notice(place.chat, message)?;
        send_later(tables, place, edit_key(message), &Payload::Delete { message }, now)?;
    }
    unmark(tables, set, now)?;
    Ok(true)
}

/// The prompt will never run: what said that it waits says why.
pub(crate) fn waits_never(tables: &Tables, set: &PromptSet, why: &str, now: Timestamp) -> Result<(), Fault> {
    let Some(prompt) = set.prompt else { return Ok(()) };
    tables.withdraw(set.place.chat, &queued_key(prompt))?;
    for Noted { place, id, .. } in tables.queued_notices(prompt)? {
        tables.void_message(place.chat, id, now)?;
        tables.end_queued_notice(place.chat, id)?;
        let (message, rich) = (Target::Id(id), Rich::plain(why));
        let edit = Payload::Edit { message, rich, buttons: Keyboard::default() };
        send_later(tables, place, edit_key(id), &edit, now)?;
    }
    unmark(tables, set, now)
}

/// The mark goes that says on the person's message that it waits.
fn unmark(tables: &Tables, set: &PromptSet, now: Timestamp) -> Result<(), Fault> {
    let unmark = Payload::React { message: set.reply_to, emoji: None };
    send_later(tables, set.place, reaction_key(set.reply_to), &unmark, now)
}

fn send_later(
    tables: &Tables,
    place: Place,
    key: String,
    payload: &Payload,
    now: Timestamp,
) -> Result<(), Fault> {
    let payload = payload.to_json()?;
    tables.enqueue(&NewOutgoing { place, priority: priority::MIRROR, key: Some(key), payload }, now).map(drop)
}

struct Doing<'a> {
    tables: &'a Tables,
    epoch: &'a str,
    now: Timestamp,
    after: After,
    /// The prompt has ended already: nothing says any more that it waits.
    is_over: bool,
}

impl Doing<'_> {
    fn one(&mut self, effect: Effect) -> Result<(), Fault> {
        let Self { tables, now, .. } = *self;
        match effect {
            Effect::Say(say) => self.say(*say),
            Effect::Edit { place, message, view, owner } => self.edit(place, message, &view, &owner),
            Effect::React { emoji: Some(_), .. } if self.is_over => Ok(()),
            Effect::React { place, message, emoji } => {
                let payload = Payload::React { message, emoji: emoji.map(str::to_owned) };
                self.send(place, priority::MIRROR, Some(reaction_key(message)), &payload)
            }
            Effect::Send { place, payload } => self.send(place, priority::ANSWER, None, &payload),
            Effect::Ask { place, approval } => {
                self.after.chats.insert(place.chat);
                approvals::ask(tables, self.epoch, place, &approval, true, now)
            }
            Effect::Settled { place, message, approval, words } => {
                let payload = approvals::settled(tables, place, Target::Id(message), approval, &words)?;
                self.send(place, priority::ANSWER, Some(edit_key(message)), &payload)
            }
            Effect::Prompt { set, messages } => self.prompt(&set, &messages),
            Effect::PromptOver { key, state } => tables.close_prompt(&key, state),
            Effect::Mute(mute) => tables.mute(&mute),
            Effect::Unmute { place, session } => tables.unmute(place, session).map(drop),
            Effect::Topic(topic) => tables.put_topic(&topic),
            Effect::Expect(expectation) => tables.expect(&expectation, now),
            Effect::ExpectNoMore { place, user } => tables.expect_no_more(place, user),
            Effect::Keep { updates, why } => updates.iter().try_for_each(|id| tables.keep_update(*id, why)),
            Effect::StillWaits { place, message } => tables.queued_notice_again(place.chat, message),
            Effect::Change { update, edit } => tables.change_kept(update, edit),
            Effect::Release { place, why } => {
                self.after.released |= tables.release_updates(place, why)? > 0;
                Ok(())
            }
            Effect::Drop { place, why } => tables.drop_kept(place, why).map(drop),
            Effect::Hinted { id } => tables.note_hint(id, now),
            Effect::GiveBack { token } => tables.give_back_button(&token),
            Effect::Move { from, to } => {
                self.after.chats.insert(to);
                tables.move_chat(from, to)
            }
            Effect::GiveUp { chat } => tables.fail_chat(chat, "the bot was blocked there").map(drop),
        }
    }

    fn say(&mut self, say: Say) -> Result<(), Fault> {
        let buttons = say.view.keyboard(self.tables, self.epoch, say.place, &say.owner, self.now)?;
        let payload = Payload::Message(Message {
            rich: say.view.rich,
            ring: say.ring,
            reply_to: say.reply_to,
            buttons,
            note: Note { kind: say.kind, session: say.owner.session, prompt: say.prompt },
        });
        let is_queued = say.kind == MessageKind::Queued;
        if is_queued && self.is_over {
            return Ok(());
        }
        let priority = if is_queued { priority::QUEUED } else { priority::ANSWER };
        self.send(say.place, priority, say.key, &payload)
    }

    fn edit(&mut self, place: Place, message: i64, view: &View, owner: &Owner) -> Result<(), Fault> {
        self.tables.void_message(place.chat, message, self.now)?;
        let buttons = view.keyboard(self.tables, self.epoch, place, owner, self.now)?;
        self.tables.place_buttons(&buttons.tokens(), message)?;
        let payload = Payload::Edit { message: Target::Id(message), rich: view.rich.clone(), buttons };
        self.send(place, priority::ANSWER, Some(edit_key(message)), &payload)
    }

    fn prompt(&mut self, set: &PromptSet, messages: &[i64]) -> Result<(), Fault> {
        self.tables.put_prompt(set)?;
        let stored = self.tables.prompt_set(&set.key)?;
        self.is_over |= stored.is_some_and(|stored| stored.state == PromptState::Ended);
        messages.iter().try_for_each(|id| {
            self.tables.note_message(&Noted {
                place: set.place,
                id: *id,
                kind: MessageKind::Prompt,
                session: set.session,
                prompt: set.prompt,
                at: self.now,
            })
        })
    }

    fn send(
        &mut self,
        place: Place,
        priority: u8,
        key: Option<String>,
        payload: &Payload,
    ) -> Result<(), Fault> {
        let payload = payload.to_json()?;
        self.tables.enqueue(&NewOutgoing { place, priority, key, payload }, self.now)?;
        self.after.chats.insert(place.chat);
        Ok(())
    }
}

/// Of two edits of one message only the newer one counts.
fn edit_key(message: i64) -> String {
    format!("edit:{message}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::db::Db;

    /// Whoever shows the turn and whoever tells of its end both see to it.
    #[test]
    fn what_says_that_a_prompt_waits_goes_once() {
        let db = Db::in_memory();
        db.write(|tables| tables.adopt(42)).unwrap();
        let (place, now, prompt) = (Place::chat(1), Timestamp::now(), PromptId::random());
        let set = PromptSet {
            key: "tg:42:1".to_owned(),
            updates: vec![1],
            place,
            user: 1,
            reply_to: 5,
            session: None,
            prompt: Some(prompt),
            state: PromptState::Accepted,
            at: now,
        };
        let kind = MessageKind::Queued;
        let notice = Noted { place, id: 6, kind, session: None, prompt: Some(prompt), at: now };
        db.write(|tables| {
            tables.note_message(&notice)?;
            assert!(waits_no_more(tables, &set, now)?);
            // It is on its way by now.
            let row = tables.next_outgoing(1, &[])?.unwrap();
            tables.begin_outgoing(row.id)?;
            assert!(!waits_no_more(tables, &set, now)?);
            tables.outgoing_sent(row.id, None)?;
            let mark = tables.next_outgoing(1, &[])?.unwrap();
            assert_eq!(mark.payload, Payload::React { message: 5, emoji: None }.to_json()?);
            tables.outgoing_sent(mark.id, None)?;
            assert_eq!(tables.next_outgoing(1, &[])?, None);
            Ok(())
        })
        .unwrap();
    }
}
