//! The three pipes of a child, one task each.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::Output;
use crate::claude::wire::{self, Incoming, Line, Lines, Outgoing};

/// The longest line that is read. An image in a tool's result is a few MiB.
pub(super) const LINE_LIMIT: usize = 64 << 20;
const CHUNK: usize = 64 << 10;
/// How much of stderr is kept.
const TAIL: usize = 64 << 10;

/// When to stop reading although the pipe is open: something else may hold it after the child has ended.
pub(super) type End = watch::Receiver<Option<tokio::time::Instant>>;

/// Writes what is queued, until the queue ends or the child stops reading; then stdin closes.
pub(super) async fn write(
    mut stdin: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Outgoing>,
    events: mpsc::Sender<Output>,
) {
    while let Some(message) = queue.recv().await {
        if stdin.write_all(message.as_bytes()).await.is_err() {
            // The exit, which must follow, tells why.
            return;
        }
        if let Some(uuid) = message.prompt_uuid() {
            // Nobody listening any more is no reason to lose what is still queued.
            events.send(Output::Written { uuid, at: Instant::now() }).await.ok();
        }
    }
}

/// Reads messages until the pipe ends. Returns the last failure that Claude reported in words, which may be
/// why it exits.
pub(super) async fn read(
    mut stdout: impl AsyncRead + Unpin,
    events: mpsc::Sender<Output>,
    mut end: End,
) -> Option<String> {
    let mut lines = Lines::new(LINE_LIMIT);
    let mut chunk = vec![0; CHUNK];
    let mut failure = None;
    while let Some(count) = read_some(&mut stdout, &mut chunk, &mut end).await {
        lines.push(&chunk[..count]);
        while let Some(line) = lines.next_line() {
            deliver(line, &events, &mut failure).await;
            // The first text of a burst is shown before the last one is parsed.
            tokio::task::yield_now().await;
        }
    }
    if let Some(line) = lines.finish() {
        deliver(line, &events, &mut failure).await;
    }
    failure
}

async fn deliver(line: Line<'_>, events: &mpsc::Sender<Output>, failure: &mut Option<String>) {
    let message = match line {
        Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => return,
        Line::Whole(line) => wire::parse(line),
        Line::TooLong { length, start } => {
            wire::malformed(start, &format!("a line of {length} bytes, more than {LINE_LIMIT}"))
        }
    };
    if let Incoming::Result(result) = &message {
        *failure = result.error_text();
    }
    // The pipe is read to its end although nobody listens: a full one would stop the child.
    events.send(Output::Message(message)).await.ok();
}

/// Keeps the end of what is written to stderr.
pub(super) async fn keep_tail(mut stderr: impl AsyncRead + Unpin, tail: std::sync::Arc<Tail>, mut end: End) {
    let mut chunk = vec![0; CHUNK / 8];
    while let Some(count) = read_some(&mut stderr, &mut chunk, &mut end).await {
        tail.push(&chunk[..count]);
    }
}

/// Reads a piece; None at the end of the pipe, on an error, or when it is time to stop.
async fn read_some(pipe: &mut (impl AsyncRead + Unpin), chunk: &mut [u8], end: &mut End) -> Option<usize> {
    tokio::select! {
        biased;
        count = pipe.read(chunk) => count.ok().filter(|count| *count > 0),
        () = time_is_up(end) => None,
    }
}

async fn time_is_up(end: &mut End) {
    let deadline = end.wait_for(Option::is_some).await.ok().and_then(|deadline| *deadline);
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        // No keeper, no end of its making: the pipe decides.
        None => std::future::pending().await,
    }
}

/// The last of what was written to stderr.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<Vec<u8>>);

impl Tail {
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let excess = kept.len().saturating_sub(TAIL);
        kept.drain(..excess);
    }

    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end_and_bounded() {
        let tail = Tail::default();
        tail.push(&vec![b'a'; TAIL * 2]);
        tail.push(b"the end\n");
        assert!(tail.text().ends_with("athe end"));
        assert!(tail.text().len() < TAIL);
    }
}
