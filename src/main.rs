//! Parse, run, error → exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(command) if command == "demo-agent" => claudebot::demo_agent(args.collect()),
        _ => ExitCode::from(2),
    }
}
