//! `completions`: scripts for shells, and the answers those scripts ask for at every Tab.
//!
//! The scripts are small and the same for every release: they call claudebot with [`VARIABLE`] set to the
//! shell's name and what was typed, so all five shells complete names of sessions and personas as they are.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use super::args::{Cli, CompletionsArgs, Shell};
use super::complete::VARIABLE;
use super::screen::{DONE, Finish, Screen};
use crate::error::Error;

const fn completer(shell: Shell) -> &'static dyn EnvCompleter {
    match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Elvish => &Elvish,
        Shell::Powershell => &Powershell,
    }
}

const SHELLS: [Shell; 5] = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::Powershell];

pub(crate) fn run(screen: Screen, args: &CompletionsArgs) -> Finish {
    let mut out = screen.out();
    out.raw(&script(args.shell)?)?;
    out.flush()?;
    Ok(DONE)
}

fn script(shell: Shell) -> Result<Vec<u8>, Error> {
    let mut script = Vec::new();
    completer(shell)
        .write_registration(VARIABLE, "claudebot", "claudebot", "claudebot", &mut script)
        .map_err(|error| Error::failed(format!("cannot write the completion script: {error}")))?;
    Ok(script)
}

/// The short form of `session` is for typing; offered, it would stand in the way of the whole word.
fn completed_command() -> clap::Command {
    Cli::command().mut_subcommand("session", |session| session.visible_alias(None::<&'static str>).alias("s"))
}

/// Answers a script: `args` are ours up to `--`, then the words on the command line. Says nothing on stderr,
/// which would land in the middle of what the person types.
pub(crate) fn answer(shell: &OsStr, args: Vec<OsString>) -> ExitCode {
    let Some(completer) =
        SHELLS.into_iter().map(completer).find(|known| shell.to_str().is_some_and(|s| known.is(s)))
    else {
        return ExitCode::FAILURE;
    };
    let words: Vec<OsString> = args.into_iter().skip_while(|arg| arg != "--").skip(1).collect();
    let here = std::env::current_dir().ok();
    let mut found = Vec::new();
    let completed = completer.write_complete(&mut completed_command(), words, here.as_deref(), &mut found);
    match completed.and_then(|()| std::io::stdout().write_all(&found)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn file(shell: Shell) -> &'static str {
        match shell {
            Shell::Bash => "claudebot.bash",
            Shell::Zsh => "_claudebot",
            Shell::Fish => "claudebot.fish",
            Shell::Elvish => "claudebot.elv",
            Shell::Powershell => "_claudebot.ps1",
        }
    }

    #[test]
    fn the_generated_files_are_current() {
        for shell in SHELLS {
            let path = format!("{}/completions/{}", env!("CARGO_MANIFEST_DIR"), file(shell));
            let stored = std::fs::read(&path).unwrap_or_default();
            let name = completer(shell).name();
            assert!(
                stored == script(shell).unwrap(),
                "completions/{0} is stale; run: cargo run -- completions {name} > completions/{0}",
                file(shell)
            );
        }
    }

    #[test]
    fn commands_and_flags_are_completed() {
        let complete = |words: &[&str]| {
            let mut found = Vec::new();
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            Fish.write_complete(&mut completed_command(), words, None, &mut found).unwrap();
            String::from_utf8(found).unwrap()
        };
        assert!(complete(&["claudebot", "se"]).contains("session"));
        assert!(complete(&["claudebot", "session", "new", "--sc"]).contains("--scratch"));
        assert!(complete(&["claudebot", "s", "new", "--sc"]).contains("--scratch"));
        assert!(complete(&["claudebot", ""]).lines().all(|line| line.split('\t').next() != Some("s")));
    }
}
