//! The agent's life: it hears lines, keeps the queue, and takes one turn after the other.
//!
//! One thread does everything. While a turn runs it keeps [`Agent::listen`]ing between two words; a [`Cut`] travels
//! up as an error when what is heard ends the turn.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::args::Args;
use super::conversation::{Conversation, text_of};
use super::outside::{Input, Outside};
use super::tools::TASK_DESCRIPTION;
use super::wire;

pub(super) struct Agent<O> {
    pub(super) outside: O,
    pub(super) conversation: Conversation,
    pub(super) settings: Settings,
    pub(super) queue: Vec<Queued>,
    pub(super) phase: Phase,
    /// The person's answer to the pending request.
    pub(super) answer: Option<Value>,
    /// stdin has ended.
    pub(super) input_over: bool,
    pub(super) totals: Totals,
    tasks: Vec<Task>,
    finished: VecDeque<Task>,
}

/// What can be changed while the agent lives.
pub(super) struct Settings {
    pub(super) model: String,
    pub(super) permission_mode: String,
    pub(super) may_bypass: bool,
    /// What needs no approval.
    pub(super) rules: Vec<String>,
}

/// Sums of this process.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) results: u64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

/// What the agent is doing, as far as it decides what an interruption means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Speaking,
    /// A tool runs: a prompt that comes now is handed over when it is done.
    Working,
    /// A person is asked, under this request id.
    Asking(String),
}

/// Why a turn does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Interrupt,
    /// A prompt with priority `now` wants its place.
    Now,
    Exit(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    Now,
    Next,
    Later,
}

/// An accepted prompt that waits.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) uuid: String,
    pub(super) content: Value,
    pub(super) text: String,
    pub(super) priority: Priority,
}

impl Queued {
    pub(super) fn is_command(&self) -> bool {
        self.text.starts_with('/')
    }
}

/// A background task.
pub(super) struct Task {
    due: Duration,
    pub(super) id: String,
    pub(super) run: String,
    pub(super) tool_use: String,
}

impl<O: Outside> Agent<O> {
    pub(super) fn new(args: &Args, conversation: Conversation, outside: O) -> Self {
        let mut rules = args.allowed.clone();
        rules.extend(conversation.kept_rules());
        Self {
            outside,
            conversation,
            settings: Settings {
                model: args.model.clone(),
                permission_mode: args.permission_mode.clone(),
                may_bypass: args.may_bypass,
                rules,
            },
            queue: Vec::new(),
            phase: Phase::Idle,
            answer: None,
            input_over: false,
            totals: Totals::default(),
            tasks: Vec::new(),
            finished: VecDeque::new(),
        }
    }

    /// Lives until stdin ends and everything accepted is done. Returns the exit code.
    pub(super) fn run(mut self) -> u8 {
        loop {
            if let Err(Cut::Exit(code)) = self.live() {
                return code;
            }
            if self.input_over && self.tasks.is_empty() && self.queue.is_empty() && self.finished.is_empty() {
                return 0;
            }
        }
    }

    fn live(&mut self) -> Result<(), Cut> {
        if let Some(batch) = self.next_batch() {
            self.take_up(&batch)
        } else if let Some(task) = self.finished.pop_front() {
            self.task_turn(&task)
        } else if self.input_over && self.tasks.is_empty() {
            Ok(())
        } else {
            self.listen(None)
        }
    }

    /// What runs next: the most urgent prompts, joined as far as no command comes between them.
    fn next_batch(&mut self) -> Option<Vec<Queued>> {
        let urgent = self.queue.iter().map(|queued| queued.priority).min()?;
        let (mut batch, mut rest) = (Vec::<Queued>::new(), Vec::new());
        let mut closed = false;
        for queued in self.queue.drain(..) {
            let alone = queued.is_command();
            if closed || queued.priority != urgent || (alone && !batch.is_empty()) {
                closed |= queued.priority == urgent;
                rest.push(queued);
            } else {
                closed = alone;
                batch.push(queued);
            }
        }
        self.queue = rest;
        Some(batch)
    }

    /// Waits for one input, or until `until`, or for a background task to end, and deals with it.
    pub(super) fn listen(&mut self, until: Option<Duration>) -> Result<(), Cut> {
        let due = self.tasks.iter().map(|task| task.due).min();
        let wake = match (until, due) {
            (Some(until), Some(due)) => Some(until.min(due)),
            (until, due) => until.or(due),
        };
        match self.outside.input(wake) {
            Some(Input::Line(line)) => self.hear(&line),
            Some(Input::End) => {
                self.input_over = true;
                Ok(())
            }
            None => {
                self.end_due_tasks();
                Ok(())
            }
        }
    }

    /// Lets time pass; what comes meanwhile is heard.
    pub(super) fn pause(&mut self, until: Duration) -> Result<(), Cut> {
        loop {
            self.listen(Some(until))?;
            if self.outside.now() >= until {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, line: &[u8]) -> Result<(), Cut> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let message: Value = match serde_json::from_slice(line) {
            Ok(message) => message,
            Err(error) => {
                eprintln!("Error parsing streaming input line ({} bytes): {error}", line.len());
                return Err(Cut::Exit(1));
            }
        };
        match message["type"].as_str() {
            Some("user") => self.accept(&message),
            Some("control_request") => self.control(&message["request_id"], &message["request"]),
            Some("control_response") => {
                self.answered(&message);
                Ok(())
            }
            // `keep_alive` and whatever a later release may send.
            _ => Ok(()),
        }
    }

    fn accept(&mut self, message: &Value) -> Result<(), Cut> {
        let content = message["message"]["content"].clone();
        let uuid = message["uuid"].as_str().map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        if !self.conversation.held.accepted.insert(uuid.clone()) {
            self.send(wire::replay(&uuid, &content));
            return Ok(());
        }
        if self.conversation.held.resumed.contains(&uuid) {
            self.send(wire::replay(&uuid, &content));
            self.send(wire::lifecycle(&uuid, "completed"));
            return Ok(());
        }
        let priority = match message["priority"].as_str() {
            Some("now") => Priority::Now,
            Some("later") => Priority::Later,
            _ => Priority::Next,
        };
        let text = text_of(&content).unwrap_or_default();
        // A running tool is waited for, also by `now`.
        let cuts = priority == Priority::Now && matches!(self.phase, Phase::Speaking | Phase::Asking(_));
        if cuts {
            self.void_request();
        }
        self.note(json!({"type": "queue-operation", "operation": "enqueue", "content": text}))?;
        self.send(wire::lifecycle(&uuid, "queued"));
        self.queue.push(Queued { uuid, content, text, priority });
        if cuts { Err(Cut::Now) } else { Ok(()) }
    }

    /// Tells that nobody needs to answer any more.
    pub(super) fn void_request(&mut self) {
        if let Phase::Asking(request) = &self.phase {
            let cancel = json!({"type": "control_cancel_request", "request_id": request});
            self.send_raw(&cancel);
        }
    }

    /// An answer to the pending request is given back on stdout, as Claude does; any other is void.
    fn answered(&mut self, message: &Value) {
        let response = &message["response"];
        let Phase::Asking(request) = &self.phase else { return };
        if response["request_id"].as_str() == Some(request) {
            self.send_raw(message);
            self.answer = Some(response["response"].clone());
        }
    }

    pub(super) fn begin_task(&mut self, tool_use: &str, takes: Duration) -> String {
        let task = Task {
            due: self.outside.now().saturating_add(takes),
            id: wire::vendor_id("b").replace('_', "").chars().take(9).collect(),
            run: Uuid::new_v4().to_string(),
            tool_use: tool_use.to_owned(),
        };
        let mut started = json!({
            "type": "system", "subtype": "task_started", "description": TASK_DESCRIPTION, "is_backgrounded": true,
            "task_type": "local_bash",
        });
        started["task_id"] = json!(task.id);
        started["run_id"] = json!(task.run);
        started["tool_use_id"] = json!(task.tool_use);
        let id = task.id.clone();
        self.tasks.push(task);
        self.send_tasks();
        self.send(started);
        id
    }

    fn end_due_tasks(&mut self) {
        let now = self.outside.now();
        while let Some(index) = self.tasks.iter().position(|task| task.due <= now) {
            let task = self.tasks.remove(index);
            let end = self.outside.wall().as_millisecond();
            self.send(json!({
                "type": "system", "subtype": "task_updated", "task_id": task.id, "run_id": task.run,
                "patch": {"status": "completed", "end_time": end},
            }));
            self.send(json!({
                "type": "system", "subtype": "task_notification", "task_id": task.id, "run_id": task.run,
                "tool_use_id": task.tool_use, "status": "completed", "output_file": "",
                "summary": format!("Background command \"{TASK_DESCRIPTION}\" completed (exit code 0)"),
            }));
            self.finished.push_back(task);
            self.send_tasks();
        }
    }

    pub(super) fn send_tasks(&mut self) {
        let describe = |task: &Task| {
            json!({
                "task_id": task.id, "run_id": task.run, "task_type": "local_bash", "description": TASK_DESCRIPTION,
            })
        };
        let tasks: Vec<Value> = self.tasks.iter().map(describe).collect();
        self.send(json!({"type": "system", "subtype": "background_tasks_changed", "tasks": tasks}));
    }

    /// `/clear` also forgets what runs in the background.
    pub(super) fn forget_tasks(&mut self) {
        self.tasks.clear();
        self.finished.clear();
    }

    /// Writes a message of the conversation.
    pub(super) fn send(&mut self, mut message: Value) {
        message["session_id"] = json!(self.conversation.id);
        if message["uuid"].is_null() {
            message["uuid"] = json!(Uuid::new_v4());
        }
        self.send_raw(&message);
    }

    /// Writes a message that belongs to no conversation.
    pub(super) fn send_raw(&mut self, message: &Value) {
        self.outside.write(&wire::line(message));
    }

    /// Stores an entry of the conversation.
    pub(super) fn store(&mut self, entry: Value) -> Result<(), Cut> {
        let at = self.outside.wall();
        let stored = self.conversation.linked(entry, at);
        self.or_exit(stored)
    }

    /// Stores an entry beside the conversation.
    pub(super) fn note(&mut self, entry: Value) -> Result<(), Cut> {
        let at = self.outside.wall();
        let stored = self.conversation.append(entry, at);
        self.or_exit(stored)
    }

    /// An agent that cannot store must not go on answering.
    pub(super) fn or_exit(&self, stored: std::io::Result<()>) -> Result<(), Cut> {
        stored.map_err(|error| {
            eprintln!("Error: cannot store conversation {}: {error}", self.conversation.id);
            Cut::Exit(1)
        })
    }
}
