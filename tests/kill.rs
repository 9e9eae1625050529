//! Nothing lost, nothing twice: SIGKILL of the host, of the agent and of both, at random and at chosen moments.
//!
//! `CLAUDEBOT_TEST_SEED` chooses the moments, `CLAUDEBOT_TEST_KILLS` how many there are.

mod archives;
mod audit;
pub(crate) mod chance;
mod client;
mod rig;
mod special;
mod storm;
mod talk;
