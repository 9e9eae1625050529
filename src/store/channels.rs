//! Channels: which session is current where.

use rusqlite::{OptionalExtension, params};

use super::Db;
use crate::error::Result;
use crate::model::{Channel, SessionId};
use crate::sqlite::columns::Id;

impl Db {
    /// None where nothing was chosen, or where what was chosen is deleted or archived.
    pub(crate) fn current(&self, channel: &Channel) -> Result<Option<SessionId>> {
        let current = self
            .conn
            .prepare_cached("SELECT session FROM channel WHERE channel = ?1")?
            .query_row([&channel.0], |row| row.get::<_, Id>(0))
            .optional()?;
        Ok(current.map(|id| SessionId(id.0)))
    }

    pub(crate) fn set_current(&mut self, channel: &Channel, session: SessionId) -> Result<()> {
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO channel (channel, session) VALUES (?1, ?2)")?
            .execute(params![channel.0, Id(session.0)])?;
        Ok(())
    }
}
