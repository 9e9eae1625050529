//! What becomes of conversations that the real program has stored.

use std::path::PathBuf;

use super::*;
use crate::claude::history::History;

fn sample(release: &str, name: &str) -> PathBuf {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude");
    fixtures.join(release).join("conversations").join(format!("{name}.jsonl"))
}

fn told(release: &str, name: &str) -> Vec<Dated> {
    let mut retelling = Retelling::new(1, Timestamp::UNIX_EPOCH);
    let history = History::open(&sample(release, name)).unwrap();
    let mut all: Vec<_> = history.flat_map(|entry| retelling.take(entry.unwrap())).collect();
    all.extend(retelling.finish());
    all
}

/// An event in a line.
fn brief((_, event): &Dated) -> String {
    let text = event.text.replace('\n', " ");
    match &event.detail {
        Some(Detail::Tool { turn, result, is_error, .. }) => {
            let result = result.as_ref().map_or("cut off", |_| if *is_error { "failed" } else { "done" });
            format!("{turn} tool {text}: {result}")
        }
        Some(Detail::Turn { turn, outcome, prompts, .. }) => {
            format!("{turn} ended {outcome:?} {} {text}", prompts.len()).trim_end().to_owned()
        }
        Some(Detail::Reply { turn, .. }) => format!("{turn} reply {text}"),
        Some(Detail::Notice { code }) => format!("notice {code}"),
        _ => format!("{} {text}", event.kind.as_str()),
    }
}

fn briefly(release: &str, name: &str) -> Vec<String> {
    told(release, name).iter().map(brief).collect()
}

const RELEASES: [&str; 2] = ["2.1.197", "2.1.330"];

#[test]
fn an_interactive_conversation_is_told_as_it_was() {
    for release in RELEASES {
        let wanted = [
            "prompt /clear",
            "1 ended Done 1",
            "prompt second world",
            "2 reply Echo: second world",
            "2 ended Done 1",
            "prompt what did I say?",
            "3 reply I remember: second world",
            "3 ended Done 1",
        ];
        assert_eq!(briefly(release, "interactive"), wanted, "{release}");
        let all = told(release, "interactive");
        assert!(all.windows(2).all(|two| two[0].0 <= two[1].0), "{release}: not in the order of their times");
        assert!(
            all.iter().all(|(at, _)| at.as_second() > 1_795_000_000),
            "{release}: with the times of then"
        );
        let Some(Detail::Turn { usage, prompts, .. }) = &all[4].1.detail else { panic!("{:?}", all[4]) };
        assert_eq!((usage.input_tokens, usage.output_tokens), (10, 20), "{release}");
        assert_eq!(all[2].1.prompt_id, prompts.first().copied());
    }
}

#[test]
fn tools_interrupts_and_commands_come_with_it() {
    for release in RELEASES {
        insta::assert_snapshot!(
            format!("tools_{release}"),
            briefly(release, "tools-and-interrupts").join("\n")
        );
        insta::assert_snapshot!(format!("commands_{release}"), briefly(release, "local-commands").join("\n"));
        insta::assert_snapshot!(
            format!("background_{release}"),
            briefly(release, "background-then-killed").join("\n")
        );
    }
}

#[test]
fn an_error_of_the_api_ends_the_turn_with_its_words() {
    for release in RELEASES {
        let told = briefly(release, "not-logged-in");
        assert!(told.iter().any(|line| line.contains("ended Failed 1 Not logged in")), "{told:#?}");
    }
}

#[test]
fn what_came_before_is_passed_over() {
    let file = sample("2.1.197", "interactive");
    let text = std::fs::read_to_string(&file).unwrap();
    let third = text.lines().position(|line| line.contains("what did I say?")).unwrap();
    let before: usize = text.lines().take(third).map(|line| line.len() + 1).sum();
    let behind = |bytes: usize| {
        let mut retelling = Retelling::new(4, Timestamp::UNIX_EPOCH);
        let history = History::open(&file).unwrap().from(bytes as u64).unwrap();
        let mut told: Vec<_> = history.flat_map(|entry| retelling.take(entry.unwrap())).collect();
        told.extend(retelling.finish());
        told.iter().map(brief).collect::<Vec<_>>()
    };
    let wanted = ["prompt what did I say?", "4 reply I remember: second world", "4 ended Done 1"];
    assert_eq!(behind(before), wanted);
    assert_eq!(behind(text.len()), Vec::<String>::new());
    assert_eq!(behind(text.len() + 1).len(), 8, "a file that is shorter than it was is another one");
}

#[test]
fn old_titles_shell_commands_and_pictures_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let id = Uuid::from_u128(5);
    let project = dir.path().join("projects/-p");
    std::fs::create_dir_all(&project).unwrap();
    let user =
        |content: Value| serde_json::json!({"type": "user", "cwd": "/p", "message": {"content": content}});
    let lines = [
        serde_json::json!({"type": "summary", "summary": "About TLS"}),
        user("<command-message>review</command-message>\n<command-name>/review</command-name>".into()),
        user("<bash-input>ls</bash-input>".into()),
        user("<bash-stdout>a</bash-stdout><bash-stderr>b</bash-stderr>".into()),
        user(serde_json::json!([{"type": "text", "text": "look"}, {"type": "image", "source": {}}])),
        serde_json::json!({"type": "user", "isSidechain": true, "message": {"content": "inner"}}),
        serde_json::json!({"type": "system", "subtype": "compact_boundary"}),
        serde_json::json!({"type": "user", "isCompactSummary": true, "message": {"content": "summary"}}),
    ];
    let file = project.join(format!("{id}.jsonl"));
    std::fs::write(&file, lines.map(|line| format!("{line}\n")).concat() + "{\"half\":").unwrap();
    let mut retelling = Retelling::new(1, Timestamp::UNIX_EPOCH);
    let told: Vec<_> = History::open(&file).unwrap().flat_map(|e| retelling.take(e.unwrap())).collect();
    let lines: Vec<_> = told.iter().map(brief).collect();
    assert_eq!(
        lines,
        [
            "prompt /review",
            "1 ended Interrupted 0 cut off before it was finished",
            "prompt !ls",
            "2 reply a b",
            "2 ended Done 0",
            "prompt look [image]",
            "notice compacted",
        ]
    );
    let found = crate::claude::history::all(dir.path(), |_| true).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].title.as_deref(), found[0].prompts), (Some("About TLS"), 3));
    assert_eq!((found[0].first_prompt.as_deref(), found[0].dir.clone()), (Some("!ls"), Some("/p".into())));
    assert_eq!(crate::claude::history::all(dir.path(), |_| false).unwrap(), []);
}
