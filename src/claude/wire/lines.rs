//! Cutting a byte stream into lines, with a bound on how long one may be.

/// A line of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Without its newline.
    Whole(&'a [u8]),
    /// Longer than the limit, so it was not kept: its length and how it began.
    TooLong { length: usize, start: &'a [u8] },
}

/// How much of a line that is too long is kept to show.
const SHOWN: usize = 256;
/// A buffer that one huge line has grown beyond this is given back afterwards.
const KEEP_CAPACITY: usize = 1 << 20;

/// Collects chunks and hands out lines.
#[derive(Debug)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// How far the buffer is known to hold no newline, so that a huge line is searched once.
    searched: usize,
    limit: usize,
    /// Bytes of the current line that were dropped because it is too long; the buffer keeps its start.
    dropped: usize,
}

impl Lines {
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, searched: 0, limit, dropped: 0 }
    }

    /// Adds what was read. All lines should have been taken out before.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(chunk);
    }

    /// The next whole line, if there is one.
    pub(crate) fn next_line(&mut self) -> Option<Line<'_>> {
        let found = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(at) = found.map(|at| self.searched + at) else {
            self.searched = self.buffer.len();
            self.drop_excess();
            return None;
        };
        let line = self.start..at;
        let dropped = std::mem::take(&mut self.dropped);
        self.start = at + 1;
        self.searched = self.start;
        Some(self.line(line, dropped))
    }

    /// What is left at the end of the stream, if it is not nothing.
    pub(crate) fn finish(&mut self) -> Option<Line<'_>> {
        let line = self.start..self.buffer.len();
        let dropped = std::mem::take(&mut self.dropped);
        self.start = line.end;
        self.searched = line.end;
        (!line.is_empty()).then(|| self.line(line, dropped))
    }

    fn line(&self, range: std::ops::Range<usize>, dropped: usize) -> Line<'_> {
        let bytes = &self.buffer[range];
        let length = bytes.len() + dropped;
        if length > self.limit {
            return Line::TooLong { length, start: &bytes[..bytes.len().min(SHOWN)] };
        }
        Line::Whole(bytes)
    }

    /// A line that is already too long keeps only its start.
    fn drop_excess(&mut self) {
        let length = self.buffer.len() - self.start;
        let keep = if length + self.dropped > self.limit { SHOWN.min(length) } else { length };
        self.dropped += length - keep;
        self.buffer.truncate(self.start + keep);
        self.searched = self.buffer.len();
    }

    fn compact(&mut self) {
        if self.start == 0 {
            return;
        }
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.capacity() > KEEP_CAPACITY && self.buffer.len() < KEEP_CAPACITY {
            self.buffer.shrink_to(KEEP_CAPACITY);
        }
    }
}
