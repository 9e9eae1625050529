//! The document in Markdown, in the form that GitHub and most editors read.

mod escape;
mod reply;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::call::{Call, Outcome, Part, Task};
use super::clean::one_line;
use super::diff::Line;
use super::link;
use super::piece::{self, Piece};
use super::survey::Survey;
use super::{LONG, Place};
use escape::{code, fence, inline, quote, typed};

pub(super) fn begin(
    out: &mut String,
    name: &str,
    facts: &[(&str, String)],
    survey: &Survey,
    zone: &TimeZone,
) {
    out.push_str(&format!("# {}\n\n", inline(&one_line(name))));
    for (name, value) in facts {
        out.push_str(&format!("- {name}: {}\n", inline(value)));
    }
    out.push('\n');
    if survey.prompts.len() < LONG {
        return;
    }
    out.push_str("## Prompts\n\n");
    for prompt in &survey.prompts {
        let (at, title) = (piece::date_and_time(prompt.at, zone), inline(&prompt.title));
        out.push_str(&format!("- [{}](#prompt-{}) {at} {title}\n", prompt.seq, prompt.seq));
    }
    out.push('\n');
}

/// What follows belongs to an earlier prompt, or to one that waited.
pub(super) fn turns_to(out: &mut String, prompt: u64) {
    out.push_str(&format!("*For [prompt {prompt}](#prompt-{prompt}):*\n\n"));
}

/// A piece, and what a subagent did for it.
pub(super) fn piece(out: &mut String, piece: &Piece<'_>, place: &Place<'_>, inside: Option<&[Inner<'_>]>) {
    match piece {
        Piece::Prompt { text, files, how } => {
            let Place { seq, at, zone } = place;
            out.push_str(&format!("<a id=\"prompt-{seq}\"></a>\n\n"));
            out.push_str(&format!("## Prompt {seq} · {}\n\n", piece::date_and_time(*at, zone)));
            out.push_str(&how.map(|how| format!("*{how}*\n\n")).unwrap_or_default());
            out.push_str(&typed(text));
            let files: Vec<_> = files.iter().map(|file| code(file)).collect();
            if !files.is_empty() {
                out.push_str(&format!("\nAttached: {}\n", files.join(", ")));
            }
            out.push('\n');
        }
        Piece::Ended { words, .. } => {
            out.push_str(&format!("*{} · {}*\n\n", piece::time(place.at, place.zone), inline(words)));
        }
        piece => {
            out.push_str(&said(piece, inside.unwrap_or_default()));
        }
    }
}

/// Something a subagent said or did.
type Inner<'e> = (Timestamp, Piece<'e>);

/// What a subagent said and did, for a call that is not certain.
pub(super) fn inside(out: &mut String, number: usize, pieces: &[Inner<'_>]) {
    out.push_str(&quote(&format!("*Subagent {number}*\n\n{}", within(pieces))));
    out.push('\n');
}

fn within(pieces: &[Inner<'_>]) -> String {
    let text: String = pieces.iter().map(|(_, piece)| said(piece, &[])).collect();
    text.trim_end().to_owned() + "\n"
}

/// What has no place of its own, with an empty line behind it.
fn said(piece: &Piece<'_>, inside: &[Inner<'_>]) -> String {
    match piece {
        Piece::Reply(text) => reply::contained(text) + "\n",
        Piece::Call(call) => tool(call, inside),
        Piece::Asked { title, parts } => {
            format!("**{title}**\n\n") + &parts.iter().map(part).collect::<String>()
        }
        Piece::Answered { words, answers } => {
            let mut text = format!("**{}**\n\n", inline(words));
            for (question, answer) in answers {
                text.push_str(&format!("- {} **{}**\n", inline(question), inline(answer)));
            }
            text.push_str(if answers.is_empty() { "" } else { "\n" });
            text
        }
        Piece::Notice(text) => format!("{}\n", quote(&format!("**Note:** {}", inline(&one_line(text))))),
        Piece::File { name, about, caption } => {
            let caption = caption.as_deref().map(|caption| format!("\n\n{}", inline(caption)));
            format!("**File sent:** {} — {}{}\n\n", code(name), code(about), caption.unwrap_or_default())
        }
        Piece::Prompt { text, .. } => typed(text) + "\n",
        Piece::Ended { words, .. } => format!("*{}*\n\n", inline(words)),
    }
}

fn tool(call: &Call<'_>, inside: &[Inner<'_>]) -> String {
    let how = match call.outcome {
        Outcome::Done => "",
        Outcome::Failed => " — failed",
        Outcome::Cut => " — cut off",
    };
    let summary = if call.summary.is_empty() { String::new() } else { format!(" {}", code(&call.summary)) };
    let parts = |parts: &[Part<'_>]| -> String {
        parts.iter().filter(|part| !repeats(part, call)).map(part).collect()
    };
    let (before, output) = call.around_output();
    let inside = if inside.is_empty() { String::new() } else { quote(&within(inside)) + "\n" };
    format!("⚙ **{}**{summary}{how}\n\n{}{inside}{}", inline(&call.name), parts(before), parts(output))
}

/// What the line above says already.
fn repeats(part: &Part<'_>, call: &Call<'_>) -> bool {
    match part {
        Part::Line(text) => *text == call.summary,
        Part::Code { language, text } => language == "sh" && *text == call.summary,
        _ => false,
    }
}

fn part(part: &Part<'_>) -> String {
    let text = match part {
        Part::Line(text) => inline(text) + "\n",
        Part::Code { language, text } => fence(language, text),
        Part::Diff { lines, .. } => fence("diff", &lines.iter().map(diff_line).collect::<String>()),
        Part::Tasks(tasks) => tasks.iter().map(task).collect(),
        Part::Choices { question, options } => {
            let option = |(label, about): &(String, String)| {
                let about = if about.is_empty() { String::new() } else { format!(" — {}", inline(about)) };
                format!("- {}{about}\n", inline(label))
            };
            format!("{}\n\n{}", inline(question), options.iter().map(option).collect::<String>())
        }
        Part::Markdown(text) => quote(&reply::contained(text)),
        Part::Output { text, .. } => fence("text", text.trim_end()),
    };
    text + "\n"
}

fn diff_line(line: &Line<'_>) -> String {
    let (mark, text) = match line {
        Line::Same(text) => (' ', text),
        Line::Removed(text) => ('-', text),
        Line::Added(text) => ('+', text),
    };
    format!("{mark}{}\n", super::clean::clean(text))
}

fn task((state, text): &(Task, String)) -> String {
    match state {
        Task::Open => format!("- [ ] {}\n", inline(text)),
        Task::Active => format!("- [ ] **{}**\n", inline(text)),
        Task::Done => format!("- [x] {}\n", inline(text)),
    }
}
