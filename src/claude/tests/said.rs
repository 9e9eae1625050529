//! What was said, out of the files of real conversations.

use super::{RELEASES, fixtures};
use crate::claude::said::{self, Speaker};

fn fixture(release: &str, name: &str) -> Vec<(Speaker, String)> {
    let path = fixtures(release).join("conversations").join(format!("{name}.jsonl"));
    let mut found = Vec::new();
    let end = said::scan(&path, 0, |said| {
        let again = said::read(&path, said.offset, said.length).unwrap();
        assert_eq!(again.as_deref(), Some(said.text.as_str()), "it lies where it was found");
        assert!(said.at.is_some() && said.uuid.is_some() && said.dir.is_some());
        found.push((said.speaker, said.text));
        true
    })
    .unwrap();
    assert_eq!(end, path.metadata().unwrap().len());
    found
}

#[test]
fn prompts_and_replies_are_found_and_nothing_else() {
    for release in RELEASES {
        let found = fixture(release, "tools-and-interrupts");
        let of = |speaker| -> Vec<&str> {
            found.iter().filter(|(who, _)| *who == speaker).map(|(_, text)| text.as_str()).collect()
        };
        let prompts = of(Speaker::Person);
        assert_eq!(&prompts[..4], ["bash sleep 1; echo done", "inj1", "inj2", "slow 30"], "{release}");
        let replies = of(Speaker::Claude);
        assert!(replies[0].starts_with("after tool: "), "{release}: {replies:?}");
        assert!(replies.contains(&"Echo: N2 "), "{release}: {replies:?}");
        assert!(prompts.iter().all(|text| !text.contains("[Request interrupted")), "{release}: {prompts:?}");

        let local = fixture(release, "local-commands");
        assert!(local.iter().all(|(_, text)| !text.starts_with('<')), "{release}: {local:?}");
        let refused = fixture(release, "not-logged-in");
        assert!(refused.iter().all(|(who, _)| *who == Speaker::Person), "{release}: {refused:?}");
    }
}

fn texts(lines: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    std::fs::write(&path, lines).unwrap();
    let mut found = Vec::new();
    said::scan(&path, 0, |said| {
        found.push(said.text);
        true
    })
    .unwrap();
    found
}

#[test]
fn lines_of_all_kinds_are_read_or_passed_over() {
    for (line, wanted) in [
        (r#"{"type":"user","message":{"content":"typed"}}"#, Some("typed")),
        (
            r#"{"type":"user","message":{"content":[{"type":"text","text":"a"},{"type":"image","source":{}},{"type":"text","text":"b"}]}}"#,
            Some("a\nb"),
        ),
        (
            r#"{"type":"user","message":{"content":"about \"tool_use_id\": and the like"}}"#,
            Some("about \"tool_use_id\": and the like"),
        ),
        (
            r#"{"type":"user","message":{"content":[{"tool_use_id":"t","type":"tool_result","content":"x"}]}}"#,
            None,
        ),
        (r#"{"type":"user","isMeta":true,"message":{"content":"x"}}"#, None),
        (r#"{"type":"user","isSidechain":true,"message":{"content":"x"}}"#, None),
        (r#"{"type":"user","isCompactSummary":true,"message":{"content":"x"}}"#, None),
        (r#"{"type":"user","message":{"content":"<command-name>/clear</command-name>"}}"#, None),
        (
            r#"{"type":"user","message":{"content":[{"type":"text","text":"[Request interrupted by user for tool use]"}]}}"#,
            None,
        ),
        (r#"{"type":"assistant","message":{"content":[{"type":"thinking","thinking":"x"}]}}"#, None),
        (r#"{"type":"assistant","message":{"content":[{"type":"tool_use","input":{"text":"x"}}]}}"#, None),
        (
            r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"x"}]}}"#,
            None,
        ),
        (
            r#"{"type":"assistant","isApiErrorMessage":true,"message":{"content":[{"type":"text","text":"x"}]}}"#,
            None,
        ),
        (r#"{"type":"assistant","message":{"content":[{"type":"text","text":"said"}]}}"#, Some("said")),
        (
            r#"{"type":"attachment","attachment":{"type":"queued_command","prompt":"more","commandMode":"prompt"}}"#,
            Some("more"),
        ),
        (
            r#"{"type":"attachment","attachment":{"type":"queued_command","prompt":"x","commandMode":"task-notification"}}"#,
            None,
        ),
        (r#"{"type":"summary","summary":"about \"user\""}"#, None),
        (r#"{"type":"user","message":{"content":"damaged"#, None),
        ("\u{0}\u{1}", None),
    ] {
        assert_eq!(texts(&format!("{line}\n")), wanted.into_iter().collect::<Vec<_>>(), "{line}");
    }
    assert_eq!(texts("{\"type\":\"user\",\"message\":{\"content\":\"half\"}}"), [] as [&str; 0]);
}

#[test]
fn a_line_that_is_too_long_hides_no_other() {
    let picture = format!(r#"{{"type":"user","message":{{"content":"{}"}}}}"#, "x".repeat(17 << 20));
    let lines = format!("{picture}\n{}\n", r#"{"type":"user","message":{"content":"typed"}}"#);
    assert_eq!(texts(&lines), ["typed"]);
}
