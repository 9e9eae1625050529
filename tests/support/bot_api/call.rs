//! A call over HTTP, as a second bot would make it.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

/// Status and body; an empty body when the connection broke first.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// 0 when the connection broke before there was one.
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Null when it is not JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Telegram's words for what went wrong, empty when nothing did.
    pub(crate) fn description(&self) -> String {
        self.json()["description"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn result(&self) -> Value {
        self.json()["result"].clone()
    }
}

/// `kind`: the type of the body, empty for none.
pub(super) fn call(address: SocketAddr, target: &str, kind: &str, body: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    let method = if body.is_empty() { "GET" } else { "POST" };
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    // A connection that is cut is an answer too.
    stream.read_to_end(&mut answer).ok();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = answer.get(end + 4..).unwrap_or_default().to_vec();
    Ok(Answer { status, body })
}
