//! A Claude Code that is not there, not the right one, or does not do its work.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;

use super::stub::{self, GREET};
use super::{Shell, shell};
use crate::support::PATIENCE;
use crate::support::home::Home;

fn shell_with(script: &str) -> Shell {
    let shell = Shell::new();
    stub::claude(&shell.home, script);
    shell.home.run(&["session", "new", "work", "--switch"]).expect_code(0);
    shell
}

#[test]
fn not_installed() {
    let mut shell = Shell::new();
    shell.run(&["session", "new", "work", "--switch"]).expect_code(0);
    shell.run(&["send", "hello"]).expect_code(5);
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["log"]).expect_code(0);
    shell.run(&["doctor"]).expect_code(1);
    shell.note("installed");
    stub::demo_through(&shell.home, "cat");
    shell.run(&["session", "queue", "work", "--run"]).expect_code(0);
    shell.wait_turn_ended("work");
    shell.run(&["send", "echo second"]).expect_code(0);
    shell.run(&["send", "recall"]).expect_code(0);
    shell.matches("agent_not_installed");
}

/// What was kept does not run in a burst because some host starts again; a person says so, or sends another prompt.
#[test]
fn kept_until_somebody_asks() {
    let mut shell = Shell::new();
    shell.home.run(&["session", "new", "work", "--switch"]).expect_code(0);
    shell.home.run(&["send", "echo one"]).expect_code(5);
    shell.home.run(&["send", "echo two"]).expect_code(5);
    shell.home.run(&["host", "stop"]).expect_code(0);
    stub::demo_through(&shell.home, "cat");
    shell.home.run(&["session", "new", "other", "--agent", "demo"]).expect_code(0);
    shell.home.run(&["send", "-s", "other", "echo a host runs"]).expect_code(0);
    shell.run(&["session", "queue", "work"]).expect_code(0);
    assert_eq!(
        shell.home.run(&["send", "recall"]).expect_code(0).stdout,
        "I remember: echo one | echo two\n"
    );
    shell.matches("agent_kept_until_somebody_asks");
}

#[test]
fn a_path_that_is_no_program() {
    let mut shell = Shell::new();
    let file = shell.home.write("notes.txt", "no program");
    shell.home.set("CLAUDEBOT_CLAUDE_PATH", &file);
    shell.home.run(&["session", "new", "work", "--switch"]).expect_code(0);
    shell.run(&["send", "hello"]).expect_code(5);
    shell.note("a script whose interpreter is missing");
    let script = stub::claude(&shell.home, "");
    std::fs::write(&script, "#!/no/such/interpreter\n").expect("the stub is writable");
    shell.home.run(&["host", "stop"]).expect_code(0);
    shell.home.set("CLAUDEBOT_CLAUDE_PATH", &script);
    shell.run(&["send", "hello"]).expect_code(5);
    shell.matches("agent_no_program");
}

#[test]
fn too_old() {
    let mut shell = shell_with(
        r#"[ "$1" = --version ] && echo "1.0.3 (Claude Code)" && exit
echo "error: unknown option '--permission-prompt-tool'" >&2
exit 1"#,
    );
    shell.run(&["send", "hello"]).expect_code(5);
    shell.run(&["doctor"]).expect_code(1);
    shell.matches("agent_too_old");
}

/// An old one that can do what is needed is used, and called old once.
#[test]
fn old_but_good_enough() {
    let mut shell = Shell::new();
    stub::demo_through(
        &shell.home,
        r#"sed -u 's/"claude_code_version":"[^"]*"/"claude_code_version":"2.0.7"/'"#,
    );
    shell.home.run(&["session", "new", "work", "--switch"]).expect_code(0);
    shell.run(&["send", "echo one"]).expect_code(0);
    shell.run(&["send", "echo two"]).expect_code(0);
    shell.matches("agent_old_but_good_enough");
}

/// Whoever has logged in is told that a key pays instead: once for as long as the host lives.
#[test]
fn a_key_beside_a_login() {
    let shell = Shell::new();
    stub::demo_through(
        &shell.home,
        r#"sed -u 's/"apiKeySource":"none"/"apiKeySource":"ANTHROPIC_API_KEY"/'"#,
    );
    let told = |name: &str| {
        let log = shell.home.run(&["log", name, "--json"]).expect_code(0).stdout;
        log.lines().filter(|line| line.contains(r#""code":"billing""#)).count()
    };
    let turn = |name: &str| {
        shell.home.run(&["send", "-s", name, "echo hello"]).expect_code(0);
        shell.home.run(&["session", "sleep", name]).expect_code(0);
        shell.home.run(&["send", "-s", name, "echo again"]).expect_code(0);
    };
    shell.home.run(&["session", "new", "keyed"]).expect_code(0);
    turn("keyed");
    assert_eq!(told("keyed"), 0);

    shell.home.write(".claude/.credentials.json", "");
    shell.home.run(&["session", "new", "work"]).expect_code(0);
    turn("work");
    assert_eq!(told("work"), 1);
    shell.home.run(&["host", "stop"]).expect_code(0);
    turn("work");
    assert_eq!(told("work"), 2);
}

#[test]
fn not_logged_in_at_start() {
    let mut shell = shell_with("echo 'Invalid API key · Please run /login' >&2; exit 1");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.matches("agent_not_logged_in_at_start");
}

/// As the real one says it: it starts, and its reply is that it cannot reply.
#[test]
fn not_logged_in() {
    let said = "Not logged in · Please run /login";
    let mut shell = shell_with(&format!(
        r#"session=$(echo "$@" | sed 's/.*--session-id \([^ ]*\).*/\1/')
{GREET}
read prompt
uuid=$(echo "$prompt" | sed 's/.*"uuid":"\([^"]*\)".*/\1/')
echo '{{"type":"system","subtype":"init","session_id":"'$session'","claude_code_version":"2.1.330"}}'
echo '{{"type":"user","uuid":"'$uuid'","isReplay":true,"message":{{"role":"user","content":"hello"}}}}'
echo '{{"type":"assistant","uuid":"'$uuid'","error":"authentication_failed","message":{{"role":"assistant","content":[{{"type":"text","text":"{said}"}}]}}}}'
echo '{{"type":"result","subtype":"success","is_error":true,"result":"{said}","session_id":"'$session'"}}'
read more"#
    ));
    shell.run(&["send", "hello"]).expect_code(5);
    shell.run(&["log"]).expect_code(0);
    shell.matches("agent_not_logged_in");
}

#[test]
fn crashing_at_start() {
    let mut shell = shell_with("echo 'Error: out of luck' >&2; echo '    at main' >&2; exit 3");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.run(&["send", "again"]).expect_code(5);
    shell.run(&["session", "queue", "work", "--clear"]).expect_code(0);
    shell.run(&["session", "show"]).expect_code(0);
    shell.note("killed by a signal");
    stub::claude(&shell.home, "kill -SEGV $$");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.note("ended as if all were well");
    stub::claude(&shell.home, "exit 0");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.matches("agent_crashing_at_start");
}

/// It takes every prompt to its grave: after some tries that is said, and the prompt is kept.
#[test]
fn crashing_at_every_prompt() {
    let mut shell = shell_with(&format!("{GREET}\nread prompt\necho boom >&2\nexit 9"));
    shell.run(&["send", "hello"]).expect_code(5);
    shell.run(&["session", "list"]).expect_code(0);
    shell.matches("agent_crashing_at_every_prompt");
}

#[test]
fn printing_garbage() {
    let mut shell = shell_with("while echo '\u{1b}[31m%%% what is this'; do sleep 0.02; done");
    shell.home.set("CLAUDEBOT_HOST_START_TIMEOUT", "300ms");
    let output = shell.run(&["send", "hello"]).expect_code(5);
    assert!(!output.stderr.contains('\u{1b}'), "{}", output.stderr);
    shell.note("garbage, then an end");
    stub::claude(&shell.home, "echo Usage: something else");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.note("one endless line");
    stub::claude(&shell.home, "exec tr '\\0' x </dev/zero");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.matches("agent_printing_garbage");
}

/// Lines that are no messages, before and between those that are, change nothing.
#[test]
fn garbage_between_messages() {
    let mut shell = Shell::new();
    stub::demo_through(
        &shell.home,
        r#"sed -u 's/^/warning: deprecated\n{"type":"from_the_future","x":[1]}\n{"half":\n/'"#,
    );
    shell.home.run(&["session", "new", "work", "--switch"]).expect_code(0);
    shell.run(&["send", "echo all is well"]).expect_code(0);
    shell.run(&["log"]).expect_code(0);
    shell.matches("agent_garbage_between_messages");
}

#[test]
fn hanging() {
    let mut shell = shell_with("echo 'waiting for a lock' >&2; exec sleep 600");
    shell.home.set("CLAUDEBOT_HOST_START_TIMEOUT", "300ms");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.run(&["session", "show"]).expect_code(0);
    shell.matches("agent_hanging");
}

/// Ctrl-C while it hangs takes the prompt back; what hangs is ended with the host.
#[test]
fn left_while_hanging() {
    let shell = shell_with("exec sleep 600");
    let mut send = shell.home.spawn(&["send", "hello"]);
    send.expect_stderr("→ work", PATIENCE);
    send.signal(Signal::INT);
    let output = send.wait(PATIENCE).expect_code(6);
    assert!(output.stderr.contains("taken back"), "{}", output.stderr);
    let queued = shell.home.run(&["session", "show", "--json"]).json();
    assert_eq!(queued["queued"], 0, "{queued}");
}

/// The working directory went away while the session slept.
#[test]
fn a_directory_that_is_gone() {
    let mut shell = Shell::with_session();
    std::fs::remove_dir(shell.home.project()).expect("it is empty");
    let gone = shell.home.mkdir("elsewhere");
    shell.run_in(&gone, &["send", "hello"]).expect_code(5);
    shell.home.mkdir("project");
    shell.note("it is there again");
    shell.run(&["session", "queue", "work", "--run"]).expect_code(0);
    shell.wait_turn_ended("work");
    shell.run(&["send", "recall"]).expect_code(0);
    shell.matches("agent_directory_gone");
}

#[test]
fn a_persona_that_is_gone() {
    let mut shell = Shell::new();
    let file = shell.home.write(".config/claudebot/personas/mine.toml", "description = \"mine\"\n");
    shell
        .home
        .run(&["session", "new", "work", "--agent", "demo", "--persona", "mine", "--switch"])
        .expect_code(0);
    std::fs::write(&file, "description = \"mine\"\nmodle = \"opus\"\n").expect("it is writable");
    shell.run(&["send", "hello"]).expect_code(5);
    std::fs::remove_file(&file).expect("it is there");
    shell.run(&["send", "hello"]).expect_code(5);
    shell.matches("agent_persona_gone");
}

/// A crash in the middle of a reply is told, what came is kept, and the next prompt starts it again.
#[test]
fn a_crash_in_the_middle() {
    let mut shell = Shell::with_session();
    let output = shell.run(&["send", "crash"]);
    assert_eq!(output.code, 6);
    shell.run(&["send", "recall"]).expect_code(0);
    shell.run(&["log"]).expect_code(0);
    shell.matches("agent_crash_in_the_middle");
    let left = shell::run_script(&shell.home, "claudebot host stop");
    assert_eq!(left.code, 0);
}

/// What a persona says may be secret: it is neither in an argument list nor in a file that others can read.
#[test]
fn a_personas_words_are_private() {
    let home = Home::new();
    let servers = r#"{"mcpServers":{"x":{"command":"true","env":{"TOKEN":"zanzibar"}}}}"#;
    let persona = format!("prompt = \"Be brief.\"\nmcp_config = ['{servers}', \"/etc/mcp.json\"]\n");
    home.write(".config/claudebot/personas/wordy.toml", persona);
    let new = ["session", "new", "work", "--agent", "demo", "--scratch", "--persona", "wordy", "--json"];
    let id = home.run(&new).expect_code(0).json()["id"].as_str().expect("an id").to_owned();
    let dir = home.mkdir(format!(".data/claudebot/sessions/{id}"));
    // As an older release left it.
    std::fs::write(dir.join("prompt.md"), "Be nice to everyone.").expect("it is writable");
    home.run(&["send", "-s", "work", "echo hello"]).expect_code(0);

    let arguments = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it lives");
    let all: Vec<_> = home.leftovers().iter().map(|found| arguments(found.pid)).collect();
    let agent = all.iter().find(|words| words.contains("demo-agent")).expect("an agent is up");
    let given = dir.join("mcp-1.json");
    assert!(agent.contains(&format!("--mcp-config={}\0--mcp-config=/etc/mcp.json\0", given.display())));
    assert!(!all.concat().contains("zanzibar"), "{all:?}");
    for (file, text) in [(dir.join("prompt.md"), "Be brief."), (given, servers)] {
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), text);
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    // A link in its place is not followed.
    let elsewhere = home.write("elsewhere.md", "mine");
    home.run(&["session", "sleep", "work"]).expect_code(0);
    std::fs::remove_file(dir.join("prompt.md")).expect("it is there");
    std::os::unix::fs::symlink(&elsewhere, dir.join("prompt.md")).expect("there is room for it");
    let refused = home.run(&["send", "-s", "work", "echo again"]).expect_code(5).stderr;
    assert!(refused.contains("prompt.md"), "{refused}");
    std::fs::remove_file(dir.join("prompt.md")).expect("the link is there");
    home.run(&["send", "-s", "work", "echo hello"]).expect_code(0);
    assert_eq!(std::fs::read_to_string(elsewhere).expect("it is there"), "mine");
    home.run(&["session", "archive", "work"]).expect_code(0);
    assert!(!dir.exists());
}
