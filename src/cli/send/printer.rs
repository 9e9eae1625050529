//! The reply on stdout and what goes along with it on stderr, which may be one and the same terminal.

use serde::Serialize;

use crate::cli::screen::{Out, Screen, Stop};
use crate::cli::text::Stripper;

#[derive(Debug)]
pub(crate) struct Printer {
    screen: Screen,
    out: Out,
    stripper: Stripper,
    json: bool,
    /// The reply stands in the middle of a line.
    mid_line: bool,
    /// A note ended that line, so the reply's own newline there is done.
    broken: bool,
}

impl Printer {
    pub(crate) fn new(screen: Screen, json: bool) -> Self {
        Self {
            screen,
            out: screen.out(),
            stripper: Stripper::default(),
            json,
            mid_line: false,
            broken: false,
        }
    }

    /// A piece of the reply, at once. With `--json` the events carry it.
    pub(crate) fn reply(&mut self, text: &str) -> Result<(), Stop> {
        if self.json || text.is_empty() {
            return Ok(());
        }
        if !self.screen.stdout_is_terminal {
            self.out.raw(text.as_bytes())?;
            return self.out.flush();
        }
        let visible = self.stripper.feed(text);
        let rest = if self.broken { visible.strip_prefix('\n').unwrap_or(&visible) } else { &visible };
        self.broken = false;
        self.mid_line = !visible.ends_with('\n');
        self.out.raw(rest.as_bytes())?;
        self.out.flush()
    }

    /// A line beside the reply.
    pub(crate) fn note(&mut self, line: &str) {
        if !self.json {
            self.margin();
            self.screen.note(line);
        }
    }

    /// The next words on stderr start at the margin, even where stdout is the same terminal.
    pub(crate) fn margin(&mut self) {
        if self.mid_line {
            self.screen.talk("\n");
            self.mid_line = false;
            self.broken = true;
        }
    }

    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        if self.json {
            self.out.json(value)?;
            self.out.flush()?;
        }
        Ok(())
    }
}
