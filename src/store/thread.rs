//! The host's handle on the store: one thread owns the connection, and commits together what came together.
//!
//! A commit waits for the disk. Jobs that arrive meanwhile share the next one, so that many sessions cost
//! hardly more than one, and each still hears of its own success only once it is durable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::Db;
use crate::error::{Error, Result};

/// Jobs that may wait before whoever brings the next one waits too.
const WAITING: usize = 256;

/// Jobs that share a commit at most, so that the first does not wait for ever more.
const BATCH: usize = 64;

/// After so many commits, and when nothing waits, the log of writes is moved into the file: about 1000 pages, some
/// milliseconds. A commit that has grown it too far would do that before it answers.
const COMMITS_PER_CHECKPOINT: u32 = 64;

/// A job with a way to tell its sender. It runs inside the batch's transaction, unless that failed already, and
/// returns what to call once the commit succeeded or failed.
type Write = Box<dyn FnOnce(Result<&mut Db>) -> Tell + Send>;
type Tell = Box<dyn FnOnce(Result<()>) + Send>;
type Read = Box<dyn FnOnce(&mut Db) + Send>;

enum Job {
    Write(Write),
    Read(Read),
    Close(oneshot::Sender<()>),
}

/// Cheap to clone. The thread ends when the last clone is gone or after [`Store::close`].
#[derive(Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
    /// A second connection, for reads that take less time than a thread's waking.
    reader: Arc<Mutex<Option<Db>>>,
}

impl Store {
    pub(crate) fn start(db: Db) -> Result<Self> {
        let reader = db.second_reader()?;
        let (jobs, waiting) = mpsc::channel(WAITING);
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(db, waiting))
            .map_err(|error| Error::unavailable(format!("cannot start the store's thread: {error}")))?;
        Ok(Self { jobs, reader: Arc::new(Mutex::new(Some(reader))) })
    }

    /// Runs a job that may write. Returns once what it wrote is durable; a job that fails leaves no trace.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let write: Write = Box::new(move |db| {
            let result = db.and_then(|db| db.atomically(|db| guarded(db, job)));
            Box::new(move |committed: Result<()>| {
                // Whoever stopped waiting does not want to know.
                answer.send(result.and_then(|value| committed.map(|()| value))).ok();
            })
        });
        self.hand_in(Job::Write(write), answered).await
    }

    /// Runs a job that only reads. It does not wait for the disk.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |db| {
            answer.send(guarded(db, |db| job(db))).ok();
        });
        self.hand_in(Job::Read(read), answered).await
    }

    /// Runs a small read right here: it sees what is committed, and waits for nobody but the disk. For what stands
    /// between a person's prompt and the agent.
    pub(crate) fn glance<T>(&self, job: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        guarded(reader.as_mut().ok_or_else(closed)?, |db| job(db))
    }

    /// Finishes what was handed in before and closes the file. Later jobs are refused.
    pub(crate) async fn close(&self) {
        // First, so that the writer is the last to close, which tidies the log of writes away.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Job::Close(answer)).await.is_ok() {
            // An error means that the thread is gone, which is what was asked for.
            answered.await.ok();
        }
    }

    async fn hand_in<T>(&self, job: Job, answered: oneshot::Receiver<Result<T>>) -> Result<T> {
        self.jobs.send(job).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> Error {
    Error::unavailable("the session database is closed: the host is ending").hint("try again")
}

/// A bug in one job must not take the store from all sessions.
fn guarded<T>(db: &mut Db, job: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| job(db))).unwrap_or_else(|_| {
        Err(Error::failed("a bug in claudebot kept this from being stored")
            .hint("the host's log has the details"))
    })
}

fn serve(mut db: Db, mut jobs: mpsc::Receiver<Job>) {
    let mut commits = 0;
    while let Some(first) = jobs.blocking_recv() {
        let mut writes = Vec::new();
        let mut closing = None;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write(write) => writes.push(write),
                // Not in the transaction: a read must neither wait for its commit nor see what may yet fail.
                Job::Read(read) => read(&mut db),
                Job::Close(answer) => closing = Some(answer),
            }
            next = if closing.is_none() && writes.len() < BATCH { jobs.try_recv().ok() } else { None };
        }
        if !writes.is_empty() {
            commit_together(&mut db, writes);
            commits += 1;
        }
        if commits >= COMMITS_PER_CHECKPOINT && jobs.is_empty() {
            db.checkpoint();
            commits = 0;
        }
        if let Some(answer) = closing {
            jobs.close();
            drop(db);
            answer.send(()).ok();
            return;
        }
    }
}

/// All jobs in one transaction, each of them undone alone where it fails by itself.
fn commit_together(db: &mut Db, writes: Vec<Write>) {
    let mut tells = Vec::with_capacity(writes.len());
    let mut writes = writes.into_iter();
    let committed = db.atomically(|db| {
        for write in writes.by_ref() {
            tells.push(write(Ok(&mut *db)));
            if db.conn.is_autocommit() {
                // A full disk (or the like) undid the whole transaction, also what jobs before had done.
                return Err(Error::failed("the session database undid this: the disk is full or failing")
                    .hint("check its free space, then try again"));
            }
        }
        Ok(())
    });
    if let Err(error) = &committed {
        tells.extend(writes.map(|write| write(Err(error.clone()))));
    }
    for tell in tells {
        tell(committed.clone());
    }
}
