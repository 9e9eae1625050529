//! A reply as the Messages API sends it: server-sent events, or one JSON document.

use std::io::{self, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::http::send_json;
use super::script::{Block, Piece};

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Still being answered.
    Open,
    /// Sent whole, or refused as scripted.
    Answered,
    /// The client hung up, or the script cut the connection.
    Broken,
}

/// Waits as a [`Piece`] says, pause or gate; false: the reply ends here.
pub(super) type Wait<'a> = &'a dyn Fn(&Piece) -> bool;

pub(super) fn send_events(
    stream: &TcpStream,
    model: &str,
    blocks: &[Block],
    wait: Wait,
) -> io::Result<Outcome> {
    start_events(stream)?;
    send_event(stream, &json!({ "type": "message_start", "message": message(model) }))?;
    send_event(stream, &json!({ "type": "ping" }))?;
    for (index, block) in blocks.iter().enumerate() {
        let start = json!({ "type": "content_block_start", "index": index, "content_block": empty(block) });
        send_event(stream, &start)?;
        if !send_deltas(stream, index, block, wait)? {
            return Ok(Outcome::Broken);
        }
        send_event(stream, &json!({ "type": "content_block_stop", "index": index }))?;
    }
    let delta = json!({ "stop_reason": stop_reason(blocks), "stop_sequence": null });
    send_event(
        stream,
        &json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 20 } }),
    )?;
    send_event(stream, &json!({ "type": "message_stop" }))?;
    Ok(Outcome::Answered)
}

/// False: the reply ends here.
fn send_deltas(stream: &TcpStream, index: usize, block: &Block, wait: Wait) -> io::Result<bool> {
    let send = |delta: Value| {
        send_event(stream, &json!({ "type": "content_block_delta", "index": index, "delta": delta }))
    };
    match block {
        Block::Thinking(text) => {
            send(json!({ "type": "thinking_delta", "thinking": text }))?;
            send(json!({ "type": "signature_delta", "signature": "c2ln" }))?;
        }
        Block::Tool { input, .. } => {
            send(json!({ "type": "input_json_delta", "partial_json": input.to_string() }))?;
        }
        Block::Text(pieces) => {
            for piece in pieces {
                match piece {
                    Piece::Delta(text) => send(json!({ "type": "text_delta", "text": text }))?,
                    other if !wait(other) => return Ok(false),
                    _ => {}
                }
            }
        }
    }
    Ok(true)
}

pub(super) fn send_whole(
    stream: &TcpStream,
    model: &str,
    blocks: &[Block],
    wait: Wait,
) -> io::Result<Outcome> {
    let mut content = Vec::new();
    for block in blocks {
        let mut whole = empty(block);
        match block {
            Block::Thinking(text) => {
                whole["thinking"] = json!(text);
                whole["signature"] = json!("c2ln");
            }
            Block::Tool { input, .. } => whole["input"] = input.clone(),
            Block::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Delta(delta) => text.push_str(delta),
                        other if !wait(other) => return Ok(Outcome::Broken),
                        _ => {}
                    }
                }
                whole["text"] = json!(text);
            }
        }
        content.push(whole);
    }
    let mut whole = message(model);
    whole["content"] = json!(content);
    whole["stop_reason"] = json!(stop_reason(blocks));
    whole["usage"]["output_tokens"] = json!(20);
    send_json(stream, 200, &[], &whole, false)?;
    Ok(Outcome::Answered)
}

fn message(model: &str) -> Value {
    json!({
        "id": format!("msg_{}", Uuid::new_v4().simple()),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {
            "input_tokens": 10,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
        },
    })
}

/// A block as `content_block_start` announces it.
fn empty(block: &Block) -> Value {
    match block {
        Block::Thinking(_) => json!({ "type": "thinking", "thinking": "", "signature": "" }),
        Block::Text(_) => json!({ "type": "text", "text": "" }),
        Block::Tool { name, .. } => {
            let id = format!("toolu_{}", Uuid::new_v4().simple());
            json!({ "type": "tool_use", "id": id, "name": name, "input": {} })
        }
    }
}

fn stop_reason(blocks: &[Block]) -> &'static str {
    let uses_tool = blocks.iter().any(|block| matches!(block, Block::Tool { .. }));
    if uses_tool { "tool_use" } else { "end_turn" }
}

/// The head of an event stream, which lasts until the connection closes.
fn start_events(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n",
    )
}

/// One server-sent event, written at once.
fn send_event(mut stream: &TcpStream, data: &Value) -> io::Result<()> {
    let kind = data.get("type").and_then(Value::as_str).unwrap_or("message");
    stream.write_all(format!("event: {kind}\ndata: {data}\n\n").as_bytes())?;
    stream.flush()
}
