//! Text that is to be seen in Markdown as it is.

/// Words within a line: every character stands for itself.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut before = '\n';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or('\n');
        let is_special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' | '$' => true,
            '_' => !(before.is_alphanumeric() && next.is_alphanumeric()),
            '&' => next == '#' || next.is_ascii_alphanumeric(),
            '#' | '>' | '+' | '-' | '=' | ':' => before == '\n',
            // A list, if only digits stand before it.
            '.' | ')' => is_number(&escaped) && (next.is_whitespace()),
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

/// The line so far is nothing but digits.
fn is_number(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or(text);
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// A piece of code within a line.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') || is_padded(text) { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// One space on each side would be taken away.
fn is_padded(text: &str) -> bool {
    text.starts_with(' ') && text.ends_with(' ') && !text.trim().is_empty()
}

/// A block of code, however many fences are in it.
pub(super) fn fence(language: &str, text: &str) -> String {
    let ticks = "`".repeat((longest_run(text) + 1).max(3));
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{ticks}{language}\n{text}{newline}{ticks}\n")
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Puts `> ` before every line.
pub(super) fn quote(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { ">\n".to_owned() } else { format!("> {line}\n") };
    text.lines().map(line).collect()
}

/// Words of a person: quoted with their line breaks, or as a block where their form matters.
pub(super) fn typed(text: &str) -> String {
    const MOST_LINES: usize = 40;
    let text = text.trim_matches('\n').trim_end();
    let has_form =
        |line: &str| line.starts_with([' ', '\t']) || line.starts_with("```") || line.contains("  ");
    if text.lines().any(has_form) || text.lines().count() > MOST_LINES {
        return fence("text", text);
    }
    let mut quoted = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let goes_on = !line.is_empty() && lines.peek().is_some_and(|next| !next.is_empty());
        quoted.push_str(&inline(line.trim_end()));
        quoted.push_str(if goes_on { "\\\n" } else { "\n" });
    }
    quote(&quoted)
}
