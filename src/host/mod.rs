//! The host: the one process per data directory that owns every live agent process and writes the store.
//!
//! Clients reach it through the socket (`ipc`). It must not know how anything is shown.

pub(crate) mod turn;
