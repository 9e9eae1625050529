//! Every method of the Bot API that the bridge calls, and all that can go wrong with it: nothing is lost, nothing is
//! called without pause, nobody else has to wait, and where something is given up it is for a reason.
//!
//! | part | what it is for |
//! |---|---|
//! | `room` | two people and a bot that can be made to fail |
//! | `passing` | failures that pass: the same is done a little later |
//! | `refusals` | what Telegram refuses, each with its remedy |
//! | `silence` | calls that get no answer at all |

mod passing;
mod refusals;
mod room;
mod silence;
