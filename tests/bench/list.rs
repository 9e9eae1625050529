//! `session list` as a whole process, ten thousand sessions stored and no host running.

use std::io::Read;
use std::process::Stdio;
use std::time::Instant;

use crate::client::Client;
use crate::host;
use crate::measure::{Row, Samples, mb, ms};
use crate::process;
use crate::support::home::Home;

pub(crate) const SESSIONS: usize = 10_000;
const RUNS: usize = 50;
/// What a pipe holds while nobody reads it.
const PIPE: u64 = 64 << 10;

pub(crate) fn run() -> Vec<Row> {
    let home = filled();
    home.run(&["host", "stop"]).expect_code(0);
    let table = timed(&home, &["session", "list"]);
    let json = timed(&home, &["session", "list", "--json"]);
    let memory = peak(&home, &["session", "list"]);
    let memory_json = peak(&home, &["session", "list", "--json"]);
    let words = |time: &Samples, memory: f64| {
        let p99 = ms(time.percentile(99));
        format!("{} (p99 {p99}, {} runs), peak {}", ms(time.median()), time.count(), mb(memory))
    };
    let holds = |time: &Samples, memory: f64| time.median() <= 15.0 && memory <= 25e6;
    let what = "`session list`, the whole process, 10,000 sessions stored, no host";
    vec![
        Row::new(what, "≤ 15 ms, ≤ 25 MB", words(&table, memory), holds(&table, memory)),
        Row::shown("· the same with `--json`", words(&json, memory_json)),
    ]
}

/// A home with ten thousand sessions.
pub(crate) fn filled() -> Home {
    let home = Home::new();
    let mut client = Client::connect(&host::start(&home));
    let names = host::names("session-with-a-name", SESSIONS);
    host::create_sessions(&mut client, &names, "demo", &home.project());
    home
}

fn timed(home: &Home, arguments: &[&str]) -> Samples {
    let once = || {
        let mut command = home.command(arguments);
        command.stdin(Stdio::null());
        let began = Instant::now();
        let output = command.output().unwrap_or_else(|error| panic!("cannot start: {error}"));
        let took = began.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("session-with-a-name-9999"), "a session is missing");
        took.as_secs_f64() * 1000.0
    };
    Samples::new((0..RUNS).map(|_| once()).collect())
}

/// The most memory it had. It stands still before its end because nobody reads what it prints, so that the kernel
/// can be asked; what it prints was made before.
fn peak(home: &Home, arguments: &[&str]) -> f64 {
    let mut command = home.command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start: {error}"));
    let Some(mut stdout) = child.stdout.take() else { panic!("no pipe") };
    // The rest of what fits follows while the memory is looked at: it is large already.
    while rustix::io::ioctl_fionread(&stdout).is_ok_and(|waiting| waiting < PIPE / 2) {
        assert!(matches!(child.try_wait(), Ok(None)), "it ended before its output filled a pipe");
        std::thread::yield_now();
    }
    let peak = process::peak(child.id());
    let mut text = Vec::new();
    stdout.read_to_end(&mut text).unwrap_or_else(|error| panic!("cannot read its output: {error}"));
    let status = child.wait().unwrap_or_else(|error| panic!("cannot wait for it: {error}"));
    assert!(status.success(), "{status}");
    peak
}
