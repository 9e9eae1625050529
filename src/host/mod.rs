//! The one process of a data directory that owns live sessions and writes the store.

pub(crate) mod connection;
pub(crate) mod lock;
mod outbox;
pub(crate) mod short;
pub(crate) mod socket;
#[cfg(test)]
mod start_tests;

pub(crate) use outbox::{Replier, SharedPush, Unsubscribed};
