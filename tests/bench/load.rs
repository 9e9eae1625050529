//! Fifty sessions that all talk at once, each watched by three front ends: what it costs the host, and whether every
//! front end got every word.

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::client::{self, Client};
use crate::host;
use crate::measure::Row;
use crate::process::Usage;
use crate::support::home::{Home, HostLock};

const SESSIONS: usize = 50;
const FRONT_ENDS: usize = 3;
const PER_SECOND: usize = 50;
const SECONDS: usize = 10;
const TURNS: usize = 2;

/// What one front end got in all sessions.
struct Seen {
    deltas: usize,
    turns: usize,
}

pub(crate) fn run() -> Vec<Row> {
    let home = Home::new();
    home.write_config("[host]\nmax_live = 100\n");
    let host = host::start(&home);
    let mut sender = Client::connect(&host);
    let names = host::names("talker", SESSIONS);
    host::create_sessions(&mut sender, &names, "demo", &home.project());
    host::wake(&mut Client::connect(&host), &names, "echo hello");
    let (ready, all_ready) = mpsc::channel();
    let front_ends: Vec<_> = (0..FRONT_ENDS)
        .map(|_| {
            let (host, names, ready) = (host.clone(), names.clone(), ready.clone());
            std::thread::spawn(move || watch(&host, &names, &ready))
        })
        .collect();
    for _ in 0..FRONT_ENDS {
        all_ready.recv().unwrap_or_else(|_| panic!("a front end has failed"));
    }
    let mut shares = Vec::new();
    for name in &names {
        for _ in 0..TURNS {
            sender.call(&client::send_prompt(
                name,
                &format!("words {} {}", PER_SECOND * SECONDS, 1000 / PER_SECOND),
            ));
        }
    }
    // Seconds in the middle of the turns, in which all of them talk.
    for _ in 0..TURNS * SECONDS - 4 {
        let before = Usage::of(host.pid);
        let began = crate::measure::now();
        crate::measure::pass(Duration::from_secs(1));
        let elapsed = crate::measure::now() - began;
        shares.push(Usage::of(host.pid).since(before).cpu as f64 / elapsed as f64 * 100.0);
    }
    let seen: Vec<Seen> = front_ends.into_iter().map(joined).collect();
    let share = crate::measure::Samples::new(shares);
    let deltas: usize = seen.iter().map(|seen| seen.deltas).sum();
    let turns: usize = seen.iter().map(|seen| seen.turns).sum();
    vec![Row::new(
        "50 live demo sessions, 50 deltas/s each, three subscribers: the host alone",
        "≤ 40 % of one core, nothing lost",
        format!(
            "{:.0} % (most in a second {:.0} %, {} seconds); {deltas} deltas in {turns} replies, nothing lost",
            share.median(),
            share.percentile(100),
            share.count()
        ),
        share.median() <= 40.0,
    )]
}

fn joined(thread: std::thread::JoinHandle<Seen>) -> Seen {
    thread.join().unwrap_or_else(|_| panic!("a front end did not get everything"))
}

/// Follows all sessions until each has ended its turns, and panics where a word is missing.
fn watch(host: &HostLock, names: &[String], ready: &mpsc::Sender<()>) -> Seen {
    let mut client = Client::connect(host);
    let mut said: HashMap<u64, String> = HashMap::new();
    let mut seen = Seen { deltas: 0, turns: 0 };
    let subscriptions: Vec<u64> = names.iter().map(|name| client.send(&client::subscribe(name)).0).collect();
    // The answers come in order: with the last one all are subscribed.
    if let Some(last) = subscriptions.last() {
        client.answer(*last);
    }
    ready.send(()).ok();
    let mut live = true;
    while seen.turns < names.len() * TURNS {
        let frame = client.next().value;
        let (id, push) = (frame["push"]["id"].as_u64().unwrap_or(0), &frame["push"]["push"]);
        assert!(push != "lagged", "a front end lagged");
        live &= push["closed"].is_null();
        assert!(live, "a subscription was closed: {frame}");
        if push["live"]["type"] == "delta" {
            said.entry(id).or_default().push_str(push["live"]["text"].as_str().unwrap_or_default());
            seen.deltas += 1;
        } else if push["event"]["kind"] == "reply" {
            check(said.remove(&id), &push["event"]["text"], &mut seen);
        }
    }
    seen
}

/// What came piece by piece is the reply, and the reply is what the agent was to say.
fn check(pieces: Option<String>, reply: &Value, seen: &mut Seen) {
    // The short reply that woke the session came before anybody watched.
    let Some(pieces) = pieces else { return };
    let words: Vec<String> = (0..PER_SECOND * SECONDS).map(|number| format!("w{number}")).collect();
    assert_eq!(reply, &Value::String(words.join(" ")), "the reply itself is not whole");
    assert_eq!(Value::String(pieces), *reply, "pieces are missing");
    seen.turns += 1;
}
