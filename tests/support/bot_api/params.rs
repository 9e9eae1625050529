//! The parameters of a call, whatever way they came: query, form, multipart or JSON.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::http::HttpRequest;
use super::refusal::Refusal;

/// Forms carry text only: these are read as what they are in JSON.
const NUMBERS: [&str; 10] = [
    "chat_id",
    "draft_id",
    "icon_color",
    "limit",
    "message_id",
    "message_thread_id",
    "offset",
    "reply_to_message_id",
    "timeout",
    "user_id",
];
const SWITCHES: [&str; 10] = [
    "allow_paid_broadcast",
    "disable_content_type_detection",
    "disable_notification",
    "drop_pending_updates",
    "has_spoiler",
    "is_big",
    "protect_content",
    "show_alert",
    "show_caption_above_media",
    "allow_sending_without_reply",
];
const STRUCTURES: [&str; 9] = [
    "allowed_updates",
    "caption_entities",
    "commands",
    "entities",
    "link_preview_options",
    "reaction",
    "reply_markup",
    "reply_parameters",
    "scope",
];

/// A file in a multipart body.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) mime: Option<String>,
    pub(super) bytes: Arc<[u8]>,
}

#[derive(Debug, Default)]
pub(super) struct Params {
    given: Map<String, Value>,
    uploads: BTreeMap<String, Upload>,
}

impl Params {
    pub(super) fn read(request: &HttpRequest) -> Result<Self, Refusal> {
        let mut params = Self::default();
        params.add_form(&request.query);
        let kind = request.header("content-type").unwrap_or_default();
        if kind.starts_with("application/json") {
            params.add_json(&request.body)?;
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            params.add_form(&String::from_utf8_lossy(&request.body));
        } else if let Some(boundary) = boundary(kind) {
            params.add_multipart(&request.body, &boundary)?;
        } else if !request.body.is_empty() {
            return Err(Refusal::bad(format!("unsupported content type {kind:?}")));
        }
        Ok(params)
    }

    fn add_json(&mut self, body: &[u8]) -> Result<(), Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(given)) => self.given.extend(given.into_iter().filter(|(_, v)| !v.is_null())),
            _ if body.is_empty() => {}
            _ => return Err(Refusal::bad("can't parse parameters: expected a JSON object")),
        }
        Ok(())
    }

    fn add_form(&mut self, form: &str) {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.add_text(&decode(name, true), decode(value, true));
        }
    }

    fn add_text(&mut self, name: &str, value: String) {
        let is_read = [&NUMBERS[..], &SWITCHES, &STRUCTURES].concat().contains(&name);
        let read = serde_json::from_str::<Value>(&value).ok().filter(|_| is_read);
        self.given.insert(name.to_owned(), read.unwrap_or(Value::String(value)));
    }

    fn add_multipart(&mut self, body: &[u8], boundary: &str) -> Result<(), Refusal> {
        let unreadable = || Refusal::bad("can't parse the multipart body");
        let line = format!("--{boundary}").into_bytes();
        let mut rest = &body[find(body, &line).ok_or_else(unreadable)? + line.len()..];
        let end = [b"\r\n", &line[..]].concat();
        while !rest.starts_with(b"--") {
            let start = find(rest, b"\r\n\r\n").ok_or_else(unreadable)?;
            let content = &rest[start + 4..];
            let length = find(content, &end).ok_or_else(unreadable)?;
            self.add_part(&String::from_utf8_lossy(&rest[..start]), &content[..length])?;
            rest = &content[length + end.len()..];
        }
        Ok(())
    }

    fn add_part(&mut self, head: &str, content: &[u8]) -> Result<(), Refusal> {
        let line = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let disposition = line("content-disposition").unwrap_or_default();
        let name = attribute(disposition, "name").ok_or_else(|| Refusal::bad("a part without a name"))?;
        let Some(file) = attribute(disposition, "filename") else {
            self.add_text(&name, String::from_utf8_lossy(content).into_owned());
            return Ok(());
        };
        let mime = line("content-type").map(str::to_owned);
        self.uploads.insert(name, Upload { name: file, mime, bytes: content.into() });
        Ok(())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        // A part that another parameter attaches may have any name.
        let attached = |name: &str| {
            let reference = format!("attach://{name}");
            self.given.values().any(|value| value.as_str() == Some(reference.as_str()))
        };
        let uploads = self.uploads.keys().map(String::as_str).filter(move |name| !attached(name));
        self.given.keys().map(String::as_str).chain(uploads)
    }

    /// `None`: not given, or empty, which is the same to Telegram.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.given.get(name)? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.given.get(name)? {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_i64(),
        }
    }

    pub(super) fn switch(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| ["true", "yes", "1"].contains(&text.to_lowercase().as_str()))
    }

    /// A structure, which a client may also send as a string of JSON.
    pub(super) fn structure(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.given.get(name) {
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refusal::bad(format!("can't parse {name} JSON object"))),
            other => Ok(other.cloned()),
        }
    }

    /// The file that came under this name, or that this parameter attaches.
    pub(super) fn upload(&self, name: &str) -> Option<&Upload> {
        let attached =
            self.given.get(name).and_then(Value::as_str).and_then(|at| at.strip_prefix("attach://"));
        self.uploads.get(attached.unwrap_or(name))
    }

    /// What the transcript keeps: files by name and size.
    pub(super) fn payload(&self) -> Value {
        let mut payload = self.given.clone();
        for name in self.names() {
            if let Some(Upload { name: file, mime, bytes }) = self.upload(name) {
                let described = json!({ "file_name": file, "mime_type": mime, "file_size": bytes.len() });
                payload.insert(name.to_owned(), described);
            }
        }
        Value::Object(payload)
    }
}

fn boundary(kind: &str) -> Option<String> {
    kind.starts_with("multipart/form-data").then(|| attribute(kind, "boundary")).flatten()
}

/// `name="value"`, `name=value` or `name*=utf-8''value` behind a semicolon.
fn attribute(header: &str, name: &str) -> Option<String> {
    if let Some((_, encoded)) = header.split_once(&format!("; {name}*=utf-8''")) {
        return encoded.split(';').next().map(|encoded| decode(encoded, false));
    }
    let (_, value) = header.split_once(&format!("; {name}="))?;
    let Some(quoted) = value.strip_prefix('"') else { return value.split(';').next().map(str::to_owned) };
    let mut unquoted = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some(unquoted),
            '\\' => unquoted.push(chars.next()?),
            other => unquoted.push(other),
        }
    }
}

/// Fast even without optimisation: `skip_until` looks at whole words.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = 0;
    loop {
        let skipped = (&haystack[at..]).skip_until(first).ok().filter(|skipped| *skipped > 0)?;
        at += skipped;
        if haystack[at - 1..].starts_with(needle) {
            return Some(at - 1);
        }
    }
}

/// Undoes percent encoding; in a form a plus is a space.
pub(super) fn decode(text: &str, form: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => bytes.push(byte),
            None => bytes.push(if form && *first == b'+' { b' ' } else { *first }),
        }
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
