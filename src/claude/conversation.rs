//! The conversations that Claude Code stores itself: what became of a prompt in one.
//!
//! A file of one JSON object per line ([`super::files`] says where). Lines are appended late (a prompt 20–100 ms
//! after it was sent, a reply when its message is whole) and the last may be half a line after a kill.
//!
//! What is written for a turn, the same in 2.1.197 and 2.1.330:
//!
//! | line | sign |
//! |---|---|
//! | a prompt | `user` with our uuid (of joined prompts the last one's) and text |
//! | a prompt injected during a tool | `attachment` / `queued_command` with our uuid as `source_uuid` |
//! | a finished block | `assistant` with the `stop_reason` of its message: all lines of a message are written when it is whole; `null` where it was cut off |
//! | a tool's result | `user` with `tool_result` blocks |
//! | an interrupt | `user` with one text block, `[Request interrupted by user…` |
//! | a local command | `user` with `<command-name>`, then its output: `system` / `local_command` or `user`, in `<local-command-stdout>`, possibly empty |
//! | a turn nobody prompted | `user` with a `<task-notification>` and a uuid that is not ours |
//!
//! 2.1.197 stores a local command under a uuid of its own, so such a prompt is never found there.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::files;
use super::wire::{Block, Content, is_interrupt_mark, local_output};

/// What became of the turn of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredTurn {
    /// It has no end: cut off, or still running.
    Open {
        /// All that was said in it.
        text: String,
        /// The finished blocks of text, in order.
        blocks: Vec<String>,
        /// A person interrupted it.
        interrupted: bool,
    },
    Ended {
        text: String,
        blocks: Vec<String>,
        /// The text is an error of the API.
        is_error: bool,
    },
}

/// A conversation as it is stored, reduced to what tells turns apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    marks: Vec<Mark>,
    /// Where each prompt stands in `marks`; the last place, if it was run twice.
    prompts: HashMap<Uuid, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    /// A turn begins here.
    Prompt,
    /// A prompt that the running turn took in.
    Injected,
    Said {
        text: Option<String>,
        /// The message is whole and calls no tool.
        ends: bool,
        is_error: bool,
    },
    ToolResult,
    Interrupted,
    LocalOutput(String),
}

impl Stored {
    /// Reads what is stored of a conversation; None if it is nowhere.
    pub(crate) fn find(config_dir: &Path, id: &Uuid) -> io::Result<Option<Self>> {
        files::find(config_dir, id)?.map(|path| Self::read(&path)).transpose()
    }

    /// Reads a conversation's file. Lines that cannot be read are passed over: one that a kill has cut off
    /// counts as not written, and a damaged one must not hide the rest.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::new(fs::File::open(path)?);
        let mut stored = Self::default();
        let mut line = Vec::new();
        while file.read_until(b'\n', &mut line)? > 0 {
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line) {
                stored.add(entry);
            }
            line.clear();
        }
        Ok(stored)
    }

    /// Whether the prompt is stored, as itself or as one that a running turn took in.
    pub(crate) fn holds(&self, prompt: &Uuid) -> bool {
        self.prompts.contains_key(prompt)
    }

    /// Where the prompt stands among what is stored, to tell which of two came first.
    pub(crate) fn position(&self, prompt: &Uuid) -> Option<usize> {
        self.prompts.get(prompt).copied()
    }

    /// The turn that the prompt began or was taken into, from there on; None if it is not in the conversation.
    #[cfg(test)]
    pub(crate) fn turn_after(&self, prompt: &Uuid) -> Option<StoredTurn> {
        self.position(prompt).map(|at| self.turn_at(at))
    }

    /// The turn that the prompt began or was taken into, as the place of its beginning: prompts with the same
    /// one are answered together.
    pub(crate) fn turn_of(&self, prompt: &Uuid) -> Option<usize> {
        let at = self.position(prompt)?;
        self.marks[..=at].iter().rposition(|mark| *mark == Mark::Prompt)
    }

    /// The turn that begins at a place given by [`Stored::turn_of`], whole; or from a later place on.
    pub(crate) fn turn_at(&self, beginning: usize) -> StoredTurn {
        let rest = self.marks.get(beginning + 1..).unwrap_or_default();
        let end = rest.iter().position(|mark| *mark == Mark::Prompt).unwrap_or(rest.len());
        judge(&rest[..end])
    }

    fn add(&mut self, entry: Entry) {
        if entry.is_sidechain {
            return;
        }
        let (mark, prompt) = match entry.kind.as_deref() {
            Some("user") => match entry.user_mark() {
                Some(Mark::Prompt) => (Some(Mark::Prompt), entry.uuid),
                mark => (mark, None),
            },
            Some("assistant") => (entry.said(), None),
            Some("attachment") => {
                let prompt = entry.attachment.filter(|attachment| attachment.kind == "queued_command");
                let prompt = prompt.and_then(|attachment| attachment.source_uuid);
                (prompt.as_ref().map(|_| Mark::Injected), prompt)
            }
            Some("system") => (entry.local_output_mark(), None),
            _ => (None, None),
        };
        let Some(mark) = mark else { return };
        if let Some(prompt) = prompt.and_then(|prompt| prompt.parse().ok()) {
            self.prompts.insert(prompt, self.marks.len());
        }
        self.marks.push(mark);
    }
}

/// How a turn stands, from everything after its prompt.
fn judge(marks: &[Mark]) -> StoredTurn {
    let mut blocks = Vec::new();
    let mut ended = None;
    let mut interrupted = false;
    for mark in marks {
        match mark {
            Mark::Said { text, ends, is_error } => {
                blocks.extend(text.clone());
                ended = ends.then_some(*is_error);
            }
            // Claude has something to go on with: what was said before was not the end.
            Mark::ToolResult | Mark::Injected => ended = None,
            Mark::Interrupted => interrupted = true,
            Mark::LocalOutput(output) => {
                blocks.extend((!output.is_empty()).then(|| output.clone()));
                ended = Some(false);
            }
            Mark::Prompt => break,
        }
    }
    let text = blocks.join("\n\n");
    match ended {
        Some(is_error) if !interrupted => StoredTurn::Ended { text, blocks, is_error },
        _ => StoredTurn::Open { text, blocks, interrupted },
    }
}

/// One line, as far as it matters.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: Option<String>,
    uuid: Option<String>,
    #[serde(rename = "isSidechain", default)]
    is_sidechain: bool,
    #[serde(rename = "isMeta", default)]
    is_meta: bool,
    #[serde(rename = "isCompactSummary", default)]
    is_compact_summary: bool,
    #[serde(rename = "isApiErrorMessage", default)]
    is_api_error: bool,
    message: Option<Message>,
    attachment: Option<Attachment>,
    content: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Content>,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Attachment {
    #[serde(rename = "type", default)]
    kind: String,
    source_uuid: Option<String>,
}

impl Entry {
    fn user_mark(&self) -> Option<Mark> {
        if self.is_meta || self.is_compact_summary {
            return None;
        }
        let content = self.message.as_ref()?.content.as_ref()?;
        if content.blocks().iter().any(|block| matches!(block, Block::ToolResult { .. })) {
            return Some(Mark::ToolResult);
        }
        if is_interrupt_mark(content) {
            return Some(Mark::Interrupted);
        }
        match content {
            Content::Text(text) => Some(local_output(text).map_or(Mark::Prompt, output_mark)),
            Content::Blocks(_) => Some(Mark::Prompt),
        }
    }

    fn said(&self) -> Option<Mark> {
        let message = self.message.as_ref()?;
        let text = message.content.as_ref().map(Content::text).filter(|text| !text.is_empty());
        let goes_on = |reason: &str| matches!(reason, "tool_use" | "pause_turn");
        let ends = self.is_api_error || message.stop_reason.as_deref().is_some_and(|reason| !goes_on(reason));
        Some(Mark::Said { text, ends, is_error: self.is_api_error })
    }

    fn local_output_mark(&self) -> Option<Mark> {
        let content = self.content.as_ref()?.as_str()?;
        local_output(content).map(output_mark)
    }
}

fn output_mark(output: &str) -> Mark {
    Mark::LocalOutput(output.to_owned())
}
