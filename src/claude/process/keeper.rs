//! The task that owns the child: waits for it, stops it, and reports its end when nothing is left of it.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::pipes::Tail;
use super::{Exit, Output};
use crate::claude::tree::{self, Identity};
use crate::claude::wire::Outgoing;

/// How long pipes are read after the child has ended, if something else holds them open.
const DRAIN: Duration = Duration::from_millis(500);
/// How long what the child left behind may take to end after a SIGTERM.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// What the owner of the handle wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Run,
    /// Stdin is closed, the rest is Claude's.
    #[cfg_attr(not(test), expect(dead_code, reason = "the host always stops what it ends"))]
    Close,
    Stop {
        since: Instant,
        grace: Duration,
    },
}

pub(super) struct Keeper {
    pub(super) child: Child,
    pub(super) identity: Identity,
    pub(super) ordered: watch::Receiver<Order>,
    /// Keeps stdin open until the descendants are listed: a child that ends before leaves them without a
    /// parent to find them by.
    pub(super) input: Option<mpsc::Sender<Outgoing>>,
    pub(super) ended: watch::Sender<Option<tokio::time::Instant>>,
    pub(super) events: mpsc::Sender<Output>,
    pub(super) writer: JoinHandle<()>,
    pub(super) reader: JoinHandle<Option<String>>,
    pub(super) errors: JoinHandle<()>,
    pub(super) tail: Arc<Tail>,
}

/// The signals that are still to be sent, and when.
#[derive(Debug, Clone, Copy, Default)]
struct Plan {
    term: Option<tokio::time::Instant>,
    kill: Option<tokio::time::Instant>,
}

impl Plan {
    fn new(since: Instant, grace: Duration) -> Self {
        let since = tokio::time::Instant::from_std(since);
        Self { term: Some(since + grace / 2), kill: Some(since + grace) }
    }

    fn next(self) -> Option<tokio::time::Instant> {
        self.term.or(self.kill)
    }
}

impl Keeper {
    pub(super) async fn run(mut self) {
        let mut family = Vec::new();
        let status = self.wait(&mut family).await;
        // Only orders make an end one that was asked for; one that came later did not cause it.
        let asked = *self.ordered.borrow() != Order::Run;
        self.writer.abort();
        self.ended.send_replace(Some(tokio::time::Instant::now() + DRAIN));
        family.extend(self.orphaned_group());
        family.retain(tree::is_alive);
        tree::stop_all(&family, LEFTOVERS).await;
        // A task that failed has nothing to add; the exit is reported all the same.
        let failure = self.reader.await.ok().flatten();
        self.errors.await.ok();
        let exit = Exit::new(status, asked, self.tail.text(), failure);
        // Without an owner there is nobody to tell.
        self.events.send(Output::Exited(exit)).await.ok();
    }

    /// Waits for the end, and brings it about when ordered to. `family` collects what it has started.
    async fn wait(&mut self, family: &mut Vec<Identity>) -> std::io::Result<ExitStatus> {
        let mut plan = Plan::default();
        let mut has_owner = true;
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => return status,
                order = next_order(&mut self.ordered), if has_owner => {
                    note_descendants(self.identity, family);
                    self.input = None;
                    match order {
                        Some(Order::Stop { since, grace }) => plan = Plan::new(since, grace),
                        Some(Order::Run | Order::Close) => {}
                        None => has_owner = false,
                    }
                }
                () = reached(plan.next()) => self.advance(&mut plan, family),
            }
        }
    }

    /// Sends the signal that is due.
    fn advance(&self, plan: &mut Plan, family: &mut Vec<Identity>) {
        note_descendants(self.identity, family);
        // What runs outside of the group gets its SIGTERM when Claude has ended: a tool that dies under it
        // would look like a result to go on with.
        if plan.term.take().is_some() {
            self.signal_group(Signal::TERM);
            return;
        }
        if plan.kill.take().is_some() {
            self.signal_group(Signal::KILL);
            tree::signal_all(family, Signal::KILL);
        }
    }

    /// The child is not reaped before [`Keeper::wait`] returns, so its number is still its own.
    fn signal_group(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.identity.pid).ok().and_then(Pid::from_raw) {
            // The group can only be missing when the child has ended, which is what is wanted.
            kill_process_group(group, signal).ok();
        }
    }

    /// What is left of the child's process group after its end.
    fn orphaned_group(&self) -> Vec<Identity> {
        let members = tree::group_members(self.identity.pid);
        // A group that has its leader is not the one whose leader was just reaped.
        let is_foreign = members.iter().any(|member| member.pid == self.identity.pid);
        if is_foreign { Vec::new() } else { members }
    }
}

fn note_descendants(identity: Identity, family: &mut Vec<Identity>) {
    for descendant in tree::descendants(identity.pid) {
        if !family.contains(&descendant) {
            family.push(descendant);
        }
    }
}

/// The next order; None once the handle is gone.
async fn next_order(ordered: &mut watch::Receiver<Order>) -> Option<Order> {
    ordered.changed().await.ok()?;
    Some(*ordered.borrow_and_update())
}

async fn reached(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
