//! The configuration: defaults < file < environment < flags, and every value knows its origin.
//!
//! This room reads and judges; it never writes the file, so a broken one stays as its owner left it. It must not
//! know who uses a value, and takes the environment as [`Env`](crate::paths::Env) only.
//!
//! One table, [`keys::KEYS`], holds every key with its type and its words; parsing, `CLAUDEBOT_` variables,
//! `config show` and the reference are made from it. The machinery under it (`source`, `given`, `slot`) also
//! reads personas.

mod check;
mod duration;
mod given;
mod keys;
mod load;
mod memory;
pub(crate) mod moved;
mod reference;
mod slot;
mod source;
#[cfg(test)]
mod tests;
mod types;

pub(crate) use given::Given;
#[cfg(test)]
use keys::{ConfigKey, KEYS};
pub(crate) use slot::{Key, Slot, anything, not_an_option};
pub(crate) use source::{Problem, Source, report};
#[cfg(test)]
pub(crate) use types::Secret;
pub(crate) use types::{Config, Entry, OnInterrupted, TelegramConfig};
#[cfg(test)]
use types::{OnLimit, Origin};
