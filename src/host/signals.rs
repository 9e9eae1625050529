//! The signals that end a host.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Result};

/// SIGTERM, Ctrl-C, and the terminal that is closed.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// None under `nohup`: the host is to outlive its terminal.
    hangup: Option<Signal>,
}

impl Signals {
    pub(super) fn listen() -> Result<Self> {
        let listen =
            |kind| signal(kind).map_err(|e| Error::failed(format!("cannot listen for signals: {e}")));
        let hangup = if ignores_hangup() { None } else { Some(listen(SignalKind::hangup())?) };
        let (terminate, interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hangup })
    }

    /// Until one of them comes. Cancel-safe.
    pub(super) async fn recv(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = hangup => {}
        }
    }
}

/// Whether whoever started this process had it ignore SIGHUP, which listening for it would undo. Where there is no
/// `/proc`, nobody is believed to have.
fn ignores_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| has_hangup(&status))
}

fn has_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is 1, and so the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_seen() {
        assert!(has_hangup("Name:\tclaudebot\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n"));
        assert!(!has_hangup("SigIgn:\t0000000000001000\n"));
        assert!(!has_hangup("nothing of the kind"));
    }
}
