//! What the server's threads and the test share, and how they wait for each other.

use std::collections::{HashMap, HashSet};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::fault::Faults;
use super::limits::Meter;
use super::transcript::Transcript;
use super::updates::Updates;
use super::world::World;

/// Longer than anything takes on a loaded machine: reached only when something hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The time of the stand-in, which a test may put ahead.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    started_at: Duration,
    pub(super) ahead: Duration,
}

impl Clock {
    fn start() -> Self {
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_at, ahead: Duration::ZERO }
    }

    /// Since the start, with what it was put ahead.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed() + self.ahead
    }

    /// As messages carry it.
    pub(super) fn date(&self) -> u64 {
        (self.started_at + self.now()).as_secs()
    }

    /// As the transcript carries it: never put ahead.
    pub(super) fn nanos(&self) -> u64 {
        self.started.elapsed().as_nanos().try_into().unwrap_or(u64::MAX)
    }
}

pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) world: World,
    pub(super) updates: Updates,
    pub(super) faults: Faults,
    pub(super) meter: Meter,
    pub(super) transcript: Transcript,
    /// Connections are cut before anything is read.
    pub(super) down: bool,
    pub(super) open_gates: HashSet<String>,
    /// Gates at which a call stands, by connection.
    pub(super) held: HashMap<u64, String>,
    /// Sockets in use, to be shut when the server ends.
    connections: HashMap<u64, TcpStream>,
    /// Connections whose client has hung up.
    hung_up: HashSet<u64>,
    stopping: bool,
}

impl State {
    /// Whether the client of this connection has hung up.
    pub(super) fn is_gone(&self, number: u64) -> bool {
        self.hung_up.contains(&number)
    }

    /// Hands the bot an update, if it wants such ones.
    pub(super) fn push(&mut self, kind: &str, content: Value) -> Option<i64> {
        self.updates.push(self.clock.now(), kind, content)
    }

    pub(super) fn cut_all(&mut self) {
        for connection in self.connections.values() {
            // Already closed by the other side is as good.
            connection.shutdown(Shutdown::Both).ok();
        }
    }
}

pub(super) struct Shared {
    state: Mutex<State>,
    /// Told about every change of `state`.
    changed: Condvar,
}

impl Default for Shared {
    fn default() -> Self {
        let state = State {
            clock: Clock::start(),
            world: World::default(),
            updates: Updates::default(),
            faults: Faults::default(),
            meter: Meter::default(),
            transcript: Transcript::default(),
            down: false,
            open_gates: HashSet::new(),
            held: HashMap::new(),
            connections: HashMap::new(),
            hung_up: HashSet::new(),
            stopping: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `ready` gives something, the server stops, or the time is up.
    pub(super) fn wait<T>(
        &self,
        timeout: Duration,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if let Some(result) = ready(&mut state) {
                return Some(result);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.stopping {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends every wait and every connection.
    pub(super) fn stop(&self) {
        self.change(|state| {
            state.stopping = true;
            state.cut_all();
        });
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// False: this connection is not served.
    pub(super) fn admit(&self, number: u64, stream: &TcpStream) -> bool {
        self.change(|state| {
            let Ok(copy) = stream.try_clone() else { return false };
            if state.stopping || state.down {
                copy.shutdown(Shutdown::Both).ok();
                return false;
            }
            state.connections.insert(number, copy);
            true
        })
    }

    pub(super) fn close(&self, number: u64, stream: &TcpStream) {
        stream.shutdown(Shutdown::Both).ok();
        self.change(|state| {
            state.connections.remove(&number);
            state.hung_up.remove(&number);
        });
    }

    pub(super) fn hang_up(&self, number: u64) {
        self.change(|state| state.hung_up.insert(number));
    }
}
