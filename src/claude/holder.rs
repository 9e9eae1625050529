//! Which processes have a conversation open just now. Claude Code itself guards none: two processes on one both write.
//!
//! Every process, interactive or not, keeps `sessions/<pid>.json` in its configuration directory from its start to its
//! end, with `pid`, `procStart` (Linux: the start time as the process table has it) and `sessionId`, which follows
//! `/clear` and `/resume`; seen alike in 2.1.197 and 2.1.330. After a kill the file stays, so pid and start must both
//! match a living process. A process that keeps no such file is known by the id in its arguments.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use uuid::Uuid;

use super::tree::{self, Identity};

/// The options that name the conversation to lead.
const OPTIONS: [&str; 3] = ["--resume", "-r", "--session-id"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    pid: u32,
    session_id: Uuid,
    #[serde(default)]
    proc_start: Option<String>,
}

impl Note {
    /// The process that wrote it, if it lives.
    fn process(&self) -> Option<Identity> {
        let identity = Identity::of(self.pid).filter(tree::is_alive)?;
        let start = self.proc_start.as_ref().filter(|_| cfg!(target_os = "linux"));
        let is_another = start.is_some_and(|start| start.parse() != Ok(identity.start));
        (!is_another).then_some(identity)
    }
}

/// The conversation that this process leads now, by its own note.
pub(crate) fn led_by(config_dir: &Path, process: &Identity) -> Option<Uuid> {
    let file = config_dir.join("sessions").join(format!("{}.json", process.pid));
    let note: Note = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (note.process()? == *process).then_some(note.session_id)
}

/// Who has which conversation open. Of several processes on one conversation it names one.
pub(crate) fn open_now(config_dir: &Path) -> HashMap<Uuid, Identity> {
    let mut open = noted_now(config_dir);
    let noted: Vec<_> = open.values().copied().collect();
    for (process, arguments) in tree::own_arguments() {
        if noted.contains(&process) {
            continue;
        }
        if let Some(id) = led(&arguments) {
            open.entry(id).or_insert(process);
        }
    }
    open
}

/// Likewise, as far as the processes of this configuration directory have noted it.
pub(crate) fn noted_now(config_dir: &Path) -> HashMap<Uuid, Identity> {
    let mut open = HashMap::new();
    let files = fs::read_dir(config_dir.join("sessions")).into_iter().flatten().flatten();
    for file in files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "json"))
    {
        let note = fs::read(file).ok().and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        let Some(note) = note else { continue };
        if let Some(process) = note.process() {
            open.insert(note.session_id, process);
        }
    }
    open
}

/// The conversation that the arguments name.
fn led(arguments: &[String]) -> Option<Uuid> {
    // The program itself, or what runs it; a multiplexer keeps the whole line of what it has started.
    if !arguments.iter().take(2).any(|argument| argument.contains("claude")) {
        return None;
    }
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let value = match argument.split_once('=') {
            Some((option, value)) if OPTIONS.contains(&option) => Some(value),
            None if OPTIONS.contains(&argument.as_str()) => arguments.as_slice().first().map(String::as_str),
            _ => None,
        };
        if let Some(id) = value.and_then(|value| value.parse().ok()) {
            return Some(id);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_conversation_is_named_by_option_not_by_mention() {
        let id = Uuid::from_u128(7);
        assert_eq!(led(&words(&format!("claude --resume {id}"))), Some(id));
        assert_eq!(led(&words(&format!("claude -p --session-id={id} --model x"))), Some(id));
        assert_eq!(led(&words(&format!("node /lib/claude-code/cli.js -r {id}"))), Some(id));
        assert_eq!(led(&words(&format!("tmux new -s x claude --resume {id}"))), None);
        assert_eq!(led(&words(&format!("grep -r {id} .claude"))), None);
        assert_eq!(led(&words("claude --resume --model x")), None);
        assert_eq!(led(&words(&format!("claudebot session adopt {id}"))), None);
    }

    #[test]
    fn a_note_counts_while_its_very_process_lives() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = dir.path().join("sessions");
        fs::create_dir(&sessions).unwrap();
        let own = Identity::of(std::process::id()).unwrap();
        let note = |name: &str, pid: u32, start: u64, id: u128| {
            let note = serde_json::json!({
                "pid": pid, "procStart": start.to_string(), "sessionId": Uuid::from_u128(id), "kind": "interactive",
            });
            fs::write(sessions.join(name), note.to_string()).unwrap();
        };
        note(&format!("{}.json", own.pid), own.pid, own.start, 1);
        fs::write(sessions.join("9.key"), "{}").unwrap();
        fs::write(sessions.join("8.json"), "{").unwrap();
        assert_eq!(led_by(dir.path(), &own), Some(Uuid::from_u128(1)));
        assert_eq!(open_now(dir.path()).get(&Uuid::from_u128(1)), Some(&own));
        // The pid is another process's by now.
        note(&format!("{}.json", own.pid), own.pid, own.start + 1, 2);
        assert_eq!(led_by(dir.path(), &own), None);
        assert_eq!(open_now(dir.path()).get(&Uuid::from_u128(2)), None);
    }
}
