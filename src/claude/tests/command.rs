use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::install;
use crate::claude::command::{
    Conversation, Launch, MINIMUM_VERSION, Version, VersionError, child_env, locate, version,
};

fn argv(launch: &Launch) -> Vec<String> {
    launch.argv().into_iter().map(|argument| argument.into_string().unwrap()).collect()
}

fn script(dir: &Path, name: &str, body: &str, mode: &str) -> PathBuf {
    let path = dir.join(name);
    install(&path, format!("#!/bin/sh\n{body}\n").as_bytes(), mode);
    path
}

#[test]
fn the_least_that_is_passed() {
    let launch = Launch::new("claude".into(), Conversation::New(Uuid::from_u128(1)), "/".into());
    insta::assert_snapshot!(argv(&launch).join(" "), @"-p --verbose --input-format stream-json --output-format stream-json --include-partial-messages --replay-user-messages --permission-prompt-tool stdio --session-id 00000000-0000-0000-0000-000000000001");
}

#[test]
fn everything_that_can_be_passed() {
    let mut launch = Launch::new("claude".into(), Conversation::Resume(Uuid::from_u128(2)), "/".into());
    launch.leading_args = vec!["demo-agent".into()];
    launch.extra_args = vec!["--debug".into(), "x y".into()];
    launch.model = Some("opus".into());
    launch.effort = Some("high".into());
    launch.permission_mode = Some("plan".into());
    launch.system_prompt_file = Some("/data/prompt with space".into());
    launch.settings_file = Some("/data/settings.json".into());
    launch.name = Some("work".into());
    launch.allowed_tools = vec!["Bash(git *)".into(), "--sly".into()];
    launch.disallowed_tools = vec!["WebFetch".into()];
    launch.add_dirs = vec!["/a".into(), "/b".into()];
    launch.mcp_config = vec!["{}".into()];
    launch.env = vec![("KEY".into(), "secret".into())];
    insta::assert_snapshot!(argv(&launch).join("\n"), @r"
    demo-agent
    -p
    --verbose
    --input-format
    stream-json
    --output-format
    stream-json
    --include-partial-messages
    --replay-user-messages
    --permission-prompt-tool
    stdio
    --resume
    00000000-0000-0000-0000-000000000002
    --model
    opus
    --effort
    high
    --permission-mode
    plan
    --append-system-prompt-file
    /data/prompt with space
    --settings
    /data/settings.json
    --name
    work
    --allowedTools=Bash(git *)
    --allowedTools=--sly
    --disallowedTools=WebFetch
    --add-dir=/a
    --add-dir=/b
    --mcp-config={}
    --debug
    x y
    ");
    let shown = format!("{launch:?}");
    assert!(shown.contains("KEY") && !shown.contains("secret"), "{shown}");
}

#[test]
fn the_child_gets_the_hosts_environment_less_what_is_its_own() {
    let host = [
        ("PATH", "/bin"),
        ("LANG", "C"),
        ("CLAUDEBOT_TELEGRAM_TOKEN", "secret"),
        ("CLAUDEBOT_SESSION", "outer"),
        ("CLAUDECODE", "1"),
        ("CLAUDE_CODE_ENTRYPOINT", "cli"),
        ("CLAUDE_CONFIG_DIR", "/c"),
        ("TMUX", "x"),
        ("TMUX_PANE", "%1"),
        ("DIRENV_DIR", "/d"),
        ("VIRTUAL_ENV", "/v"),
        ("NOTIFY_SOCKET", "/run/systemd/notify"),
        ("WATCHDOG_USEC", "1"),
        ("ANTHROPIC_API_KEY", "key"),
    ];
    let layer = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let config = layer(&[("LANG", "en"), ("A", "config"), ("VIRTUAL_ENV", "/mine")]);
    let persona = layer(&[("A", "persona"), ("CLAUDEBOT_SESSION", "forged")]);
    let env = child_env(host, [&config, &persona], "inner");
    let env: Vec<String> = env.iter().map(|(n, v)| format!("{}={}", n.display(), v.display())).collect();
    insta::assert_snapshot!(env.join("\n"), @r"
    A=persona
    ANTHROPIC_API_KEY=key
    CLAUDEBOT_SESSION=inner
    CLAUDE_CONFIG_DIR=/c
    LANG=en
    PATH=/bin
    VIRTUAL_ENV=/mine
    ");
}

#[test]
fn a_program_is_found_as_a_shell_would() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    std::fs::create_dir_all(first.join("directory")).unwrap();
    std::fs::create_dir_all(&second).unwrap();
    script(&first, "claude", "", "644");
    let runs = script(&second, "claude", "", "755");
    let path = std::env::join_paths([Path::new("relative"), &first, &second]).unwrap();
    let path: Option<&OsStr> = Some(&path);
    assert_eq!(locate(Path::new("claude"), path), Some(runs.clone()));
    assert_eq!(locate(Path::new("directory"), path), None);
    assert_eq!(locate(Path::new("nothing"), path), None);
    assert_eq!(locate(Path::new("claude"), None), None);
    assert_eq!(locate(&runs, None), Some(runs));
    assert_eq!(locate(&first.join("claude"), path), None);
}

#[test]
fn versions_are_read_and_ordered() {
    assert_eq!(Version::parse("2.1.197 (Claude Code)\n"), Some(MINIMUM_VERSION));
    assert!(Version::parse("2.1.330-beta.1").unwrap() > MINIMUM_VERSION);
    assert!(Version::parse("2.0.999").unwrap() < MINIMUM_VERSION);
    for text in ["", "claude", "2.1", "2.1.x", "2.1.3.4"] {
        assert_eq!(Version::parse(text), None, "{text:?}");
    }
    assert_eq!(MINIMUM_VERSION.to_string(), "2.1.197");
}

#[tokio::test]
async fn a_program_is_asked_for_its_release() {
    let dir = tempfile::tempdir().unwrap();
    let env: Vec<(OsString, OsString)> = vec![("PATH".into(), "/usr/bin:/bin".into())];
    let limit = Duration::from_secs(20);

    let good = script(dir.path(), "good", "test -z \"$HOME\" && echo '3.0.1 (Claude Code)'", "755");
    assert_eq!(version(&good, &env, limit).await.unwrap().to_string(), "3.0.1");

    let odd = script(dir.path(), "odd", "echo oh no >&2; exit 3", "755");
    let error = version(&odd, &env, limit).await.unwrap_err();
    assert!(error.to_string().contains("oh no"), "{error}");

    let hangs = script(dir.path(), "hangs", "exec sleep 60", "755");
    let error = version(&hangs, &env, Duration::from_millis(100)).await.unwrap_err();
    assert!(matches!(error, VersionError::Timeout { .. }), "{error}");

    let error = version(&dir.path().join("none"), &env, limit).await.unwrap_err();
    assert!(matches!(error, VersionError::Run { .. }), "{error}");
}
