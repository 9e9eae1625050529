//! What goes wrong, by script.

use std::time::Duration;

use super::refusal::Refusal;

/// What becomes of a call instead of an ordinary answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// 429 with this many seconds; not handled.
    TooMany(u64),
    /// 500 in Telegram's words, other 5xx as its front servers say them (HTML); not handled.
    Server(u16),
    /// 400 with these words behind `Bad Request: `; not handled.
    BadRequest(&'static str),
    /// 403 with these words behind `Forbidden: `; not handled.
    Forbidden(&'static str),
    /// 401; not handled.
    Unauthorized,
    /// 409 as when another poll has come; not handled.
    Conflict,
    /// This status and body, whatever they are; not handled.
    Answer(u16, &'static str),
    /// The connection breaks before the call is handled.
    Cut,
    /// Handled, then the connection breaks before a byte of the answer.
    LoseAnswer,
    /// Handled, then the connection breaks in the middle of the answer.
    HalfAnswer,
    /// Handled only after this time.
    Delay(Duration),
    /// Handled at once, answered only after this time.
    DelayAnswer(Duration),
    /// Handled only when the test opens the gate ([`release`](super::BotApi::release)).
    Hold(&'static str),
    /// Handled at once, answered only when the test opens the gate.
    HoldAnswer(&'static str),
}

/// An answer in the place of handling.
pub(super) enum Instead {
    Refusal(Refusal),
    Raw(u16, &'static str, String),
    Cut,
}

impl Fault {
    /// What is answered without handling the call; `None`: it is handled.
    pub(super) fn instead(&self) -> Option<Instead> {
        let refusal = match self {
            Self::TooMany(seconds) => Refusal::too_many(*seconds),
            Self::Server(500) => Refusal::new(500, "Internal Server Error"),
            Self::BadRequest(words) => Refusal::bad(words),
            Self::Forbidden(words) => Refusal::forbidden(words),
            Self::Unauthorized => Refusal::unauthorized(),
            Self::Conflict => Refusal::other_poll(),
            Self::Server(status) => {
                let words = match status {
                    502 => "502 Bad Gateway",
                    503 => "503 Service Unavailable",
                    504 => "504 Gateway Time-out",
                    _ => "Server Error",
                };
                let page =
                    format!("<html>\r\n<head><title>{words}</title></head>\r\n<body></body>\r\n</html>\r\n");
                return Some(Instead::Raw(*status, "text/html", page));
            }
            Self::Answer(status, body) => {
                return Some(Instead::Raw(*status, "application/json", (*body).to_owned()));
            }
            Self::Cut => return Some(Instead::Cut),
            _ => return None,
        };
        Some(Instead::Refusal(refusal))
    }
}

#[derive(Debug)]
struct Script {
    left: usize,
    /// Any, if `None`.
    method: Option<String>,
    chat: Option<i64>,
    fault: Fault,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    scripts: Vec<Script>,
}

impl Faults {
    pub(super) fn add(&mut self, times: usize, method: &str, chat: Option<i64>, fault: Fault) {
        let method = Some(method.to_owned()).filter(|method| method != "*");
        self.scripts.push(Script { left: times, method, chat, fault });
    }

    /// The fault of this call: that of the oldest script that fits.
    pub(super) fn take(&mut self, method: &str, chat: Option<i64>) -> Option<Fault> {
        let fits = |script: &Script| {
            script.left > 0
                && script.method.as_ref().is_none_or(|known| known.eq_ignore_ascii_case(method))
                && script.chat.is_none_or(|known| Some(known) == chat)
        };
        let script = self.scripts.iter_mut().find(|script| fits(script))?;
        script.left -= 1;
        let fault = script.fault.clone();
        self.scripts.retain(|script| script.left > 0);
        Some(fault)
    }

    pub(super) fn clear(&mut self) {
        self.scripts.clear();
    }
}
