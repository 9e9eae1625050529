//! What a background host says to whoever started it, in one line, over the pipe that is its stdout at first.
//!
//! Starter and host are of one release, so this is not frozen.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::RawFd;

use serde::{Deserialize, Serialize};

use super::lock_file::LockInfo;
use crate::error::Error;

/// The one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Readiness {
    /// It listens.
    Ready(bool),
    /// Somebody else holds the lock; this process ends now.
    Taken(Option<LockInfo>),
    /// It could not start; this process ends now.
    Error(Error),
}

/// Leaves the starter's terminal and its signals. Done first thing by a background host.
pub(crate) fn detach() -> io::Result<()> {
    match rustix::process::setsid() {
        Ok(_) => Ok(()),
        // Already the leader of its group, as when typed at a prompt: nothing to leave that would take it along.
        Err(rustix::io::Errno::PERM) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// Closes what the starter had open beside the standard streams, a script's lock or the end of a pipe: it would stay
/// open as long as the host and its agents live. Done before the host opens anything of its own.
pub(crate) fn close_inherited() {
    // Listed first and closed afterwards: the listing has a descriptor of its own, which is gone by then.
    let open: Vec<RawFd> = std::fs::read_dir("/dev/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    for fd in open {
        nix::unistd::close(fd).ok();
    }
}

/// Says the line on stdout and then turns stdout over to stderr, which is the log: the pipe closes, and nothing
/// that prints later can fail on it.
pub(crate) fn announce(readiness: &Readiness) -> io::Result<()> {
    let mut line = serde_json::to_vec(readiness)?;
    line.push(b'\n');
    let said = File::from(rustix::stdio::stdout().try_clone_to_owned()?).write_all(&line);
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    match said {
        // The starter was interrupted; the host is none the worse for it.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line() {
        let line = |r: &Readiness| serde_json::to_string(r).unwrap();
        assert_eq!(line(&Readiness::Ready(true)), r#"{"ready":true}"#);
        assert_eq!(line(&Readiness::Taken(None)), r#"{"taken":null}"#);
        let error = Readiness::Error(Error::failed("the database is newer").hint("upgrade"));
        assert_eq!(
            line(&error),
            r#"{"error":{"kind":"failed","message":"the database is newer","hint":"upgrade"}}"#
        );
        assert_eq!(serde_json::from_str::<Readiness>(&line(&error)).unwrap(), error);
    }
}
