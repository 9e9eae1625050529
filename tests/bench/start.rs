//! How long commands take that do nearly nothing: what every other one takes at least.

use std::time::Instant;

use crate::measure::{Row, Samples, ms};
use crate::support::home::Home;

const RUNS: usize = 200;

pub(crate) fn run() -> Vec<Row> {
    let home = Home::new();
    let version = timed(&home, &["--version"]);
    let status = timed(&home, &["status"]);
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_claudebot")).map_or(f64::NAN, |file| file.len() as f64);
    vec![
        Row::new("`claudebot --version`", "≤ 5 ms", words(&version), version.median() <= 5.0),
        Row::shown("`claudebot status` in an empty home", words(&status)),
        Row::new("size of the program", "≤ 20 MB", crate::measure::mb(size), size <= 20e6),
    ]
}

fn timed(home: &Home, arguments: &[&str]) -> Samples {
    let once = || {
        let mut command = home.command(arguments);
        command.stdin(std::process::Stdio::null());
        let began = Instant::now();
        let output = command.output().unwrap_or_else(|error| panic!("cannot start: {error}"));
        let took = began.elapsed();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        took.as_secs_f64() * 1000.0
    };
    Samples::new((0..RUNS).map(|_| once()).collect())
}

fn words(samples: &Samples) -> String {
    let (median, p99) = (ms(samples.median()), ms(samples.percentile(99)));
    format!("{median} (p99 {p99}, {} runs)", samples.count())
}
