//! `claudebot serve` with a Bot API on loopback: what people in Telegram may rely on.

mod approvals;
mod desk;
mod faults;
mod lasting;
mod readme;
mod real;
mod sessions;
mod setup;
mod storm;
mod strangers;
mod talk;
mod trouble;
mod turns;
