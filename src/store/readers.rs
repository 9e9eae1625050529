//! Connections that only read, beside the one that writes: what takes long in one of them holds up no commit.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::Db;
use super::thread::{closed, guarded};
use crate::error::Result;

/// Reads under way at a time; further ones wait for their turn.
const AT_ONCE: u32 = 4;

pub(super) struct Readers {
    file: PathBuf,
    /// Open, and not in use just now.
    idle: Mutex<Vec<Db>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE as usize));
        Self { file, idle: Mutex::default(), places }
    }

    /// What `job` reads is of one moment, and sees all that was committed before it was asked for.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let read = move || {
            let result = readers.read_here(job);
            // Also when nobody waits for the result any more, it was in use until now.
            drop(place);
            result
        };
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| Err(closed()))
    }

    fn read_here<T>(&self, job: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
        let idle = self.idle().pop();
        let mut db = idle.map_or_else(|| Db::open_beside(&self.file), Ok)?;
        let result = db.snapshot(|db| guarded(db, |db| job(db)));
        if db.conn.is_autocommit() {
            self.idle().push(db);
        }
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Db>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what is under way and closes every connection. Later reads are refused.
    pub(super) async fn close(&self) {
        // An error means that this was done already.
        let all = self.places.acquire_many(AT_ONCE).await.ok();
        self.places.close();
        drop(all);
        self.idle().clear();
    }
}
