//! The support checked on itself, with a shell in the place of claudebot.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::PATIENCE;
use super::home::Home;
use super::messages_api::{MessagesApi, Outcome};
use super::process::{Running, Terminal};
use super::tree::start_of;

fn shell(home: &Home, script: &str) -> Command {
    let mut command = home.program("/bin/sh");
    command.args(["-c", script]);
    command
}

/// Starts a process that nobody waits for and that holds no pipe.
fn stray(home: &Home) -> u32 {
    let script = "sleep 300 >/dev/null 2>&1 </dev/null & echo $!";
    let output = Running::spawn(shell(home, script)).wait(PATIENCE).expect_code(0);
    output.stdout.trim().parse().unwrap_or_else(|error| panic!("{error}: {}", output.stdout))
}

#[test]
fn a_child_is_talked_with() {
    let home = Home::new();
    let script = "printf 'one two '; read x; echo \"got $x\"; echo more; echo aside >&2; exit 3";
    let mut child = Running::spawn(shell(&home, script));
    assert_eq!(child.expect_stdout("one", PATIENCE), "one");
    assert!(child.is_running());
    child.send("hi\n");
    assert_eq!(child.next_line(PATIENCE).as_deref(), Some(" two got hi"));
    child.expect_stderr("aside", PATIENCE);
    let output = child.wait(PATIENCE);
    assert_eq!((output.code, output.stdout.as_str()), (3, "one two got hi\nmore\n"));
    assert_eq!(child.next_line(PATIENCE).as_deref(), Some("more"));
    assert_eq!(child.next_line(PATIENCE), None);
    assert_eq!(child.stdout(), output.stdout);
}

#[test]
fn a_signal_ends_a_child() {
    let home = Home::new();
    let mut child = Running::spawn(shell(&home, "echo $$; exec sleep 300"));
    assert_eq!(child.next_line(PATIENCE), Some(child.pid().to_string()));
    child.signal(Signal::TERM);
    child.wait(PATIENCE).expect_code(143);
}

#[test]
fn a_child_that_hangs_fails_the_test_with_what_it_said() {
    let home = Home::new();
    let mut child = Running::spawn(shell(&home, "echo said this; exec sleep 300"));
    child.expect_stdout("said this", PATIENCE);
    let hung = catch_unwind(AssertUnwindSafe(|| child.wait(Duration::from_millis(1))));
    let words = hung.expect_err("a hanging child is no success");
    let words = words.downcast_ref::<String>().expect("a panic has words");
    assert!(words.contains("still running") && words.contains("said this"), "{words}");
    assert!(home.wait_empty(PATIENCE).is_empty());
}

#[test]
fn a_terminal_is_a_terminal() {
    let home = Home::new();
    // Whoever runs the tests in the background has SIGINT ignored, and a shell cannot take that back.
    let script = "stty size; test -t 0 && read x; echo \"got $x\"; stty size; read y";
    let script = format!("exec env --default-signal=INT /bin/sh -c '{script}'");
    let mut terminal = Terminal::spawn(shell(&home, &script), 100, 30);
    terminal.expect("30 100", PATIENCE);
    terminal.resize(90, 20);
    terminal.send("hi\r");
    terminal.expect("got hi", PATIENCE);
    terminal.expect("20 90", PATIENCE);
    terminal.send("\x03");
    terminal.wait(PATIENCE).expect_code(130);

    let mut ended = Terminal::spawn(shell(&home, "echo $$; exec sleep 300"), 80, 24);
    ended.expect(&ended.pid().to_string(), PATIENCE);
    ended.signal(Signal::TERM);
    assert_eq!(ended.wait(PATIENCE).code, 143);
}

#[test]
fn claudebot_runs_in_a_home_of_its_own() {
    let mut home = Home::new();
    home.set("KEPT", "yes");
    home.set("DROPPED", "yes");
    home.unset("DROPPED");
    let seen = Running::spawn(shell(&home, "env; pwd")).wait(PATIENCE).stdout;
    assert!(seen.contains("KEPT=yes") && !seen.contains("DROPPED"), "{seen}");
    assert!(seen.ends_with(&format!("{}\n", home.project().display())), "{seen}");
    assert!(!seen.contains("CARGO"), "the test's own environment shows: {seen}");

    home.run(&["--version"]).expect_code(0);
    home.run_in(home.path(), &["--version"]).expect_code(0);
    home.run_with_stdin(&["--version"], vec![b'x'; 1_000_000]).expect_code(0);
    home.pty(&["--version"], 80, 24).wait(PATIENCE).expect_code(0);
    assert_eq!(home.write_config(""), home.config_dir().join("config.toml"));
    assert_eq!(Running::spawn(shell(&home, "echo '{\"a\": 1}'")).wait(PATIENCE).json(), json!({ "a": 1 }));
}

#[test]
fn what_is_left_running_is_found_and_ended() {
    let home = Home::new();
    let pid = stray(&home);
    assert_eq!(home.leftovers().iter().map(|found| found.pid).collect::<Vec<_>>(), [pid]);
    home.kill_everything();
    assert!(home.wait_empty(PATIENCE).is_empty());
}

#[test]
fn a_home_that_is_left_with_a_process_fails_the_test() {
    let home = Home::new();
    let path = home.path().to_owned();
    let pid = stray(&home);
    let words = catch_unwind(AssertUnwindSafe(|| drop(home))).expect_err("a process was left");
    let words = words.downcast_ref::<String>().expect("a panic has words");
    assert!(words.contains(&format!("{pid} sleep 300")), "{words}");
    assert_eq!(start_of(pid), None, "it still runs");
    assert!(!path.exists());
}

#[test]
fn the_host_lock_names_a_live_host_only() {
    let home = Home::new();
    assert_eq!(home.host(), None);
    let pid = stray(&home);
    let start = start_of(pid).expect("it runs");
    let lock = |start: u64| json!({ "pid": pid, "start": start, "protocol": 2, "socket": "/x/y.sock" });
    let file = home.data_dir().join("host.lock");
    home.write(&file, lock(start).to_string());
    let host = home.host().expect("the lock names a live process");
    assert_eq!((host.pid, host.start, host.protocol), (pid, start, 2));
    assert!(host.socket.ends_with("y.sock"));
    home.write(&file, lock(start + 1).to_string());
    assert_eq!(home.host(), None, "another process with that pid is not the host");
    home.kill_everything();
}

/// Asks the API without an agent; the thread gives the whole answer.
fn ask(api: &MessagesApi, prompt: &str) -> JoinHandle<String> {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": prompt }] }).to_string();
    let request = format!("POST /v1/messages HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let address = api.url().replace("http://", "");
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("the API listens");
        stream.write_all(request.as_bytes()).expect("the API reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer has an end");
        answer
    })
}

#[test]
fn the_api_answers_forgets_and_ends() {
    let api = MessagesApi::start().expect("loopback is there");
    let waiting = ask(&api, "hold gate");
    api.wait_held("gate", PATIENCE);
    api.forget();
    assert_eq!(api.requests().len(), 1, "what is still open is not forgotten");
    api.release("gate");
    let answer = waiting.join().expect("it was answered");
    assert!(answer.contains(r#""text":"Holding gate""#), "{answer}");
    api.wait_for(|request| request.outcome == Outcome::Answered, PATIENCE);
    api.forget();
    assert!(api.requests().is_empty());

    let abandoned = ask(&api, "hold closed");
    api.wait_held("closed", PATIENCE);
    drop(api);
    assert_eq!(abandoned.join().expect("it ended"), "");
}
