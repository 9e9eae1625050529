//! Rows on their way: what is noted before a call of one and after it.

use std::collections::HashMap;

use jiff::Timestamp;

use super::LiveKey;
use super::payload::{Note, Payload, Target, priority};
use super::step::{Known, Step, document, steps};
use crate::telegram::db::{Fault, NewOutgoing, Noted, Outgoing, Tables};
use crate::telegram::place::Place;

/// A row with the calls it takes.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) row: i64,
    pub(super) place: Place,
    pub(super) payload: Payload,
    steps: Vec<Step>,
    /// How many of them are done.
    progress: u32,
}

impl Begun {
    /// The call that is next.
    pub(super) fn step(&self) -> Option<&Step> {
        self.steps.get(self.progress as usize)
    }

    /// Whether the call that is next counts for Telegram's limits.
    pub(super) fn counts(&self) -> bool {
        self.step().is_some_and(Step::counts)
    }

    /// The turn that it ends, where somebody saw it run.
    pub(super) fn ends(&self) -> Option<LiveKey> {
        match &self.payload {
            Payload::Final(last) => {
                Some(LiveKey { place: self.place, session: last.session, turn: last.turn })
            }
            _ => None,
        }
    }

    /// Whether there is no other call than the next one, neither before nor after it.
    pub(super) const fn is_single(&self) -> bool {
        self.steps.len() <= 1
    }
}

/// What a call has come to, to be noted.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) begun: Begun,
    /// The message that was sent, if one was and its number is known.
    pub(super) message: Option<i64>,
}

/// The next row of a chat that is not under way.
pub(super) fn next(
    tables: &Tables,
    chat: i64,
    under_way: &HashMap<i64, Begun>,
) -> Result<Option<Outgoing>, Fault> {
    let begun: Vec<i64> = under_way.keys().copied().collect();
    tables.next_outgoing(chat, &begun)
}

/// The next row of a chat, noted as begun. One that cannot be read is put aside. `None`: there is none.
pub(super) fn begin(
    tables: &Tables,
    chat: i64,
    under_way: &HashMap<i64, Begun>,
) -> Result<Option<Begun>, Fault> {
    let Some(row) = next(tables, chat, under_way)? else { return Ok(None) };
    let payload: Payload = match serde_json::from_value(row.payload) {
        Ok(payload) => payload,
        Err(error) => {
            tracing::error!(row = row.id, %error, "a message to be sent cannot be read; it is left out");
            tables.fail_outgoing(row.id, &error.to_string())?;
            return Ok(None);
        }
    };
    tables.begin_outgoing(row.id)?;
    let known = known(tables, row.place, &payload)?;
    let steps = steps(&payload, known);
    Ok(Some(Begun { row: row.id, place: row.place, payload, steps, progress: row.progress }))
}

fn known(tables: &Tables, place: Place, payload: &Payload) -> Result<Known, Fault> {
    let (mut live, mut target) = (None, None);
    match payload {
        Payload::Final(last) => {
            live = tables.live_message(place, last.session, last.turn, last.prompt)?;
        }
        Payload::Edit { message: Target::Id(message), .. } => target = Some(*message),
        Payload::Edit { message: Target::Row(row), .. } => target = tables.message_of_outgoing(*row)?,
        _ => {}
    }
    Ok(Known { live, target })
}

/// Notes that a call was made: what its message is, and how far the row is by now.
pub(super) fn note(tables: &Tables, told: &Told, now: Timestamp) -> Result<(), Fault> {
    let Begun { row, place, payload, steps, progress } = &told.begun;
    let message = match told.begun.step() {
        Some(Step::Send(sent)) => {
            note_message(tables, *place, told.message, Some(sent.note), &sent.buttons.tokens(), now)?
        }
        Some(Step::Upload(file)) => {
            note_message(tables, *place, told.message, Some(file.note), &file.buttons.tokens(), now)?
        }
        Some(Step::Edit { message, buttons, note, is_live, .. }) => {
            if *is_live {
                tables.end_live(place.chat, *message)?;
            }
            note_message(tables, *place, Some(*message), *note, &buttons.tokens(), now)?
        }
        Some(Step::Delete { message }) => {
            tables.forget_message(place.chat, *message)?;
            None
        }
        Some(Step::React { .. } | Step::Topic { .. }) | None => None,
    };
    let progress = progress + 1;
    if (progress as usize) < steps.len() {
        return tables.advance_outgoing(*row, progress);
    }
    tables.outgoing_sent(*row, message)?;
    match payload {
        Payload::Final(last) => attach(tables, *place, document(last).map(Payload::File), now),
        _ => Ok(()),
    }
}

fn note_message(
    tables: &Tables,
    place: Place,
    id: Option<i64>,
    note: Option<Note>,
    tokens: &[String],
    now: Timestamp,
) -> Result<Option<i64>, Fault> {
    let Some(id) = id else { return Ok(None) };
    if let Some(Note { kind, session, prompt }) = note {
        tables.note_message(&Noted { place, id, kind, session, prompt, at: now })?;
    }
    tables.place_buttons(tokens, id)?;
    Ok(Some(id))
}

/// What follows a row in the same chat.
fn attach(tables: &Tables, place: Place, payload: Option<Payload>, now: Timestamp) -> Result<(), Fault> {
    let Some(payload) = payload else { return Ok(()) };
    let payload = payload.to_json()?;
    tables.enqueue(&NewOutgoing { place, priority: priority::FINAL, key: None, payload }, now)?;
    Ok(())
}
