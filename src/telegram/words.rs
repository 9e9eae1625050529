//! How things are said in a chat: states, ages, amounts, refusals. Pure.

use std::path::Path;

use jiff::Timestamp;

use super::render::{Rich, Style};
use super::view::View;
use crate::error::Error;
use crate::model::{Decision, Scope, SessionState};

/// A text on one line, of at most so many characters: for names, labels and beginnings of texts.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > most * 4 {
            break;
        }
    }
    cut(&line, most)
}

/// At most so many characters; an ellipsis shows that something is missing.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Glyph and word.
pub(crate) const fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Busy => "▶ busy",
        SessionState::Waiting => "❗ waiting",
        SessionState::Idle => "● idle",
        SessionState::Asleep => "○ asleep",
        SessionState::Crashed => "✗ crashed",
        SessionState::HandedOver => "↗ handed over",
        SessionState::Archived => "▪ archived",
    }
}

/// How long ago, in one unit: `now`, `5m`, `3h`, `12d`.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    match now.as_second().saturating_sub(then.as_second()).max(0) {
        ..60 => "now".to_owned(),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// `5m ago`, `just now`.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    match age(then, now).as_str() {
        "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    }
}

/// `1 prompt`, `2 prompts`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

pub(crate) fn bytes(count: u64) -> String {
    match count {
        ..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KB", count / 1024),
        _ => format!("{}.{} MB", count >> 20, ((count % (1 << 20)) * 10) >> 20),
    }
}

/// A path with the home directory as `~`.
pub(crate) fn path(path: &Path, home: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Ok(below) => format!("~/{}", below.display()),
        Err(_) => path.display().to_string(),
    }
}

/// What a decision was, behind "it is".
pub(crate) fn decision(decision: &Decision) -> String {
    match decision {
        Decision::Allow { scope: Scope::Once } => "allowed".to_owned(),
        Decision::Allow { scope: Scope::Session } => "allowed for this session".to_owned(),
        Decision::Allow { scope: Scope::Always } => "allowed from now on".to_owned(),
        Decision::Deny { message: None } => "denied".to_owned(),
        Decision::Deny { message: Some(why) } => format!("denied: {}", line(why, 300)),
        Decision::Answers { answers } => {
            let answers: Vec<&str> = answers.values().map(String::as_str).collect();
            format!("answered: {}", line(&answers.join("; "), 300))
        }
    }
}

/// What the host says against something. Its hints are for a shell, so only those are given that name no command.
pub(crate) fn refusal(error: &Error) -> View {
    let mut rich = Rich::default();
    rich.push("✗ ", Style::Plain).push(&sentence(&error.message), Style::Plain);
    if let Some(hint) = error.hint.as_deref().filter(|hint| is_for_a_chat(hint)) {
        rich.push("\n", Style::Plain).push(&sentence(hint), Style::Italic);
    }
    if !error.candidates.is_empty() {
        rich.push(&format!("\nPerhaps: {}", error.candidates.join(", ")), Style::Plain);
    }
    View::new(rich)
}

fn is_for_a_chat(hint: &str) -> bool {
    !hint.contains("claudebot ") && !hint.contains("--")
}

/// Begins large, ends in a full stop.
pub(crate) fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let head: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let end = if words.ends_with(['.', '?', '!', '…']) { "" } else { "." };
    format!("{head}{}{end}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_short() {
        for (text, most, wanted) in [
            ("  a\n\tb  ", 9, "a b"),
            ("abcdef", 4, "abc…"),
            ("äöüß", 4, "äöüß"),
            ("a\u{7}b", 9, "a b"),
            ("", 3, ""),
            ("😀😀😀", 2, "😀…"),
        ] {
            assert_eq!(line(text, most), wanted, "{text:?}");
        }
        assert!(line(&"x ".repeat(100_000), 10).ends_with('…'));
    }

    #[test]
    fn ages_amounts_and_paths_read_well() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (then, words) in [
            ("2026-11-22T11:59:30Z", "just now"),
            ("2026-11-22T13:00:00Z", "just now"),
            ("2026-11-22T11:55:00Z", "5m ago"),
            ("2026-11-22T09:00:00Z", "3h ago"),
            ("2026-11-10T12:00:00Z", "12d ago"),
        ] {
            assert_eq!(ago(then.parse().unwrap(), now), words);
        }
        assert_eq!([bytes(7), bytes(2048), bytes(26_000_000)], ["7 B", "2 KB", "24.7 MB"]);
        let home = Path::new("/home/me");
        for (given, wanted) in [("/home/me/a", "~/a"), ("/home/me", "~"), ("/home/meg", "/home/meg")] {
            assert_eq!(path(Path::new(given), home), wanted);
        }
    }

    #[test]
    fn a_refusal_says_what_helps_in_a_chat() {
        let error = Error::usage("the name is taken").hint("choose another one");
        assert_eq!(refusal(&error).rich.text, "✗ The name is taken.\nChoose another one.");
        let error = Error::not_found("no session is named x")
            .hint("`claudebot session list` shows them all")
            .candidates(vec!["y".to_owned()]);
        assert_eq!(refusal(&error).rich.text, "✗ No session is named x.\nPerhaps: y");
    }
}
