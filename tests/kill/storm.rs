//! Many kills at random moments while prompts stream in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::audit::{self, Accepted, Tally};
use super::chance::{Chance, given, pause};
use super::client::{Client, ask, named, prompt};
use super::rig::{Rig, id_in};
use super::talk;
use crate::support::claude::Release;

/// From one kill to the next at most.
const CALM: Duration = Duration::from_millis(700);
/// Everything has an end by then once nothing is killed any more.
const SETTLED: Duration = Duration::from_secs(60);

/// What is shared by those who stir.
struct Storm<'a> {
    rig: &'a Rig,
    real: bool,
    /// No more prompts.
    over: AtomicBool,
    /// Everything has an end.
    settled: AtomicBool,
    sent: AtomicU32,
}

/// What was killed how often.
#[derive(Debug, Default)]
struct Kills {
    host: u32,
    agent: u32,
    both: u32,
}

fn storm(rig: Rig, sessions: &[&str], kills: u64, calm: Duration) {
    let seed = given("CLAUDEBOT_TEST_SEED", 20_261_122);
    eprintln!("seed {seed}, {kills} kills (CLAUDEBOT_TEST_SEED, CLAUDEBOT_TEST_KILLS)");
    let began = Instant::now();
    let mut chance = Chance::new(seed);
    let storm = Storm {
        real: rig.api.is_some(),
        rig: &rig,
        over: AtomicBool::new(false),
        settled: AtomicBool::new(false),
        sent: AtomicU32::new(0),
    };
    let (killed, accepted) = thread::scope(|scope| {
        let storm = &storm;
        // Whatever fails, the others must end, or its words would never be read.
        let _guard = EndsAll(storm);
        scope.spawn(|| Guarded::run(storm, || storm.approve(Chance::new(seed))));
        scope.spawn(|| Guarded::run(storm, || storm.follow_all()));
        scope.spawn(|| Guarded::run(storm, || storm.follow(sessions[0])));
        let senders: Vec<_> = sessions
            .iter()
            .map(|name| {
                let chance = chance.fork();
                scope.spawn(move || Guarded::run(storm, || storm.stream(name, chance)))
            })
            .collect();
        let killed = storm.kill(&mut chance, kills, calm);
        storm.over.store(true, Ordering::Relaxed);
        let accepted: HashMap<String, Vec<Accepted>> = sessions
            .iter()
            .map(|name| (*name).to_owned())
            .zip(
                senders.into_iter().map(|sender| sender.join().unwrap_or_else(|_| panic!("a sender failed"))),
            )
            .collect();
        storm.settle(sessions);
        storm.settled.store(true, Ordering::Relaxed);
        (killed, accepted)
    });
    let tally = audit::check(&rig, &accepted);
    rig.end();
    eprintln!("{killed:?} in {:.0?}: {tally}", began.elapsed());
    assert_sound(&killed, &tally);
}

/// The storm must have been one, and most of what was said still answered.
fn assert_sound(killed: &Kills, tally: &Tally) {
    assert_eq!(tally.of("failed"), 0, "an agent that only gets killed reports no errors");
    assert!(tally.of("done") > tally.of("interrupted"), "{tally}");
    // Only where both were killed is there nobody who knows whether the agent had begun.
    assert!(tally.asked_again <= killed.both as usize, "{tally} with {killed:?}");
}

struct EndsAll<'a>(&'a Storm<'a>);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
        self.0.settled.store(true, Ordering::Relaxed);
        if thread::panicking() {
            // Followers wait for a host to say something; without one they look whether it is over.
            self.0.rig.kill_host();
        }
    }
}

/// Ends all when its thread fails.
struct Guarded;

impl Guarded {
    fn run<T>(storm: &Storm<'_>, work: impl FnOnce() -> T) -> T {
        let guard = EndsAll(storm);
        let result = work();
        std::mem::forget(guard);
        result
    }
}

impl Storm<'_> {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed)
    }

    fn kill(&self, chance: &mut Chance, kills: u64, calm: Duration) -> Kills {
        let mut killed = Kills::default();
        for _ in 0..kills {
            self.choose_moment(chance, calm);
            match chance.below(5) {
                0 => {
                    killed.host += 1;
                    self.rig.kill_host();
                }
                1 | 2 => {
                    killed.both += 1;
                    self.rig.kill_both(chance.one_in(2));
                }
                _ => {
                    let agents = self.rig.agents();
                    if !agents.is_empty() {
                        killed.agent += 1;
                        chance.of(&agents).signal(Signal::KILL);
                    }
                    continue;
                }
            }
            self.rig.start_host();
            assert!(!self.is_over(), "a part of the storm failed");
        }
        killed
    }

    /// Any moment, or one just after a prompt was accepted.
    fn choose_moment(&self, chance: &mut Chance, calm: Duration) {
        if chance.one_in(3) {
            let (before, deadline) = (self.sent.load(Ordering::Relaxed), Instant::now() + calm * 2);
            while self.sent.load(Ordering::Relaxed) == before && Instant::now() < deadline {
                pause(Duration::from_millis(1));
            }
            pause(chance.up_to(Duration::from_millis(if self.real { 400 } else { 30 })));
        } else {
            pause(chance.up_to(calm));
        }
    }

    /// Sends prompts until it is over, each until it is accepted; some again, some taken back, some stopped.
    fn stream(&self, session: &str, mut chance: Chance) -> Vec<Accepted> {
        let mut all: Vec<Accepted> = Vec::new();
        while !self.is_over() {
            let number = all.len() as u64;
            let said = talk::said(&mut chance, session, number, self.real);
            let key = format!("storm:{session}:{number}");
            let request = prompt(session, &key, &said.text, said.delivery);
            let accepted = self.insist(&request);
            let id = id_in(&accepted["data"]["prompt"]);
            self.sent.fetch_add(1, Ordering::Relaxed);
            if chance.one_in(6) {
                let again = self.insist(&request);
                assert_eq!(again["data"]["repeated"], true, "{again}");
                assert_eq!(id_in(&again["data"]["prompt"]), id, "{again}");
            }
            all.push(Accepted { id, said, taken_back: false });
            self.interfere(session, &mut chance, &mut all);
            pause(chance.up_to(Duration::from_millis(if self.real { 1500 } else { 300 })));
            self.wait_for_room(session);
        }
        all
    }

    fn insist(&self, request: &Value) -> Value {
        ask(&self.rig.home, request).unwrap_or_else(|error| panic!("{request}: {error}"))
    }

    /// What a person might do now. Whether it has an effect depends on the moment.
    fn interfere(&self, session: &str, chance: &mut Chance, all: &mut [Accepted]) {
        let name = named(session);
        let requests = match chance.below(24) {
            0 | 1 => {
                vec![
                    json!({ "type": "session_stop", "session": name, "turn": null }),
                    json!({ "type": "queue_run", "session": name }),
                ]
            }
            2 | 3 => {
                let Some(last) = all.last_mut() else { return };
                last.taken_back = true;
                vec![json!({ "type": "prompt_take_back", "prompt": last.id })]
            }
            4 => vec![json!({ "type": "session_sleep", "session": name, "force": true })],
            _ => return,
        };
        for request in requests {
            pause(chance.up_to(Duration::from_millis(100)));
            if let Ok(mut client) = Client::connect(&self.rig.home) {
                // Too late, or no host: as good.
                client.call(&request).ok();
            }
        }
    }

    /// A queue that only grows would be settled last of all.
    fn wait_for_room(&self, session: &str) {
        let show = json!({ "type": "session_show", "session": named(session), "channel": local() });
        while !self.is_over() {
            let view = self.insist(&show);
            if view["data"]["queued"].as_u64().is_none_or(|queued| queued < 4) {
                return;
            }
            if view["data"]["hold"].is_string() {
                self.release(session);
            }
            pause(Duration::from_millis(50));
        }
    }

    fn release(&self, session: &str) {
        if let Ok(mut client) = Client::connect(&self.rig.home) {
            client.call(&json!({ "type": "queue_run", "session": named(session) })).ok();
        }
    }

    /// Answers whatever is asked.
    fn approve(&self, mut chance: Chance) {
        while !self.is_settled() {
            pause(Duration::from_millis(40));
            let Ok(mut client) = Client::connect(&self.rig.home) else { continue };
            let Ok(pending) = client.call(&json!({ "type": "approvals", "session": null })) else { continue };
            for approval in pending["data"].as_array().into_iter().flatten() {
                let decision = if chance.one_in(4) {
                    json!({ "decision": "deny", "message": "not now" })
                } else {
                    json!({ "decision": "allow", "scope": "once" })
                };
                let answer = json!({ "type": "answer", "approval": approval["id"], "decision": decision, "by": "storm" });
                // It may have become void meanwhile.
                client.call(&answer).ok();
            }
        }
    }

    /// The feed of everything grows, and brings each session's events in order and whole.
    fn follow_all(&self) {
        let mut last = 0;
        let mut heads: HashMap<String, u64> = HashMap::new();
        while !self.is_settled() {
            let Ok(mut client) = Client::connect(&self.rig.home) else {
                pause(Duration::from_millis(5));
                continue;
            };
            if client.send(&json!({ "type": "feed", "since": last })).is_err() {
                continue;
            }
            while let Ok(push) = client.push_unless(|| self.is_settled()) {
                let fed = &push["feed"];
                let feed = fed["feed"].as_u64().unwrap_or_else(|| panic!("not of the feed: {push}"));
                assert!(feed > last, "{feed} after {last}");
                last = feed;
                let head = heads.entry(fed["session"].to_string()).or_default();
                *head += 1;
                assert_eq!(fed["event"]["seq"], *head, "{push}");
            }
        }
        assert!(last > 0, "the feed brought nothing");
    }

    /// One session's events come in order and whole, over every reconnection.
    fn follow(&self, session: &str) {
        let mut last = 0;
        while !self.is_settled() {
            let Ok(mut client) = Client::connect(&self.rig.home) else {
                pause(Duration::from_millis(5));
                continue;
            };
            if client.send(&json!({ "type": "subscribe", "session": named(session), "since": last })).is_err()
            {
                continue;
            }
            while let Ok(push) = client.push_unless(|| self.is_settled()) {
                if push == "lagged" {
                    break;
                }
                if let Some(seq) = push["event"]["seq"].as_u64() {
                    assert_eq!(seq, last + 1, "{push}");
                    last = seq;
                }
            }
        }
        assert!(last > 0, "{session} brought nothing");
    }

    /// Waits until no prompt is open any more. Held queues are let run: nobody else would.
    fn settle(&self, sessions: &[&str]) {
        let deadline = Instant::now() + SETTLED;
        let mut round = 0;
        loop {
            let prompts = self.rig.prompts();
            let open: Vec<_> = prompts
                .iter()
                .filter(|(_, (status, _))| matches!(status.as_str(), "queued" | "sent" | "started"))
                .collect();
            if open.is_empty() {
                return;
            }
            if Instant::now() > deadline || self.is_settled() {
                let views: Vec<_> = sessions.iter().map(|name| self.rig.session(name)).collect();
                let rest: Vec<_> = sessions
                    .iter()
                    .flat_map(|name| self.rig.log(name).into_iter().rev().take(12).collect::<Vec<_>>())
                    .map(|event| event.to_string())
                    .collect();
                panic!("not everything has an end after {SETTLED:?}: {open:#?}\n{views:?}\n{rest:#?}");
            }
            if round % 10 == 0 {
                sessions.iter().for_each(|session| self.release(session));
            }
            round += 1;
            pause(Duration::from_millis(100));
        }
    }
}

fn local() -> Value {
    json!("local")
}

#[test]
fn hundreds_of_kills() {
    let sessions = ["a", "b", "c"];
    storm(Rig::demo(&sessions), &sessions, given("CLAUDEBOT_TEST_KILLS", 300), CALM);
}

mod real_330 {
    use super::*;

    #[test]
    fn dozens_of_kills() {
        let sessions = ["a", "b"];
        let kills = given("CLAUDEBOT_TEST_KILLS", 300).div_ceil(8);
        storm(Rig::real(Release::Newest, &sessions), &sessions, kills, CALM * 6);
    }
}
