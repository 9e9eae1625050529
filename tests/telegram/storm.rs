//! Many kills of `serve` at random moments while people write: each message leads to one prompt, and whoever wrote
//! it sees the reply, a second time only where nobody could know whether the first had arrived.
//!
//! | part | what it is for |
//! |---|---|
//! | `people` | who writes, and what |
//! | `audit` | what must hold afterwards |
//! | `doubt` | the calls of which the bot cannot know whether they took effect |

mod audit;
mod doubt;
mod people;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use self::people::{Person, Said};
use super::desk::Desk;
use crate::kill::chance::{Chance, given, pause};
use crate::support::PATIENCE;
use crate::support::bot_api::Fault;
use crate::support::claude::Release;
use crate::support::home::Home;

/// From one kill to the next at most.
const CALM: Duration = Duration::from_millis(1200);
/// How long `serve` may be down between two runs.
const DOWN: Duration = Duration::from_millis(150);
/// A service manager that loses its patience with an end.
const LAST: Duration = Duration::from_millis(800);

/// After the last end.
const RESTARTS: u32 = 5;
/// The exit code of what ended by it.
const SIGTERM: i32 = 128 + 15;

/// How `serve` ended, how often.
#[derive(Debug, Default)]
struct Kills {
    serve: u32,
    with_agents: u32,
    agents: u32,
    ended: u32,
    cut_short: u32,
}

fn storm(mut desk: Desk, people: &[Person], kills: u64, calm: Duration) {
    let seed = given("CLAUDEBOT_TEST_SEED", 20_261_126);
    eprintln!("seed {seed}, {kills} kills (CLAUDEBOT_TEST_SEED, CLAUDEBOT_TEST_KILLS)");
    let began = Instant::now();
    let mut chance = Chance::new(seed);
    let over = AtomicBool::new(false);
    let mut killed = Kills::default();
    let said: Vec<Said> = thread::scope(|scope| {
        let guard = Over(&over);
        let writers: Vec<_> = people
            .iter()
            .map(|person| (person, chance.fork()))
            .map(|(person, chance)| scope.spawn(|| person.write(chance, &over)))
            .collect();
        for _ in 0..kills {
            fail_something(&desk, &mut chance);
            pause(chance.up_to(calm));
            if end_serve(&mut desk, &mut chance, &mut killed) {
                pause(chance.up_to(DOWN));
                desk.serve = Some(desk.home.spawn(&["serve"]));
            }
        }
        drop(guard);
        let said = writers.into_iter().map(|it| it.join().unwrap_or_else(|_| panic!("a writer failed")));
        said.flatten().collect()
    });
    desk.bot.heal();
    desk.bot.wait_read();
    audit::settle(&desk, &said);
    desk.stop();
    // An end waits for what is slow only so long: the rest is sent after the next start.
    for _ in 0..RESTARTS {
        if audit::open(&desk).is_empty() {
            break;
        }
        desk.start();
        desk.stop();
    }
    let left = desk.home.wait_empty(Duration::from_secs(10));
    assert!(left.is_empty(), "left running: {left:?}");
    let tally = audit::check(&desk, &said);
    eprintln!("{killed:?} in {:.0?}: {tally:?}", began.elapsed());
    assert!(tally.done > tally.interrupted, "{tally:?}");
}

/// Ends the writers when something fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls come to nothing, or only their answers do, or late: a kill then falls between an effect and its record.
fn fail_something(desk: &Desk, chance: &mut Chance) {
    const METHODS: [&str; 8] = [
        "sendMessage",
        "sendMessage",
        "editMessageText",
        "getUpdates",
        "setMessageReaction",
        "getFile",
        "download",
        "*",
    ];
    desk.bot.heal();
    for _ in 0..chance.below(3) {
        let late = chance.up_to(Duration::from_millis(600));
        let faults = [
            Fault::Server(500),
            Fault::Server(502),
            Fault::TooMany(1),
            Fault::Cut,
            Fault::LoseAnswer,
            Fault::HalfAnswer,
            Fault::DelayAnswer(late),
            Fault::DelayAnswer(late),
            Fault::Delay(late),
        ];
        desk.bot.fail_next(1, chance.of::<&str>(&METHODS), chance.of(&faults).clone());
    }
}

/// Whether `serve` is down now.
fn end_serve(desk: &mut Desk, chance: &mut Chance, killed: &mut Kills) -> bool {
    let mut serve = desk.serve.take().expect("it was started");
    assert!(serve.is_running(), "it ended by itself: {:?}", serve.wait(PATIENCE));
    let agents = desk.agents();
    let kill_agents = || agents.iter().for_each(|agent| agent.signal(Signal::KILL));
    match chance.below(12) {
        0 if !agents.is_empty() => {
            killed.agents += 1;
            chance.of(&agents).signal(Signal::KILL);
            desk.serve = Some(serve);
            return false;
        }
        1 => {
            killed.ended += 1;
            serve.signal(Signal::TERM);
            let output = serve.wait(PATIENCE);
            // As any program, before it could listen for signals.
            if output.code != SIGTERM {
                output.expect_code(0);
            }
            return true;
        }
        2 => {
            killed.cut_short += 1;
            serve.signal(Signal::TERM);
            pause(chance.up_to(LAST));
        }
        3 => {
            killed.with_agents += 1;
            kill_agents();
        }
        4 => {
            killed.with_agents += 1;
            serve.signal(Signal::KILL);
            serve.wait(PATIENCE);
            kill_agents();
            return true;
        }
        _ => killed.serve += 1,
    }
    serve.signal(Signal::KILL);
    serve.wait(PATIENCE);
    true
}

#[test]
fn serve_is_killed_again_and_again_while_people_write() {
    let mut desk = Desk::without_session(Home::new(), None);
    let people = people::crowd(&mut desk, &["ada", "bob"], false);
    storm(desk, &people, given("CLAUDEBOT_TEST_KILLS", 60), CALM);
}

mod real_330 {
    use super::*;

    #[test]
    fn serve_is_killed_again_and_again_while_people_write() {
        let (model, home) = Home::with_claude(Release::Newest);
        let mut desk = Desk::without_session(home, Some(model));
        let people = people::crowd(&mut desk, &["ada"], true);
        storm(desk, &people, given("CLAUDEBOT_TEST_KILLS", 60).div_ceil(6), CALM * 4);
    }
}
