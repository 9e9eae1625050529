//! As much of HTTP/1.1 as the tests' servers need: one request per connection, its body whole.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Larger than any body a test sends, so that a broken length does not ask for all memory.
const LARGEST_BODY: usize = 256 * 1024 * 1024;

/// A request as it came, its body whole.
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    /// As it stands in the request, without the query.
    pub(crate) path: String,
    /// What follows the `?`.
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpRequest {
    /// `None`: the client closed the connection without asking anything.
    pub(crate) fn read(stream: &TcpStream) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream);
        let Some(first) = read_line(&mut reader)? else { return Ok(None) };
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(invalid(&format!("not a request line: {first}")));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = read_headers(&mut reader)?;
        let body = read_body(&mut reader, &headers)?;
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Ok(Some(Self { method, path, query, headers, body }))
    }

    /// The name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn invalid(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
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
    if header(headers, "transfer-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked")) {
        return read_chunks(reader);
    }
    let length = header(headers, "content-length").unwrap_or("0").parse().ok();
    let Some(length) = length.filter(|length| *length <= LARGEST_BODY) else {
        return Err(invalid("a body of unusable length"));
    };
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// A body whose sender did not know its length.
fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(reader)?.unwrap_or_default();
        let length = line.split(';').next().unwrap_or_default();
        let length = usize::from_str_radix(length.trim(), 16).map_err(|_| invalid("not a chunk"))?;
        if length > LARGEST_BODY - body.len() {
            return Err(invalid("a body of unusable length"));
        }
        if length == 0 {
            read_headers(reader)?;
            return Ok(body);
        }
        let start = body.len();
        body.resize(start + length, 0);
        reader.read_exact(&mut body[start..])?;
        read_line(reader)?;
    }
}

/// A whole answer, which ends the connection. `head`: the client wants only the head.
pub(crate) fn send(
    mut stream: &TcpStream,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
    head: bool,
) -> io::Result<()> {
    let mut out = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    let mut out = out.into_bytes();
    if !head {
        out.extend_from_slice(body);
    }
    stream.write_all(&out)?;
    stream.flush()
}

/// A whole answer in JSON.
pub(crate) fn send_json(
    stream: &TcpStream,
    status: u16,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
    head: bool,
) -> io::Result<()> {
    let headers = [&[("content-type", "application/json")], headers].concat();
    send(stream, status, &headers, body.to_string().as_bytes(), head)
}
