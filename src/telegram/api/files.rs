//! Files to Telegram and from it.

use std::path::Path;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use serde::Serialize;
use teloxide_core::types::{InlineKeyboardMarkup, MessageEntity};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::answers::{Done, RemoteFile, Sent};
use super::error::ApiError;
use super::http::Api;
use super::methods::ReplyTo;

/// 50 MB over a slow line.
const TRANSFER: Duration = Duration::from_secs(15 * 60);

/// Shown as a picture, or given as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Document,
    /// Telegram shrinks it; at most 10 MB.
    Photo,
}

#[derive(Debug)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// An open file and not a path: what was checked is what is sent.
    File {
        file: std::fs::File,
        bytes: u64,
    },
}

/// A message with a file.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) kind: FileKind,
    pub(crate) chat_id: i64,
    pub(crate) message_thread_id: Option<i64>,
    pub(crate) content: Content,
    /// As the other side sees it.
    pub(crate) name: String,
    /// At most 1024 UTF-16 units.
    pub(crate) caption: String,
    pub(crate) caption_entities: Vec<MessageEntity>,
    pub(crate) disable_notification: bool,
    pub(crate) reply_parameters: Option<ReplyTo>,
    pub(crate) reply_markup: Option<InlineKeyboardMarkup>,
}

impl Upload {
    pub(crate) const fn new(kind: FileKind, chat_id: i64, name: String, content: Content) -> Self {
        Self {
            kind,
            chat_id,
            message_thread_id: None,
            content,
            name,
            caption: String::new(),
            caption_entities: Vec::new(),
            disable_notification: false,
            reply_parameters: None,
            reply_markup: None,
        }
    }

    fn form(self) -> Result<Form, ApiError> {
        let mut form = Form::new().text("chat_id", self.chat_id.to_string());
        if let Some(thread) = self.message_thread_id {
            form = form.text("message_thread_id", thread.to_string());
        }
        if !self.caption.is_empty() {
            form = form.text("caption", self.caption);
        }
        if !self.caption_entities.is_empty() {
            form = form.text("caption_entities", json(&self.caption_entities)?);
        }
        if self.disable_notification {
            form = form.text("disable_notification", "true");
        }
        if let Some(reply) = self.reply_parameters {
            form = form.text("reply_parameters", json(&reply)?);
        }
        if let Some(markup) = &self.reply_markup {
            form = form.text("reply_markup", json(markup)?);
        }
        let part = match self.content {
            Content::Bytes(bytes) => Part::bytes(bytes),
            Content::File { file, bytes } => Part::stream_with_length(File::from_std(file), bytes),
        };
        let field = match self.kind {
            FileKind::Document => "document",
            FileKind::Photo => "photo",
        };
        Ok(form.part(field, part.file_name(self.name)))
    }
}

fn json(value: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(value)
        .map_err(|error| ApiError::Local(format!("a message cannot be put into JSON: {error}")))
}

impl Api {
    pub(crate) async fn upload(&self, upload: Upload) -> Result<Sent, ApiError> {
        let method = match upload.kind {
            FileKind::Document => "sendDocument",
            FileKind::Photo => "sendPhoto",
        };
        let request = self.post(method).multipart(upload.form()?).timeout(TRANSFER);
        self.answer(request).await
    }

    /// Fetches a file to a path where nothing is yet, readable by its owner alone, as long as it has at most `most`
    /// bytes. What failed leaves no file.
    pub(crate) async fn download(&self, file: &RemoteFile, to: &Path, most: u64) -> Result<u64, ApiError> {
        if file.file_size.is_some_and(|size| size > most) {
            return Err(ApiError::TooLarge);
        }
        let path = file.file_path.as_deref().filter(|path| is_plain(path));
        let path =
            path.ok_or_else(|| ApiError::Refused("the file has no path to fetch it from".to_owned()))?;
        let mut target = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .await
            .map_err(|error| unwritten(to, &error))?;
        let fetched = self.fetch(path, &mut target, to, most).await;
        if fetched.is_err() {
            drop(target);
            // It is ours, and of no use. One that stays is found by whoever looks at that directory.
            tokio::fs::remove_file(to).await.ok();
        }
        fetched
    }

    async fn fetch(&self, path: &str, target: &mut File, to: &Path, most: u64) -> Result<u64, ApiError> {
        let request = self.get_file(path).timeout(TRANSFER);
        let mut response = request.send().await.map_err(|error| self.network(error))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.bytes().await.map_err(|error| self.network(error))?;
            let refused = self.read::<Done>(status.as_u16(), &body).err();
            return Err(match refused {
                // It names the file here, not the bot.
                None | Some(ApiError::Unauthorized) => {
                    ApiError::Refused(format!("the file cannot be fetched (HTTP {})", status.as_u16()))
                }
                Some(error) => error,
            });
        }
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.network(error))? {
            bytes += chunk.len() as u64;
            if bytes > most {
                return Err(ApiError::TooLarge);
            }
            target.write_all(&chunk).await.map_err(|error| unwritten(to, &error))?;
        }
        target.flush().await.map_err(|error| unwritten(to, &error))?;
        Ok(bytes)
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> ApiError {
    ApiError::Local(format!("cannot write {}: {error}", path.display()))
}

/// Names below the bot's own directory, as Telegram gives them.
fn is_plain(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
