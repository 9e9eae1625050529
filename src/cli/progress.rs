//! One line of progress that rewrites itself, on a terminal only.

use super::screen::Screen;
use super::text;

#[derive(Debug)]
pub(crate) struct Progress {
    screen: Screen,
    shown: String,
}

impl Progress {
    pub(crate) const fn new(screen: Screen) -> Self {
        Self { screen, shown: String::new() }
    }

    pub(crate) fn show(&mut self, done: u64, total: u64, what: &str) {
        if !self.screen.stderr_is_terminal {
            return;
        }
        let words = words(done, total, what);
        let line = text::cut(&words, self.screen.talk_columns.unwrap_or(80).saturating_sub(1));
        // Byte counts come faster than the words for them change.
        if line != self.shown {
            self.screen.talk(&format!("\r\u{1b}[K{line}"));
            self.shown = line.into_owned();
        }
    }

    /// Removes the line, so that what comes next starts at the margin.
    pub(crate) fn clear(&mut self) {
        if !self.shown.is_empty() {
            self.screen.talk("\r\u{1b}[K");
            self.shown.clear();
        }
    }
}

fn words(done: u64, total: u64, what: &str) -> String {
    let what = text::one_line(what);
    match (done * 100).checked_div(total) {
        Some(percent) => format!("{what}: {:>3}% of {}", percent.min(100), text::bytes(total)),
        None => format!("{what}: {}", text::bytes(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_where_the_whole_is_known() {
        assert_eq!(words(512, 2048, "packing"), "packing:  25% of 2.0 KB");
        assert_eq!(words(512, 0, "packing"), "packing: 512 B");
    }
}
