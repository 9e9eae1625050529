//! Connections, and what is answered on them.

use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::super::http::{HttpRequest, send_json};
use super::ApiRequest;
use super::conversation::{Conversation, Purpose, purpose};
use super::script::{Block, Reply, reply};
use super::state::Shared;
use super::stream::{Outcome, send_events, send_whole};

/// Accepts until the server stops, then waits for the requests that are still being answered.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut workers: Vec<JoinHandle<()>> = Vec::new();
    for number in 0.. {
        let Ok((stream, _)) = listener.accept() else { break };
        if !shared.admit(number, &stream) {
            break;
        }
        workers.retain(|worker| !worker.is_finished());
        let shared = Arc::clone(shared);
        workers.push(std::thread::spawn(move || {
            // A client that hangs up in the middle is something tests do, not an error of the server.
            serve(&stream, &shared, number).ok();
            shared.close(number, &stream);
        }));
    }
    for worker in workers {
        worker.join().ok();
    }
}

fn serve(stream: &TcpStream, shared: &Shared, number: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(request) = HttpRequest::read(stream)? else { return Ok(()) };
    let body = serde_json::from_slice::<Value>(&request.body);
    match (request.method.as_str(), request.path.as_str(), body) {
        ("POST", "/v1/messages", Ok(body)) => {
            record(shared, number, &request, &body, purpose(&body));
            answer_watched(stream, shared, number, &body)
        }
        ("POST", "/v1/messages/count_tokens", Ok(body)) => {
            record(shared, number, &request, &body, Purpose::CountTokens);
            shared.finish(number, Outcome::Answered);
            send_json(stream, 200, &[], &json!({ "input_tokens": request.body.len() / 4 }), false)
        }
        ("POST", _, Err(error)) => refuse(stream, 400, &format!("not JSON: {error}"), false, false),
        (method, path, _) => {
            refuse(stream, 404, &format!("the scripted API has no {method} {path}"), false, method == "HEAD")
        }
    }
}

fn record(shared: &Shared, number: u64, request: &HttpRequest, body: &Value, purpose: Purpose) {
    let recorded = ApiRequest {
        purpose,
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        conversation: Conversation::read(body),
        session: request.header("x-claude-code-session-id").map(str::to_owned),
        raw: request.body.clone().into(),
        outcome: Outcome::Open,
        held_at: None,
    };
    shared.change(|state| state.requests.insert(number, recorded));
}

/// Answers while another thread looks whether the client is still there: a reply that waits would not notice.
fn answer_watched(stream: &TcpStream, shared: &Shared, number: u64, body: &Value) -> io::Result<()> {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut reader = stream;
            // Nothing more is expected from the client: whatever comes is the end.
            reader.read_exact(&mut [0]).ok();
            shared.hang_up(number);
        });
        let outcome = answer(stream, shared, number, body);
        shared.finish(number, *outcome.as_ref().unwrap_or(&Outcome::Broken));
        shared.close(number, stream);
        outcome.map(drop)
    })
}

fn answer(stream: &TcpStream, shared: &Shared, number: u64, body: &Value) -> io::Result<Outcome> {
    let blocks = match reply(purpose(body), &Conversation::read(body)) {
        Reply::Blocks(blocks) => blocks,
        Reply::Error { status } => return fail(stream, status, false),
        Reply::Flaky { status, times, prompt } if is_due(shared, &prompt, times) => {
            return fail(stream, status, true);
        }
        Reply::Flaky { .. } => vec![Block::whole("Recovered")],
    };
    let model = body["model"].as_str().unwrap_or_default();
    let send = if body["stream"] == true { send_events } else { send_whole };
    send(stream, model, &blocks, &|piece| shared.pause(number, piece))
}

/// Whether this prompt is to fail once more.
fn is_due(shared: &Shared, prompt: &str, times: u32) -> bool {
    shared.change(|state| {
        let failed = state.failures.entry(prompt.to_owned()).or_default();
        *failed += 1;
        *failed <= times
    })
}

fn fail(stream: &TcpStream, status: u16, retry: bool) -> io::Result<Outcome> {
    refuse(stream, status, &format!("scripted error {status}"), retry, false)?;
    Ok(Outcome::Answered)
}

fn refuse(stream: &TcpStream, status: u16, words: &str, retry: bool, head: bool) -> io::Result<()> {
    let kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    let retry = if retry { "true" } else { "false" };
    let body = json!({ "type": "error", "error": { "type": kind, "message": words } });
    send_json(stream, status, &[("x-should-retry", retry)], &body, head)
}
