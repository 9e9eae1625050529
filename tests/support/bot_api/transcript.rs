//! What the bot asked for, and what became of it.

use std::fmt;

use serde_json::Value;

use super::refusal::Refusal;

/// Older calls are forgotten beyond this.
const MOST_CALLS: usize = 20_000;
/// So many of the newest are shown when a test fails.
const SHOWN: usize = 60;

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Not handled yet, or a poll that waits.
    Open,
    /// Carried out; with the result.
    Done(Value),
    Refused(Refusal),
    /// Carried out or refused, but a fault kept the answer from the bot.
    Lost(Result<Value, Refusal>),
    /// Cut off, or answered by a fault, before it was handled; with the status if there was one.
    Faulted(Option<u16>),
}

/// A call of the bot.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Counts up from the first call, gaps included for those that were forgotten.
    pub(crate) number: u64,
    /// Nanoseconds from the start of the stand-in to the arrival of the call, on a monotonic clock.
    pub(crate) at: u64,
    /// When its outcome was known.
    pub(crate) ended: Option<u64>,
    /// As Telegram's documentation writes it; a download is `download`.
    pub(crate) method: String,
    pub(crate) chat: Option<i64>,
    pub(crate) thread: Option<i64>,
    /// The parameters; files as `{file_name, mime_type, file_size}`.
    pub(crate) payload: Value,
    pub(crate) outcome: Outcome,
}

impl Call {
    /// Whether it took effect, whatever the bot was told.
    pub(crate) fn took_effect(&self) -> bool {
        matches!(self.outcome, Outcome::Done(_) | Outcome::Lost(Ok(_)))
    }

    /// Why it was not carried out.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match &self.outcome {
            Outcome::Refused(refusal) | Outcome::Lost(Err(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// A parameter as text, empty when it was not given.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.payload[name].as_str().unwrap_or_default()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = std::time::Duration::from_nanos(self.at).as_secs_f64();
        write!(f, "{seconds:9.3}s {} {}", self.method, excerpt(&self.payload.to_string()))?;
        match &self.outcome {
            Outcome::Open => write!(f, " …"),
            Outcome::Done(result) => write!(f, " → {}", excerpt(&result.to_string())),
            Outcome::Refused(refusal) => write!(f, " → {}", refusal.description),
            Outcome::Lost(Ok(_)) => write!(f, " → done, answer lost"),
            Outcome::Lost(Err(refusal)) => write!(f, " → {}, answer lost", refusal.description),
            Outcome::Faulted(Some(status)) => write!(f, " → scripted {status}"),
            Outcome::Faulted(None) => write!(f, " → cut"),
        }
    }
}

fn excerpt(text: &str) -> String {
    let mut excerpt: String = text.chars().take(200).collect();
    if excerpt.len() < text.len() {
        excerpt.push('…');
    }
    excerpt
}

#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) calls: Vec<Call>,
    last: u64,
}

impl Transcript {
    /// Gives the call's number.
    pub(super) fn open(&mut self, at: u64, method: &str) -> u64 {
        if self.calls.len() >= MOST_CALLS {
            self.calls.drain(..MOST_CALLS / 2);
        }
        self.last += 1;
        self.calls.push(Call {
            number: self.last,
            at,
            ended: None,
            method: method.to_owned(),
            chat: None,
            thread: None,
            payload: Value::Null,
            outcome: Outcome::Open,
        });
        self.last
    }

    pub(super) fn call(&mut self, number: u64) -> Option<&mut Call> {
        self.calls.iter_mut().rev().find(|call| call.number == number)
    }

    pub(super) fn forget(&mut self) {
        self.calls.retain(|call| call.outcome == Outcome::Open);
    }

    /// The newest calls, one a line.
    pub(super) fn summary(&self) -> String {
        let shown = self.calls.len().saturating_sub(SHOWN);
        let lines = self.calls[shown..].iter().map(|call| format!("  {call}\n"));
        let mut out = if shown > 0 { format!("  ({shown} calls before)\n") } else { String::new() };
        out.extend(lines);
        if out.is_empty() { "  (nothing)\n".to_owned() } else { out }
    }
}
