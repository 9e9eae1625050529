//! Texts for Telegram: Markdown in, text with entities out, in pieces that fit one message each.
//!
//! Pure functions, which know nothing of chats, of sending or of who reads. Nothing here fails: a text that makes
//! no sense as Markdown is shown as it is written.
//!
//! | part | what it is for |
//! |---|---|
//! | [`rich`] | a text with its entities, and how to put one together |
//! | [`clean`] | what is not for a screen to obey |
//! | [`link`] | which addresses Telegram takes |
//! | [`writer`] | text that grows, with styles that open and close |
//! | [`markdown`] | the parser's events, written |
//! | [`table`] | tables: aligned, or as records |
//! | [`cut`] | where a text may be cut, and the piece that comes of it |
//! | [`split`] | a long text in messages, and its summary |
//! | [`caps`] | how many entities one message may have |
//! | [`stream`] | the newest part of a text that still grows |

mod caps;
mod clean;
mod cut;
mod link;
mod markdown;
mod rich;
mod split;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use markdown::markdown;
pub(crate) use rich::{Rich, Style};
pub(crate) use split::{PIECE, is_very_long, split, summary};
pub(crate) use stream::Stream;
