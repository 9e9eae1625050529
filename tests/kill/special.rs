//! Kills at chosen moments.
