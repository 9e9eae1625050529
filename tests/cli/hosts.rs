//! Sockets that are stale, foreign or too long; hosts that are two, of another release, or killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::Shell;
use crate::support::PATIENCE;
use crate::support::home::HostLock;
use crate::support::tree::start_of;

fn host(shell: &Shell) -> HostLock {
    shell.home.host().expect("a host is up")
}

/// Kills the host at once and waits until it is gone.
fn kill(shell: &Shell) -> HostLock {
    let host = host(shell);
    let pid = i32::try_from(host.pid).ok().and_then(Pid::from_raw).expect("it has a pid");
    kill_process(pid, Signal::KILL).expect("it can be killed");
    while start_of(host.pid) == Some(host.start) {
        std::thread::yield_now();
    }
    host
}

/// A session, a host that was up once, and where its socket was.
fn shell_with_socket() -> (Shell, PathBuf) {
    let shell = Shell::with_session();
    shell.home.run(&["send", "echo up"]).expect_code(0);
    let socket = host(&shell).socket;
    shell.home.run(&["host", "stop"]).expect_code(0);
    (shell, socket)
}

#[test]
fn a_stale_socket() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo up"]).expect_code(0);
    let killed = kill(&shell);
    assert!(killed.socket.exists(), "a killed host leaves its socket");
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["host", "status"]).expect_code(5);
    shell.run(&["host", "stop"]).expect_code(0);
    shell.run(&["send", "recall"]).expect_code(0);
    assert_eq!(host(&shell).socket, killed.socket);
    shell.matches("hosts_stale_socket");
}

#[test]
fn something_else_at_the_sockets_place() {
    let (mut shell, socket) = shell_with_socket();
    shell.note("a file");
    shell.home.write(&socket, "precious");
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["send", "hello"]).expect_code(5);
    shell.run(&["host", "run"]).expect_code(5);
    assert_eq!(std::fs::read_to_string(&socket).ok().as_deref(), Some("precious"));
    std::fs::remove_file(&socket).expect("it is there");
    shell.note("the socket of another program");
    let _stranger = UnixListener::bind(&socket).expect("the place is free");
    shell.run(&["session", "list"]).expect_code(0);
    shell.run(&["send", "hello"]).expect_code(5);
    assert!(socket.exists());
    shell.matches("hosts_something_else");
}

/// Longer than the system allows for a socket: another place is used, and everybody finds it.
#[test]
fn a_path_beyond_the_limit() {
    let mut shell = Shell::new();
    let long = shell.home.mkdir("x".repeat(120));
    shell.home.set("XDG_STATE_HOME", long.join("state"));
    shell.home.unset("XDG_RUNTIME_DIR");
    shell.home.run(&["session", "new", "work", "--agent", "demo", "--switch"]).expect_code(0);
    shell.run(&["send", "echo found"]).expect_code(0);
    shell.run(&["host", "status", "--json"]).expect_code(0);
    let socket = host(&shell).socket;
    assert!(socket.starts_with("/tmp"), "{}", socket.display());
    shell.home.run(&["host", "stop"]).expect_code(0);
    assert!(!socket.exists());
}

/// The place of the socket changes with the environment; the host is found by its lock all the same.
#[test]
fn another_environment() {
    let mut shell = Shell::with_session();
    shell.home.run(&["send", "echo up"]).expect_code(0);
    let first = host(&shell);
    shell.home.unset("XDG_RUNTIME_DIR");
    shell.home.run(&["send", "recall"]).expect_code(0);
    assert_eq!(host(&shell), first);
}

#[test]
fn many_clients_start_one_host() {
    let shell = Shell::with_session();
    let mut all: Vec<_> =
        (0..6).map(|number| shell.home.spawn(&["send", "--no-wait", &format!("echo {number}")])).collect();
    for one in &mut all {
        one.wait(PATIENCE).expect_code(0);
    }
    shell.home.run(&["send", "echo last"]).expect_code(0);
    let log = shell.home.run(&["log"]).stdout;
    for number in 0..6 {
        assert_eq!(log.matches(&format!("› echo {number}\n")).count(), 1, "{log}");
    }
    let hosts = shell.home.leftovers().into_iter().filter(|found| found.to_string().contains("host run"));
    assert_eq!(hosts.count(), 1);
}

/// The host that a script's command starts keeps nothing open that is the script's.
#[test]
fn what_a_script_has_open() {
    let mut shell = Shell::with_session();
    let script = "said=$( { claudebot send 'echo hi' 3>&1 9>lock >/dev/null; } 2>&1 ); echo \"over: $said\"";
    let output = shell.script(script).expect_code(0);
    assert_eq!(output.stdout, "over: → work\n", "it ends although the host goes on");
    assert_ne!(shell.home.host(), None);
}

/// Ending a host takes no configuration; a new one does, so that is looked at first.
#[test]
fn ended_with_a_broken_configuration() {
    let shell = Shell::with_session();
    shell.home.run(&["send", "echo up"]).expect_code(0);
    let first = host(&shell);
    shell.home.write_config("[host]\nlinger = \"never\"\n");
    let output = shell.home.run(&["host", "restart"]).expect_code(2);
    assert!(output.stderr.contains("linger"), "{}", output.stderr);
    assert_eq!(host(&shell), first);
    shell.home.run(&["host", "stop"]).expect_code(0);
    assert_eq!(shell.home.host(), None);
}

#[test]
fn a_second_host() {
    let mut shell = Shell::with_session();
    let mut first = shell.home.spawn(&["host", "run"]);
    first.expect_stderr("ready", PATIENCE);
    let second = shell.home.run(&["host", "run"]).expect_code(1);
    let (_, words) = second.stderr.split_once("error: ").expect("it says why");
    assert!(words.starts_with(&format!("a host is running already: process {}", first.pid())), "{words}");
    assert!(words.contains("claudebot host stop"), "{words}");
    shell.run(&["send", "echo one"]).expect_code(0);
    shell.run(&["host", "stop"]).expect_code(0);
    first.wait(PATIENCE).expect_code(0);
    shell.matches("hosts_second");
}

/// The host is killed while a reply streams: another one takes over, and `send` ends with an honest word.
#[test]
fn killed_while_somebody_waits() {
    let shell = Shell::with_session();
    let mut send = shell.home.spawn(&["send", "words 60 20"]);
    send.expect_stdout("w5", PATIENCE);
    kill(&shell);
    let output = send.wait(PATIENCE);
    assert!(output.stderr.contains("the host has gone away; connecting again"), "{}", output.stderr);
    let said = output.stdout.split_whitespace().collect::<Vec<_>>();
    match output.code {
        0 => assert_eq!(said, (0..60).map(|number| format!("w{number}")).collect::<Vec<_>>()),
        6 => assert!(output.stderr.contains("cut off"), "{}", output.stderr),
        code => panic!("exit code {code}: {}", output.stderr),
    }
    let log = shell.home.run(&["log"]).stdout;
    assert_eq!(log.matches("› words 60 20").count(), 1, "{log}");
    assert_eq!(shell.home.run(&["send", "recall"]).expect_code(0).stdout, "I remember: words 60 20\n");
}

/// A turn is let finish by `host stop`; who waits for it sees it end.
#[test]
fn stopped_while_somebody_waits() {
    let shell = Shell::with_session();
    let mut send = shell.home.spawn(&["send", "words 40 10"]);
    send.expect_stdout("w5", PATIENCE);
    shell.home.run(&["host", "stop"]).expect_code(0);
    let output = send.wait(PATIENCE).expect_code(0);
    assert!(output.stdout.trim_end().ends_with("w39"), "{output:?}");
    let mut send = shell.home.spawn(&["send", "words 4000 10"]);
    send.expect_stdout("w5", PATIENCE);
    shell.home.run(&["host", "stop", "--now"]).expect_code(0);
    send.wait(PATIENCE).expect_code(6);
}

/// Some process that holds the lock and listens where it says; what it answers is the test's.
struct Impostor {
    _lock: File,
    listener: UnixListener,
}

impl Impostor {
    fn new(shell: &Shell, socket: &Path, protocol: u32) -> Self {
        let path = shell.home.data_dir().join("host.lock");
        let mut lock =
            File::options().create(true).write(true).truncate(true).open(path).expect("it can be made");
        lock.try_lock().expect("nobody holds it");
        let (pid, version) = (std::process::id(), "9.9.9");
        let start = start_of(pid).expect("we run");
        let info = json!({ "pid": pid, "start": start, "protocol": protocol, "socket": socket, "version": version, "since": "2026-01-01T00:00:00Z" });
        writeln!(lock, "{info}").expect("it can be written");
        Self { _lock: lock, listener: UnixListener::bind(socket).expect("the place is free") }
    }

    /// The next client, whose first line was read.
    fn client(&self) -> BufReader<UnixStream> {
        let (stream, _) = self.listener.accept().expect("a client comes");
        let mut reader = BufReader::new(stream);
        let hello = line(&mut reader);
        assert_eq!(hello["client"], "cli", "{hello}");
        reader
    }

    fn welcome(&self, protocol: u32, oldest: u32) -> BufReader<UnixStream> {
        let mut client = self.client();
        let welcome = json!({ "claudebot": "9.9.9", "protocol": protocol, "oldest": oldest, "pid": 1 });
        tell(&mut client, &welcome);
        client
    }
}

fn line(reader: &mut BufReader<UnixStream>) -> Value {
    let mut line = String::new();
    reader.read_line(&mut line).expect("it can be read");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn tell(client: &mut BufReader<UnixStream>, value: &Value) {
    // A client that is gone by now is seen by how it ended.
    client.get_mut().write_all(format!("{value}\n").as_bytes()).ok();
}

#[test]
fn a_newer_host() {
    let (mut shell, socket) = shell_with_socket();
    let newer = Impostor::new(&shell, &socket, 9);
    for arguments in [&["session", "list"][..], &["send", "hello"], &["host", "status"]] {
        let mut command = shell.home.spawn(arguments);
        drop(newer.welcome(9, 8));
        let output = command.wait(PATIENCE).expect_code(5);
        shell.record(&format!("claudebot {}", arguments.join(" ")), &output);
    }
    drop(newer);
    shell.matches("hosts_newer");
}

/// An older host is asked to finish and go, in words that never change; then a new one is started.
#[test]
fn an_older_host_makes_room() {
    let (mut shell, socket) = shell_with_socket();
    let older = Impostor::new(&shell, &socket, 1);
    let mut send = shell.home.spawn(&["send", "recall"]);
    let mut client = older.welcome(0, 0);
    assert_eq!(
        line(&mut client),
        json!({ "id": 1, "request": { "type": "host_stop", "when": "when_idle" } })
    );
    std::fs::remove_file(&socket).expect("it is there");
    drop(older);
    drop(client);
    let output = send.wait(PATIENCE).expect_code(0);
    shell.record("claudebot send recall", &output);
    shell.matches("hosts_older");
}

#[test]
fn an_older_host_that_refuses() {
    let (mut shell, socket) = shell_with_socket();
    let older = Impostor::new(&shell, &socket, 1);
    let mut send = shell.home.spawn(&["send", "hello"]);
    let mut client = older.welcome(0, 0);
    line(&mut client);
    let error = json!({ "kind": "denied", "message": "this cannot be asked now" });
    tell(&mut client, &json!({ "error": { "id": 1, "error": error } }));
    let output = send.wait(PATIENCE).expect_code(5);
    shell.record("claudebot send hello", &output);
    drop(older);
    shell.matches("hosts_older_refuses");
}

#[test]
fn no_host_at_all_behind_the_lock() {
    let (mut shell, socket) = shell_with_socket();
    let stranger = Impostor::new(&shell, &socket, 2);
    let mut list = shell.home.spawn(&["session", "list"]);
    let mut client = stranger.client();
    client.get_mut().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("it reads");
    let output = list.wait(PATIENCE).expect_code(5);
    shell.record("claudebot session list", &output);
    shell.matches("hosts_stranger");
}

/// It holds the lock and says nothing: given up on after ten seconds, by everybody.
#[test]
fn a_host_that_hangs() {
    let (shell, socket) = shell_with_socket();
    let _silent = Impostor::new(&shell, &socket, 2);
    let mut all: Vec<_> =
        [&["session", "list"][..], &["send", "hello"], &["host", "stop"], &["status", "--short"]]
            .map(|arguments| shell.home.spawn(arguments))
            .into();
    for one in &mut all {
        let output = one.wait(PATIENCE).expect_code(5);
        let pid = std::process::id();
        assert!(output.stderr.contains(&format!("process {pid} (claudebot 9.9.9")), "{}", output.stderr);
        assert!(
            output.stderr.contains("has not answered") && output.stderr.contains("hint: "),
            "{}",
            output.stderr
        );
    }
}

/// A lock that somebody holds without a word.
#[test]
fn a_lock_without_a_name() {
    let (shell, _) = shell_with_socket();
    let path = shell.home.data_dir().join("host.lock");
    let lock = File::options().write(true).open(path).expect("it is there");
    lock.try_lock().expect("nobody holds it");
    let output = shell.home.run(&["send", "hello"]).expect_code(5);
    assert!(output.stderr.contains("has not said who it is"), "{}", output.stderr);
}

/// What clients of other releases, and strangers, get from this host.
#[test]
fn other_clients() {
    let shell = Shell::with_session();
    shell.home.run(&["send", "echo up"]).expect_code(0);
    let host = host(&shell);
    let connect = |first: &str| {
        let mut stream = UnixStream::connect(&host.socket).expect("the host listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit can be set");
        stream.write_all(first.as_bytes()).expect("the host reads");
        BufReader::new(stream)
    };
    let hello = |protocol: u32| {
        format!("{}\n", json!({ "claudebot": "9.9.9", "protocol": protocol, "client": "cli" }))
    };

    let served = |protocol| line(&mut connect(&hello(protocol)));
    assert_eq!(served(host.protocol)["error"], Value::Null);
    assert_eq!(served(host.protocol - 1)["error"], Value::Null);
    for protocol in [0, host.protocol + 1, 99] {
        let error = &served(protocol)["error"];
        assert_eq!(error["kind"], "unavailable", "{error}");
        assert!(error["hint"].is_string(), "{error}");
    }

    let mut stranger = connect("GET / HTTP/1.1\r\n\r\n");
    assert!(
        line(&mut stranger)["error"]["message"].as_str().is_some_and(|words| words.contains("no greeting"))
    );
    assert_eq!(stranger.read_to_string(&mut String::new()).expect("it is closed"), 0);

    let mut clumsy = connect(&hello(host.protocol));
    line(&mut clumsy);
    for (sent, words) in [
        ("no json\n", "json"),
        ("{\"id\":7,\"request\":{\"type\":\"fly\"}}\n", "knows no request `fly`"),
        ("{\"id\":8,\"request\":{\"type\":\"log\"}}\n", "malformed"),
    ] {
        clumsy.get_mut().write_all(sent.as_bytes()).expect("the host reads");
        let error = line(&mut clumsy).to_string();
        assert!(error.to_lowercase().contains(words), "{sent}: {error}");
    }
    clumsy
        .get_mut()
        .write_all(b"{\"id\":9,\"request\":{\"type\":\"host_status\"}}\n")
        .expect("the host reads");
    assert_eq!(line(&mut clumsy)["ok"]["id"], 9, "it is served all the same");

    let mut newer = connect(&hello(99));
    line(&mut newer);
    newer
        .get_mut()
        .write_all(b"{\"id\":1,\"request\":{\"type\":\"host_status\"}}\n")
        .expect("the host reads");
    assert_eq!(line(&mut newer)["error"]["error"]["kind"], "unavailable");
    newer
        .get_mut()
        .write_all(b"{\"id\":1,\"request\":{\"type\":\"host_stop\",\"when\":\"when_idle\"}}\n")
        .expect("the host reads");
    newer.read_to_string(&mut String::new()).expect("the connection ends with the host");
    assert!(shell.home.wait_empty(PATIENCE).is_empty());
}
