//! The one button that stands below what is said of a turn.

use jiff::Timestamp;

use super::action::Action;
use super::db::{Fault, NewButton, Tables};
use super::outbox::{Key, Keyboard, Press};
use super::place::Place;
use crate::model::SessionId;

/// Whoever is allowed there may press it.
pub(crate) fn alone(
    tables: &Tables,
    epoch: &str,
    place: Place,
    session: SessionId,
    action: &Action,
    now: Timestamp,
) -> Result<Keyboard, Fault> {
    let button = NewButton {
        place,
        user: None,
        session: Some(session),
        request: None,
        input_hash: None,
        epoch: epoch.to_owned(),
        action: action.stored()?,
    };
    let token = tables.add_button(&button, now)?;
    let key = Key { label: label(action).to_owned(), press: Press::Token(token) };
    Ok(Keyboard(vec![vec![key]]))
}

const fn label(action: &Action) -> &'static str {
    match action {
        Action::Stop { .. } => "Stop",
        Action::Continue { .. } => "Continue",
    }
}
