//! Twenty chats in which replies stream at the same time, all beginning and ending together, and a Bot API with
//! Telegram's limits: one message a second in a chat, a few more after a rest, thirty a second in all; edits count as
//! messages, and a bot that sends more is locked out for a while.
//!
//! The ideal, for twenty chats that share fairly:
//!
//! * An update of a live message every 3 s. A chat stands about 20 edits a minute for long, and twenty chats that take that
//!   need 7 of the 30 calls a second. What is measured is the longest time in any chat between two calls that show
//!   more of the reply.
//! * A final text within 1 s of the turn's end, as the host tells it to another client. A chat that has just been sent
//!   something rests that long, and twenty final texts fit into one second for all. What is measured ends when the
//!   Bot API has taken the call that shows the reply's end without the Stop button.
//! * The first text at once.

use std::collections::HashMap;

use super::desk::{Desk, Person, is_visible};
use crate::client::{self, Client};
use crate::host;
use crate::measure::{Row, Samples, ms};
use crate::support::bot_api::{Call, Limits};
use crate::support::home::{Home, HostLock};
use crate::turn::millis;

const CHATS: usize = 20;
/// Words, one every so many milliseconds: longer than a chat takes the faster edits of its beginning.
const WORDS: usize = 650;
const EVERY: usize = 60;

const IDEAL_GAP: f64 = 3_000.0;
const IDEAL_END: f64 = 1_000.0;

/// A chat's turn, in milliseconds.
struct Seen {
    first: f64,
    longest_gap: f64,
    updates: usize,
    end: f64,
}

pub(crate) fn run() -> Vec<Row> {
    let home = Home::new();
    home.write_config("[host]\nmax_live = 100\n");
    let names = host::names("crowd", CHATS);
    for name in &names {
        home.run(&["session", "new", name, "--agent", "demo", "--scratch"]).expect_code(0);
    }
    let desk = Desk::open(home, &names);
    for person in &desk.people {
        person.say("echo awake");
    }
    for person in &desk.people {
        desk.seen(person, "awake");
    }
    // What was said so far is not to weigh on the limits.
    crate::measure::pass(std::time::Duration::from_secs(4));
    desk.bot.forget();
    desk.bot.set_limits(Some(Limits::default()));
    let ends = {
        let (host, names) = (desk.host(), names.clone());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let watch = std::thread::spawn(move || ends(&host, &names, &ready));
        is_ready.recv().unwrap_or_else(|_| panic!("nobody watches the turns' ends"));
        watch
    };
    let said: Vec<u64> =
        desk.people.iter().map(|person| person.say(&format!("words {WORDS} {EVERY}"))).collect();
    let ends = ends.join().unwrap_or_else(|_| panic!("not every turn ended"));
    for person in &desk.people {
        desk.bot.wait_for_call(|call| is_end(person, call));
    }
    let calls = desk.bot.calls();
    let seen = desk.people.iter().zip(said);
    let seen: Vec<Seen> =
        seen.map(|(person, said)| seen_by(&desk, person, &calls, said, ends[&person.session])).collect();
    let refused = desk.bot.refused().len();
    desk.close();
    rows(&seen, refused)
}

fn rows(seen: &[Seen], refused: usize) -> Vec<Row> {
    let part = |of: fn(&Seen) -> f64| Samples::new(seen.iter().map(of).collect());
    let (gaps, ends) = (part(|seen| seen.longest_gap), part(|seen| seen.end));
    let (first, updates) = (part(|seen| seen.first), part(|seen| seen.updates as f64));
    let words = |all: &Samples| format!("median {}, most {}", ms(all.median()), ms(all.percentile(100)));
    vec![
        Row::new(
            "Telegram: 20 chats stream at once within its limits: a chat's longest wait for an update",
            "≤ 2 × the ideal 3 s, nothing refused",
            format!(
                "{}; {:.0} to {:.0} updates each, {refused} calls refused",
                words(&gaps),
                updates.percentile(0),
                updates.percentile(100)
            ),
            gaps.percentile(100) <= 2.0 * IDEAL_GAP && refused == 0,
        ),
        Row::new(
            "· the turn's end → its final text is taken",
            "≤ 2 × the ideal 1 s",
            words(&ends),
            ends.percentile(100) <= 2.0 * IDEAL_END,
        ),
        Row::shown("· twenty messages at once → the first text of each reply", words(&first)),
    ]
}

/// When each session's turn ended, by its name.
fn ends(host: &HostLock, names: &[String], ready: &std::sync::mpsc::Sender<()>) -> HashMap<String, u64> {
    let mut client = Client::connect(host);
    let subscribed: HashMap<u64, String> =
        names.iter().map(|name| (client.send(&client::subscribe_from_now(name)).0, name.clone())).collect();
    if let Some(last) = subscribed.keys().max() {
        client.answer(*last);
    }
    ready.send(()).ok();
    let mut ends = HashMap::new();
    while ends.len() < names.len() {
        let frame = client.next();
        if frame.value["push"]["push"]["event"]["kind"] == "turn_ended"
            && let Some(name) = frame.value["push"]["id"].as_u64().and_then(|id| subscribed.get(&id))
        {
            ends.insert(name.clone(), frame.received);
        }
    }
    ends
}

/// It shows the reply's end, and not while the turn still runs.
fn is_end(person: &Person, call: &Call) -> bool {
    let last = format!("w{}", WORDS - 1);
    person.hears(call, &last) && call.took_effect() && call.payload["reply_markup"].is_null()
}

fn seen_by(desk: &Desk, person: &Person, calls: &[Call], said: u64, ended: u64) -> Seen {
    let of_chat =
        |call: &&Call| call.chat == Some(person.chat.id()) && is_visible(call) && call.took_effect();
    let updates: Vec<&Call> = calls.iter().filter(of_chat).collect();
    let last = updates.iter().position(|call| is_end(person, call));
    let last = last.unwrap_or_else(|| panic!("no final text in the chat of {}", person.session));
    let updates = &updates[..=last];
    let times: Vec<u64> = updates.iter().map(|call| desk.ended(call)).collect();
    let gaps = times.windows(2).map(|two| millis(two[0], two[1]));
    Seen {
        first: millis(said, times[0]),
        longest_gap: gaps.fold(0.0, f64::max),
        updates: updates.len(),
        end: millis(ended.min(times[last]), times[last]),
    }
}
