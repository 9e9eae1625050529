//! Codes by which somebody may be let in, and the wrong ones that were tried.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::Db;
use crate::error::Result;
use crate::model::Person;
use crate::sqlite::columns::{Micros, Word};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PairingKind {
    /// Somebody wants in and was given the code to show it to the owner.
    Asked,
    /// The owner made it for whoever shows it first.
    Invited,
}

/// What a code was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attempt {
    /// On the owner's terminal, to let somebody in.
    Pair,
    /// From outside, to take up an invitation.
    Claim,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pairing {
    pub(crate) code: String,
    pub(crate) kind: PairingKind,
    /// None: nobody has shown the invitation yet.
    pub(crate) person: Option<Person>,
    pub(crate) expires: Timestamp,
}

const COLUMNS: &str = "code, kind, user, name, expires";

fn read(row: &Row<'_>) -> rusqlite::Result<Pairing> {
    let user: Option<i64> = row.get(2)?;
    let name: Option<String> = row.get(3)?;
    Ok(Pairing {
        code: row.get(0)?,
        kind: row.get::<_, Word<_>>(1)?.0,
        person: user.map(|user| Person { user, name: name.unwrap_or_default() }),
        expires: row.get::<_, Micros>(4)?.0,
    })
}

impl Db {
    /// Over or not: whoever asks looks at the time.
    pub(crate) fn pairing(&self, code: &str) -> Result<Option<Pairing>> {
        let sql = format!("SELECT {COLUMNS} FROM pairing WHERE code = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([code], read).optional()?)
    }

    /// The code that this user was given.
    pub(crate) fn pairing_of(&self, user: i64) -> Result<Option<Pairing>> {
        let sql = format!("SELECT {COLUMNS} FROM pairing WHERE kind = 'asked' AND user = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([user], read).optional()?)
    }

    /// A user's earlier code gives way to this one.
    pub(crate) fn put_pairing(&mut self, pairing: &Pairing) -> Result<()> {
        let (user, name) = match &pairing.person {
            Some(Person { user, name }) => (Some(user), Some(name)),
            None => (None, None),
        };
        self.conn
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO pairing ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)"
            ))?
            .execute(params![pairing.code, Word(pairing.kind), user, name, Micros(pairing.expires)])?;
        Ok(())
    }

    /// The one is let in, or put out: their codes are used up.
    pub(crate) fn drop_pairings_of(&mut self, user: i64) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM pairing WHERE user = ?1")?.execute([user])?;
        Ok(())
    }

    /// Of what is open, all codes or those of one kind. Says how many that were.
    pub(crate) fn void_pairings(&mut self, kind: Option<PairingKind>, now: Timestamp) -> Result<usize> {
        let which = if kind.is_some() { "kind = ?2" } else { "?2 IS NULL" };
        let sql = format!("DELETE FROM pairing WHERE expires > ?1 AND {which}");
        Ok(self.conn.prepare_cached(&sql)?.execute(params![Micros(now), kind.map(Word)])?)
    }

    /// Forgets what was over before `forgotten`, and of what was asked for the oldest beyond `most`.
    pub(crate) fn prune_pairings(&mut self, forgotten: Timestamp, most: u32) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM pairing WHERE expires <= ?1")?.execute([Micros(forgotten)])?;
        self.conn
            .prepare_cached(
                "DELETE FROM pairing WHERE code IN (SELECT code FROM pairing WHERE kind = 'asked' \
                 ORDER BY expires DESC, code LIMIT -1 OFFSET ?1)",
            )?
            .execute([most])?;
        Ok(())
    }

    /// Notes a wrong code; how many there were since `since`, with this one.
    pub(crate) fn wrong_code(&mut self, attempt: Attempt, since: Timestamp, now: Timestamp) -> Result<u32> {
        self.conn.prepare_cached("DELETE FROM wrong_code WHERE at <= ?1")?.execute([Micros(since)])?;
        self.conn
            .prepare_cached("INSERT INTO wrong_code (at, attempt) VALUES (?1, ?2)")?
            .execute(params![Micros(now), Word(attempt)])?;
        let count = self
            .conn
            .prepare_cached("SELECT count(*) FROM wrong_code WHERE attempt = ?1")?
            .query_row([Word(attempt)], |row| row.get(0))?;
        Ok(count)
    }

    /// What was guessed at is gone: counting begins anew.
    pub(crate) fn forget_wrong_codes(&mut self, attempt: Attempt) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM wrong_code WHERE attempt = ?1")?.execute([Word(attempt)])?;
        Ok(())
    }
}
