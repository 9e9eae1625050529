//! A whole stored conversation, entry by entry, as a person would tell it: for taking over one that was begun in
//! plain `claude`, and for reading back what happened in one that was lent to it.
//!
//! The file is read line by line, so that a long conversation needs little memory. What [`super::conversation`] says
//! of its lines holds here too; moreover:
//!
//! | line | sign |
//! |---|---|
//! | a title | `custom-title`, `ai-title` or (older releases) `summary`, with the words in a field of nearly that name |
//! | a compaction | `system` / `compact_boundary`; the `user` line with `isCompactSummary` after it is no prompt |
//! | what it has cost | `cost-state` with `totalCostUSD`, a running total (not in 2.1.197) |
//! | a shell command of the person | `user` in `<bash-input>`, its output in `<bash-stdout>` and `<bash-stderr>` |
//! | the working directory | `cwd` of every entry; the first is where the conversation was begun |
//!
//! A copied or forked conversation holds entries of the original under their old uuids; a line whose uuid came before
//! is passed over. So are sidechains: what a subagent says is for the agent that asked it, and the result of that
//! call has its report.

mod overview;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::wire::{Block, Content, is_interrupt_mark, local_output};

pub(crate) use overview::{Overview, all, overview};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) at: Option<Timestamp>,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// A person said something.
    Prompt {
        uuid: Option<Uuid>,
        text: String,
        /// The running turn took it in.
        injected: bool,
    },
    /// The agent begins a turn by itself: a task of the background has ended.
    Notified,
    Said(Said),
    /// Results of tool calls.
    Results(Vec<Block>),
    /// A person interrupted the turn.
    Interrupted,
    /// A local command printed this, possibly nothing.
    Printed(String),
    Compacted,
    /// The running total in US dollars.
    Cost(f64),
}

/// One line of a message of the agent. The lines of one message have its id, and the usage is the message's.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Said {
    pub(crate) message: Option<String>,
    pub(crate) blocks: Vec<Block>,
    /// The message is whole and calls no tool.
    pub(crate) ends: bool,
    /// The words are an error of the API.
    pub(crate) is_error: bool,
    pub(crate) usage: Tokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens {
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cache_read_input_tokens: u64,
    pub(crate) cache_creation_input_tokens: u64,
}

/// The entries of a conversation, in the order in which they were written.
#[derive(Debug)]
pub(crate) struct History {
    lines: BufReader<File>,
    line: Vec<u8>,
    seen: HashSet<Uuid>,
    read: u64,
}

impl History {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let lines = BufReader::with_capacity(256 << 10, File::open(path)?);
        Ok(Self { lines, line: Vec::new(), seen: HashSet::new(), read: 0 })
    }

    /// How many bytes were read so far.
    pub(crate) const fn position(&self) -> u64 {
        self.read
    }

    /// Goes on behind so many bytes. A file that is shorter was written anew, and is read whole.
    pub(crate) fn from(mut self, bytes: u64) -> io::Result<Self> {
        let length = self.lines.get_ref().metadata()?.len();
        if bytes <= length {
            self.read = self.lines.seek(SeekFrom::Start(bytes))?;
        }
        Ok(self)
    }

    /// The next line that is whole and says something; those that cannot be read are passed over.
    fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            self.line.clear();
            let length = self.lines.read_until(b'\n', &mut self.line)?;
            if length == 0 {
                return Ok(None);
            }
            self.read += u64::try_from(length).unwrap_or(0);
            let Ok(line) = serde_json::from_slice::<Line<'_>>(&self.line) else { continue };
            if line.uuid().is_some_and(|uuid| !self.seen.insert(uuid)) {
                continue;
            }
            if let Some(what) = line.what() {
                return Ok(Some(Entry { at: line.at(), what }));
            }
        }
    }
}

impl Iterator for History {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

/// One line, as far as it matters. What it holds is taken apart only where its kind asks for it.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'l, str>,
    #[serde(borrow)]
    subtype: Option<Cow<'l, str>>,
    #[serde(borrow)]
    uuid: Option<Cow<'l, str>>,
    #[serde(borrow)]
    timestamp: Option<Cow<'l, str>>,
    #[serde(borrow)]
    cwd: Option<Cow<'l, str>>,
    #[serde(rename = "isSidechain", default)]
    is_sidechain: bool,
    #[serde(rename = "isMeta", default)]
    is_meta: bool,
    #[serde(rename = "isCompactSummary", default)]
    is_compact_summary: bool,
    #[serde(rename = "isApiErrorMessage", default)]
    is_api_error: bool,
    #[serde(borrow)]
    message: Option<&'l RawValue>,
    #[serde(borrow)]
    attachment: Option<&'l RawValue>,
    #[serde(borrow)]
    content: Option<&'l RawValue>,
    #[serde(rename = "totalCostUSD")]
    total_cost_usd: Option<f64>,
    #[serde(rename = "customTitle", borrow)]
    custom_title: Option<Cow<'l, str>>,
    #[serde(rename = "aiTitle", borrow)]
    ai_title: Option<Cow<'l, str>>,
    #[serde(borrow)]
    summary: Option<Cow<'l, str>>,
}

#[derive(Deserialize)]
struct UserMessage {
    content: Content,
}

#[derive(Deserialize)]
struct AssistantMessage {
    id: Option<String>,
    content: Content,
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct QueuedCommand {
    #[serde(rename = "type")]
    kind: String,
    source_uuid: Option<Uuid>,
    prompt: Option<Content>,
}

impl Line<'_> {
    fn uuid(&self) -> Option<Uuid> {
        self.uuid.as_ref()?.parse().ok()
    }

    fn at(&self) -> Option<Timestamp> {
        self.timestamp.as_ref()?.parse().ok()
    }

    fn what(&self) -> Option<What> {
        if self.is_sidechain {
            return None;
        }
        match &*self.kind {
            "user" => self.user(),
            "assistant" => self.said().map(What::Said),
            "attachment" => self.injected(),
            "system" => self.system(),
            "cost-state" => self.total_cost_usd.map(What::Cost),
            _ => None,
        }
    }

    /// Whether a person says something here; cheaper than to look at what.
    fn user(&self) -> Option<What> {
        if self.is_meta || self.is_compact_summary {
            return None;
        }
        let UserMessage { content } = serde_json::from_str(self.message?.get()).ok()?;
        if content.blocks().iter().any(|block| matches!(block, Block::ToolResult { .. })) {
            let Content::Blocks(blocks) = content else { return None };
            return Some(What::Results(blocks));
        }
        if is_interrupt_mark(&content) {
            return Some(What::Interrupted);
        }
        let text = words_of(&content);
        if let Some(printed) = printed(&text) {
            return Some(What::Printed(printed));
        }
        if text.contains("<task-notification>") {
            return Some(What::Notified);
        }
        Some(What::Prompt { uuid: self.uuid(), text: typed(text), injected: false })
    }

    fn said(&self) -> Option<Said> {
        let message: AssistantMessage = serde_json::from_str(self.message?.get()).ok()?;
        let goes_on = |reason: &str| matches!(reason, "tool_use" | "pause_turn");
        let ends = self.is_api_error || message.stop_reason.as_deref().is_some_and(|reason| !goes_on(reason));
        let blocks = match message.content {
            Content::Text(text) => vec![Block::Text(text)],
            Content::Blocks(blocks) => blocks,
        };
        let usage = message.usage.unwrap_or_default();
        Some(Said { message: message.id, blocks, ends, is_error: self.is_api_error, usage })
    }

    fn injected(&self) -> Option<What> {
        let queued: QueuedCommand = serde_json::from_str(self.attachment?.get()).ok()?;
        if queued.kind != "queued_command" {
            return None;
        }
        let text = words_of(&queued.prompt?);
        if text.contains("<task-notification>") {
            return None;
        }
        Some(What::Prompt { uuid: queued.source_uuid.or_else(|| self.uuid()), text, injected: true })
    }

    fn system(&self) -> Option<What> {
        match self.subtype.as_deref() {
            Some("compact_boundary") => Some(What::Compacted),
            Some("local_command") => {
                let content: String = serde_json::from_str(self.content?.get()).ok()?;
                match printed(&content) {
                    Some(printed) => Some(What::Printed(printed)),
                    None => command(&content).map(|text| What::Prompt {
                        uuid: self.uuid(),
                        text,
                        injected: false,
                    }),
                }
            }
            _ => None,
        }
    }
}

/// The text of a person; a picture that it does not speak of is named.
fn words_of(content: &Content) -> String {
    let mut text = content.text();
    let is_picture = |block: &&Block| matches!(block, Block::Other(raw) if raw["type"] == "image");
    let pictures = content.blocks().iter().filter(is_picture).count();
    if pictures > 0 && !text.contains("[Image") {
        let named = vec!["[image]"; pictures].join(" ");
        text = if text.is_empty() { named } else { format!("{text}\n{named}") };
    }
    text
}

/// What was typed, where it is stored in tags.
fn typed(text: String) -> String {
    if let Some(command) = command(&text) {
        return command;
    }
    match tagged(&text, "bash-input") {
        Some(input) => format!("!{input}"),
        None => text,
    }
}

/// A slash command with its arguments.
fn command(text: &str) -> Option<String> {
    let name = tagged(text, "command-name")?;
    let name = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
    match tagged(text, "command-args") {
        Some(args) if !args.is_empty() => Some(format!("{name} {args}")),
        _ => Some(name),
    }
}

/// What a local command or a shell command of the person printed.
fn printed(text: &str) -> Option<String> {
    if let Some(output) = local_output(text) {
        return Some(output.to_owned());
    }
    if !text.starts_with("<bash-std") {
        return None;
    }
    let parts = ["bash-stdout", "bash-stderr"].into_iter().filter_map(|tag| tagged(text, tag));
    Some(parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"))
}

fn tagged<'t>(text: &'t str, tag: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let (inner, _) = rest.split_once(&format!("</{tag}>"))?;
    Some(inner.trim())
}
