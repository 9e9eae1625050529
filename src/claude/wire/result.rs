//! `result`: a turn is over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::lenient;

/// How a turn ended and what it took.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct TurnResult {
    /// `success`, `error_during_execution`, `error_max_turns` … An API error is a `success` with `is_error`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) subtype: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) is_error: bool,
    /// The last text of the turn; none where `errors` says why.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) result: Option<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) errors: Vec<Value>,
    #[serde(default, deserialize_with = "lenient::uuid")]
    pub(crate) session_id: Option<Uuid>,
    /// Running total of the process; carried over `--resume` by some releases, 0 there in others.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) total_cost_usd: f64,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) usage: Usage,
    #[serde(rename = "modelUsage", default, deserialize_with = "lenient::or_default")]
    pub(crate) model_usage: BTreeMap<String, ModelUsage>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) permission_denials: Vec<Denial>,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) duration_ms: u64,
    #[serde(default, deserialize_with = "lenient::maybe_count")]
    pub(crate) ttft_ms: Option<u64>,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) num_turns: u64,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) stop_reason: Option<String>,
    /// `completed`, `aborted_streaming`, `aborted_tools`, `api_error` … Not sent for local commands.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) terminal_reason: Option<String>,
    /// The prompts it answers; newer releases only.
    #[serde(default, deserialize_with = "lenient::uuids")]
    pub(crate) user_message_uuids: Vec<Uuid>,
}

/// How the words begin in which `--resume` is refused.
pub(crate) const UNKNOWN_CONVERSATION: &str = "No conversation found with session ID";

impl TurnResult {
    /// Interrupted, or dropped for a message with priority `now`. The latter is a `success` in every other
    /// field, so this is the only sign of it.
    pub(crate) fn was_cut_off(&self) -> bool {
        self.terminal_reason.as_deref().is_some_and(|reason| reason.starts_with("aborted"))
    }

    /// The largest context window among the models used, 0 when unknown.
    pub(crate) fn context_window(&self) -> u64 {
        self.model_usage.values().map(|usage| usage.context_window).max().unwrap_or(0)
    }

    /// The answer to `--resume` with an id that is not stored. No turn has ended: the process is about to exit.
    pub(crate) fn refuses_conversation(&self) -> bool {
        self.error_text().is_some_and(|words| words.contains(UNKNOWN_CONVERSATION))
    }

    /// Why it failed, in words.
    pub(crate) fn error_text(&self) -> Option<String> {
        if !self.is_error {
            return None;
        }
        let errors: Vec<String> = self.errors.iter().map(error_words).collect();
        if errors.is_empty() { self.result.clone() } else { Some(errors.join("\n")) }
    }
}

fn error_words(error: &Value) -> String {
    error.as_str().map_or_else(|| error.to_string(), str::to_owned)
}

/// Tokens of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Usage {
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) input_tokens: u64,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) output_tokens: u64,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) cache_read_input_tokens: u64,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) cache_creation_input_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelUsage {
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) context_window: u64,
    #[serde(rename = "costUSD", default, deserialize_with = "lenient::or_default")]
    pub(crate) cost_usd: f64,
}

/// A tool that was not allowed to run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Denial {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) tool_name: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) tool_use_id: String,
    #[serde(default)]
    pub(crate) tool_input: Value,
}
