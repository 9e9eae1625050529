//! Help, man page and completions.

use super::Shell;
use crate::support::PATIENCE;

/// The commands of a help text.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// Everything there is, at 80 columns.
#[test]
fn every_help_text() {
    let mut shell = Shell::new();
    shell.home.set("NO_COLOR", "1");
    let mut left: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(path) = left.pop() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = shell.on_terminal(&arguments).expect_code(0).stdout;
        let wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{path:?}: {wide:#?}");
        for name in subcommands(&help).into_iter().rev() {
            left.push(path.iter().cloned().chain([name]).collect());
        }
    }
    shell.matches("help");
}

#[test]
fn without_a_command_it_is_help() {
    let shell = Shell::new();
    let plain = shell.home.run(&[]).expect_code(0);
    assert!(plain.stdout.contains("Commands:") && plain.stderr.is_empty(), "{plain:?}");
    let version = shell.home.run(&["--version"]).expect_code(0);
    assert_eq!(version.stdout, format!("claudebot {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_man_page_and_the_completions() {
    let shell = Shell::new();
    let man = shell.home.run(&["man"]).expect_code(0).stdout;
    assert!(man.contains(".TH claudebot 1"), "{man}");
    for (name, file) in [
        ("bash", "claudebot.bash"),
        ("zsh", "_claudebot"),
        ("fish", "claudebot.fish"),
        ("elvish", "claudebot.elv"),
        ("powershell", "_claudebot.ps1"),
    ] {
        let script = shell.home.run(&["completions", name]).expect_code(0).stdout;
        let path = format!("{}/completions/{file}", env!("CARGO_MANIFEST_DIR"));
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == script, "{path} is stale; run: claudebot completions {name} > completions/{file}");
    }
}

/// Tab knows sessions and personas, and is silent about anything that is wrong.
#[test]
fn names_are_completed() {
    let shell = Shell::with_session();
    let complete = |words: &str, index: u32| {
        let mut command = shell.home.command(&["--"]);
        command.args(words.split(' ')).env("_CLAUDEBOT_COMPLETE", "bash");
        command.env("_CLAP_COMPLETE_INDEX", index.to_string()).env("_CLAP_IFS", "\n");
        crate::support::process::Running::spawn(command).wait(PATIENCE)
    };
    assert_eq!(complete("claudebot session show w", 3).expect_code(0).stdout.trim(), "work");
    assert_eq!(complete("claudebot persona show pla", 3).expect_code(0).stdout.trim(), "planner");
    std::fs::write(shell.home.data_dir().join("claudebot.db"), "broken").expect("it is writable");
    let silent = complete("claudebot session show w", 3);
    assert_eq!((silent.code, silent.stderr.as_str()), (0, ""), "{silent:?}");
    assert!(shell.home.host().is_none());
}
