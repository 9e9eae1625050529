use std::fs;
use std::path::Path;

use super::*;
use crate::error::{Kind, Result};
use crate::paths::{Env, Paths};

struct Home {
    root: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir_all(home.paths().personas_dir()).unwrap();
        home
    }

    fn with(name: &str, text: &str) -> Self {
        let home = Self::new();
        home.write(name, text);
        home
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.paths().personas_dir().join(format!("{name}.toml"))
    }

    fn paths(&self) -> Paths {
        Paths::resolve(&Env::from_pairs([("HOME", self.root.path())])).unwrap()
    }

    fn load(&self, name: &str) -> Result<Persona> {
        load(name, &self.paths())
    }
}

#[test]
fn the_built_in_personas_are_without_fault_and_use_aliases() {
    let home = Home::new();
    let listed = list(&home.paths()).unwrap();
    let names: Vec<_> = listed.iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["brainstorm", "default", "homelab", "planner", "research"]);
    for one in &listed {
        let persona = one.persona.as_ref().unwrap();
        assert_eq!(
            (&persona.name, &persona.origin, one.overrides),
            (&one.name, &PersonaOrigin::BuiltIn, false)
        );
        assert_eq!(check(&one.name, &home.paths()), Ok(Vec::new()), "{}", one.name);
        assert!(persona.prompt.as_ref().unwrap().len() > 500, "{}", one.name);
        assert!(persona.env.is_empty() && persona.dir.is_none(), "{}", one.name);
    }
    assert_eq!(home.load("planner").unwrap().permission_mode.as_deref(), Some("plan"));
    assert_eq!(home.load("default").unwrap().model, None);
}

#[test]
fn every_key_is_read() {
    let home = Home::with(
        "mine",
        r#"
description = "Mine"
model = "sonnet"
effort = "max"
permission_mode = "acceptEdits"
prompt = """
Two
lines"""
allowed_tools = ["Bash(git log:*)", "Read"]
disallowed_tools = ["WebFetch"]
add_dirs = ["~/docs"]
mcp_config = ["~/mcp.json", '{"mcpServers": {}}']
dir = "/srv/work"
env = { LANG = "C" }
"#,
    );
    let persona = home.load("mine").unwrap();
    let at_home = |path: &str| home.root.path().join(path);
    assert_eq!(
        persona,
        Persona {
            name: "mine".to_owned(),
            origin: PersonaOrigin::File(home.file("mine")),
            description: "Mine".to_owned(),
            model: Some("sonnet".to_owned()),
            effort: Some("max".to_owned()),
            permission_mode: Some("acceptEdits".to_owned()),
            prompt: Some("Two\nlines".to_owned()),
            allowed_tools: vec!["Bash(git log:*)".to_owned(), "Read".to_owned()],
            disallowed_tools: vec!["WebFetch".to_owned()],
            add_dirs: vec![at_home("docs")],
            mcp_config: vec![at_home("mcp.json").display().to_string(), "{\"mcpServers\": {}}".to_owned()],
            env: BTreeMap::from([("LANG".to_owned(), "C".to_owned())]),
            dir: Some(PathBuf::from("/srv/work")),
        }
    );
}

#[test]
fn an_empty_file_is_a_persona_that_changes_nothing() {
    let home = Home::with("bare", "");
    assert_eq!(home.load("bare").unwrap().prompt, None);
    assert_eq!(
        check("bare", &home.paths()).unwrap(),
        ["there is no `description`, so lists show the name alone"]
    );
}

#[test]
fn ones_own_file_wins_over_the_built_in() {
    let home = Home::with("planner", "description = \"My planner\"\n");
    let persona = home.load("planner").unwrap();
    assert_eq!(persona.description, "My planner");
    assert_eq!(persona.permission_mode, None);
    let listed = list(&home.paths()).unwrap();
    let planner = listed.iter().find(|listed| listed.name == "planner").unwrap();
    assert!(planner.overrides);
    assert_eq!(planner.origin.to_string(), home.file("planner").display().to_string());
}

#[test]
fn a_broken_file_is_listed_with_its_error_and_never_replaced_by_the_built_in() {
    let home = Home::with("planner", "modell = \"opus\"\n");
    home.write("not a name", "");
    fs::write(home.paths().personas_dir().join("notes.md"), "no persona").unwrap();
    fs::create_dir(home.file("folder")).unwrap();
    assert_eq!(
        home.load("planner").unwrap_err().message,
        format!("{}:1:1: unknown key `modell`; did you mean `model`?", home.file("planner").display())
    );
    let listed = list(&home.paths()).unwrap();
    let error = |name: &str| {
        let found = listed.iter().find(|listed| listed.name == name).unwrap();
        found.persona.as_ref().unwrap_err().message.clone()
    };
    assert!(error("planner").contains("unknown key `modell`"));
    assert_eq!(error("not a name"), "`not a name` cannot be the name of a persona");
    assert_eq!(error("folder"), format!("{} is not a file", home.file("folder").display()));
    assert_eq!(listed.len(), 7);
}

#[test]
fn an_unknown_persona_names_the_one_that_was_meant() {
    let home = Home::with("mine", "");
    let error = home.load("homlab").unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(error.message, "there is no persona `homlab`; did you mean `homelab`?");
    let shelf = home.paths().personas_dir();
    assert_eq!(
        error.hint,
        Some(format!("`claudebot persona list` shows all; yours go into {}", shelf.display()))
    );
    assert_eq!(home.load("mien").unwrap_err().message, "there is no persona `mien`; did you mean `mine`?");
    assert_eq!(home.load("zzz").unwrap_err().message, "there is no persona `zzz`");
    assert_eq!(home.load("../x").unwrap_err().message, "`../x` cannot be the name of a persona");
}

#[test]
fn what_a_file_gets_wrong_is_told_with_its_place() {
    for (text, words) in [
        ("promt = \"x\"\n", "1:1: unknown key `promt`; did you mean `prompt`?"),
        (
            "colour = 1\n",
            "1:1: unknown key `colour`; there are description, model, effort, permission_mode, prompt, \
             allowed_tools, disallowed_tools, add_dirs, mcp_config, env, dir",
        ),
        (
            "[tools]\nallowed = []\n",
            "1:2: unknown section [tools]; a persona's keys are flat, without sections",
        ),
        ("[model]\nname = \"opus\"\n", "1:1: `model` wants a string, not a table"),
        ("prompt.text = \"x\"\n", "1:1: `prompt` wants a string, not a table"),
        (
            "[env]\nA = \"1\"\nprompt = \"lost\"\n",
            "3:1: `prompt` stands below [env] and would be a variable; move `prompt` above it",
        ),
        (
            "env = { CLAUDEBOT_SESSION = \"x\" }\n",
            "1:9: `env` must not set `CLAUDEBOT_SESSION`: claudebot sets its variables itself",
        ),
        ("env = { \"A=B\" = \"x\" }\n", "1:9: `env` holds `A=B`, which cannot be the name of a variable"),
        ("env = { A = 1 }\n", "1:13: `env` wants a string for `A`, not a whole number"),
        (
            "model = \"opsu\"\n",
            "1:9: `model` is `opsu`, which is no model alias (default, opus, sonnet, haiku, fable, best, opusplan, \
             opus[1m], sonnet[1m], fable[1m]); did you mean `opus`?",
        ),
        ("model = 5\n", "1:9: `model` wants a string, not a whole number"),
        ("effort = \"hi\"\n", "1:10: `effort` is `hi`, which is none of low, medium, high, xhigh, max"),
        (
            "\npermission_mode = \"bypassPermissions\"\n",
            "2:19: `permission_mode` is `bypassPermissions`, which Claude Code takes only with \
             --dangerously-skip-permissions, and claudebot does not pass that; list tools in `allowed_tools`, or use \
             `auto` or `dontAsk`",
        ),
        ("allowed_tools = \"Read\"\n", "1:17: `allowed_tools` wants a list of strings, not a string"),
        (
            "allowed_tools = [\"Read\", \"\"]\n",
            "1:26: `allowed_tools` must not be empty; leave the key out instead",
        ),
        (
            "add_dirs = [\"docs\"]\n",
            "1:13: `add_dirs` is `docs`, a relative path, which would mean another place wherever claudebot is \
             started; write it from `/` or `~/`",
        ),
        (
            "mcp_config = [\"{ nonsense\"]\n",
            "1:15: `mcp_config` is not valid JSON: key must be a string at line 1 column 3",
        ),
        (
            "mcp_config = [\"mcp.json\"]\n",
            "1:15: `mcp_config` is `mcp.json`, a relative path, which would mean another place wherever claudebot is \
             started; write it from `/` or `~/`",
        ),
        ("prompt = \"a\\u0000b\"\n", "1:10: `prompt` holds a NUL character"),
    ] {
        let home = Home::with("x", text);
        let error = home.load("x").unwrap_err();
        assert_eq!(error.message, format!("{}:{words}", home.file("x").display()), "{text}");
        assert_eq!(
            error.hint.as_deref(),
            Some("nothing was changed; `claudebot persona check x` looks again")
        );
        assert_eq!(fs::read_to_string(home.file("x")).unwrap(), text);
    }
}

#[test]
fn all_problems_of_a_file_come_at_once() {
    let home = Home::with("x", "model = 1\n\neffrt = \"low\"\ndir = \"here\"\n");
    let message = home.load("x").unwrap_err().message;
    let lines: Vec<_> = message.lines().collect();
    assert_eq!(lines.len(), 4, "{message}");
    assert_eq!(lines[0], "3 problems in the persona `x`:");
    assert_eq!(
        lines[2],
        format!("  {}:3:1: unknown key `effrt`; did you mean `effort`?", home.file("x").display())
    );
}

#[test]
fn check_warns_about_what_is_allowed_but_odd() {
    let home = Home::with(
        "x",
        "description = \"x\"\nmodel = \"claude-opus-5-5\"\nadd_dirs = [\"/nowhere/a\"]\ndir = \"/nowhere/d\"\n\
         mcp_config = [\"/nowhere/m.json\"]\n",
    );
    let file = home.file("x").display().to_string();
    let wanted = [
        format!(
            "{file}:2:1: `model` is `claude-opus-5-5`, one pinned version, which will be retired; \
             an alias (opus, sonnet, haiku) follows the current ones"
        ),
        "`add_dirs` names /nowhere/a, where there is no directory".to_owned(),
        "`dir` names /nowhere/d, where there is no directory".to_owned(),
        "`mcp_config` names /nowhere/m.json, where there is no file".to_owned(),
    ];
    assert_eq!(check("x", &home.paths()).unwrap(), wanted);
    assert_eq!(check(&file, &home.paths()).unwrap(), wanted);
    let absent = Path::new("/nowhere/x.toml");
    let error = check(&absent.display().to_string(), &home.paths()).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::NotFound, "there is no file /nowhere/x.toml"));
}
