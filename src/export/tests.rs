//! A made-up session with everything in it, and texts of strangers.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::model::{
    Approval, ApprovalKind, Choice, Decision, Delivery, Detail, EventKind, Origin, Outcome, Question, Scope,
    SessionId, Stages, Usage,
};

/// Events one after the other, a minute apart.
#[derive(Default)]
pub(super) struct Log {
    pub(super) events: Vec<Event>,
    prompt: Option<PromptId>,
}

impl Log {
    pub(super) fn add(&mut self, kind: EventKind, text: &str, detail: Option<Detail>) {
        let seq = self.events.len() as u64 + 1;
        let at = Timestamp::from_second(1_795_000_000 + 60 * i64::try_from(seq).unwrap()).unwrap();
        self.events.push(Event { seq, at, kind, text: text.to_owned(), prompt_id: self.prompt, detail });
    }

    pub(super) fn prompt(&mut self, text: &str, attachments: &[&str]) -> PromptId {
        let id = PromptId(Uuid::from_u128(self.events.len() as u128 + 1));
        self.prompt = Some(id);
        let attachments = attachments.iter().map(|&file| file.to_owned()).collect();
        self.add(EventKind::Prompt, text, Some(Detail::Prompt { delivery: Delivery::Queue, attachments }));
        id
    }

    pub(super) fn reply(&mut self, text: &str) {
        self.reply_of(None, text);
    }

    fn reply_of(&mut self, parent: Option<&str>, text: &str) {
        let parent = parent.map(str::to_owned);
        self.add(EventKind::Reply, text, Some(Detail::Reply { turn: 1, block: 1, parent }));
    }

    pub(super) fn tool(&mut self, name: &str, summary: &str, input: Value, result: Result<&str, &str>) {
        self.tool_of(None, name, summary, input, result);
    }

    fn tool_of(
        &mut self,
        parent: Option<&str>,
        name: &str,
        summary: &str,
        input: Value,
        result: Result<&str, &str>,
    ) {
        let detail = Detail::Tool {
            turn: 1,
            block: 1,
            name: name.to_owned(),
            input,
            is_error: result.is_err(),
            result: Some(result.unwrap_or_else(|error| error).to_owned()).filter(|text| text != "cut off"),
            parent: parent.map(str::to_owned),
        };
        self.add(EventKind::Tool, &format!("{name}: {summary}"), Some(detail));
    }

    fn asked(&mut self, kind: ApprovalKind, tool: &str, summary: &str) {
        let approval = Approval {
            id: 7,
            session: "work".to_owned(),
            kind,
            tool: tool.to_owned(),
            summary: summary.to_owned(),
            session_id: SessionId(Uuid::nil()),
            asked: Timestamp::UNIX_EPOCH,
            input: Value::Null,
            questions: vec![Question {
                question: "Which *colour*?".to_owned(),
                header: "Colour".to_owned(),
                options: vec![
                    Choice { label: "Blue".to_owned(), description: "like the sky".to_owned() },
                    Choice { label: "<b>Red</b>".to_owned(), description: String::new() },
                ],
                multi: false,
            }],
            plan: Some("# The plan\n\n1. Look\n2. Leap".to_owned()),
            rules: Vec::new(),
            rules_file: None,
        };
        self.add(EventKind::ApprovalAsked, summary, Some(Detail::Asked { approval: Box::new(approval) }));
    }

    fn answered(&mut self, decision: Option<Decision>) {
        let by = "telegram:12 (Ada)".to_owned();
        self.add(EventKind::ApprovalAnswered, "", Some(Detail::Answered { approval: 7, decision, by }));
    }

    fn ended(&mut self, outcome: Outcome, why: &str, cost_usd: f64) {
        let detail = Detail::Turn {
            turn: 1,
            origin: Origin::Prompt,
            outcome,
            prompts: Vec::new(),
            cost_usd,
            usage: Usage::default(),
            stages: Stages::default(),
        };
        self.add(EventKind::TurnEnded, why, Some(detail));
    }

    fn notice(&mut self, text: &str) {
        self.add(EventKind::Notice, text, Some(Detail::Notice { code: "warning".to_owned() }));
    }
}

const REPLY: &str = "\
# Found it

The **clock** runs [backwards](https://example.org/a_b), see `src/clock.rs`:

```rust
/// Ticks.
fn tick(at: u64) -> u64 { at - 1 } // here
```

| zone | offset |
|------|-------:|
| UTC  |      0 |

- [x] read
- [ ] mended

![a picture](https://example.org/p.png) and <b>bold</b>.";

/// Two prompts answered out of order, all tools, two subagents at once.
fn everything() -> Log {
    let mut log = Log::default();
    let first = log.prompt("Why is the clock wrong?\n<b>Look</b> at *everything*", &["/in/box/photo.jpg"]);
    log.reply(REPLY);
    let second = log.prompt("def f():\n    return 1", &[]);
    log.prompt = Some(first);
    log.tool("Bash", "date -u", json!({"command": "date -u", "description": "The time"}), Ok("Sun\u{1b}[0m"));
    log.tool("Bash", "false", json!({"command": "false # no\necho"}), Err("Exit code 1"));
    let edit =
        json!({"file_path": "/p/clock.rs", "old_string": "a\nat - 1\nz", "new_string": "a\nat + 1\nz"});
    log.tool("Edit", "/p/clock.rs", edit.clone(), Ok("edited"));
    let edits = json!({"file_path": "/p/b.py", "edits": [edit, {"old_string": "", "new_string": "new"}]});
    log.tool("MultiEdit", "/p/b.py", edits, Ok("edited"));
    log.tool("Write", "/p/n.md", json!({"file_path": "/p/n.md", "content": "```\nx\n```\n"}), Ok("written"));
    let todos = json!({"todos": [{"content": "look", "status": "completed"}, {"content": "leap", "status": "in_progress"}, {"content": "rest"}]});
    log.tool("TodoWrite", "", todos, Ok(""));
    log.tool("mcp__x__y", "q", json!({"q": [1, true, null, "</script>"]}), Ok("cut off"));
    log.reply_of(Some("t1"), "alone at work");
    log.tool("Task", "look around", json!({"prompt": "Look *around*"}), Ok("done"));
    log.reply_of(Some("t2"), "first subagent");
    log.tool_of(Some("t3"), "Read", "/etc/hosts", json!({"file_path": "/etc/hosts"}), Ok("127.0.0.1"));
    log.reply_of(Some("t2"), "first again");
    log.tool("Agent", "one", json!({"prompt": "one"}), Ok("one done"));
    log.tool("Agent", "two", json!({"prompt": "two"}), Ok("two done"));
    log.asked(ApprovalKind::Tool, "Bash", "rm -rf /tmp/x");
    log.answered(Some(Decision::Deny { message: Some("not that".to_owned()) }));
    log.asked(ApprovalKind::Question, "AskUserQuestion", "Which colour?");
    let answers = [("Which *colour*?".to_owned(), "Blue".to_owned())].into();
    log.answered(Some(Decision::Answers { answers }));
    log.asked(ApprovalKind::Plan, "ExitPlanMode", "The plan");
    log.answered(Some(Decision::Allow { scope: Scope::Once }));
    log.ended(Outcome::Done, "", 0.0123);
    log.prompt = Some(second);
    log.reply("Yes.");
    let file = Detail::File {
        path: "/p/a report.pdf".into(),
        name: "a report.pdf".to_owned(),
        caption: Some("as you *wished*".to_owned()),
        bytes: 2048,
    };
    log.add(EventKind::Notice, "sent the file a report.pdf", Some(file));
    log.notice("the process ended by itself (code 1)");
    log.ended(Outcome::Failed, "API Error: 500", 0.5);
    log
}

pub(super) fn export(log: &Log, format: Format, tools: Tools) -> String {
    let mut survey = Survey::default();
    log.events.iter().for_each(|event| survey.take(event));
    let now = "2026-11-25T12:00:00Z".parse().unwrap();
    let mut export = Export::new(survey, Options { format, tools, zone: TimeZone::UTC, now });
    let facts = vec![("Directory", "~/clock".to_owned()), ("Persona", "default".to_owned())];
    let head = Head { name: "work".to_owned(), facts, cost_usd: None };
    let mut text = export.begin(&head);
    for event in &log.events {
        text.push_str(&export.event(event.clone()));
    }
    text + &export.end()
}

#[track_caller]
fn matches(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn everything_in_markdown() {
    matches("export_markdown", &export(&everything(), Format::Markdown, Tools::Full));
}

#[test]
fn everything_in_html() {
    let page = export(&everything(), Format::Html, Tools::Full);
    // The style is in a file of its own already.
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    matches("export_html", &format!("{head}<style>…</style>{rest}"));
}

#[test]
fn less_of_tools() {
    let log = everything();
    let short = export(&log, Format::Markdown, Tools::Short);
    assert!(short.contains("⚙ **Bash** `false` — failed\n") && !short.contains("Exit code"), "{short}");
    let none = export(&log, Format::Markdown, Tools::None);
    assert!(!none.contains('⚙') && !none.contains("rm -rf") && !none.contains("subagent"), "{none}");
    assert!(none.contains("The plan") && none.contains("File sent"), "{none}");
}

/// Texts that want out of where they stand.
pub(super) const HOSTILE: &[&str] = &[
    "</pre></details></main></body><script>alert(1)</script>",
    "<!-- never closed",
    "<details><summary>x</summary>",
    "```\nnever closed",
    "~~~~\n```\nnever closed",
    "> ```\n> in a quote",
    "- a list\n\n      with code\n\n  ```\n  and a fence",
    "# Prompt 99\n\nnot from a person\n\nSetext\n===\n\n> quoted\n> ===",
    "a\nlong\nsetext\n===",
    "[x]: https://evil.example/\n\n[x] and [y][x] and [x][]",
    "[x]: javascript:alert(1)\n\n[x] ![p][x]",
    "[a](javascript:alert(1)) [b](JAVASCRIPT:x) [c](data:text/html,x) [d](#prompt-1) <javascript:x>",
    "![i](http://track.example/pixel.png) [![i](data:image/png;base64,x)](https://example.org)",
    "<a title=\"`\"> `<img src=http://track.example/>` `",
    "<pre>\n\n# in pre\n</pre>\n===\n",
    "&lt;b&gt; &#60;script&#62; \\<b> &amp;lt;",
    "\u{1b}]0;owned\u{7}\u{202e}drow\u{0}\u{fffe}",
    "]]> --> <?php ?> <![CDATA[ x",
    "<a id=\"prompt-1\"></a><base href=//evil.example><meta http-equiv=refresh content=0>",
    "|a|b|\n|-|-|\n|<b>|`|`|",
    "[^1]: a note\n\nsee[^1] and $x$ and ~~gone",
    "1. a\n2. b\n   <div>\n   text\n\n3. c",
    "\t<b>indented",
    "<!doctype html><html><body onload=x>",
    "<div>\n\n</div>\ntext *a* <b>`</b>` x",
    "",
    "\\",
    "`",
    "[",
    "\r\r\n<b>\r",
];

/// One text in every place that takes one.
pub(super) fn hostile(text: &str) -> Log {
    let mut log = Log::default();
    for _ in 0..LONG {
        log.prompt(text, &[text]);
    }
    log.reply(text);
    log.reply_of(Some("t"), text);
    log.tool("Task", text, json!({ "prompt": text }), Ok(text));
    log.tool(text, text, json!({ text: text }), Err(text));
    log.tool("Bash", text, json!({"command": text, "description": text}), Ok(text));
    log.tool("Edit", text, json!({"file_path": text, "old_string": text, "new_string": "x"}), Ok(text));
    log.tool("Write", text, json!({"file_path": text, "content": text}), Ok(text));
    log.tool("TodoWrite", text, json!({"todos": [{"content": text, "status": text}]}), Ok(text));
    let path = text.into();
    let file = Detail::File { path, name: text.to_owned(), caption: Some(text.to_owned()), bytes: 1 };
    log.add(EventKind::Notice, text, Some(file));
    log.notice(text);
    log.answered(Some(Decision::Answers { answers: [(text.to_owned(), text.to_owned())].into() }));
    log.answered(Some(Decision::Deny { message: Some(text.to_owned()) }));
    log.ended(Outcome::Failed, text, 0.0);
    log.reply("the end");
    log
}

/// Pieces of the above, and what lies between.
pub(super) fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(HOSTILE).prop_map(str::to_owned),
        "[<>\"'&`~#*_\\[\\]()!|\\\\=:/ a-c1.\n\t-]{0,12}",
        prop::sample::select(
            &["\n", "\n\n", "    ", "> ", "- ", "```", "<b", "-->", "](", "[x]:", "\n===\n"][..]
        )
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// What works in the background may be done before another is begun: it is not put into that one's call.
#[test]
fn subagents_in_the_background() {
    let mut log = Log::default();
    log.prompt("go", &[]);
    log.tool("Agent", "one", json!({"prompt": "one"}), Ok("launched"));
    log.reply_of(Some("t1"), "done with one");
    log.tool("Agent", "two", json!({"prompt": "two"}), Ok("launched"));
    let document = export(&log, Format::Markdown, Tools::Short);
    assert!(document.contains("> *Subagent 1*\n>\n> done with one\n\n⚙ **Agent** `two`"), "{document}");
}

/// A log that is longer than memory is exported all the same: little is held back.
#[test]
fn little_is_held_back() {
    let mut log = Log::default();
    log.prompt("go", &[]);
    for _ in 0..10_000 {
        log.reply_of(Some("t"), "x");
    }
    let mut thread = Thread::default();
    let (mut held, mut most) = (0, 0);
    for event in log.events {
        held += 1;
        for run in thread.take(event) {
            held -= if let Run::Inside(_, events) = run { events.len() } else { 1 };
        }
        most = most.max(held);
    }
    assert!(most <= 2000, "{most}");
    thread.end();
}
