//! The vendor's messages in claudebot's words, and claudebot's decisions in the vendor's. The only room that
//! knows both; nothing here decides what is done.

pub(super) mod history;

use serde_json::Value;

use super::tools;
use super::turn::{AgentEvent, Ask, End, Seen, Task, Urgency};
use crate::claude::login::KEY_VARIABLE;
use crate::claude::mcp;
use crate::claude::wire::{
    self, Answer, Assistant, Block, BlockStart, Delta, Event, Incoming, LifecycleState, Notice, Outgoing,
    PermissionUpdate, Priority, StreamEvent, System, TurnResult, User,
};
use crate::ipc::Response;
use crate::model::{
    AgentCommand, ApprovalKind, BlockKind, Choice, Decision, PromptId, Question, Scope, Usage,
};

/// A tool's output is kept up to this length; the agent's own record has the whole.
const LONGEST_RESULT: usize = 16 << 10;
const LONGEST_SUMMARY: usize = 200;
/// Skills describe themselves at length.
const LONGEST_DESCRIPTION: usize = 400;
const MOST_COMMANDS: usize = 1000;

/// What a message of the agent comes to.
#[derive(Debug)]
pub(super) enum Said {
    Event(AgentEvent),
    /// The answer to a control request of ours.
    Answer {
        request: String,
        result: Result<Value, String>,
    },
    /// The agent waits for this answer, which needs no person.
    MustAnswer(Outgoing),
    /// Claude uses a tool of ours, and waits for what comes of it.
    Use(tools::Use),
    /// Nothing for claudebot, or of a kind it does not know.
    Unknown(String),
    /// A line that is no message at all: its beginning.
    Garbage(String),
    /// The agent says which release it is.
    Release(String),
    /// The agent says that the key of the environment is billed.
    KeyPays,
}

pub(super) fn said(message: Incoming) -> Vec<Said> {
    match message {
        Incoming::Stream(event) => streamed(event).map(Said::Event).into_iter().collect(),
        Incoming::Assistant(assistant) => events(finished(*assistant)),
        Incoming::User(user) => events(from_user(&user)),
        Incoming::System(system) => from_system(*system),
        Incoming::Result(result) if result.refuses_conversation() => Vec::new(),
        Incoming::Result(result) => events(vec![AgentEvent::Ended(end(&result))]),
        Incoming::Lifecycle(lifecycle) => {
            let prompt = PromptId(lifecycle.command_uuid);
            let seen = match lifecycle.state {
                LifecycleState::Queued => Seen::Queued,
                LifecycleState::Started => Seen::Begun,
                LifecycleState::Cancelled => Seen::Cancelled,
                LifecycleState::Completed | LifecycleState::Other => return Vec::new(),
            };
            events(vec![AgentEvent::Prompt { prompt, seen }])
        }
        // The next turn's `init` names the new conversation, and so do releases that say nothing here.
        Incoming::Reset(_) => Vec::new(),
        Incoming::RateLimit(limit) => events(limited(&limit)),
        Incoming::ControlRequest(request) => vec![asked(request)],
        Incoming::ControlResponse(response) => {
            vec![Said::Answer { request: response.request_id, result: response.outcome }]
        }
        Incoming::ControlCancel { request_id } => {
            events(vec![AgentEvent::AskCancelled { request: request_id }])
        }
        Incoming::KeepAlive => Vec::new(),
        Incoming::Unknown { kind, .. } => vec![Said::Unknown(kind)],
        Incoming::Malformed { line, .. } => vec![Said::Garbage(shortened(line.trim(), LONGEST_SUMMARY))],
    }
}

fn events(events: Vec<AgentEvent>) -> Vec<Said> {
    events.into_iter().map(Said::Event).collect()
}

fn streamed(StreamEvent { parent, event }: StreamEvent) -> Option<AgentEvent> {
    match event {
        Event::BlockStart { index, block } => {
            let kind = match block {
                BlockStart::Text(_) => BlockKind::Text,
                BlockStart::Thinking => BlockKind::Thinking,
                BlockStart::ToolUse { .. } | BlockStart::Other => BlockKind::Tool,
            };
            Some(AgentEvent::BlockStarted { parent, index, kind })
        }
        Event::Delta { index, delta: Delta::Text(text) | Delta::Thinking(text) } if !text.is_empty() => {
            Some(AgentEvent::Delta { parent, index, text })
        }
        _ => None,
    }
}

fn finished(message: Assistant) -> Vec<AgentEvent> {
    let mut events = Vec::new();
    // The words of an error come again with the turn's end.
    let failed = message.error.is_some();
    if message.needs_login() {
        let text =
            "Claude Code is not logged in: run `claude` and type /login, or set ANTHROPIC_API_KEY".to_owned();
        events.push(AgentEvent::Notice { code: "login", text });
    }
    let parent = message.parent;
    for block in message.blocks {
        let parent = parent.clone();
        match block {
            Block::Text(text) if !failed && !text.is_empty() => {
                events.push(AgentEvent::Text { parent, text });
            }
            Block::Thinking(_) => events.push(AgentEvent::Thought { parent }),
            Block::ToolUse { id, name, input } => {
                let summary = summary(&name, &input);
                events.push(AgentEvent::ToolCall { parent, id, name, input, summary });
            }
            _ => {}
        }
    }
    events
}

fn from_user(user: &User) -> Vec<AgentEvent> {
    if user.is_replay {
        let begun = |uuid| AgentEvent::Prompt { prompt: PromptId(uuid), seen: Seen::Begun };
        return user.uuid.map(begun).into_iter().collect();
    }
    let results = user.content.blocks().iter().filter_map(|block| match block {
        Block::ToolResult { tool_use_id, text, is_error } => Some(AgentEvent::ToolResult {
            id: tool_use_id.clone(),
            text: shortened(text, LONGEST_RESULT),
            is_error: *is_error,
        }),
        _ => None,
    });
    results.collect()
}

fn from_system(system: System) -> Vec<Said> {
    let mut about = Vec::new();
    let mut all: Vec<_> = match system.notice {
        Notice::Init(init) => {
            about.push(Said::Release(init.claude_code_version));
            about.extend((init.api_key_source == KEY_VARIABLE).then_some(Said::KeyPays));
            system.session_id.map(|conversation| AgentEvent::Init { conversation }).into_iter().collect()
        }
        Notice::Status(status) => vec![AgentEvent::Status(status.status)],
        Notice::ApiRetry(retry) => {
            let text =
                format!("the API did not answer; trying again ({}/{})", retry.attempt, retry.max_retries);
            vec![AgentEvent::Status(Some(text))]
        }
        Notice::CompactBoundary(_) => vec![AgentEvent::Notice {
            code: "compacted",
            text: "the agent has summarised the conversation so far".to_owned(),
        }],
        Notice::BackgroundTasks(tasks) => {
            let listed = |listed: wire::BackgroundTask| {
                task(listed.task_id, listed.description, Some(listed.task_type))
            };
            vec![AgentEvent::Background(tasks.into_iter().map(listed).collect())]
        }
        Notice::TaskStarted(started) if started.is_backgrounded != Some(false) => {
            vec![AgentEvent::TaskStarted(task(started.task_id, started.description, started.task_type))]
        }
        Notice::TaskNotification(ended) => {
            let notice = AgentEvent::Notice { code: "task", text: ended.summary.clone() };
            // What a subagent reports is in the log as its reply.
            let told = (!ended.summary.is_empty() && !ended.summary_is_report).then_some(notice);
            let ended = AgentEvent::TaskEnded { id: ended.task_id };
            [ended].into_iter().chain(told).collect()
        }
        Notice::Other { subtype, .. } => return vec![Said::Unknown(format!("system/{subtype}"))],
        _ => Vec::new(),
    };
    // Exact where a release sends it: these prompts are at work.
    let begun = |uuid| AgentEvent::Prompt { prompt: PromptId(uuid), seen: Seen::Begun };
    all.extend(system.user_message_uuids.into_iter().map(begun));
    events(all).into_iter().chain(about).collect()
}

fn task(id: String, description: String, kind: Option<String>) -> Task {
    let description = if description.is_empty() { kind.unwrap_or_default() } else { description };
    Task { id, description }
}

fn end(result: &TurnResult) -> End {
    let usage = &result.usage;
    let failed = result.error_text();
    End {
        aborted: result.was_cut_off(),
        is_error: result.is_error,
        text: failed.or_else(|| result.result.clone()).unwrap_or_default(),
        total_cost_usd: result.total_cost_usd,
        usage: Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_read_tokens: usage.cache_read_input_tokens,
            cache_write_tokens: usage.cache_creation_input_tokens,
            context_window: result.context_window(),
        },
    }
}

fn limited(limit: &wire::RateLimit) -> Vec<AgentEvent> {
    if !limit.is_rejected() {
        return Vec::new();
    }
    let until = limit
        .resets_at
        .and_then(|at| jiff::Timestamp::from_second(i64::try_from(at).ok()?).ok())
        .map(|at| format!(" until {at:.0}"))
        .unwrap_or_default();
    vec![AgentEvent::Notice { code: "limit", text: format!("the account's usage limit is reached{until}") }]
}

fn asked(request: wire::ControlRequest) -> Said {
    let id = request.request_id;
    match request.ask {
        wire::Ask::CanUseTool(ask) => Said::Event(AgentEvent::Ask(permission(id, *ask))),
        wire::Ask::McpMessage { server, message } if server == tools::SERVER => used(id, &message),
        wire::Ask::McpMessage { server, .. } => {
            refuse(&id, format!("claudebot serves no MCP server {server}"))
        }
        wire::Ask::HookCallback { .. } => refuse(&id, "claudebot has no hooks".to_owned()),
        wire::Ask::Other { subtype, .. } => refuse(&id, format!("claudebot does not know {subtype}")),
    }
}

fn used(request: String, message: &Value) -> Said {
    match tools::asked(message) {
        mcp::Asked::Answered(answer) => Said::MustAnswer(Outgoing::answer(&request, &Answer::Mcp(answer))),
        mcp::Asked::Use { id, tool: _, input } => Said::Use(tools::Use { request, id, input }),
    }
}

fn refuse(id: &str, words: String) -> Said {
    Said::MustAnswer(Outgoing::answer(id, &Answer::Error(words)))
}

fn permission(request: String, ask: wire::CanUseTool) -> Ask {
    let kind = match ask.tool_name.as_str() {
        "AskUserQuestion" => ApprovalKind::Question,
        "ExitPlanMode" => ApprovalKind::Plan,
        _ => ApprovalKind::Tool,
    };
    // Only rules can be kept: a mode or a directory that came with them would allow more than was shown.
    let adds_rules = |update: &PermissionUpdate| update.kind() == "addRules" && update.behavior() == "allow";
    let suggestions: Vec<_> = ask.permission_suggestions.into_iter().filter(adds_rules).collect();
    Ask {
        request,
        call: ask.tool_use_id,
        kind,
        summary: summary(&ask.tool_name, &ask.input),
        questions: questions(&ask.input),
        plan: ask.input.get("plan").and_then(Value::as_str).map(str::to_owned),
        rules: suggestions.iter().flat_map(PermissionUpdate::phrases).collect(),
        suggestions,
        tool: ask.tool_name,
        input: ask.input,
    }
}

fn questions(input: &Value) -> Vec<Question> {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let choice =
        |option: &Value| Choice { label: text(option, "label"), description: text(option, "description") };
    list(input, "questions")
        .iter()
        .map(|question| Question {
            question: text(question, "question"),
            header: text(question, "header"),
            options: list(question, "options").iter().map(choice).collect(),
            multi: question.get("multiSelect").and_then(Value::as_bool).unwrap_or(false),
        })
        .collect()
}

/// A person's decision as the agent wants it.
pub(super) fn answer(ask: &Ask, decision: &Decision) -> Outgoing {
    let answer = match decision {
        Decision::Allow { scope } => {
            Answer::Allow { input: ask.input.clone(), updates: updates(ask, *scope) }
        }
        Decision::Deny { message } => {
            let message = message.clone().unwrap_or_else(|| "The user said no.".to_owned());
            Answer::Deny { message, interrupt: false }
        }
        Decision::Answers { answers } => {
            let mut input = ask.input.clone();
            if let Some(fields) = input.as_object_mut() {
                let answers =
                    answers.iter().map(|(question, answer)| (question.clone(), answer.clone().into()));
                fields.insert("answers".to_owned(), Value::Object(answers.collect()));
            }
            Answer::Allow { input, updates: Vec::new() }
        }
    };
    Outgoing::answer(&ask.request, &answer)
}

fn updates(ask: &Ask, scope: Scope) -> Vec<PermissionUpdate> {
    let destination = match scope {
        Scope::Once => return Vec::new(),
        Scope::Session => "session",
        Scope::Always => "localSettings",
    };
    ask.suggestions.iter().map(|update| update.to_destination(destination)).collect()
}

pub(super) const fn priority(urgency: Urgency) -> Option<Priority> {
    match urgency {
        Urgency::Turn => None,
        Urgency::Next => Some(Priority::Next),
    }
}

/// The agent's report about its context.
pub(super) fn context(report: &Value) -> Response {
    let number = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or(0);
    Response::Context {
        used: number("totalTokens"),
        window: number("maxTokens"),
        model: report.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
        raw: report.clone(),
    }
}

/// The slash commands in the answer to `initialize`. What is listed without a name, nobody could type.
pub(super) fn commands(answer: &Value) -> Vec<AgentCommand> {
    let listed = answer.get("commands").and_then(Value::as_array).into_iter().flatten();
    let commands = listed.filter_map(|command| {
        let text = |name: &str| command.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("name").trim_start_matches('/').to_owned();
        let (description, argument_hint) = (text("description"), text("argumentHint"));
        (!name.is_empty()).then(|| AgentCommand {
            name,
            description: shortened(description.trim(), LONGEST_DESCRIPTION),
            argument_hint: shortened(argument_hint.trim(), LONGEST_SUMMARY),
        })
    });
    commands.take(MOST_COMMANDS).collect()
}

/// What a tool call is about, in one line.
fn summary(tool: &str, input: &Value) -> String {
    let field = |name: &str| input.get(name).and_then(Value::as_str);
    let telling = match tool {
        "AskUserQuestion" => input.pointer("/questions/0/question").and_then(Value::as_str),
        "ExitPlanMode" => field("plan").and_then(|plan| plan.lines().find(|line| !line.trim().is_empty())),
        _ => [
            "command",
            "file_path",
            "notebook_path",
            "pattern",
            "url",
            "query",
            "description",
            "prompt",
            "path",
        ]
        .into_iter()
        .find_map(field)
        .or_else(|| input.as_object()?.values().find_map(Value::as_str)),
    };
    let line = telling.unwrap_or_default().trim().replace('\n', " ⏎ ");
    shortened(&line, LONGEST_SUMMARY)
}

fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most);
    format!("{}…", &text[..end])
}
