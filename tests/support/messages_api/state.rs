//! What the server's threads share, and how they wait for each other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ApiRequest;
use super::script::Piece;
use super::stream::Outcome;

/// A reply that nobody releases ends by itself, so that a failing test cannot hang its agent.
const LONGEST_HOLD: Duration = Duration::from_secs(120);

#[derive(Default)]
pub(super) struct State {
    /// By the number of their connection.
    pub(super) requests: BTreeMap<u64, ApiRequest>,
    pub(super) open_gates: HashSet<String>,
    /// How often a flaky prompt has failed.
    pub(super) failures: HashMap<String, u32>,
    /// Sockets in use, to be shut when the server ends.
    connections: HashMap<u64, TcpStream>,
    /// Connections whose client has hung up.
    hung_up: HashSet<u64>,
    stopping: bool,
}

#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told about every change of `state`.
    changed: Condvar,
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
    pub(super) fn wait<T>(&self, timeout: Duration, mut ready: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if let Some(result) = ready(&state) {
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
            for connection in state.connections.values() {
                // Already closed by the other side is as good.
                connection.shutdown(Shutdown::Both).ok();
            }
        });
    }

    /// False: the server is ending and takes no more.
    pub(super) fn admit(&self, number: u64, stream: &TcpStream) -> bool {
        self.change(|state| {
            let Some(copy) = stream.try_clone().ok().filter(|_| !state.stopping) else { return false };
            state.connections.insert(number, copy);
            true
        })
    }

    /// Closes the connection, which the client sees as the end of its reply.
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

    pub(super) fn update(&self, number: u64, update: impl FnOnce(&mut ApiRequest)) {
        self.change(|state| state.requests.get_mut(&number).map(update));
    }

    /// Waits as the script says; false: the reply ends here.
    pub(super) fn pause(&self, number: u64, piece: &Piece) -> bool {
        let gone = |state: &State| state.hung_up.contains(&number).then_some(false);
        match piece {
            Piece::Delta(_) => true,
            Piece::Cut => false,
            Piece::Pause(time) => self.wait(*time, gone).unwrap_or(!self.lock().stopping),
            Piece::Hold(gate) => {
                self.update(number, |request| request.held_at = Some(gate.clone()));
                let open = |state: &State| state.open_gates.contains(gate).then_some(true);
                let went_on = self.wait(LONGEST_HOLD, |state| gone(state).or_else(|| open(state)));
                self.update(number, |request| request.held_at = None);
                went_on.unwrap_or(false)
            }
        }
    }

    pub(super) fn finish(&self, number: u64, outcome: Outcome) {
        self.update(number, |request| request.outcome = outcome);
    }
}
