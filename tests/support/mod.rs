//! What the tests stand on: a home of their own, the real binary in it, the real CLI and a scripted API for it, and
//! a Telegram to play.

pub(crate) mod agent;
pub(crate) mod bot_api;
#[cfg(test)]
mod checks;
pub(crate) mod claude;
pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod messages_api;
pub(crate) mod process;
pub(crate) mod stream;
pub(crate) mod tree;

use std::time::Duration;

/// Longer than anything takes on a loaded machine with two cores: reached only when something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
