//! The host's socket by hand: what no command of the command line asks for, and what is live.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::desk::parsed;
use crate::support::PATIENCE;
use crate::support::home::Home;

pub(crate) struct Wire {
    stream: BufReader<UnixStream>,
    last: u64,
    /// Came before the answer that was waited for.
    pushes: VecDeque<Value>,
}

impl Wire {
    /// To a host that is up.
    #[track_caller]
    pub(crate) fn connect(home: &Home) -> Self {
        let host = home.host().unwrap_or_else(|| panic!("no host is up"));
        let stream = UnixStream::connect(&host.socket).unwrap_or_else(|error| panic!("no host: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("no time limit: {error}"));
        let mut wire = Self { stream: BufReader::new(stream), last: 0, pushes: VecDeque::new() };
        wire.write(&json!({ "claudebot": "test", "protocol": host.protocol, "client": "cli" }));
        let welcome = wire.read();
        assert_eq!(welcome["pid"], host.pid, "{welcome}");
        wire
    }

    #[track_caller]
    fn write(&mut self, frame: &Value) {
        let written = self.stream.get_mut().write_all(format!("{frame}\n").as_bytes());
        written.unwrap_or_else(|error| panic!("the host hung up: {error}"));
    }

    #[track_caller]
    fn read(&mut self) -> Value {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(1..) => parsed(&line),
            Ok(_) => panic!("the host hung up"),
            Err(error) => panic!("the host does not answer: {error}"),
        }
    }

    /// The answer, or the error.
    #[track_caller]
    pub(crate) fn call(&mut self, request: Value) -> Result<Value, Value> {
        self.last += 1;
        let id = self.last;
        self.write(&json!({ "id": id, "request": request }));
        loop {
            let frame = self.read();
            if frame["ok"]["id"] == id {
                return Ok(frame["ok"]["response"].clone());
            }
            if frame["error"]["id"] == id {
                return Err(frame["error"]["error"].clone());
            }
            self.pushes.push_back(frame["push"]["push"].clone());
        }
    }

    /// Subscribes to what happens from now on.
    #[track_caller]
    pub(crate) fn watch(&mut self, session: &str) {
        let request = json!({ "type": "subscribe", "session": { "name": session }, "since": u64::MAX });
        self.call(request).unwrap_or_else(|error| panic!("cannot subscribe: {error}"));
    }

    #[track_caller]
    pub(crate) fn set(&mut self, session: &str, key: &str, value: Option<&str>) {
        let session = json!({ "name": session });
        self.call(json!({ "type": "session_set", "session": session, "key": key, "value": value }))
            .unwrap_or_else(|error| panic!("cannot set {key}: {error}"));
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        if let Some(push) = self.pushes.pop_front() {
            return push;
        }
        self.read()["push"]["push"].clone()
    }

    /// The next push that fits; those before it are passed over.
    #[track_caller]
    pub(crate) fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let push = self.next();
            if fits(&push) {
                return push;
            }
        }
    }

    /// The next event of this kind.
    #[track_caller]
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        self.until(|push| push["event"]["kind"] == kind)["event"].clone()
    }

    /// Waits until the session is in this state.
    #[track_caller]
    pub(crate) fn state(&mut self, state: &str) -> Value {
        self.until(|push| push["live"]["state"] == state)["live"].clone()
    }
}
