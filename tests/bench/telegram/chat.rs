//! What lies between a message in the Bot API and the agent's stdin: the poll's answer, the update stored, the prompt
//! stored, and the host's own way. The agent is the stub, which reads the clock when the last byte has come. And what
//! memory `serve` takes with that many chats; the agents are other programs and not counted.

use std::time::Duration;

use super::desk::{Desk, Person};
use super::spread;
use crate::host;
use crate::measure::{Row, Samples, mb, pass};
use crate::process::pss;
use crate::support::home::Home;
use crate::turn::{millis, stamp};

const CHATS: usize = 20;
const TURNS: usize = 400;
/// The first ones fill caches.
const WARM_UP: usize = 20;
/// Milliseconds from the agent's first sign of life to its text.
const PAUSE: u64 = 25;
/// A turn is two messages, and a chat may have one a second: with so much time for each, none waits for that.
const BETWEEN: Duration = Duration::from_millis(60);

struct Turn {
    /// The message is there → the agent has read the prompt's last byte.
    there: f64,
    /// The agent's text leaves → it is seen in the chat.
    back: f64,
}

pub(crate) fn run() -> Vec<Row> {
    let home = Home::new();
    host::install_stub(&home);
    home.write_config("[host]\nmax_live = 100\n");
    let names = host::names("talk", CHATS);
    for name in &names {
        home.run(&["session", "new", name, "--dir", &home.project().display().to_string()]).expect_code(0);
    }
    let desk = Desk::open(home, &names);
    let pid = desk.host().pid;
    let fresh = pss(pid);
    for person in &desk.people {
        turn(&desk, person);
    }
    let after_one = pss(pid);
    let mut turns: Vec<Turn> =
        desk.people.iter().cycle().take(WARM_UP + TURNS).map(|person| turn(&desk, person)).collect();
    let after_all = pss(pid);
    desk.close();
    let turns = turns.split_off(WARM_UP);
    let part = |of: fn(&Turn) -> f64| Samples::new(turns.iter().map(of).collect());
    let there = part(|turn| turn.there);
    let memory =
        format!("{} ({} before, {} after {TURNS} more turns)", mb(after_one), mb(fresh), mb(after_all));
    vec![
        Row::new(
            "Telegram: a message is there for the poll → its prompt is in the agent's stdin, warm",
            "p50 ≤ 3 ms, p99 ≤ 10 ms",
            spread(&there),
            there.median() <= 3.0 && there.percentile(99) <= 10.0,
        ),
        Row::shown("· back: the agent's text → the call that shows it", spread(&part(|turn| turn.back))),
        Row::new(
            "Telegram: `serve` alone, 20 chats after a turn in each (PSS)",
            "≤ 20 MB",
            memory,
            after_one <= 20e6,
        ),
    ]
}

fn turn(desk: &Desk, person: &Person) -> Turn {
    pass(BETWEEN);
    desk.bot.forget();
    let said = person.say(&format!("{PAUSE} 1"));
    let call = desk.seen(person, "in=");
    // What ends a number is trimmed away.
    let text = format!("{}\n", call.text("text"));
    let (Some(arrived), Some(left)) = (stamp(&text, "in="), stamp(&text, "out=")) else {
        panic!("no times in {text:?}");
    };
    Turn { there: millis(said, arrived), back: millis(left, desk.came(&call)) }
}
