//! What to do about a call of a row that was not simply done. Pure.

use std::time::Duration;

use super::step::Step;
use crate::telegram::api::ApiError;

/// How often a call may fail inside Telegram before its formatting is suspected, and without any before it is given up.
const PATIENCE: u32 = 5;

/// How often a message is sent again of which nobody knows whether it has arrived.
const DOUBTS: u32 = 3;

/// What was tried of one call so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tries {
    /// Without formatting by now; a picture as a plain file.
    pub(super) is_plain: bool,
    /// Tries whose answers were lost. They may have had their effect.
    pub(super) doubts: u32,
    /// Tries that failed inside Telegram.
    pub(super) failures: u32,
    /// Signs that Telegram was reached, when the last try failed.
    pub(super) signs: Option<u64>,
}

impl Tries {
    /// One more has failed. While Telegram cannot be reached at all, only the first counts: no try fails for what it is.
    pub(super) fn fail(&mut self, error: &ApiError, signs: u64) {
        if self.signs.replace(signs) == Some(signs) {
            return;
        }
        match error {
            ApiError::Network { maybe_done: true, .. } | ApiError::Garbled(_) => self.doubts += 1,
            ApiError::Server { .. } => self.failures += 1,
            _ => {}
        }
    }

    /// From now on without formatting, which has to fail anew.
    pub(super) const fn go_plain(&mut self) {
        *self = Self { is_plain: true, failures: 0, ..*self };
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As good as done.
    Done,
    /// The same once more, later. `network`: as soon as anything reaches Telegram again.
    Later { network: bool },
    /// The same once more, after this time and not before; nor anything else in the chat.
    Hold(Duration),
    /// Once more, without formatting.
    Plain,
    /// Once more, in the chat instead of its topic.
    NoThread,
    /// The message that showed the turn is gone.
    NoLive,
    /// These words instead.
    Words(String),
    /// This call can never be made; the row's others may.
    Skip,
    /// Nothing can be sent to this chat.
    Blocked,
    /// The chat has this number now.
    Moved(i64),
}

/// `tries` without the call that has just failed.
pub(super) fn verdict(error: &ApiError, step: &Step, in_thread: bool, tries: Tries) -> Verdict {
    let is_file = matches!(step, Step::Upload(_));
    match error {
        ApiError::NotModified | ApiError::QueryTooOld => Verdict::Done,
        ApiError::RetryAfter(wait) => Verdict::Hold(*wait),
        ApiError::Migrated(to) => Verdict::Moved(*to),
        ApiError::Blocked(_) => Verdict::Blocked,
        // A topic that is gone needs no closing.
        ApiError::ThreadNotFound | ApiError::Refused(_) if matches!(step, Step::Topic { .. }) => {
            Verdict::Skip
        }
        ApiError::ThreadNotFound if in_thread => Verdict::NoThread,
        ApiError::MessageGone if matches!(step, Step::Edit { is_live: true, .. }) => Verdict::NoLive,
        ApiError::MessageGone if !matches!(step, Step::Send(_) | Step::Upload(_)) => Verdict::Done,
        ApiError::TooLarge if is_file => {
            Verdict::Words("it is larger than Telegram takes (50 MB)".to_owned())
        }
        ApiError::Local(why) if is_file => Verdict::Words(why.clone()),
        ApiError::Network { maybe_done: false, .. } | ApiError::Unauthorized => {
            Verdict::Later { network: true }
        }
        // Again, and not for ever: a few of the same are better than none.
        ApiError::Network { maybe_done: true, .. } | ApiError::Garbled(_) if is_repeatable(step, tries) => {
            Verdict::Later { network: true }
        }
        ApiError::Network { .. } | ApiError::Garbled(_) => Verdict::Done,
        ApiError::Server { .. } if tries.failures < PATIENCE => Verdict::Later { network: false },
        ApiError::Server { .. } if !tries.is_plain => Verdict::Plain,
        ApiError::Server { .. } if is_file => Verdict::Words(error.to_string()),
        ApiError::Server { .. } => unsendable(step),
        ApiError::Conflict(_) => Verdict::Later { network: false },
        ApiError::BadEntities(_)
        | ApiError::Refused(_)
        | ApiError::TooLarge
        | ApiError::ThreadNotFound
        | ApiError::MessageGone
        | ApiError::Local(_) => {
            if !tries.is_plain {
                Verdict::Plain
            } else if is_file {
                Verdict::Words(error.to_string())
            } else {
                unsendable(step)
            }
        }
    }
}

/// What the turn's own message does not take, a new one may.
const fn unsendable(step: &Step) -> Verdict {
    match step {
        Step::Edit { is_live: true, .. } => Verdict::NoLive,
        _ => Verdict::Skip,
    }
}

/// An edit that came twice is one edit; a message that came twice is two.
const fn is_repeatable(step: &Step, tries: Tries) -> bool {
    !matches!(step, Step::Send(_) | Step::Upload(_)) || tries.doubts < DOUBTS
}
