//! The bridge's own file: what came in, what goes out, and what buttons and messages mean.
//!
//! [`Db::write`] is one transaction over any of the methods of [`Tables`], so that what belongs together (a batch of
//! updates and the cursor, rows to send and how far the feed was read) is stored together or not at all. The methods
//! are short and wait for the disk: the bridge has a thread of its own. This part keeps; it must not know the Bot
//! API, nor why something is kept.

mod buttons;
mod columns;
mod expected;
mod failure;
mod held;
mod kept;
mod messages;
mod notes;
mod open;
mod outgoing;
mod prompts;
mod prune;
mod shown;
mod updates;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::Result;

pub(crate) use buttons::{Button, NewButton, Press, Taken};
pub(crate) use expected::Expectation;
pub(crate) use failure::Fault;
pub(crate) use kept::Why;
pub(crate) use messages::{MessageKind, Noted};
pub(crate) use notes::{Mute, TopicRow};
pub(crate) use outgoing::{NewOutgoing, Outgoing};
pub(crate) use prompts::{PromptSet, PromptState};
pub(crate) use shown::{LiveRow, ShownApproval};
pub(crate) use updates::{Adopted, Cursor, Incoming};

/// The open file. It is nobody else's as long as it is open.
pub(crate) struct Db {
    tables: Mutex<Tables>,
}

/// Everything that can be read and written, within one [`Db::write`] or [`Db::read`].
pub(crate) struct Tables {
    conn: Connection,
}

impl Db {
    /// Everything that `work` does, or nothing of it. Not to be used inside another `write` or `read`.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Tables) -> Result<T, Fault>) -> Result<T> {
        let tables = self.lock();
        let transaction = Transaction::new_unchecked(&tables.conn, TransactionBehavior::Immediate);
        let done = transaction.map_err(Fault::from).and_then(|transaction| {
            let value = work(&tables)?;
            transaction.commit()?;
            Ok(value)
        });
        done.map_err(Fault::into_error)
    }

    pub(crate) fn read<T>(&self, work: impl FnOnce(&Tables) -> Result<T, Fault>) -> Result<T> {
        work(&self.lock()).map_err(Fault::into_error)
    }

    /// A panic under the lock has rolled its transaction back, so the next may go on.
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
