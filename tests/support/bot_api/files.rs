//! Files, sent by the bot or by people, kept with their content.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::params::Params;
use super::refusal::Refusal;
use super::state::State;

/// What `getFile` gives out at most.
const LARGEST_DOWNLOAD: u64 = 20 << 20;
/// What a bot may send at most.
const LARGEST_UPLOAD: usize = 50 << 20;
const LARGEST_PHOTO: usize = 10 << 20;

#[derive(Debug, Clone)]
pub(super) struct StoredFile {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) mime: String,
    pub(super) bytes: Arc<[u8]>,
    /// What Telegram says of it, which a test may set larger than the content is.
    size: u64,
    path: String,
}

impl StoredFile {
    /// With the fields that all kinds of files have.
    fn json(&self) -> Value {
        let unique: String = self.id.chars().rev().take(12).collect();
        json!({ "file_id": self.id, "file_unique_id": unique, "file_size": self.size })
    }

    /// As it stands in a message, under its kind.
    pub(super) fn media(&self, kind: &str) -> Value {
        let mut media = self.json();
        if kind == "photo" {
            let mut small = self.json();
            small["file_id"] = json!(format!("{}-s", self.id));
            small["file_unique_id"] = json!(format!("{}s", self.id.len()));
            small["file_size"] = json!(self.size.min(1000));
            (small["width"], small["height"]) = (json!(90), json!(60));
            (media["width"], media["height"]) = (json!(1280), json!(853));
            return json!([small, media]);
        }
        media["mime_type"] = json!(self.mime);
        match kind {
            "voice" => media["duration"] = json!(3),
            "audio" | "document" => media["file_name"] = json!(self.name),
            "video" => media["file_name"] = json!(self.name),
            "video_note" => media["length"] = json!(240),
            other => panic!("no kind of file: {other}"),
        }
        if kind == "video" {
            (media["width"], media["height"]) = (json!(640), json!(480));
        }
        if ["audio", "video", "video_note"].contains(&kind) {
            media["duration"] = json!(3);
        }
        media
    }
}

#[derive(Debug, Default)]
pub(super) struct Files {
    by_id: BTreeMap<String, StoredFile>,
    last: usize,
}

impl Files {
    /// `size`: `None` for that of the content.
    pub(super) fn add(
        &mut self,
        kind: &str,
        name: &str,
        mime: &str,
        bytes: Arc<[u8]>,
        size: Option<u64>,
    ) -> StoredFile {
        self.last += 1;
        let number = self.last;
        let ending = name.rsplit_once('.').map_or("bin", |(_, ending)| ending);
        let file = StoredFile {
            id: format!("BQACAgIAAxkBAAI{number:06}AAIBAAGaBcDeFgHiJkLmNoPqRsTuVwXyZ012345678{number:04}"),
            name: name.to_owned(),
            mime: mime.to_owned(),
            size: size.unwrap_or(bytes.len() as u64),
            bytes,
            path: format!("{kind}s/file_{number}.{ending}"),
        };
        self.by_id.insert(file.id.clone(), file.clone());
        file
    }

    pub(super) fn get(&self, id: &str) -> Option<&StoredFile> {
        self.by_id.get(id.strip_suffix("-s").unwrap_or(id))
    }

    pub(super) fn at(&self, path: &str) -> Option<&StoredFile> {
        self.by_id.values().find(|file| file.path == path)
    }

    /// The file that a call sends: uploaded, or known by its id.
    pub(super) fn given(&mut self, params: &Params, kind: &str) -> Result<StoredFile, Refusal> {
        let Some(upload) = params.upload(kind).cloned() else {
            let id = params.text(kind);
            let id = id.ok_or_else(|| Refusal::bad(format!("there is no {kind} in the request")))?;
            return match self.get(&id) {
                Some(known) => Ok(known.clone()),
                None if id.contains("://") => Err(Refusal::bad("failed to get HTTP URL content")),
                None => Err(Refusal::bad("wrong file identifier/HTTP URL specified")),
            };
        };
        let size = upload.bytes.len();
        if size == 0 {
            return Err(Refusal::bad("file must be non-empty"));
        }
        if size > LARGEST_UPLOAD {
            return Err(Refusal::new(413, "Request Entity Too Large"));
        }
        if kind == "photo" && size > LARGEST_PHOTO {
            let words = format!("file of size {size} bytes is too big for a photo");
            return Err(Refusal::bad(format!("{words}; the maximum size is {LARGEST_PHOTO} bytes")));
        }
        if kind == "photo" && !is_picture(&upload.bytes) {
            return Err(Refusal::bad("IMAGE_PROCESS_FAILED"));
        }
        let mime = upload.mime.unwrap_or_else(|| "application/octet-stream".to_owned());
        Ok(self.add(kind, &upload.name, &mime, upload.bytes, None))
    }
}

fn is_picture(bytes: &[u8]) -> bool {
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    is_webp || [&b"\x89PNG"[..], b"\xff\xd8\xff", b"GIF8"].iter().any(|magic| bytes.starts_with(magic))
}

pub(super) fn get_file(state: &mut State, params: &Params) -> Result<Value, Refusal> {
    let id = params.text("file_id").ok_or_else(|| Refusal::bad("file_id not specified"))?;
    let file = state.world.files.get(&id).ok_or_else(|| Refusal::bad("invalid file_id"))?;
    if file.size > LARGEST_DOWNLOAD {
        return Err(Refusal::bad("file is too big"));
    }
    let mut found = file.json();
    found["file_id"] = json!(id);
    found["file_path"] = json!(file.path);
    Ok(found)
}
