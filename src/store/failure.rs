//! SQLite's failures in words for a person.

use super::open::FORMAT;
use crate::error::Error;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        FORMAT.explain(&error)
    }
}
