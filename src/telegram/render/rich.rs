//! A text with its entities, and a small builder for the messages that are not Markdown.

use serde::{Deserialize, Serialize};
use teloxide_core::types::{MessageEntity, MessageEntityKind};

use super::clean::clean;
use super::link::text_link;

/// A text on its way out. Offsets and lengths of the entities count UTF-16 units. What this module makes is
/// sorted by offset, the outer entity first; entities lie inside one another or apart.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rich {
    pub(crate) text: String,
    pub(crate) entities: Vec<MessageEntity>,
}

/// How a pushed text looks.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "what Telegram has, whether or not something is said that way yet")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style<'a> {
    Plain,
    Bold,
    Italic,
    Code,
    /// A block of code with its language, which may be empty.
    Pre(&'a str),
    Quote,
    /// A quote that shows its first lines until it is tapped.
    ExpandableQuote,
    /// A link to an address; plain text when Telegram would not take the address.
    Link(&'a str),
}

impl Rich {
    /// A text as it is, without outer white space.
    pub(crate) fn plain(text: &str) -> Self {
        Self { text: clean(text).trim().to_owned(), entities: Vec::new() }
    }

    /// Adds a text in one style.
    pub(crate) fn push(&mut self, text: &str, style: Style<'_>) -> &mut Self {
        let start = units(&self.text);
        let text = clean(text);
        self.text.push_str(&text);
        if let Some(kind) = style.kind() {
            self.entities.extend(spanning(kind, &text, start));
        }
        self
    }

    /// Adds a text with its entities.
    pub(crate) fn append(&mut self, other: &Self) -> &mut Self {
        let start = units(&self.text);
        self.text.push_str(&other.text);
        self.entities.extend(other.entities.iter().map(|entity| shifted(entity, start)));
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How much of a message it takes.
    pub(crate) fn units(&self) -> usize {
        units(&self.text)
    }
}

impl Style<'_> {
    fn kind(self) -> Option<MessageEntityKind> {
        Some(match self {
            Self::Plain => return None,
            Self::Bold => MessageEntityKind::Bold,
            Self::Italic => MessageEntityKind::Italic,
            Self::Code => MessageEntityKind::Code,
            Self::Pre(language) => pre(language),
            Self::Quote => MessageEntityKind::Blockquote,
            Self::ExpandableQuote => MessageEntityKind::ExpandableBlockquote,
            Self::Link(address) => return text_link(address),
        })
    }
}

/// UTF-16 units of a text.
pub(crate) fn units(text: &str) -> usize {
    text.bytes().map(units_begun).sum()
}

/// How many UTF-16 units a byte of UTF-8 begins: two when four bytes make the character.
pub(crate) fn units_begun(byte: u8) -> usize {
    usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)
}

/// A block of code in the language that an info string such as `rust,ignore` begins with.
pub(crate) fn pre(info: &str) -> MessageEntityKind {
    let info = info.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '.'));
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '_' | '.');
    let language: String = info.chars().take_while(|&c| is_part(c)).take(32).collect();
    MessageEntityKind::Pre { language: Some(language).filter(|name| !name.is_empty()) }
}

/// The entity over a text that begins at a unit. White space at its edges stays outside, for Telegram drops it
/// there. `None` when nothing can be seen.
pub(crate) fn spanning(kind: MessageEntityKind, text: &str, start: usize) -> Option<MessageEntity> {
    let body = text.trim_end();
    let seen = match kind {
        MessageEntityKind::Pre { .. } => without_blank_lines(body),
        _ => body.trim_start(),
    };
    let lead = body.len() - seen.len();
    (!seen.is_empty()).then(|| MessageEntity::new(kind, start + units(&text[..lead]), units(seen)))
}

/// A block without blank lines around it. Its first line keeps its indentation.
pub(crate) fn without_blank_lines(block: &str) -> &str {
    let block = block.trim_end();
    let lead = &block[..block.len() - block.trim_start().len()];
    &block[lead.rfind('\n').map_or(0, |newline| newline + 1)..]
}

pub(crate) fn shifted(entity: &MessageEntity, by: usize) -> MessageEntity {
    MessageEntity::new(entity.kind.clone(), entity.offset + by, entity.length)
}

/// Where an entity ends.
pub(crate) const fn end(entity: &MessageEntity) -> usize {
    entity.offset + entity.length
}
