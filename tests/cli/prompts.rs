//! Prompts that are too long, too short or no text; readers that go away; texts that would rule a terminal.

use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Shell;
use super::shell::run_script;
use crate::support::PATIENCE;

#[test]
fn no_text() {
    let mut shell = Shell::with_session();
    shell.run(&["send", ""]).expect_code(2);
    shell.run(&["send", " \n\t"]).expect_code(2);
    shell.pipe("printf ''", "", &["send"]).expect_code(2);
    shell.pipe("printf ' '", " ", &["send", "-"]).expect_code(2);
    shell.pipe("printf 'caf\\351'", b"caf\xe9 au lait".to_vec(), &["send", "-"]).expect_code(2);
    shell.run(&["send", "--file", "/no/such/file", "x"]).expect_code(2);
    shell.run(&["send", "--file", ".", "x"]).expect_code(2);
    shell.run(&["log"]).expect_code(0);
    assert!(shell.home.host().is_none(), "no host is started for what is refused at once");
    shell.matches("prompts_no_text");
}

#[test]
fn arguments_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let shell = Shell::with_session();
    let mut command = shell.home.command(&["send"]);
    command.arg(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    let output = crate::support::process::Running::spawn(command).wait(PATIENCE).expect_code(2);
    assert!(output.stderr.contains("UTF-8"), "{}", output.stderr);
}

#[test]
fn several_megabytes() {
    let shell = Shell::with_session();
    let mut prompt = String::from("echo ");
    prompt.push_str(&format!("{}\n", "é\u{1f642}\t".repeat(1_000)).repeat(750));
    prompt.push('z');
    assert!(prompt.len() > 5_000_000);
    let output = shell.home.run_with_stdin(&["send", "-"], prompt.as_bytes()).expect_code(0);
    assert_eq!(output.stdout.trim_end(), prompt[5..].trim_end());
    let log = shell.home.run(&["log", "--json"]).expect_code(0).stdout;
    let first: serde_json::Value =
        serde_json::from_str(log.lines().next().unwrap_or_default()).expect("an event");
    assert_eq!(first["text"], *prompt);
}

/// What is piped in is part of the prompt, or its absence is told.
#[test]
fn piped_in() {
    let mut shell = Shell::with_session();
    shell.pipe("echo data", "data\n", &["send", "echo", "-"]).expect_code(0);
    shell.pipe("echo data", "data\n", &["send", "-", "echo", "first"]).expect_code(0);
    shell.script("echo data > file; claudebot send 'echo alone' < file").expect_code(0);
    let output = shell.script("echo data | { sleep 0; claudebot send 'echo alone'; }").expect_code(0);
    assert_eq!(output.stderr.matches("is not sent").count(), 1, "{}", output.stderr);
    shell.script("claudebot send 'echo alone' < /dev/null").expect_code(0);
    shell.matches("prompts_piped_in");
}

#[test]
fn files_that_are_none_or_too_large() {
    let mut shell = Shell::with_session();
    shell.script("mkfifo pipe; claudebot send --file pipe 'echo never'").expect_code(2);
    let large = std::fs::File::create(shell.home.project().join("large")).expect("a file");
    large.set_len((1 << 30) + 1).expect("it can have holes");
    shell.run(&["send", "--file", "large", "echo never"]).expect_code(2);
    assert!(shell.home.host().is_none(), "no host is started for what is refused at once");
    shell.matches("prompts_files_refused");
}

/// Copies are private whatever the file was, and never lie where a link in the session's directory leads.
#[test]
fn copies_of_files() {
    use std::os::unix::fs::PermissionsExt;
    let shell = Shell::with_session();
    let file = shell.home.write("project/open.txt", "read me").display().to_string();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("its mode can be set");
    shell.home.run(&["send", "--file", &file, "echo copied"]).expect_code(0);
    let id = shell.home.run(&["session", "show", "--json"]).json()["id"].as_str().expect("an id").to_owned();
    let inbox = shell.home.data_dir().join("sessions").join(id).join("inbox");
    let prompt = std::fs::read_dir(&inbox).expect("an inbox").flatten().next().expect("a prompt's").path();
    let mode = std::fs::metadata(prompt.join("open.txt")).expect("a copy").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let elsewhere = shell.home.mkdir("elsewhere");
    std::fs::remove_dir_all(&inbox).expect("it can be removed");
    std::os::unix::fs::symlink(&elsewhere, &inbox).expect("a link");
    let refused = shell.home.run(&["send", "--file", &file, "echo never"]).expect_code(1).stderr;
    assert!(refused.contains("is a link"), "{refused}");
    assert_eq!(std::fs::read_dir(&elsewhere).expect("it is there").count(), 0);
}

/// Longer than a line of the protocols may be: refused before anything is started.
#[test]
fn too_many_megabytes() {
    let mut shell = Shell::with_session();
    shell.pipe("head -c 60000000 big.txt", vec![b'a'; 60_000_000], &["send", "-"]).expect_code(2);
    shell.pipe("head -c 20000000 /dev/zero", vec![0; 20_000_000], &["send"]).expect_code(2);
    assert!(shell.home.host().is_none());
    shell.matches("prompts_too_long");
}

/// A disk that is full where the output goes to is no reader that went away.
#[test]
fn nowhere_to_write_to() {
    let mut shell = Shell::with_session();
    shell.script("claudebot session list > /dev/full").expect_code(1);
    shell.script("claudebot session list >&-").expect_code(0);
    shell.script("claudebot send 'echo lost' > /dev/full").expect_code(1);
    shell.run(&["log"]).expect_code(0);
    shell.matches("prompts_nowhere_to_write_to");
}

#[test]
fn nul_and_control_characters_are_kept_and_not_shown() {
    let shell = Shell::with_session();
    let prompt = "echo a\u{0}b \u{1b}]0;title\u{7}\u{1b}[31mred\u{1b}[0m \u{9b}2J\u{202e}txt.exe\u{8}";
    let output = shell.home.run_with_stdin(&["send", "-"], prompt).expect_code(0);
    assert_eq!(output.stdout.trim_end(), &prompt[5..], "a pipe gets what was said, exactly");
    for arguments in
        [&["log"][..], &["session", "show"], &["session", "list"], &["status"], &["search", "red"]]
    {
        let shown = shell.home.pty(arguments, 80, 24).wait(PATIENCE).stdout;
        harmless(&shown);
    }
    let mut terminal = shell.home.pty(&["send", "echo \u{1b}]0;owned\u{7}\u{1b}[2J fine"], 80, 24);
    let shown = terminal.wait(PATIENCE).expect_code(0).stdout;
    assert!(shown.contains("fine"), "{shown:?}");
    harmless(&shown);
}

/// Colours are ours; everything else that a terminal would obey is not.
fn harmless(shown: &str) {
    let mut rest = shown.replace("\r\n", "\n");
    for code in ["0", "1", "2", "31", "32", "33", "36", "1;31", "22", "39"] {
        rest = rest.replace(&format!("\u{1b}[{code}m"), "");
    }
    let bad = rest.chars().find(|c| (c.is_control() && *c != '\n' && *c != '\t') || *c == '\u{202e}');
    assert_eq!(bad, None, "{shown:?}");
}

/// Whoever has read enough goes, and the command with it, without a word.
#[test]
fn a_reader_that_goes_away() {
    let shell = Shell::with_session();
    for number in 0..30 {
        shell.home.run(&["session", "new", &format!("s{number}"), "--agent", "demo"]).expect_code(0);
    }
    shell.home.run(&["send", "echo one"]).expect_code(0);
    for command in [
        "session list",
        "session list --json",
        "log",
        "log --json",
        "--help",
        "completions bash",
        "man",
        "config show",
        "persona list",
        "send words 400",
        "demo",
    ] {
        let script =
            format!("{{ claudebot {command}; echo \"code $?\" >&2; }} 2>err | head -c 1 >/dev/null; cat err");
        let output = run_script(&shell.home, &script);
        let said: Vec<_> = output.stdout.lines().filter(|line| !line.starts_with("→ ")).collect();
        let talk = matches!(command, "demo");
        let last = said.last().copied().unwrap_or_default();
        assert!(last == "code 0" && (talk || said.len() == 1), "{command}: {}", output.stdout);
    }
}

/// The reader is gone, the turn goes on and its reply is in the log.
#[test]
fn a_turn_outlives_its_reader() {
    let shell = Shell::with_session();
    let mut command: Command = shell.home.command(&["send", "words 40 10"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("claudebot starts");
    let mut out = child.stdout.take().expect("its stdout is a pipe");
    out.read_exact(&mut [0; 2]).expect("the reply begins");
    drop(out);
    assert!(child.wait().expect("it ends").success());
    shell.wait_turn_ended("work");
    let log = shell.home.run(&["log"]).stdout;
    assert!(log.contains("w39"), "{log}");
}

#[test]
fn ctrl_c_stops_the_turn() {
    let shell = Shell::with_session();
    let mut send = shell.home.spawn(&["send", "words 2000 10"]);
    send.expect_stdout("w3", PATIENCE);
    send.signal(Signal::INT);
    let output = send.wait(PATIENCE).expect_code(6);
    assert!(output.stderr.contains("stopped"), "{}", output.stderr);
    shell.wait_turn_ended("work");
    assert_eq!(shell.home.run(&["send", "echo still here"]).expect_code(0).stdout, "still here\n");
}

/// Only what was cut off is gone on with, and before what waits.
#[test]
fn going_on() {
    let shell = Shell::with_session();
    let go_on = ["session", "queue", "work", "--continue"];
    let refused = shell.home.run(&go_on).expect_code(1).stderr;
    assert!(refused.contains("was not interrupted"), "{refused}");
    shell.home.run(&["send", "echo done"]).expect_code(0);
    shell.home.run(&go_on).expect_code(1);
    let mut send = shell.home.spawn(&["send", "words 2000 10"]);
    send.expect_stdout("w3", PATIENCE);
    shell.home.run(&["send", "--no-wait", "echo waits"]).expect_code(0);
    let refused = shell.home.run(&go_on).expect_code(1).stderr;
    assert!(refused.contains("a turn is running"), "{refused}");
    shell.home.run(&["session", "stop", "work"]).expect_code(0);
    send.wait(PATIENCE).expect_code(6);
    let mut watch = shell.home.spawn(&["log", "--follow", "--json"]);
    shell.home.run(&go_on).expect_code(0);
    watch.expect_stdout(r#""text":"Continue where you were interrupted.""#, PATIENCE);
    watch.expect_stdout(r#""outcome":"done""#, PATIENCE);
    watch.signal(Signal::TERM);
    watch.wait(PATIENCE);
    shell.wait_turn_ended("work");
    assert_eq!(shell.home.run(&["session", "show", "--json"]).json()["queued"], 1, "what is held stays held");
}

/// The second one leaves; the turn goes on.
#[test]
fn ctrl_c_twice_leaves() {
    let shell = Shell::with_session();
    let mut first = shell.home.spawn(&["send", "words 100 10"]);
    first.expect_stdout("w3", PATIENCE);
    let mut second = shell.home.spawn(&["send", "echo second"]);
    second.expect_stderr("queued, number 1", PATIENCE);
    second.signal(Signal::INT);
    let output = second.wait(PATIENCE).expect_code(6);
    assert!(output.stderr.contains("taken back"), "{}", output.stderr);
    first.wait(PATIENCE).expect_code(0);
    let log = shell.home.run(&["log"]).stdout;
    assert!(!log.contains("◆ second"), "{log}");
}

/// Ctrl-C while an approval is asked on the terminal: the turn is stopped, the question is void.
#[test]
fn ctrl_c_at_a_question() {
    let shell = Shell::with_session();
    let mut terminal = shell.home.pty(&["send", "list files"], 80, 24);
    terminal.expect("y once", PATIENCE);
    terminal.send("\x03");
    terminal.wait(PATIENCE).expect_code(6);
    assert_eq!(shell.home.run(&["approvals", "--json"]).json().as_array().map(Vec::len), Some(0));
}

/// Whoever does not want to wait for the next host is let go.
#[test]
fn ctrl_c_while_connecting_again() {
    let shell = Shell::with_session();
    let mut send = shell.home.spawn(&["send", "words 2000 10"]);
    send.expect_stdout("w3", PATIENCE);
    send.signal(Signal::STOP);
    let host = shell.home.host().expect("a host is up");
    let host = Pid::from_raw(host.pid.try_into().expect("a pid")).expect("a pid");
    kill_process(host, Signal::KILL).expect("it lives");
    // Somebody holds the lock and does not answer.
    let lock = std::fs::File::open(shell.home.data_dir().join("host.lock")).expect("it is there");
    lock.lock().expect("the host is gone");
    send.signal(Signal::CONT);
    send.expect_stderr("connecting again", PATIENCE);
    send.signal(Signal::INT);
    let left = send.wait(PATIENCE).expect_code(6).stderr;
    assert!(left.contains("it goes on without you"), "{left}");
    // The agent has lost its host and would finish its turn.
    shell.home.kill_everything();
}

/// Lets some time go by: for a moment that nothing marks, not for something to be ready.
#[expect(clippy::disallowed_methods, reason = "the moments in between are what is tried")]
fn after(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}

/// Before anything was answered, while a host starts: quick, and nothing is left half done.
#[test]
fn ctrl_c_at_the_very_beginning() {
    let shell = Shell::with_session();
    for round in 0..8_u64 {
        let mut send = shell.home.spawn(&["send", "echo early"]);
        after(round * 7);
        send.signal(Signal::INT);
        let code = send.wait(PATIENCE).code;
        assert!([0, 6, 130].contains(&code), "round {round}: {code}");
    }
    assert_eq!(shell.home.run(&["send", "echo still here"]).expect_code(0).stdout, "still here\n");
    let session = shell.home.run(&["session", "show", "--json"]).json();
    assert_eq!((&session["queued"], &session["state"]), (&0.into(), &"idle".into()), "{session}");
}

/// Whoever leaves an archiving leaves it to the host: afterwards the session is whole, here or there.
#[test]
fn ctrl_c_while_archiving() {
    let shell = Shell::with_session();
    shell.home.run(&["send", "echo keep me"]).expect_code(0);
    for round in 0..6_u64 {
        let mut archive = shell.home.spawn(&["session", "archive", "work"]);
        after(round * 5);
        archive.signal(Signal::INT);
        archive.wait(PATIENCE);
        // Asked on another connection, so a restore that comes too early is told that there is nothing yet.
        let deadline = std::time::Instant::now() + PATIENCE;
        while shell.home.run(&["send", "-s", "work", "recall"]).code != 0 {
            shell.home.run(&["session", "restore", "work"]);
            assert!(std::time::Instant::now() < deadline);
        }
    }
    let said = shell.home.run(&["send", "-s", "work", "recall"]).expect_code(0).stdout;
    assert!(said.starts_with("I remember: echo keep me"), "{said}");
}

/// A demo that is left takes its home and its processes along.
#[test]
fn ctrl_c_in_the_demo() {
    let shell = Shell::new();
    let mut demo = shell.home.spawn(&["demo"]);
    demo.expect_stdout("demo agent", PATIENCE);
    demo.signal(Signal::INT);
    demo.signal(Signal::INT);
    demo.wait(PATIENCE);
    assert!(shell.home.wait_empty(PATIENCE).is_empty());
    let left: Vec<_> =
        std::fs::read_dir(shell.home.path().join("tmp")).expect("it is there").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A host in the foreground ends in order.
#[test]
fn ctrl_c_on_a_host() {
    let shell = Shell::with_session();
    let mut host = shell.home.spawn(&["host", "run"]);
    host.expect_stderr("ready", PATIENCE);
    let mut send = shell.home.spawn(&["send", "words 30 10"]);
    send.expect_stdout("w3", PATIENCE);
    host.signal(Signal::INT);
    assert!(send.wait(PATIENCE).expect_code(0).stdout.trim_end().ends_with("w29"));
    host.wait(PATIENCE).expect_code(0);
    assert!(shell.home.wait_empty(PATIENCE).is_empty());
}

/// A follower whose reader has gone ends with the next thing it would say.
#[test]
fn a_follower_without_a_reader() {
    let shell = Shell::with_session();
    shell.home.run(&["send", "echo one"]).expect_code(0);
    let mut command = shell.home.command(&["log", "--follow"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut follow = command.spawn().expect("claudebot starts");
    let mut out = follow.stdout.take().expect("its stdout is a pipe");
    out.read_exact(&mut [0; 2]).expect("it says something");
    drop(out);
    shell.home.run(&["send", "echo two"]).expect_code(0);
    use wait_timeout::ChildExt as _;
    let status = follow.wait_timeout(PATIENCE).expect("it can be waited for");
    follow.kill().ok();
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
}

/// The terminal goes away in the middle: no loss, no loop.
#[test]
fn a_hangup_in_the_middle() {
    let shell = Shell::with_session();
    let mut terminal = shell.home.pty(&["send", "words 60 10"], 80, 24);
    terminal.expect("w3", PATIENCE);
    terminal.signal(Signal::HUP);
    terminal.wait(PATIENCE);
    shell.wait_turn_ended("work");
    assert!(shell.home.run(&["log"]).stdout.contains("w59"));
}

/// Inside a session: its own prompts are for itself, and the host is not its to stop.
#[test]
fn from_inside_a_session() {
    let mut shell = Shell::with_session();
    let id =
        shell.home.run(&["session", "show", "--json"]).json()["id"].as_str().unwrap_or_default().to_owned();
    shell.home.run(&["session", "new", "other", "--agent", "demo", "--switch"]).expect_code(0);
    shell.home.run(&["send", "echo up"]).expect_code(0);
    shell.home.set("CLAUDEBOT_SESSION", &id);
    shell.run(&["send", "echo to myself"]).expect_code(0);
    shell.run(&["host", "stop"]).expect_code(6);
    shell.run(&["host", "restart"]).expect_code(6);
    shell.run(&["host", "stop", "--now"]).expect_code(6);
    assert!(shell.home.host().is_some());
    shell.home.unset("CLAUDEBOT_SESSION");
    shell.run(&["log", "work"]).expect_code(0);
    shell.run(&["host", "stop"]).expect_code(0);
    shell.matches("prompts_from_inside");
}

#[test]
fn logs_and_searches() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo the quick brown fox"]).expect_code(0);
    shell.run(&["log", "--since", "99999"]).expect_code(0);
    shell.run(&["log", "--since", "99999", "--json"]).expect_code(0);
    shell.run(&["log", "--since", "18446744073709551615"]);
    shell.run(&["log", "--since", "18446744073709551616"]).expect_code(2);
    for query in [
        "",
        " ",
        "\"",
        "\"\"",
        "*",
        "fox*",
        "-fox",
        "fox NOT quick",
        "NEAR(",
        "text:fox",
        "^fox",
        "a OR",
        "(",
        "fox)",
        "'; DROP TABLE event; --",
        "\u{1b}[31m",
        "fo",
        "\"quick brown\"",
        "{fox}",
        "fox + quick",
        "%",
        "ö",
    ] {
        shell.run(&["search", query]);
    }
    shell.run(&["search"]).expect_code(2);
    shell.run(&["search", "--json", "nothing"]).expect_code(0);
    shell.matches("prompts_logs_and_searches");
}
