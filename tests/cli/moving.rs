//! Moving house: out of one home and into another.

use std::path::Path;

use serde_json::{Value, json};

use super::Shell;
use crate::support::home::Home;

const TOKEN: &str = "123456:abcdefghijklmnopqrstuvwxyzABCDEFGHI";

/// A home with a bit of everything.
fn furnished() -> Home {
    let home = Home::new();
    let project = home.project().display().to_string();
    home.write_config(&format!(
        "# mine\n[projects]\nmain = \"{project}\"\n[telegram]\ntoken = \"{TOKEN}\" # secret\ninbox = \"off\"\n\
         [claude]\nenv = {{ KEY = \"k\" }}\n"
    ));
    let persona = "prompt = \"You fly.\"\npermission_mode = \"acceptEdits\"\nadd_dirs = [\"~/project\"]\n";
    home.write(".config/claudebot/personas/pilot.toml", persona);
    for (name, more) in [
        ("work", &["--scratch", "--switch", "--tag", "t1"][..]),
        ("größer+1", &["--scratch"]),
        ("old", &["--scratch"]),
        ("plane", &["--persona", "pilot"]),
    ] {
        home.run(&[&["session", "new", name, "--agent", "demo"], more].concat()).expect_code(0);
    }
    let picture = home.write("picture.png", "no picture");
    home.run(&["send", "-s", "work", "--file", &picture.display().to_string(), "echo one"]).expect_code(0);
    home.write(".data/claudebot/sessions/work/notes/deep.txt", "kept");
    home.run(&["send", "-s", "plane", "echo sky"]).expect_code(0);
    home.run(&["send", "-s", "old", "echo elder"]).expect_code(0);
    home.run(&["session", "pin", "work"]).expect_code(0);
    home.run(&["session", "archive", "old"]).expect_code(0);
    home.run(&["pair", "--chat", "-1001234567890", "--name", "family"]).expect_code(0);
    home
}

/// A prompt that waits, held.
fn with_waiting(home: &Home) {
    home.run(&["send", "-s", "work", "--no-wait", "slow 60"]).expect_code(0);
    home.run(&["send", "-s", "work", "--no-wait", "echo later"]).expect_code(0);
    home.run(&["session", "stop", "work"]).expect_code(0);
}

fn pack(home: &Home) -> (String, Value) {
    let file = home.path().join("house.tar").display().to_string();
    let packed = home.run(&["move", "out", &file, "--wait", "--json"]).expect_code(0).json();
    (file, packed)
}

fn listed(home: &Home) -> Vec<Value> {
    let listed = home.run(&["session", "list", "--all", "--json"]).expect_code(0).json();
    let mut sessions = listed.as_array().expect("a list").clone();
    sessions.sort_by_key(|session| session["name"].as_str().map(str::to_owned));
    sessions
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn everything_comes_along() {
    let there = furnished();
    with_waiting(&there);
    let (file, packed) = pack(&there);
    assert_eq!(packed["sessions"], 4);
    assert_eq!((&packed["archived"], &packed["prompts"]), (&json!(1), &json!(1)));
    assert_eq!(packed["token_left_out"], true);
    assert_eq!(packed["dirs"], json!([there.project()]));
    assert!(!String::from_utf8_lossy(&std::fs::read(&file).expect("it is there")).contains(TOKEN));
    let before = listed(&there);

    let here = Home::new();
    let arrived = here.run(&["move", "in", &file, "--yes", "--json"]).expect_code(0).json();
    let outcomes: Vec<_> = arrived["sessions"]
        .as_array()
        .expect("sessions")
        .iter()
        .map(|session| {
            (session["name"].as_str().unwrap_or_default(), session["outcome"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        outcomes,
        [("work", "asleep"), ("größer+1", "asleep"), ("old", "archived"), ("plane", "asleep")]
    );

    let after = listed(&here);
    for (before, after) in before.iter().zip(&after) {
        for key in
            ["id", "name", "persona", "tags", "pinned", "created", "cost_usd", "agent", "current", "queued"]
        {
            assert_eq!(before[key], after[key], "{key} of {}", before["name"]);
        }
    }
    let queue = here.run(&["session", "queue", "work"]).expect_code(0);
    assert!(queue.stdout.contains("echo later") && queue.stderr.contains("held (moved)"), "{queue:?}");
    here.run(&["session", "queue", "work", "--clear"]).expect_code(0);
    let recalled = here.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo one"), "{recalled}");
    let recalled = here.run(&["send", "-s", "plane", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo sky"), "{recalled}");
    assert_eq!(read(&here.data_dir().join("sessions/work/notes/deep.txt")), "kept");
    let log = here.run(&["log", "work", "--json"]).expect_code(0).stdout;
    let first: Value = serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
    let sent = first["detail"]["attachments"][0].as_str().expect("a path");
    assert!(sent.starts_with(&here.path().display().to_string()), "{sent}");
    assert_eq!(read(Path::new(sent)), "no picture");
    here.run(&["session", "restore", "old"]).expect_code(0);
    let recalled = here.run(&["send", "-s", "old", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo elder"), "{recalled}");
    assert!(here.run(&["search", "elder"]).expect_code(0).stdout.contains("old"));

    let config = read(&here.config_dir().join("config.toml"));
    assert!(config.contains(&format!("main = \"{}\"", here.project().display())), "{config}");
    assert!(config.starts_with("# mine\n") && !config.contains("token"), "{config}");
    assert!(read(&here.config_dir().join("personas/pilot.toml")).contains("\"~/project\""));
    let access = here.run(&["pair", "--list", "--json"]).expect_code(0).json();
    assert_eq!(access["chats"][0]["name"], "family");

    // There, nothing is gone.
    assert_eq!(listed(&there).len(), 4);
    assert!(there.run(&["send", "-s", "plane", "recall"]).expect_code(0).stdout.contains("echo sky"));
}

#[test]
fn what_is_here_stays() {
    let mut shell = Shell::new();
    let there = furnished();
    let (file, _) = pack(&there);
    let here = &shell.home;
    std::fs::copy(&file, here.path().join("house.tar")).expect("a copy");
    here.write_config("[log]\nlevel = \"warn\"\n");
    here.write(".config/claudebot/personas/pilot.toml", "prompt = \"You dive.\"\n");
    here.run(&["session", "new", "work", "--agent", "demo", "--scratch", "--switch"]).expect_code(0);
    here.run(&["send", "echo mine"]).expect_code(0);
    shell.run(&["move", "in", "../house.tar", "--dry-run", "--map", "/no/such=/x"]).expect_code(0);
    shell.run(&["move", "in", "../house.tar"]).expect_code(2);
    shell.run(&["session", "list", "--all"]).expect_code(0);
    shell.run(&["move", "in", "../house.tar", "--yes"]).expect_code(0);
    shell.run(&["move", "in", "../house.tar", "--yes"]).expect_code(0);
    assert_eq!(read(&shell.home.config_dir().join("config.toml")), "[log]\nlevel = \"warn\"\n");
    assert!(read(&shell.home.config_dir().join("config.toml.moved")).contains("inbox"));
    assert!(read(&shell.home.config_dir().join("personas/pilot.toml")).contains("dive"));
    let recalled = shell.home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo mine") && !recalled.contains("echo one"), "{recalled}");
    let recalled = shell.home.run(&["send", "-s", "work-2", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo one"), "{recalled}");
    let there = there.path().display().to_string();
    shell.matches_but("moving_what_is_here_stays", &there, "THERE");
}

#[test]
fn refusals() {
    let mut shell = Shell::with_session();
    let inside = shell.home.data_dir().join("sessions/scratch/house.tar").display().to_string();
    shell.home.run(&["session", "new", "scratch", "--agent", "demo", "--scratch"]).expect_code(0);
    shell.home.write("project/garbage.tar", [0x5a; 3000]);
    shell.home.write("project/empty.tar", "");
    shell.home.write("project/config.toml.gz", [0x1f, 0x8b, 8, 0]);
    shell.run(&["move", "out", "/no/such/place/house.tar"]).expect_code(3);
    shell.run(&["move", "out", &inside]).expect_code(2);
    shell.run(&["move", "out", "garbage.tar"]).expect_code(1);
    let mut send = shell.home.spawn(&["send", "words 4000 10"]);
    send.expect_stdout("w3", crate::support::PATIENCE);
    shell.run(&["move", "out", "house.tar"]).expect_code(1);
    shell.home.run(&["session", "stop", "work"]).expect_code(0);
    send.wait(crate::support::PATIENCE);
    for file in ["garbage.tar", "empty.tar", "config.toml.gz", "none.tar", "."] {
        let output = shell.run(&["move", "in", file, "--yes"]);
        assert_ne!(output.code, 0);
    }
    shell.run(&["move", "in", "garbage.tar", "--map", "relative=/x"]).expect_code(2);
    shell.run(&["move", "in", "garbage.tar", "--json"]).expect_code(2);
    shell.home.set("CLAUDEBOT_SESSION", "11111111-2222-3333-4444-555555555555");
    shell.run(&["move", "out", "house.tar"]).expect_code(6);
    shell.home.unset("CLAUDEBOT_SESSION");
    assert!(!shell.home.project().join("house.tar").exists());
    shell.matches("moving_refusals");
}

#[test]
fn a_directory_goes_where_it_is_told() {
    let there = Home::new();
    let old = there.mkdir("src/deep");
    there
        .run(&["session", "new", "deep", "--agent", "demo", "--dir", &old.display().to_string()])
        .expect_code(0);
    there.run(&["session", "new", "scratch", "--agent", "demo", "--scratch"]).expect_code(0);
    let own = there.data_dir().join("sessions/scratch").display().to_string();
    there.run(&["session", "new", "guest", "--agent", "demo", "--dir", &own]).expect_code(0);
    there.run(&["send", "-s", "deep", "echo one"]).expect_code(0);
    let (file, _) = pack(&there);

    let here = Home::new();
    let map = format!("{}={}", there.path().join("src").display(), here.path().join("elsewhere").display());
    let arrived = here.run(&["move", "in", &file, "--yes", "--json", "--map", &map]).expect_code(0).json();
    let dir = here.path().join("elsewhere/deep");
    assert_eq!(arrived["sessions"][0]["dir"], json!(dir));
    assert_eq!(arrived["sessions"][0]["missing"], true);
    assert_eq!(arrived["sessions"][2]["dir"], arrived["sessions"][1]["dir"], "a guest follows its host");
    let refused = here.run(&["send", "-s", "deep", "recall"]).expect_code(5);
    assert!(refused.stderr.contains("elsewhere/deep"), "{}", refused.stderr);
    here.mkdir("elsewhere/deep");
    here.run(&["session", "queue", "deep", "--clear"]).expect_code(0);
    let recalled = here.run(&["send", "-s", "deep", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo one"), "{recalled}");
}

/// Plain tar opens it, and each session in it is an archive like any other.
#[test]
fn without_claudebot_it_is_a_tar() {
    let there = furnished();
    let (file, _) = pack(&there);
    let here = Home::new();
    let unpack = format!("tar xf {file} && sha256sum -c --quiet checksums");
    super::shell::run_script(&here, &unpack).expect_code(0);
    here.run(&["session", "restore", "sessions/0001-work.tar.gz"]).expect_code(0);
    let recalled = here.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert!(recalled.contains("echo one"), "{recalled}");
}
