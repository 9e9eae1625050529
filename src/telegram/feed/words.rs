//! How what is heard is said. Pure.

use super::facts::Facts;
use crate::model::{CAME_BACK, HANDED_OVER, Outcome};
use crate::telegram::live::Verbosity;
use crate::telegram::place::Place;
use crate::telegram::render::{Rich, Style};
use crate::telegram::{show, words};

/// Of an error that an agent reports, so much is shown.
const LONGEST_ERROR: usize = 1000;

/// Of a prompt from elsewhere, so much is shown.
const LONGEST_PROMPT: usize = 1500;

/// Of what tools did, so much is shown.
const LONGEST_TOOLS: usize = 2500;

/// What is told of the host's notices, and whether it rings.
const NOTICES: &[(&str, bool)] = &[
    ("unavailable", true),
    ("login", true),
    ("limit", true),
    // If a turn was cut off by it, that rings.
    ("crashed", false),
    ("recap", false),
    ("conversation_reset", false),
    ("held", false),
    ("warning", false),
    ("release", false),
    (HANDED_OVER, false),
    (CAME_BACK, false),
];

/// Notices that are about the account, and so about no session in particular.
const OF_ALL: &[&str] = &["login", "limit", "release"];

/// Whether a notice rings; None: nobody is told.
pub(super) fn is_loud(code: &str) -> Option<bool> {
    NOTICES.iter().find(|(known, _)| *known == code).map(|(_, loud)| *loud)
}

/// What a notice is about, as a part of its key.
pub(super) fn about(facts: &Facts, code: &str) -> String {
    if OF_ALL.contains(&code) { String::new() } else { facts.session.to_string() }
}

/// A person stopped it: in the host's words. What the host's own end stops is not meant.
pub(super) fn is_stop(words: &str) -> bool {
    words == "stopped" || words == "stopped before it began"
}

/// The session's name, where that has to be said.
pub(super) fn heading(facts: &Facts, place: Place) -> Rich {
    if facts.has_heading(place) { show::heading(&facts.name) } else { Rich::default() }
}

pub(super) fn prompt(facts: &Facts, place: Place, text: &str) -> Rich {
    let mut rich = heading(facts, place);
    let text = text.trim();
    let mut shown: String = text.chars().take(LONGEST_PROMPT).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    rich.push("asked elsewhere:\n", Style::Italic).push(&shown, Style::ExpandableQuote);
    rich
}

pub(super) fn notice(facts: &Facts, place: Place, text: &str) -> Rich {
    let mut rich = heading(facts, place);
    rich.push(&format!("⚠ {}", words::line(text, LONGEST_ERROR)), Style::Plain);
    rich
}

/// What an inbox hears of a turn that went wrong.
pub(super) fn trouble(facts: &Facts, place: Place, outcome: Outcome, words: &str) -> Rich {
    let mut rich = heading(facts, place);
    rich.push(&ending(outcome, words).unwrap_or_default(), Style::Plain);
    rich
}

/// How a turn ended, where that has to be said.
fn ending(outcome: Outcome, words: &str) -> Option<String> {
    let words = words::line(words, LONGEST_ERROR);
    let say = |sign: &str, otherwise: &str| {
        Some(format!("{sign} {}", if words.is_empty() { otherwise } else { &words }))
    };
    match outcome {
        Outcome::Done => None,
        Outcome::Failed => say("✗", "failed"),
        Outcome::Interrupted => say("⏹", "interrupted"),
        Outcome::Replaced => say("⏹", "dropped for another prompt"),
    }
}

/// What stands below a reply: how it ended, and what was done for it as far as the chat wants to know.
pub(super) fn footer(facts: &Facts, outcome: Outcome, words: &str, ring: bool) -> Rich {
    let mut rich = Rich::default();
    if let Some(ending) = ending(outcome, words) {
        rich.push(&ending, Style::Italic);
    }
    if facts.turn.tools == 0 {
        return rich;
    }
    let gap = if rich.is_empty() { "" } else { "\n" };
    match facts.verbosity {
        Verbosity::Quiet => {}
        // What rings leaves a line above it that says the same.
        Verbosity::Normal if ring => {}
        Verbosity::Normal => {
            rich.push(gap, Style::Plain).push(&show::tools(facts.turn.tools), Style::Italic);
        }
        Verbosity::Verbose => {
            rich.push(gap, Style::Plain).push(&tools(facts), Style::ExpandableQuote);
        }
    }
    rich
}

/// The tools of a turn, the newest of them if there were many, each with the beginning of what it gave back.
fn tools(facts: &Facts) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for call in facts.turn.calls.iter().rev() {
        let mut line = show::tool_line(&call.words);
        match &call.result {
            None => line.push_str(" ✗ cut off"),
            Some(result) if result.is_empty() => {}
            Some(result) => {
                let sign = if call.is_error { "✗" } else { "→" };
                line.push_str(&format!("\n   {sign} {result}"));
            }
        }
        length += line.chars().count() + 1;
        if length > LONGEST_TOOLS {
            break;
        }
        lines.push(line);
    }
    let shown = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    if shown < facts.turn.tools {
        lines.push(format!("{}, the last {shown}:", show::tools(facts.turn.tools)));
    }
    lines.reverse();
    lines.join("\n")
}

pub(super) fn caption(facts: &Facts, place: Place, caption: Option<&str>) -> Rich {
    let mut rich = heading(facts, place);
    match caption.map(str::trim).filter(|caption| !caption.is_empty()) {
        Some(caption) => rich.push(caption, Style::Plain),
        None => {
            rich.text.truncate(rich.text.trim_end().len());
            &mut rich
        }
    };
    rich
}
