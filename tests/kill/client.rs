//! A client that speaks the socket's lines itself: what a front end of another make would do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chance::pause;
use crate::support::PATIENCE;
use crate::support::home::Home;

/// Why there was no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// No host, or it went away: whether the request had an effect is not known.
    Lost,
    /// The host's own words.
    Refused(Value),
}

pub(super) struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    last: u64,
}

impl Client {
    /// A connection to the host that holds the lock.
    pub(super) fn connect(home: &Home) -> Result<Self, Failure> {
        let host = home.host().ok_or(Failure::Lost)?;
        let writer = UnixStream::connect(&host.socket).map_err(|_| Failure::Lost)?;
        writer.set_read_timeout(Some(PATIENCE)).map_err(|_| Failure::Lost)?;
        let reader = writer.try_clone().map_err(|_| Failure::Lost)?;
        let mut client = Self { reader: BufReader::new(reader), writer, last: 0 };
        client.line(&json!({ "claudebot": "0.0.0", "protocol": host.protocol, "client": "cli" }))?;
        let welcome = client.read()?;
        assert_eq!(welcome["error"], Value::Null, "the host does not serve this protocol");
        Ok(client)
    }

    /// Connects as soon as a host is there.
    #[track_caller]
    pub(super) fn wait(home: &Home) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Self::connect(home) {
                Ok(client) => return client,
                Err(failure) if Instant::now() > deadline => panic!("no host came up: {failure:?}"),
                // Nothing tells of a host that another thread starts.
                Err(_) => pause(Duration::from_millis(5)),
            }
        }
    }

    fn line(&mut self, line: &Value) -> Result<(), Failure> {
        self.writer.write_all(format!("{line}\n").as_bytes()).map_err(|_| Failure::Lost)
    }

    fn read(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(1..) if line.ends_with('\n') => Ok(serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("the host wrote what is no JSON: {error}: {line}"))),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("the host said nothing for {PATIENCE:?}")
            }
            _ => Err(Failure::Lost),
        }
    }

    /// Sends a request; the id of its answers.
    pub(super) fn send(&mut self, request: &Value) -> Result<u64, Failure> {
        self.last += 1;
        let id = self.last;
        self.line(&json!({ "id": id, "request": request }))?;
        Ok(id)
    }

    /// Asks, and waits for the answer.
    pub(super) fn call(&mut self, request: &Value) -> Result<Value, Failure> {
        let id = self.send(request)?;
        loop {
            let frame = self.read()?;
            if frame["ok"]["id"] == id {
                return Ok(frame["ok"]["response"].clone());
            }
            if frame["error"]["id"] == id {
                return Err(Failure::Refused(frame["error"]["error"].clone()));
            }
        }
    }

    /// The next thing that a subscription brings, unless nobody wants it any more.
    pub(super) fn push_unless(&mut self, is_over: impl Fn() -> bool) -> Result<Value, Failure> {
        let short = Some(Duration::from_millis(200));
        self.writer.set_read_timeout(short).map_err(|_| Failure::Lost)?;
        while self.reader.buffer().is_empty() && !is_over() {
            match self.reader.fill_buf() {
                Ok([]) => return Err(Failure::Lost),
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(Failure::Lost),
                _ => {}
            }
        }
        self.writer.set_read_timeout(Some(PATIENCE)).map_err(|_| Failure::Lost)?;
        if is_over() { Err(Failure::Lost) } else { self.push() }
    }

    /// The next thing that a subscription brings.
    pub(super) fn push(&mut self) -> Result<Value, Failure> {
        loop {
            let frame = self.read()?;
            if frame["push"].is_object() {
                return Ok(frame["push"]["push"].clone());
            }
            if frame["error"].is_object() {
                return Err(Failure::Refused(frame["error"]["error"].clone()));
            }
        }
    }
}

/// Asks until a host answers, whichever it is: for requests that may be repeated.
#[track_caller]
pub(super) fn ask(home: &Home, request: &Value) -> Result<Value, Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Client::wait(home).call(request) {
            Ok(response) => return Ok(response),
            Err(Failure::Refused(error)) => return Err(error),
            Err(Failure::Lost) => assert!(Instant::now() < deadline, "no host answers {request}"),
        }
    }
}

pub(super) fn named(session: &str) -> Value {
    json!({ "name": session })
}

pub(super) fn prompt(session: &str, key: &str, text: &str, delivery: &str) -> Value {
    json!({
        "type": "send", "session": named(session), "key": key, "text": text,
        "attachments": [], "delivery": delivery,
    })
}
