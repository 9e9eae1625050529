//! The host's handle on the store: one thread owns the connection, and commits together what came together.
//!
//! A commit waits for the disk. Jobs that arrive meanwhile share the next one, so that many sessions cost
//! hardly more than one, and each still hears of its own success only once it is durable. What a person waits for
//! may be committed by whoever brings it, where the disk is quick and nothing else is under way: that saves two
//! wake-ups, which take as long as the rest of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::Db;
use super::readers::Readers;
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

enum Job {
    Write(Write),
    Close(oneshot::Sender<()>),
}

/// A disk that took longer for its last commit is left to the thread: the caller has others to serve meanwhile.
const QUICK: Duration = Duration::from_millis(3);

/// The connection that writes, and what is known of its commits.
struct Writer {
    /// None once the store is closed.
    db: Mutex<Option<Db>>,
    /// Since the log of writes was moved into the file.
    commits: AtomicU32,
    /// How long the last one took, in microseconds.
    last_micros: AtomicU64,
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, Option<Db>> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timed<T>(&self, commit: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = commit();
        self.commits.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_micros.store(micros, Ordering::Relaxed);
        result
    }

    fn is_quick(&self) -> bool {
        Duration::from_micros(self.last_micros.load(Ordering::Relaxed)) < QUICK
    }

    /// On the caller's own thread, if that is likely to be quick; else the job comes back undone.
    fn commit_here<T, J: FnOnce(&mut Db) -> Result<T>>(&self, job: J) -> Result<Result<T>, J> {
        let mut place = match self.db.try_lock() {
            Ok(place) if self.is_quick() => place,
            Err(TryLockError::Poisoned(poisoned)) if self.is_quick() => poisoned.into_inner(),
            _ => return Err(job),
        };
        match place.as_mut() {
            Some(db) => self.timed(|| db.atomically_at_once(job)),
            None => Ok(Err(closed())),
        }
    }
}

/// Cheap to clone. The thread ends when the last clone is gone or after [`Store::close`].
#[derive(Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    /// One more connection, for reads that take less time than a thread's waking.
    glances: Arc<Mutex<Option<Db>>>,
}

impl Store {
    pub(crate) fn start(db: Db) -> Result<Self> {
        let file = db.file();
        let glances = Arc::new(Mutex::new(Some(Db::open_beside(&file)?)));
        let (jobs, waiting) = mpsc::channel(WAITING);
        let writer = Writer {
            db: Mutex::new(Some(db)),
            commits: AtomicU32::new(0),
            // Not known yet: the first commit is the thread's.
            last_micros: AtomicU64::new(u64::MAX),
        };
        let writer = Arc::new(writer);
        let served = Arc::clone(&writer);
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(&served, waiting))
            .map_err(|error| Error::unavailable(format!("cannot start the store's thread: {error}")))?;
        Ok(Self { jobs, writer, readers: Arc::new(Readers::new(file)), glances })
    }

    /// [`Store::run`] for what a person waits for: committed right here if that is likely to be quick.
    pub(crate) async fn run_soon<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let nothing_waits = self.jobs.capacity() == self.jobs.max_capacity();
        let job = |db: &mut Db| guarded(db, job);
        let undone = if nothing_waits { self.writer.commit_here(job) } else { Err(job) };
        match undone {
            Ok(result) => result,
            Err(job) => self.run(job).await,
        }
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

    /// Runs a job that only reads, on a thread and a connection of its own. It waits for no commit, and no commit
    /// for it.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read(job).await
    }

    /// Runs a small read right here: it sees what is committed, and waits for nobody but the disk. For what stands
    /// between a person's prompt and the agent.
    pub(crate) fn glance<T>(&self, job: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
        let mut db = self.glances.lock().unwrap_or_else(PoisonError::into_inner);
        guarded(db.as_mut().ok_or_else(closed)?, |db| job(db))
    }

    /// Finishes what was handed in before and closes the file. Later jobs are refused.
    pub(crate) async fn close(&self) {
        // First, so that the writer is the last to close, which tidies the log of writes away.
        self.readers.close().await;
        self.glances.lock().unwrap_or_else(PoisonError::into_inner).take();
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

pub(super) fn closed() -> Error {
    Error::unavailable("the session database is closed: the host is ending").hint("try again")
}

/// A bug in one job must not take the store from all sessions.
pub(super) fn guarded<T>(db: &mut Db, job: impl FnOnce(&mut Db) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| job(db))).unwrap_or_else(|_| {
        Err(Error::failed("a bug in claudebot kept this from being stored")
            .hint("the host's log has the details"))
    })
}

fn serve(writer: &Writer, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut place = writer.lock();
        let Some(db) = place.as_mut() else { return };
        let mut writes = Vec::new();
        let mut closing = None;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write(write) => writes.push(write),
                Job::Close(answer) => closing = Some(answer),
            }
            next = if closing.is_none() && writes.len() < BATCH { jobs.try_recv().ok() } else { None };
        }
        if !writes.is_empty() {
            writer.timed(|| commit_together(db, writes));
        }
        if writer.commits.load(Ordering::Relaxed) >= COMMITS_PER_CHECKPOINT && jobs.is_empty() {
            db.checkpoint();
            writer.commits.store(0, Ordering::Relaxed);
        }
        if let Some(answer) = closing {
            jobs.close();
            drop(place.take());
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
