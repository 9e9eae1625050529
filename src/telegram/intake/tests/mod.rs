//! Updates, from the file to the host and back, with a real socket between the bridge and its host.

mod commands;
mod crashes;
mod people;
mod presses;
mod prompts;
mod table;
