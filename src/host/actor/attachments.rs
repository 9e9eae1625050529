//! Files that come with a prompt: copied into the session's `inbox/` before the prompt is acknowledged.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::{Prompt, PromptId};
use crate::paths::Paths;

/// The prompt's directory, the inbox, the session's directory.
const LEVELS: usize = 3;

/// Copies `files` below `inbox`, under the prompt's id so that equal names do not meet.
pub(super) async fn copy(inbox: PathBuf, prompt: PromptId, files: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    tokio::task::spawn_blocking(move || copy_all(&inbox.join(prompt.to_string()), &files))
        .await
        .map_err(|e| Error::failed(format!("copying the attachments was cut off: {e}")))?
}

fn copy_all(dir: &Path, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    Paths::create_private(dir)?;
    let copied =
        files.iter().enumerate().map(|(n, file)| copy_one(dir, n, file)).collect::<Result<Vec<_>>>()?;
    // With a prompt its files are acknowledged: they are on the disk, and so are the names that lead to them.
    let places = dir.ancestors().take(LEVELS);
    copied.iter().map(PathBuf::as_path).chain(places).try_for_each(sync)?;
    Ok(copied)
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|open| open.sync_all()).map_err(|e| Error::io("write", path, &e))
}

/// What was copied for a prompt that was not taken is nobody's.
pub(super) async fn discard(inbox: PathBuf, prompt: PromptId) {
    let dir = inbox.join(prompt.to_string());
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(dir)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(%prompt, %error, "cannot remove the attachments of a prompt that was not taken");
    }
}

fn copy_one(dir: &Path, n: usize, file: &Path) -> Result<PathBuf> {
    let found = std::fs::metadata(file).map_err(|e| Error::io("attach", file, &e))?;
    if !found.is_file() {
        // Reading a pipe or a device might never end.
        return Err(Error::usage(format!("{} is not a regular file", file.display())));
    }
    let named = file.file_name().ok_or_else(|| Error::usage(format!("{} is not a file", file.display())))?;
    let mut to = dir.join(named);
    if to.exists() {
        to = dir.join(format!("{n}-{}", named.to_string_lossy()));
    }
    std::fs::copy(file, &to).map_err(|e| Error::io("attach", file, &e))?;
    Ok(to)
}

/// The prompt's text, followed by where its files are.
pub(super) fn mentioned(prompt: &Prompt) -> String {
    let mut text = prompt.text.clone();
    for file in &prompt.attachments {
        text.push_str(&format!("\n[attached file: {}]", file.display()));
    }
    text
}
