//! Every number that the README promises, measured with the release build of the real binary on this machine:
//!
//! ```text
//! cargo bench                  all of it, about five minutes after the build
//! cargo bench -- turn load     only these: turn, send, list, search, start, memory, idle, load,
//!                              archive; of Telegram: chat, first, render, crowd
//! ```
//!
//! Each measurement runs in a home of its own, against real processes, and prints a row of a Markdown table at the
//! end. A row that misses its target says so, and the exit code is 1. Other work on the machine shows in the
//! numbers: measure while nothing else runs.
//!
//! Times across processes come from `CLOCK_MONOTONIC`, which is one clock for all of them. `turn` needs an agent
//! that reads this clock where bytes arrive and leave: this program, started under the name `claude`, is that
//! agent ([`stub`]). Memory and processor time come from `/proc`, so the whole runs on Linux only.

// Not what `cfg(test)` is for, but cargo sets it for this program too.
#![expect(clippy::panic, reason = "a measurement that cannot be made ends with the reason")]

mod archive;
mod client;
mod floor;
mod host;
mod idle;
mod list;
mod load;
mod measure;
mod memory;
mod process;
mod search;
mod send;
mod start;
mod stub;
mod telegram;
mod turn;

#[path = "../support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use the rest of it")]
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use measure::Row;

/// A name to ask for it by, and what it measures.
type Measurement = (&'static str, fn() -> Vec<Row>);

const ALL: [Measurement; 13] = [
    ("turn", turn::run),
    ("send", send::run),
    ("list", list::run),
    ("search", search::run),
    ("start", start::run),
    ("memory", memory::run),
    ("idle", idle::run),
    ("load", load::run),
    ("archive", archive::run),
    ("chat", telegram::chat::run),
    ("first", telegram::first::run),
    ("render", telegram::render::run),
    ("crowd", telegram::crowd::run),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    if arguments.next().is_some_and(|name| Path::new(&name).ends_with("claude")) {
        return stub::run();
    }
    if std::env::args().nth(1).as_deref() == Some(floor::RELAY) {
        return floor::relay(arguments.skip(1));
    }
    // Cargo itself adds flags (`--bench`).
    let wanted: Vec<String> = arguments.filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| ALL.iter().all(|(known, _)| known != name)) {
        eprintln!("no measurement {unknown}: there are {}", ALL.map(|(name, _)| name).join(", "));
        return ExitCode::from(2);
    }
    let mut rows = Vec::new();
    for (name, run) in ALL {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            let began = Instant::now();
            eprintln!("{name} …");
            rows.extend(run());
            eprintln!("{name}: {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    println!("\n{}\n", measure::machine());
    println!("{}", measure::table(&rows));
    if rows.iter().all(Row::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
