//! A few threads that do the same work, whose results come in the order in which it was given to them.

use std::collections::VecDeque;
use std::io::{Error, Result};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A block, an empty buffer for what becomes of it, and where both are wanted.
type Job = (Vec<u8>, Vec<u8>, SyncSender<Done>);
type Done = Result<(Vec<u8>, Vec<u8>)>;

/// What one thread does: it fills the empty buffer with what becomes of a block.
pub(super) type Work = Box<dyn FnMut(&[u8], &mut Vec<u8>) -> Result<()> + Send>;

pub(super) struct Pool {
    make: fn() -> Work,
    /// `None`: no more work comes.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    results: VecDeque<Receiver<Done>>,
    /// Large buffers that come and go between threads stay in the allocator's hands: these are used again.
    spare: Vec<Vec<u8>>,
}

impl Pool {
    /// Starts nothing yet.
    pub(super) const fn new(make: fn() -> Work) -> Self {
        Self { make, jobs: None, threads: Vec::new(), results: VecDeque::new(), spare: Vec::new() }
    }

    /// Whether so much is under way that something should be taken first.
    pub(super) fn is_full(&self) -> bool {
        self.results.len() >= super::side_by_side()
    }

    /// An empty buffer.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer that nobody needs any more.
    pub(super) fn put_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > 0 {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    pub(super) fn give(&mut self, block: Vec<u8>) -> Result<()> {
        let (result, receiver) = mpsc::sync_channel(1);
        let room = self.buffer();
        let jobs = match &self.jobs {
            Some(jobs) => jobs,
            None => self.start()?,
        };
        jobs.send((block, room, result)).map_err(|_| gone())?;
        self.results.push_back(receiver);
        Ok(())
    }

    /// What became of the block that was given first, of those not taken yet. Waits for it.
    pub(super) fn take(&mut self) -> Option<Result<Vec<u8>>> {
        let result = self.results.pop_front()?;
        let done = result.recv().unwrap_or_else(|_| Err(gone()));
        Some(done.map(|(block, made)| {
            self.put_back(block);
            made
        }))
    }

    fn start(&mut self) -> Result<&Sender<Job>> {
        let (sender, receiver) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..super::side_by_side() / 2 {
            let (jobs, work) = (Arc::clone(&receiver), (self.make)());
            let thread =
                thread::Builder::new().name("archive".to_owned()).spawn(move || serve(&jobs, work))?;
            self.threads.push(thread);
        }
        drop(receiver);
        Ok(self.jobs.insert(sender))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        // Nobody wants what they do now. What they were given already is done in no time.
        self.results.clear();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn serve(jobs: &Mutex<Receiver<Job>>, mut work: Work) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((block, mut made, result)) = job else { return };
        let done = work(&block, &mut made);
        // Sent for nothing when the pool is gone.
        drop(result.send(done.map(|()| (block, made))));
    }
}

fn gone() -> Error {
    Error::other("a thread that packs or unpacks has ended")
}
