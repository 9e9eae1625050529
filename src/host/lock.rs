//! The lock that makes a host the only one of its data directory.
//!
//! It is the operating system's lock on `host.lock`, so it ends with the process however that ends. The file is
//! never removed: whoever unlinks a locked file lets a second holder in. Short writes without a host take the
//! same lock for their moment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::claude::tree;
use crate::error::{Error, Result};
use crate::ipc::PROTOCOL;
pub(crate) use crate::ipc::lock_file::LockInfo;
use crate::ipc::lock_file::read_info;
use crate::paths::Paths;

/// A client's look at the lock takes microseconds; so many looks in a row are none.
const LOOKS: u32 = 10_000;
/// How long a lock without a living holder is waited for.
const HEIRS: Duration = Duration::from_secs(5);
const NEXT_LOOK: Duration = Duration::from_millis(5);

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct HostLock {
    file: File,
    path: PathBuf,
    /// Behind a lock of its own: the socket moves when its directory vanishes.
    info: Mutex<LockInfo>,
}

impl HostLock {
    /// Takes the lock and writes down who has it. `Err` inside: somebody else has it, and who, unless they are
    /// only just writing it.
    pub(crate) fn try_acquire(paths: &Paths) -> Result<Result<Self, Option<LockInfo>>> {
        Paths::create_private(paths.data_dir())?;
        Self::take(&paths.host_lock(), &paths.socket())
    }

    /// As [`HostLock::try_acquire`], with patience where nobody is known to have the lock: a child that a killed host
    /// was just starting keeps it until its program begins, and a holder may be about to write its name.
    pub(crate) async fn acquire(paths: &Paths) -> Result<Result<Self, Option<LockInfo>>> {
        let deadline = Instant::now() + HEIRS;
        loop {
            match Self::try_acquire(paths)? {
                Ok(lock) => return Ok(Ok(lock)),
                Err(holder) if holder.as_ref().is_some_and(is_alive) || Instant::now() > deadline => {
                    return Ok(Err(holder));
                }
                Err(_) => tokio::time::sleep(NEXT_LOOK).await,
            }
        }
    }

    fn take(path: &Path, socket: &Path) -> Result<Result<Self, Option<LockInfo>>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = file.map_err(|e| Error::io("open the host's lock file", path, &e))?;
        if !lock_exclusively(&file).map_err(|e| Error::io("lock", path, &e))? {
            let holder = read_info(&mut file).map_err(|e| Error::io("read", path, &e))?;
            return Ok(Err(holder));
        }
        let own = tree::Identity::of(std::process::id())
            .ok_or_else(|| Error::failed("cannot tell when this process started"))?;
        let info = LockInfo {
            pid: own.pid,
            start: own.start,
            protocol: PROTOCOL,
            socket: socket.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: Timestamp::now(),
        };
        let lock = Self { file, path: path.to_owned(), info: Mutex::new(info) };
        lock.write(&lock.info())?;
        Ok(Ok(lock))
    }

    pub(crate) fn info(&self) -> LockInfo {
        self.info.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells clients where to connect from now on.
    pub(crate) fn set_socket(&self, socket: &Path) -> Result<()> {
        let info = LockInfo { socket: socket.to_owned(), ..self.info() };
        self.write(&info)?;
        *self.info.lock().unwrap_or_else(PoisonError::into_inner) = info;
        Ok(())
    }

    /// The line first, then the end of the file: a reader sees the old line or the new one.
    fn write(&self, info: &LockInfo) -> Result<()> {
        let mut line = serde_json::to_vec(info).map_err(|e| {
            Error::failed(format!("cannot write the socket's path {} down: {e}", info.socket.display()))
        })?;
        line.push(b'\n');
        let written = self.file.write_all_at(&line, 0).and_then(|()| self.file.set_len(line.len() as u64));
        written.map_err(|e| Error::io("write", &self.path, &e))
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        // An empty file spares the next client a try at a socket that is gone. Unlocked in so many words, because
        // a child that is just being started may have a copy of the file for a moment yet.
        if let Err(e) = self.file.set_len(0).and_then(|()| self.file.unlock()) {
            tracing::warn!("cannot release {}: {e}", self.path.display());
        }
    }
}

/// False: another process holds it. A shared lock is only a client looking, and gone in a moment.
fn lock_exclusively(file: &File) -> io::Result<bool> {
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) => {}
        }
        match file.try_lock_shared() {
            Ok(()) => file.unlock()?,
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) => return Ok(false),
        }
        std::thread::yield_now();
    }
    Ok(false)
}

fn is_alive(holder: &LockInfo) -> bool {
    tree::is_alive(&tree::Identity { pid: holder.pid, start: holder.start })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::ipc::lock_file::LockFile;
    use crate::paths::Env;

    fn take(path: &Path) -> Result<HostLock, Option<LockInfo>> {
        HostLock::take(path, Path::new("/run/claudebot/x.sock")).unwrap()
    }

    #[test]
    fn one_holds_and_the_others_learn_who() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.lock");
        let lock = take(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let holder = take(&path).unwrap_err().unwrap();
        assert_eq!(holder, lock.info());
        assert_eq!(holder.pid, std::process::id());
        let mut seen = LockFile::open(&path).unwrap().unwrap();
        assert!(seen.is_held().unwrap());
        assert_eq!(seen.info().unwrap(), Some(holder));

        drop(lock);
        assert!(!seen.is_held().unwrap());
        assert_eq!(seen.info().unwrap(), None);
        assert!(path.exists());
        drop(take(&path).unwrap());
    }

    #[test]
    fn a_longer_line_of_an_earlier_holder_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.lock");
        std::fs::write(&path, "x".repeat(5000)).unwrap();
        let lock = take(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", serde_json::to_string(&lock.info()).unwrap()));
    }

    #[test]
    fn clients_that_look_do_not_keep_a_host_from_starting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.lock");
        drop(take(&path).unwrap());
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let file = LockFile::open(&path).unwrap().unwrap();
                for _ in 0..20_000 {
                    file.is_held().unwrap();
                }
            });
            while !looking.is_finished() {
                take(&path).expect("nobody else holds it");
            }
        });
    }

    #[test]
    fn of_many_at_once_exactly_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.lock");
        for _ in 0..50 {
            let barrier = std::sync::Barrier::new(4);
            let held = std::thread::scope(|scope| {
                let tries: Vec<_> = (0..4)
                    .map(|_| {
                        scope.spawn(|| {
                            barrier.wait();
                            let lock = take(&path);
                            barrier.wait();
                            lock.is_ok()
                        })
                    })
                    .collect();
                tries.into_iter().map(|t| t.join().unwrap()).filter(|won| *won).count()
            });
            assert_eq!(held, 1);
        }
    }

    const HOLDER: &str = "CLAUDEBOT_TEST_HOLD_LOCK";

    /// Not a test of its own: the other process of the test below.
    #[test]
    fn holder_process() {
        let Some(path) = Env::from_process().get(HOLDER).map(PathBuf::from) else { return };
        let lock = take(&path).unwrap();
        let mut stderr = io::stderr();
        writeln!(stderr, "held").unwrap();
        io::stdin().read_line(&mut String::new()).unwrap();
        drop(lock);
    }

    #[test]
    fn the_lock_holds_between_processes_and_ends_with_a_kill() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.lock");
        let mut other = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "host::lock::tests::holder_process", "--nocapture"])
            .env(HOLDER, &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(other.stderr.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "held");
        assert_eq!(take(&path).unwrap_err().unwrap().pid, other.id());

        other.kill().unwrap();
        other.wait().unwrap();
        let dead = LockFile::open(&path).unwrap().unwrap().info().unwrap().unwrap();
        assert_eq!(dead.pid, other.id(), "a killed holder leaves its line behind");
        assert_eq!(take(&path).unwrap().info().pid, std::process::id());
    }

    /// A child that a killed host was just starting has a copy of the file, and with it the lock, until it runs its
    /// own program.
    #[tokio::test]
    async fn a_lock_that_a_dead_host_has_left_behind_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(&Env::from_pairs([("HOME", dir.path())])).unwrap();
        let lock = HostLock::try_acquire(&paths).unwrap().unwrap();
        assert_eq!(HostLock::acquire(&paths).await.unwrap().unwrap_err(), Some(lock.info()), "it lives");
        let dead = LockInfo { start: lock.info().start + 1, ..lock.info() };
        lock.write(&dead).unwrap();
        let (heir, ()) = tokio::join!(HostLock::acquire(&paths), async move {
            tokio::time::sleep(NEXT_LOOK * 10).await;
            drop(lock);
        });
        heir.unwrap().unwrap();
    }
}
