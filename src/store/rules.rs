//! What a person allowed for a session, kept over the ends of its processes.

use rusqlite::params;

use super::Db;
use crate::error::Result;
use crate::model::{Rule, SessionId};
use crate::sqlite::columns::{Id, Micros, now};

impl Db {
    /// Those that are there already stay as they are.
    pub(crate) fn keep_rules(&mut self, session: SessionId, rules: &[String], by: &str) -> Result<()> {
        let mut statement = self.conn.prepare_cached(
            "INSERT OR IGNORE INTO session_rule (session, rule, added, added_by) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for rule in rules {
            statement.execute(params![Id(session.0), rule, Micros(now()), by])?;
        }
        Ok(())
    }

    /// Oldest first.
    pub(crate) fn session_rules(&self, session: SessionId) -> Result<Vec<Rule>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT rule, added, added_by FROM session_rule WHERE session = ?1 ORDER BY added, rule",
        )?;
        let rows = statement.query_map([Id(session.0)], |row| {
            Ok(Rule { rule: row.get(0)?, added: row.get::<_, Micros>(1)?.0, by: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn drop_rules(&mut self, session: SessionId, rules: &[String]) -> Result<()> {
        let mut statement =
            self.conn.prepare_cached("DELETE FROM session_rule WHERE session = ?1 AND rule = ?2")?;
        for rule in rules {
            statement.execute(params![Id(session.0), rule])?;
        }
        Ok(())
    }
}
