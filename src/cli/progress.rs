//! One line of progress that rewrites itself, on a terminal only.

use std::time::{Duration, Instant};

use super::screen::Screen;
use super::text;

/// Before that there is no telling how long the rest takes.
const FIRST_GUESS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Progress {
    screen: Screen,
    shown: String,
    /// The step at hand: its words, and when it began.
    step: Option<(String, Instant)>,
}

impl Progress {
    pub(crate) const fn new(screen: Screen) -> Self {
        Self { screen, shown: String::new(), step: None }
    }

    /// `done` of `total` bytes (0: not known), of what these words name.
    pub(crate) fn show(&mut self, done: u64, total: u64, what: &str) {
        if !self.screen.stderr_is_terminal {
            return;
        }
        let begun = match &self.step {
            Some((step, begun)) if step == what => *begun,
            _ => self.step.insert((what.to_owned(), Instant::now())).1,
        };
        let words = words(done, total, what, left(begun.elapsed(), done, total));
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

/// How long the rest takes, if it goes on as it went.
fn left(elapsed: Duration, done: u64, total: u64) -> Option<Duration> {
    if elapsed < FIRST_GUESS || done == 0 || done >= total {
        return None;
    }
    Some(elapsed.mul_f64((total - done) as f64 / done as f64))
}

fn words(done: u64, total: u64, what: &str, left: Option<Duration>) -> String {
    let what = text::one_line(what);
    let Some(percent) = done.saturating_mul(100).checked_div(total) else {
        return format!("{what}: {}", text::bytes(done));
    };
    let left = left.map(|left| format!(", {} left", in_words(left.max(FIRST_GUESS)))).unwrap_or_default();
    format!("{what}: {:>3}%, {} of {}{left}", percent.min(100), text::bytes(done), text::bytes(total))
}

fn in_words(left: Duration) -> String {
    match left.as_secs() {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_where_the_whole_is_known() {
        assert_eq!(words(512, 2048, "packing", None), "packing:  25%, 512 B of 2.0 KB");
        assert_eq!(words(512, 0, "packing", None), "packing: 512 B");
    }

    #[test]
    fn the_rest_takes_as_long_as_what_is_done() {
        let guess = |secs, done| left(Duration::from_secs(secs), done, 100).map(|left| left.as_secs());
        assert_eq!([guess(0, 50), guess(10, 0), guess(10, 100)], [None; 3]);
        assert_eq!([guess(10, 50), guess(10, 25), guess(1, 99)], [Some(10), Some(30), Some(0)]);
        let line = words(3 << 30, 4 << 30, "verifying old", left(Duration::from_secs(300), 3, 4));
        assert_eq!(line, "verifying old:  75%, 3.0 GB of 4.0 GB, 1m 40s left");
    }
}
