//! A client of the host's socket, independent of claudebot's own code: it notes when bytes came.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::measure::now;
use crate::support::PATIENCE;
use crate::support::home::HostLock;

pub(crate) struct Client {
    stream: UnixStream,
    buffer: Vec<u8>,
    /// Where the line that is not yet handed out begins.
    start: usize,
    /// When the last bytes came.
    received: u64,
    last_id: u64,
}

/// A line of the host, and when its end was read.
pub(crate) struct Frame {
    pub(crate) value: Value,
    pub(crate) received: u64,
}

impl Client {
    #[track_caller]
    pub(crate) fn connect(host: &HostLock) -> Self {
        let HostLock { socket, protocol, .. } = host;
        let stream = UnixStream::connect(socket)
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", socket.display()));
        stream.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("no time limit: {error}"));
        let mut client = Self { stream, buffer: Vec::new(), start: 0, received: 0, last_id: 0 };
        client.write(&json!({ "claudebot": "bench", "protocol": protocol, "client": "cli" }));
        let welcome = client.next().value;
        assert!(welcome["error"].is_null(), "the host refuses: {welcome}");
        client
    }

    fn write(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.stream.write_all(line.as_bytes()).unwrap_or_else(|error| panic!("the host is gone: {error}"));
    }

    /// Sends a request, and says when its first byte was about to leave.
    pub(crate) fn send(&mut self, request: &Value) -> (u64, u64) {
        self.last_id += 1;
        let line = format!("{}\n", json!({ "id": self.last_id, "request": request }));
        let sent = now();
        self.stream.write_all(line.as_bytes()).unwrap_or_else(|error| panic!("the host is gone: {error}"));
        (self.last_id, sent)
    }

    /// Sends a request and waits for its answer; pushes that come before are dropped.
    #[track_caller]
    pub(crate) fn call(&mut self, request: &Value) -> Value {
        let (id, _) = self.send(request);
        self.answer(id)
    }

    #[track_caller]
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        loop {
            let mut frame = self.next().value;
            if frame["ok"]["id"] == id {
                return frame["ok"]["response"].take();
            }
            assert!(frame["error"]["id"] != id, "refused: {frame}");
        }
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Frame {
        loop {
            if let Some(length) = self.buffer[self.start..].iter().position(|byte| *byte == b'\n') {
                let line = &self.buffer[self.start..self.start + length];
                let value = serde_json::from_slice(line)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)));
                self.start += length + 1;
                return Frame { value, received: self.received };
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            let mut chunk = [0; 64 << 10];
            let read =
                self.stream.read(&mut chunk).unwrap_or_else(|error| panic!("the host is silent: {error}"));
            self.received = now();
            assert!(read > 0, "the host has closed the connection");
            self.buffer.extend_from_slice(&chunk[..read]);
        }
    }
}

/// Makes a session that is not live.
pub(crate) fn new_session(name: &str, agent: &str, dir: &Path) -> Value {
    json!({ "type": "session_new", "name": name, "persona": null, "dir": dir, "agent": agent, "model": null,
            "tags": [], "switch": null, "allow_wide_dir": false })
}

pub(crate) fn subscribe(session: &str) -> Value {
    json!({ "type": "subscribe", "session": { "exact": session }, "since": 0 })
}

/// Only what is still to come.
pub(crate) fn subscribe_from_now(session: &str) -> Value {
    json!({ "type": "subscribe", "session": { "exact": session }, "since": u64::MAX })
}

pub(crate) fn send_prompt(session: &str, text: &str) -> Value {
    let key = format!("bench:{}", uuid::Uuid::new_v4());
    json!({ "type": "send", "session": { "exact": session }, "key": key, "text": text, "attachments": [],
            "delivery": "queue" })
}
