//! A Messages API on loopback whose model follows a script ([`script`] has the table of prompts), so that the
//! real CLI can be tested without an account, and a test decides when a reply goes on.
//!
//! One thread per request; everything ends when the [`MessagesApi`] is dropped.

mod conversation;
mod script;
mod serve;
mod state;
mod stream;

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

pub(crate) use self::conversation::{Conversation, Purpose};
use self::state::Shared;
pub(crate) use self::stream::Outcome;

/// What was asked of the API, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct ApiRequest {
    pub(crate) purpose: Purpose,
    pub(crate) model: String,
    pub(crate) conversation: Conversation,
    /// The CLI's own id of its conversation.
    pub(crate) session: Option<String>,
    /// The body as it came; [`Self::body`] reads it.
    raw: Arc<[u8]>,
    pub(crate) outcome: Outcome,
    /// The gate that the reply stands at.
    pub(crate) held_at: Option<String>,
}

impl ApiRequest {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap_or_default()
    }

    /// The system prompt as one text.
    pub(crate) fn system(&self) -> String {
        conversation::text_of(&self.body()["system"])
    }

    /// The newest prompt that nothing had answered yet.
    pub(crate) fn prompt(&self) -> Option<&str> {
        self.conversation.prompt()
    }
}

/// The server. It stops when this is dropped.
pub(crate) struct MessagesApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl MessagesApi {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let acceptor = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("messages-api".into())
                .spawn(move || serve::accept(&listener, &shared))?
        };
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    /// For `ANTHROPIC_BASE_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything asked so far, oldest first.
    pub(crate) fn requests(&self) -> Vec<ApiRequest> {
        self.shared.lock().requests.values().cloned().collect()
    }

    /// The prompts of the conversation's turns in the order in which they were asked.
    pub(crate) fn prompts(&self) -> Vec<String> {
        let state = self.shared.lock();
        let turns = state.requests.values().filter(|request| request.purpose == Purpose::Turn);
        turns.filter_map(|request| request.prompt().map(str::to_owned)).collect()
    }

    /// Forgets what was asked, so that a long run does not fill the memory.
    pub(crate) fn forget(&self) {
        self.shared.change(|state| state.requests.retain(|_, request| request.outcome == Outcome::Open));
    }

    /// Lets every reply that stands at this gate go on, now and later.
    pub(crate) fn release(&self, gate: &str) {
        self.shared.change(|state| state.open_gates.insert(gate.to_owned()));
    }

    /// The first request, past or coming, that fits. Panics with what was asked instead when the time is up.
    pub(crate) fn wait_for(&self, fits: impl Fn(&ApiRequest) -> bool, timeout: Duration) -> ApiRequest {
        let found = self.shared.wait(timeout, |state| state.requests.values().find(|r| fits(r)).cloned());
        found.unwrap_or_else(|| panic!("no such request within {timeout:?}; asked were:\n{}", self.summary()))
    }

    /// Waits until a reply stands at the gate: its first word is sent, the rest is not.
    pub(crate) fn wait_held(&self, gate: &str, timeout: Duration) -> ApiRequest {
        self.wait_for(|request| request.held_at.as_deref() == Some(gate), timeout)
    }

    fn summary(&self) -> String {
        let mut out = String::new();
        for ApiRequest { purpose, conversation, outcome, held_at, .. } in self.requests() {
            let last = conversation.prompt().unwrap_or("(no new prompt)");
            let last: String = last.chars().take(100).collect();
            writeln!(out, "- {purpose:?} {last:?}: {outcome:?}, held at {held_at:?}").ok();
        }
        out
    }
}

impl Drop for MessagesApi {
    fn drop(&mut self) {
        self.shared.stop();
        // A connection wakes the acceptor, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
    }
}
