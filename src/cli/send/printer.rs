//! The reply on stdout and what goes along with it on stderr, which may be one and the same terminal.

use std::borrow::Cow;

use serde::Serialize;

use crate::cli::screen::{Out, Screen, Stop};
use crate::cli::text::{self, Stripper};

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
    /// Something that is not the reply stands in the line: a question, or the echo of Ctrl-C.
    taken: bool,
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
            taken: false,
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
        if visible.is_empty() {
            return Ok(());
        }
        if self.taken {
            self.margin();
        }
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
            self.screen.note(&self.brief(line));
        }
    }

    /// What a tool is called with may be long; the question and the log have all of it.
    fn brief<'a>(&self, line: &'a str) -> Cow<'a, str> {
        match self.screen.talk_columns {
            Some(columns) if line.starts_with('⚙') => {
                Cow::Owned(text::cut(&text::clean(line), columns).into_owned())
            }
            _ => Cow::Borrowed(line),
        }
    }

    /// The next words on stderr start at the margin, even where stdout is the same terminal.
    pub(crate) fn margin(&mut self) {
        if self.mid_line || self.taken {
            self.screen.talk("\n");
            self.broken = self.mid_line;
            self.mid_line = false;
            self.taken = false;
        }
    }

    /// A question was printed and waits in the line, or does no longer.
    pub(crate) fn take_line(&mut self, taken: bool) {
        self.taken = taken;
    }

    /// The terminal has echoed `^C`.
    pub(crate) fn interrupted(&mut self) {
        self.taken |= self.screen.stdin_is_terminal && self.screen.stderr_is_terminal;
    }

    /// Whether a question can be printed without tearing anything apart.
    pub(crate) const fn at_margin(&self) -> bool {
        !self.mid_line && !self.taken
    }

    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        if self.json {
            self.out.json(value)?;
            self.out.flush()?;
        }
        Ok(())
    }
}
