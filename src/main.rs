//! Parse, run, error → exit code; nothing else.

fn main() {}
