use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::error::{Error, Kind, Result};
use crate::paths::{Env, Paths};

/// A home of its own with a configuration file.
struct Home {
    root: tempfile::TempDir,
}

impl Home {
    fn with(file: &str) -> Self {
        let home = Self { root: tempfile::tempdir().unwrap() };
        let path = home.paths().config_file();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
        home
    }

    fn paths(&self) -> Paths {
        Paths::resolve(&Env::from_pairs([("HOME", self.root.path())])).unwrap()
    }

    fn load(&self, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config> {
        let flags: Vec<_> =
            flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Config::load(&self.paths(), &Env::from_pairs(env.iter().copied()), &flags)
    }

    /// Without the name of the temporary directory.
    fn words(&self, error: &Error) -> String {
        error.message.replace(&self.paths().config_file().display().to_string(), "config.toml")
    }
}

fn refused(file: &str) -> String {
    let home = Home::with(file);
    let error = home.load(&[], &[]).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert_eq!(error.hint.as_deref(), Some("nothing was changed; `claudebot config check` looks again"));
    home.words(&error)
}

fn entry(config: &Config, key: &str) -> Entry {
    config.entries().iter().find(|entry| entry.key == key).unwrap().clone()
}

#[test]
fn without_any_layer_the_defaults_hold() {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::resolve(&Env::from_pairs([("HOME", root.path())])).unwrap();
    let config = Config::load(&paths, &Env::default(), &[]).unwrap();
    assert_eq!(config.host, Config::defaults(&paths).host);
    assert_eq!(config.archive.dir, paths.archive_dir());
    assert_eq!(config.session.root, paths.sessions_dir());
    assert!(config.entries().iter().all(|entry| entry.origin == Origin::Default));
    assert_eq!(config.warnings, Vec::<String>::new());
    assert!(!paths.config_dir().exists());
}

#[test]
fn a_higher_layer_wins_and_the_origin_says_which() {
    let home = Home::with("[host]\nmax_live = 3\nidle_timeout = \"90s\"\ndrain = 0\nlinger = \"1d\"\n");
    let config = home
        .load(
            &[
                ("CLAUDEBOT_HOST_MAX_LIVE", "4"),
                ("CLAUDEBOT_HOST_LINGER", "5m"),
                ("CLAUDEBOT_HOST_DRAIN", ""),
            ],
            &[("host.max_live", "5")],
        )
        .unwrap();
    assert_eq!(config.host.max_live, 5);
    assert_eq!(config.host.linger, Duration::from_secs(300));
    assert_eq!(config.host.idle_timeout, Duration::from_secs(90));
    assert_eq!(config.host.drain, Duration::ZERO);
    assert_eq!(config.host.stale_after, Duration::from_secs(3600));
    let origin = |key: &str| entry(&config, key).origin;
    assert_eq!(origin("host.max_live"), Origin::Flag);
    assert_eq!(origin("host.linger"), Origin::Environment("CLAUDEBOT_HOST_LINGER".to_owned()));
    assert_eq!(origin("host.idle_timeout"), Origin::File { path: home.paths().config_file(), line: 3 });
    assert_eq!(origin("host.drain"), Origin::File { path: home.paths().config_file(), line: 4 });
    assert_eq!(origin("host.stale_after"), Origin::Default);
    assert_eq!(entry(&config, "host.idle_timeout").value, "1m30s");
    assert_eq!(entry(&config, "host.drain").value, "0");
}

#[test]
fn every_key_is_read_from_the_file() {
    let home = Home::with(
        r#"
[claude]
path = "~/bin/claude"
extra_args = ["--verbose", "a,b"]
config_dir = "/srv/claude"
[claude.env]
HTTPS_PROXY = "http://me:secret@proxy"
EMPTY = ""
[host]
on_interrupted = "continue"
on_limit = "continue"
[session]
persona = "planner"
root = "~/work"
[projects]
web = "~/src/web"
[notify]
command = "notify-send claudebot"
[archive]
dir = "/srv/archive"
[telegram]
token = "123456:AA-b_c"
api_url = "http://127.0.0.1:8081"
allowed_users = [42, 43]
allowed_chats = [-100123]
mirror = "all"
inbox = "off"
ring_after = 0
verbosity = "verbose"
transcribe = "whisper"
[log]
level = "debug"
"#,
    );
    let config = home.load(&[], &[]).unwrap();
    let at_home = |path: &str| home.root.path().join(path);
    assert_eq!(config.claude.path, at_home("bin/claude"));
    assert_eq!(config.claude.extra_args, ["--verbose", "a,b"]);
    assert_eq!(config.claude.config_dir.as_deref(), Some(Path::new("/srv/claude")));
    assert_eq!(config.claude.env["HTTPS_PROXY"], "http://me:secret@proxy");
    assert_eq!(config.claude.env["EMPTY"], "");
    assert_eq!(config.host.on_interrupted, OnInterrupted::Continue);
    assert_eq!(config.host.on_limit, OnLimit::Continue);
    assert_eq!(config.session.persona, "planner");
    assert_eq!(config.session.root, at_home("work"));
    assert_eq!(config.projects["web"], at_home("src/web"));
    assert_eq!(config.notify.command.as_deref(), Some("notify-send claudebot"));
    assert_eq!(config.archive.dir, Path::new("/srv/archive"));
    assert_eq!(config.telegram.token.as_ref().map(Secret::reveal), Some("123456:AA-b_c"));
    assert_eq!(config.telegram.allowed_users, [42, 43]);
    assert_eq!(config.telegram.allowed_chats, [-100_123]);
    assert_eq!(config.telegram.ring_after, Duration::ZERO);
    assert_eq!(config.log.level, "debug");
    assert_eq!(config.warnings, Vec::<String>::new());

    assert_eq!(entry(&config, "telegram.token").value, "(set)");
    assert_eq!(entry(&config, "claude.env").value, "EMPTY=(set), HTTPS_PROXY=(set)");
    assert_eq!(entry(&config, "telegram.allowed_users").value, "42, 43");
    assert_eq!(
        entry(&config, "projects.web").origin,
        Origin::File { path: home.paths().config_file(), line: 16 }
    );
    assert!(!format!("{:?}", config.telegram).contains("AA-b_c"));
}

#[test]
fn variables_and_flags_reach_every_kind_of_key() {
    let home = Home::with("");
    let config = home
        .load(
            &[
                ("CLAUDEBOT_CLAUDE_PATH", "my-claude"),
                ("CLAUDEBOT_CLAUDE_EXTRA_ARGS", "--debug, --bare"),
                ("CLAUDEBOT_CLAUDE_ENV", "A=1,B=x=y"),
                ("CLAUDEBOT_TELEGRAM_ALLOWED_USERS", "1, 2"),
                ("CLAUDEBOT_PROJECTS_WEB", "~/web"),
                ("CLAUDEBOT_SESSION_PERSONA", "planner"),
                ("CLAUDEBOT_SESSION", "some-id"),
                ("CLAUDEBOT_TEST_SEED", "7"),
            ],
            &[("log.level", "warn"), ("projects.api", "/api")],
        )
        .unwrap();
    assert_eq!(config.claude.path, Path::new("my-claude"));
    assert_eq!(config.claude.extra_args, ["--debug", "--bare"]);
    assert_eq!(config.claude.env["B"], "x=y");
    assert_eq!(config.telegram.allowed_users, [1, 2]);
    assert_eq!(config.projects["web"], home.root.path().join("web"));
    assert_eq!(config.projects["api"], Path::new("/api"));
    assert_eq!(config.session.persona, "planner");
    assert_eq!(config.log.level, "warn");
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn what_the_file_gets_wrong_is_told_with_its_place() {
    for (file, words) in [
        ("[hots]\n", "config.toml:1:2: unknown section [hots]; did you mean `[host]`?"),
        ("[zzz]\n", "config.toml:1:2: unknown section [zzz]"),
        ("[host.deep]\nx = 1\n", "config.toml:1:7: unknown key `deep` in [host]"),
        ("[[host]]\n", "config.toml:1:3: `host` is a section, not a list; write [host] on a line of its own"),
        (
            "host = 3\n",
            "config.toml:1:1: `host` is a section, not a whole number; write [host] on a line of its own",
        ),
        ("max_live = 3\n", "config.toml:1:1: unknown key `max_live` outside a section; it belongs in [host]"),
        ("zzz = 3\n", "config.toml:1:1: unknown key `zzz` outside a section"),
        (
            "[host]\nidle_timout = \"2h\"\n",
            "config.toml:2:1: unknown key `idle_timout` in [host]; did you mean `idle_timeout`?",
        ),
        ("[log]\n  root = \"/x\"\n", "config.toml:2:3: unknown key `root` in [log]; it belongs in [session]"),
        (
            "host.max_lives = 1\n",
            "config.toml:1:6: unknown key `max_lives` in [host]; did you mean `max_live`?",
        ),
        (
            "[host]\nmax_live = \"3\"\n",
            "config.toml:2:12: `host.max_live` wants a whole number, not a string",
        ),
        (
            "[host]\nmax_live = -1\n",
            "config.toml:2:12: `host.max_live` wants a whole number from 0 to 10000, not -1",
        ),
        (
            "[host]\nmax_live = 99999999999999999999\n",
            "config.toml:2:12: `host.max_live` wants a whole number, and 99999999999999999999 is too large",
        ),
        (
            "[host]\ndrain = 10\n",
            "config.toml:2:9: `host.drain` needs a unit: write `10s`, `10m`, `10h` or `10d`",
        ),
        (
            "[host]\ndrain = \"soon\"\n",
            "config.toml:2:9: `host.drain` wants a duration like `90s`, `10m`, `2h` or `1d` (`0`: off), not `soon`",
        ),
        (
            "[host]\ndrain = true\n",
            "config.toml:2:9: `host.drain` wants a duration like \"90s\", \"10m\", \"2h\" or \"1d\", not true or false",
        ),
        (
            "[host]\non_limit = \"contine\"\n",
            "config.toml:2:12: `host.on_limit` is `contine`, which is none of ask, continue; did you mean `continue`?",
        ),
        (
            "[claude]\npath = \"\"\n",
            "config.toml:2:8: `claude.path` must not be empty; leave the key out instead",
        ),
        (
            "[claude]\npath = \"bin/claude\"\n",
            "config.toml:2:8: `claude.path` is `bin/claude`, a relative path, which would mean another place \
             wherever claudebot is started; write it from `/` or `~/`",
        ),
        (
            "[archive]\ndir = \"~bob/x\"\n",
            "config.toml:2:7: `archive.dir` is `~bob/x`: only `~/` stands for a home directory, and it is your own",
        ),
        (
            "[archive]\ndir = \"$HOME/x\"\n",
            "config.toml:2:7: `archive.dir` is `$HOME/x`: variables are not expanded here; write the path out, or `~/…`",
        ),
        (
            "[claude]\nextra_args = \"--x\"\n",
            "config.toml:2:14: `claude.extra_args` wants a list of strings, not a string",
        ),
        (
            "[claude]\nextra_args = [\"--x\",\n 1]\n",
            "config.toml:3:2: `claude.extra_args` wants a string, not a whole number",
        ),
        (
            "[claude]\nenv = { A = 1 }\n",
            "config.toml:2:13: `claude.env` wants a string for `A`, not a whole number",
        ),
        (
            "[claude.env]\nCLAUDEBOT_SESSION = \"x\"\n",
            "config.toml:2:1: `claude.env` must not set `CLAUDEBOT_SESSION`: claudebot sets its variables itself",
        ),
        (
            "[claude.env]\nCLAUDE_CONFIG_DIR = \"/x\"\n",
            "config.toml:2:1: `claude.env` must not set `CLAUDE_CONFIG_DIR`: claudebot would look for conversations \
             elsewhere; set `config_dir` in [claude] of the configuration",
        ),
        (
            "[projects]\n\"a b\" = \"/x\"\n",
            "config.toml:2:1: `a b` cannot be the name of a project: use letters, digits, `-` and `_`",
        ),
        ("[projects]\nweb = 1\n", "config.toml:2:7: `projects.web` wants a string, not a whole number"),
        (
            "[telegram]\ntoken = \"hunter2\"\n",
            "config.toml:2:9: `telegram.token` wants a token as @BotFather gives it, like `123456789:ABC…`",
        ),
        (
            "[telegram]\nallowed_users = [\"@bob\"]\n",
            "config.toml:2:18: `telegram.allowed_users` wants a whole number, not a string",
        ),
        (
            "[telegram]\napi_url = \"localhost:80\"\n",
            "config.toml:2:11: `telegram.api_url` is `localhost:80`, which is no address; \
             write for example `https://api.telegram.org`",
        ),
        ("[host\n", "config.toml:1:6: "),
        ("[host]\ndrain = \"1s\"\ndrain = \"2s\"\n", "config.toml:3:1: "),
    ] {
        let told = refused(file);
        if words.ends_with(": ") {
            assert!(told.starts_with(words), "{file}\n{told}");
        } else {
            assert_eq!(told, words, "{file}");
        }
    }
}

#[test]
fn all_problems_of_all_layers_come_at_once() {
    let file = "[telegram]\nmirror = \"al\"\n[host]\nmax_live = true\ndrian = 1\n[log]\nlevel = \"info\"\n";
    let home = Home::with(file);
    let error = home
        .load(&[("CLAUDEBOT_HOST_DRAIN", "x1")], &[("host.lingr", "1m"), ("log.level", "all")])
        .unwrap_err();
    assert_eq!(
        home.words(&error),
        "6 problems in the configuration:\
         \n  config.toml:2:10: `telegram.mirror` is `al`, which is none of off, replies, all; did you mean `all`?\
         \n  config.toml:4:12: `host.max_live` wants a whole number, not true or false\
         \n  config.toml:5:1: unknown key `drian` in [host]; did you mean `drain`?\
         \n  $CLAUDEBOT_HOST_DRAIN: `host.drain` wants a duration like `90s`, `10m`, `2h` or `1d` (`0`: off), not `x1`\
         \n  flag: unknown key `host.lingr`; did you mean `host.linger`?\
         \n  flag: `log.level` is `all`, which is none of off, error, warn, info, debug, trace"
    );
    assert_eq!(fs::read_to_string(home.paths().config_file()).unwrap(), file);
}

#[test]
fn a_secret_is_not_repeated_by_an_error() {
    let error = Home::with("").load(&[("CLAUDEBOT_TELEGRAM_TOKEN", "hunter2 hunter2")], &[]).unwrap_err();
    assert_eq!(
        error.message,
        "$CLAUDEBOT_TELEGRAM_TOKEN: `telegram.token` wants a token as @BotFather gives it, like `123456789:ABC…`"
    );
}

#[test]
fn an_unknown_variable_is_a_warning() {
    let config =
        Home::with("").load(&[("CLAUDEBOT_HOST_MAXLIVE", "3"), ("CLAUDEBOT_ZZZ", "1")], &[]).unwrap();
    assert_eq!(
        config.warnings,
        [
            "$CLAUDEBOT_HOST_MAXLIVE is no setting of claudebot and has no effect; did you mean `CLAUDEBOT_HOST_MAX_LIVE`?",
            "$CLAUDEBOT_ZZZ is no setting of claudebot and has no effect",
        ]
    );
}

#[test]
fn a_variable_that_is_no_text_is_told() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let home = Home::with("");
    let env = Env::from_pairs([(OsString::from("CLAUDEBOT_LOG_LEVEL"), OsString::from_vec(vec![0xff]))]);
    let error = Config::load(&home.paths(), &env, &[]).unwrap_err();
    assert_eq!(error.message, "$CLAUDEBOT_LOG_LEVEL: is not valid UTF-8 text");
}

#[test]
fn one_token_counts_and_a_higher_layer_replaces_the_way() {
    let home = Home::with("[telegram]\ntoken = \"1:a\"\ntoken_file = \"/t\"\n");
    let config = home.load(&[], &[]).unwrap();
    assert_eq!(config.warnings, ["`telegram.token` is used; `telegram.token_file` has no effect"]);
    let config = home.load(&[("CLAUDEBOT_TELEGRAM_TOKEN_COMMAND", "pass bot")], &[]).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.telegram.token, None);
    assert_eq!(config.telegram.token_file, None);
    assert_eq!(config.telegram.token_command.as_deref(), Some("pass bot"));
    assert_eq!(entry(&config, "telegram.token").origin, Origin::Default);
}

#[test]
fn check_looks_at_what_the_values_name() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::with(
        "[claude]\nconfig_dir = \"/nowhere/c\"\n[projects]\ngone = \"/nowhere/p\"\n[telegram]\ntoken = \"1:a\"\n",
    );
    let file = home.paths().config_file();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let file = file.display();
    assert_eq!(
        Config::check(&home.paths(), &Env::default(), &[]).unwrap(),
        [
            "`projects.gone` is /nowhere/p, where there is no directory".to_owned(),
            "`claude.config_dir` is /nowhere/c, where there is no directory".to_owned(),
            format!(
                "{file} can be read by others (mode 0644), and it holds `telegram.token`: chmod 600 {file}"
            ),
        ]
    );
    let home = Home::with("[telegram]\ntoken_file = \"/nowhere/t\"\n");
    assert_eq!(
        Config::check(&home.paths(), &Env::default(), &[]).unwrap(),
        ["`telegram.token_file` is /nowhere/t, where there is no file"]
    );
}

#[test]
fn the_table_of_keys_is_sound() {
    let paths = Paths::resolve(&Env::from_pairs([("HOME", "/h")])).unwrap();
    let mut names: Vec<_> = KEYS.iter().map(ConfigKey::variable).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), KEYS.len());
    assert!(KEYS.iter().all(|key| keys::SECTIONS.contains(&key.section) && key.doc.ends_with('.')));
    assert!(!names.iter().any(|name| name.starts_with("CLAUDEBOT_TEST_")));

    // With the comment signs of its keys taken away, the reference is a configuration that changes nothing.
    let reference = Config::reference(&paths);
    let uncommented = reference
        .lines()
        .map(|line| if line.starts_with("# ") { line } else { line.trim_start_matches('#') });
    let text: Vec<&str> = uncommented.filter(|line| !line.ends_with("(not set)")).collect();
    let home = Home::with(&text.join("\n"));
    let mut config = home.load(&[], &[]).unwrap();
    config.entries.clear();
    assert_eq!(config, Config::defaults(&paths));
}

#[test]
fn the_reference_reads_well() {
    let paths = Paths::resolve(&Env::from_pairs([("HOME", PathBuf::from("/home/you"))])).unwrap();
    insta::assert_snapshot!(Config::reference(&paths));
}
