//! The life of a host: take the lock, open the store, take up what a former host left, serve, end in order.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::actor::Command;
use super::lock::HostLock;
use super::shared::{About, Ending, Shared};
use super::signals::Signals;
use super::socket::HostSocket;
use super::{connection, history, logging, long, router};
use crate::archive;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ipc::ServedBot;
use crate::ipc::readiness::{self, Readiness};
use crate::paths::{Env, Paths};
use crate::store::{Db, Mode, Store};

/// Requests of one connection that wait for the router.
const WAITING: usize = 32;
/// After the drain a turn that was interrupted gets this long to end.
const LAST_GRACE: Duration = Duration::from_secs(20);
/// What the guest has to say after that gets this long.
const LAST_WORDS: Duration = Duration::from_secs(15);
/// What has to do with files gets this long to end after everything else.
const LAST_FILES: Duration = Duration::from_secs(2);
/// A host without work looks this often at least whether it may end.
const SLOWEST_LOOK: Duration = Duration::from_secs(30);

/// How a host was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostMode {
    /// By a client; ends when nobody needs it.
    Background,
    /// By a person, in a terminal or a service; ends when told to.
    Foreground,
    /// Likewise, with another front end in the same process.
    Serve,
}

impl HostMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Foreground => "foreground",
            Self::Serve => "serve",
        }
    }
}

#[derive(Debug)]
pub(crate) struct HostOptions {
    pub(crate) paths: Paths,
    pub(crate) env: Env,
    pub(crate) config: Config,
    pub(crate) mode: HostMode,
}

/// A front end that lives in the host's process, on a thread of its own, as one more client of its socket. It
/// returns once its [`Stay`] is over, and not before.
pub(crate) type Guest = Box<dyn FnOnce(Stay) + Send>;

type Give = dyn Fn() -> Result<serde_json::Value> + Send + Sync;
type Take = dyn Fn(&serde_json::Value) -> Result<()> + Send + Sync;

/// What a guest keeps of its own, for a house that moves: it alone can read and write it.
#[derive(Clone)]
pub(crate) struct Belongings {
    pub(crate) give: Arc<Give>,
    pub(crate) take: Arc<Take>,
}

impl std::fmt::Debug for Belongings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Belongings")
    }
}

/// How far the host's life has come, for its guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    Draining,
    Drained,
}

/// What a guest is told of the host's life, and tells of its own.
#[derive(Debug, Clone)]
pub(crate) struct Stay {
    stage: watch::Receiver<Stage>,
    served: watch::Sender<Option<ServedBot>>,
    belongings: watch::Sender<Option<Belongings>>,
}

impl Stay {
    /// The host ends: nothing new is to be taken in. What runs may still end well.
    pub(crate) async fn until_draining(&mut self) {
        self.until(Stage::Draining).await;
    }

    /// Nothing runs any more: what is on its way out is to go, soon.
    pub(crate) async fn until_drained(&mut self) {
        self.until(Stage::Drained).await;
    }

    async fn until(&mut self, stage: Stage) {
        // A host that is gone is past every stage.
        self.stage.wait_for(|now| *now >= stage).await.ok();
    }

    /// Which bot it serves from now on, for whoever asks the host.
    pub(crate) fn serves(&self, bot: Option<ServedBot>) {
        self.served.send_replace(bot);
    }

    /// What it keeps from now on.
    pub(crate) fn keeps(&self, belongings: Belongings) {
        self.belongings.send_replace(Some(belongings));
    }
}

/// Runs a host until it ends. In the background it first says over its stdout how the start went.
pub(crate) fn run(options: HostOptions, guest: Option<Guest>) -> Result<()> {
    let background = options.mode == HostMode::Background;
    if background {
        readiness::detach().map_err(|e| Error::failed(format!("cannot leave the terminal: {e}")))?;
    }
    logging::start(&options)?;
    let result = serve(options, guest);
    if let Err(error) = &result {
        tracing::error!(%error, "the host ends");
    }
    result
}

/// Tells whoever started a background host how it went. Otherwise nobody listens on stdout.
fn announce(mode: HostMode, readiness: &Readiness) -> Result<()> {
    if mode != HostMode::Background {
        return Ok(());
    }
    readiness::announce(readiness)
        .map_err(|e| Error::failed(format!("cannot tell that the host is ready: {e}")))
}

fn serve(options: HostOptions, guest: Option<Guest>) -> Result<()> {
    let mode = options.mode;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::failed(format!("cannot start the runtime: {e}")))?;
    let served = runtime.block_on(async {
        let (host, lock) = match Host::start(options).await {
            Ok(Start::Ready(host, lock)) => (host, lock),
            Ok(Start::Taken(info)) => {
                announce(mode, &Readiness::Taken(info.clone()))?;
                let who = info.map(|info| format!(": {info}")).unwrap_or_default();
                return match mode {
                    // Whoever started this process connects to the other one.
                    HostMode::Background => Ok(()),
                    HostMode::Foreground | HostMode::Serve => {
                        Err(Error::conflict(format!("a host is running already{who}"))
                            .hint("claudebot host stop ends it"))
                    }
                };
            }
            Err(error) => {
                announce(mode, &Readiness::Error(error.clone()))?;
                return Err(error);
            }
        };
        announce(mode, &Readiness::Ready(true))?;
        let (served, belongings) = (&host.shared.served, &host.shared.belongings);
        let receive = |guest| Company::receive(guest, served.clone(), belongings.clone());
        let company = guest.map(receive).transpose()?;
        let served = host.serve(company).await;
        drop(lock);
        served
    });
    // What still waits for a disk that does not answer is not waited for.
    runtime.shutdown_timeout(LAST_FILES);
    served
}

enum Start {
    Ready(Box<Host>, Arc<HostLock>),
    Taken(Option<super::lock::LockInfo>),
}

struct Host {
    shared: Arc<Shared>,
    socket: HostSocket,
    signals: Signals,
    mode: HostMode,
    /// When the last client or process was seen.
    used: Instant,
}

impl Host {
    async fn start(options: HostOptions) -> Result<Start> {
        let HostOptions { paths, env, config, mode } = options;
        Paths::create_private(paths.data_dir())?;
        let lock = match HostLock::acquire(&paths).await? {
            Ok(lock) => Arc::new(lock),
            Err(info) => return Ok(Start::Taken(info)),
        };
        let db = Db::open(&paths.database(), Mode::ReadWrite)?;
        let store = Store::start(db)?;
        let socket = HostSocket::bind(&paths, Arc::clone(&lock)).await?;
        let about =
            About { started: jiff::Timestamp::now(), socket: socket.path().to_owned(), mode: mode.as_str() };
        let shared = Shared::new(store, paths, config, env, own_program()?, about);
        long::end_all_left(&shared).await;
        for dir in [&shared.config.archive.dir, &shared.config.session.root] {
            archive::sweep(dir);
        }
        take_up(&shared).await?;
        let signals = Signals::listen()?;
        tracing::info!(pid = std::process::id(), mode = mode.as_str(), socket = %socket.path().display(), "ready");
        let host = Self { shared, socket, signals, mode, used: Instant::now() };
        Ok(Start::Ready(Box::new(host), lock))
    }

    /// Serves until told to end or, in the background, until nobody needs it; then ends in order. A guest that has
    /// fallen over ends it too: whoever started this can start it anew.
    async fn serve(mut self, mut company: Option<Company>) -> Result<()> {
        let mut served = Ok(());
        let mut ending = self.shared.ending();
        let mut departures = self.shared.departures.subscribe();
        history::look_soon(&self.shared);
        loop {
            let look = self.next_look();
            tokio::select! {
                stream = self.socket.accept() => self.greet(stream),
                changed = ending.changed() => {
                    drop(changed);
                    break;
                }
                () = self.signals.recv() => break,
                () = gone(&mut company) => {
                    served = Err(Error::failed("a bug ended the front end in this process; the log says more"));
                    break;
                }
                changed = departures.changed() => drop(changed),
                () = sleep(look) => {}
            }
            if self.is_used() {
                self.used = Instant::now();
            } else if self.mode == HostMode::Background && self.used.elapsed() >= self.linger() {
                tracing::info!("nobody needs this host any more");
                break;
            }
        }
        self.end(company).await;
        served
    }

    fn linger(&self) -> Duration {
        self.shared.config.host.linger
    }

    fn next_look(&self) -> Duration {
        if self.is_used() {
            return SLOWEST_LOOK;
        }
        let left = self.linger().saturating_sub(self.used.elapsed());
        left.clamp(Duration::from_millis(20), SLOWEST_LOOK)
    }

    fn is_used(&self) -> bool {
        self.shared.clients.load(Ordering::Relaxed) > 0
            || self.shared.places.taken() > 0
            || self.shared.is_at_work()
    }

    fn greet(&self, stream: tokio::net::UnixStream) {
        let shared = Arc::clone(&self.shared);
        shared.clients.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let (requests, inbox) = mpsc::channel(WAITING);
            let router = tokio::spawn(router::serve(Arc::clone(&shared), inbox));
            connection::serve(stream, requests).await;
            if let Err(error) = router.await {
                tracing::error!(%error, "a bug ended the handling of a connection");
            }
            shared.clients.fetch_sub(1, Ordering::Relaxed);
            shared.departed();
        });
    }

    /// Lets running turns finish, ends every process, closes the store. A second signal ends at once.
    async fn end(mut self, company: Option<Company>) {
        if let Some(company) = &company {
            company.stage.send_replace(Stage::Draining);
        }
        let now = *self.shared.ending().borrow() == Ending::Now;
        self.shared.end(if now { Ending::Now } else { Ending::WhenIdle });
        tracing::info!(now, "ending");
        let shared = Arc::clone(&self.shared);
        let drain = shared.config.host.drain;
        if !now && !self.unless_told_again(drained(&shared, drain, || Command::Drain)).await {
            shared.end(Ending::Now);
        }
        if shared.is_at_work() {
            shared.end(Ending::Now);
            drained(&shared, LAST_GRACE, || Command::StopNow).await;
        }
        if let Some(company) = company {
            company.leave().await;
        }
        shared.store.close().await;
        tracing::info!("ended");
    }

    /// False when a signal or a request cut it short.
    async fn unless_told_again(&mut self, work: impl Future<Output = ()>) -> bool {
        let mut ending = self.shared.ending();
        tokio::pin!(work);
        loop {
            tokio::select! {
                () = &mut work => return true,
                () = self.signals.recv() => return false,
                // Clients that come during the drain are served: they may look, stop, and answer.
                stream = self.socket.accept() => self.greet(stream),
                _ = ending.wait_for(|ending| *ending == Ending::Now) => return false,
            }
        }
    }
}

/// The guest, if there is one, as the host sees it.
struct Company {
    stage: watch::Sender<Stage>,
    /// Closed when its thread ends, however it does.
    gone: oneshot::Receiver<()>,
}

impl Company {
    fn receive(
        guest: Guest,
        served: watch::Sender<Option<ServedBot>>,
        belongings: watch::Sender<Option<Belongings>>,
    ) -> Result<Self> {
        let (stage, stages) = watch::channel(Stage::Serving);
        let (here, gone) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("guest".to_owned())
            .spawn(move || {
                guest(Stay { stage: stages, served, belongings });
                drop(here);
            })
            .map_err(|error| Error::unavailable(format!("cannot start a thread: {error}")))?;
        Ok(Self { stage, gone })
    }

    /// Lets the guest finish what it has to say.
    async fn leave(self) {
        self.stage.send_replace(Stage::Drained);
        if timeout(LAST_WORDS, self.gone).await.is_err() {
            tracing::warn!("the front end in this process did not end in time");
        }
    }
}

/// Until the guest has gone, if there is one.
async fn gone(company: &mut Option<Company>) {
    match company {
        // An error is what tells of it: nothing is ever sent.
        Some(company) => drop((&mut company.gone).await),
        None => std::future::pending().await,
    }
    *company = None;
}

/// Tells all actors to end and waits until they have, at most so long.
async fn drained(shared: &Arc<Shared>, limit: Duration, command: fn() -> Command) {
    let mut departures = shared.departures.subscribe();
    shared.tell_all(command);
    let gone = async {
        while shared.is_at_work() {
            // The sender lives in `shared`.
            departures.changed().await.ok();
        }
    };
    if timeout(limit, gone).await.is_err() {
        tracing::warn!(left = shared.actor_count(), "not everything ended in time");
    }
}

/// Sessions in which a former host left something open get an actor at once: it recovers, then goes on.
async fn take_up(shared: &Arc<Shared>) -> Result<()> {
    let open = shared
        .store
        .read(|db| {
            let mut sessions = db.sessions_with_open_prompts()?;
            sessions.extend(db.children()?.into_iter().map(|child| child.session));
            sessions.extend(db.leases()?.into_keys());
            sessions.extend(db.pending_approvals(None)?.into_iter().map(|approval| approval.session_id));
            Ok(sessions)
        })
        .await?;
    for session in open {
        shared.look_after(session);
    }
    Ok(())
}

fn own_program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::failed(format!("cannot find the program itself: {e}")))
}
