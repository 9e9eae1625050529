//! How long a person waits for the first words of a reply, with the real CLI on the scripted API.
//!
//! What the bridge adds is the difference to the same CLI in the same mode without claudebot: from the prompt's line on
//! its stdin to the first text on its stdout. Both take turns, so that the machine is the same for both.
//!
//! A session that sleeps is woken by switching to it; who writes a second later should not notice that it slept. They
//! do, as far as the first turn of a new process takes the CLI itself longer than later ones: how long is shown below.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::desk::{Desk, Person};
use super::spread;
use crate::host;
use crate::measure::{Row, Samples, ms, now, pass};
use crate::support::agent::Agent;
use crate::support::claude::{Release, real_claude};
use crate::support::home::Home;
use crate::turn::millis;

const RUNS: usize = 40;
const WAKES: usize = 8;
/// Then a chat has rested from everything, and what is sent there does not wait for its limit.
const REST: Duration = Duration::from_secs(4);
const WARM_UP: usize = 3;
/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;
/// They share one session: a chat may have one message a second, and a turn is two.
const PEOPLE: usize = 6;
const SHARED: &str = "shared";
/// Ten words, one every so many milliseconds: the first is seen while the others are still to come.
const PROMPT: &str = "words 10 20";
const FIRST: &str = "w0";
const LAST: &str = "w9";

const WARM: &str = "Telegram: a message → the first text of the reply, warm, against the bare CLI";
const WARM_TARGET: &str = "≤ 10 ms more";
const WOKEN: &str = "Telegram: the same one second after `/session` to a session that sleeps";
const WOKEN_TARGET: &str = "≤ warm + 50 ms";

pub(crate) fn run() -> Vec<Row> {
    if std::panic::catch_unwind(|| real_claude(Release::Newest)).is_err() {
        let why = "Claude Code is not installed (`tests/run` installs it)";
        return vec![Row::not_measured(WARM, WARM_TARGET, why), Row::not_measured(WOKEN, WOKEN_TARGET, why)];
    }
    let (_model, home) = Home::with_claude(Release::Newest);
    // Nobody hears what another one asked.
    home.write_config("[telegram]\nmirror = \"off\"\n");
    let two = host::names("sleeper", 2);
    for name in two.iter().map(String::as_str).chain([SHARED]) {
        home.run(&["session", "new", name, "--dir", &home.project().display().to_string()]).expect_code(0);
    }
    let mut current = vec![SHARED.to_owned(); PEOPLE];
    current.push(two[0].clone());
    let desk = Desk::open(home, &current);
    let (sharing, alone) = desk.people.split_at(PEOPLE);
    let (bare, chat) = warm(&desk, sharing);
    let woken = woken(&desk, &alone[0], &two);
    let resumed = resumed(&desk.home);
    desk.close();
    rows(&bare, &chat, &woken, &resumed)
}

fn rows(bare: &Samples, chat: &Samples, woken: &Samples, resumed: &Samples) -> Vec<Row> {
    let more = chat.median() - bare.median();
    let later = woken.median() - chat.median();
    vec![
        Row::new(
            WARM,
            WARM_TARGET,
            format!(
                "{} more (medians of {}; p99 {} more)",
                ms(more),
                chat.count(),
                ms(chat.percentile(99) - bare.percentile(99))
            ),
            more <= 10.0,
        ),
        Row::shown("· in the chat", spread(chat)),
        Row::shown("· the bare CLI", spread(bare)),
        Row::new(WOKEN, WOKEN_TARGET, format!("{} more; {}", ms(later), spread(woken)), later <= 50.0),
        Row::shown(
            "· the bare CLI's first turn, one second after its start with `--resume`",
            spread(resumed),
        ),
    ]
}

/// The bare CLI's times, and the chat's.
fn warm(desk: &Desk, people: &[Person]) -> (Samples, Samples) {
    let mut agent = Agent::start(&desk.home, &[]);
    let mut both: Vec<(f64, f64)> = people
        .iter()
        .cycle()
        .take(WARM_UP + RUNS)
        .map(|person| (by_itself(&mut agent), in_chat(desk, person)))
        .collect();
    agent.end().expect_code(0);
    let (bare, chat) = both.split_off(WARM_UP).into_iter().unzip();
    (Samples::new(bare), Samples::new(chat))
}

fn by_itself(agent: &mut Agent) -> f64 {
    let begun = now();
    agent.prompt(PROMPT);
    agent.until(|message| message["event"]["delta"]["text"].is_string());
    let came = now();
    agent.result();
    millis(begun, came)
}

fn in_chat(desk: &Desk, person: &Person) -> f64 {
    desk.bot.forget();
    let begun = person.say(PROMPT);
    let first = desk.seen(person, FIRST);
    desk.seen(person, LAST);
    millis(begun, desk.came(&first))
}

/// Two sessions, of which one sleeps while the other is asked.
fn woken(desk: &Desk, person: &Person, two: &[String]) -> Samples {
    let once = |number: usize| {
        let session = &two[number % 2];
        pass(REST);
        asleep(&desk.home, session);
        let switched = person.say(&format!("/session {session}"));
        wait_until(switched + SECOND);
        in_chat(desk, person)
    };
    Samples::new((0..WAKES).map(once).collect())
}

/// The bare CLI on a conversation that it has to read first: what its first turn takes without claudebot.
fn resumed(home: &Home) -> Samples {
    let id = Uuid::new_v4().to_string();
    let mut agent = Agent::start(home, &["--session-id", &id]);
    by_itself(&mut agent);
    agent.end().expect_code(0);
    let once = |_| {
        let started = now();
        let mut agent = Agent::start(home, &["--resume", &id]);
        wait_until(started + SECOND);
        let took = by_itself(&mut agent);
        agent.end().expect_code(0);
        took
    };
    Samples::new((0..WAKES).map(once).collect())
}

fn wait_until(time: u64) {
    pass(Duration::from_nanos(time.saturating_sub(now())));
}

fn asleep(home: &Home, session: &str) {
    home.run(&["session", "sleep", session]).expect_code(0);
    let shown: Value = home.run(&["session", "show", session, "--json"]).expect_code(0).json();
    assert_eq!(shown["state"], "asleep", "{shown}");
}
