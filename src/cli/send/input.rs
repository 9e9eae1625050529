//! The text and the files of a prompt, checked before anybody is asked to store them.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use crate::cli::args::SendArgs;
use crate::cli::ctx::Ctx;
use crate::cli::text::bytes;
use crate::error::{Error, Result};
use crate::ipc::request::{MOST_ATTACHED, too_much_attached};

/// Well below the longest line of the protocols.
const MOST: usize = 48 << 20;

/// Whether stdin is read: for a `-` among the words, and where nothing is given and stdin is a pipe.
pub(crate) fn reads_stdin(ctx: &Ctx, args: &SendArgs) -> bool {
    match args.text.as_slice() {
        [] => !ctx.screen.stdin_is_terminal,
        words => words.iter().any(|word| word == "-"),
    }
}

/// Whether stdin holds something: a file that is not read to its end, or a pipe that was written to.
pub(crate) fn stdin_has_data() -> bool {
    let stdin = std::io::stdin();
    let Ok(stat) = rustix::fs::fstat(&stdin) else { return false };
    match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::RegularFile => {
            rustix::fs::tell(&stdin).is_ok_and(|at| u64::try_from(stat.st_size).is_ok_and(|size| at < size))
        }
        rustix::fs::FileType::Fifo => rustix::io::ioctl_fionread(&stdin).is_ok_and(|bytes| bytes > 0),
        _ => false,
    }
}

/// The prompt's text: the words, what stdin holds, or the one above the other.
pub(crate) fn text(ctx: &Ctx, args: &SendArgs) -> Result<String> {
    let from_stdin = reads_stdin(ctx, args);
    let words: Vec<_> = args.text.iter().map(String::as_str).filter(|word| *word != "-").collect();
    let words = words.join(" ");
    let text = if from_stdin { above(words, read(&mut std::io::stdin().lock())?) } else { words };
    if !text.trim().is_empty() {
        return sendable(text);
    }
    let error = match (from_stdin, args.files.is_empty()) {
        (true, _) => Error::usage("the prompt on stdin is empty"),
        (false, true) => Error::usage("there is no prompt"),
        (false, false) => Error::usage("there are files but no prompt to go with them"),
    };
    Err(error.hint("claudebot send \"what to do\", or pipe it in: … | claudebot send -"))
}

/// Words about a text come first, an empty line apart. An empty text is no reason to ask without it.
fn above(words: String, text: String) -> String {
    if words.is_empty() || text.trim().is_empty() { text } else { format!("{words}\n\n{text}") }
}

/// A prompt goes to the host and to the agent as one line of JSON, whose length has a limit.
fn sendable(text: String) -> Result<String> {
    if text.bytes().map(length_in_json).sum::<usize>() <= MOST {
        return Ok(text);
    }
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    Err(Error::usage(format!("a prompt of {} is too long to be sent", bytes(length)))
        .hint("put it into a file and attach that: claudebot send --file FILE \"what to do with it\""))
}

const fn length_in_json(byte: u8) -> usize {
    match byte {
        b'\n' | b'\r' | b'\t' | b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// All of a stream as text. What is no UTF-8 is refused and named, not mended: nothing is lost silently.
fn read(from: &mut impl Read) -> Result<String> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)
        .map_err(|error| Error::failed(format!("cannot read the prompt from stdin: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        Error::usage(format!("stdin is not UTF-8 text: byte 0x{byte:02x} at offset {at}"))
            .hint("attach it with --file FILE, or convert it first, for example with iconv")
    })
}

/// The attachments as absolute paths of readable files.
pub(crate) fn files(ctx: &Ctx, args: &SendArgs) -> Result<Vec<PathBuf>> {
    let mut size = 0_u64;
    let mut files = Vec::new();
    for file in &args.files {
        let (path, bytes) = attachment(ctx, file)?;
        size = size.saturating_add(bytes);
        files.push(path);
    }
    if size > MOST_ATTACHED { Err(too_much_attached()) } else { Ok(files) }
}

fn attachment(ctx: &Ctx, file: &std::path::Path) -> Result<(PathBuf, u64)> {
    // Looked at before it is opened: opening a pipe waits for its writer.
    let found = std::fs::metadata(file);
    let is_regular = found.as_ref().is_ok_and(std::fs::Metadata::is_file);
    let opened = if is_regular { File::open(file).and_then(|open| open.metadata()) } else { found };
    match opened {
        Ok(meta) if meta.is_file() => Ok((ctx.absolute(file)?, meta.len())),
        Ok(_) => Err(Error::usage(format!("cannot attach {}: it is not a file", file.display()))),
        Err(error) => Err(Error::usage(format!("cannot attach {}: {error}", file.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_named_by_its_place() {
        let error = read(&mut &b"abc\xff\xfe"[..]).unwrap_err();
        assert_eq!(error.message, "stdin is not UTF-8 text: byte 0xff at offset 3");
    }

    #[test]
    fn words_stand_above_what_comes_from_stdin() {
        let above = |words: &str, text: &str| above(words.to_owned(), text.to_owned());
        assert_eq!(above("review this", "+1\n-1\n"), "review this\n\n+1\n-1\n");
        assert_eq!(above("", "+1\n"), "+1\n");
        assert_eq!(above("review this", "\n"), "\n", "nothing to review is not to be asked about");
    }

    #[test]
    fn what_is_too_long_for_a_line_is_refused() {
        assert!(sendable("a".repeat(MOST)).is_ok());
        let error = sendable("a".repeat(MOST + 1)).unwrap_err();
        assert_eq!(error.message, "a prompt of 48.0 MB is too long to be sent");
        assert!(sendable("\u{1}".repeat(9 << 20)).is_err());
    }

    #[test]
    fn megabytes_are_taken_as_they_are() {
        let text = "é\n".repeat(2 << 20);
        assert_eq!(read(&mut text.as_bytes()).unwrap(), text);
    }
}
