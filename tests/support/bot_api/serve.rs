//! Connections, and what is answered on them.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::http::{HttpRequest, send, send_json};
use super::TOKEN;
use super::fault::{Fault, Instead};
use super::methods::{Answer, Method};
use super::params::{Params, decode};
use super::refusal::Refusal;
use super::state::Shared;
use super::transcript::Outcome;
use super::updates::get_updates;

/// A call that nobody releases goes on by itself, so that a failing test cannot hang its bot.
const LONGEST_HOLD: Duration = Duration::from_secs(120);

/// Accepts until the server stops, then waits for the requests that are still being answered.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut workers: Vec<JoinHandle<()>> = Vec::new();
    for number in 0.. {
        let Ok((stream, _)) = listener.accept() else { break };
        if shared.is_stopping() {
            break;
        }
        if !shared.admit(number, &stream) {
            continue;
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
    let path = decode(&request.path, false);
    let (is_file, rest) = match path.strip_prefix("/file/bot") {
        Some(rest) => (true, rest),
        None => (false, path.strip_prefix("/bot").unwrap_or_default()),
    };
    let Some((token, what)) = rest.split_once('/') else {
        return refuse(stream, &Refusal::new(404, "Not Found"));
    };
    let call = Request { shared, stream, number, token, what, is_file, request: &request };
    std::thread::scope(|scope| {
        // A call that waits would not notice that its client has gone: another thread looks.
        scope.spawn(|| {
            let mut reader = stream;
            reader.read_exact(&mut [0]).ok();
            shared.hang_up(number);
        });
        let served = call.serve();
        shared.close(number, stream);
        served
    })
}

fn refuse(stream: &TcpStream, refusal: &Refusal) -> io::Result<()> {
    let seconds = refusal.retry_after.map(|seconds| seconds.to_string());
    let headers: Vec<(&str, &str)> =
        seconds.iter().map(|seconds| ("retry-after", seconds.as_str())).collect();
    send_json(stream, refusal.code, &headers, &refusal.body(), false)
}

/// What is sent back.
enum Reply {
    Json(Answer),
    File(Arc<[u8]>),
}

struct Request<'a> {
    shared: &'a Shared,
    stream: &'a TcpStream,
    number: u64,
    token: &'a str,
    /// The method, or the path of a file.
    what: &'a str,
    is_file: bool,
    request: &'a HttpRequest,
}

impl Request<'_> {
    fn serve(&self) -> io::Result<()> {
        let method = Method::named(self.what);
        let name = if self.is_file { "download" } else { method.map_or(self.what, |method| method.name) };
        let params = if self.is_file { Ok(Params::default()) } else { Params::read(self.request) };
        let (call, fault) = self.arrive(name, &params);
        if self.token != TOKEN {
            return self.answer(call, Reply::Json(Err(Refusal::unauthorized())));
        }
        if let Some(instead) = fault.as_ref().and_then(Fault::instead) {
            return self.answer_by_fault(call, instead);
        }
        match &fault {
            Some(Fault::Delay(time)) => self.pause(*time),
            Some(Fault::Hold(gate)) => self.hold(gate),
            _ => {}
        }
        let reply = match (self.is_file, method, params) {
            (true, ..) => self.file(),
            (_, None, _) => Reply::Json(Err(Refusal::new(404, "Not Found: method not found"))),
            (_, Some(method), params) => {
                Reply::Json(params.and_then(|params| self.run(method, &params, call)))
            }
        };
        match fault {
            Some(Fault::LoseAnswer) => self.lose(call, reply, false),
            Some(Fault::HalfAnswer) => self.lose(call, reply, true),
            Some(Fault::DelayAnswer(time)) => {
                self.pause(time);
                self.answer(call, reply)
            }
            Some(Fault::HoldAnswer(gate)) => {
                self.hold(gate);
                self.answer(call, reply)
            }
            _ => self.answer(call, reply),
        }
    }

    /// Notes the call, and finds out what is to go wrong with it.
    fn arrive(&self, name: &str, params: &Result<Params, Refusal>) -> (u64, Option<Fault>) {
        self.shared.change(|state| {
            let at = state.clock.nanos();
            let number = state.transcript.open(at, name);
            let chat = params.as_ref().ok().and_then(|params| params.number("chat_id"));
            if let (Some(call), Ok(params)) = (state.transcript.call(number), params) {
                call.chat = chat;
                call.thread = params.number("message_thread_id");
                call.payload = if self.is_file { json!({ "path": self.what }) } else { params.payload() };
            }
            (number, state.faults.take(name, chat).filter(|_| self.token == TOKEN))
        })
    }

    /// The outcome is noted in the same moment in which the call takes effect.
    fn run(&self, method: &Method, params: &Params, call: u64) -> Answer {
        if method.name == "getUpdates" {
            method.check_names(params)?;
            return get_updates(self.shared, self.number, params);
        }
        self.shared.change(|state| {
            let answer = method.run(state, params);
            let nanos = state.clock.nanos();
            if let Some(call) = state.transcript.call(call) {
                call.ended = Some(nanos);
                call.outcome = outcome(&answer);
            }
            answer
        })
    }

    fn file(&self) -> Reply {
        let state = self.shared.lock();
        match state.world.files.at(self.what) {
            Some(file) => Reply::File(Arc::clone(&file.bytes)),
            None => Reply::Json(Err(Refusal::new(404, "Not Found"))),
        }
    }

    fn end(&self, call: u64, outcome: Outcome) {
        self.shared.change(|state| {
            let nanos = state.clock.nanos();
            if let Some(call) = state.transcript.call(call) {
                call.ended = call.ended.or(Some(nanos));
                call.outcome = outcome;
            }
        });
    }

    fn answer(&self, call: u64, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::File(bytes) => {
                self.end(call, Outcome::Done(json!({ "file_size": bytes.len() })));
                send(self.stream, 200, &[("content-type", "application/octet-stream")], &bytes, false)
            }
            Reply::Json(answer) => {
                self.end(call, outcome(&answer));
                match answer {
                    Ok(result) => send_json(self.stream, 200, &[], &ok(&result), false),
                    Err(refusal) => refuse(self.stream, &refusal),
                }
            }
        }
    }

    fn answer_by_fault(&self, call: u64, instead: Instead) -> io::Result<()> {
        match instead {
            Instead::Cut => {
                self.end(call, Outcome::Faulted(None));
                Ok(())
            }
            Instead::Refusal(refusal) => {
                self.end(call, Outcome::Faulted(Some(refusal.code)));
                refuse(self.stream, &refusal)
            }
            Instead::Raw(status, kind, body) => {
                self.end(call, Outcome::Faulted(Some(status)));
                send(self.stream, status, &[("content-type", kind)], body.as_bytes(), false)
            }
        }
    }

    fn lose(&self, call: u64, reply: Reply, half: bool) -> io::Result<()> {
        let (answer, body) = match reply {
            Reply::File(bytes) => (Ok(json!({ "file_size": bytes.len() })), bytes.to_vec()),
            Reply::Json(answer) => {
                let body = answer.as_ref().map_or_else(Refusal::body, ok).to_string();
                (answer, body.into_bytes())
            }
        };
        self.end(call, Outcome::Lost(answer));
        if !half {
            return Ok(());
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = self.stream;
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body[..body.len() / 2])
    }

    /// Ends early when the client hangs up.
    fn pause(&self, time: Duration) {
        self.shared.wait(time, |state| state.is_gone(self.number).then_some(()));
    }

    fn hold(&self, gate: &str) {
        self.shared.change(|state| state.held.insert(self.number, gate.to_owned()));
        self.shared.wait(LONGEST_HOLD, |state| {
            (state.is_gone(self.number) || state.open_gates.contains(gate)).then_some(())
        });
        self.shared.change(|state| state.held.remove(&self.number));
    }
}

fn ok(result: &Value) -> Value {
    json!({ "ok": true, "result": result })
}

fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Ok(result) => Outcome::Done(result.clone()),
        Err(refusal) => Outcome::Refused(refusal.clone()),
    }
}
