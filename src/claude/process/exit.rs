//! How a process ended, and what that means.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::claude::wire::UNKNOWN_CONVERSATION;

/// The end of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// We closed its stdin or stopped it before it ended.
    pub(crate) asked: bool,
    pub(crate) reason: ExitReason,
    /// The end of what it wrote there.
    pub(crate) stderr: String,
    /// The last failure it reported as a message.
    pub(crate) failure: Option<String>,
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitReason {
    /// As we asked.
    Stopped,
    /// By itself, with code 0, although its stdin was open.
    Finished,
    /// The account must log in. Claude stays and says so in its replies; this is for starts that end.
    NotLoggedIn,
    /// `--resume` with an id that is not stored.
    UnknownConversation,
    /// `--session-id` with an id that is stored already.
    ConversationInUse,
    /// An option or a file named by one that this release does not take.
    BadOption,
    /// We wrote what it cannot read.
    BadInput,
    /// By a signal that was not ours.
    Killed(i32),
    Other,
}

impl Exit {
    pub(super) fn new(
        status: std::io::Result<ExitStatus>,
        asked: bool,
        stderr: String,
        failure: Option<String>,
    ) -> Self {
        let status = status.ok();
        let code = status.and_then(|status| status.code());
        let signal = status.and_then(|status| status.signal());
        let reason =
            if asked { ExitReason::Stopped } else { reason(code, signal, &stderr, failure.as_deref()) };
        Self { code, signal, asked, reason, stderr, failure }
    }

    /// For a process whose end nobody saw.
    pub(super) fn lost(stderr: String) -> Self {
        Self { code: None, signal: None, asked: false, reason: ExitReason::Other, stderr, failure: None }
    }

    /// Whether it ended on its own although it was to stay.
    #[cfg(test)]
    pub(crate) fn is_crash(&self) -> bool {
        self.reason != ExitReason::Stopped
    }
}

fn reason(code: Option<i32>, signal: Option<i32>, stderr: &str, failure: Option<&str>) -> ExitReason {
    if let Some(signal) = signal {
        return ExitReason::Killed(signal);
    }
    match code {
        Some(0) => return ExitReason::Finished,
        // Claude catches SIGTERM and SIGHUP, and tells of them as a shell would.
        Some(code @ 129..=159) => return ExitReason::Killed(code - 128),
        _ => {}
    }
    let said = |words: &[&str]| {
        words
            .iter()
            .any(|words| stderr.contains(words) || failure.is_some_and(|failure| failure.contains(words)))
    };
    if said(&[UNKNOWN_CONVERSATION]) {
        ExitReason::UnknownConversation
    } else if said(&["is already in use"]) {
        ExitReason::ConversationInUse
    } else if said(&["Error parsing streaming input line"]) {
        ExitReason::BadInput
    } else if said(&["error: unknown option", "error: option '", "Error: Invalid ", "file not found"]) {
        ExitReason::BadOption
    } else if said(&["Not logged in", "Please run /login", "Invalid API key"]) {
        ExitReason::NotLoggedIn
    } else {
        ExitReason::Other
    }
}

impl fmt::Display for Exit {
    /// What it did, to follow its name: a sentence without a full stop, for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            ExitReason::Stopped => return f.write_str("was stopped"),
            ExitReason::Finished => f.write_str("ended by itself")?,
            ExitReason::Killed(signal) => return write!(f, "was killed by signal {signal}"),
            ExitReason::NotLoggedIn => f.write_str("is not logged in")?,
            ExitReason::UnknownConversation => f.write_str("does not know the conversation")?,
            ExitReason::ConversationInUse => f.write_str("says that the conversation exists already")?,
            ExitReason::BadOption => f.write_str("refused its options")?,
            ExitReason::BadInput => f.write_str("could not read a message")?,
            ExitReason::Other => match self.code {
                Some(code) => write!(f, "exited with code {code}")?,
                None => f.write_str("ended in an unknown way")?,
            },
        }
        match self.last_words() {
            Some(words) => write!(f, ": {words}"),
            None => Ok(()),
        }
    }
}

impl Exit {
    /// The line that most likely says what happened: what it reported, else the last that looks like an
    /// error, else the last one.
    fn last_words(&self) -> Option<&str> {
        let lines = || self.stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        let error = lines().rfind(|line| line.to_ascii_lowercase().starts_with("error"));
        self.failure.as_deref().or(error).or_else(|| lines().next_back())
    }
}
