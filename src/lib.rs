//! claudebot: your Claude Code sessions live in one place and you can reach them from the shell, from a
//! full-screen terminal browser and from Telegram, all at once, with nothing lost.
//!
//! # The map of the house
//!
//! | room | what it is for |
//! |---|---|
//! | [`error`] | errors for people, and their exit codes |
//! | [`paths`] | where things lie, from an injected environment |
//! | [`config`] | defaults < file < environment < flags, every value with its origin |
//! | [`model`] | the words as plain data, no I/O |
//! | [`search`] | the language of a search, and what it finds in a text |
//! | [`claude`] | the vendor's protocol and files; imports nothing of ours |
//! | [`persona`] | who Claude is in a session |
//! | [`sqlite`] | what our databases have in common: files, columns, failures |
//! | [`store`] | all SQL of the host |
//! | [`archive`] | a session in one verified file, and back |
//! | [`export`] | a session as a document: events in, Markdown or HTML out |
//! | [`highlight`] | code in classes that can be coloured |
//! | [`ipc`] | requests, events, the socket's client |
//! | [`host`] | the one process that owns live sessions and writes the store |
//! | [`telegram`] | the bridge to Telegram: one more client of the host |
//! | [`cli`] | the command line |
//! | [`demo`] | the demo agent, which needs no account |
//!
//! # What always holds
//!
//! 1. One process per data directory owns children and writes the store: the host, under a file lock.
//! 2. Every front end speaks the same [`ipc::Request`]; without a host, short ones run the same handler in-process.
//! 3. The event log is the truth; notifications are hints. A subscriber says "after seq N" and gets the rest.
//! 4. A prompt is stored before it is acknowledged; the same key twice is one prompt.
//! 5. Vendor types stop at `host::translate`. Unknown messages are kept, never fatal.
//! 6. Never two processes on one conversation. A stop we asked for is not a crash.
//! 7. Only pure code decides; `select!` only gathers.
//!
//! `tests/architecture.rs` reads the imports and holds the arrows between the rooms.

mod archive;
mod claude;
mod cli;
mod config;
mod demo;
mod error;
mod export;
mod highlight;
mod host;
mod ipc;
mod model;
mod paths;
mod persona;
mod search;
mod sqlite;
mod store;
mod telegram;

/// Runs the command line: `args` with the program's name in front, as the system gives them.
pub fn run(args: impl Iterator<Item = std::ffi::OsString>) -> std::process::ExitCode {
    cli::run(args)
}

/// For `cargo bench` alone: what it cannot measure through a process.
#[doc(hidden)]
pub mod bench {
    use std::path::Path;

    use crate::store::fill;
    use crate::telegram::render::{Stream, markdown, split};

    /// Fills the session database of a new home with so many events, of which `texts` gives the words; no host may
    /// run there.
    pub fn fill_store(
        database: &Path,
        events: u64,
        texts: &mut dyn FnMut(u64) -> String,
    ) -> Result<(), String> {
        fill(database, events, texts).map_err(|error| error.to_string())
    }

    /// Renders a reply in Markdown for Telegram, and counts the messages that it takes.
    #[must_use]
    pub fn pieces(reply: &str) -> usize {
        split(markdown(reply)).len()
    }

    /// A reply that grows.
    #[derive(Debug, Default)]
    pub struct Growing(Stream);

    impl Growing {
        pub fn push(&mut self, delta: &str) {
            self.0.push(delta);
        }

        /// Renders what is shown of it, and gives its length.
        #[must_use]
        pub fn view(&self) -> usize {
            self.0.tail().units()
        }
    }
}
