//! What claudebot's databases have in common: how a file is opened (ours, of a version we know, private, durable), how
//! our types lie in columns, and what SQLite's failures mean in words. Knows no table and no statement about one.

pub(crate) mod columns;
mod failure;
mod file;

pub(crate) use failure::has_no_place;
pub(crate) use file::{Format, make_durable, make_private};
