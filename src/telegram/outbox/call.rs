//! Calls of the Bot API as this part makes them, and their carrying out.

use std::fs::File;
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use teloxide_core::types::{InlineKeyboardButton, InlineKeyboardButtonKind, InlineKeyboardMarkup};

use super::payload::{FileContent, FileOut, Keyboard, Message};
use super::step::Step;
use crate::telegram::api::methods::{
    AnswerCallbackQuery, CloseForumTopic, DeleteMessage, EditMessageText, Reaction, ReopenForumTopic,
    ReplyTo, SendChatAction, SendMessage, SetMessageReaction, no_preview,
};
use crate::telegram::api::{Api, ApiError, Content, FileKind, Upload};
use crate::telegram::place::Place;
use crate::telegram::render::Rich;

/// Telegram takes files up to this…
const LARGEST_FILE: u64 = 50 << 20;
/// …and pictures up to this.
const LARGEST_PICTURE: u64 = 10 << 20;

/// A directory that one may go through need not be one that one may read.
#[cfg(target_os = "linux")]
const THROUGH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const THROUGH: OFlags = OFlags::RDONLY;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    Send(SendMessage),
    Edit(EditMessageText),
    Upload {
        place: Place,
        file: FileOut,
        /// Not as a picture, though it is one.
        as_document: bool,
    },
    React(SetMessageReaction),
    Delete(DeleteMessage),
    CloseTopic(CloseForumTopic),
    ReopenTopic(ReopenForumTopic),
    Typing(SendChatAction),
    Answer(AnswerCallbackQuery),
}

impl Call {
    /// `is_plain`: without formatting, which Telegram has refused.
    pub(super) fn of(step: Step, place: Place, is_plain: bool) -> Self {
        match step {
            Step::Send(message) => Self::send(place, message, is_plain),
            Step::Edit { message, rich, buttons, .. } => Self::edit(place, message, rich, &buttons, is_plain),
            Step::Upload(mut file) => {
                if is_plain {
                    file.caption.entities.clear();
                }
                Self::Upload { place, file, as_document: is_plain }
            }
            Step::React { message, emoji } => Self::React(SetMessageReaction {
                chat_id: place.chat,
                message_id: message,
                reaction: emoji.into_iter().map(|emoji| Reaction::Emoji { emoji }).collect(),
            }),
            Step::Delete { message } => {
                Self::Delete(DeleteMessage { chat_id: place.chat, message_id: message })
            }
            Step::Topic { closed } => Self::topic(place, closed),
        }
    }

    pub(super) fn send(place: Place, message: Message, is_plain: bool) -> Self {
        let Message { rich: Rich { text, entities }, ring, reply_to, buttons, note: _ } = message;
        Self::Send(SendMessage {
            chat_id: place.chat,
            message_thread_id: place.thread,
            text,
            entities: if is_plain { Vec::new() } else { entities },
            link_preview_options: Some(no_preview()),
            disable_notification: !ring,
            reply_parameters: reply(reply_to),
            reply_markup: markup(&buttons),
        })
    }

    pub(super) fn edit(place: Place, message: i64, rich: Rich, buttons: &Keyboard, is_plain: bool) -> Self {
        let Rich { text, entities } = rich;
        Self::Edit(EditMessageText {
            chat_id: place.chat,
            message_id: message,
            text,
            entities: if is_plain { Vec::new() } else { entities },
            link_preview_options: Some(no_preview()),
            reply_markup: markup(buttons),
        })
    }

    /// Where there is no topic, it is the General one, whose number is 1.
    fn topic(place: Place, closed: bool) -> Self {
        let (chat_id, message_thread_id) = (place.chat, place.thread.unwrap_or(1));
        if closed {
            Self::CloseTopic(CloseForumTopic { chat_id, message_thread_id })
        } else {
            Self::ReopenTopic(ReopenForumTopic { chat_id, message_thread_id })
        }
    }

    pub(super) fn typing(place: Place) -> Self {
        Self::Typing(SendChatAction {
            chat_id: place.chat,
            message_thread_id: place.thread,
            action: "typing".to_owned(),
        })
    }

    /// The message that was sent, if one was.
    pub(super) async fn carry_out(self, api: &Api) -> Result<Option<i64>, ApiError> {
        match self {
            Self::Send(call) => api.call(&call).await.map(|sent| Some(sent.message_id)),
            Self::Edit(call) => api.call(&call).await.map(|_| None),
            Self::React(call) => api.call(&call).await.map(|_| None),
            Self::Delete(call) => api.call(&call).await.map(|_| None),
            Self::CloseTopic(call) => api.call(&call).await.map(|_| None),
            Self::ReopenTopic(call) => api.call(&call).await.map(|_| None),
            Self::Typing(call) => api.call(&call).await.map(|_| None),
            Self::Answer(call) => api.call(&call).await.map(|_| None),
            Self::Upload { place, file, as_document } => {
                api.upload(upload(place, file, as_document)?).await.map(|sent| Some(sent.message_id))
            }
        }
    }
}

fn upload(place: Place, file: FileOut, as_document: bool) -> Result<Upload, ApiError> {
    let FileOut { name, content, caption, ring, reply_to, buttons, note: _ } = file;
    let (content, bytes) = match content {
        FileContent::Text(text) => {
            let bytes = text.len() as u64;
            (Content::Bytes(text.into_bytes()), bytes)
        }
        FileContent::Path(path) => {
            let (file, bytes) = open(&path)?;
            (Content::File { file, bytes }, bytes)
        }
    };
    if bytes > LARGEST_FILE {
        return Err(ApiError::TooLarge);
    }
    let as_picture = !as_document && bytes <= LARGEST_PICTURE && is_picture(&name);
    let kind = if as_picture { FileKind::Photo } else { FileKind::Document };
    Ok(Upload {
        message_thread_id: place.thread,
        caption: caption.text,
        caption_entities: caption.entities,
        disable_notification: !ring,
        reply_parameters: reply(reply_to),
        reply_markup: markup(&buttons),
        ..Upload::new(kind, place.chat, name, content)
    })
}

/// What was answered may have been left behind.
fn reply(to: Option<i64>) -> Option<ReplyTo> {
    to.filter(|message| *message > 0).map(ReplyTo::message)
}

/// What was a file when it was offered may be something else by now: no pipe is waited for, and no link followed.
fn open(path: &Path) -> Result<(File, u64), ApiError> {
    let failed =
        |why: &dyn std::fmt::Display| ApiError::Local(format!("cannot read {}: {why}", path.display()));
    let file = open_without_links(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    match metadata.is_file() {
        true if metadata.len() == 0 => Err(failed(&"it is empty")),
        true => Ok((file, metadata.len())),
        false => Err(failed(&"it is no file any more")),
    }
}

/// A path had no links in it when it was looked at. Whatever in it has become one since may lead anywhere.
fn open_without_links(path: &Path) -> rustix::io::Result<File> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::INVAL) };
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = flags | OFlags::DIRECTORY | THROUGH;
    let mut within = rustix::fs::open("/", directory, Mode::empty())?;
    for part in dir.components().filter(|part| *part != Component::RootDir) {
        within = openat(&within, part.as_os_str(), directory, Mode::empty())?;
    }
    openat(&within, name, flags | OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).map(File::from)
}

fn is_picture(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    extension.is_some_and(|extension| ["png", "jpg", "jpeg", "webp"].contains(&extension.as_str()))
}

fn markup(buttons: &Keyboard) -> Option<InlineKeyboardMarkup> {
    let rows = buttons.0.iter().map(|row| {
        row.iter().map(|key| {
            let data = InlineKeyboardButtonKind::CallbackData(key.press.token.clone());
            InlineKeyboardButton::new(key.label.clone(), data)
        })
    });
    let rows: Vec<Vec<_>> = rows.map(Iterator::collect).filter(|row: &Vec<_>| !row.is_empty()).collect();
    (!rows.is_empty()).then(|| InlineKeyboardMarkup::new(rows))
}
