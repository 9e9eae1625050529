//! The host's listening socket: private, ours, and there again when it vanishes.
//!
//! It knows paths, the lock and peers' user ids; what is said on a connection is `connection`'s.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::lock::HostLock;
use crate::error::{Error, Result};
use crate::ipc::contact::{check_length, check_peer};
use crate::paths::Paths;

/// How often the socket's path is looked at: a logout takes the runtime directory away, and temporary
/// directories are swept. Well below the time a client waits for a host that holds the lock.
const WATCH: Duration = Duration::from_secs(5);

/// After a failed accept (no file descriptors left): the kernel would report it again at once.
const RESPITE: Duration = Duration::from_millis(100);

/// Listens until dropped, and removes its own file then.
#[derive(Debug)]
pub(crate) struct HostSocket {
    paths: Paths,
    /// Whoever holds the lock is the only one who may remove a socket that nobody answers on.
    lock: Arc<HostLock>,
    bound: Bound,
    watch: Interval,
    /// Said once per loss, not every two seconds.
    warned: bool,
}

impl HostSocket {
    /// Binds and writes the path into the lock file, where clients look for it.
    pub(crate) async fn bind(paths: &Paths, lock: Arc<HostLock>) -> Result<Self> {
        Self::bind_watching(paths, lock, WATCH).await
    }

    async fn bind_watching(paths: &Paths, lock: Arc<HostLock>, period: Duration) -> Result<Self> {
        let bound = Bound::new(paths.prepare_socket()?).await?;
        lock.set_socket(&bound.path)?;
        let mut watch = interval(period);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { paths: paths.clone(), lock, bound, watch, warned: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.bound.path
    }

    /// The next connection of our own user. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> UnixStream {
        loop {
            tokio::select! {
                accepted = self.bound.listener.accept() => match accepted {
                    Ok((stream, _)) if self.is_ours(&stream) => return stream,
                    Ok(_) => {}
                    Err(e) => {
                        tracing::warn!("cannot accept a connection: {e}");
                        sleep(RESPITE).await;
                    }
                },
                _ = self.watch.tick() => self.look_after().await,
            }
        }
    }

    fn is_ours(&self, stream: &UnixStream) -> bool {
        let checked = match stream.peer_cred() {
            Ok(peer) => check_peer(peer.uid(), &self.bound.path),
            Err(e) => Err(Error::io("see who connects to", &self.bound.path, &e)),
        };
        checked.inspect_err(|e| tracing::warn!("a connection was refused: {e}")).is_ok()
    }

    /// Binds again if the file is gone or not ours any more, perhaps at another place; connections made before
    /// go on.
    async fn look_after(&mut self) {
        if self.bound.is_in_place() {
            return;
        }
        match self.bind_again().await {
            Ok(()) => {
                tracing::warn!("the socket had vanished; listening again at {}", self.bound.path.display());
                self.warned = false;
            }
            Err(e) if !self.warned => {
                tracing::error!("the socket has vanished and cannot be made again: {e}");
                self.warned = true;
            }
            Err(_) => {}
        }
    }

    async fn bind_again(&mut self) -> Result<()> {
        self.bound = Bound::new(self.paths.prepare_socket()?).await?;
        self.lock.set_socket(&self.bound.path)
    }
}

/// One socket file of ours, known by its inode.
#[derive(Debug)]
struct Bound {
    listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

impl Bound {
    async fn new(path: PathBuf) -> Result<Self> {
        check_length(&path)?;
        remove_stale(&path).await?;
        let listener = UnixListener::bind(&path).map_err(|e| Error::io("listen at", &path, &e))?;
        // Until here only the directory's mode keeps others out, whatever the umask.
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))
            .map_err(|e| Error::io("make private", &path, &e))?;
        let inode = inode(&path).map_err(|e| Error::io("look at", &path, &e))?;
        Ok(Self { listener, path, inode })
    }

    fn is_in_place(&self) -> bool {
        inode(&self.path).is_ok_and(|found| found == self.inode)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if self.is_in_place()
            && let Err(e) = std::fs::remove_file(&self.path)
        {
            tracing::warn!("cannot remove {}: {e}", self.path.display());
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Removes a socket that refuses connections: its host is dead, because we hold the lock. Anything else in the
/// way is not ours to remove.
async fn remove_stale(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("look at", path, &e)),
        Ok(found) if !found.file_type().is_socket() => {
            let message = format!("at the socket's place {} is something else", path.display());
            return Err(Error::unavailable(message).hint("move it away"));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("find out who listens at", path, &e)),
        Ok(stream) => {
            let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
            let which = pid.map_or_else(|| "that process".to_owned(), |pid| format!("process {pid}"));
            let message = format!("another process listens at {}", path.display());
            let hint = format!("end {which}; it is no host of this data directory");
            return Err(Error::unavailable(message).hint(hint));
        }
    }
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove the stale socket", path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::lock_file::LockFile;
    use crate::paths::Env;

    const SOON: Duration = Duration::from_millis(5);

    fn home() -> (tempfile::TempDir, Paths) {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let run = dir.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let paths = Paths::resolve(&Env::from_pairs([
            ("HOME", dir.path().as_os_str()),
            ("XDG_RUNTIME_DIR", run.as_os_str()),
        ]));
        (dir, paths.unwrap())
    }

    fn lock(paths: &Paths) -> Arc<HostLock> {
        Arc::new(HostLock::try_acquire(paths).unwrap().unwrap())
    }

    fn announced(paths: &Paths) -> PathBuf {
        LockFile::open(&paths.host_lock()).unwrap().unwrap().info().unwrap().unwrap().socket
    }

    #[tokio::test]
    async fn private_announced_and_removed_at_the_end() {
        let (_dir, paths) = home();
        let mut socket = HostSocket::bind(&paths, lock(&paths)).await.unwrap();
        let path = socket.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(announced(&paths), path);
        let (client, _server) = tokio::join!(UnixStream::connect(&path), socket.accept());
        client.unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced() {
        let (_dir, paths) = home();
        let path = paths.prepare_socket().unwrap();
        let dead = std::os::unix::net::UnixListener::bind(&path).unwrap();
        // Not by dropping alone: a process that another test starts just now may have a copy for a moment.
        rustix::net::shutdown(&dead, rustix::net::Shutdown::Both).unwrap();
        drop(dead);
        assert!(path.exists(), "a killed host leaves its socket");
        let socket = HostSocket::bind(&paths, lock(&paths)).await.unwrap();
        assert_eq!(socket.path(), path);
    }

    #[tokio::test]
    async fn what_is_not_ours_stays() {
        let (_dir, paths) = home();
        let path = paths.prepare_socket().unwrap();
        let lock = lock(&paths);

        std::fs::write(&path, "precious").unwrap();
        let error = HostSocket::bind(&paths, Arc::clone(&lock)).await.unwrap_err();
        assert!(error.message.contains("is something else"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(&path).unwrap();

        let _stranger = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = HostSocket::bind(&paths, lock).await.unwrap_err();
        assert!(error.message.contains("another process listens"), "{error}");
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_successor_s_socket_is_not_removed() {
        let (_dir, paths) = home();
        let socket = HostSocket::bind(&paths, lock(&paths)).await.unwrap();
        let path = socket.path().to_owned();
        let aside = path.with_extension("old");
        std::fs::rename(&path, &aside).unwrap();
        let _successor = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn listens_again_where_it_can_when_its_directory_vanishes() {
        let (dir, paths) = home();
        let mut socket = HostSocket::bind_watching(&paths, lock(&paths), SOON).await.unwrap();
        let first = socket.path().to_owned();
        std::fs::remove_file(&first).unwrap();
        connect_when_announced(&paths, &mut socket).await;
        assert_eq!(socket.path(), first);

        std::fs::remove_dir_all(dir.path().join("run")).unwrap();
        connect_when_announced(&paths, &mut socket).await;
        assert!(socket.path().starts_with(dir.path().join(".local/state")), "{}", socket.path().display());
    }

    /// A client that reads the lock file again and again until it gets through.
    async fn connect_when_announced(paths: &Paths, socket: &mut HostSocket) {
        let client = async {
            loop {
                if let Ok(stream) = UnixStream::connect(announced(paths)).await {
                    return stream;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(client, socket.accept()) })
            .await
            .unwrap();
    }

    #[test]
    fn another_user_is_refused() {
        let own = rustix::process::geteuid().as_raw();
        let error = check_peer(own + 1, Path::new("/run/x.sock")).unwrap_err();
        assert!(error.message.contains(&format!("user {}", own + 1)), "{error}");
        assert_eq!(check_peer(own, Path::new("/run/x.sock")), Ok(()));
    }
}
