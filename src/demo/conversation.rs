//! The stored conversation: `projects/<directory>/<session id>.jsonl`, in the shapes of Claude Code 2.1.330.
//!
//! Every entry is one write and in the file before the agent goes on, so a killed agent leaves exactly what it has
//! said so far. The file is made by the first entry: a start without a message stores nothing.

use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::PROTOCOL_OF;
use super::args::Start;

/// Directory names longer than this are cut and told apart by a hash.
const LONGEST_NAME: usize = 200;

pub(super) struct Conversation {
    config_dir: PathBuf,
    pub(super) cwd: PathBuf,
    pub(super) id: Uuid,
    path: PathBuf,
    file: Option<File>,
    /// The entry that the next one hangs on.
    last: Option<String>,
    /// What the person has said, in order.
    pub(super) prompts: Vec<String>,
    /// Prompts that must not be run again, and whether an earlier process stored them.
    pub(super) held: Held,
}

/// Which uuids are known.
#[derive(Default)]
pub(super) struct Held {
    /// Stored as an entry of its own.
    stored: HashSet<String>,
    /// Accepted by this process.
    pub(super) accepted: HashSet<String>,
    /// Found answered in the file when it was resumed.
    pub(super) resumed: HashSet<String>,
}

impl Conversation {
    /// Opens what `start` asks for. None: there is no such conversation to resume.
    pub(super) fn open(config_dir: &Path, cwd: PathBuf, start: Start) -> Result<Option<Self>, String> {
        let found = find(config_dir, start.id());
        match (start, found) {
            (Start::Resume(_), None) => Ok(None),
            (Start::New(id), Some(_)) => Err(format!("Error: Session ID {id} is already in use.")),
            (Start::New(id), None) => Ok(Some(Self::new(config_dir, cwd, id))),
            (Start::Resume(id), Some(path)) => {
                let mut conversation = Self { path, ..Self::new(config_dir, cwd, id) };
                conversation.read().map_err(|error| {
                    format!("Error: cannot read {}: {error}", conversation.path.display())
                })?;
                Ok(Some(conversation))
            }
        }
    }

    fn new(config_dir: &Path, cwd: PathBuf, id: Uuid) -> Self {
        let path = directory_of(config_dir, &cwd).join(format!("{id}.jsonl"));
        let config_dir = config_dir.to_owned();
        Self { config_dir, cwd, id, path, file: None, last: None, prompts: Vec::new(), held: Held::default() }
    }

    /// `/clear`: the next entry begins another conversation. What this process accepted stays accepted.
    pub(super) fn reset(&mut self) {
        let accepted = std::mem::take(&mut self.held.accepted);
        *self = Self::new(&self.config_dir, self.cwd.clone(), Uuid::new_v4());
        self.held.accepted = accepted;
    }

    /// Rules that were allowed for good. They stay with the demo and are never written into a project.
    fn rules_file(&self) -> PathBuf {
        directory_of(&self.config_dir, &self.cwd).join("demo-rules")
    }

    /// None are there until the first is kept.
    pub(super) fn kept_rules(&self) -> Vec<String> {
        let kept = std::fs::read_to_string(self.rules_file()).unwrap_or_default();
        kept.lines().map(str::to_owned).collect()
    }

    pub(super) fn keep_rule(&self, rule: &str) -> std::io::Result<()> {
        let mut file = open_for_append(&self.rules_file())?;
        file.write_all(format!("{rule}\n").as_bytes())
    }

    /// A prompt, before anything is answered. A uuid is stored once, however often it is run.
    pub(super) fn prompt(
        &mut self,
        uuid: &str,
        content: &Value,
        mode: &str,
        at: Timestamp,
    ) -> std::io::Result<()> {
        if !self.held.stored.insert(uuid.to_owned()) {
            return Ok(());
        }
        let entry = json!({
            "type": "user", "message": {"role": "user", "content": content}, "uuid": uuid, "promptId": Uuid::new_v4(),
            "permissionMode": mode, "promptSource": "sdk", "turnOrigin": "sdk", "turnAttributionKey": uuid,
        });
        self.linked(entry, at)
    }

    /// A prompt that was handed over in the middle of a turn.
    pub(super) fn injected(&mut self, uuid: &str, content: &Value, at: Timestamp) -> std::io::Result<()> {
        let attachment = json!({
            "type": "queued_command", "prompt": content, "source_uuid": uuid, "delivery_id": Uuid::new_v4(),
            "commandMode": "prompt", "timestamp": at.to_string(),
        });
        self.linked(json!({"type": "attachment", "attachment": attachment, "uuid": Uuid::new_v4()}), at)
    }

    /// An entry that hangs on the one before: `type`, `uuid` and whatever belongs to it.
    pub(super) fn linked(&mut self, mut entry: Value, at: Timestamp) -> std::io::Result<()> {
        entry["parentUuid"] = json!(self.last);
        entry["isSidechain"] = json!(false);
        entry["userType"] = json!("external");
        entry["entrypoint"] = json!("sdk-cli");
        entry["cwd"] = json!(self.cwd);
        entry["version"] = json!(PROTOCOL_OF);
        self.last = entry["uuid"].as_str().map(str::to_owned);
        self.append(entry, at)
    }

    /// An entry beside the chain.
    pub(super) fn append(&mut self, mut entry: Value, at: Timestamp) -> std::io::Result<()> {
        entry["sessionId"] = json!(self.id);
        entry["timestamp"] = json!(at.to_string());
        let mut line = entry.to_string();
        line.push('\n');
        if self.file.is_none() {
            self.file = Some(open_for_append(&self.path)?);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(line.as_bytes()))
    }

    fn read(&mut self) -> std::io::Result<()> {
        let mut reader = BufReader::new(File::open(&self.path)?);
        let mut line = Vec::new();
        let mut unanswered: Option<String> = None;
        while reader.read_until(b'\n', &mut line)? > 0 {
            // A line that was cut off by a kill, or is not ours to understand, holds no prompt.
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line) {
                self.remember(entry, &mut unanswered);
            }
            line.clear();
        }
        Ok(())
    }

    /// Claude runs a stored prompt again when nothing followed it, and an injected one always.
    fn remember(&mut self, entry: Entry, unanswered: &mut Option<String>) {
        let answers = matches!(entry.kind.as_str(), "assistant" | "system");
        if answers {
            self.held.resumed.extend(unanswered.take());
        }
        if let Some(said) = entry.said() {
            self.prompts.push(said);
        }
        if entry.kind == "user" && !entry.is_meta && entry.is_prompt() {
            self.held.stored.extend(entry.uuid.clone());
            *unanswered = entry.uuid.clone();
        }
        if entry.uuid.is_some() {
            self.last = entry.uuid;
        }
    }
}

/// What is read of an entry; the rest of it is not even kept while reading.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type", default)]
    kind: String,
    uuid: Option<String>,
    #[serde(rename = "isMeta", default)]
    is_meta: bool,
    message: Option<Message>,
    attachment: Option<Attachment>,
    #[serde(rename = "turnOrigin")]
    origin: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Value,
}

#[derive(Deserialize)]
struct Attachment {
    #[serde(default)]
    prompt: Value,
    source_uuid: Option<String>,
}

impl Entry {
    fn is_prompt(&self) -> bool {
        self.message.as_ref().is_some_and(|message| text_of(&message.content).is_some())
    }

    /// The person's words, if this entry holds some.
    fn said(&self) -> Option<String> {
        if let Some(Attachment { prompt, source_uuid: Some(_) }) = &self.attachment {
            return text_of(prompt);
        }
        let by_person = self.kind == "user" && self.origin.as_deref() == Some("sdk");
        self.message.as_ref().filter(|_| by_person).and_then(|message| text_of(&message.content))
    }
}

/// The text of a message's content: a string, or its text blocks. None for tool results and the like.
pub(super) fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => {
            let mut text = String::new();
            for block in blocks {
                if block["type"] == "tool_result" {
                    return None;
                }
                text.push_str(block["text"].as_str().unwrap_or_default());
            }
            Some(text)
        }
        _ => None,
    }
}

/// Looks in every project: a conversation may be resumed from another directory.
fn find(config_dir: &Path, id: Uuid) -> Option<PathBuf> {
    let name = format!("{id}.jsonl");
    let projects = std::fs::read_dir(config_dir.join("projects")).ok()?;
    projects.flatten().map(|project| project.path().join(&name)).find(|path| path.is_file())
}

fn open_for_append(path: &Path) -> std::io::Result<File> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file = File::options().create(true).append(true).read(true).mode(0o600).open(path)?;
    if ends_mid_line(&mut file)? {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// A kill can cut the last line; the next entry must not be glued to it.
fn ends_mid_line(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The folder of a working directory: everything but ASCII letters and digits becomes `-`.
fn directory_of(config_dir: &Path, cwd: &Path) -> PathBuf {
    let path = cwd.to_string_lossy();
    let mut name: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if name.len() > LONGEST_NAME {
        name.truncate(LONGEST_NAME);
        name = format!("{name}-{:x}", short_hash(&path));
    }
    config_dir.join("projects").join(name)
}

/// FNV-1a: stable over releases, which std's hasher does not promise.
fn short_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(conversation: &mut Conversation, uuid: &str, text: &str) {
        conversation.prompt(uuid, &json!(text), "default", Timestamp::UNIX_EPOCH).unwrap();
    }

    fn reply(conversation: &mut Conversation) {
        let entry = json!({"type": "assistant", "uuid": Uuid::new_v4(), "message": {"content": []}});
        conversation.linked(entry, Timestamp::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn resume_remembers_prompts_and_runs_only_the_unanswered_again() {
        let home = tempfile::tempdir().unwrap();
        let id = Uuid::new_v4();
        let mut first =
            Conversation::open(home.path(), "/some/where".into(), Start::New(id)).unwrap().unwrap();
        assert!(find(home.path(), id).is_none(), "nothing was said, nothing is stored");
        prompt(&mut first, "u1", "one");
        reply(&mut first);
        first.injected("u2", &json!("two"), Timestamp::UNIX_EPOCH).unwrap();
        prompt(&mut first, "u3", "three");

        let again = Conversation::open(home.path(), "/else".into(), Start::Resume(id)).unwrap().unwrap();
        assert_eq!(again.prompts, ["one", "two", "three"]);
        assert!(again.held.resumed.contains("u1"));
        assert!(!again.held.resumed.contains("u2") && !again.held.resumed.contains("u3"));
        assert_eq!(again.last.as_deref(), Some("u3"));
    }

    #[test]
    fn a_cut_line_is_left_alone_and_not_glued_to_the_next() {
        let home = tempfile::tempdir().unwrap();
        let id = Uuid::new_v4();
        let mut first = Conversation::open(home.path(), "/p".into(), Start::New(id)).unwrap().unwrap();
        prompt(&mut first, "u1", "one");
        reply(&mut first);
        first.file.as_mut().unwrap().write_all(br#"{"type":"user","mess"#).unwrap();
        let mut second = Conversation::open(home.path(), "/p".into(), Start::Resume(id)).unwrap().unwrap();
        prompt(&mut second, "u2", "two");
        let third = Conversation::open(home.path(), "/p".into(), Start::Resume(id)).unwrap().unwrap();
        assert_eq!(third.prompts, ["one", "two"]);
    }

    #[test]
    fn an_id_in_use_is_refused_and_an_unknown_one_not_found() {
        let home = tempfile::tempdir().unwrap();
        let id = Uuid::new_v4();
        assert!(Conversation::open(home.path(), "/p".into(), Start::Resume(id)).unwrap().is_none());
        let mut first = Conversation::open(home.path(), "/p".into(), Start::New(id)).unwrap().unwrap();
        prompt(&mut first, "u1", "one");
        let refused = Conversation::open(home.path(), "/p".into(), Start::New(id)).err();
        assert_eq!(refused, Some(format!("Error: Session ID {id} is already in use.")));
    }

    #[test]
    fn folders_are_named_as_claude_names_them() {
        let named = directory_of(Path::new("/c"), Path::new("/home/user/my project_2"));
        assert_eq!(named, Path::new("/c/projects/-home-user-my-project-2"));
        let long = directory_of(Path::new("/c"), Path::new(&"x".repeat(300)));
        assert!(long.file_name().unwrap().len() < 255);
    }
}
