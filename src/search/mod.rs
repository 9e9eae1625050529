//! The language of a search, and what it finds in a text. Pure: no file, no database.
//!
//! | file | what it is for |
//! |---|---|
//! | [`words`] | a text as the words that are compared |
//! | [`query`] | what a person types: words, phrases, beginnings, filters, and what must not occur |
//! | [`found`] | where a query occurs in one text, how well it fits, and what to show of it |
//!
//! An index holds the same words ([`words::segmented`]), so that it finds what matching a text in memory finds. How
//! a text is taken apart therefore belongs to the format of every index that was filled with it: a change needs a
//! migration that fills them again.

pub(crate) mod found;
pub(crate) mod query;
pub(crate) mod words;

#[cfg(test)]
mod tests;

pub(crate) use found::{Found, Snippet, score};
pub(crate) use query::{About, Part, Query, Surroundings};
