//! How the bridge's types lie in columns.

use rusqlite::{Row, RowIndex};

use crate::model::{PromptId, SessionId};
pub(super) use crate::sqlite::columns::{Id, Json, Micros, Word};
use crate::telegram::place::Place;

impl From<SessionId> for Id {
    fn from(id: SessionId) -> Self {
        Self(id.0)
    }
}

impl From<PromptId> for Id {
    fn from(id: PromptId) -> Self {
        Self(id.0)
    }
}

pub(super) fn session(row: &Row<'_>, index: impl RowIndex) -> rusqlite::Result<Option<SessionId>> {
    Ok(row.get::<_, Option<Id>>(index)?.map(|id| SessionId(id.0)))
}

pub(super) fn prompt(row: &Row<'_>, index: impl RowIndex) -> rusqlite::Result<Option<PromptId>> {
    Ok(row.get::<_, Option<Id>>(index)?.map(|id| PromptId(id.0)))
}

/// A topic's number, or 0 for the chat itself: NULL would equal nothing, not even itself.
pub(super) fn thread(place: Place) -> i64 {
    place.thread.unwrap_or(0)
}

/// The place in the columns `chat` and `thread`.
pub(super) fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    let thread: i64 = row.get("thread")?;
    Ok(Place { chat: row.get("chat")?, thread: (thread != 0).then_some(thread) })
}
