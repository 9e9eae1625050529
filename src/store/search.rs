//! Finding where something was said in the logs.
//!
//! Of a word that is said often only the newest places are looked at, which the index gives without counting the
//! others; of a rare one all. Those are read and ranked here.

use std::collections::HashSet;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{CachedStatement, OptionalExtension, params};
use uuid::Uuid;

use super::Db;
use super::fts::{self, Within};
use crate::error::Result;
use crate::model::{EventKind, SessionId};
use crate::search::{self, About, Query, Snippet};
use crate::sqlite::columns::{Count, Id, Json, Micros, PathText, Word};

/// So many places are ranked, the newest ones.
const RANKED: usize = 300;

/// Likewise, of what was brought in from elsewhere.
const IMPORTED: usize = 100;

/// So many places of that are looked at to find those of a time.
const LOOKED_AT: usize = 5000;

/// Texts that are read to rank them, in bytes.
const READ: usize = 4 << 20;

/// So many sessions are named to the index; with more of them each place is looked up.
const NAMED: usize = 200;

/// Characters that are shown of a text.
pub(super) const SHOWN: usize = 200;

/// What is older may stand after what is newer: what was said in a terminal that a session was handed over to is
/// taken in when it comes back, and clocks are set back.
const SLACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A place where what was searched for was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) session: SessionId,
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// The file that holds the session, if it is archived.
    pub(crate) archive: Option<PathBuf>,
    pub(crate) archived: bool,
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) kind: EventKind,
    pub(crate) score: f64,
    pub(crate) snippet: Snippet,
}

/// A place that is ranked.
struct Candidate {
    feed: i64,
    score: f64,
}

impl Db {
    /// Best matches first.
    pub(crate) fn search(&self, query: &Query, now: Timestamp, limit: u32) -> Result<Vec<Found>> {
        let (within, wanted) = self.within(query)?;
        if within == Within::Only(Vec::new()) {
            return Ok(Vec::new());
        }
        let expression = fts::expression(query, &within);
        let mut ranked = Vec::new();
        let first = query.since.map_or(Ok(0), |since| self.first_since(since))?;
        let feeds = self.newest(&expression, first, wanted.as_ref())?;
        self.rank(query, now, &feeds, &mut ranked)?;
        let feeds = self.newest_imported(&expression, query.since, wanted.as_ref())?;
        self.rank(query, now, &feeds, &mut ranked)?;
        ranked.sort_by(|one, other| other.score.total_cmp(&one.score).then(other.feed.cmp(&one.feed)));
        ranked.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        ranked.into_iter().filter_map(|candidate| self.shown(query, &candidate).transpose()).collect()
    }

    /// Where to look: in the words of the index, or as a set to compare with.
    fn within(&self, query: &Query) -> Result<(Within, Option<HashSet<Uuid>>)> {
        if query.is_everywhere() {
            return Ok((Within::All, None));
        }
        let mut statement =
            self.conn.prepare_cached("SELECT id, name, persona, dir, tags FROM session NOT INDEXED")?;
        let mut rows = statement.query([])?;
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let Id(id) = row.get(0)?;
            let PathText(dir) = row.get(3)?;
            let Json::<Vec<String>>(tags) = row.get(4)?;
            let about = About {
                name: Some(row.get_ref(1)?.as_str().unwrap_or_default()),
                id: &id.to_string(),
                persona: row.get_ref(2)?.as_str().ok(),
                dir: &dir,
                tags: &tags,
            };
            if query.looks_into(&about) { inside.push(id) } else { outside.push(id) }
        }
        if inside.len() <= NAMED {
            return Ok((Within::Only(inside), None));
        }
        if outside.len() <= NAMED {
            return Ok((Within::Without(outside), None));
        }
        Ok((Within::All, Some(inside.into_iter().collect())))
    }

    /// The first place in the feed that may be of that time.
    fn first_since(&self, since: Timestamp) -> Result<i64> {
        let since = since.checked_sub(SLACK).unwrap_or(Timestamp::MIN);
        let mut statement =
            self.conn.prepare_cached("SELECT feed, at FROM event WHERE feed >= ?1 ORDER BY feed LIMIT 1")?;
        let (mut low, mut high) = (0, i64::try_from(self.feed_head()?).unwrap_or(i64::MAX).saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let found = statement
                .query_row([middle], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Micros>(1)?.0)))
                .optional()?;
            match found {
                Some((feed, at)) if at < since => low = feed + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The newest places that the index gives for an expression.
    fn newest(&self, expression: &str, from: i64, wanted: Option<&HashSet<Uuid>>) -> Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT rowid FROM said WHERE said MATCH ?1 AND rowid >= ?2 ORDER BY rowid DESC",
        )?;
        let mut rows = statement.query(params![expression, from])?;
        let mut owner = self.conn.prepare_cached("SELECT session FROM event WHERE feed = ?1")?;
        let mut feeds = Vec::new();
        while feeds.len() < RANKED
            && let Some(row) = rows.next()?
        {
            let feed = row.get(0)?;
            if wanted.map_or(Ok(true), |wanted| is_of(&mut owner, feed, wanted))? {
                feeds.push(feed);
            }
        }
        Ok(feeds)
    }

    /// Likewise of what was brought in from elsewhere. It lies before the beginning of the feed, numbered downwards as
    /// it came, each session from its first words to its last: the newest words of what came last stand first.
    fn newest_imported(
        &self,
        expression: &str,
        since: Option<Timestamp>,
        wanted: Option<&HashSet<Uuid>>,
    ) -> Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT rowid FROM said WHERE said MATCH ?1 AND rowid < 0 ORDER BY rowid LIMIT ?2",
        )?;
        let most = if since.is_some() || wanted.is_some() { LOOKED_AT } else { IMPORTED };
        let mut rows = statement.query(params![expression, Count(most as u64)])?;
        let mut about = self.conn.prepare_cached("SELECT session, at FROM event WHERE feed = ?1")?;
        let mut feeds = Vec::new();
        while feeds.len() < IMPORTED
            && let Some(row) = rows.next()?
        {
            let feed = row.get(0)?;
            let about = about
                .query_row([feed], |row| Ok((row.get::<_, Id>(0)?.0, row.get::<_, Micros>(1)?.0)))
                .optional()?;
            let fits = about.is_some_and(|(session, at)| {
                wanted.is_none_or(|wanted| wanted.contains(&session)) && since.is_none_or(|since| at >= since)
            });
            if fits {
                feeds.push(feed);
            }
        }
        Ok(feeds)
    }

    /// Reads what was said there, as long as it is not too much.
    fn rank(&self, query: &Query, now: Timestamp, feeds: &[i64], ranked: &mut Vec<Candidate>) -> Result<()> {
        let mut left = READ;
        let mut statement = self.conn.prepare_cached("SELECT at, text FROM event WHERE feed = ?1")?;
        for &feed in feeds {
            if left == 0 {
                break;
            }
            let mut rows = statement.query([feed])?;
            let Some(row) = rows.next()? else { continue };
            let Micros(at) = row.get(0)?;
            if query.since.is_some_and(|since| at < since) {
                continue;
            }
            let text = row.get_ref(1)?.as_str().unwrap_or_default();
            left = left.saturating_sub(text.len());
            if let Some(found) = search::Found::find(query, text) {
                ranked.push(Candidate { feed, score: search::score(&found, at, now) });
            }
        }
        Ok(())
    }

    /// A place as it is told. None: it is gone.
    fn shown(&self, query: &Query, candidate: &Candidate) -> Result<Option<Found>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT e.session, s.name, s.dir, s.archive, e.seq, e.at, e.kind, e.text, s.state = 'archived' \
             FROM event e JOIN session s ON s.id = e.session WHERE e.feed = ?1",
        )?;
        let mut rows = statement.query([candidate.feed])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let text = row.get_ref(7)?.as_str().unwrap_or_default();
        let snippet = search::Found::find(query, text).map(|found| found.snippet(text, SHOWN));
        let archive = row.get::<_, Option<PathText>>(3)?.map(|path| path.0);
        let archived = row.get(8)?;
        Ok(Some(Found {
            session: SessionId(row.get::<_, Id>(0)?.0),
            name: row.get(1)?,
            dir: row.get::<_, PathText>(2)?.0,
            archive: archive.filter(|_| archived),
            archived,
            seq: row.get::<_, Count>(4)?.0,
            at: row.get::<_, Micros>(5)?.0,
            kind: row.get::<_, Word<_>>(6)?.0,
            score: candidate.score,
            snippet: snippet.unwrap_or_default(),
        }))
    }

    /// Which of these conversations are or were ones of our sessions.
    pub(crate) fn ours(&self, conversations: &[Uuid]) -> Result<HashSet<Uuid>> {
        let mut statement = self.conn.prepare_cached("SELECT 1 FROM conversation WHERE id = ?1")?;
        let mut ours = HashSet::new();
        for id in conversations {
            if statement.exists([Id(*id)])? {
                ours.insert(*id);
            }
        }
        Ok(ours)
    }
}

fn is_of(owner: &mut CachedStatement<'_>, feed: i64, wanted: &HashSet<Uuid>) -> Result<bool> {
    let owner = owner.query_row([feed], |row| row.get::<_, Id>(0)).optional()?;
    Ok(owner.is_some_and(|Id(owner)| wanted.contains(&owner)))
}
