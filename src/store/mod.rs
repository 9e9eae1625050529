//! All SQL of the host: sessions, their logs, the prompt queue, approvals, access, search; and [`plain`], the index
//! over conversations that are no sessions, a file beside.
//!
//! [`Db`] is one SQLite connection with plain synchronous methods; whoever holds the host lock may write
//! through it, anyone may read. [`Store`] is the host's way to it: a thread that owns the `Db` and commits
//! what came together in one go, and readers beside it. This room knows what is kept and that it is durable; it must not know
//! sockets, processes or why something is stored.

mod access;
mod approvals;
mod channels;
mod children;
mod events;
mod failure;
mod fill;
mod find;
mod fts;
mod house;
mod leases;
mod open;
mod pairing;
pub(crate) mod plain;
mod queue;
mod readers;
mod rules;
mod search;
mod sessions;
mod thread;
mod turns;

#[cfg(test)]
mod tests;

use rusqlite::Connection;

use crate::error::Result;

pub(crate) use access::AccessKind;
pub(crate) use approvals::Answered;
pub(crate) use children::Child;
pub(crate) use events::Fed;
pub(crate) use fill::fill;
pub(crate) use find::Wanted;
pub(crate) use house::Arriving;
pub(crate) use leases::{Lease, Returned};
pub(crate) use open::Mode;
pub(crate) use pairing::{Attempt, Pairing, PairingKind};
pub(crate) use queue::Acceptance;
pub(crate) use search::Found;
pub(crate) use sessions::{Filter, Listed, Override, check_name};
pub(crate) use thread::Store;
pub(crate) use turns::FinishedTurn;

/// IMMEDIATE: a write lock taken at the first write instead could fail when it is too late to wait.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// The store, synchronously. Each method is one transaction unless it runs inside [`Db::atomically`].
pub(crate) struct Db {
    conn: Connection,
}

impl Db {
    /// Everything that `work` does, or nothing of it. May be nested: an inner failure undoes only the inner part.
    pub(crate) fn atomically<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.conn.is_autocommit() {
            self.conn.execute_batch(BEGIN)?;
            self.end_after(work, "COMMIT", "ROLLBACK")
        } else {
            self.conn.execute_batch("SAVEPOINT part")?;
            self.end_after(work, "RELEASE part", "ROLLBACK TO part; RELEASE part")
        }
    }

    /// [`Db::atomically`] for whoever may not wait: not for another program's transaction, of which the work comes
    /// back undone, and not for the log of writes to be moved into the file.
    fn atomically_at_once<T, W: FnOnce(&mut Self) -> Result<T>>(&mut self, work: W) -> Result<Result<T>, W> {
        let begun = self.set_patience(false).and_then(|()| self.conn.execute_batch(BEGIN));
        let result = match begun {
            Ok(()) => Ok(self.end_after(work, "COMMIT", "ROLLBACK")),
            Err(_) => Err(work),
        };
        if let Err(error) = self.set_patience(true) {
            tracing::error!(%error, "the session database will not wait for other programs");
        }
        result
    }

    fn end_after<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
        commit: &str,
        undo: &str,
    ) -> Result<T> {
        let result = work(self).and_then(|value| {
            self.conn.execute_batch(commit)?;
            Ok(value)
        });
        // A full disk may have undone the whole transaction already.
        if result.is_err() && !self.conn.is_autocommit() {
            self.conn.execute_batch(undo)?;
        }
        result
    }

    /// What `work` reads is of one moment, whatever others commit meanwhile.
    fn snapshot<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.conn.execute_batch("BEGIN")?;
        let result = work(self);
        self.conn.execute_batch("ROLLBACK")?;
        result
    }
}
