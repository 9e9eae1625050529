//! `system` and the other messages about the process and its account rather than the conversation.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::lenient;

/// A `system` message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct System {
    pub(crate) session_id: Option<Uuid>,
    /// The prompts of the turn it belongs to; newer releases only.
    pub(crate) user_message_uuids: Vec<Uuid>,
    pub(crate) notice: Notice,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Notice {
    /// A turn begins (also one that nobody prompted), with the settings it runs under.
    Init(Box<Init>),
    Status(Status),
    ApiRetry(ApiRetry),
    CompactBoundary(Compaction),
    TaskStarted(TaskStarted),
    TaskUpdated(TaskUpdated),
    TaskNotification(TaskNotification),
    /// Every background task there is now. One that is in it keeps the process from being idle.
    BackgroundTasks(Vec<BackgroundTask>),
    ThinkingTokens(u64),
    TitleChanged(String),
    /// A subtype we do not know, whole.
    Other {
        subtype: String,
        raw: Value,
    },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Init {
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) model: String,
    #[serde(rename = "permissionMode", default, deserialize_with = "lenient::or_default")]
    pub(crate) permission_mode: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) cwd: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) tools: Vec<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) slash_commands: Vec<String>,
    /// `ANTHROPIC_API_KEY` where a key would bill, `none` without any or with a login.
    #[serde(rename = "apiKeySource", default, deserialize_with = "lenient::or_default")]
    pub(crate) api_key_source: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) claude_code_version: String,
    /// What the release says it can do; older ones say nothing.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) capabilities: Vec<String>,
}

impl Init {
    /// Whether `interrupt` obeys `cancel_queued`; if not, queued messages need `cancel_async_message` each.
    pub(crate) fn cancels_queued(&self) -> bool {
        self.capabilities.iter().any(|name| name == "interrupt_cancel_queued_v1")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Status {
    /// `requesting`, `compacting`, or nothing in particular.
    pub(crate) status: Option<String>,
    #[serde(rename = "permissionMode")]
    pub(crate) permission_mode: Option<String>,
    pub(crate) compact_result: Option<String>,
    pub(crate) compact_error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ApiRetry {
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) attempt: u64,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) max_retries: u64,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) retry_delay_ms: u64,
    #[serde(default, deserialize_with = "lenient::maybe_count")]
    pub(crate) error_status: Option<u64>,
    pub(crate) error: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Compaction {
    /// `manual` or `auto`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) trigger: String,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) pre_tokens: u64,
    #[serde(default, deserialize_with = "lenient::maybe_count")]
    pub(crate) post_tokens: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TaskStarted {
    pub(crate) task_id: String,
    pub(crate) tool_use_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) description: String,
    /// `local_bash`, `local_agent` …
    pub(crate) task_type: Option<String>,
    pub(crate) subagent_type: Option<String>,
    /// False for a call that Claude waits for; some releases leave it out.
    pub(crate) is_backgrounded: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TaskUpdated {
    pub(crate) task_id: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) patch: TaskPatch,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct TaskPatch {
    pub(crate) status: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) is_backgrounded: Option<bool>,
}

/// A task ended. Claude may begin a turn because of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TaskNotification {
    pub(crate) task_id: String,
    pub(crate) tool_use_id: Option<String>,
    /// `completed`, `failed`, `stopped`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) summary: String,
    /// The summary is what a subagent said last, and not about the task.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) summary_is_report: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct BackgroundTask {
    pub(crate) task_id: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) task_type: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) description: String,
}

/// `command_lifecycle`: how far a prompt has come inside Claude. Exact, where present.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Lifecycle {
    pub(crate) command_uuid: Uuid,
    pub(crate) state: LifecycleState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LifecycleState {
    Queued,
    Started,
    Completed,
    /// Taken back, interrupted, dropped, or ended in an API error.
    Cancelled,
    #[serde(other)]
    Other,
}

/// `conversation_reset`: the next `init` brings another `session_id`, which is the one to resume.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Reset {
    /// `clear`, `plan_mode_exit` …
    pub(crate) trigger: Option<String>,
    #[serde(default, deserialize_with = "lenient::uuid")]
    pub(crate) user_message_uuid: Option<Uuid>,
}

/// `rate_limit_event`: the usage limits of a subscription.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct RateLimit {
    /// `allowed`, `allowed_warning`, `rejected`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) status: String,
    /// Seconds since 1970.
    #[serde(rename = "resetsAt", default, deserialize_with = "lenient::maybe_count")]
    pub(crate) resets_at: Option<u64>,
    /// `five_hour`, `seven_day` …
    #[serde(rename = "rateLimitType")]
    pub(crate) limit: Option<String>,
    pub(crate) utilization: Option<f64>,
}

impl RateLimit {
    /// Nothing is answered until the reset.
    pub(crate) fn is_rejected(&self) -> bool {
        self.status == "rejected"
    }
}

#[derive(Deserialize)]
struct Common {
    #[serde(default, deserialize_with = "lenient::uuid")]
    session_id: Option<Uuid>,
    #[serde(default, deserialize_with = "lenient::uuids")]
    user_message_uuids: Vec<Uuid>,
}

pub(super) fn parse(subtype: &str, line: &[u8]) -> Result<System, serde_json::Error> {
    let common: Common = serde_json::from_slice(line)?;
    let notice = match subtype {
        "init" => Notice::Init(serde_json::from_slice(line)?),
        "status" => Notice::Status(serde_json::from_slice(line)?),
        "api_retry" => Notice::ApiRetry(serde_json::from_slice(line)?),
        "compact_boundary" => Notice::CompactBoundary(field(line, "compact_metadata")?),
        "task_started" => Notice::TaskStarted(serde_json::from_slice(line)?),
        "task_updated" => Notice::TaskUpdated(serde_json::from_slice(line)?),
        "task_notification" => Notice::TaskNotification(serde_json::from_slice(line)?),
        "background_tasks_changed" => Notice::BackgroundTasks(field(line, "tasks")?),
        "thinking_tokens" => Notice::ThinkingTokens(field::<f64>(line, "estimated_tokens")? as u64),
        "session_title_changed" => Notice::TitleChanged(field(line, "title")?),
        _ => Notice::Other { subtype: subtype.to_owned(), raw: serde_json::from_slice(line)? },
    };
    Ok(System { session_id: common.session_id, user_message_uuids: common.user_message_uuids, notice })
}

/// One field of a message, typed; `null` and missing are its default.
pub(super) fn field<T: serde::de::DeserializeOwned + Default>(
    line: &[u8],
    name: &str,
) -> Result<T, serde_json::Error> {
    let mut message: serde_json::Map<String, Value> = serde_json::from_slice(line)?;
    match message.remove(name) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => serde_json::from_value(value),
    }
}
