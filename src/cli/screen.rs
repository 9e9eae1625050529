//! Where output goes: stdout is data, stderr is talk.
//!
//! What a reader of stdout does is not our failure: when it is closed, a command ends quietly with code 0.
//! stdout is exact unless it is a terminal; a terminal never gets control sequences that came from outside.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::fd::AsFd;

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use super::text;
use crate::error::{Error, Kind};
use crate::paths::Env;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    Error(Error),
    /// Nobody reads stdout any more.
    Closed,
}

/// What a command ends with: its exit code, or why it ended early.
pub(crate) type Finish = Result<u8, Stop>;

pub(crate) const DONE: u8 = 0;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Only for errors of writing to stdout; other files have [`Error::io`], which names the path.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Error(Error::failed(format!("cannot write to stdout: {error}")))
    }
}

/// What the three standard streams are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    pub(crate) stdin_is_terminal: bool,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
    colour: bool,
    /// Columns of the terminal at stdout, if it is one.
    pub(crate) columns: Option<usize>,
    /// Columns of the terminal at stderr, if it is one.
    pub(crate) talk_columns: Option<usize>,
}

impl Screen {
    pub(crate) fn of_process(env: &Env) -> Self {
        let stdout_is_terminal = io::stdout().is_terminal();
        let stderr_is_terminal = io::stderr().is_terminal();
        let dumb = env.get("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal,
            stderr_is_terminal,
            colour: env.get("NO_COLOR").is_none() && !dumb,
            columns: stdout_is_terminal.then(|| columns(io::stdout(), env)),
            talk_columns: stderr_is_terminal.then(|| columns(io::stderr(), env)),
        }
    }

    pub(crate) const fn colour_on_stdout(&self) -> bool {
        self.colour && self.stdout_is_terminal
    }

    /// A person sits there and can be asked.
    pub(crate) const fn can_ask(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal
    }

    /// stdout for data: buffered, so flush before waiting for anything.
    pub(crate) fn out(&self) -> Out {
        Out { to: BufWriter::with_capacity(64 * 1024, io::stdout()), clean: self.stdout_is_terminal }
    }

    /// One line of talk on stderr, with nothing in it that a terminal would obey.
    pub(crate) fn say(&self, line: &str) {
        self.talk(&format!("{}\n", self.wrapped(&text::clean(line), 0, 0)));
    }

    /// Words on stderr as they are; the caller has cleaned what came from outside.
    pub(crate) fn talk(&self, words: &str) {
        Self::tell(words);
    }

    /// The same where no screen is at hand.
    pub(crate) fn tell(words: &str) {
        let mut to = io::stderr().lock();
        // There is no one left to tell when stderr itself fails.
        to.write_all(words.as_bytes()).and_then(|()| to.flush()).ok();
    }

    /// A note that is less important than the reply.
    pub(crate) fn note(&self, line: &str) {
        self.talk(&format!("{}\n", self.dim(&self.wrapped(&text::clean(line), 0, 2))));
    }

    pub(crate) fn dim(&self, words: &str) -> String {
        self.paint(words, Style::new().dimmed(), self.stderr_is_terminal)
    }

    /// Black on white on stderr, whatever the terminal's own colours: for what a camera is to read.
    pub(crate) fn on_paper(&self, picture: &str) -> String {
        let paper = AnsiColor::Black.on(AnsiColor::BrightWhite);
        let lines = picture.lines().map(|line| self.paint(line, paper, self.stderr_is_terminal) + "\n");
        lines.collect()
    }

    /// Bold on stdout, where that is a terminal.
    pub(crate) fn strong(&self, words: &str) -> String {
        self.paint(words, Style::new().bold(), self.stdout_is_terminal)
    }

    /// A colour on stdout, where that is a terminal.
    pub(crate) fn tint(&self, words: &str, colour: AnsiColor) -> String {
        self.paint(words, colour.on_default(), self.stdout_is_terminal)
    }

    fn paint(&self, words: &str, style: Style, terminal: bool) -> String {
        if self.colour && terminal { format!("{style}{words}{style:#}") } else { words.to_owned() }
    }

    /// `error: …`, the candidates and the hint; returns the exit code.
    pub(crate) fn complain(&self, error: &Error) -> u8 {
        let red = AnsiColor::Red.on_default().bold();
        let mut words = self.paint("error:", red, self.stderr_is_terminal);
        for (number, line) in text::clean(&error.message).split('\n').enumerate() {
            let (space, first) = if number == 0 { (" ", 7) } else { ("", 0) };
            words.push_str(&format!("{space}{}\n", self.wrapped(line, first, 4)));
        }
        if !error.candidates.is_empty() {
            let candidates = text::one_line(&error.candidates.join(", ")).into_owned();
            words.push_str(&format!("  did you mean: {}?\n", self.wrapped(&candidates, 16, 16)));
        }
        if let Some(hint) = &error.hint {
            words.push_str(&format!("  hint: {}\n", self.wrapped(&text::clean(hint), 8, 8)));
        }
        self.talk(&words);
        error.kind.exit_code()
    }

    /// Words for stderr, broken between words where that is a terminal; see [`text::wrap`].
    fn wrapped(&self, words: &str, first: usize, margin: usize) -> String {
        text::wrap(words, first, margin, self.talk_columns.unwrap_or(usize::MAX))
    }

    /// Turns the end of a command into its exit code, saying what has to be said.
    pub(crate) fn finish(&self, finish: Finish) -> u8 {
        match finish {
            Ok(code) => code,
            Err(Stop::Closed) => DONE,
            Err(Stop::Error(error)) => self.complain(&error),
        }
    }
}

fn columns(terminal: impl AsFd, env: &Env) -> usize {
    let asked = rustix::termios::tcgetwinsize(terminal).ok().map(|size| usize::from(size.ws_col));
    let told = || env.get("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
    asked.filter(|&columns| columns > 0).or_else(told).unwrap_or(80)
}

/// stdout. Bytes are exact unless it is a terminal.
#[derive(Debug)]
pub(crate) struct Out {
    to: BufWriter<io::Stdout>,
    clean: bool,
}

impl Out {
    /// A line of ours, which may hold our own colours; what came from outside was cleaned before.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Stop> {
        self.to.write_all(line.as_bytes())?;
        self.to.write_all(b"\n")?;
        Ok(())
    }

    /// Text from outside, with its newlines.
    pub(crate) fn text(&mut self, words: &str) -> Result<(), Stop> {
        if self.clean {
            self.to.write_all(text::clean(words).as_bytes())?;
        } else {
            self.to.write_all(words.as_bytes())?;
        }
        Ok(())
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.to.write_all(bytes)?;
        Ok(())
    }

    /// One line of exact JSON. On a terminal serde_json's escaping keeps control characters harmless.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        serde_json::to_writer(&mut self.to, value).map_err(|error| match error.io_error_kind() {
            Some(kind) => Stop::from(io::Error::from(kind)),
            None => Stop::Error(Error::new(Kind::Failed, format!("cannot write JSON: {error}"))),
        })?;
        self.to.write_all(b"\n")?;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        self.to.flush()?;
        Ok(())
    }
}

#[cfg(test)]
impl Screen {
    /// No terminal anywhere.
    pub(crate) const fn plain() -> Self {
        Self {
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            colour: false,
            columns: None,
            talk_columns: None,
        }
    }
}
