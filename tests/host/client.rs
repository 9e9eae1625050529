//! A client of the test's own on the host's socket: requests out, frames in.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::home::Home;

pub(crate) struct Client {
    reader: BufReader<UnixStream>,
    last: u64,
    /// Frames that came while something else was waited for.
    waiting: Vec<Value>,
}

impl Client {
    /// Connects to the host of this home, which must be up.
    #[track_caller]
    pub(crate) fn connect(home: &Home) -> Self {
        Self::connect_as("cli", home)
    }

    #[track_caller]
    pub(crate) fn connect_as(name: &str, home: &Home) -> Self {
        let host = home.host().expect("a host is up");
        let stream = UnixStream::connect(&host.socket).expect("the host listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut client = Self { reader: BufReader::new(stream), last: 0, waiting: Vec::new() };
        client.say(&json!({ "claudebot": "0", "protocol": host.protocol, "client": name }));
        let welcome = client.hear().expect("a welcome");
        assert_eq!(welcome["error"], Value::Null, "{welcome}");
        client
    }

    fn say(&mut self, line: &Value) {
        writeln!(self.reader.get_mut(), "{line}").expect("the host reads");
    }

    /// The next frame; `None` when the host has closed the connection.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> Option<Value> {
        if !self.waiting.is_empty() {
            return Some(self.waiting.remove(0));
        }
        self.read()
    }

    #[track_caller]
    fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).expect("JSON")),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("the host says nothing: {error}"),
        }
    }

    pub(crate) fn post(&mut self, request: &Value) -> u64 {
        self.last += 1;
        let id = self.last;
        self.say(&json!({ "id": id, "request": request }));
        id
    }

    /// The answer to a request: `Ok` with its data, or the error.
    #[track_caller]
    pub(crate) fn answer(&mut self, id: u64) -> Result<Value, Value> {
        loop {
            let frame = self.read().expect("an answer");
            if frame["ok"]["id"] == id {
                return Ok(frame["ok"]["response"]["data"].clone());
            }
            if frame["error"]["id"] == id {
                return Err(frame["error"]["error"].clone());
            }
            self.waiting.push(frame);
        }
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Value, Value> {
        let id = self.post(request);
        self.answer(id)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, session: &str, text: &str) -> Value {
        let request = json!({
            "type": "send", "session": { "exact": session }, "key": format!("test:{session}:{text}:{}", self.last),
            "text": text, "attachments": [], "delivery": "queue",
        });
        self.ask(&request).expect("accepted")
    }

    #[track_caller]
    pub(crate) fn subscribe(&mut self, session: &str, since: u64) -> u64 {
        let id = self.post(&json!({ "type": "subscribe", "session": { "exact": session }, "since": since }));
        self.answer(id).expect("subscribed");
        id
    }

    /// The next push that fits; those before it are passed over.
    #[track_caller]
    pub(crate) fn until(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let frame = self.hear().expect("the connection is open");
            if fits(&frame["push"]["push"]) {
                return frame["push"]["push"].clone();
            }
        }
    }

    #[track_caller]
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        self.until(|push| push["event"]["kind"] == kind)["event"].clone()
    }
}
