//! Tests of the room against what the real program was recorded to say and store.

mod command;
mod conversation;
mod files;
mod lines;
mod process;
mod said;
mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The releases that were recorded.
const RELEASES: [&str; 2] = ["2.1.197", "2.1.330"];

fn fixtures(release: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude").join(release)
}

/// Makes a file that may be executed at once. It is written by another process: while this one has a file
/// open for writing, a test that starts a child at that moment hands it on, and the file is "busy".
fn install(path: &Path, content: &[u8], mode: &str) {
    let source = path.with_extension("source");
    std::fs::write(&source, content).unwrap();
    let status = Command::new("install").args(["-m", mode]).args([&source, &path.to_owned()]).status();
    assert!(status.unwrap().success());
}
