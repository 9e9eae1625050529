//! What is typed at the terminal: a line, a yes or a no.

use std::io::BufRead as _;

use super::ctx::Ctx;
use crate::error::{Error, Result};

/// Asks on stderr; only a yes is a yes.
pub(crate) fn yes(ctx: &Ctx, question: &str) -> Result<bool> {
    ctx.screen.talk(question);
    let line = line()?;
    if line.is_empty() {
        // End of input leaves the cursor behind the question.
        ctx.screen.talk("\n");
    }
    Ok(means_yes(&line))
}

/// A line as it was typed; empty at the end of the input.
pub(crate) fn line() -> Result<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Error::failed(format!("cannot read from the terminal: {error}")))?;
    Ok(line)
}

fn means_yes(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(means_yes("y\n") && means_yes(" YES "));
        assert!(!means_yes("") && !means_yes("yep") && !means_yes("n"));
    }
}
