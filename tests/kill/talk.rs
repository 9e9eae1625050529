//! What is said to the agents in a storm, and how its answer is known among all others.

use serde_json::Value;

use super::chance::Chance;

/// How a prompt's answer is recognised.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// In these words, which no other answer has.
    Unique(String),
    /// In one of these words, within the prompt's own turn.
    InTurn(&'static [&'static str]),
}

impl Answer {
    pub(super) fn is_in(&self, reply: &Value) -> bool {
        let text = reply["text"].as_str().unwrap_or_default();
        match self {
            // Counted words of different lengths begin alike.
            Self::Unique(words) if words.starts_with("w0 ") => text == words,
            Self::Unique(words) => text.contains(words),
            Self::InTurn(words) => words.iter().any(|words| text.contains(words)),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) delivery: &'static str,
    pub(super) answer: Answer,
}

/// The `number`th thing said to a session.
pub(super) fn said(chance: &mut Chance, session: &str, number: u64, real: bool) -> Said {
    // Closed by a bracket, so that no mark is the beginning of another.
    let mark = format!("[{session}-{number}]");
    let delivery = *chance.of(&["queue", "queue", "queue", "now", "instead"]);
    let kind = if delivery == "queue" { chance.below(8) } else { 0 };
    let (text, answer) = match (kind, real) {
        (0..=2, false) => (format!("echo {mark}"), Answer::Unique(mark)),
        (0..=2, true) => (format!("hello {mark}"), Answer::Unique(mark)),
        (3 | 4, _) => words(chance, &mark, 4 * number + u64::from(session.as_bytes()[0] % 4), real),
        (5, false) => (format!("slow 0.{}", chance.below(4) + 1), Answer::InTurn(&["seconds have passed."])),
        (6, false) => ("run".to_owned(), Answer::InTurn(&["This is in the working", "Then I leave it."])),
        (_, false) => {
            (format!("background 0.{}", chance.below(9) + 1), Answer::InTurn(&["It runs in the background."]))
        }
        (5 | 6, true) => {
            let time = chance.below(10);
            (format!("bash sleep 0.{time}; echo '{mark}'"), Answer::InTurn(&["Result: "]))
        }
        (_, true) => {
            (format!("background sleep 1; echo '{mark}'"), Answer::InTurn(&["Result: Command running"]))
        }
    };
    Said { text, delivery, answer }
}

/// A different number of words each time, also from one session to the other; half a second at most.
fn words(chance: &mut Chance, mark: &str, number: u64, real: bool) -> (String, Answer) {
    let count = 10 + number;
    let every = 500.0 / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let every = if chance.one_in(3) { 0.0 } else { every };
    let all: Vec<String> = (0..count).map(|word| format!("w{word}")).collect();
    let every = if real { format!("{every:.0}") } else { format!("{every:.2}") };
    (format!("words {count} {every} {mark}"), Answer::Unique(all.join(" ")))
}
