//! What a button does once it is pressed, as it lies in its row.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::model::{SessionId, TurnId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    /// Ends the turn, if it still runs.
    Stop { session: SessionId, turn: Option<TurnId> },
    /// Goes on with what was cut off.
    Continue { session: SessionId },
}

impl Action {
    /// As it lies in a row.
    pub(crate) fn stored(&self) -> Result<Value> {
        serde_json::to_value(self)
            .map_err(|error| Error::failed(format!("what a button means cannot be stored: {error}")))
    }
}
