//! The bridge's database from the outside.

use jiff::{SignedDuration, Timestamp};

use super::{Db, Tables};
use crate::telegram::place::Place;

mod buttons;
mod files;
mod incoming;
mod outgoing;
mod rest;
mod shown;

const HOME: Place = Place { chat: -1_001, thread: None };
const TOPIC: Place = Place { chat: -1_001, thread: Some(4) };

/// So many seconds after the tests' beginning of time.
fn at(seconds: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// As [`at`], in days.
fn day(days: i64) -> Timestamp {
    at(days * 86_400)
}

/// An open store of bot 42.
fn db() -> Db {
    let db = Db::in_memory();
    db.write(|t| t.adopt(42)).unwrap();
    db
}
