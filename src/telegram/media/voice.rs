//! Voice messages as text, by a command that a person has configured.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::telegram::shell::{Failure, output, shell};

/// A quarter of an hour of speech takes a small machine about that long.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// More text than this is none that somebody said.
const MOST: u64 = 256 << 10;

/// What is said in a file. The command gets the file's path as its last argument and prints the text.
pub(crate) async fn hear(command: Option<&str>, file: &Path) -> Result<String> {
    let command = command.ok_or_else(deaf)?;
    let text = run(command, file, PATIENCE).await?;
    match text.trim() {
        "" => Err(Error::failed("nothing was understood in the voice message: nothing was sent")),
        text => Ok(text.to_owned()),
    }
}

/// Nobody has said how to hear.
pub(crate) fn deaf() -> Error {
    Error::usage("voice messages cannot be heard here: nothing was sent")
        .hint("set `telegram.transcribe` to a command that prints what a file says")
}

async fn run(command: &str, file: &Path, limit: Duration) -> Result<String> {
    let failed = |what: &str| {
        Error::failed(format!("the command of `telegram.transcribe` {what}: nothing was sent"))
            .hint("run it in a terminal with the path of a sound file behind it")
    };
    let mut shell = shell(&format!("{command} \"$@\""));
    shell.arg("sh").arg(file).env_remove("CLAUDEBOT_TELEGRAM_TOKEN");
    match output(&mut shell, MOST, limit).await {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(Failure::Start(error)) => Err(failed(&format!("cannot be started ({error})"))),
        Err(Failure::Read(error)) => Err(failed(&format!("cannot be read ({error})"))),
        Err(Failure::Status(status)) => Err(failed(&format!("failed ({status})"))),
        Err(Failure::Time) => Err(failed(&format!("took longer than {} s", limit.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::fs::{FileType, Mode};
    use tokio::time::timeout;

    use super::*;
    use crate::telegram::api::test_server;

    fn hear_now(command: Option<&str>, file: &str) -> Result<String> {
        test_server::run(hear(command, Path::new(file)))
    }

    #[test]
    fn the_command_gets_the_file_and_says_what_is_in_it() {
        let heard = hear_now(Some("printf ' %s|%s\\n' \"it says\""), "/tmp/a 'b'.ogg");
        assert_eq!(heard.unwrap(), "it says|/tmp/a 'b'.ogg");
    }

    #[test]
    fn without_a_command_or_words_it_says_so() {
        for (command, wanted) in [
            (None, "voice messages cannot be heard here: nothing was sent"),
            (Some("true"), "nothing was understood in the voice message: nothing was sent"),
            (
                Some("exit 3;"),
                "the command of `telegram.transcribe` failed (exit status: 3): nothing was sent",
            ),
        ] {
            assert_eq!(hear_now(command, "/x").unwrap_err().message, wanted);
        }
    }

    /// The bridge ends, and waits for nothing.
    #[test]
    fn all_of_a_pipeline_ends_where_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let command = format!("{{ echo >&3; sleep 600; }} 3> '{}' | cat; :", pipe.display());
        let (tells, mut told) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut pipe = std::fs::File::open(pipe).unwrap();
            pipe.read_exact(&mut [0]).unwrap();
            tells.send("begun").unwrap();
            // The end comes once nobody has it open any more.
            pipe.read_to_end(&mut Vec::new()).unwrap();
            tells.send("over").unwrap();
        });
        test_server::run(async {
            let heard = tokio::spawn(async move { run(&command, Path::new("/x"), PATIENCE).await });
            let soon = Duration::from_secs(20);
            assert_eq!(timeout(soon, told.recv()).await.unwrap(), Some("begun"));
            heard.abort();
            assert_eq!(timeout(soon, told.recv()).await.unwrap(), Some("over"));
        });
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let hung = run("sleep 600; echo", Path::new("/x"), Duration::from_millis(200));
        let error = test_server::run(hung).unwrap_err();
        assert!(error.message.contains("took longer than 0 s"), "{error}");
        assert!(hear_now(Some("exec yes"), "/x").is_err(), "endless output is cut, and its maker fails");
    }
}
