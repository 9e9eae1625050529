//! Sessions: their rows, names and settings.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{OptionalExtension, Params, Row, params};
use uuid::Uuid;

use super::Db;
use super::leases::Lease;
use crate::error::{Error, Result};
use crate::model::{Lent, Session, SessionId, SessionState};
use crate::sqlite::columns::{Id, Json, Micros, PathText, Word, now, path_text};

/// The columns that [`read`] expects, in its order, of a table called `s`.
pub(super) const COLUMNS: &str = "s.id, s.name, s.agent, s.persona, s.dir, s.managed, s.tags, s.pinned, s.model, \
     s.effort, s.permission_mode, s.created, s.last_active, s.cost_usd, s.state, s.conversation, s.hold, s.archive";

const NAME_CHARS: usize = 64;

/// Events that are deleted at a time: some tens of milliseconds.
const PIECE: u32 = 200;

/// A session with what the list shows beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) session: Session,
    /// Prompts that the agent has not been given.
    pub(crate) queued: u32,
    /// To whom it is lent.
    pub(crate) lent: Option<Lent>,
}

/// Which sessions to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Present,
    Archived,
    All,
}

/// A setting of the persona that a session may override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Override {
    Model,
    Effort,
    PermissionMode,
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(row.get::<_, Id>(0)?.0),
        name: row.get(1)?,
        agent: row.get::<_, Word<_>>(2)?.0,
        persona: row.get(3)?,
        dir: row.get::<_, PathText>(4)?.0,
        managed: row.get(5)?,
        tags: row.get::<_, Json<_>>(6)?.0,
        pinned: row.get(7)?,
        model: row.get(8)?,
        effort: row.get(9)?,
        permission_mode: row.get(10)?,
        created: row.get::<_, Micros>(11)?.0,
        last_active: row.get::<_, Micros>(12)?.0,
        cost_usd: row.get(13)?,
        state: row.get::<_, Word<_>>(14)?.0,
        conversation: row.get::<_, Option<Id>>(15)?.map(|id| id.0),
        hold: row.get(16)?,
        archive: row.get::<_, Option<PathText>>(17)?.map(|path| path.0),
    })
}

/// A name must be typable in a shell, unlike an id and unlike a flag.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let wrong = if name.is_empty() {
        "is empty".to_owned()
    } else if name.chars().count() > NAME_CHARS {
        format!("is longer than {NAME_CHARS} characters")
    } else if name.starts_with(['-', '.']) {
        "begins with `-` or `.`".to_owned()
    } else if name.chars().any(|c| c.is_whitespace() || c.is_control() || is_invisible(c)) {
        "has white space or invisible characters in it".to_owned()
    } else if name.contains(['/', '\\']) {
        "has a slash in it".to_owned()
    } else if Uuid::try_parse(name).is_ok() {
        "looks like a session's id".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::usage(format!("the session name {name:?} {wrong}"))
        .hint(format!("use 1 to {NAME_CHARS} letters, digits, `-`, `_` and the like, for example `work`")))
}

/// Zero-width and direction-changing characters: two names must not look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What of a state outlives the host: a process does not.
const fn lasting(state: SessionState) -> SessionState {
    match state {
        SessionState::Busy | SessionState::Waiting | SessionState::Idle => SessionState::Asleep,
        other => other,
    }
}

pub(super) fn gone(id: SessionId) -> Error {
    Error::not_found(format!("the session {id} does not exist (any more)"))
}

impl Db {
    pub(crate) fn create_session(&mut self, session: &Session) -> Result<()> {
        check_name(&session.name)?;
        let dir = path_text(&session.dir)?.to_owned();
        let archive = session.archive.as_deref().map(path_text).transpose()?.map(str::to_owned);
        self.atomically(|db| {
            db.refuse_taken(&session.name, session.id)?;
            db.conn
                .prepare_cached(
                    "INSERT INTO session (id, name, agent, persona, dir, managed, tags, pinned, model, effort, \
                     permission_mode, created, last_active, cost_usd, state, hold, archive) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
                )?
                .execute(params![
                    Id(session.id.0),
                    session.name,
                    Word(session.agent),
                    session.persona,
                    dir,
                    session.managed,
                    Json(&session.tags),
                    session.pinned,
                    session.model,
                    session.effort,
                    session.permission_mode,
                    Micros(session.created),
                    Micros(session.last_active),
                    session.cost_usd,
                    Word(lasting(session.state)),
                    session.hold,
                    archive,
                ])?;
            match session.conversation {
                Some(conversation) => db.set_conversation(session.id, conversation),
                None => Ok(()),
            }
        })
    }

    pub(crate) fn session(&self, id: SessionId) -> Result<Session> {
        self.conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM session s WHERE s.id = ?1"))?
            .query_row([Id(id.0)], read)
            .optional()?
            .ok_or_else(|| gone(id))
    }

    /// In no particular order: the caller sorts what it shows.
    #[cfg(test)]
    pub(crate) fn sessions(&self, filter: Filter, tag: Option<&str>) -> Result<Vec<Listed>> {
        self.sessions_as(filter, tag, |listed| listed)
    }

    /// The same, each made at once into what is wanted of it: thousands of rows need not be kept twice.
    pub(crate) fn sessions_as<T>(
        &self,
        filter: Filter,
        tag: Option<&str>,
        mut make: impl FnMut(Listed) -> T,
    ) -> Result<Vec<T>> {
        let which = match filter {
            Filter::Present => "s.state <> 'archived'",
            Filter::Archived => "s.state = 'archived'",
            Filter::All => "1",
        };
        let queued = self.queued_counts()?;
        let leases = self.leases()?;
        // NOT INDEXED: thousands of rows are read faster one after the other than by way of the index of names.
        let sql = format!("SELECT {COLUMNS} FROM session s NOT INDEXED WHERE {which}");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        let mut made = Vec::new();
        while let Some(row) = rows.next()? {
            let session = read(row)?;
            if tag.is_none_or(|tag| session.tags.iter().any(|have| have == tag)) {
                let queued = queued.get(&session.id).copied().unwrap_or(0);
                let lent = leases.get(&session.id).map(Lease::shown);
                made.push(make(Listed { session, queued, lent }));
            }
        }
        Ok(made)
    }

    /// Names of the other sessions that work in this directory or below it.
    pub(crate) fn others_in(&self, dir: &Path, but: SessionId) -> Result<Vec<String>> {
        let name = |listed: Listed| {
            let Session { id, name, dir: its, .. } = listed.session;
            (id != but && its.starts_with(dir)).then_some(name)
        };
        Ok(self.sessions_as(Filter::Present, None, name)?.into_iter().flatten().collect())
    }

    /// One session as the list shows it.
    pub(crate) fn listed(&self, id: SessionId) -> Result<Listed> {
        let session = self.session(id)?;
        let queued = self
            .conn
            .prepare_cached("SELECT count(*) FROM prompt WHERE session = ?1 AND status = 'queued'")?
            .query_row([Id(id.0)], |row| row.get(0))?;
        let lent = self.lease(id)?.as_ref().map(Lease::shown);
        Ok(Listed { session, queued, lent })
    }

    pub(crate) fn rename_session(&mut self, id: SessionId, name: &str) -> Result<()> {
        check_name(name)?;
        self.atomically(|db| {
            db.refuse_taken(name, id)?;
            db.change(id, "UPDATE session SET name = ?2 WHERE id = ?1", params![Id(id.0), name])
        })
    }

    pub(crate) fn set_tags(&mut self, id: SessionId, tags: &[String]) -> Result<()> {
        self.change(id, "UPDATE session SET tags = ?2 WHERE id = ?1", params![Id(id.0), Json(tags)])
    }

    pub(crate) fn set_pinned(&mut self, id: SessionId, pinned: bool) -> Result<()> {
        self.change(id, "UPDATE session SET pinned = ?2 WHERE id = ?1", params![Id(id.0), pinned])
    }

    /// None gives the setting back to the persona.
    pub(crate) fn set_override(&mut self, id: SessionId, what: Override, value: Option<&str>) -> Result<()> {
        let sql = match what {
            Override::Model => "UPDATE session SET model = ?2 WHERE id = ?1",
            Override::Effort => "UPDATE session SET effort = ?2 WHERE id = ?1",
            Override::PermissionMode => "UPDATE session SET permission_mode = ?2 WHERE id = ?1",
        };
        self.change(id, sql, params![Id(id.0), value])
    }

    /// Claude's id to resume. Earlier ones are kept: the log speaks of them, and an archive takes their files.
    pub(crate) fn set_conversation(&mut self, id: SessionId, conversation: Uuid) -> Result<()> {
        self.atomically(|db| {
            let sql = "UPDATE session SET conversation = ?2 WHERE id = ?1";
            db.change(id, sql, params![Id(id.0), Id(conversation)])?;
            db.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO conversation (session, id, since) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![Id(id.0), Id(conversation), Micros(now())])?;
            Ok(())
        })
    }

    /// Every conversation the session has had, the present one last.
    pub(crate) fn conversations(&self, id: SessionId) -> Result<Vec<Uuid>> {
        let mut statement =
            self.conn.prepare_cached("SELECT id FROM conversation WHERE session = ?1 ORDER BY since")?;
        let rows = statement.query_map([Id(id.0)], |row| row.get::<_, Id>(0))?;
        rows.map(|id| Ok(id?.0)).collect()
    }

    /// Every conversation of any session, and the session's name.
    pub(crate) fn all_conversations(&self) -> Result<HashMap<Uuid, String>> {
        let sql = "SELECT c.id, s.name FROM conversation c JOIN session s ON s.id = c.session";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, Id>(0)?.0, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Of a live state only that it will be asleep is kept.
    pub(crate) fn set_state(&mut self, id: SessionId, state: SessionState) -> Result<()> {
        let sql = "UPDATE session SET state = ?2 WHERE id = ?1";
        self.change(id, sql, params![Id(id.0), Word(lasting(state))])
    }

    /// Keeps the queue from running, and why; None lets it run again.
    pub(crate) fn set_hold(&mut self, id: SessionId, reason: Option<&str>) -> Result<()> {
        self.change(id, "UPDATE session SET hold = ?2 WHERE id = ?1", params![Id(id.0), reason])
    }

    /// Takes the agent's running total and returns what it adds. Some releases carry the total on when a
    /// conversation is resumed and others begin at 0, so a total that fell is all new.
    pub(crate) fn add_cost(&mut self, id: SessionId, total: f64) -> Result<f64> {
        self.atomically(|db| {
            let seen: f64 = db
                .conn
                .prepare_cached("SELECT cost_seen FROM session WHERE id = ?1")?
                .query_row([Id(id.0)], |row| row.get(0))
                .optional()?
                .ok_or_else(|| gone(id))?;
            let added = if total >= seen { total - seen } else { total };
            let sql = "UPDATE session SET cost_usd = cost_usd + ?2, cost_seen = ?3 WHERE id = ?1";
            db.change(id, sql, params![Id(id.0), added, total])?;
            Ok(added)
        })
    }

    /// The session is packed: its row and log stay findable, its name is free, no channel is on it.
    pub(crate) fn mark_archived(&mut self, id: SessionId, archive: &Path) -> Result<()> {
        let archive = path_text(archive)?;
        self.atomically(|db| {
            let sql = "UPDATE session SET state = 'archived', archive = ?2, hold = NULL WHERE id = ?1";
            db.change(id, sql, params![Id(id.0), archive])?;
            db.conn.execute("DELETE FROM channel WHERE session = ?1", [Id(id.0)])?;
            Ok(())
        })
    }

    /// Its archive is removed: row and log stay findable, but nothing can be brought back.
    pub(crate) fn forget_archive(&mut self, id: SessionId) -> Result<()> {
        let sql = "UPDATE session SET archive = NULL WHERE id = ?1 AND state = 'archived'";
        self.change(id, sql, params![Id(id.0)])
    }

    /// Brings an archived session back under a name and directory that may be new.
    pub(crate) fn mark_restored(
        &mut self,
        id: SessionId,
        name: &str,
        dir: &Path,
        managed: bool,
    ) -> Result<()> {
        check_name(name)?;
        let dir = path_text(dir)?;
        self.atomically(|db| {
            db.refuse_taken(name, id)?;
            let sql = "UPDATE session SET state = 'asleep', archive = NULL, name = ?2, dir = ?3, managed = ?4 \
                       WHERE id = ?1";
            db.change(id, sql, params![Id(id.0), name, dir, managed])
        })
    }

    /// Removes the session with all that belongs to it, also from the pages of the file. A long log is better removed
    /// before, by [`Db::delete_last_events`].
    pub(crate) fn delete_session(&mut self, id: SessionId) -> Result<()> {
        self.overwriting(|db| db.change(id, "DELETE FROM session WHERE id = ?1", [Id(id.0)]))
    }

    /// Removes the end of a session's log, and tells whether there was one: a whole one would keep everybody else from
    /// committing for seconds. What is left is a log without gaps.
    pub(crate) fn delete_last_events(&mut self, id: SessionId) -> Result<bool> {
        let sql = "DELETE FROM event WHERE feed IN \
                   (SELECT feed FROM event WHERE session = ?1 ORDER BY seq DESC LIMIT ?2)";
        self.overwriting(|db| Ok(db.conn.prepare_cached(sql)?.execute(params![Id(id.0), PIECE])? > 0))
    }

    fn overwriting<T>(&mut self, delete: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.conn.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        let deleted = delete(self);
        self.conn.pragma_update_and_check(None, "secure_delete", false, |_| Ok(()))?;
        deleted
    }

    /// For whoever makes something before the session itself.
    pub(crate) fn refuse_taken_name(&self, name: &str) -> Result<()> {
        self.refuse_taken(name, SessionId(Uuid::nil()))
    }

    fn refuse_taken(&self, name: &str, except: SessionId) -> Result<()> {
        let taken = self
            .conn
            .prepare_cached("SELECT 1 FROM session WHERE name = ?1 AND id <> ?2 AND state <> 'archived'")?
            .exists(params![name, Id(except.0)])?;
        if taken {
            return Err(Error::conflict(format!("there is a session named {name} already"))
                .hint(format!("choose another name, or use it: `claudebot session switch {name}`")));
        }
        Ok(())
    }

    /// Runs a statement that must hit the session's row.
    fn change(&mut self, id: SessionId, sql: &str, params: impl Params) -> Result<()> {
        match self.conn.prepare_cached(sql)?.execute(params)? {
            0 => Err(gone(id)),
            _ => Ok(()),
        }
    }
}
