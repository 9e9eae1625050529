//! What the bridge to Telegram adds: `serve` as it is shipped, a Bot API on loopback in this process, and people who
//! write in it.
//!
//! | measurement | what it is |
//! |---|---|
//! | [`chat`] | a message's way into the agent's stdin, and the memory of `serve` |
//! | [`first`] | the first text of a reply, with the real CLI |
//! | [`render`] | Markdown for Telegram |
//! | [`crowd`] | twenty chats at once, within Telegram's limits |
//!
//! A message is "there" when it lies in the Bot API for the poll that waits; a text is "seen" when the call that carries
//! it has come to the Bot API. That one opens a thread and a connection for each call, which is part of every number.

pub(crate) mod chat;
pub(crate) mod crowd;
pub(crate) mod desk;
pub(crate) mod first;
pub(crate) mod render;

use crate::measure::{Samples, ms};

fn spread(samples: &Samples) -> String {
    let at = |percent| ms(samples.percentile(percent));
    format!("p50 {}, p99 {} ({} samples)", at(50), at(99), samples.count())
}
