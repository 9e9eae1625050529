//! Updates that wait for a word of a person before they go on: whole, so that nothing of them is lost.

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::columns::{Word, thread};
use super::{Fault, Tables};
use crate::telegram::place::Place;

/// What a person has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// Which session they are for.
    Session,
    /// Whether they still count, so late.
    Late,
}

impl Tables {
    /// Keeps an update instead of handling it.
    pub(crate) fn keep_update(&self, id: i64, why: Why) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE incoming SET state = 'kept', kept = ?2, tries = 0 WHERE update_id = ?1 AND state = 'new'",
            )?
            .execute(params![id, Word(why)])?;
        Ok(())
    }

    /// How many are kept.
    pub(crate) fn kept_updates(&self, place: Place, why: Why) -> Result<u32, Fault> {
        let sql =
            "SELECT count(*) FROM incoming WHERE state = 'kept' AND chat = ?1 AND thread = ?2 AND kept = ?3";
        let count = self
            .conn
            .prepare_cached(sql)?
            .query_row(params![place.chat, thread(place), Word(why)], |row| row.get(0))?;
        Ok(count)
    }

    /// The update that is kept of a message, if one is.
    pub(crate) fn kept_message(&self, place: Place, message: i64) -> Result<Option<i64>, Fault> {
        let sql = "SELECT update_id FROM incoming WHERE state = 'kept' AND chat = ?1 AND thread = ?2 \
                   AND raw ->> '$.message.message_id' = ?3";
        let key = params![place.chat, thread(place), message];
        Ok(self.conn.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?)
    }

    /// An update that is kept has the message of an edit from now on.
    pub(crate) fn change_kept(&self, id: i64, edit: i64) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "UPDATE incoming SET raw = json_set(raw, '$.message', json(edit.message)) FROM \
                 (SELECT raw -> '$.edited_message' AS message FROM incoming WHERE update_id = ?2) AS edit \
                 WHERE update_id = ?1 AND state = 'kept' AND edit.message IS NOT NULL",
            )?
            .execute([id, edit])?;
        Ok(())
    }

    /// They go on, as if they came just now. How many.
    pub(crate) fn release_updates(&self, place: Place, why: Why) -> Result<usize, Fault> {
        let key = params![place.chat, thread(place), Word(why)];
        // Behind everything that has been read, so that they are met again.
        let released = self
            .conn
            .prepare_cached(
                "INSERT OR REPLACE INTO incoming (update_id, at, chat, thread, state, kept, released, raw) \
                 SELECT update_id, at, chat, thread, 'new', kept, 1, raw FROM incoming \
                 WHERE state = 'kept' AND chat = ?1 AND thread = ?2 AND kept = ?3 ORDER BY position",
            )?
            .execute(key)?;
        Ok(released)
    }

    /// They are forgotten. How many.
    pub(crate) fn drop_kept(&self, place: Place, why: Why) -> Result<usize, Fault> {
        let dropped = self
            .conn
            .prepare_cached(
                "UPDATE incoming SET state = 'done', raw = '' \
                 WHERE state = 'kept' AND chat = ?1 AND thread = ?2 AND kept = ?3",
            )?
            .execute(params![place.chat, thread(place), Word(why)])?;
        Ok(dropped)
    }
}
