//! The one process of a data directory that owns live sessions and writes the store.

pub(crate) mod short;
