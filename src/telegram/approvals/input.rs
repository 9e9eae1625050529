//! A tool's input as it is, for somebody to agree to: a command, a change of a file, or whatever else it is.

use serde_json::{Map, Value};

use crate::telegram::render::{Rich, Style};

/// An input in two forms: for a message, and for a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) rich: Rich,
    pub(crate) text: String,
    pub(crate) extension: &'static str,
}

impl Shown {
    /// Whether a message can hold it, with what else it has to say.
    pub(crate) fn fits(&self) -> bool {
        self.rich.units() <= super::FITS
    }
}

/// A part of an input.
enum Part<'a> {
    Block(&'a str, String),
    Field(&'a str, String),
}

pub(super) fn shown(tool: &str, input: &Value, summary: &str) -> Shown {
    let parts = match input.as_object().filter(|fields| !fields.is_empty()) {
        Some(fields) => parts(tool, fields),
        None if input.is_null() || input.is_object() => vec![Part::Block("", summary.to_owned())],
        None => vec![Part::Block("json", input.to_string())],
    };
    let is_change = parts.iter().any(|part| matches!(part, Part::Block("diff", _)));
    let mut rich = Rich::default();
    let mut text = String::new();
    for part in &parts {
        let end = if rich.is_empty() { "" } else { "\n" };
        rich.push(end, Style::Plain);
        text.push_str(end);
        match part {
            Part::Block(language, block) => {
                let block = visible(block);
                rich.push(&block, Style::Pre(language));
                text.push_str(&block);
            }
            Part::Field(name, value) => {
                let (name, value) = (visible(name), visible(value));
                rich.push(&format!("{name}: "), Style::Plain).push(&value, Style::Code);
                text.push_str(&format!("{name}: {value}"));
            }
        }
    }
    Shown { rich, text, extension: if is_change { "diff" } else { "txt" } }
}

fn parts<'a>(tool: &str, fields: &'a Map<String, Value>) -> Vec<Part<'a>> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let mut told: Vec<&str> = Vec::new();
    let mut parts = Vec::new();
    let path = ["file_path", "notebook_path", "path"].into_iter().find(|name| text(name).is_some());
    if let Some((name, value)) = path.and_then(|name| Some((name, text(name)?))) {
        parts.push(Part::Field("file", value.to_owned()));
        told.push(name);
    }
    if let Some(command) = text("command") {
        let language = if tool == "Bash" { "bash" } else { "" };
        parts.push(Part::Block(language, command.to_owned()));
        told.push("command");
    }
    if let (Some(old), Some(new)) = (text("old_string"), text("new_string")) {
        parts.push(Part::Block("diff", diff(old, new)));
        told.extend(["old_string", "new_string"]);
    }
    if let Some(edits) = fields.get("edits").and_then(Value::as_array).and_then(|edits| changes(edits)) {
        parts.extend(edits.into_iter().map(|edit| Part::Block("diff", edit)));
        told.push("edits");
    }
    let rest = fields.iter().filter(|(name, _)| !told.contains(&name.as_str()));
    parts.extend(rest.flat_map(|(name, value)| field(name, value)));
    parts
}

fn field<'a>(name: &'a str, value: &Value) -> Vec<Part<'a>> {
    match value {
        Value::String(text) if text.contains('\n') || text.len() > 200 => {
            vec![Part::Field(name, String::new()), Part::Block("", text.clone())]
        }
        Value::String(text) => vec![Part::Field(name, text.clone())],
        Value::Object(_) | Value::Array(_) => {
            let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
            vec![Part::Field(name, String::new()), Part::Block("json", json)]
        }
        other => vec![Part::Field(name, other.to_string())],
    }
}

/// `None`: these are no edits, or not only.
fn changes(edits: &[Value]) -> Option<Vec<String>> {
    let change = |edit: &Value| {
        let fields = edit.as_object()?;
        let known = ["old_string", "new_string", "replace_all"];
        if !fields.keys().all(|name| known.contains(&name.as_str())) {
            return None;
        }
        let every = fields.get("replace_all").and_then(Value::as_bool) == Some(true);
        let change = diff(fields.get("old_string")?.as_str()?, fields.get("new_string")?.as_str()?);
        Some(if every { format!("every time:\n{change}") } else { change })
    };
    edits.iter().map(change).collect()
}

/// What goes and what comes, without the lines before and behind that stay.
fn diff(old: &str, new: &str) -> String {
    let (old, new) = (lines(old), lines(new));
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - before;
    let behind = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (gone, come) = (&old[before..old.len() - behind], &new[before..new.len() - behind]);
    let lines = old[..before]
        .iter()
        .map(|line| format!("  {line}"))
        .chain(gone.iter().map(|line| format!("- {line}")))
        .chain(come.iter().map(|line| format!("+ {line}")))
        .chain(old[old.len() - behind..].iter().map(|line| format!("  {line}")));
    lines.collect::<Vec<_>>().join("\n")
}

fn lines(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split('\n').collect() }
}

/// A text with nothing hidden in it: what a screen would obey or not show is spelled out.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() || is_hidden(c) => shown.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
