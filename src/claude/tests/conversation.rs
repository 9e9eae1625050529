use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use uuid::Uuid;

use super::{RELEASES, fixtures};
use crate::claude::conversation::{Stored, StoredTurn};

fn sample(release: &str, name: &str) -> PathBuf {
    fixtures(release).join("conversations").join(format!("{name}.jsonl"))
}

/// The uuid of the last prompt in a file whose text begins so, injected ones included.
fn prompt(file: &Path, text: &str) -> Uuid {
    let lines = fs::read_to_string(file).unwrap();
    let found = lines.lines().rev().find_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let (words, uuid) = match line["type"].as_str()? {
            "user" => (&line["message"]["content"], &line["uuid"]),
            "attachment" => (&line["attachment"]["prompt"], &line["attachment"]["source_uuid"]),
            _ => return None,
        };
        words.as_str()?.starts_with(text).then(|| uuid.as_str().unwrap().parse().unwrap())
    });
    found.unwrap_or_else(|| panic!("no prompt {text:?} in {}", file.display()))
}

/// The turn of a prompt in one line: how it stands, and what was said.
fn turn(release: &str, name: &str, text: &str) -> String {
    let file = sample(release, name);
    let stored = Stored::read(&file).unwrap();
    let prompt = prompt(&file, text);
    assert!(stored.holds(&prompt));
    match stored.turn_after(&prompt).unwrap() {
        StoredTurn::Open { text, interrupted, .. } => format!("open interrupted={interrupted}: {text}"),
        StoredTurn::Ended { text, is_error, .. } => format!("ended error={is_error}: {text}"),
    }
}

#[test]
fn turns_stand_as_they_were_left() {
    for release in RELEASES {
        let tools = |text: &str| turn(release, "tools-and-interrupts", text);
        // A tool ran, and two prompts were taken in while it did.
        assert!(tools("bash sleep 1").starts_with("ended error=false: after tool:"), "{release}");
        assert!(tools("inj1").starts_with("ended error=false: after tool:"), "{release}");
        assert!(tools("inj2").starts_with("ended error=false: after tool:"), "{release}");
        // Dropped for another, which has its own reply.
        assert!(tools("N2").starts_with("ended error=false: Echo: N2"), "{release}");
        // Interrupted in the middle of text, and of a tool.
        assert!(tools("slow 30").starts_with("open interrupted=true: word0"), "{release}");
        assert_eq!(tools("bash sleep 3"), "open interrupted=true: ", "{release}");
        // A tool was refused because stdin closed, and the turn went on to its end.
        assert!(turn(release, "permission-refused", "bash mkdir").starts_with("ended"), "{release}");
        // The reply of a background task is not the reply of what came before it.
        let before = turn(release, "background-then-killed", "bg sleep");
        assert!(before.starts_with("ended error=false: after tool") && !before.contains("Echo"), "{before}");
        // Killed before anything was stored.
        assert_eq!(
            turn(release, "background-then-killed", "slow 50"),
            "open interrupted=false: ",
            "{release}"
        );
        assert_eq!(
            turn(release, "not-logged-in", "hello"),
            "ended error=true: Not logged in · Please run /login",
            "{release}"
        );
    }
}

#[test]
fn local_commands_end_with_their_output() {
    for release in RELEASES {
        let local = |text: &str| turn(release, "local-commands", text);
        assert!(
            local("<command-name>/context").starts_with("ended error=false: ## Context Usage"),
            "{release}"
        );
        assert!(local("<command-name>/compact").starts_with("ended error=false: "), "{release}");
        assert!(local("bye").starts_with("ended error=false: Echo:"), "{release}");
        assert_eq!(turn(release, "after-clear", "<command-name>/clear"), "ended error=false: ", "{release}");
    }
}

#[test]
fn what_is_not_stored_is_absent_and_order_is_kept() {
    let file = sample("2.1.330", "tools-and-interrupts");
    let stored = Stored::read(&file).unwrap();
    let nobody = Uuid::from_u128(1);
    assert!(!stored.holds(&nobody));
    assert_eq!(stored.turn_after(&nobody), None);
    let at = |text: &str| stored.position(&prompt(&file, text)).unwrap();
    assert!(at("bash sleep 1") < at("inj1") && at("inj1") < at("inj2") && at("inj2") < at("N2"));
}

#[test]
fn a_file_cut_off_anywhere_is_read_up_to_there() {
    let whole = fs::read(sample("2.1.330", "tools-and-interrupts")).unwrap();
    let prompt = prompt(&sample("2.1.330", "tools-and-interrupts"), "bash sleep 1");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cut.jsonl");
    let mut stood = Vec::new();
    for cut in (0..whole.len()).step_by(97) {
        fs::write(&file, &whole[..cut]).unwrap();
        let now = match Stored::read(&file).unwrap().turn_after(&prompt) {
            None => "absent",
            Some(StoredTurn::Open { .. }) => "open",
            Some(StoredTurn::Ended { .. }) => "ended",
        };
        if stood.last() != Some(&now) {
            stood.push(now);
        }
    }
    assert_eq!(stood, ["absent", "open", "ended"], "a later state was never taken back");
}

#[test]
fn sidechains_and_damaged_lines_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    let mut file = fs::File::create(&path).unwrap();
    let id = Uuid::from_u128(5);
    let lines = [
        format!(r#"{{"type":"user","uuid":"{id}","message":{{"role":"user","content":"go"}}}}"#),
        r#"{"type":"assistant","uuid":"a","message":{"content":[{"type":"text","text":"one"}],"stop_reason":"tool_use"}}"#.to_owned(),
        r#"{"type":"user","isSidechain":true,"uuid":"b","message":{"content":"for the subagent"}}"#.to_owned(),
        r#"{"type":"assistant","isSidechain":true,"message":{"content":[{"type":"text","text":"sub"}],"stop_reason":"end_turn"}}"#.to_owned(),
        r#"not json at all"#.to_owned(),
        r#"{"type":"assistant","message":5}"#.to_owned(),
    ];
    for line in &lines {
        writeln!(file, "{line}").unwrap();
    }
    let open = Stored::read(&path).unwrap().turn_after(&id).unwrap();
    assert!(
        matches!(open, StoredTurn::Open { interrupted: false, ref blocks, .. } if *blocks == ["one"]),
        "{open:?}"
    );
    write!(file, r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":"two"}}],"stop_reason":"max_tokens"}}}}"#).unwrap();
    let ended = Stored::read(&path).unwrap().turn_after(&id).unwrap();
    let StoredTurn::Ended { text, is_error: false, .. } = &ended else { panic!("{ended:?}") };
    assert_eq!(text, "one\n\ntwo");
}
