//! What comes of a call's answer.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::call::Call;
use super::payload::{FileOut, Message, Note, Payload};
use super::row::{self, Begun, Told};
use super::run::{Answer, Carrier, What};
use super::step::Step;
use super::verdict::{Verdict, verdict};
use super::{Keyboard, LiveKey};
use crate::error::Result;
use crate::telegram::api::ApiError;
use crate::telegram::api::methods::AnswerCallbackQuery;
use crate::telegram::db::{Fault, LiveRow, Noted, Tables};
use crate::telegram::render::{Rich, Style};
use crate::telegram::topics;

/// Nobody waits longer than this for what a pressed button says.
const WATCHED: Duration = Duration::from_secs(10);

/// What the disk refused is tried again after this.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

impl<C, F> Carrier<'_, C>
where
    C: Fn(Call) -> F,
    F: Future<Output = Answer> + Send + 'static,
{
    pub(super) fn over(&mut self, what: What, answer: Answer, now: Instant) {
        match what {
            What::Row { chat, row } => {
                if let Some(begun) = self.begun.remove(&row) {
                    self.row_over(chat, begun, answer, now);
                }
            }
            What::Live { key, message, note } => self.live_over(key, message, note, answer, now),
            What::Typing(place) => {
                self.desk.chat(place.chat).end_typing();
                match answer {
                    Ok(_) => self.desk.reached(),
                    Err(error) => self.fresh_failed(place.chat, &error, now),
                }
            }
            What::Answer { answer: words, pause } => {
                if let Err(error) = answer {
                    self.unanswered(words, &error, pause);
                }
            }
        }
    }

    /// Somebody looks at a button that they have pressed: not for long.
    fn unanswered(&mut self, answer: AnswerCallbackQuery, error: &ApiError, pause: Duration) {
        tracing::debug!(%error, "a pressed button was not answered");
        let wait = match error {
            ApiError::RetryAfter(asked) => pause.max(*asked),
            error if error.is_passing() => pause,
            _ => return,
        };
        if wait <= WATCHED {
            self.answer(answer, wait, pause * 2);
        }
    }

    fn row_over(&mut self, chat: i64, begun: Begun, answer: Answer, now: Instant) {
        if !matches!(begun.step(), Some(Step::Upload(_))) {
            self.desk.chat(chat).end_call(begun.counts(), now);
        }
        match answer {
            Ok(message) => {
                self.desk.works(chat);
                self.lost.remove(&chat);
                self.tell(Told { begun, message });
            }
            Err(error) => self.row_failed(begun, &error, now),
        }
        self.look(chat);
    }

    /// Notes what has arrived. Until the disk has taken that, nothing else goes to the chat: it would come twice.
    pub(super) fn tell(&mut self, told: Told) {
        let chat = told.begun.place.chat;
        match self.db.write(|tables| row::note(tables, &told, Timestamp::now())) {
            Ok(()) => {
                self.tries.remove(&told.begun.row);
                self.desk.chat(chat).set_owing(false);
                self.look(chat);
            }
            Err(error) => {
                tracing::error!(%error, "cannot note what was sent; its chat waits until that works");
                self.desk.chat(chat).set_owing(true);
                self.owed.push(told);
                self.pay_at.get_or_insert(Instant::now() + WRITE_AGAIN);
            }
        }
    }

    /// Tries again to note what has arrived.
    pub(super) fn pay(&mut self) {
        self.pay_at = None;
        for told in std::mem::take(&mut self.owed) {
            self.tell(told);
        }
    }

    fn row_failed(&mut self, begun: Begun, error: &ApiError, now: Instant) {
        let Some(step) = begun.step() else { return };
        let (row, chat) = (begun.row, begun.place.chat);
        let signs = self.desk.signs();
        let tries = self.tries.entry(row).or_default();
        let verdict = verdict(error, step, begun.place.thread.is_some(), *tries);
        tries.fail(error, signs);
        tracing::debug!(chat, row, %error, ?verdict, "a message was not simply sent");
        match verdict {
            Verdict::Done => return self.tell(Told { begun, message: None }),
            Verdict::Later { network } => {
                tracing::warn!(chat, %error, "a message waits");
                self.desk.chat(chat).trouble(now, network);
            }
            Verdict::Hold(wait) => {
                tracing::warn!(chat, %error, "a chat waits");
                self.hold(chat, wait, now);
            }
            Verdict::Plain => tries.go_plain(),
            Verdict::NoThread => {
                let (place, now) = (begun.place, Timestamp::now());
                return self.keep(chat, |tables| {
                    tables.put_off_outgoing(row, &error.to_string())?;
                    topics::leave(tables, place, now)
                });
            }
            Verdict::Words(why) => {
                let (place, payload) = (begun.place, instead(&begun.payload, &why));
                return self.keep(chat, |tables| {
                    tables.change_outgoing(row, place, &payload.to_json()?)?;
                    tables.put_off_outgoing(row, &why)
                });
            }
            Verdict::NoLive => {
                if let Step::Edit { message, .. } = *step {
                    self.keep(chat, |tables| tables.end_live(chat, message));
                }
            }
            Verdict::Skip => return self.skip(begun, error),
            Verdict::Blocked => return self.lose(chat, error),
            Verdict::Moved(to) => return self.move_chat(chat, to),
        }
        self.keep(chat, |tables| tables.put_off_outgoing(row, &error.to_string()));
    }

    /// Telegram wants nothing in the chat for so long.
    fn hold(&mut self, chat: i64, wait: Duration, now: Instant) {
        self.desk.chat(chat).hold(now + wait);
        self.keep(chat, |tables| tables.hold_chat(chat, wait, Timestamp::now()));
    }

    /// Stores what a failure has come to. If that fails too, the same is met again after a while.
    fn keep(&mut self, chat: i64, work: impl FnOnce(&Tables) -> Result<(), Fault>) {
        if let Err(error) = self.db.write(work) {
            tracing::error!(%error, "cannot note how sending went");
            self.desk.chat(chat).trouble(Instant::now(), false);
        }
    }

    fn skip(&mut self, begun: Begun, error: &ApiError) {
        tracing::error!(chat = begun.place.chat, %error, "a message cannot be sent; it is left out");
        if begun.is_single() {
            self.tries.remove(&begun.row);
            self.keep(begun.place.chat, |tables| tables.fail_outgoing(begun.row, &error.to_string()));
        } else {
            self.tell(Told { begun, message: None });
        }
    }

    /// Nothing arrives in this chat: it is said once.
    fn lose(&mut self, chat: i64, error: &ApiError) {
        self.desk.chat(chat).drop_fresh();
        let mut waited = 0;
        self.keep(chat, |tables| {
            waited = tables.fail_chat(chat, &error.to_string())?;
            Ok(())
        });
        if self.lost.insert(chat) {
            tracing::warn!(chat, waited, %error, "nothing can be sent to a chat; what waited for it is dropped");
        }
    }

    fn move_chat(&mut self, from: i64, to: i64) {
        tracing::info!(from, to, "a group has another number from now on");
        self.desk.chat(from).drop_fresh();
        self.keep(from, |tables| tables.move_chat(from, to));
        self.look(to);
    }

    fn live_over(&mut self, key: LiveKey, message: Option<i64>, note: Note, answer: Answer, now: Instant) {
        let chat = key.place.chat;
        self.desk.chat(chat).end_call(true, now);
        match (answer, message) {
            (Ok(_) | Err(ApiError::NotModified), Some(_)) => self.desk.works(chat),
            (Ok(Some(sent)), None) => {
                self.desk.works(chat);
                let tokens = self.desk.chat(chat).live_sent(key, sent);
                self.note_live(key, sent, note, &tokens);
            }
            (Ok(None), None) => {}
            (Err(error), _) => self.live_failed(key, message, &error, now),
        }
    }

    /// So that the turn's end finds it, also after a restart.
    fn note_live(&mut self, key: LiveKey, id: i64, note: Note, tokens: &[String]) {
        let LiveKey { place, session, turn } = key;
        let now = Timestamp::now();
        let Note { kind, session: about, prompt } = note;
        let noted = Noted { place, id, kind, session: about, prompt, at: now };
        let live = LiveRow { place, session, turn, prompt, message: id };
        self.keep(place.chat, |tables| {
            tables.note_message(&noted)?;
            tables.place_buttons(tokens, id)?;
            tables.put_live(&live, now)
        });
    }

    fn live_failed(&mut self, key: LiveKey, message: Option<i64>, error: &ApiError, now: Instant) {
        let chat = key.place.chat;
        match error {
            ApiError::BadEntities(_) => {
                self.desk.chat(chat).live_failed(key, now, |view| view.rich.entities.clear());
            }
            // It may be there, and then it would stay: the turn's end is a message of its own.
            error if message.is_none() && error.is_maybe_done() => self.desk.end_live(key),
            error if error.is_passing() => self.desk.chat(chat).live_failed(key, now, |_| {}),
            _ => {
                self.desk.end_live(key);
                if let Some(message) = message {
                    self.keep(chat, |tables| tables.end_live(chat, message));
                }
            }
        }
        self.fresh_failed(chat, error, now);
    }

    /// What a failure means for the chat, beside what was called.
    fn fresh_failed(&mut self, chat: i64, error: &ApiError, now: Instant) {
        tracing::debug!(chat, %error, "something was not shown");
        match error {
            ApiError::RetryAfter(wait) => self.hold(chat, *wait, now),
            ApiError::Blocked(_) => self.lose(chat, error),
            ApiError::Migrated(to) => self.move_chat(chat, *to),
            error if error.is_passing() => {
                let is_network = matches!(error, ApiError::Network { .. } | ApiError::Unauthorized);
                self.desk.chat(chat).trouble(now, is_network);
            }
            _ => {}
        }
        self.look(chat);
    }
}

/// What is said where a file cannot be sent.
fn instead(payload: &Payload, why: &str) -> Payload {
    let Payload::File(FileOut { name, ring, reply_to, note, .. }) = payload else { return payload.clone() };
    let mut rich = Rich::default();
    rich.push(name, Style::Code).push(&format!(" cannot be sent: {why}"), Style::Plain);
    let (ring, reply_to, note) = (*ring, *reply_to, *note);
    Payload::Message(Message { rich, ring, reply_to, buttons: Keyboard::default(), note })
}
