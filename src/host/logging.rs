//! The host's log: a file in the background, stderr in the foreground. Prompts and tokens are never logged.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::run::{HostMode, HostOptions};
use crate::error::{Error, Result};
use crate::paths::Paths;

/// At this size the log is put aside as `host.log.1` when a host starts.
const LARGE: u64 = 8 << 20;

pub(super) fn start(options: &HostOptions) -> Result<()> {
    let filter = EnvFilter::try_new(format!("claudebot={}", options.config.log.level))
        .map_err(|e| Error::usage(format!("log.level is not a level: {e}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    let started = match options.mode {
        HostMode::Foreground | HostMode::Serve => {
            builder.with_ansi(false).with_writer(std::io::stderr).try_init()
        }
        HostMode::Background => {
            let path = options.paths.host_log();
            Paths::create_private(&options.paths.log_dir())?;
            if std::fs::metadata(&path).is_ok_and(|file| file.len() > LARGE) {
                // A log that cannot be put aside only grows on.
                std::fs::rename(&path, path.with_extension("log.1")).ok();
            }
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
                .map_err(|e| Error::io("open the log", &path, &e))?;
            builder.with_ansi(false).with_writer(Mutex::new(file)).try_init()
        }
    };
    started.map_err(|e| Error::failed(format!("cannot start the log: {e}")))
}
