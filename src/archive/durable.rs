//! Makes durable what is unpacked, while it is unpacked: at the end little is left to wait for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::{Error, Result};

/// How long the file system may gather before it is told to write.
const EVERY: Duration = Duration::from_millis(500);

pub(super) struct Flusher {
    dir: PathBuf,
    /// Opened before the first byte was written: it hears of every failure since.
    open: File,
    /// Dropped to end the thread.
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Flusher {
    /// Begins to write out the file system that `dir` is on, again and again.
    pub(super) fn start(dir: &Path) -> Result<Self> {
        let open = || File::open(dir).map_err(|e| Error::io("open", dir, &e));
        let (kept, lent) = (open()?, open()?);
        let (stop, stopped) = mpsc::channel();
        let flush = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(EVERY) {
                // Whether it worked is asked in the end.
                sync_file_system(&lent).ok();
            }
        };
        // Without the thread it only takes longer.
        let thread = thread::Builder::new().name("archive".to_owned()).spawn(flush).ok();
        Ok(Self { dir: dir.to_owned(), open: kept, running: thread.map(|thread| (stop, thread)) })
    }

    /// Returns once everything that was written is durable.
    pub(super) fn finish(mut self) -> Result<()> {
        self.stop();
        sync_file_system(&self.open).map_err(|e| Error::io("write", &self.dir, &e))
    }

    fn stop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            drop(thread.join());
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One call for the whole file system instead of one for each of very many files.
#[cfg(target_os = "linux")]
fn sync_file_system(open: &File) -> std::io::Result<()> {
    Ok(rustix::fs::syncfs(open)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &File) -> std::io::Result<()> {
    rustix::fs::sync();
    Ok(())
}
