//! Identifiers. They are distinct types so that a prompt's id cannot be given where a session's is meant.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) Uuid);

        impl $name {
            /// A fresh random id.
            pub(crate) fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A session, for as long as it exists. Not Claude's conversation id, which may change under a session.
    SessionId
);
uuid_id!(
    /// A prompt: the row in the queue, and the `uuid` Claude is given with the text.
    PromptId
);

/// A turn of one session, counted from 1 since the session was created.
pub(crate) type TurnId = u64;

/// A pending or past approval; small numbers, because people type them.
pub(crate) type ApprovalId = i64;

/// A place that has a current session: `local` for shell and TUI, `tg:<chat>[:<topic>]` for Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Channel(pub(crate) String);

impl Channel {
    /// The channel of the shell and the terminal browser.
    pub(crate) fn local() -> Self {
        Self("local".to_owned())
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
