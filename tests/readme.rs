//! The README's first example, run as it stands: what it shows is what a newcomer sees.

use crate::support::home::Home;

/// The commands of the first `console` block with the output shown below each.
fn shown() -> Vec<(String, String)> {
    let readme = include_str!("../README.md");
    let block = readme.split("```console\n").nth(1).expect("the README shows a session");
    let block = block.split("```").next().expect("the block ends");
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push((command.to_owned(), String::new())),
            None => {
                let (_, output) = steps.last_mut().expect("the block begins with a command");
                output.push_str(line);
                output.push('\n');
            }
        }
    }
    steps
}

#[test]
fn the_first_example_is_true() {
    let home = Home::new();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_claudebot"), home.path().join("bin/claudebot")).unwrap();
    for (command, expected) in shown() {
        // One pipe for both streams: the README shows what a terminal shows.
        let mut shell = home.program("/bin/sh");
        shell.args(["-c", &format!("{command} 2>&1")]);
        let output = crate::support::process::Running::spawn(shell).wait(crate::support::PATIENCE);
        assert_eq!(output.stdout, expected, "$ {command}");
    }
}
