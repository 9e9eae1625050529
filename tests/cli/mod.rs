//! The command line as people and scripts see it: what is printed, on which stream, and the exit code.
//!
//! Each test is a [`Shell`]: a home of its own in which commands run one after the other, written down as a
//! person would see them, and compared with a file in `tests/snapshots`. `cargo insta review` (or
//! `INSTA_UPDATE=always`) takes a change over.

mod adopting;
mod agents;
mod answers;
mod archives;
mod cleaning;
mod everyday;
mod exports;
mod files;
mod help;
mod hosts;
mod moving;
mod names;
mod pairing;
mod prompts;
mod rules;
mod searches;
mod shell;
mod stub;

pub(crate) use shell::Shell;
