//! The host behind its socket, with the demo agent: what clients of it may rely on.

mod archives;
mod client;
mod draining;
mod interrupted;
mod places;
mod stuck;
mod waiting;
mod watching;
