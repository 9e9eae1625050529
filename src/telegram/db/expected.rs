//! What a person's next text is for, and what a request looked like where it was shown.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::columns::{Json, Micros, thread};
use super::{Fault, Tables};
use crate::telegram::place::Place;

/// Whoever has not said it by then does not think of it any more.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// The next text of a person in a place means this.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expectation {
    pub(crate) place: Place,
    pub(crate) user: i64,
    /// What it answers; once that is settled, nothing is expected.
    pub(crate) request: Option<String>,
    pub(crate) action: Value,
}

impl Tables {
    pub(crate) fn expect(&self, expectation: &Expectation, now: Timestamp) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO expectation (chat, thread, user, request, action, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                expectation.place.chat,
                thread(expectation.place),
                expectation.user,
                expectation.request,
                Json(&expectation.action),
                Micros(now),
            ])?;
        Ok(())
    }

    /// What the next text is for, if it is for anything special.
    pub(crate) fn expected(&self, place: Place, user: i64, now: Timestamp) -> Result<Option<Value>, Fault> {
        let since = now.checked_sub(PATIENCE).unwrap_or(Timestamp::MIN);
        let found = self
            .conn
            .prepare_cached(
                "SELECT action FROM expectation WHERE chat = ?1 AND thread = ?2 AND user = ?3 AND at >= ?4",
            )?
            .query_row(params![place.chat, thread(place), user, Micros(since)], |row| {
                Ok(row.get::<_, Json<_>>(0)?.0)
            })
            .optional()?;
        Ok(found)
    }

    pub(crate) fn expect_no_more(&self, place: Place, user: i64) -> Result<(), Fault> {
        self.conn
            .prepare_cached("DELETE FROM expectation WHERE chat = ?1 AND thread = ?2 AND user = ?3")?
            .execute(params![place.chat, thread(place), user])?;
        Ok(())
    }

    /// A request is settled: nobody's next text in the place is for it.
    pub(crate) fn expect_nothing_for(&self, place: Place, request: &str) -> Result<(), Fault> {
        self.conn
            .prepare_cached("DELETE FROM expectation WHERE chat = ?1 AND thread = ?2 AND request = ?3")?
            .execute(params![place.chat, thread(place), request])?;
        Ok(())
    }

    /// Notes what a request looks like in a place.
    pub(crate) fn put_asked(
        &self,
        place: Place,
        request: &str,
        shown: &Value,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO asked (chat, thread, request, shown, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![place.chat, thread(place), request, Json(shown), Micros(now)])?;
        Ok(())
    }

    pub(crate) fn asked(&self, place: Place, request: &str) -> Result<Option<Value>, Fault> {
        let found = self
            .conn
            .prepare_cached("SELECT shown FROM asked WHERE chat = ?1 AND thread = ?2 AND request = ?3")?
            .query_row(params![place.chat, thread(place), request], |row| Ok(row.get::<_, Json<_>>(0)?.0))
            .optional()?;
        Ok(found)
    }
}
