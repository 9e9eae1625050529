//! What the scripted model answers: decided by the newest prompt alone, so that a test reads like a talk.
//!
//! | prompt | reply |
//! |---|---|
//! | `words N MS` | `w0 w1 …`, N words, one every MS milliseconds |
//! | `hold NAME` | `Holding `, then nothing until the test releases NAME, then `NAME` |
//! | `recall`, `what did I say?` | `I remember: a \| b`, every earlier prompt |
//! | `md` | a Markdown document with most of what Markdown has |
//! | `big BYTES` | that much text |
//! | `think` | a thinking block, then `Thought.` |
//! | `bash CMD`, `background CMD` | `Running it. ` and the Bash tool, in the foreground or background |
//! | `write PATH` | the Write tool |
//! | `tool NAME JSON` | that tool with that input |
//! | `subagent TEXT` | the Agent tool with TEXT as its prompt |
//! | `ask`, `plan` | AskUserQuestion, ExitPlanMode |
//! | `error CODE` (or `err`) | that HTTP status, not to be retried |
//! | `error CODE TIMES` | that status, retryable, TIMES times; then `Recovered` |
//! | `cut` | the connection ends in the middle of the reply |
//! | anything else | `Echo: ` and the prompt |
//!
//! A tool's result is answered with `Result: …`, and with `| and: …` for each prompt that came meanwhile; the
//! notice that a background task ended, with `Echo: the background task ended`.

use std::time::Duration;

use serde_json::{Value, json};

use super::conversation::{Conversation, Purpose};

/// A whole reply of the model, or a refusal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    Blocks(Vec<Block>),
    Error {
        status: u16,
    },
    /// Fails so many times for this very prompt before it is answered.
    Flaky {
        status: u16,
        times: u32,
        prompt: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    Thinking(&'static str),
    Text(Vec<Piece>),
    Tool { name: String, input: Value },
}

impl Block {
    /// Word by word, like a model; a large text in large pieces, or its framing would dwarf it.
    pub(super) fn whole(text: &str) -> Self {
        const LARGE: usize = 16 * 1024;
        let mut pieces = Vec::new();
        let mut delta = String::new();
        for word in text.split_inclusive(' ') {
            delta.push_str(word);
            if text.len() <= LARGE || delta.len() >= LARGE {
                pieces.push(Piece::Delta(std::mem::take(&mut delta)));
            }
        }
        if !delta.is_empty() {
            pieces.push(Piece::Delta(delta));
        }
        Self::Text(pieces)
    }
}

/// One step of streaming a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Delta(String),
    Pause(Duration),
    /// Wait until the test opens this gate.
    Hold(String),
    /// Close the connection without an end.
    Cut,
}

pub(super) fn reply(purpose: Purpose, conversation: &Conversation) -> Reply {
    match purpose {
        Purpose::Side | Purpose::CountTokens => text(r#"{"title": "Scripted conversation"}"#),
        Purpose::Summary => text("<analysis>Scripted.</analysis>\n<summary>A scripted summary.</summary>"),
        Purpose::Turn | Purpose::Subagent => turn(conversation),
    }
}

fn turn(conversation: &Conversation) -> Reply {
    let results = conversation.tool_results();
    let steered = conversation.steered();
    if let Some(prompt) = conversation.prompt() {
        answer(prompt, conversation)
    } else if !results.is_empty() {
        let mut said = format!("Result: {}", results.join(" + "));
        for message in steered {
            said.push_str(&format!(" | and: {message}"));
        }
        text(&said)
    } else if let Some(prompt) = steered.last() {
        answer(prompt, conversation)
    } else if conversation.is_notified() {
        text("Echo: the background task ended")
    } else {
        text("Echo: nothing")
    }
}

/// A prompt may come after a recap of a lost conversation: what is asked for stands behind it, and is done; an
/// echo repeats the whole.
fn answer(prompt: &str, conversation: &Conversation) -> Reply {
    let asked = prompt.strip_prefix("<recap>").and_then(|rest| rest.split_once("</recap>"));
    let asked = asked.map_or(prompt, |(_, behind)| behind.trim_start());
    match asked {
        "recall" | "what did I say?" => return recall(conversation),
        "md" => return text(MARKDOWN),
        "think" => {
            return Reply::Blocks(vec![Block::Thinking("Let me think about it."), Block::whole("Thought.")]);
        }
        "ask" => return tool("AskUserQuestion", question()),
        "plan" => return tool("ExitPlanMode", json!({ "plan": "1. Do it\n2. Check it" })),
        "cut" => return Reply::Blocks(vec![Block::Text(vec![Piece::Delta("Cut ".into()), Piece::Cut])]),
        _ => {}
    }
    let (command, rest) = asked.split_once(' ').unwrap_or((asked, ""));
    command_with_arguments(command, rest.trim()).unwrap_or_else(|| text(&format!("Echo: {prompt}")))
}

/// `None`: it only looked like a command.
fn command_with_arguments(command: &str, rest: &str) -> Option<Reply> {
    let mut words = rest.split_whitespace();
    match command {
        _ if rest.is_empty() => None,
        "words" => Some(counted(words.next()?.parse().ok()?, words.next()?.parse().ok()?)),
        "hold" => Some(held(words.next()?)),
        "big" => Some(text(&filler(rest.parse().ok()?))),
        "bash" => Some(bash(rest, false)),
        "background" => Some(bash(rest, true)),
        "write" => Some(tool("Write", json!({ "file_path": rest, "content": "hello\n" }))),
        "tool" => {
            let (name, input) = rest.split_once(' ')?;
            Some(tool(name, serde_json::from_str(input).ok()?))
        }
        "subagent" => {
            let input = json!({ "description": "Count", "prompt": rest, "subagent_type": "general-purpose" });
            Some(tool("Agent", input))
        }
        "error" | "err" => {
            let status = words.next()?.parse().ok().filter(|status| (400..600).contains(status))?;
            let Some(times) = words.next() else { return Some(Reply::Error { status }) };
            Some(Reply::Flaky { status, times: times.parse().ok()?, prompt: rest.to_owned() })
        }
        _ => None,
    }
}

fn recall(conversation: &Conversation) -> Reply {
    let prompts = conversation.prompts();
    let earlier = prompts.split_last().map_or(&[][..], |(_, earlier)| earlier);
    if earlier.is_empty() {
        return text("I remember nothing");
    }
    text(&format!("I remember: {}", earlier.join(" | ")))
}

fn counted(words: u32, every: u64) -> Reply {
    let mut pieces = Vec::new();
    for word in 0..words {
        if word > 0 && every > 0 {
            pieces.push(Piece::Pause(Duration::from_millis(every)));
        }
        let space = if word + 1 < words { " " } else { "" };
        pieces.push(Piece::Delta(format!("w{word}{space}")));
    }
    Reply::Blocks(vec![Block::Text(pieces)])
}

fn held(name: &str) -> Reply {
    let pieces =
        vec![Piece::Delta("Holding ".into()), Piece::Hold(name.to_owned()), Piece::Delta(name.to_owned())];
    Reply::Blocks(vec![Block::Text(pieces)])
}

fn bash(command: &str, background: bool) -> Reply {
    let mut input = json!({ "command": command, "description": "Scripted command" });
    if background {
        input["run_in_background"] = json!(true);
    }
    Reply::Blocks(vec![Block::whole("Running it. "), Block::Tool { name: "Bash".into(), input }])
}

fn question() -> Value {
    json!({ "questions": [{
        "question": "Which colour?",
        "header": "Colour",
        "multiSelect": false,
        "options": [
            { "label": "Red", "description": "warm" },
            { "label": "Blue", "description": "cold" },
        ],
    }] })
}

fn tool(name: &str, input: Value) -> Reply {
    Reply::Blocks(vec![Block::Tool { name: name.to_owned(), input }])
}

fn text(text: &str) -> Reply {
    Reply::Blocks(vec![Block::whole(text)])
}

/// Lines that say where they are, so that a missing piece shows.
fn filler(bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 64);
    for line in 0.. {
        if out.len() >= bytes {
            break;
        }
        out.push_str(&format!("line {line} of a long reply\n"));
    }
    out.truncate(bytes);
    out
}

const MARKDOWN: &str = "# Disk report

The **root** volume is *nearly full*: `df -h` says ~~80%~~ **97%**.

1. Clean the cache
   - `~/.cache` holds 4 GB
   - [x] looked
2. Ask <the owner> & wait

> Quoted: 1 < 2 && 3 > 2

| mount | used |
|-------|-----:|
| /     |  97% |
| /home |  12% |

```rust
fn main() { println!(\"<b>\"); }
```

See [the manual](https://example.com/a_b?c=d&e=f). Done: \u{e4}\u{f6}\u{fc} \u{65e5}\u{672c}\u{8a9e} \u{1f600}.
";
