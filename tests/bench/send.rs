//! What a resident process saves: a warm turn through `claudebot send` against one `claude -p` per message, both with
//! the real CLI on the scripted API, from the command's start to its first text on stdout.

use std::io::Read;
use std::process::Stdio;
use std::time::Instant;

use crate::measure::{Row, Samples, ms};
use crate::support::claude::Release;
use crate::support::home::Home;

const RUNS: usize = 20;
const WHAT: &str = "warm turn through `claudebot send` against one `claude -p` per message, first text";
const TARGET: &str = "≤ 1/8 of the time";
/// The scripted model says it back after `Echo: `.
const PROMPT: &str = "hello there";

pub(crate) fn run() -> Vec<Row> {
    if std::panic::catch_unwind(|| crate::support::claude::real_claude(Release::Newest)).is_err() {
        return vec![Row::left_out(WHAT, TARGET, "Claude Code is not installed (`tests/run` installs it)")];
    }
    let (_api, home) = Home::with_claude(Release::Newest);
    home.run(&["session", "new", "work", "--switch", "--dir", &home.project().display().to_string()])
        .expect_code(0);
    // Wakes the session; everything after it is warm.
    home.run(&["send", "-s", "work", PROMPT]).expect_code(0);
    let mut warm = Vec::new();
    let mut whole = Vec::new();
    for _ in 0..RUNS {
        warm.push(first_text(home.command(&["send", "-s", "work", PROMPT]), "Echo"));
        let mut claude = home.program(home.path().join("bin/claude"));
        // Text as it comes: without this it would print only at the end.
        claude.args([
            "-p",
            "--verbose",
            "--output-format",
            "stream-json",
            "--include-partial-messages",
            PROMPT,
        ]);
        whole.push(first_text(claude, "\"text_delta\""));
    }
    let (warm, whole) = (Samples::new(warm), Samples::new(whole));
    let ratio = whole.median() / warm.median();
    let measured = format!(
        "{} against {}: 1/{ratio:.1} (medians of {RUNS}; p95 {} against {})",
        ms(warm.median()),
        ms(whole.median()),
        ms(warm.percentile(95)),
        ms(whole.percentile(95)),
    );
    vec![Row::new(WHAT, TARGET, measured, ratio >= 8.0)]
}

/// Milliseconds until this is on stdout; then it may end.
fn first_text(mut command: std::process::Command, text: &str) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let Some(mut stdout) = child.stdout.take() else { panic!("no pipe") };
    let mut seen = Vec::new();
    let mut chunk = [0; 16 << 10];
    let took = loop {
        let read = stdout.read(&mut chunk).unwrap_or(0);
        assert!(read > 0, "{command:?} ended without a text: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..read]);
        if seen.windows(text.len()).any(|window| window == text.as_bytes()) {
            break began.elapsed();
        }
    };
    stdout.read_to_end(&mut seen).and_then(|_| child.wait()).unwrap_or_else(|error| panic!("{error}"));
    took.as_secs_f64() * 1000.0
}
