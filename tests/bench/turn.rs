//! What claudebot adds to a warm turn: a prompt's way from the client to the agent's stdin, and a text's way from the
//! agent back to the client. The agent is a stub that reads the clock at both ends of its own work.

use serde_json::{Value, json};

use crate::client::{self, Client};
use crate::floor;
use crate::host;
use crate::measure::{Row, Samples, ms};
use crate::support::home::Home;

const TURNS: usize = 1000;
const TURNS_AT_ONCE: usize = 1000;
/// The first ones fill caches.
const WARM_UP: usize = 50;
/// Milliseconds from the agent's first sign of life to its first text. The real one takes 25 at the very least; the
/// longer it takes, the deeper asleep are the processor and the disk when the text comes.
const PAUSE: u64 = 25;
const DELTAS: u64 = 4;
const SESSION: &str = "work";
const TARGET: &str = "p50 ≤ 1 ms, p99 ≤ 5 ms";

/// In milliseconds.
struct Turn {
    /// Before the client's first byte was written → after the agent read the last one.
    there: f64,
    /// Before the agent wrote its first text → after the client read it.
    back: f64,
    /// The same for each later text.
    later: Vec<f64>,
}

pub(crate) fn run() -> Vec<Row> {
    let home = Home::new();
    host::install_stub(&home);
    home.run(&["session", "new", SESSION, "--dir", &home.project().display().to_string()]).expect_code(0);
    let mut client = Client::connect(&host::start(&home));
    client.call(&client::subscribe(SESSION));
    let usual = turns(&mut client, PAUSE, TURNS);
    let at_once = turns(&mut client, 0, TURNS_AT_ONCE);
    let floor = floor::measure(PAUSE, WARM_UP, TURNS);
    let stats = stats(&mut client);
    let sum = |turns: &[Turn]| Samples::new(turns.iter().map(|turn| turn.there + turn.back).collect());
    let part = |of: fn(&Turn) -> f64| Samples::new(usual.iter().map(of).collect());
    let later = Samples::new(usual.iter().flat_map(|turn| turn.later.iter().copied()).collect());
    let (whole, at_once) = (sum(&usual), sum(&at_once));
    let own = whole.median() - floor.median();
    let holds = |p50: f64, all: &Samples| p50 <= 1.0 && all.percentile(99) <= 5.0;
    vec![
        Row::new(
            "own share of a warm turn: `Send` → agent's stdin, plus agent's first delta → client",
            TARGET,
            spread(&at_once),
            holds(at_once.median(), &at_once),
        ),
        Row::new(
            "the same with 25 ms of silence before the text, less what the machine takes",
            TARGET,
            format!("p50 {}, p99 {} in all", ms(own), ms(whole.percentile(99))),
            holds(own, &whole),
        ),
        Row::shown("· with 25 ms of silence, in all", spread(&whole)),
        Row::shown("· there: stored with fsync, then in the agent's stdin", spread(&part(|turn| turn.there))),
        Row::shown("· back: the first delta", spread(&part(|turn| turn.back))),
        Row::shown("· back: three more in a burst", spread(&later)),
        Row::shown("· the machine: the same way through a bare relay with fsync", spread(&floor)),
        Row::shown("· accepted → written, in the host's own words (`claudebot stats`)", stats),
    ]
}

fn turns(client: &mut Client, pause: u64, count: usize) -> Vec<Turn> {
    let mut all: Vec<Turn> = (0..WARM_UP + count).map(|_| turn(client, pause)).collect();
    all.split_off(WARM_UP)
}

fn turn(client: &mut Client, pause: u64) -> Turn {
    let (_, sent) = client.send(&client::send_prompt(SESSION, &format!("{pause} {DELTAS}")));
    let (mut there, mut back) = (0.0, Vec::new());
    loop {
        let frame = client.next();
        assert!(frame.value["error"].is_null(), "the host refuses: {}", frame.value);
        let push = &frame.value["push"]["push"];
        if push["live"]["type"] == "delta" {
            let text = push["live"]["text"].as_str().unwrap_or_default();
            if let Some(arrived) = stamp(text, "in=") {
                there = millis(sent, arrived);
            }
            // Texts that came together were joined: the oldest has waited longest.
            back.extend(stamp(text, "out=").map(|left| millis(left, frame.received)));
        }
        if push["event"]["kind"] == "turn_ended" {
            assert_eq!(push["event"]["detail"]["outcome"], "done", "{push}");
            let later = back.split_off(1);
            return Turn { there, back: back[0], later };
        }
    }
}

/// The time that a text of the agent carries under this name.
pub(crate) fn stamp(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
    rest[..digits].parse().ok()
}

pub(crate) fn millis(from: u64, to: u64) -> f64 {
    assert!(to >= from, "one clock for all");
    (to - from) as f64 / 1e6
}

fn spread(samples: &Samples) -> String {
    let at = |percent| ms(samples.percentile(percent));
    format!("p50 {}, p95 {}, p99 {} ({} samples)", at(50), at(95), at(99), samples.count())
}

fn stats(client: &mut Client) -> String {
    let answer = client.call(&json!({ "type": "stats", "session": null, "since": null }));
    let stages = answer["data"]["stages"].as_array().cloned().unwrap_or_default();
    let warm = |stage: &&Value| stage["stage"] == "accepted→written" && stage["cold"] == false;
    let Some(stage) = stages.iter().find(warm) else { panic!("no such stage: {answer}") };
    let at = |name: &str| ms(stage[name].as_f64().unwrap_or(f64::NAN) / 1000.0);
    format!("p50 {}, p95 {}, p99 {} ({} turns)", at("p50_us"), at("p95_us"), at("p99_us"), stage["count"])
}
