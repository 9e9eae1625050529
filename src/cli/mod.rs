//! The command line: one file per subcommand, over `ipc` and the host's in-process handler.
//!
//! This room knows arguments, terminals and exit codes. It must not know SQL, the vendor's protocol, or how a
//! request is carried out. What needs no runtime, no configuration and no paths is done before they are there.

mod answer;
mod approvals;
mod archive;
mod args;
mod ask;
mod clean;
mod complete;
mod completions;
mod config;
mod confirm;
mod ctx;
mod demo;
mod doctor;
mod host;
mod log;
mod man;
mod moving;
mod pair;
mod persona;
mod progress;
mod screen;
mod search;
mod send;
mod serve;
mod session;
mod stats;
mod status;
mod table;
mod telegram;
mod text;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::paths::Env;
use args::{Cli, Command};
use ctx::Ctx;
use screen::{DONE, Finish, Screen};

/// Runs the command that `args` (with the program's name in front) asks for.
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    // An agent's start is part of a turn's time, and its arguments are Claude Code's, not ours.
    if args.get(1).is_some_and(|first| first == "demo-agent") {
        let agents = args.into_iter().skip(2).collect();
        return crate::demo::agent(agents, &Env::from_process());
    }
    let env = Env::from_process();
    if let Some(shell) = env.get(complete::VARIABLE) {
        return completions::answer(shell, args);
    }
    let screen = Screen::of_process(&env);
    let code = match Cli::try_parse_from(args) {
        Ok(cli) => screen.finish(dispatch(env, screen, cli)),
        Err(error) => usage(&error),
    };
    ExitCode::from(code)
}

/// clap's own words, for help, version and mistakes alike.
fn usage(error: &clap::Error) -> u8 {
    // A reader that wants no more help has closed the pipe: nothing to report to anybody.
    error.print().ok();
    u8::try_from(error.exit_code()).unwrap_or(2)
}

fn dispatch(env: Env, screen: Screen, cli: Cli) -> Finish {
    match cli.command {
        None => help(screen),
        Some(Command::Completions(args)) => completions::run(screen, &args),
        Some(Command::Man(args)) => man::run(screen, &args),
        Some(Command::DemoAgent { .. }) => Ok(DONE),
        Some(command) => with_paths(&Ctx::new(env, screen)?, command),
    }
}

fn with_paths(ctx: &Ctx, command: Command) -> Finish {
    match command {
        Command::Session(command) => session::run(ctx, command),
        Command::Archive(command) => archive::run(ctx, command),
        Command::Move(command) => moving::run(ctx, command),
        Command::Send(args) => send::run(ctx, &args),
        Command::Log(args) => log::run(ctx, &args),
        Command::Search(args) => search::run(ctx, &args),
        Command::Status(args) => status::run(ctx, &args),
        Command::Approvals(args) => approvals::run(ctx, args),
        Command::Approve(args) => answer::approve(ctx, args),
        Command::Deny(args) => answer::deny(ctx, args),
        Command::Serve(args) => serve::run(ctx, &args),
        Command::Telegram(command) => telegram::run(ctx, &command),
        Command::Pair(args) => pair::run(ctx, args),
        Command::Persona(command) => persona::run(ctx, command),
        Command::Config(command) => config::run(ctx, command),
        Command::Doctor(args) => doctor::run(ctx, &args),
        Command::Stats(args) => stats::run(ctx, args),
        Command::Clean(args) => clean::run(ctx, &args),
        Command::Host(command) => host::run(ctx, command),
        Command::Demo(args) => demo::run(ctx, &args),
        Command::Completions(_) | Command::Man(_) | Command::DemoAgent { .. } => Ok(DONE),
    }
}

fn help(screen: Screen) -> Finish {
    let mut out = screen.out();
    let help = Cli::command().render_help();
    let help = if screen.colour_on_stdout() { help.ansi().to_string() } else { help.to_string() };
    out.raw(help.as_bytes())?;
    out.flush()?;
    Ok(DONE)
}
