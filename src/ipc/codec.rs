//! Newline-delimited JSON over any byte stream: the one wire format of the socket.
//!
//! The reader hands out whole lines, whatever way the bytes arrive, and goes on after a bad one. The writer
//! gathers what is ready and writes it at once. Neither knows what a frame means.

use std::fmt;
use std::io::{self, BufRead};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::Error;

/// The longest line that is read. Prompts of several MB are legitimate; this is where legitimate ends.
pub(crate) const MAX_LINE: usize = 64 << 20;

/// A first read of this size serves all but the rare long line.
const READ_CHUNK: usize = 16 << 10;

/// A buffer that one long line has blown up beyond this is given back to the system.
const KEEP: usize = 1 << 20;

/// How much of a bad line is repeated in its error.
const EXCERPT: usize = 80;

/// Why there is no frame. After `TooLong` and `Garbage` reading can go on with the next line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("a line is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("a line cannot be read as a message: {reason}, in `{excerpt}`")]
    Garbage { reason: String, excerpt: String },
    #[error("the connection ended in the middle of a line, after `{excerpt}`")]
    Truncated { excerpt: String },
}

impl FrameError {
    pub(crate) fn garbage(line: &[u8], reason: &dyn fmt::Display) -> Self {
        Self::Garbage { reason: reason.to_string(), excerpt: excerpt(line) }
    }

    /// Whether the stream itself is still whole.
    pub(crate) const fn is_recoverable(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::Garbage { .. })
    }
}

/// The beginning of a line, fit for a message to a person.
fn excerpt(line: &[u8]) -> String {
    let head = String::from_utf8_lossy(&line[..line.len().min(EXCERPT * 4)]);
    let mut text: String = head.chars().take(EXCERPT).flat_map(char::escape_debug).collect();
    if head.chars().count() > EXCERPT || line.len() > EXCERPT * 4 {
        text.push('…');
    }
    text
}

/// Reads lines. Cancel-safe: dropping a read in progress loses nothing.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    inner: R,
    buffer: Vec<u8>,
    /// Where the line that is not yet handed out begins.
    start: usize,
    /// Up to here there is no newline, so a long line is searched once, not once per read.
    scanned: usize,
    limit: usize,
    /// Inside a line beyond the limit: drop everything up to its newline.
    skipping: bool,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) const fn new(inner: R) -> Self {
        Self::with_limit(inner, MAX_LINE)
    }

    pub(crate) const fn with_limit(inner: R, limit: usize) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, scanned: 0, limit, skipping: false }
    }

    /// The next message, or `None` when the other side has closed.
    pub(crate) async fn frame<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some(line) = self.line().await? else { return Ok(None) };
        serde_json::from_slice(line).map(Some).map_err(|e| FrameError::garbage(line, &e))
    }

    /// The next line without its newline, or `None` at the end. Empty lines are passed over.
    pub(crate) async fn line(&mut self) -> Result<Option<&[u8]>, FrameError> {
        loop {
            if let Some(end) = self.find_newline() {
                let (start, skipped) = (self.start, self.skipping);
                self.start = end + 1;
                self.scanned = self.start;
                self.skipping = false;
                if skipped || end - start > self.limit {
                    return Err(FrameError::TooLong { limit: self.limit });
                }
                if end > start {
                    return Ok(Some(&self.buffer[start..end]));
                }
                continue;
            }
            self.make_room();
            if self.inner.read_buf(&mut self.buffer).await? == 0 {
                return self.at_end();
            }
        }
    }

    fn find_newline(&mut self) -> Option<usize> {
        let mut rest = &self.buffer[self.scanned..];
        // On a slice this cannot fail, and it searches a word at a time, which `position` does not.
        let passed = rest.skip_until(b'\n').unwrap_or(0);
        self.scanned += passed;
        (passed > 0 && self.buffer[self.scanned - 1] == b'\n').then(|| self.scanned - 1)
    }

    /// Moves the unfinished line to the front, or drops it when it is too long anyway.
    fn make_room(&mut self) {
        if self.skipping || self.scanned - self.start > self.limit {
            self.skipping = true;
            self.start = self.scanned;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < KEEP && self.buffer.capacity() > KEEP {
            self.buffer.shrink_to(KEEP);
        }
        self.buffer.reserve(READ_CHUNK);
    }

    fn at_end<T>(&mut self) -> Result<Option<T>, FrameError> {
        let rest = std::mem::take(&mut self.buffer);
        (self.start, self.scanned) = (0, 0);
        if std::mem::take(&mut self.skipping) || !rest.is_empty() {
            return Err(FrameError::Truncated { excerpt: excerpt(&rest) });
        }
        Ok(None)
    }
}

/// Writes lines. Frames are gathered with `push…`, and `flush` writes all of them with as few system calls as
/// the stream allows.
#[derive(Debug)]
pub(crate) struct FrameWriter<W> {
    inner: W,
    buffer: Vec<u8>,
    written: usize,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(crate) const fn new(inner: W) -> Self {
        Self { inner, buffer: Vec::new(), written: 0 }
    }

    /// Adds a message. On an error nothing of it has been added.
    pub(crate) fn push(&mut self, frame: &impl Serialize) -> Result<(), Error> {
        let before = self.buffer.len();
        if let Err(e) = serde_json::to_writer(&mut self.buffer, frame) {
            self.buffer.truncate(before);
            return Err(Error::failed(format!("cannot put a message into words for the socket: {e}")));
        }
        self.buffer.push(b'\n');
        Ok(())
    }

    /// Adds one line in pieces, which must be JSON when put together.
    pub(crate) fn push_parts(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
        self.buffer.push(b'\n');
    }

    /// Writes everything gathered. Cancel-safe: the next `flush` continues where this one was dropped.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while self.written < self.buffer.len() {
            match self.inner.write(&self.buffer[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.written += n,
            }
        }
        self.buffer.clear();
        self.written = 0;
        if self.buffer.capacity() > KEEP {
            self.buffer.shrink_to(READ_CHUNK);
        }
        self.inner.flush().await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tokio::io::ReadBuf;

    use super::*;

    /// Gives its bytes in the pieces it was told to.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Pieces {
        fn cut(bytes: &[u8], sizes: &[usize]) -> Self {
            let mut pieces = VecDeque::new();
            let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
            while !rest.is_empty() {
                let (head, tail) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
                pieces.push_back(head.to_vec());
                rest = tail;
            }
            Self(pieces)
        }
    }

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let n = piece.len().min(buf.remaining());
                buf.put_slice(&piece[..n]);
                if n < piece.len() {
                    piece.drain(..n);
                    self.0.push_front(piece);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    /// Takes a few bytes per write and counts the writes.
    struct Narrow {
        width: usize,
        bytes: Vec<u8>,
        writes: usize,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let n = buf.len().min(self.width);
            self.bytes.extend_from_slice(&buf[..n]);
            self.writes += 1;
            Poll::Ready(Ok(n))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[derive(Debug, Clone, PartialEq)]
    enum Got {
        Value(Value),
        Garbage,
        TooLong,
        Truncated,
    }

    fn read_all(input: Pieces, limit: usize) -> Vec<Got> {
        run(async {
            let mut reader = FrameReader::with_limit(input, limit);
            let mut got = Vec::new();
            loop {
                got.push(match reader.frame::<Value>().await {
                    Ok(Some(value)) => Got::Value(value),
                    Ok(None) => return got,
                    Err(FrameError::Garbage { .. }) => Got::Garbage,
                    Err(FrameError::TooLong { .. }) => Got::TooLong,
                    Err(FrameError::Truncated { .. }) => Got::Truncated,
                    Err(FrameError::Io(e)) => panic!("{e}"),
                });
            }
        })
    }

    fn line() -> impl Strategy<Value = (Vec<u8>, Option<Got>)> {
        let value = prop_oneof![
            any::<i64>().prop_map(|n| json!({ "n": n })),
            "\\PC{0,40}".prop_map(|s| json!({ "text": s, "newline": "\n" })),
            (900usize..1100).prop_map(|n| json!("x".repeat(n))),
        ];
        prop_oneof![
            6 => value.prop_map(|v| {
                let bytes = v.to_string().into_bytes();
                let got = if bytes.len() > 1000 { Got::TooLong } else { Got::Value(v) };
                (bytes, Some(got))
            }),
            1 => prop::collection::vec(any::<u8>().prop_filter("no newline", |b| *b != b'\n'), 1..50)
                .prop_map(|mut bytes| { bytes.insert(0, b'!'); (bytes, Some(Got::Garbage)) }),
            1 => (1001usize..5000).prop_map(|n| (vec![b'z'; n], Some(Got::TooLong))),
            1 => Just((Vec::new(), None)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_split_gives_the_same_frames(
            lines in prop::collection::vec(line(), 0..20),
            sizes in prop::collection::vec(1usize..3000, 1..10),
        ) {
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for (line, got) in lines {
                bytes.extend_from_slice(&line);
                bytes.push(b'\n');
                expected.extend(got);
            }
            prop_assert_eq!(read_all(Pieces::cut(&bytes, &sizes), 1000), expected);
        }

        #[test]
        fn what_is_written_is_read(
            texts in prop::collection::vec("\\PC{0,200}", 0..20),
            width in 1usize..500,
            sizes in prop::collection::vec(1usize..300, 1..5),
        ) {
            let bytes = run(async {
                let mut writer = FrameWriter::new(Narrow { width, bytes: Vec::new(), writes: 0 });
                for text in &texts {
                    writer.push(&json!({ "text": text })).unwrap();
                }
                writer.flush().await.unwrap();
                writer.inner.bytes
            });
            let expected: Vec<_> = texts.iter().map(|t| Got::Value(json!({ "text": t }))).collect();
            prop_assert_eq!(read_all(Pieces::cut(&bytes, &sizes), MAX_LINE), expected);
        }
    }

    #[test]
    fn a_huge_line_passes_and_its_buffer_is_given_back() {
        let text = "y".repeat(8 << 20);
        let mut bytes = json!(text).to_string().into_bytes();
        bytes.extend_from_slice(b"\n1\n");
        run(async {
            let mut reader = FrameReader::new(Pieces::cut(&bytes, &[65536]));
            assert_eq!(reader.frame::<String>().await.unwrap().unwrap(), text);
            assert_eq!(reader.frame::<u8>().await.unwrap(), Some(1));
            assert_eq!(reader.frame::<u8>().await.unwrap(), None);
            assert!(reader.buffer.capacity() <= KEEP + READ_CHUNK);
        });
    }

    #[test]
    fn a_line_beyond_the_limit_is_not_kept_in_memory() {
        let mut bytes = vec![b'x'; 1 << 20];
        bytes.extend_from_slice(b"\n7\n");
        run(async {
            let mut reader = FrameReader::with_limit(Pieces::cut(&bytes, &[4096]), 1000);
            assert!(matches!(reader.frame::<u8>().await, Err(FrameError::TooLong { limit: 1000 })));
            assert!(reader.buffer.capacity() <= 4 * READ_CHUNK, "{}", reader.buffer.capacity());
            assert_eq!(reader.frame::<u8>().await.unwrap(), Some(7));
        });
    }

    #[test]
    fn an_end_in_the_middle_of_a_line_is_told() {
        assert_eq!(read_all(Pieces::cut(b"1\n{\"a\":", &[3]), 100), [Got::Value(json!(1)), Got::Truncated]);
    }

    #[test]
    fn garbage_is_named_and_shortened() {
        run(async {
            let mut bytes = vec![b'#'; 500];
            bytes.push(b'\n');
            let error = FrameReader::new(&bytes[..]).frame::<Value>().await.unwrap_err();
            assert!(error.is_recoverable());
            let text = error.to_string();
            assert!(text.contains("`####") && text.contains('…') && text.len() < 250, "{text}");
        });
    }

    #[test]
    fn pending_frames_are_one_write() {
        run(async {
            let mut writer = FrameWriter::new(Narrow { width: usize::MAX, bytes: Vec::new(), writes: 0 });
            for n in 0..50 {
                writer.push(&n).unwrap();
            }
            writer.push_parts(&[b"{\"id\":", b"3", b"}"]);
            writer.flush().await.unwrap();
            assert_eq!(writer.inner.writes, 1);
            assert!(writer.inner.bytes.ends_with(b"49\n{\"id\":3}\n"));
        });
    }
}
