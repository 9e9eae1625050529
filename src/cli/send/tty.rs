//! Lines typed at the terminal, so that waiting for one can be given up at any time.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::termios::{QueueSelector, tcflush, ttyname};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

/// The terminal at stdin, opened once more: non-blocking reads there concern nobody else.
#[derive(Debug)]
pub(crate) struct Tty {
    /// Nothing in it is about pipes: it waits until a descriptor is readable, and reads.
    from: Receiver,
    typed: Vec<u8>,
}

impl Tty {
    /// None: stdin is no terminal, or it cannot be read from. Needs a running tokio runtime.
    pub(crate) fn open() -> Option<Self> {
        // By its own name: macOS cannot wait for input on /dev/tty.
        let name = ttyname(io::stdin(), Vec::new()).ok()?;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags.bits()).ok()?)
            .open(Path::new(OsStr::from_bytes(name.as_bytes())))
            .ok()?;
        Some(Self { from: Receiver::from_file_unchecked(file).ok()?, typed: Vec::new() })
    }

    /// Forgets what was typed before the question was there: it cannot have been meant for it.
    pub(crate) fn forget_typed(&mut self) {
        self.typed.clear();
        // Where it fails an early line is taken for an answer, and Enter alone decides nothing.
        tcflush(&self.from, QueueSelector::IFlush).ok();
    }

    /// The next line; None at the end of input. Cancel-safe: what was read stays.
    pub(crate) async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.typed.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.typed.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            if self.from.read_buf(&mut self.typed).await? == 0 {
                return Ok(None);
            }
        }
    }
}
