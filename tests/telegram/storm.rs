//! Many kills of `serve` at random moments while people write: each message leads to one prompt, and whoever wrote
//! it sees the reply, twice at most where a kill fell between a message and its record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::desk::Desk;
use crate::kill::chance::{Chance, given, pause};
use crate::support::PATIENCE;
use crate::support::bot_api::{Chat, Fault, User};
use crate::support::claude::Release;
use crate::support::home::Home;

/// From one kill to the next at most.
const CALM: Duration = Duration::from_millis(900);
/// From one message of a person to the next at most.
const THINKING: Duration = Duration::from_millis(1800);
/// A group takes twenty a minute.
const SLOW: Duration = Duration::from_secs(9);
/// A chat takes one message a second, and all of it is to be seen in the end.
const MOST: usize = 40;
/// Telegram splits what is longer.
const UNITS: usize = 4096;

/// Somebody in a place with a session of its own.
struct Person {
    user: User,
    chat: Chat,
    thread: Option<i64>,
    session: String,
    /// What has to stand before a message so that the bot hears it.
    mention: String,
}

/// What somebody said, by the word that is in no other message.
struct Said {
    word: String,
    /// The reply is the word alone.
    is_echo: bool,
}

impl Person {
    fn say(&self, text: &str) {
        let message = self.chat.message(&self.user).text(&format!("{}{text}", self.mention));
        match self.thread {
            Some(thread) => message.in_topic(thread).send(),
            None => message.send(),
        };
    }

    /// Writes until `over`.
    fn write(&self, mut chance: Chance, over: &AtomicBool) -> Vec<Said> {
        let mut all = Vec::new();
        let thinking = if self.thread.is_some() { SLOW } else { THINKING };
        while !over.load(Ordering::Relaxed) && all.len() < MOST {
            let word = format!("{}n{}", self.session, all.len());
            match chance.below(8) {
                // Pasted, and split on the way.
                0 if self.thread.is_none() => {
                    let begin = format!("echo {word} ");
                    self.say(&format!("{begin}{}", "y".repeat(UNITS - begin.len())));
                    let end = format!("{word}end");
                    self.say(&format!("yy {end}"));
                    all.extend([word, end].map(|word| Said { word, is_echo: false }));
                }
                // A turn during which others wait.
                1 => {
                    self.say(&format!("words 12 40 {word}"));
                    all.push(Said { word, is_echo: false });
                }
                _ => {
                    self.say(&format!("echo {word}"));
                    all.push(Said { word, is_echo: true });
                }
            }
            pause(chance.up_to(thinking));
        }
        all
    }
}

/// Ends the writers when something fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn storm(mut desk: Desk, people: &[Person], kills: u64) {
    let seed = given("CLAUDEBOT_TEST_SEED", 20_261_126);
    eprintln!("seed {seed}, {kills} kills (CLAUDEBOT_TEST_SEED, CLAUDEBOT_TEST_KILLS)");
    let began = Instant::now();
    let mut chance = Chance::new(seed);
    let over = AtomicBool::new(false);
    let said: Vec<Vec<Said>> = thread::scope(|scope| {
        let guard = Over(&over);
        let writers: Vec<_> = people
            .iter()
            .map(|person| (person, chance.fork()))
            .map(|(person, chance)| scope.spawn(|| person.write(chance, &over)))
            .collect();
        for _ in 0..kills {
            fail_something(&desk, &mut chance);
            pause(chance.up_to(CALM));
            end_serve(&mut desk, &mut chance);
            desk.serve = Some(desk.home.spawn(&["serve"]));
        }
        drop(guard);
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap_or_else(|_| panic!("a writer failed")))
            .collect()
    });
    desk.bot.heal();
    desk.bot.wait_read();
    let mut tally = Tally::default();
    for (person, said) in people.iter().zip(&said) {
        settle(&desk, person, said);
        audit(&desk, person, said, &mut tally);
    }
    desk.stop();
    nothing_left(&desk.home);
    eprintln!("{kills} kills in {:.0?}: {tally:?}", began.elapsed());
    assert!(tally.done > tally.interrupted, "{tally:?}");
    assert!(tally.doubled <= kills, "{tally:?}");
}

/// Now and then a call comes to nothing, or only its answer does.
fn fail_something(desk: &Desk, chance: &mut Chance) {
    let methods = ["sendMessage", "editMessageText", "getUpdates", "*"];
    let faults = [Fault::Server(500), Fault::TooMany(1), Fault::Cut, Fault::Server(502)];
    desk.bot.heal();
    if chance.one_in(3) {
        desk.bot.fail_next(1, chance.of::<&str>(&methods), chance.of(&faults).clone());
    }
}

/// A kill, sometimes with the agents, now and then as a service manager does it.
fn end_serve(desk: &mut Desk, chance: &mut Chance) {
    let mut serve = desk.serve.take().expect("it was started");
    assert!(serve.is_running(), "it ended by itself: {:?}", serve.wait(PATIENCE));
    if chance.one_in(12) {
        serve.signal(Signal::TERM);
        serve.wait(PATIENCE).expect_code(0);
        return;
    }
    serve.signal(Signal::KILL);
    serve.wait(PATIENCE);
    if chance.one_in(4) {
        desk.home.kill_everything();
    }
}

/// Waits until every message has led to a prompt, and every prompt to an end that is told.
fn settle(desk: &Desk, person: &Person, said: &[Said]) {
    desk.until(&format!("an end of all in {}", person.session), || {
        let log = desk.log(&person.session);
        let (prompts, ends) = (prompts(&log), ends(&log));
        let all_there = said.iter().all(|said| prompts.values().any(|text| has(text, &said.word)));
        (all_there && prompts.keys().all(|prompt| ends.contains_key(prompt))).then_some(())
    });
    for said in said.iter().filter(|said| said.is_echo) {
        if outcome(desk, person, &said.word) == "done" {
            person.chat.wait_for_message(|seen| shows(&seen.text, &said.word));
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    messages: usize,
    done: u64,
    interrupted: u64,
    /// Replies that came twice.
    doubled: u64,
}

fn audit(desk: &Desk, person: &Person, said: &[Said], tally: &mut Tally) {
    let log = desk.log(&person.session);
    let seqs: Vec<u64> = log.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "gaps in the log of {}", person.session);
    let (prompts, ends) = (prompts(&log), ends(&log));
    let mut shown = Vec::new();
    for said in said {
        let with: Vec<_> = prompts.iter().filter(|(_, text)| has(text, &said.word)).collect();
        assert_eq!(with.len(), 1, "prompts of {}: {with:?}", said.word);
        match ends[with[0].0].as_str() {
            "done" => tally.done += 1,
            "interrupted" => tally.interrupted += 1,
            other => panic!("{} ended {other}", said.word),
        }
        tally.messages += 1;
        if said.is_echo && ends[with[0].0] == "done" {
            let seen = person.chat.bot_messages();
            let showing: Vec<i64> =
                seen.iter().filter(|seen| shows(&seen.text, &said.word)).map(|seen| seen.id).collect();
            assert!((1..=2).contains(&showing.len()), "{} was shown {} times", said.word, showing.len());
            tally.doubled += showing.len() as u64 - 1;
            shown.push((showing[0], &said.word));
        }
    }
    // What streams already at a start may stand above the end that the kill cut off before it.
    let in_order = shown.windows(3).all(|three| three[0].0 < three[2].0);
    assert!(in_order, "replies out of order: {shown:?}");
    // A prompt that nobody sent would be a message that was taken twice.
    let words: BTreeSet<&str> = said.iter().map(|said| said.word.as_str()).collect();
    let unknown: Vec<_> = prompts.values().filter(|text| !words.iter().any(|word| has(text, word))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn has(text: &str, word: &str) -> bool {
    text.split_whitespace().any(|part| part == word)
}

/// The demo agent says the word alone, the scripted model something before it.
fn shows(text: &str, word: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().next_back() == Some(word))
}

/// The texts of all prompts, by their ids.
fn prompts(log: &[Value]) -> BTreeMap<String, String> {
    let prompts = log.iter().filter(|event| event["kind"] == "prompt");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    prompts.map(|event| (text(&event["prompt_id"]), text(&event["text"]))).collect()
}

/// How the turns of prompts ended, by the prompts' ids. Each has ended once.
fn ends(log: &[Value]) -> BTreeMap<String, String> {
    let mut ends = BTreeMap::new();
    for event in log.iter().filter(|event| event["kind"] == "turn_ended") {
        for prompt in event["detail"]["prompts"].as_array().into_iter().flatten() {
            let outcome = event["detail"]["outcome"].as_str().unwrap_or_default().to_owned();
            let before = ends.insert(prompt.as_str().unwrap_or_default().to_owned(), outcome);
            assert_eq!(before, None, "{prompt} ended twice");
        }
    }
    ends
}

fn outcome(desk: &Desk, person: &Person, word: &str) -> String {
    let log = desk.log(&person.session);
    let prompt = prompts(&log).into_iter().find(|(_, text)| has(text, word));
    prompt.and_then(|(prompt, _)| ends(&log).remove(&prompt)).unwrap_or_default()
}

/// Nothing waits in the bridge's database any more.
fn nothing_left(home: &Home) {
    let database = rusqlite::Connection::open(home.data_dir().join("telegram.db")).expect("it is there");
    let count = |sql: &str| -> i64 { database.query_row(sql, [], |row| row.get(0)).expect("a number") };
    assert_eq!(count("SELECT count(*) FROM outgoing WHERE state IN ('waiting', 'sending')"), 0);
    assert_eq!(count("SELECT count(*) FROM incoming WHERE state <> 'done'"), 0);
}

/// Some people with a private chat each, and one with a topic.
fn crowd(desk: &mut Desk, names: &[&str], agent: &str) -> Vec<Person> {
    let people: Vec<User> = names.iter().map(|name| desk.bot.user(name)).collect();
    let allowed: Vec<String> = people.iter().map(|user| user.id.to_string()).collect();
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_USERS", allowed.join(","));
    let group = desk.bot.forum("Team", &people[..1]);
    desk.home.set("CLAUDEBOT_TELEGRAM_ALLOWED_CHATS", group.id().to_string());
    // Only who asked hears of it: what others hear would fill the chats.
    desk.home.write_config("[telegram]\ninbox = \"off\"\nmirror = \"off\"\n");
    let topic = group.topic(&people[0], "topic");
    let mut all: Vec<Person> = names
        .iter()
        .zip(&people)
        .map(|(name, user)| Person {
            user: *user,
            chat: desk.bot.private(user),
            thread: None,
            session: (*name).to_owned(),
            mention: String::new(),
        })
        .collect();
    all.push(Person {
        user: people[0],
        chat: group,
        thread: Some(topic),
        session: "topic".to_owned(),
        mention: format!("@{} ", desk.bot.bot_username()),
    });
    for person in &all {
        let dir = desk.home.mkdir(format!("project/{}", person.session)).display().to_string();
        desk.home.run(&["session", "new", &person.session, "--agent", agent, "--dir", &dir]).expect_code(0);
    }
    desk.start();
    for person in &all {
        let bot = person.mention.trim();
        let text = format!("/session{bot} {}", person.session);
        let message = person.chat.message(&person.user).text(&text);
        match person.thread {
            Some(thread) => message.in_topic(thread).send(),
            None => message.send(),
        };
        person.chat.wait_for_text(&person.session);
    }
    all
}

#[test]
fn serve_is_killed_again_and_again_while_people_write() {
    let mut desk = Desk::without_session(Home::new(), None);
    let people = crowd(&mut desk, &["ada", "bob", "cyd"], "demo");
    storm(desk, &people, given("CLAUDEBOT_TEST_KILLS", 60));
}

mod real_330 {
    use super::*;

    #[test]
    fn serve_is_killed_again_and_again_while_people_write() {
        let (model, home) = Home::with_claude(Release::Newest);
        let mut desk = Desk::without_session(home, Some(model));
        let people = crowd(&mut desk, &["ada", "bob"], "claude");
        storm(desk, &people, given("CLAUDEBOT_TEST_KILLS", 8));
    }
}
