//! Chats that have to wait because Telegram says so. A restart must not forget that: calls meanwhile make it longer.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::columns::Micros;
use super::{Fault, Tables};

impl Tables {
    pub(crate) fn hold_chat(&self, chat: i64, wait: Duration, now: Timestamp) -> Result<(), Fault> {
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO held (chat, seconds, at) VALUES (?1, ?2, ?3)")?
            .execute(params![chat, seconds, Micros(now)])?;
        Ok(())
    }

    /// Each with how much longer. Never more than Telegram asked for, wherever the calendar was set meanwhile.
    pub(crate) fn held_chats(&self, now: Timestamp) -> Result<Vec<(i64, Duration)>, Fault> {
        let mut statement = self.conn.prepare_cached("SELECT chat, seconds, at FROM held ORDER BY chat")?;
        let rows = statement.query_map([], |row| {
            let whole = SignedDuration::from_secs(row.get(1)?);
            let passed = now.duration_since(row.get::<_, Micros>(2)?.0).max(SignedDuration::ZERO);
            Ok((row.get(0)?, Duration::try_from(whole - passed).unwrap_or_default()))
        })?;
        let held = rows.filter(|row| !matches!(row, Ok((_, Duration::ZERO))));
        Ok(held.collect::<rusqlite::Result<_>>()?)
    }
}
