//! The document as one HTML file: no network, no script, folded where it is long, for the screen and for paper.

mod markdown;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::call::{Call, Outcome, Part, Task};
use super::clean::{clean, one_line};
use super::diff::Line;
use super::piece::{self, Piece};
use super::survey::Survey;
use super::{LONG, Place};
use crate::highlight::{self, Class};

const STYLE: &str = include_str!("style.css");

/// Something a subagent said or did, and when.
type Inner<'e> = (Timestamp, Piece<'e>);

/// Text as text, also within an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Formats into a string, which cannot fail.
macro_rules! put {
    ($out:expr, $($words:tt)*) => { write!($out, $($words)*).ok() };
}

pub(super) fn begin(
    out: &mut String,
    name: &str,
    facts: &[(&str, String)],
    survey: &Survey,
    zone: &TimeZone,
) {
    let name = escape(&one_line(name));
    let style = STYLE.trim_end();
    put!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"claudebot {}\">\n<title>{name}</title>\n<style>\n{style}\n</style>\n\
         </head>\n<body>\n<header>\n<h1>{name}</h1>\n<dl class=\"facts\">\n",
        env!("CARGO_PKG_VERSION")
    );
    for (fact, value) in facts {
        put!(out, "<dt>{}</dt><dd>{}</dd>\n", escape(fact), escape(value));
    }
    out.push_str("</dl>\n</header>\n");
    if survey.prompts.len() >= LONG {
        put!(out, "<nav>\n<details open>\n<summary>{} prompts</summary>\n<ol>\n", survey.prompts.len());
        for prompt in &survey.prompts {
            let at = piece::date_and_time(prompt.at, zone);
            let title = escape(&prompt.title);
            put!(out, "<li><time>{at}</time> <a href=\"#prompt-{}\">{title}</a></li>\n", prompt.seq);
        }
        out.push_str("</ol>\n</details>\n</nav>\n");
    }
    out.push_str("<main>\n<section>\n");
}

pub(super) fn end(out: &mut String) {
    out.push_str("</section>\n</main>\n</body>\n</html>\n");
}

/// What follows belongs to an earlier prompt, or to one that waited.
pub(super) fn turns_to(out: &mut String, prompt: u64) {
    put!(out, "<p class=\"for\">For <a href=\"#prompt-{prompt}\">prompt {prompt}</a>:</p>\n");
}

/// A piece, and what a subagent did for it.
pub(super) fn piece(out: &mut String, piece: &Piece<'_>, place: &Place<'_>, inside: Option<&[Inner<'_>]>) {
    match piece {
        Piece::Prompt { text, files, how } => {
            let Place { seq, at, zone } = place;
            let at = piece::date_and_time(*at, zone);
            put!(
                out,
                "</section>\n<section id=\"prompt-{seq}\">\n<div class=\"prompt\">\n\
                 <h2><a href=\"#prompt-{seq}\">Prompt {seq}</a><time>{at}</time></h2>\n"
            );
            out.push_str(&how.map(|how| format!("<p class=\"for\">{how}</p>\n")).unwrap_or_default());
            put!(out, "<div class=\"typed\">{}</div>\n", escape(text.trim_end()));
            if !files.is_empty() {
                let file = |file: &String| format!("<li>📎 <code>{}</code></li>", escape(file));
                put!(out, "<ul class=\"files\">{}</ul>\n", files.iter().map(file).collect::<String>());
            }
            out.push_str("</div>\n");
        }
        piece => said(out, piece, place.at, place.zone, inside),
    }
}

/// What a subagent said and did, for a call that is not certain.
pub(super) fn inside(out: &mut String, number: usize, pieces: &[Inner<'_>], zone: &TimeZone) {
    let calls = pieces.iter().filter(|(_, piece)| matches!(piece, Piece::Call(_))).count() as u64;
    put!(
        out,
        "<details class=\"agent\"><summary>Subagent {number} <span class=\"mono\">{}</span></summary>\n<div class=\"body\">\n",
        super::many(calls, "tool call")
    );
    within(out, pieces, zone);
    out.push_str("</div></details>\n");
}

fn within(out: &mut String, pieces: &[Inner<'_>], zone: &TimeZone) {
    pieces.iter().for_each(|(at, piece)| said(out, piece, *at, zone, None));
}

fn said(out: &mut String, piece: &Piece<'_>, at: Timestamp, zone: &TimeZone, inside: Option<&[Inner<'_>]>) {
    let time = format!("<time>{}</time>", piece::time(at, zone));
    match piece {
        Piece::Reply(text) => {
            out.push_str("<div class=\"reply\">\n");
            markdown::render(out, text);
            out.push_str("</div>\n");
        }
        Piece::Call(call) => tool(out, call, &time, zone, inside),
        Piece::Asked { title, parts } => {
            put!(out, "<div class=\"asked\">\n<h3>{} {time}</h3>\n", escape(title));
            parts.iter().for_each(|part| self::part(out, part));
            out.push_str("</div>\n");
        }
        Piece::Answered { words, answers } => {
            put!(out, "<div class=\"answered\">↳ {} {time}", escape(words));
            if !answers.is_empty() {
                let answer = |(question, answer): &(String, String)| {
                    format!("<li>{} <strong>{}</strong></li>", escape(question), escape(answer))
                };
                put!(out, "<ul>{}</ul>", answers.iter().map(answer).collect::<String>());
            }
            out.push_str("</div>\n");
        }
        Piece::Notice(text) => {
            put!(out, "<div class=\"note\">{} {time}</div>\n", escape(text.trim_end()));
        }
        Piece::File { name, about, caption } => {
            put!(
                out,
                "<div class=\"file\">📄 <strong>{}</strong> <span class=\"mono\">{}</span> {time}",
                escape(name),
                escape(about)
            );
            out.push_str(
                &caption.as_deref().map(|words| format!("<br>{}", escape(words))).unwrap_or_default(),
            );
            out.push_str("</div>\n");
        }
        Piece::Ended { words, failed } => {
            let class = if *failed { " class=\"bad-words\"" } else { "" };
            put!(out, "<div class=\"ended\">{time}<span{class}>{}</span></div>\n", escape(words));
        }
        Piece::Prompt { text, .. } => {
            put!(out, "<div class=\"typed\">{}</div>\n", escape(text));
        }
    }
}

fn tool(out: &mut String, call: &Call<'_>, time: &str, zone: &TimeZone, inside: Option<&[Inner<'_>]>) {
    let mark = match call.outcome {
        Outcome::Done => "",
        Outcome::Failed => " <span class=\"mark\">failed</span>",
        Outcome::Cut => " <span class=\"mark\">cut off</span>",
    };
    let (name, summary) = (escape(&call.name), escape(&call.summary));
    let summary =
        if summary.is_empty() { summary } else { format!(" <span class=\"mono\">{summary}</span>") };
    let line = format!("<strong>{name}</strong>{summary}{mark} {time}");
    if call.parts.is_empty() && inside.is_none_or(<[_]>::is_empty) {
        put!(out, "<div class=\"tool line\">{line}</div>\n");
        return;
    }
    put!(out, "<details class=\"tool\"><summary>{line}</summary>\n<div class=\"body\">\n");
    let (before, output) = call.around_output();
    let is_new = |part: &&Part<'_>| !matches!(part, Part::Line(text) if *text == call.summary);
    before.iter().filter(is_new).for_each(|part| self::part(out, part));
    within(out, inside.unwrap_or_default(), zone);
    output.iter().for_each(|part| self::part(out, part));
    out.push_str("</div></details>\n");
}

fn part(out: &mut String, part: &Part<'_>) {
    match part {
        Part::Line(text) => {
            put!(out, "<p class=\"mono\">{}</p>\n", escape(text));
        }
        Part::Code { language, text } => code_block(out, language, text),
        Part::Diff { language, lines } => diff(out, language, lines),
        Part::Tasks(tasks) => {
            let task = |(state, text): &(Task, String)| {
                let (class, mark) = match state {
                    Task::Open => ("open", "☐"),
                    Task::Active => ("active", "▸"),
                    Task::Done => ("done", "☑"),
                };
                format!("<li class=\"{class}\">{mark} {}</li>\n", escape(text))
            };
            put!(out, "<ul class=\"tasks\">\n{}</ul>\n", tasks.iter().map(task).collect::<String>());
        }
        Part::Choices { question, options } => {
            let option = |(label, about): &(String, String)| {
                let about = if about.is_empty() { String::new() } else { format!(" — {}", escape(about)) };
                format!("<li><strong>{}</strong>{about}</li>\n", escape(label))
            };
            let options: String = options.iter().map(option).collect();
            put!(out, "<p>{}</p>\n<ul>\n{options}</ul>\n", escape(question));
        }
        Part::Markdown(text) => {
            out.push_str("<div class=\"plan\">\n");
            markdown::render(out, text);
            out.push_str("</div>\n");
        }
        Part::Output { text, failed } => {
            let class = if *failed { "out bad" } else { "out" };
            // The first line end after the tag would be dropped.
            put!(out, "<pre class=\"{class}\">\n{}</pre>\n", escape(text.trim_end()));
        }
    }
}

fn code_block(out: &mut String, language: &str, text: &str) {
    out.push_str("<pre><code>");
    for (number, line) in highlight::lines(language, text).iter().enumerate() {
        out.push_str(if number > 0 { "\n" } else { "" });
        line_of(out, line);
    }
    out.push_str("</code></pre>\n");
}

fn line_of(out: &mut String, line: &[highlight::Span<'_>]) {
    for (class, text) in line {
        match letter(*class) {
            "" => out.push_str(&escape(text)),
            letter => {
                put!(out, "<span class=\"{letter}\">{}</span>", escape(text));
            }
        }
    }
}

const fn letter(class: Class) -> &'static str {
    match class {
        Class::Plain => "",
        Class::Comment => "c",
        Class::String => "s",
        Class::Number => "n",
        Class::Keyword => "k",
        Class::Constant => "v",
        Class::Type => "t",
        Class::Function => "f",
        Class::Key => "a",
        Class::Added => "ins",
        Class::Removed => "del",
    }
}

fn diff(out: &mut String, language: &str, lines: &[Line<'_>]) {
    out.push_str("<pre class=\"diff\"><code>");
    for line in lines {
        let (class, mark, text) = match line {
            Line::Same(text) => ("", ' ', text),
            Line::Removed(text) => (" class=\"del\"", '-', text),
            Line::Added(text) => (" class=\"ins\"", '+', text),
        };
        put!(out, "<span{class}>{mark}");
        let text = clean(text);
        highlight::lines(language, &text).iter().for_each(|line| line_of(out, line));
        // Of use to whoever copies it; within a block it takes no room.
        out.push_str("\n</span>");
    }
    out.push_str("</code></pre>\n");
}
