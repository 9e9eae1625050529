//! What is old enough to be forgotten.

use jiff::{SignedDuration, Timestamp};

use super::columns::Micros;
use super::{Fault, Tables};

const DAY: i64 = 24;

/// A condition on a table's rows, and after how many hours those go that meet it. What still waits goes only where
/// nobody can be thought to wait for it any more.
const RULES: &[(&str, &str, i64)] = &[
    // Telegram itself keeps an update for a day; it could come again for so long.
    ("incoming", "state = 'done'", 2 * DAY),
    ("incoming", "state = 'poisoned'", 30 * DAY),
    ("incoming", "state = 'kept'", 90 * DAY),
    ("prompt", "state IN ('ended', 'refused')", 30 * DAY),
    ("prompt", "state = 'gathering'", 90 * DAY),
    ("prompt", "state = 'accepted'", 365 * DAY),
    ("button", "used IS NOT NULL", 7 * DAY),
    ("button", "used IS NULL", 60 * DAY),
    ("message", "TRUE", 180 * DAY),
    ("outgoing", "state IN ('sent', 'replaced')", 2 * DAY),
    ("outgoing", "state = 'failed'", 30 * DAY),
    ("live", "TRUE", 7 * DAY),
    ("shown_approval", "TRUE", 60 * DAY),
    ("hinted", "TRUE", 30 * DAY),
    ("expectation", "TRUE", DAY),
    ("asked", "TRUE", 60 * DAY),
    ("held", "TRUE", 7 * DAY),
    ("begun", "TRUE", 30 * DAY),
];

impl Tables {
    /// To be called now and then. How many rows went.
    pub(crate) fn prune(&self, now: Timestamp) -> Result<usize, Fault> {
        let mut gone = 0;
        for (table, condition, hours) in RULES {
            let before = now.checked_sub(SignedDuration::from_hours(*hours)).unwrap_or(Timestamp::MIN);
            gone += self
                .conn
                .prepare_cached(&format!("DELETE FROM {table} WHERE at < ?1 AND {condition}"))?
                .execute([Micros(before)])?;
        }
        gone += self.conn.prepare_cached("DELETE FROM mute WHERE until <= ?1")?.execute([Micros(now)])?;
        Ok(gone)
    }
}
