//! `search` as a whole process over a million events, with a host and without; and how fast the conversations of plain
//! Claude Code are read into their index.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::host;
use crate::measure::{Row, Samples, mb, ms};
use crate::support::home::Home;

const EVENTS: u64 = 1_000_000;
const RUNS: usize = 100;

/// Words of an ordinary event.
const WORDS: u64 = 30;

/// A word, and in one of how many events it is.
const SEARCHED: [(&str, u64); 3] = [("everywhere", 2), ("sometimes", 100), ("seldom", 100_000)];

/// Conversations of plain Claude Code, and bytes of each.
const CONVERSATIONS: u64 = 500;
const BYTES: usize = 2 << 20;

pub(crate) fn run() -> Vec<Row> {
    let mut rows = logs();
    rows.extend(conversations());
    rows
}

/// Numbers that look like chance, the same every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Words as a language has them: few of them are most of a text.
    fn words(&mut self, count: u64, into: &mut String) {
        for _ in 0..count {
            let common = !self.next().is_multiple_of(4);
            let word = if common { self.next() % 300 } else { self.next() % 50_000 };
            write!(into, "w{word} ").ok();
        }
    }
}

fn logs() -> Vec<Row> {
    let home = Home::new();
    home.run(&["session", "list"]).expect_code(0);
    fs::create_dir_all(home.data_dir()).unwrap_or_else(|error| panic!("{error}"));
    let mut chance = Chance(7);
    let mut text = |number: u64| {
        let mut text = String::new();
        chance.words(WORDS / 2, &mut text);
        for (word, one_of) in SEARCHED {
            if number % one_of == one_of - 1 {
                write!(text, "{word} ").ok();
            }
        }
        let rest = WORDS / 2 + chance.next() % 10;
        chance.words(rest, &mut text);
        text
    };
    let database = home.data_dir().join("claudebot.db");
    let began = Instant::now();
    claudebot::bench::fill_store(&database, EVENTS, &mut text).unwrap_or_else(|error| panic!("{error}"));
    let filled = began.elapsed().as_secs_f64();
    let size = fs::metadata(&database).map_or(f64::NAN, |file| file.len() as f64);
    let mut rows = vec![Row::shown(
        "a million events stored, prompts and replies of 35 words",
        format!("{:.1} µs each, {}", filled * 1e6 / EVENTS as f64, mb(size)),
    )];
    for with_host in [false, true] {
        if with_host {
            host::start(&home);
        }
        for (word, one_of) in SEARCHED {
            let where_it_runs = if with_host { "with a host" } else { "no host" };
            let share = 100.0 / one_of as f64;
            let what =
                format!("`search`, first results, a word in {share} % of a million events, {where_it_runs}");
            let samples = Samples::new((0..RUNS).map(|_| first_results(&home, word)).collect());
            let (median, p99) = (samples.median(), samples.percentile(99));
            let words = format!("{} (p99 {}, {RUNS} runs)", ms(median), ms(p99));
            rows.push(Row::new(&what, "≤ 15 ms, p99 ≤ 60 ms", words, median <= 15.0 && p99 <= 60.0));
        }
    }
    home.run(&["host", "stop"]).expect_code(0);
    rows
}

/// Milliseconds from the start of the process to the first line of results.
fn first_results(home: &Home, word: &str) -> f64 {
    let mut command = home.command(&["search", word]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start: {error}"));
    let Some(mut stdout) = child.stdout.take() else { panic!("no pipe") };
    let mut first = [0; 1];
    stdout.read_exact(&mut first).unwrap_or_else(|error| panic!("nothing was found: {error}"));
    let took = began.elapsed();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap_or_else(|error| panic!("{error}"));
    let status = child.wait().unwrap_or_else(|error| panic!("{error}"));
    assert!(status.success() && rest.contains(&format!("[{word}]")), "{status}: {rest}");
    took.as_secs_f64() * 1000.0
}

fn conversations() -> Vec<Row> {
    let home = Home::new();
    let bytes = write_conversations(&home.path().join(".claude/projects/-home-me-web"));
    let timed = || {
        let began = Instant::now();
        let found = home.run(&["search", "--json", "-n", "3", "w7"]).expect_code(0).stdout;
        assert_eq!(found.matches("\"conversation\"").count(), 3, "{found}");
        began.elapsed().as_secs_f64()
    };
    let first = timed();
    let again = Samples::new((0..20).map(|_| timed() * 1000.0).collect());
    let size =
        fs::metadata(home.data_dir().join("conversations.db")).map_or(f64::NAN, |file| file.len() as f64);
    let rate = bytes / first / 1e6;
    let what =
        format!("{:.1} GB of plain conversations read into the index, a tenth of it said", bytes / 1e9);
    let measured = format!("{rate:.0} MB/s ({first:.1} s), index {}", mb(size));
    vec![
        Row::new(&what, "≥ 60 MB/s", measured, rate >= 60.0),
        Row::new(
            "· `search` with nothing new in them",
            "≤ 200 ms",
            format!("{} (p99 {})", ms(again.median()), ms(again.percentile(99))),
            again.median() <= 200.0,
        ),
    ]
}

/// As Claude Code writes them: of what is in them, one tenth was said, the rest is of tools.
fn write_conversations(dir: &Path) -> f64 {
    fs::create_dir_all(dir).unwrap_or_else(|error| panic!("{error}"));
    let mut chance = Chance(11);
    let mut total = 0;
    for number in 0..CONVERSATIONS {
        let id = format!("{number:08x}-0000-4000-8000-000000000000");
        let file =
            fs::File::create(dir.join(format!("{id}.jsonl"))).unwrap_or_else(|error| panic!("{error}"));
        let mut file = BufWriter::new(file);
        let mut written = 0;
        while written < BYTES {
            let mut said = String::new();
            chance.words(60, &mut said);
            let mut output = String::new();
            chance.words(640, &mut output);
            let common = format!(
                r#""parentUuid":"{id}","isSidechain":false,"cwd":"/home/me/web","sessionId":"{id}","version":"2.1.330","timestamp":"2026-11-22T09:00:00.000Z""#
            );
            for line in [
                format!(r#"{{{common},"type":"user","message":{{"role":"user","content":"{said}"}}}}"#),
                format!(
                    r#"{{{common},"message":{{"role":"assistant","content":[{{"type":"tool_use","id":"toolu_1","name":"Write","input":{{"content":"{output}"}}}}]}},"type":"assistant"}}"#
                ),
                format!(
                    r#"{{{common},"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"toolu_1","type":"tool_result","content":"{output}"}}]}},"toolUseResult":{{"stdout":"{output}"}}}}"#
                ),
                format!(
                    r#"{{{common},"message":{{"role":"assistant","content":[{{"type":"text","text":"{said}{said}"}}]}},"type":"assistant"}}"#
                ),
            ] {
                writeln!(file, "{line}").unwrap_or_else(|error| panic!("{error}"));
                written += line.len() + 1;
            }
        }
        file.flush().unwrap_or_else(|error| panic!("{error}"));
        total += written;
    }
    total as f64
}
