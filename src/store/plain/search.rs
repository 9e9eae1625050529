//! Finding places in the index.

use std::collections::HashSet;
use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::{Outcome, Plain};
use crate::model::EventKind;
use crate::search::{About, Query};
use crate::sqlite::columns::{Count, Id, Micros, PathText, Word};
use crate::store::fts::{self, Within};

/// So many conversations are named to the index; with more of them each place is looked up.
const NAMED: usize = 200;

/// Where something was said: to be read there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: i64,
    pub(crate) path: PathBuf,
    pub(crate) conversation: Uuid,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) kind: EventKind,
    pub(crate) at: Timestamp,
}

/// So many places, the newest ones, are looked at to find those that are wanted.
const LOOKED_AT: usize = 20_000;

impl Plain {
    /// The newest places of what was searched for. `is_ours`: conversations whose log is searched anyway.
    pub(crate) fn places(
        &self,
        query: &Query,
        most: usize,
        is_ours: impl Fn(Uuid) -> bool,
    ) -> Outcome<Vec<Place>> {
        let (within, wanted) = self.within(query)?;
        if within == Within::Only(Vec::new()) {
            return Ok(Vec::new());
        }
        let mut statement =
            self.conn.prepare_cached("SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC")?;
        let mut place = self.conn.prepare_cached(
            "SELECT f.id, f.path, f.conversation, f.dir, s.offset, s.length, s.kind, s.at, s.uuid \
             FROM said s JOIN file f ON f.id = s.file WHERE s.id = ?1",
        )?;
        let mut rows = statement.query([fts::expression(query, &within)])?;
        let mut left = LOOKED_AT;
        let mut places = Vec::new();
        let mut seen = HashSet::new();
        while places.len() < most
            && left > 0
            && let Some(row) = rows.next()?
        {
            left -= 1;
            let found = place
                .query_row([row.get::<_, i64>(0)?], |row| {
                    let place = Place {
                        file: row.get(0)?,
                        path: row.get::<_, PathText>(1)?.0,
                        conversation: row.get::<_, Id>(2)?.0,
                        dir: row.get::<_, Option<PathText>>(3)?.map(|dir| dir.0),
                        offset: row.get::<_, Count>(4)?.0,
                        length: row.get::<_, Count>(5)?.0,
                        kind: row.get::<_, Word<_>>(6)?.0,
                        at: row.get::<_, Micros>(7)?.0,
                    };
                    Ok((place, row.get::<_, Option<Id>>(8)?.map(|id| id.0)))
                })
                .optional()?;
            let Some((place, uuid)) = found else { continue };
            let is_wanted = query.since.is_none_or(|since| place.at >= since)
                && wanted.as_ref().is_none_or(|wanted| wanted.contains(&place.conversation))
                && !is_ours(place.conversation);
            // A conversation that was continued elsewhere begins with a copy.
            if is_wanted && uuid.is_none_or(|uuid| seen.insert(uuid)) {
                places.push(place);
            }
        }
        Ok(places)
    }

    /// Where the conversation's first prompt lies: what it is about.
    pub(crate) fn beginning(&self, place: &Place) -> Outcome<Option<(u64, u64)>> {
        let sql = "SELECT offset, length FROM said WHERE file = ?1 AND kind = ?2 ORDER BY offset LIMIT 1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row(params![place.file, Word(EventKind::Prompt)], |row| {
            Ok((row.get::<_, Count>(0)?.0, row.get::<_, Count>(1)?.0))
        });
        Ok(found.optional()?)
    }

    fn within(&self, query: &Query) -> Outcome<(Within, Option<HashSet<Uuid>>)> {
        if query.is_everywhere() {
            return Ok((Within::All, None));
        }
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for file in self.files()? {
            let about = About {
                name: None,
                id: &file.conversation.to_string(),
                persona: None,
                dir: file.dir.as_deref().unwrap_or(std::path::Path::new("")),
                tags: &[],
            };
            if query.looks_into(&about) {
                inside.push(file.conversation);
            } else {
                outside.push(file.conversation);
            }
        }
        if inside.len() <= NAMED {
            return Ok((Within::Only(inside), None));
        }
        if outside.len() <= NAMED {
            return Ok((Within::Without(outside), None));
        }
        Ok((Within::All, Some(inside.into_iter().collect())))
    }
}
