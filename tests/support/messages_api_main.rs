//! The scripted Messages API by hand: `cargo run --example messages-api [-- --for SECONDS]`.
//!
//! Prints what the real CLI needs in its environment, then serves until its stdin ends or the time is up.

#[expect(dead_code, reason = "this server needs less of HTTP than the other")]
mod http;
#[expect(
    dead_code,
    clippy::panic,
    reason = "by hand nobody asks what was requested; the tests do, and want a panic when it is not there"
)]
mod messages_api;

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use messages_api::MessagesApi;

fn main() -> ExitCode {
    let time = match time_limit() {
        Ok(time) => time,
        Err(words) => {
            eprintln!("messages-api: {words}; usage: messages-api [--for SECONDS]");
            return ExitCode::from(2);
        }
    };
    match serve(time) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("messages-api: {error}");
            ExitCode::FAILURE
        }
    }
}

fn time_limit() -> Result<Option<Duration>, String> {
    let mut arguments = std::env::args().skip(1);
    let Some(flag) = arguments.next() else { return Ok(None) };
    if flag != "--for" {
        return Err(format!("unknown argument {flag}"));
    }
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok());
    seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(|| "--for needs seconds".to_owned())
}

fn serve(time: Option<Duration>) -> io::Result<()> {
    let api = MessagesApi::start()?;
    let mut out = io::stdout().lock();
    writeln!(out, "# The scripted Messages API is at {}", api.url())?;
    writeln!(out, "export ANTHROPIC_BASE_URL={} ANTHROPIC_API_KEY=dummy", api.url())?;
    writeln!(
        out,
        "export DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_TELEMETRY=1"
    )?;
    out.flush()?;
    match time {
        None => stdin_ends(),
        // With a time limit stdin may be closed already, as in the background of a script.
        Some(time) => {
            let (_open, nothing) = mpsc::channel::<()>();
            nothing.recv_timeout(time).ok();
        }
    }
    Ok(())
}

fn stdin_ends() {
    let mut ignored = [0; 4096];
    while io::stdin().lock().read(&mut ignored).is_ok_and(|read| read > 0) {}
}
