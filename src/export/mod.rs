//! A session as a document: Markdown for other tools, or one HTML file for people.
//!
//! Events go in one after the other, text comes out, and little is kept meanwhile: a log may be longer than memory.
//! It takes two looks at the log. The first, [`Survey`], finds the prompts for the table of contents and where the
//! log ends; the second goes through an [`Export`].
//!
//! Everything in a log may come from a stranger: a page that Claude read, a file's name. What it may do to a document:
//!
//! | | Markdown | HTML |
//! |---|---|---|
//! | prompts | quoted, every character for itself | text |
//! | replies | headings moved below ours, HTML as text; what could swallow the rest becomes a block of code | rendered, HTML as text |
//! | links | of the web and of mail; others stay text, pictures become links | the same; nothing is loaded, no script may run |
//! | tools | in fences longer than any inside | text |
//! | control characters, turned directions | removed | removed |
//!
//! This room is pure. It must not know the store, files or the terminal.

mod call;
mod clean;
mod diff;
mod html;
mod link;
mod markdown;
mod piece;
mod survey;
#[cfg(test)]
mod tests;
mod thread;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use survey::Survey;

use crate::model::{Event, PromptId};
use piece::Piece;
use thread::{Run, Thread};

/// With so many prompts there is a table of contents.
const LONG: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Markdown,
    Html,
}

/// How much of tool calls is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tools {
    /// With input and output.
    Full,
    /// One line each.
    Short,
    /// Only what was said.
    None,
}

/// What is known of the session beside its log.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) name: String,
    /// Names and values in the order in which they are shown.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What it has cost in all; of a part of the log the part's own turns are counted.
    pub(crate) cost_usd: Option<f64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) format: Format,
    pub(crate) tools: Tools,
    pub(crate) zone: TimeZone,
    pub(crate) now: Timestamp,
}

/// A document that is being written.
#[derive(Debug)]
pub(crate) struct Export {
    survey: Survey,
    options: Options,
    thread: Thread,
    /// The prompt that is being answered where we are.
    answering: Option<PromptId>,
}

impl Export {
    pub(crate) fn new(survey: Survey, options: Options) -> Self {
        Self { survey, options, thread: Thread::default(), answering: None }
    }

    /// What stands before the first event.
    pub(crate) fn begin(&self, head: &Head) -> String {
        let mut out = String::new();
        let mut facts: Vec<(&str, String)> =
            head.facts.iter().map(|(name, value)| (*name, clean::one_line(value))).collect();
        facts.extend(self.contents(head));
        match self.options.format {
            Format::Markdown => {
                markdown::begin(&mut out, &head.name, &facts, &self.survey, &self.options.zone);
            }
            Format::Html => html::begin(&mut out, &head.name, &facts, &self.survey, &self.options.zone),
        }
        out
    }

    /// The next event; what it comes to may be held back until one after it.
    pub(crate) fn event(&mut self, event: Event) -> String {
        let mut out = String::new();
        for run in self.thread.take(event) {
            self.run(&run, &mut out);
        }
        out
    }

    /// What stands after the last event.
    pub(crate) fn end(&mut self) -> String {
        let mut out = String::new();
        for run in self.thread.end() {
            self.run(&run, &mut out);
        }
        if self.options.format == Format::Html {
            html::end(&mut out);
        }
        out
    }

    /// What there is, from when to when, and what it has cost.
    fn contents(&self, head: &Head) -> Vec<(&'static str, String)> {
        let Self { survey, options, .. } = self;
        let zone = &options.zone;
        let mut facts = Vec::new();
        let cost = head.cost_usd.unwrap_or(survey.cost_usd);
        if cost > 0.0 {
            facts.push(("Cost", piece::dollars(cost)));
        }
        let prompts = survey.prompts.len() as u64;
        let mut there = format!("{}, {}", many(prompts, "prompt"), many(survey.turns, "turn"));
        if let (Some(first), Some(last)) = (survey.first, survey.last) {
            let (first, last) = (piece::date_and_time(first, zone), piece::date_and_time(last, zone));
            there.push_str(&if first == last {
                format!(", {first}")
            } else {
                format!(", {first} to {last}")
            });
        }
        facts.push(("Contents", there));
        let now = options.now.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
        facts.push(("Exported", format!("{now}, by claudebot {}", env!("CARGO_PKG_VERSION"))));
        facts
    }

    fn run(&mut self, run: &Run, out: &mut String) {
        let Options { tools, format, .. } = self.options;
        let zone = self.options.zone.clone();
        match run {
            Run::Outer(event, inside) => {
                let Some(piece) = piece::piece(event, tools) else { return };
                if let Some(number) = self.turns_to(event, &piece) {
                    match format {
                        Format::Markdown => markdown::turns_to(out, number),
                        Format::Html => html::turns_to(out, number),
                    }
                }
                let inside = inside.as_ref().map(|inside| said_inside(inside, tools));
                let place = Place { seq: event.seq, at: event.at, zone: &zone };
                match format {
                    Format::Markdown => markdown::piece(out, &piece, &place, inside.as_deref()),
                    Format::Html => html::piece(out, &piece, &place, inside.as_deref()),
                }
            }
            Run::Inside(..) if tools == Tools::None => {}
            Run::Inside(number, events) => {
                let pieces = said_inside(events, tools);
                match format {
                    Format::Markdown => markdown::inside(out, *number, &pieces),
                    Format::Html => html::inside(out, *number, &pieces, &zone),
                }
            }
        }
    }

    /// The number of the prompt that is answered from here on, if that is not the one right above.
    fn turns_to(&mut self, event: &Event, piece: &Piece<'_>) -> Option<u64> {
        if matches!(piece, Piece::Prompt { .. }) {
            self.answering = event.prompt_id;
            return None;
        }
        let prompt = event.prompt_id.filter(|prompt| self.answering != Some(*prompt))?;
        self.answering = Some(prompt);
        self.survey.number(prompt)
    }
}

/// Where a piece stands.
struct Place<'a> {
    seq: u64,
    at: Timestamp,
    zone: &'a TimeZone,
}

/// `1 prompt`, `2 prompts`.
fn many(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn said_inside(events: &[Event], tools: Tools) -> Vec<(Timestamp, Piece<'_>)> {
    events.iter().filter_map(|event| Some((event.at, piece::piece(event, tools)?))).collect()
}
