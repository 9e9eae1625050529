//! Which session a person means: by name, id, unique prefix or the channel they are in.

use rusqlite::{OptionalExtension, ToSql, params};
use uuid::Uuid;

use super::Db;
use super::sessions::{COLUMNS, read};
use crate::error::{Error, Kind, Result};
use crate::model::{Channel, Session, SessionId};
use crate::sqlite::columns::Id;

/// Fewer characters of an id are a typing error, not a choice.
const ID_PREFIX: usize = 4;

/// How many names an error offers.
const CANDIDATES: usize = 5;

/// How similar a name must be to be offered for an unknown one.
const SIMILAR: f64 = 0.75;

/// A session as it was named; `ipc::Selector` without the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    /// A name, an id, or a unique prefix of either.
    Name(&'a str),
    /// A whole name or id.
    Exact(&'a str),
    /// The current session of a channel.
    Current(&'a Channel),
}

impl Db {
    pub(crate) fn find(&self, wanted: Wanted<'_>) -> Result<Session> {
        match wanted {
            Wanted::Current(channel) => self.current_session(channel),
            Wanted::Exact(name) => self.exact(name)?.ok_or(()).map_err(|()| self.unknown(name, true)),
            Wanted::Name(name) => match self.exact(name)? {
                Some(session) => Ok(session),
                None => self.by_prefix(name),
            },
        }
    }

    fn current_session(&self, channel: &Channel) -> Result<Session> {
        match self.current(channel)? {
            Some(id) => self.session(id),
            None => Err(Error::not_found("no session is current here")
                .hint("make one with `claudebot session new NAME --switch`, or pick one: `claudebot session switch NAME`")
                .candidates(self.names("", CANDIDATES)?)),
        }
    }

    /// A present session's name, an id, or the name of exactly one archived session.
    fn exact(&self, name: &str) -> Result<Option<Session>> {
        let present = format!("SELECT {COLUMNS} FROM session s WHERE s.name = ?1 AND s.state <> 'archived'");
        if let Some(session) = self.conn.prepare_cached(&present)?.query_row([name], read).optional()? {
            return Ok(Some(session));
        }
        if let Ok(id) = Uuid::try_parse(name) {
            let by_id = format!("SELECT {COLUMNS} FROM session s WHERE s.id = ?1");
            return Ok(self.conn.prepare_cached(&by_id)?.query_row([Id(id)], read).optional()?);
        }
        let archived = format!("SELECT {COLUMNS} FROM session s WHERE s.name = ?1 AND s.state = 'archived'");
        let mut statement = self.conn.prepare_cached(&archived)?;
        let mut found = statement.query_map([name], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
        match found.len() {
            0 | 1 => Ok(found.pop()),
            several => {
                Err(Error::new(Kind::Ambiguous, format!("{several} archived sessions are named {name}"))
                    .hint("give the id of one")
                    .candidates(found.iter().map(|session| session.id.to_string()).collect()))
            }
        }
    }

    /// Names go before ids, and present sessions before archived ones: nobody means a random id's first letters.
    fn by_prefix(&self, prefix: &str) -> Result<Session> {
        for condition in ["s.state <> 'archived'", "s.state = 'archived'"] {
            if !prefix.is_empty()
                && let Some(session) = self.unique(prefix, "name", condition, prefix, end_of(prefix))?
            {
                return Ok(session);
            }
            if let Some((first, last)) = ids_from(prefix)
                && let Some(session) = self.unique(prefix, "id", condition, Id(first), Id(last))?
            {
                return Ok(session);
            }
        }
        Err(self.unknown(prefix, false))
    }

    fn unique(
        &self,
        prefix: &str,
        column: &str,
        condition: &str,
        first: impl ToSql,
        last: impl ToSql,
    ) -> Result<Option<Session>> {
        let sql = format!(
            "SELECT s.id, s.name FROM session s WHERE {condition} AND s.{column} BETWEEN ?1 AND ?2 \
             ORDER BY s.last_active DESC LIMIT {}",
            CANDIDATES + 1
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let found = statement
            .query_map(params![first, last], |row| Ok((row.get::<_, Id>(0)?, row.get::<_, String>(1)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        match found.as_slice() {
            [] => Ok(None),
            [(id, _)] => self.session(SessionId(id.0)).map(Some),
            several => Err(Error::new(Kind::Ambiguous, format!("{prefix:?} fits several sessions"))
                .hint("give more of the name, or all of it")
                .candidates(several.iter().take(CANDIDATES).map(|(_, name)| name.clone()).collect())),
        }
    }

    /// Names of present sessions that begin with `prefix`, the most recently used first.
    pub(crate) fn names(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT name FROM session WHERE state <> 'archived' AND name >= ?1 AND name < ?2 \
             ORDER BY last_active DESC LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![prefix, end_of(prefix), limit], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn unknown(&self, name: &str, whole: bool) -> Error {
        let near = match self.names("", usize::MAX) {
            Ok(names) => nearest(name, names),
            Err(error) => return error,
        };
        let error = Error::not_found(format!("no session is named {name}")).candidates(near);
        if whole && !error.candidates.is_empty() {
            return error.hint("this needs the whole name or id");
        }
        error.hint("`claudebot session list` shows them all")
    }
}

/// The first string after all that begin with `prefix`.
fn end_of(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// The first and last id that begin with these hex digits, hyphens or not.
fn ids_from(prefix: &str) -> Option<(Uuid, Uuid)> {
    let digits = prefix.replace('-', "");
    if digits.len() < ID_PREFIX || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: &str| Uuid::try_parse(&format!("{digits}{}", with.repeat(32 - digits.len()))).ok();
    Some((filled("0")?, filled("f")?))
}

fn nearest(name: &str, names: Vec<String>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, String)> = names
        .into_iter()
        .map(|candidate| (likeness(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= SIMILAR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(CANDIDATES).map(|(_, candidate)| candidate).collect()
}

fn likeness(wanted: &str, candidate: &str) -> f64 {
    if !wanted.is_empty() && candidate.contains(wanted) {
        return 1.0;
    }
    strsim::jaro_winkler(wanted, candidate)
}
