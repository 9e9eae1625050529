//! The tools that claudebot gives to Claude, and what may be done with them.
//!
//! Pure but for looking at files; the actor carries out (`actor::tools`).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::claude::mcp::{Asked, Server, Tool};

/// What Claude calls us among its MCP servers.
pub(super) const SERVER: &str = "claudebot";
/// Allowed without asking: each tool looks for itself whether it may.
pub(super) const ALLOWED: [&str; 1] = ["mcp__claudebot__send_file"];
const SEND_FILE: &str = "send_file";

/// What Telegram lets a bot upload.
const LARGEST_FILE: u64 = 50 << 20;
const CAPTION_CHARS: usize = 1000;

const DESCRIPTION: &str = "\
Sends a file to the user, who reads this conversation in a chat or a terminal, often on a phone, and may not be able to \
open paths of this machine. Use it when the user asks for a file, or when what was asked for is one: a picture, a \
report, an archive. The file must lie in a directory of this session and be at most 50 MB. Do not repeat its content \
in your reply.";

/// The answer to a message for our server, or what is to be done for one.
pub(super) fn asked(message: &Value) -> Asked {
    let path = json!({"type": "string", "description": "Absolute, or relative to the working directory"});
    let caption = json!({"type": "string", "description": "A line to go with it"});
    let input = json!({
        "type": "object",
        "properties": {"path": path, "caption": caption},
        "required": ["path"],
        "additionalProperties": false,
    });
    let tools = [Tool { name: SEND_FILE, description: DESCRIPTION, input }];
    Server { name: SERVER, version: env!("CARGO_PKG_VERSION"), tools: &tools }.asked(message)
}

/// A use of a tool that waits for its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Use {
    /// The control request.
    pub(super) request: String,
    /// The message inside it.
    pub(super) id: Value,
    pub(super) input: Value,
}

/// A file that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sendable {
    /// Without links, so that it is what was looked at.
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) caption: Option<String>,
    pub(super) bytes: u64,
}

/// The file that Claude wants to send, or the words in which it is told why not. `dirs`: the first is the working
/// directory; nothing outside of them may leave the machine, whatever a link says.
pub(super) fn sendable(input: &Value, dirs: &[PathBuf]) -> Result<Sendable, String> {
    let wanted = input.get("path").and_then(Value::as_str).filter(|path| !path.is_empty());
    let wanted = wanted.ok_or("`path` is missing: say which file to send")?;
    let cwd = dirs.first().map(PathBuf::as_path).unwrap_or(Path::new("/"));
    let path = cwd.join(wanted).canonicalize().map_err(|error| format!("cannot send {wanted}: {error}"))?;
    let is_inside = dirs.iter().filter_map(|dir| dir.canonicalize().ok()).any(|dir| path.starts_with(dir));
    if !is_inside {
        return Err(format!(
            "{wanted} was not sent: it lies outside of this session's directories; copy it into the working directory"
        ));
    }
    let found = path.symlink_metadata().map_err(|error| format!("cannot send {wanted}: {error}"))?;
    if !found.is_file() {
        return Err(format!(
            "{wanted} was not sent: it is not a regular file; pack a directory into an archive"
        ));
    }
    if found.len() > LARGEST_FILE {
        let megabytes = found.len().div_ceil(1 << 20);
        return Err(format!("{wanted} was not sent: it has {megabytes} MB, and at most 50 can be sent"));
    }
    if found.len() == 0 {
        return Err(format!("{wanted} was not sent: it is empty"));
    }
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| path.to_str().is_some());
    let name = name.ok_or_else(|| format!("{wanted} was not sent: its name is not UTF-8"))?.to_owned();
    let caption = input.get("caption").and_then(Value::as_str).map(str::trim);
    let caption = caption.filter(|caption| !caption.is_empty());
    let caption = caption.map(|caption| caption.chars().take(CAPTION_CHARS).collect());
    Ok(Sendable { path, name, caption, bytes: found.len() })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_inside_are_sent() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let [work, added, outside] = ["work", "added", "outside"].map(|name| home.join(name));
        for dir in [&work, &added, &outside] {
            fs::create_dir_all(dir).unwrap();
            fs::write(dir.join("a.txt"), "hello").unwrap();
        }
        fs::create_dir(work.join("sub")).unwrap();
        fs::write(work.join("empty"), "").unwrap();
        fs::File::create(work.join("large")).unwrap().set_len((50 << 20) + 1).unwrap();
        fs::File::create(work.join("fits")).unwrap().set_len(50 << 20).unwrap();
        symlink(work.join("a.txt"), work.join("link")).unwrap();
        symlink(outside.join("a.txt"), work.join("way-out")).unwrap();
        symlink(&outside, work.join("dir-out")).unwrap();
        symlink("loop", work.join("loop")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            work.join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        // A directory that is not there (any more) lets nothing in.
        let dirs = [work.clone(), added.clone(), home.join("gone")];
        let send = |path: &str| sendable(&json!({"path": path, "caption": " see\n"}), &dirs);

        let sent = send("a.txt").unwrap();
        let expected = Sendable {
            path: work.join("a.txt"),
            name: "a.txt".to_owned(),
            caption: Some("see".to_owned()),
            bytes: 5,
        };
        assert_eq!(sent, expected);
        assert_eq!(send("link").unwrap(), expected);
        assert_eq!(send("../added/a.txt").unwrap().path, added.join("a.txt"));
        assert_eq!(send(added.join("a.txt").to_str().unwrap()).unwrap().path, added.join("a.txt"));
        assert_eq!(send("fits").unwrap().bytes, 50 << 20);
        for (path, words) in [
            ("../outside/a.txt", "outside"),
            ("way-out", "outside"),
            ("dir-out/a.txt", "outside"),
            ("/etc/passwd", "outside"),
            ("none", "No such file"),
            ("loop", "cannot send loop"),
            ("", "`path` is missing"),
            (".", "not a regular file"),
            ("sub", "not a regular file"),
            ("pipe", "not a regular file"),
            ("large", "51 MB"),
            ("empty", "empty"),
        ] {
            let why = send(path).unwrap_err();
            assert!(why.contains(words), "{path}: {why}");
        }
        assert!(sendable(&json!({"path": 7}), &dirs).is_err());
        assert_eq!(sendable(&json!({"path": "a.txt"}), &dirs).unwrap().caption, None);
    }

    #[test]
    fn what_is_allowed_is_what_there_is() {
        let Asked::Answered(list) = asked(&json!({"id": 1, "method": "tools/list"})) else {
            panic!("a call")
        };
        let tools = list["result"]["tools"].as_array().unwrap();
        let names: Vec<_> =
            tools.iter().map(|tool| format!("mcp__{SERVER}__{}", tool["name"].as_str().unwrap())).collect();
        assert_eq!(names, ALLOWED);
    }
}
