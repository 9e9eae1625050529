//! Conversations that the real CLI has stored are found.

use super::desk::{Desk, text};
use crate::support::claude::Release;

/// One by plain `claude -p`; our own sessions' are in the log, and not found twice.
pub(super) fn plain_conversations(release: Release) {
    let desk = Desk::new(release);
    desk.send("zanzibar in a session");
    let mut claude = desk.home.program("claude");
    claude.args(["-p", "zanzibar in plain words"]).current_dir(desk.home.project());
    let output = claude.output().unwrap_or_else(|error| panic!("cannot run claude: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hits = desk.run(&["search", "--json", "zanzibar"]).expect_code(0).json();
    let hits = hits.as_array().cloned().unwrap_or_default();
    let (ours, plain): (Vec<_>, Vec<_>) = hits.iter().partition(|hit| hit["session"].is_string());
    let kinds = |hits: &[&serde_json::Value]| {
        let mut kinds: Vec<String> = hits.iter().map(|hit| text(hit, "kind").to_owned()).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(
        (kinds(&ours), kinds(&plain)),
        (vec!["prompt".into(), "reply".into()], vec!["prompt".into(), "reply".into()]),
        "{hits:?}"
    );
    assert!(ours.iter().all(|hit| text(hit, "snippet").contains("in a session")), "{hits:?}");
    assert!(plain.iter().all(|hit| text(hit, "title") == "zanzibar in plain words"), "{hits:?}");
    let project = desk.home.project().canonicalize().unwrap_or_default();
    assert!(plain.iter().all(|hit| text(hit, "dir") == project.display().to_string()), "{hits:?}");
    // The id is the one by which it can be resumed.
    let id = text(plain[0], "conversation");
    let file = desk.home.path().join(".claude/projects");
    let found = std::fs::read_dir(file).into_iter().flatten().flatten();
    assert!(found.into_iter().any(|dir| dir.path().join(format!("{id}.jsonl")).is_file()));
}
