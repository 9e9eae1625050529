//! The smallest server that a client of the Bot API can be tested against: it shows what was asked, and answers
//! what it is told to.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{Api, Token};

pub(crate) const SECRET: &str = "AAsecret-SECRET_0123456789";

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status and a body.
    Text(u16, String),
    Bytes(Vec<u8>),
    /// The connection ends without an answer.
    Cut,
    /// The connection ends in the middle of the answer.
    Half(String),
    /// Nothing more comes after half of the answer, and the connection stays.
    Stall(String),
}

impl Reply {
    pub(crate) fn ok(result: Value) -> Self {
        Self::Text(200, json!({ "ok": true, "result": result }).to_string())
    }

    pub(crate) fn error(code: u16, description: &str) -> Self {
        let answer = json!({ "ok": false, "error_code": code, "description": description });
        Self::Text(code, answer.to_string())
    }
}

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// What stands behind the token.
    pub(crate) fn method(&self) -> &str {
        self.head.split_whitespace().nth(1).unwrap().rsplit('/').next().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Every request waits for the next reply, in order; while there is none, it hangs.
pub(crate) struct Server {
    pub(crate) url: String,
    replies: UnboundedSender<Reply>,
    seen: UnboundedReceiver<Seen>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (replies, waiting) = mpsc::unbounded_channel();
        let (sender, seen) = mpsc::unbounded_channel();
        let waiting = Arc::new(Mutex::new(waiting));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&waiting), sender.clone()));
            }
        });
        Self { url, replies, seen }
    }

    pub(crate) fn reply(&self, reply: Reply) {
        self.replies.send(reply).unwrap();
    }

    /// The next request, once it has come in whole.
    pub(crate) async fn seen(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    /// Whether a request came in that nobody looked at.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.seen.try_recv().is_err()
    }

    pub(crate) fn token() -> Token {
        Token::parse(&format!("42:{SECRET}")).unwrap()
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(Self::token(), &self.url).unwrap()
    }
}

async fn serve(
    mut stream: TcpStream,
    waiting: Arc<Mutex<UnboundedReceiver<Reply>>>,
    seen: UnboundedSender<Seen>,
) {
    let Some(request) = read(&mut stream).await else { return };
    if seen.send(request).is_err() {
        return;
    }
    let mut waiting = waiting.lock().await;
    let reply = tokio::select! {
        reply = waiting.recv() => reply,
        // The client has given up: the reply is for the next one.
        _ = stream.read_u8() => None,
    };
    drop(waiting);
    let (status, body, half) = match reply {
        None | Some(Reply::Cut) => return,
        Some(Reply::Text(status, body)) => (status, body.into_bytes(), false),
        Some(Reply::Bytes(body)) => (200, body, false),
        Some(Reply::Half(body)) => (200, body.into_bytes(), true),
        Some(Reply::Stall(body)) => {
            let head = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body.as_bytes()[..body.len() / 2]].concat()).await.ok();
            // Until the client gives up.
            stream.read_u8().await.ok();
            return;
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let sent = if half { body.len() / 2 } else { body.len() };
    // The client may have given up meanwhile.
    stream.write_all(&[head.as_bytes(), &body[..sent]].concat()).await.ok();
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            let mut body = bytes.split_off(end + 4);
            while body.len() < length.unwrap_or(0) {
                if stream.read_buf(&mut body).await.ok()? == 0 {
                    return None;
                }
            }
            return Some(Seen { head, body });
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
