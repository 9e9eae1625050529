//! The configuration: defaults < file < environment < flags, and every value knows its origin.
//!
//! This room reads and judges; it never writes the file, so a broken one stays as its owner left it. It must not
//! know who uses a value, and takes the environment as [`Env`](crate::paths::Env) only.

mod types;

pub(crate) use types::{
    ArchiveConfig, ClaudeConfig, Config, Entry, HostConfig, LogConfig, NotifyConfig, OnInterrupted, OnLimit,
    Origin, Secret, SessionConfig, TelegramConfig,
};
