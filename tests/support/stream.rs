//! What a process prints, collected by a thread, so that a test can wait for a text in it.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// How much of it the test has seen.
    taken: usize,
    closed: bool,
}

/// One stream of output. Clones are the same stream.
#[derive(Clone, Default)]
pub(crate) struct Stream {
    shared: Arc<(Mutex<Buffer>, Condvar)>,
}

/// The text did not come: the stream ended before it, or the time was up.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) ended: bool,
}

impl Stream {
    /// Collects until the source ends. The thread ends with it.
    pub(crate) fn collect(mut source: impl Read + Send + 'static) -> Self {
        let stream = Self::default();
        let sink = stream.clone();
        std::thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            // A pseudo-terminal ends with an error, a pipe with nothing: both are the end.
            while let Ok(read @ 1..) = source.read(&mut chunk) {
                sink.lock().bytes.extend_from_slice(&chunk[..read]);
                sink.shared.1.notify_all();
            }
            sink.lock().closed = true;
            sink.shared.1.notify_all();
        });
        stream
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything so far, seen or not.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Waits for a text after what was taken before, and takes everything up to its end.
    pub(crate) fn take_through(&self, text: &str, timeout: Duration) -> Result<String, Missing> {
        let mut searched = 0;
        self.wait(timeout, |buffer| {
            let fresh = &buffer.bytes[buffer.taken..];
            let found = find(&fresh[searched..], text.as_bytes()).map(|at| searched + at);
            // The text may be cut at the end of what has come so far.
            searched = fresh.len().saturating_sub(text.len());
            let end = found? + text.len();
            let taken = String::from_utf8_lossy(&fresh[..end]).into_owned();
            buffer.taken += end;
            Some(taken)
        })
    }

    /// Waits for the next whole line, without its end. The last one may lack it.
    pub(crate) fn take_line(&self, timeout: Duration) -> Result<String, Missing> {
        match self.take_through("\n", timeout) {
            Ok(line) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
            Err(Missing { ended: true }) => {
                let mut buffer = self.lock();
                let rest = String::from_utf8_lossy(&buffer.bytes[buffer.taken..]).into_owned();
                buffer.taken = buffer.bytes.len();
                if rest.is_empty() { Err(Missing { ended: true }) } else { Ok(rest) }
            }
            Err(missing) => Err(missing),
        }
    }

    /// Waits until nobody holds the other end any more; false: the time was up.
    pub(crate) fn wait_closed(&self, timeout: Duration) -> bool {
        self.wait(timeout, |buffer| buffer.closed.then_some(())).is_ok()
    }

    fn wait<T>(
        &self,
        timeout: Duration,
        mut ready: impl FnMut(&mut Buffer) -> Option<T>,
    ) -> Result<T, Missing> {
        let deadline = Instant::now() + timeout;
        let mut buffer = self.lock();
        loop {
            if let Some(result) = ready(&mut buffer) {
                return Ok(result);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if buffer.closed || left.is_zero() {
                return Err(Missing { ended: buffer.closed });
            }
            buffer = self.shared.1.wait_timeout(buffer, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    bytes.windows(text.len()).position(|window| window == text)
}
