//! The stream-json and control protocol as typed values: what Claude says, and what we say to it.
//!
//! The vendor adds messages and fields with every release. So fields we do not know are ignored, messages we
//! do not know are kept whole ([`Incoming::Unknown`]), and a line that is no message at all, or a known one
//! in a shape we cannot read, is kept with the reason ([`Incoming::Malformed`]). Nothing here is fatal.
//!
//! The place of `type` in a line is not fixed (a `result` may have it in the middle), so a line is read
//! twice: once for its kind, once into its type. Only stream events, which are nearly all lines, are told by
//! their first bytes and read once.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the whole protocol is typed, also what no room of ours asks for yet")
)]

mod control;
mod lenient;
mod lines;
mod message;
mod outgoing;
mod result;
mod stream;
mod system;

use serde::Deserialize;

pub(crate) use control::{Ask, CanUseTool, ControlRequest, ControlResponse, PermissionUpdate};
pub(crate) use lines::{Line, Lines};
pub(crate) use message::{Assistant, Block, Content, User};
pub(in crate::claude) use message::{is_interrupt_mark, local_output};
pub(crate) use outgoing::{Answer, Outgoing, Priority, PromptBlock, Request};
pub(crate) use result::{TurnResult, UNKNOWN_CONVERSATION};
pub(crate) use stream::{BlockStart, Delta, Event, StreamEvent};
pub(crate) use system::{BackgroundTask, Lifecycle, LifecycleState, Notice, RateLimit, Reset, System};

/// How much of a malformed line is kept.
const KEPT_OF_MALFORMED: usize = 64 * 1024;
/// How every release begins the lines that must be fast.
const STREAM_EVENT: &[u8] = br#"{"type":"stream_event""#;

/// A line that Claude wrote.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Incoming {
    System(Box<System>),
    Stream(StreamEvent),
    Assistant(Box<Assistant>),
    User(Box<User>),
    Result(Box<TurnResult>),
    Lifecycle(Lifecycle),
    Reset(Reset),
    RateLimit(RateLimit),
    ControlRequest(ControlRequest),
    ControlResponse(ControlResponse),
    /// The request with this id needs no answer any more.
    ControlCancel {
        request_id: String,
    },
    KeepAlive,
    /// A message of a kind we do not know: `kind` is its type, with the part that is new.
    Unknown {
        kind: String,
        raw: String,
    },
    /// No message, or a known one that we could not read.
    Malformed {
        line: String,
        error: String,
    },
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "lenient::or_default")]
    subtype: Option<String>,
}

#[derive(Deserialize)]
struct Cancel {
    request_id: String,
}

/// Reads one line, without its newline.
pub(crate) fn parse(line: &[u8]) -> Incoming {
    typed(line).unwrap_or_else(|error| malformed(line, &error.to_string()))
}

/// A line that cannot be a message, with the reason.
pub(crate) fn malformed(line: &[u8], error: &str) -> Incoming {
    let kept = &line[..line.len().min(KEPT_OF_MALFORMED)];
    Incoming::Malformed { line: String::from_utf8_lossy(kept).into_owned(), error: error.to_owned() }
}

fn typed(line: &[u8]) -> Result<Incoming, serde_json::Error> {
    if line.starts_with(STREAM_EVENT) {
        return stream_event(line);
    }
    let head: Head = serde_json::from_slice(line)?;
    Ok(match head.kind.as_str() {
        "stream_event" => stream_event(line)?,
        "system" => Incoming::System(Box::new(system::parse(&head.subtype.unwrap_or_default(), line)?)),
        "assistant" => Incoming::Assistant(serde_json::from_slice(line)?),
        "user" => Incoming::User(serde_json::from_slice(line)?),
        "result" => Incoming::Result(serde_json::from_slice(line)?),
        "command_lifecycle" => Incoming::Lifecycle(serde_json::from_slice(line)?),
        "conversation_reset" => Incoming::Reset(serde_json::from_slice(line)?),
        "rate_limit_event" => {
            Incoming::RateLimit(serde_json::from_value(system::field(line, "rate_limit_info")?)?)
        }
        "control_request" => Incoming::ControlRequest(control::parse_request(line)?),
        "control_response" => Incoming::ControlResponse(control::parse_response(line)?),
        "control_cancel_request" => {
            let Cancel { request_id } = serde_json::from_slice(line)?;
            Incoming::ControlCancel { request_id }
        }
        "keep_alive" => Incoming::KeepAlive,
        _ => unknown(head.kind, line),
    })
}

fn stream_event(line: &[u8]) -> Result<Incoming, serde_json::Error> {
    let event = stream::parse(line)?;
    Ok(event.map_or_else(|| unknown("stream_event".to_owned(), line), Incoming::Stream))
}

fn unknown(kind: String, line: &[u8]) -> Incoming {
    Incoming::Unknown { kind, raw: String::from_utf8_lossy(line).into_owned() }
}
