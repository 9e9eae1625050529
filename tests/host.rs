//! The host behind its socket, with the demo agent: what clients of it may rely on.

mod archives;
mod client;
mod commands;
mod draining;
mod interrupted;
mod moving;
mod pairing;
mod places;
mod stuck;
mod waiting;
mod watching;
