//! The host: the one process per data directory that owns every live agent process and writes the store.
//!
//! Clients reach it through the socket (`ipc`); `router` brings each request to whoever carries it out: the
//! short handler (which also runs in a client's process when no host is up), the session's actor, or a long
//! task. It must not know how anything is shown.

mod actor;
mod adopt;
pub(crate) mod checkup;
mod clean;
mod commands;
pub(crate) mod connection;
mod feed;
mod history;
pub(crate) mod in_process;
mod lease;
pub(crate) mod lock;
mod logging;
mod long;
mod outbox;
mod places;
mod recover;
pub(crate) mod retention;
mod router;
mod run;
mod shared;
pub(crate) mod short;
mod signals;
pub(crate) mod socket;
#[cfg(test)]
mod start_tests;
mod tools;
mod translate;
mod turn;

pub(crate) use outbox::{Replier, SharedPush};
pub(crate) use run::{Belongings, Guest, HostMode, HostOptions, run};
use shared::Shared;
