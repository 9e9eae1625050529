//! Small words that several parts put into messages. Pure.

use super::render::{Rich, Style};
use super::words;

/// A session's name in front of a message is cut to this.
const LONGEST_NAME: usize = 64;

/// What a tool does, in one line on a telephone.
const LONGEST_LINE: usize = 80;

/// Whose message it is, on a line of its own.
pub(crate) fn heading(name: &str) -> Rich {
    let mut rich = Rich::default();
    rich.push(&words::line(name, LONGEST_NAME), Style::Bold).push("\n", Style::Plain);
    rich
}

/// `⚙ Bash: ls`
pub(crate) fn tool_line(words: &str) -> String {
    format!("⚙ {}", words::line(words, LONGEST_LINE))
}

/// `14 tools`
pub(crate) fn tools(count: u32) -> String {
    if count == 1 { "1 tool".to_owned() } else { format!("{count} tools") }
}

/// `12s`, `4m12s`, `1h05m`
pub(crate) fn took(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// `✓ 4m12s · 14 tools`: what is left of a live message, or stands for a turn without words.
pub(crate) fn done(took_ms: u64, count: u32) -> Rich {
    let mut words = format!("✓ {}", took(took_ms.div_ceil(1000)));
    if count > 0 {
        words.push_str(" · ");
        words.push_str(&tools(count));
    }
    Rich::plain(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_people_say_them() {
        for (seconds, words) in
            [(0, "0s"), (59, "59s"), (60, "1m00s"), (252, "4m12s"), (3599, "59m59s"), (3900, "1h05m")]
        {
            assert_eq!(took(seconds), words);
        }
        assert_eq!(done(251_001, 14).text, "✓ 4m12s · 14 tools");
        assert_eq!(done(200, 0).text, "✓ 1s");
        assert_eq!(done(1000, 1).text, "✓ 1s · 1 tool");
    }

    #[test]
    fn a_heading_is_one_line() {
        let heading = heading("a\nb");
        assert_eq!((heading.text.as_str(), heading.entities.len()), ("a b\n", 1));
    }
}
