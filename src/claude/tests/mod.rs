//! Tests of the room against what the real program was recorded to say and store.

mod command;
mod conversation;
mod lines;
mod process;
mod wire;

use std::path::PathBuf;

/// The releases that were recorded.
const RELEASES: [&str; 2] = ["2.1.197", "2.1.330"];

fn fixtures(release: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude").join(release)
}
