//! Everything that is tested through the real binary, and the order of the house.
//!
//! `tests/run` runs it with all that it needs. Tests that need the real CLI live in modules named `real_330` and
//! `real_197`.

#![cfg(test)]

mod architecture;
mod cli;
mod host;
mod kill;
mod readme;
mod real;
mod smoke;
mod support;
mod telegram;
mod terminal;
