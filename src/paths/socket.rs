//! The name of the host's socket: one per data directory, short enough for the system.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Paths;

/// What `sun_path` holds, less the terminating zero.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

pub(super) fn path(paths: &Paths) -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let name = format!("{}.sock", hash(&canonical(&paths.data_dir)));
    let runtime =
        paths.runtime_dir.as_deref().filter(|dir| belongs_to(dir, uid)).map(|dir| dir.join("claudebot"));
    let preferred = runtime.unwrap_or_else(|| paths.state_dir.join("run")).join(&name);
    if fits(&preferred) { preferred } else { PathBuf::from(format!("/tmp/claudebot-{uid}")).join(name) }
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= MAX_SOCKET_PATH
}

/// A runtime directory of somebody else is what `sudo` and `su` leave in the environment.
fn belongs_to(dir: &Path, uid: u32) -> bool {
    std::fs::metadata(dir).is_ok_and(|found| found.is_dir() && found.uid() == uid)
}

/// The path without links, also while its last parts do not exist yet: the name must not change when they do.
fn canonical(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|part| {
            let found = part.canonicalize().ok()?;
            let rest = path.strip_prefix(part).ok()?;
            Some(if rest.as_os_str().is_empty() { found } else { found.join(rest) })
        })
        .unwrap_or_else(|| path.to_owned())
}

fn hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing into a String cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Env;

    fn paths(pairs: &[(&str, &Path)]) -> Paths {
        Paths::resolve(&Env::from_pairs(pairs.iter().copied())).unwrap()
    }

    #[test]
    fn lies_in_the_runtime_directory_when_that_is_ours() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let with = paths(&[("HOME", root.path()), ("XDG_RUNTIME_DIR", &run)]);
        assert_eq!(with.socket().parent(), Some(run.join("claudebot").as_path()));
        let gone = paths(&[("HOME", root.path()), ("XDG_RUNTIME_DIR", &root.path().join("gone"))]);
        assert_eq!(gone.socket().parent(), Some(root.path().join(".local/state/claudebot/run").as_path()));
        assert_eq!(with.socket().file_name(), gone.socket().file_name());
    }

    #[test]
    fn falls_back_to_a_private_directory_when_the_path_is_too_long() {
        let home = Path::new("/").join("h".repeat(100));
        let socket = paths(&[("HOME", &home)]).socket();
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(socket.parent(), Some(Path::new(&format!("/tmp/claudebot-{uid}"))));
        assert!(fits(&socket));
    }

    #[test]
    fn the_limit_is_the_systems() {
        let at = PathBuf::from("s".repeat(MAX_SOCKET_PATH));
        assert!(fits(&at));
        assert!(!fits(&at.join("x")));
        let root = tempfile::tempdir_in("/tmp").unwrap();
        let longest = root.path().join("s".repeat(MAX_SOCKET_PATH - root.path().as_os_str().len() - 1));
        drop(std::os::unix::net::UnixListener::bind(longest).unwrap());
    }

    #[test]
    fn the_name_follows_the_real_directory_before_and_after_it_exists() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("real");
        let link = root.path().join("link");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let through = |dir: &Path| paths(&[("HOME", root.path()), ("XDG_DATA_HOME", dir)]).socket();
        let before = through(&real);
        assert_eq!(before, through(&link));
        std::fs::create_dir_all(real.join("claudebot")).unwrap();
        assert_eq!(before, through(&link));
        assert_ne!(before, through(root.path()));
    }

    #[test]
    fn preparing_makes_the_directory_private() {
        let root = tempfile::tempdir().unwrap();
        let socket = paths(&[("HOME", root.path())]).prepare_socket().unwrap();
        let mode = std::fs::metadata(socket.parent().unwrap()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
