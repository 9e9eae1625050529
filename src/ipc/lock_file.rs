//! What `host.lock` says: who holds the data directory, and where its socket is.
//!
//! The lock itself is the operating system's (`File::try_lock`); the file's content is for readers, any
//! release of them, so its fields are frozen and new ones may only be optional. The holder writes it
//! (`host::lock`); here it is read, by clients that may have quite another environment than the host.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// More than this is no lock file of ours.
const LONGEST: u64 = 64 << 10;

/// The one line in `host.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LockInfo {
    pub(crate) pid: u32,
    /// When the process started, in the system's own measure: with `pid` it names one process for good.
    pub(crate) start: u64,
    pub(crate) protocol: u32,
    pub(crate) socket: PathBuf,
    pub(crate) version: String,
    /// When the lock was taken, for people.
    pub(crate) since: Timestamp,
}

impl fmt::Display for LockInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (claudebot {}, since {:.0})", self.pid, self.version, self.since)
    }
}

/// The lock file as a client finds it.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    file: File,
}

impl LockFile {
    /// `None`: no host was ever here.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self { path: path.to_owned(), file })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => Err(Error::io("open", path, &e)
                .hint("one of these is a file where a directory is needed: move it out of the way")),
            Err(e) => Err(Error::io("open the host's lock file", path, &e)),
        }
    }

    /// Who holds the lock, or held it last. `None` while a holder is about to write it, or left in order.
    pub(crate) fn info(&mut self) -> Result<Option<LockInfo>> {
        read_info(&mut self.file).map_err(|e| Error::io("read the host's lock file", &self.path, &e))
    }

    /// Whether somebody holds the lock. The shared lock that is taken to see it lasts no longer than this call;
    /// `host::lock` tells it from a real holder.
    pub(crate) fn is_held(&self) -> Result<bool> {
        match self.file.try_lock_shared() {
            Ok(()) => {
                let unlocked = self.file.unlock();
                unlocked.map(|()| false).map_err(|e| Error::io("unlock", &self.path, &e))
            }
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(e)) => Err(Error::io("look at the lock", &self.path, &e)),
        }
    }
}

/// Reads the first line from the file's beginning. Anything but a whole valid line counts as nothing: the
/// holder may be writing just now.
pub(crate) fn read_info(file: &mut File) -> io::Result<Option<LockInfo>> {
    use std::io::Seek;
    file.rewind()?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    let Some(end) = text.iter().position(|b| *b == b'\n') else { return Ok(None) };
    Ok(serde_json::from_slice(&text[..end]).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_frozen() {
        let line = r#"{"pid":7,"start":99,"protocol":2,"socket":"/run/x.sock","version":"0.1.0","since":"2026-11-22T21:00:00Z"}"#;
        let info: LockInfo = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&info).unwrap(), line);
        let later: LockInfo = serde_json::from_str(&line.replace("{\"pid\"", "{\"new\":1,\"pid\"")).unwrap();
        assert_eq!(later, info);
        assert_eq!(info.to_string(), "process 7 (claudebot 0.1.0, since 2026-11-22T21:00:00Z)");
    }

    #[test]
    fn half_written_or_foreign_content_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.lock");
        assert!(LockFile::open(&path).unwrap().is_none());
        for content in ["", "{\"pid\":7", "hello\n", "\n"] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(LockFile::open(&path).unwrap().unwrap().info().unwrap(), None, "{content:?}");
        }
    }
}
