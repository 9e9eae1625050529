//! As much of HTTP/1.1 as the real CLI speaks to its API: one request per connection, a length in the head.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Larger than any prompt a test sends, so that a broken length does not ask for all memory.
const LARGEST_BODY: usize = 256 * 1024 * 1024;

/// A request as it came, its body whole.
pub(super) struct HttpRequest {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl HttpRequest {
    /// `None`: the client closed the connection without asking anything.
    pub(super) fn read(stream: &TcpStream) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream);
        let Some(first) = read_line(&mut reader)? else { return Ok(None) };
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("not a request line: {first}")));
        };
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let headers = read_headers(&mut reader)?;
        let body = read_body(&mut reader, &headers)?;
        Ok(Some(Self { method: method.to_owned(), path, headers, body }))
    }

    /// The name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if reader.take(64 * 1024).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end().to_owned()))
}

/// Names in lower case.
fn read_headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    while let Some(line) = read_line(reader)? {
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    Ok(headers)
}

fn read_body(reader: &mut impl BufRead, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
    let length = length.parse::<usize>().ok().filter(|length| *length <= LARGEST_BODY);
    let Some(length) = length else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a body of unusable length"));
    };
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// A whole answer in JSON. `head`: the client wants only the head.
pub(super) fn send_json(
    mut stream: &TcpStream,
    status: u16,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
    head: bool,
) -> io::Result<()> {
    let body = body.to_string();
    let mut out = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\n");
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    if !head {
        out.push_str(&body);
    }
    stream.write_all(out.as_bytes())?;
    stream.flush()
}

/// The head of an event stream, which lasts until the connection closes.
pub(super) fn start_events(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n",
    )
}

/// One server-sent event, written at once.
pub(super) fn send_event(mut stream: &TcpStream, data: &serde_json::Value) -> io::Result<()> {
    let kind = data.get("type").and_then(serde_json::Value::as_str).unwrap_or("message");
    stream.write_all(format!("event: {kind}\ndata: {data}\n\n").as_bytes())?;
    stream.flush()
}
