//! What the machine takes for the way of a warm turn when nothing is done on it: a relay stands where the host
//! would, with a socket to the client and pipes to the agent. It writes as much to the disk as a prompt does,
//! synchronised, and hands every line on. Whatever a turn takes beyond that is claudebot's own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde_json::json;

use crate::measure::{Samples, now};
use crate::support::PATIENCE;
use crate::support::home::Home;
use crate::turn::{millis, stamp};

/// This program under this name is the relay.
pub(crate) const RELAY: &str = "relay";
/// What a prompt adds to the log of writes.
const WRITTEN: usize = 48 << 10;
/// The file is written from its beginning again after so many prompts, as the store's is.
const PROMPTS_PER_ROUND: usize = 64;

/// The relay's life: one client, one agent. Arguments: the socket, the file, the agent's program.
pub(crate) fn relay(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || arguments.next().map(PathBuf::from).unwrap_or_else(|| panic!("too few arguments"));
    let (socket, file, agent) = (next(), next(), next());
    let listener = UnixListener::bind(socket).unwrap_or_else(|error| panic!("no socket: {error}"));
    println!("ready");
    let (client, _) = listener.accept().unwrap_or_else(|error| panic!("no client: {error}"));
    let mut agent = Command::new(agent)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("no agent: {error}"));
    let (Some(stdin), Some(stdout)) = (agent.stdin.take(), agent.stdout.take()) else { panic!("no pipes") };
    let back = client.try_clone().unwrap_or_else(|error| panic!("half a socket: {error}"));
    let returning = std::thread::spawn(move || hand_back(stdout, back));
    hand_over(client, stdin, &file);
    agent.wait().unwrap_or_else(|error| panic!("the agent is lost: {error}"));
    returning.join().unwrap_or_else(|_| panic!("the way back broke"));
    ExitCode::SUCCESS
}

/// Until the client hangs up: each line is stored, then goes to the agent.
fn hand_over(client: UnixStream, mut agent: impl Write, file: &Path) {
    let mut file = File::create(file).unwrap_or_else(|error| panic!("no file: {error}"));
    let page = vec![7; WRITTEN];
    let mut store = |at: usize| {
        let begins = u64::try_from(at % PROMPTS_PER_ROUND * WRITTEN).unwrap_or(0);
        file.seek(SeekFrom::Start(begins)).and_then(|_| file.write_all(&page)).and_then(|()| file.sync_data())
    };
    let mut lines = BufReader::new(client);
    let mut line = String::new();
    for at in 0.. {
        line.clear();
        match lines.read_line(&mut line) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        store(at).and_then(|()| agent.write_all(line.as_bytes())).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn hand_back(mut agent: impl Read, mut client: UnixStream) {
    let mut chunk = [0; 64 << 10];
    while let Ok(read @ 1..) = agent.read(&mut chunk) {
        if client.write_all(&chunk[..read]).is_err() {
            return;
        }
    }
}

/// There and back, in milliseconds, of so many turns after the first ones.
pub(crate) fn measure(pause: u64, warm_up: usize, turns: usize) -> Samples {
    let home = Home::new();
    let place = |name: &str| home.path().join(name);
    // Under its own name this program is the benchmark, under this one the agent.
    home.install_claude(&own_program());
    let mut relay = Command::new(own_program())
        .args([RELAY.into(), place("s"), place(".data/written"), place("bin/claude")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("no relay: {error}"));
    let mut ready = [0];
    relay.stdout.as_mut().map(|out| out.read_exact(&mut ready));
    let client = UnixStream::connect(place("s")).unwrap_or_else(|error| panic!("no relay there: {error}"));
    client.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("no time limit: {error}"));
    let mut all: Vec<f64> = (0..warm_up + turns).map(|_| turn(&client, pause)).collect();
    client.shutdown(std::net::Shutdown::Write).ok();
    relay.wait().unwrap_or_else(|error| panic!("the relay is lost: {error}"));
    Samples::new(all.split_off(warm_up))
}

fn own_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|error| panic!("where am I? {error}"))
}

fn turn(mut client: &UnixStream, pause: u64) -> f64 {
    let uuid = uuid::Uuid::new_v4();
    let prompt = format!(
        "{}\n",
        json!({ "type": "user", "uuid": uuid, "message": { "content": format!("{pause} 1") } })
    );
    let sent = now();
    client.write_all(prompt.as_bytes()).unwrap_or_else(|error| panic!("the relay is gone: {error}"));
    let (mut text, mut total) = (String::new(), None);
    let mut chunk = [0; 64 << 10];
    while !text.contains(r#""type":"result""#) {
        let read = client.read(&mut chunk).unwrap_or_else(|error| panic!("the relay is silent: {error}"));
        let received = now();
        assert!(read > 0, "the relay has gone");
        text.push_str(&String::from_utf8_lossy(&chunk[..read]));
        if total.is_none()
            && let (Some(arrived), Some(left)) = (stamp(&text, "in="), stamp(&text, "out="))
        {
            total = Some(millis(sent, arrived) + millis(left, received));
        }
    }
    total.unwrap_or_else(|| panic!("no text came: {text}"))
}
