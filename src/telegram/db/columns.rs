//! How our types lie in columns.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, RowIndex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use uuid::Uuid;

use crate::model::{PromptId, SessionId};
use crate::telegram::place::Place;

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> FromSqlError {
    FromSqlError::Other(Box::new(error))
}

/// A time in microseconds.
pub(super) struct Micros(pub(super) Timestamp);

impl ToSql for Micros {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_microsecond().into())
    }
}

impl FromSql for Micros {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_microsecond(value.as_i64()?).map(Self).map_err(unreadable)
    }
}

/// A uuid as its bytes.
pub(super) struct Id(pub(super) Uuid);

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

impl ToSql for Id {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
    }
}

impl FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Uuid::from_slice(value.as_blob()?).map(Self).map_err(unreadable)
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

/// An enum without fields as the word that serde gives it.
pub(super) struct Word<T>(pub(super) T);

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0).map_err(unwritable)? {
            serde_json::Value::String(word) => Ok(word.into()),
            other => Err(rusqlite::Error::ToSqlConversionFailure(format!("{other} is not a word").into())),
        }
    }
}

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word: StrDeserializer<'_, WordError> = value.as_str()?.into_deserializer();
        T::deserialize(word).map(Self).map_err(unreadable)
    }
}

/// Anything of serde as JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0).map(Into::into).map_err(unwritable)
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(unreadable)
    }
}
