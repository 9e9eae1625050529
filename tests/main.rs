//! Everything that is tested through the real binary.
