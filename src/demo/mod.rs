//! The demo agent: a program that speaks stream-json on stdin and stdout as Claude Code 2.1.330 does, needs no
//! account and no network, and says of itself that it is a demo.
//!
//! It is started by the hidden `claudebot demo-agent` with the arguments that the host gives to `claude`, keeps its
//! conversations under `$CLAUDE_CONFIG_DIR` in Claude's own format, and so everything around it (queue, approvals,
//! recovery, archive) is real. What it answers is scripted ([`script`]).
//!
//! The room must not know the host, the store or the reader of the protocol: it writes the wire format itself, from
//! the recorded transcripts, so that a mistake in the reader cannot hide in a shared type.

mod agent;
mod args;
mod calls;
mod control;
mod conversation;
mod message;
mod outside;
mod script;
mod slash;
mod tools;
mod tour;
mod turn;
mod wire;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::paths::Env;

pub(crate) use tour::{DemoAnswer, INTRO, SCRIPT};

use agent::Agent;
use args::Args;
use conversation::Conversation;
use outside::Stdio;

/// The release whose protocol the demo speaks.
const PROTOCOL_OF: &str = "2.1.330";

/// Runs the demo agent until its stdin ends, as `claude` does. `args` are those after `demo-agent`.
pub(crate) fn agent(args: Vec<OsString>, env: &Env) -> ExitCode {
    let served = Args::parse(args).and_then(|args| serve(&args, env));
    served.map_or_else(
        |message| {
            eprintln!("{message}");
            ExitCode::FAILURE
        },
        ExitCode::from,
    )
}

/// It never falls back to `~/.claude`: a demo must not write among real conversations.
fn serve(args: &Args, env: &Env) -> Result<u8, String> {
    if args.version {
        // A reader that is gone has seen enough.
        writeln!(std::io::stdout(), "{PROTOCOL_OF} (claudebot demo)").ok();
        return Ok(0);
    }
    let config_dir = env
        .get("CLAUDE_CONFIG_DIR")
        .ok_or("Error: the demo agent keeps its conversations in $CLAUDE_CONFIG_DIR, which is not set.")?;
    let cwd = std::env::current_dir()
        .and_then(std::fs::canonicalize)
        .map_err(|error| format!("Error: the working directory is gone: {error}"))?;
    outside::exit_143_on_sigterm().map_err(|error| format!("Error: cannot watch for SIGTERM: {error}"))?;
    let mut stdio = Stdio::start().map_err(|error| format!("Error: cannot read stdin: {error}"))?;
    match Conversation::open(Path::new(config_dir), cwd, args.start)? {
        Some(conversation) => Ok(Agent::new(args, conversation, stdio).run()),
        None => {
            let id = args.start.id();
            outside::Outside::write(&mut stdio, &wire::unknown_conversation(id));
            Err(format!("No conversation found with session ID: {id}"))
        }
    }
}
