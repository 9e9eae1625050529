//! What a request to the Messages API says, seen as a person would: prompts, tool results, notifications.

use serde_json::Value;

/// Why the CLI asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The conversation itself.
    Turn,
    /// A subagent's own conversation.
    Subagent,
    /// A summary for `/compact`, or when the context is full.
    Summary,
    /// A title, a quota probe: nothing a person sees as a turn.
    Side,
    /// `count_tokens`.
    CountTokens,
}

/// One piece of a user message, told apart from what the CLI adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Prompt(String),
    /// A prompt that was handed over while a tool ran.
    Steered(String),
    ToolResult(String),
    /// A background task ended.
    Notification,
}

/// The messages of one request.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    /// What the user's side said, in order.
    said: Vec<Said>,
    /// How much of `said` is older than the last assistant message.
    answered: usize,
}

impl Conversation {
    pub(super) fn read(body: &Value) -> Self {
        let mut conversation = Self { said: Vec::new(), answered: 0 };
        for message in body["messages"].as_array().into_iter().flatten() {
            let role = message["role"].as_str().unwrap_or_default();
            match role {
                "assistant" => conversation.answered = conversation.said.len(),
                _ => blocks(&message["content"], |block| conversation.take(role, block)),
            }
        }
        conversation
    }

    fn take(&mut self, role: &str, block: &Value) {
        match (role, block["type"].as_str().unwrap_or_default()) {
            ("user", "tool_result") => self.said.push(Said::ToolResult(text_of(&block["content"]))),
            (_, "text") => {
                let text = block["text"].as_str().unwrap_or_default();
                let steered = steered(text);
                if !steered.is_empty() {
                    self.said.extend(steered.into_iter().map(Said::Steered));
                } else if role == "user" {
                    self.said.extend(classify(text));
                }
            }
            _ => {}
        }
    }

    /// Everything a person has sent so far, oldest first. Prompts that the CLI joined are one entry.
    pub(crate) fn prompts(&self) -> Vec<&str> {
        let prompts = self.said.iter().filter_map(|said| match said {
            Said::Prompt(text) | Said::Steered(text) => Some(text.as_str()),
            Said::ToolResult(_) | Said::Notification => None,
        });
        prompts.collect()
    }

    /// The newest prompt that nothing has answered yet. `None`: a tool's result or a notification is to be
    /// answered.
    pub(crate) fn prompt(&self) -> Option<&str> {
        match self.newest()? {
            Said::Prompt(text) => Some(text),
            _ => None,
        }
    }

    /// The results of the tools that just ran.
    pub(crate) fn tool_results(&self) -> Vec<&str> {
        let results = self.unanswered().iter().filter_map(|said| match said {
            Said::ToolResult(text) => Some(text.as_str()),
            _ => None,
        });
        results.collect()
    }

    /// The prompts that were handed over together with those results.
    pub(crate) fn steered(&self) -> Vec<&str> {
        let steered = self.unanswered().iter().filter_map(|said| match said {
            Said::Steered(text) => Some(text.as_str()),
            _ => None,
        });
        steered.collect()
    }

    /// A background task's end is what this turn is about.
    pub(crate) fn is_notified(&self) -> bool {
        matches!(self.newest(), Some(Said::Notification))
    }

    /// An interrupted turn leaves its prompt and tool results unanswered: the newest counts.
    fn newest(&self) -> Option<&Said> {
        self.unanswered().iter().rev().find(|said| matches!(said, Said::Prompt(_) | Said::Notification))
    }

    fn unanswered(&self) -> &[Said] {
        self.said.get(self.answered..).unwrap_or_default()
    }
}

pub(super) fn purpose(body: &Value) -> Purpose {
    let system = text_of(&body["system"]);
    let has_tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    let is_haiku = body["model"].as_str().is_some_and(|model| model.contains("haiku"));
    if last_user_text(body).contains("Your task is to create a detailed summary of the conversation") {
        Purpose::Summary
    } else if system.contains("cc_is_subagent=") {
        Purpose::Subagent
    } else if body["max_tokens"] == 1 || (!has_tools && (is_haiku || system.contains("title"))) {
        Purpose::Side
    } else {
        Purpose::Turn
    }
}

fn last_user_text(body: &Value) -> String {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    last.map(|message| text_of(&message["content"])).unwrap_or_default()
}

/// Content is either a string or a list of blocks.
fn blocks(content: &Value, mut each: impl FnMut(&Value)) {
    match content {
        Value::String(text) => each(&serde_json::json!({ "type": "text", "text": text })),
        Value::Array(list) => list.iter().for_each(each),
        _ => {}
    }
}

/// All text in a content, one block per line.
pub(super) fn text_of(content: &Value) -> String {
    let mut lines = Vec::new();
    blocks(content, |block| lines.extend(block["text"].as_str().map(str::to_owned)));
    lines.join("\n")
}

/// What a text block of a user message is; `None` for what the CLI adds on its own.
fn classify(text: &str) -> Option<Said> {
    const ADDED: [&str; 8] = [
        "<system-reminder>",
        "<command-name>",
        "<command-message>",
        "<local-command",
        "[Request interrupted by user",
        "[Image: ",
        "Caveat: The messages below were generated by the user while running local commands",
        "This session is being continued from a previous conversation",
    ];
    let text = text.trim();
    if text.contains("<task-notification>") {
        Some(Said::Notification)
    } else if text.is_empty() || ADDED.iter().any(|start| text.starts_with(start)) {
        None
    } else {
        Some(Said::Prompt(text.to_owned()))
    }
}

/// The prompts inside the note by which the CLI hands them over during a turn.
fn steered(text: &str) -> Vec<String> {
    const BEFORE: &str = "The user sent a new message while you were working:\n";
    // The words after the message: of the newer release and of the older one.
    const AFTER: [&str; 2] = ["\n\nThis is how Claude Code surfaces", "\n\nIMPORTANT: After completing"];
    let messages = text.split(BEFORE).skip(1).map(|rest| {
        let end = AFTER.iter().filter_map(|after| rest.find(after)).min().unwrap_or(rest.len());
        rest[..end].trim().to_owned()
    });
    messages.collect()
}
