//! Names that fit nothing, several, or nothing that may be: sessions, personas, models, directories, settings.

use super::Shell;

fn shell_with(names: &[&str]) -> Shell {
    let shell = Shell::new();
    for name in names {
        shell.home.run(&["session", "new", name, "--agent", "demo"]).expect_code(0);
    }
    shell
}

/// A prefix will do where nothing is lost by a slip; every candidate is named where it will not.
#[test]
fn unknown_and_ambiguous_sessions() {
    let mut shell = shell_with(&["work", "workshop", "garden"]);
    for command in [
        &["session", "show", "nope"][..],
        &["session", "show", "wo"],
        &["session", "show", "grden"],
        &["session", "switch", "works"],
        &["session", "rename", "wor", "x"],
        &["session", "tag", "nope", "a"],
        &["session", "pin", "wo"],
        &["session", "sleep", "nope"],
        &["session", "queue", "nope", "--run"],
        &["log", "wo"],
        &["stats", "nope"],
        &["approvals", "nope"],
        &["send", "-s", "nope", "hello"],
        &["send", "-s", "wo", "hello"],
    ] {
        shell.run(command);
    }
    shell.matches("names_unknown_and_ambiguous");
}

/// What ends or removes something takes no prefix, not even a unique one.
#[test]
fn some_commands_take_no_prefix() {
    let mut shell = shell_with(&["work", "garden"]);
    shell.run(&["session", "stop", "gar"]).expect_code(3);
    shell.run(&["session", "archive", "gar"]).expect_code(3);
    shell.run(&["session", "delete", "gar", "--yes"]).expect_code(3);
    shell.run(&["session", "stop", "garden"]).expect_code(0);
    shell.matches("names_no_prefix");
    assert_eq!(shell.home.run(&["session", "list", "--json"]).json().as_array().map(Vec::len), Some(2));
}

#[test]
fn no_session_is_current() {
    let mut shell = Shell::new();
    shell.run(&["send", "hello"]).expect_code(3);
    shell.run(&["session", "show"]).expect_code(3);
    shell.run(&["log"]).expect_code(3);
    shell.run(&["session", "switch"]).expect_code(0);
    shell.run(&["session", "switch", "--json"]).expect_code(3);
    shell.home.set("CLAUDEBOT_SESSION", "gone");
    shell.run(&["send", "hello"]).expect_code(3);
    shell.home.unset("CLAUDEBOT_SESSION");
    shell.matches("names_no_current");
}

#[test]
fn unusable_and_taken_names() {
    let mut shell = shell_with(&["work", "play"]);
    let long = "x".repeat(65);
    for name in
        ["work", "", "a b", "a/b", "..", "-x", "--", "tab\there", "e\u{1b}[31mred", "rtl\u{202e}txt", &long]
    {
        shell.run(&["session", "new", name]);
        shell.run(&["session", "rename", "play", name]);
    }
    shell.run(&["session", "new"]).expect_code(2);
    shell.run(&["session", "rename", "play", "work"]).expect_code(1);
    shell.run(&["session", "rename", "play", "play"]);
    shell.run(&["session", "new", "ok", "--tag", "a b"]).expect_code(2);
    shell.run(&["session", "tag", "work", "\u{1b}[2J"]).expect_code(2);
    shell.matches("names_unusable");
    assert_eq!(shell.home.run(&["session", "list", "--json"]).json().as_array().map(Vec::len), Some(2));
}

#[test]
fn directories() {
    let mut shell = Shell::new();
    let home = shell.home.path().to_owned();
    let file = shell.home.write("project/file", "");
    let home_text = home.display().to_string();
    for dir in ["/", &home_text, "/no/such/place", &file.display().to_string(), "../project/../..", "nolab"] {
        shell.run(&["session", "new", "work", "--dir", dir]).expect_code(2);
    }
    shell.run_in(&home, &["session", "new", "work"]).expect_code(2);
    shell.run(&["session", "new", "work", "--dir", ".", "--scratch"]).expect_code(2);
    shell.note("nothing was made; with a yes it is");
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["session", "new", "work", "--agent", "demo", "--dir", "/", "--yes"]).expect_code(0);
    shell.matches("names_directories");

    let gone = home.join("gone");
    let script = format!("mkdir {0} && cd {0} && rmdir {0} && claudebot session new here", gone.display());
    let mut shell = Shell::new();
    shell.script(&script.replace(&home_text, &shell.home.path().display().to_string())).expect_code(2);
    shell.matches("names_directory_removed");
}

#[test]
fn personas_and_models() {
    let mut shell = Shell::new();
    shell.run(&["session", "new", "a", "--persona", "planer"]).expect_code(3);
    shell.run(&["session", "new", "a", "--persona", "../etc/passwd"]);
    shell.run(&["session", "new", "a", "--model", "opsu"]).expect_code(2);
    shell.run(&["session", "new", "a", "--model", "gpt"]).expect_code(2);
    shell.run(&["session", "new", "a", "--agent", "dmo"]).expect_code(2);
    shell
        .run(&["session", "new", "a", "--agent", "demo", "--model", "claude-opus-4-1-20250805"])
        .expect_code(0);
    shell.run(&["persona", "show", "plan"]).expect_code(3);
    shell.run(&["persona", "check", "nope"]).expect_code(3);
    shell.matches("names_personas_and_models");
}

#[test]
fn persona_files() {
    let mut shell = Shell::new();
    let persona =
        |name: &str, text: &str| shell.home.write(format!(".config/claudebot/personas/{name}.toml"), text);
    persona("misspelt", "description = \"x\"\n\n  modle = \"opus\"\n");
    persona("nested", "description = \"x\"\n[tools]\nallowed = [\"Bash\"]\n");
    persona("wrong", "description = 7\n");
    persona("broken", "description = \"x\nprompt = \"\"\"\n");
    persona("pinned", "description = \"x\"\nmodel = \"claude-opus-4-1-20250805\"\n");
    persona(
        "unknown",
        "description = \"x\"\nmodel = \"opsu\"\neffort = \"hgih\"\npermission_mode = \"plna\"\n",
    );
    persona("two words", "description = \"x\"\n");
    persona("planner", "description = \"Mine, \u{1b}[31mred\"\n");
    shell.run(&["persona", "check"]);
    shell.run(&["persona", "list"]).expect_code(0);
    shell.run(&["session", "new", "a", "--persona", "misspelt"]);
    shell.run(&["doctor"]).expect_code(1);
    shell.matches("names_persona_files");
}

#[test]
fn configuration() {
    let mut shell = Shell::new();
    shell.home.write_config(
        "[host]\nmax_lvie = 3\nidle_timeout = 90\n\n[hots]\n  drain = \"1h\"\n[log]\nlevel = \"loud\"\n",
    );
    shell.run(&["config", "check"]);
    shell.note("what needs no setting works all the same");
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["config", "path"]).expect_code(0);
    shell.run(&["session", "new", "work"]);
    shell.run(&["send", "hello"]);
    shell.run(&["doctor"]).expect_code(1);
    shell.note("no TOML at all");
    shell.home.write_config("[host\nmax_live = 3\n");
    shell.run(&["config", "show"]);
    shell.note("variables");
    shell.home.write_config("");
    shell.home.set("CLAUDEBOT_HOST_MAX_LVIE", "3");
    shell.home.set("CLAUDEBOT_HOST_LINGER", "soon");
    shell.run(&["config", "check"]);
    shell.home.unset("CLAUDEBOT_HOST_LINGER");
    shell.run(&["config", "check"]);
    shell.note("flags");
    shell.run(&["config", "show", "--set", "host.lingr=1m"]);
    shell.run(&["config", "show", "--set", "host.linger"]);
    shell.note("a directory in the file's place");
    std::fs::remove_file(shell.home.config_dir().join("config.toml")).expect("it is there");
    shell.home.mkdir(".config/claudebot/config.toml");
    shell.run(&["config", "check"]);
    shell.matches("names_configuration");
}

#[test]
fn commands_and_flags() {
    let mut shell = Shell::new();
    for command in [
        &["sesion"][..],
        &["session"],
        &["session", "lst"],
        &["session", "list", "--jsn"],
        &["send", "--now", "--instead", "x"],
        &["host"],
        &["completions", "tcsh"],
        &["stats", "--since", "yesterday"],
        &["log", "--since", "x"],
    ] {
        shell.run(command).expect_code(2);
    }
    shell.matches("names_commands_and_flags");
}
