//! What a button does once it is pressed, as it lies in its row.

use serde::{Deserialize, Serialize};

use crate::model::{SessionId, TurnId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    /// Ends this turn, if it still runs.
    Stop { session: SessionId, turn: TurnId },
    /// Goes on with what was cut off.
    Continue { session: SessionId },
}
