//! Parse, run, error → exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    claudebot::run(std::env::args_os())
}
