//! Files that come with a prompt: copied into the session's `inbox/` before the prompt is acknowledged. The agent is
//! told where each lies, and shown those that are pictures.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::claude::wire::PromptBlock;
use crate::error::{Error, Result};
use crate::ipc::request::{MOST_ATTACHED, too_much_attached};
use crate::model::{Prompt, PromptId};
use crate::paths::Paths;

/// The prompt's directory, the inbox, the session's directory.
const LEVELS: usize = 3;
/// Copies leave so much of the disk free for what matters more.
const LEFT_FREE: u64 = 16 << 20;
/// The agent is shown so many pictures of a prompt; it finds the others in the inbox.
const MOST_PICTURES: usize = 8;
/// What the Messages API takes, and Claude Code makes smaller where it must.
const LARGEST_PICTURE: u64 = 5 << 20;
/// Enough to tell a picture by.
const HEAD: u64 = 16;

/// The copies of a prompt's files. They are removed again unless the prompt is taken.
pub(in crate::host) struct Copies {
    dir: PathBuf,
    files: Vec<PathBuf>,
    kept: bool,
}

impl Copies {
    /// Copies `files` below `inbox`, under the prompt's id so that equal names do not meet.
    pub(in crate::host) async fn make(inbox: PathBuf, prompt: PromptId, files: Vec<PathBuf>) -> Result<Self> {
        let mut copies = Self { dir: inbox.join(prompt.to_string()), files: Vec::new(), kept: false };
        let copy = move || {
            copies.files = copy_all(&copies.dir, &files)?;
            Ok(copies)
        };
        tokio::task::spawn_blocking(copy)
            .await
            .map_err(|e| Error::failed(format!("copying the attachments was cut off: {e}")))?
    }

    pub(in crate::host) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let dir = std::mem::take(&mut self.dir);
        let remove = move || match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(dir = %dir.display(), %error, "cannot remove the files of a prompt that was not taken");
            }
            _ => {}
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

fn copy_all(dir: &Path, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let places: Vec<_> = dir.ancestors().take(LEVELS).collect();
    places.iter().try_for_each(|place| refuse_link(place))?;
    Paths::create_private(dir)?;
    let mut left = MOST_ATTACHED;
    let mut copied = Vec::new();
    for (n, file) in files.iter().enumerate() {
        copied.push(copy_one(dir, n, file, &mut left)?);
    }
    // With a prompt its files are acknowledged: they are on the disk, and so are the names that lead to them.
    copied.iter().map(PathBuf::as_path).chain(places).try_for_each(sync)?;
    Ok(copied)
}

/// What lies in a session's directory is put there by claudebot: a link in its place would lead it elsewhere.
fn refuse_link(place: &Path) -> Result<()> {
    if place.is_symlink() {
        let message = format!("{} is a link: nothing is put where it leads", place.display());
        return Err(Error::failed(message).hint("remove it; claudebot makes the directory again"));
    }
    Ok(())
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|open| open.sync_all()).map_err(|e| Error::io("write", path, &e))
}

/// Copies one file of at most `left` bytes, and takes what it has off that.
fn copy_one(dir: &Path, n: usize, file: &Path, left: &mut u64) -> Result<PathBuf> {
    let named = file.file_name().ok_or_else(|| Error::usage(format!("{} is not a file", file.display())))?;
    let (source, size) = open_regular(file)?;
    if size > *left {
        return Err(too_much_attached());
    }
    let free = rustix::fs::statvfs(dir).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    if free.is_ok_and(|free| free < size.saturating_add(LEFT_FREE)) {
        let message = format!("there is no room for a copy of {}: the disk is nearly full", file.display());
        return Err(Error::failed(message).hint("make room, then send it again"));
    }
    let mut to = dir.join(named);
    if to.exists() {
        to = dir.join(format!("{n}-{}", named.to_string_lossy()));
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to);
    let mut made = made.map_err(|e| Error::io("attach", file, &e))?;
    // It may have grown since.
    let copied = std::io::copy(&mut source.take(left.saturating_add(1)), &mut made)
        .map_err(|e| Error::io("attach", file, &e))?;
    *left = left.checked_sub(copied).ok_or_else(too_much_attached)?;
    Ok(to)
}

/// Reading a pipe or a device might never end, and opening one might never begin.
fn open_regular(file: &Path) -> Result<(File, u64)> {
    let failed = |e: std::io::Error| Error::io("attach", file, &e);
    let wait_not = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let is_regular = std::fs::metadata(file).map_err(failed)?.is_file();
    let refused = || Error::usage(format!("{} is not a regular file", file.display()));
    if !is_regular {
        return Err(refused());
    }
    let open = OpenOptions::new().read(true).custom_flags(wait_not).open(file).map_err(failed)?;
    let found = open.metadata().map_err(failed)?;
    if found.is_file() { Ok((open, found.len())) } else { Err(refused()) }
}

/// The prompt's text, followed by where its files are.
pub(super) fn mentioned(prompt: &Prompt) -> String {
    let files = prompt.attachments.iter().map(|file| format!("[attached file: {}]", file.display()));
    let text = Some(prompt.text.clone()).filter(|text| !text.is_empty());
    text.into_iter().chain(files).collect::<Vec<_>>().join("\n")
}

/// The text, then the pictures among the files, each read when it is asked for.
pub(super) fn shown(text: String, files: Vec<PathBuf>) -> impl Iterator<Item = PromptBlock> {
    let pictures = files.into_iter().filter_map(|file| picture(&file)).take(MOST_PICTURES);
    std::iter::once(PromptBlock::Text(text)).chain(pictures)
}

/// None: no picture, or one that the agent would not take. It is told where the file is, all the same.
fn picture(path: &Path) -> Option<PromptBlock> {
    let size = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    if size > LARGEST_PICTURE {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut data = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut data).ok()?;
    let media_type = media_type(&data)?;
    data.reserve(usize::try_from(size).ok()?);
    file.take(LARGEST_PICTURE - HEAD).read_to_end(&mut data).ok()?;
    Some(PromptBlock::Image { media_type, data })
}

/// By what it begins with: a name proves nothing.
fn media_type(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_content_and_the_first_few_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 100]].concat();
        let mut large = png.clone();
        large.resize(5 << 20, 0);
        let just_fits = file("fits", &large);
        large.push(0);
        let mut files = vec![
            file("a.txt", &png),
            file("b.png", b"no picture"),
            file("empty.png", b""),
            file("c", b"\xff\xd8\xff\xe0jpeg"),
            file("d", b"GIF89a..."),
            file("e", b"RIFF\0\0\0\0WEBPVP8 "),
            file("f", b"RIFF\0\0\0\0WAVE"),
            file("too large", &large),
            just_fits,
            dir.path().join("gone.png"),
        ];
        let types = |files: &[PathBuf]| -> Vec<_> {
            let blocks = shown("look".to_owned(), files.to_vec()).skip(1);
            blocks
                .map(|block| match block {
                    PromptBlock::Image { media_type, data } => (media_type, data.len()),
                    other => panic!("{other:?}"),
                })
                .collect()
        };
        assert_eq!(
            types(&files),
            [
                ("image/png", 108),
                ("image/jpeg", 8),
                ("image/gif", 9),
                ("image/webp", 16),
                ("image/png", 5 << 20)
            ]
        );
        assert_eq!(types(&files[1..3]), []);
        files = vec![files.remove(0); 12];
        assert_eq!(types(&files).len(), 8);
    }
}
