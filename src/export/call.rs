//! A tool call in parts that a reader understands: a command and its output, an edit as a difference.
//!
//! What a tool's input looks like is the vendor's to change: what has not the expected form is shown as JSON.

use std::borrow::Cow;

use serde_json::Value;

use super::clean::{clean, one_line};
use super::diff::{self, Line};
use crate::highlight;
use crate::model::Event;

#[derive(Debug)]
pub(super) struct Call<'e> {
    pub(super) name: String,
    /// One line; may be empty.
    pub(super) summary: String,
    pub(super) outcome: Outcome,
    pub(super) parts: Vec<Part<'e>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed,
    /// It never came to a result.
    Cut,
}

#[derive(Debug)]
pub(super) enum Part<'e> {
    Line(String),
    Code {
        language: String,
        text: Cow<'e, str>,
    },
    Diff {
        language: &'e str,
        lines: Vec<Line<'e>>,
    },
    /// What a list of things to do says: `[x] this`.
    Tasks(Vec<(Task, String)>),
    Choices {
        question: String,
        options: Vec<(String, String)>,
    },
    Markdown(Cow<'e, str>),
    Output {
        text: Cow<'e, str>,
        failed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Open,
    Active,
    Done,
}

impl<'e> Call<'e> {
    pub(super) fn short(event: &'e Event, name: &str, result: Option<&str>, is_error: bool) -> Self {
        let outcome = match result {
            None => Outcome::Cut,
            Some(_) if is_error => Outcome::Failed,
            Some(_) => Outcome::Done,
        };
        let about = event.text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
        let summary = if event.text == name { String::new() } else { one_line(about.unwrap_or(&event.text)) };
        Self { name: one_line(name), summary, outcome, parts: Vec::new() }
    }

    pub(super) fn whole(
        event: &'e Event,
        name: &'e str,
        input: &'e Value,
        result: Option<&'e str>,
        is_error: bool,
    ) -> Self {
        let mut call = Self::short(event, name, result, is_error);
        call.parts = known(name, input).unwrap_or_else(|| unknown(input));
        let output = result.map(clean).filter(|text| !text.trim().is_empty());
        call.parts.extend(output.map(|text| Part::Output { text, failed: is_error }));
        call
    }

    /// The parts that went in, and what came out.
    pub(super) fn around_output(&self) -> (&[Part<'e>], &[Part<'e>]) {
        let is_output = |part: &Part<'_>| matches!(part, Part::Output { .. });
        let at = self.parts.iter().position(is_output).unwrap_or(self.parts.len());
        self.parts.split_at(at)
    }
}

fn known<'e>(name: &str, input: &'e Value) -> Option<Vec<Part<'e>>> {
    let field = |name: &str| input.get(name)?.as_str();
    let path = || field("file_path").or_else(|| field("notebook_path"));
    let named = |path: &str| Part::Line(one_line(path));
    Some(match name {
        "Bash" => {
            let described = field("description").map(|words| Part::Line(one_line(words)));
            let command = Part::Code { language: "sh".to_owned(), text: clean(field("command")?) };
            described.into_iter().chain([command]).collect()
        }
        "Edit" => vec![named(path()?), edit(path()?, input)?],
        "MultiEdit" => {
            let edits = input.get("edits")?.as_array()?;
            let edits = edits.iter().map(|one| edit(path()?, one)).collect::<Option<Vec<_>>>()?;
            std::iter::once(named(path()?)).chain(edits).collect()
        }
        "Write" => vec![named(path()?), added(path()?, field("content")?)],
        "NotebookEdit" => vec![named(path()?), added("py", field("new_source")?)],
        "Read" => vec![named(path()?)],
        "TodoWrite" => vec![Part::Tasks(tasks(input)?)],
        "Task" | "Agent" => vec![Part::Markdown(clean(field("prompt")?))],
        // The question and the plan stand where they were asked.
        "AskUserQuestion" | "ExitPlanMode" => Vec::new(),
        _ => return None,
    })
}

fn unknown(input: &Value) -> Vec<Part<'_>> {
    let nothing = input.is_null() || input.as_object().is_some_and(serde_json::Map::is_empty);
    let text = serde_json::to_string_pretty(input).unwrap_or_default();
    let text = Cow::Owned(clean(&text).into_owned());
    if nothing { Vec::new() } else { vec![Part::Code { language: "json".to_owned(), text }] }
}

fn edit<'e>(path: &'e str, input: &'e Value) -> Option<Part<'e>> {
    let field = |name: &str| input.get(name)?.as_str();
    let lines = diff::lines(field("old_string")?, field("new_string")?);
    Some(Part::Diff { language: highlight::of_file(path), lines })
}

fn added<'e>(path: &'e str, text: &'e str) -> Part<'e> {
    Part::Diff { language: highlight::of_file(path), lines: text.lines().map(Line::Added).collect() }
}

fn tasks(input: &Value) -> Option<Vec<(Task, String)>> {
    let task = |todo: &Value| {
        let state = match todo.get("status").and_then(Value::as_str) {
            Some("completed") => Task::Done,
            Some("in_progress") => Task::Active,
            _ => Task::Open,
        };
        Some((state, one_line(todo.get("content")?.as_str()?)))
    };
    input.get("todos")?.as_array()?.iter().map(task).collect()
}
