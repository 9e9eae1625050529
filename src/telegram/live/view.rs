//! A running turn as a message. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::turn::{Line, Progress, Running, State};
use crate::model::SessionState;
use crate::telegram::render::{PIECE, Rich, Style};
use crate::telegram::{show, words};

/// Before this there is nothing to say of a turn that has only called tools.
const TOOLS_AFTER: Duration = Duration::from_millis(700);

/// A turn of which nothing is seen is worth a message after this.
const NOTHING_AFTER: Duration = Duration::from_secs(3);

/// UTF-16 units of thinking that are shown.
const THINKING: usize = 400;

/// A message is one piece, with room for the name in front.
const MOST: usize = PIECE - 80;

/// How much of what a turn does is shown: the words of `telegram.verbosity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

impl Verbosity {
    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "quiet" => Self::Quiet,
            "verbose" => Self::Verbose,
            _ => Self::Normal,
        }
    }

    /// Tools that a live message shows.
    const fn lines(self) -> usize {
        match self {
            Self::Quiet => 1,
            Self::Normal => 3,
            Self::Verbose => 8,
        }
    }
}

/// From when on the turn is worth a message.
pub(super) fn worth_at(running: &Running) -> Instant {
    let after = match (running.has_text, running.lines.is_empty()) {
        (true, _) => Duration::ZERO,
        (false, false) => TOOLS_AFTER,
        (false, true) => NOTHING_AFTER,
    };
    running.started + after
}

/// How long it has been running, as it is told: in steps, so that it does not change all the time.
fn told(elapsed: u64) -> u64 {
    let step = step(elapsed);
    elapsed / step * step
}

const fn step(elapsed: u64) -> u64 {
    match elapsed {
        0..60 => 5,
        60..600 => 15,
        _ => 60,
    }
}

fn elapsed(running: &Running, now: Instant) -> u64 {
    now.saturating_duration_since(running.started).as_secs()
}

/// When the time that is told changes.
pub(super) fn next_step(running: &Running, now: Instant) -> Instant {
    let elapsed = elapsed(running, now);
    running.started + Duration::from_secs(told(elapsed) + step(elapsed))
}

/// What it says, without the session's name.
pub(super) fn body(state: &State, running: &Running, verbosity: Verbosity, now: Instant) -> Rich {
    let mut rich = running.text.tail();
    if !rich.is_empty() {
        rich.push("\n\n", Style::Plain);
    }
    let mut foot = foot(state, running, verbosity, now);
    if rich.units() + foot.units() > MOST {
        foot = Rich::default();
        foot.push(&summary(state, running, verbosity, now), Style::Italic);
    }
    rich.append(&foot);
    rich
}

/// What goes on, below what is said.
fn foot(state: &State, running: &Running, verbosity: Verbosity, now: Instant) -> Rich {
    let mut rich = Rich::default();
    if verbosity == Verbosity::Verbose && !running.thinking.trim().is_empty() {
        rich.push(&end_of(&running.thinking, THINKING), Style::ExpandableQuote);
        rich.push("\n", Style::Plain);
    }
    let shown = running.lines.iter().rev().filter(|line| is_shown(line, verbosity)).take(verbosity.lines());
    for line in shown.collect::<Vec<_>>().into_iter().rev() {
        let mark = if line.progress == Progress::Failed { " ✗" } else { "" };
        rich.push(&format!("{}{mark}\n", show::tool_line(&line.words)), Style::Plain);
    }
    rich.push(&summary(state, running, verbosity, now), Style::Italic);
    rich
}

/// Of what is over, a quiet chat hears nothing.
fn is_shown(line: &Line, verbosity: Verbosity) -> bool {
    verbosity != Verbosity::Quiet || line.progress == Progress::Runs
}

/// `⏳ 1m15s · 4 tools · compacting`
fn summary(state: &State, running: &Running, verbosity: Verbosity, now: Instant) -> String {
    let mut parts = Vec::new();
    let seconds = told(elapsed(running, now));
    if seconds > 0 {
        parts.push(show::took(seconds));
    }
    let most = verbosity.lines() as u32;
    if running.tools > most && verbosity != Verbosity::Quiet {
        parts.push(show::tools(running.tools));
    }
    if state.session == SessionState::Waiting {
        parts.push("waits for an answer".to_owned());
    } else if let Some(status) = state.status.as_deref().filter(|status| *status != "requesting") {
        parts.push(words::line(status, 80));
    }
    if parts.is_empty() { "⏳".to_owned() } else { format!("⏳ {}", parts.join(" · ")) }
}

/// The end of a text, from a word on.
fn end_of(text: &str, most: usize) -> String {
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(most);
    if skipped == 0 {
        return text.to_owned();
    }
    let rest: String = text.chars().skip(skipped).collect();
    let word = rest.find(char::is_whitespace).map_or(rest.as_str(), |space| &rest[space..]);
    format!("…{}", word.trim_start())
}
